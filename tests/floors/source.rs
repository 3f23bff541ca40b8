//! A source file and the paths it names, seen from the root of the crate.

use super::tokens::{Token, tokens};
use std::path::{Path, PathBuf};

/// One file of `src`, without what is compiled for tests only.
pub struct Source {
    /// From the package's root, as `src/log/sled.rs`.
    pub path: String,
    /// Its tokens.
    pub tokens: Vec<Token>,
    /// Modules of this file that are compiled for tests only: the files they may stand in.
    pub tests_only: Vec<String>,
}

/// A path that a file names.
#[derive(Clone, PartialEq, Debug)]
pub struct Named {
    /// From the crate's root (`crate` is the first segment) or from another crate's name.
    pub segments: Vec<String>,
    /// The line.
    pub line: usize,
}

impl Named {
    /// As it would be written.
    pub fn text(&self) -> String {
        self.segments.join("::")
    }
    /// Whether it is this path or below it.
    pub fn is_within(&self, path: &str) -> bool {
        let wanted: Vec<&str> = path.split("::").collect();
        self.segments.len() >= wanted.len() && self.segments.iter().zip(&wanted).all(|(own, wanted)| own == wanted)
    }
}

impl Source {
    /// A file of this path with this text.
    pub fn new(path: &str, text: &str) -> Self {
        let (tokens, modules) = without_tests(tokens(text));
        let folder = folder_of_children(path);
        let tests_only = modules.iter().flat_map(|name| [format!("{folder}/{name}.rs"), format!("{folder}/{name}/mod.rs")]);
        Self { path: path.to_owned(), tokens, tests_only: tests_only.collect() }
    }

    /// The names of the modules that this file is, from the crate's root: `src/log/sled.rs` is `log`, `sled`.
    pub fn module(&self) -> Vec<String> {
        let inner = self.path.trim_start_matches("src/").trim_end_matches(".rs");
        inner.split('/').filter(|part| !matches!(*part, "mod" | "lib" | "main")).map(str::to_owned).collect()
    }

    /// Every path of more than one segment that the file names, in `use` or anywhere else.
    pub fn named(&self) -> Vec<Named> {
        let mut finder = Finder { tokens: &self.tokens, at: 0, modules: vec![], depth: 0, file: self.module(), found: vec![] };
        while finder.step() {}
        finder.found
    }

    /// Where these tokens stand in a row.
    pub fn lines_of(&self, wanted: &[&str]) -> Vec<usize> {
        let runs = self.tokens.windows(wanted.len());
        let same = runs.filter(|run| run.iter().zip(wanted).all(|(token, wanted)| token.text == *wanted));
        same.map(|run| run[0].line).collect()
    }
}

/// Every file of a folder of the package, the ones for tests only apart.
pub fn sources(folder: &str) -> Vec<Source> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut paths = vec![];
    collect(&root.join(folder), &mut paths);
    let read = |path: &PathBuf| {
        let text = std::fs::read_to_string(path).unwrap();
        Source::new(path.strip_prefix(root).unwrap().to_str().unwrap(), &text)
    };
    let all: Vec<Source> = paths.iter().map(read).collect();
    let tests: Vec<String> = all.iter().flat_map(|source| source.tests_only.clone()).collect();
    // What stands below a module for tests is for tests too.
    let below = |path: &str, test: &String| path.starts_with(&format!("{}/", test.trim_end_matches("/mod.rs").trim_end_matches(".rs")));
    all.into_iter().filter(|source| !tests.iter().any(|test| source.path == *test || below(&source.path, test))).collect()
}

/// The `.rs` files below a folder, in order.
pub fn collect(folder: &Path, into: &mut Vec<PathBuf>) {
    let mut entries: Vec<PathBuf> = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    entries.sort();
    for entry in entries {
        if entry.is_dir() && !entry.ends_with("node_modules") {
            collect(&entry, into);
        } else if entry.extension().is_some_and(|extension| extension == "rs") {
            into.push(entry);
        }
    }
}

fn folder_of_children(path: &str) -> String {
    let (folder, file) = path.rsplit_once('/').unwrap_or(("", path));
    match file {
        "mod.rs" | "lib.rs" | "main.rs" => folder.to_owned(),
        _ => path.trim_end_matches(".rs").to_owned(),
    }
}

/// Leaves out each item under `#[cfg(test)]`, and names the modules in other files among them.
fn without_tests(all: Vec<Token>) -> (Vec<Token>, Vec<String>) {
    let text = |at: usize| all.get(at).map_or("", |token| token.text.as_str());
    let (mut kept, mut modules, mut at) = (vec![], vec![], 0);
    while at < all.len() {
        if (0..7).map(|n| text(at + n)).eq(["#", "[", "cfg", "(", "test", ")", "]"]) {
            at += 7;
            while text(at) == "#" {
                at = after_brackets(&all, at + 1);
            }
            let end = end_of_item(&all, at);
            let name = (at..end).find(|at| text(*at) == "mod").filter(|_| text(end - 1) == ";");
            modules.extend(name.map(|at| text(at + 1).to_owned()));
            at = end;
        } else {
            kept.push(all[at].clone());
            at += 1;
        }
    }
    (kept, modules)
}

/// The place after the bracket that closes the one at `at`.
fn after_brackets(all: &[Token], at: usize) -> usize {
    let mut depth = 0_usize;
    for (n, token) in all.iter().enumerate().skip(at) {
        match token.text.as_str() {
            "(" | "[" | "{" => depth += 1,
            ")" | "]" | "}" => depth = depth.saturating_sub(1),
            _ => {}
        }
        if depth == 0 {
            return n + 1;
        }
    }
    all.len()
}

/// An item ends with its `;` or its block.
fn end_of_item(all: &[Token], mut at: usize) -> usize {
    while at < all.len() {
        match all[at].text.as_str() {
            ";" => return at + 1,
            "{" => return after_brackets(all, at),
            "(" | "[" => at = after_brackets(all, at),
            _ => at += 1,
        }
    }
    at
}

struct Finder<'a> {
    tokens: &'a [Token],
    at: usize,
    /// Inline modules around this place, and the depth of braces at which each began.
    modules: Vec<(String, usize)>,
    depth: usize,
    file: Vec<String>,
    found: Vec<Named>,
}

impl Finder<'_> {
    fn text(&self, at: usize) -> &str {
        self.tokens.get(at).map_or("", |token| token.text.as_str())
    }

    fn step(&mut self) -> bool {
        let Some(token) = self.tokens.get(self.at) else { return false };
        match token.text.as_str() {
            "{" => self.depth += 1,
            "}" => {
                self.depth = self.depth.saturating_sub(1);
                self.modules.retain(|(_, depth)| *depth < self.depth);
            }
            "mod" if self.text(self.at + 2) == "{" => {
                self.modules.push((self.text(self.at + 1).to_owned(), self.depth));
                self.depth += 1;
                self.at += 2;
            }
            "use" => {
                self.at += 1;
                self.tree(&[]);
                return true;
            }
            _ if token.is_word() && self.text(self.at + 1) == "::" && !self.goes_on() => {
                self.path();
                return true;
            }
            _ => {}
        }
        self.at += 1;
        true
    }

    /// Whether the word at this place continues a path: `a::` or `<T>::` stands before it. A leading `::` does not count.
    fn goes_on(&self) -> bool {
        let before = |n: usize| self.at.checked_sub(n).and_then(|at| self.tokens.get(at));
        before(1).is_some_and(|token| token.text == "::") && before(2).is_some_and(|token| token.is_word() || token.text == ">")
    }

    /// A path outside of `use`.
    fn path(&mut self) {
        let line = self.tokens[self.at].line;
        let mut segments = vec![self.text(self.at).to_owned()];
        self.at += 1;
        while self.text(self.at) == "::" && self.tokens.get(self.at + 1).is_some_and(Token::is_word) {
            segments.push(self.text(self.at + 1).to_owned());
            self.at += 2;
        }
        self.add(segments, line);
    }

    /// A tree of `use`: `a::b`, `a::{b, c::d}`, `a::*`, `a as b`.
    fn tree(&mut self, prefix: &[String]) {
        let mut segments = prefix.to_vec();
        let line = self.tokens.get(self.at).map_or(0, |token| token.line);
        loop {
            match self.text(self.at) {
                "::" => self.at += 1,
                "{" => return self.branches(&segments),
                "as" => self.at += 2,
                "self" if !segments.is_empty() => self.at += 1,
                "*" => {
                    segments.push("*".to_owned());
                    self.at += 1;
                }
                _ if self.tokens.get(self.at).is_some_and(Token::is_word) => {
                    segments.push(self.text(self.at).to_owned());
                    self.at += 1;
                }
                _ => break,
            }
        }
        self.add(segments, line);
    }

    fn branches(&mut self, prefix: &[String]) {
        self.at += 1;
        while self.at < self.tokens.len() && self.text(self.at) != "}" {
            self.tree(prefix);
            if self.text(self.at) == "," {
                self.at += 1;
            }
        }
        self.at += 1;
    }

    /// Turns `crate`, `super` and `self` into the way from the root.
    fn add(&mut self, segments: Vec<String>, line: usize) {
        let mut here: Vec<String> = self.file.iter().cloned().chain(self.modules.iter().map(|(name, _)| name.clone())).collect();
        let mut rest = segments.as_slice();
        let from_here = match rest.first().map(String::as_str) {
            Some("crate") => {
                here.clear();
                true
            }
            Some("self" | "super") => true,
            _ => false,
        };
        if !from_here {
            self.found.push(Named { segments, line });
            return;
        }
        while let Some(first @ ("crate" | "self" | "super")) = rest.first().map(String::as_str) {
            if first == "super" {
                here.pop();
            }
            rest = &rest[1..];
        }
        let segments = std::iter::once("crate".to_owned()).chain(here).chain(rest.iter().cloned()).collect();
        self.found.push(Named { segments, line });
    }
}
