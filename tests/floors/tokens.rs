//! Rust source as tokens: enough of the language to find paths, without comments and with every string as one token.

/// One token and the line it begins on.
#[derive(Clone, PartialEq, Debug)]
pub struct Token {
    /// A word, `::`, one sign, or a literal text with a `"` before it.
    pub text: String,
    /// From 1.
    pub line: usize,
}

impl Token {
    /// Whether it is a word: a name, a keyword or a number.
    pub fn is_word(&self) -> bool {
        self.text.starts_with(|c: char| c.is_alphanumeric() || c == '_')
    }
}

/// The tokens of a source text.
pub fn tokens(text: &str) -> Vec<Token> {
    let mut lexer = Lexer { rest: text, line: 1, tokens: Vec::new() };
    while lexer.step() {}
    lexer.tokens
}

struct Lexer<'a> {
    rest: &'a str,
    line: usize,
    tokens: Vec<Token>,
}

impl Lexer<'_> {
    fn step(&mut self) -> bool {
        let Some(first) = self.rest.chars().next() else { return false };
        if first.is_whitespace() {
            self.skip(first.len_utf8());
        } else if self.rest.starts_with("//") {
            self.skip(self.rest.find('\n').unwrap_or(self.rest.len()));
        } else if self.rest.starts_with("/*") {
            self.skip(block_comment(self.rest));
        } else if let Some((quote, hashes)) = string_start(self.rest) {
            self.string(quote, hashes);
        } else if first == '\'' {
            self.quote();
        } else if first.is_alphanumeric() || first == '_' {
            let end = self.rest.find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(self.rest.len());
            self.take(end);
        } else {
            self.take(if self.rest.starts_with("::") { 2 } else { first.len_utf8() });
        }
        true
    }

    /// A string whose opening quote stands at `quote`.
    fn string(&mut self, quote: usize, hashes: Option<usize>) {
        let body = &self.rest[quote + 1..];
        let length = match hashes {
            Some(hashes) => body.find(&format!("\"{}", "#".repeat(hashes))).unwrap_or(body.len()),
            None => plain_string(body),
        };
        self.tokens.push(Token { text: format!("\"{}", &body[..length]), line: self.line });
        self.skip((quote + 1 + length + 1 + hashes.unwrap_or(0)).min(self.rest.len()));
    }

    /// A character, or a lifetime.
    fn quote(&mut self) {
        let body = &self.rest[1..];
        let mut chars = body.char_indices();
        let first = chars.next().map_or(' ', |(_, c)| c);
        let escaped = first == '\\';
        let closes = chars.next().is_some_and(|(_, c)| c == '\'');
        if !escaped && !closes {
            self.skip(1);
            return;
        }
        let from = if escaped { 2 } else { first.len_utf8() };
        let end = body[from..].find('\'').map_or(body.len(), |at| from + at + 1);
        self.skip(1 + end);
    }

    fn take(&mut self, bytes: usize) {
        self.tokens.push(Token { text: self.rest[..bytes].to_owned(), line: self.line });
        self.skip(bytes);
    }

    fn skip(&mut self, bytes: usize) {
        let (gone, rest) = self.rest.split_at(bytes);
        self.line += gone.matches('\n').count();
        self.rest = rest;
    }
}

/// Where the opening quote stands, and the number of `#` if the string is raw.
fn string_start(text: &str) -> Option<(usize, Option<usize>)> {
    let prefix = text.find(|c| !matches!(c, 'b' | 'c' | 'r')).unwrap_or(0);
    let after = &text[prefix..];
    let hashes = after.len() - after.trim_start_matches('#').len();
    let raw = text[..prefix].ends_with('r');
    match text[prefix + hashes..].starts_with('"') && prefix <= 2 && (hashes == 0 || raw) {
        true => Some((prefix + hashes, raw.then_some(hashes))),
        false => None,
    }
}

/// How long a string with escapes is, its closing quote apart.
fn plain_string(body: &str) -> usize {
    let mut escaped = false;
    for (at, c) in body.char_indices() {
        match c {
            '"' if !escaped => return at,
            '\\' => escaped = !escaped,
            _ => escaped = false,
        }
    }
    body.len()
}

/// How long a comment is that may hold others.
fn block_comment(text: &str) -> usize {
    let (mut depth, mut at) = (0_usize, 0);
    while at < text.len() {
        let rest = &text[at..];
        if rest.starts_with("/*") {
            depth += 1;
            at += 2;
        } else if rest.starts_with("*/") {
            depth -= 1;
            at += 2;
            if depth == 0 {
                break;
            }
        } else {
            at += rest.chars().next().map_or(1, char::len_utf8);
        }
    }
    at
}

#[test]
fn comments_and_strings_hold_no_paths() {
    let text = r####"
        // use crate::a; "
        /* use crate::b /* nested */ " */
        let c = "use crate::c; \" \\"; let d = r#"use crate::"d""#; let e = b"e"; let f = '"'; let g = '\''; let h: &'static str = "";
        use crate::found;
    "####;
    let found = tokens(text);
    let words: Vec<&str> = found.iter().filter(|token| token.is_word()).map(|token| token.text.as_str()).collect();
    assert_eq!(words, ["let", "c", "let", "d", "let", "e", "let", "f", "let", "g", "let", "h", "static", "str", "use", "crate", "found"]);
    assert_eq!(found.iter().find(|token| token.text == "found").map(|token| token.line), Some(5));
}
