//! The names of all events, as the source spells them.

use super::source::Source;
use super::tokens::Token;

/// The wire names of every `…Event` enum; a variant without a name of its own is given as `Enum::Variant`.
pub fn event_names(sources: &[Source]) -> Vec<String> {
    let mut names: Vec<String> = sources.iter().flat_map(|source| of_file(&source.tokens)).collect();
    names.sort();
    names
}

fn of_file(tokens: &[Token]) -> Vec<String> {
    let text = |at: usize| tokens.get(at).map_or("", |token| token.text.as_str());
    let begins = |at: &usize| text(*at) == "enum" && text(at + 1).ends_with("Event") && text(at + 1) != "Event" && text(at + 2) == "{";
    (0..tokens.len()).filter(begins).flat_map(|at| variants(text(at + 1), &tokens[at + 3..])).collect()
}

/// The variants up to the brace that closes the enum.
fn variants(of: &str, body: &[Token]) -> Vec<String> {
    let (mut names, mut depth, mut rename, mut is_new) = (vec![], 0_usize, None, true);
    for (at, token) in body.iter().enumerate() {
        match token.text.as_str() {
            "(" | "[" | "{" => depth += 1,
            "}" if depth == 0 => break,
            ")" | "]" | "}" => depth -= 1,
            "," if depth == 0 => is_new = true,
            "rename" if is_new && body.get(at + 1).is_some_and(|next| next.text == "=") => {
                rename = body.get(at + 2).map(|name| name.text.trim_start_matches('"').to_owned());
            }
            word if depth == 0 && is_new && token.is_word() => {
                names.push(rename.take().unwrap_or_else(|| format!("{of}::{word}")));
                is_new = false;
            }
            _ => {}
        }
    }
    names
}

/// The names in the last column of a table's row.
pub fn tests_in_row(line: &str) -> Vec<&str> {
    let cells: Vec<&str> = line.trim().trim_matches('|').split('|').collect();
    let last = cells.last().filter(|_| line.starts_with('|') && cells.len() == 4);
    let names = last.into_iter().flat_map(|cell| cell.split('`').skip(1).step_by(2));
    names.filter(|name| !name.is_empty()).collect()
}

#[test]
fn tests_are_named_in_the_last_of_four_columns() {
    assert_eq!(tests_in_row("| A1 | `not_this` | b | `this_one`, `and_that` |"), ["this_one", "and_that"]);
    assert_eq!(tests_in_row("Words about `no_row`."), [""; 0]);
    assert_eq!(tests_in_row("| id | attack | answer | test |"), [""; 0]);
}

#[test]
fn variants_are_named_by_their_rename_or_by_themselves() {
    let text = r#"
        pub enum CodeEvent {
            /// Words, rename = "no".
            #[serde(rename = "code.issued")]
            Issued { #[serde(rename = "inner.member")] code: CodeId, scope: (A, B) },
            #[serde(rename = "code.redeemed")] Redeemed(Box<Code>),
            Forgotten,
        }
        enum Settings { #[serde(rename = "not.an_event")] A }
    "#;
    let names = event_names(&[Source::new("src/event/code.rs", text)]);
    assert_eq!(names, ["CodeEvent::Forgotten", "code.issued", "code.redeemed"]);
}
