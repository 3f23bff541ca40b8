//! Text that a stranger chose, made fit to be shown (THREATS.md A59).

use std::fmt;

/// The most characters shown.
const MOST: usize = 80;

/// One line without control, bidirectional and invisible characters; never longer than 80 characters. Escaping is askama's part.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct DisplayText(String);

impl DisplayText {
    /// What of this text may be shown.
    pub fn of(text: &str) -> Self {
        let visible: String = text.chars().filter(|c| c.is_whitespace() || !is_hidden(*c)).collect();
        let line = visible.split_whitespace().collect::<Vec<_>>().join(" ");
        if line.chars().count() <= MOST {
            return Self(line);
        }
        Self(line.chars().take(MOST - 1).chain(['…']).collect())
    }
    /// What of this text may be shown, or the other one if nothing is left.
    pub fn or(text: &str, otherwise: &str) -> Self {
        let own = Self::of(text);
        if own.0.is_empty() { Self::of(otherwise) } else { own }
    }
    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
    /// The first letter or digit in upper case, for the emblem; a dot if there is none.
    pub fn initial(&self) -> String {
        self.0.chars().find(|c| c.is_alphanumeric()).map_or_else(|| "•".to_owned(), |c| c.to_uppercase().collect())
    }
}
impl fmt::Display for DisplayText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

fn is_hidden(c: char) -> bool {
    let bidirectional = matches!(c, '\u{61c}' | '\u{200e}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    let zero_width =
        matches!(c, '\u{ad}' | '\u{34f}' | '\u{180b}'..='\u{180f}' | '\u{200b}'..='\u{200d}' | '\u{2060}'..='\u{2065}' | '\u{feff}');
    let blank = matches!(c, '\u{115f}' | '\u{1160}' | '\u{17b4}' | '\u{17b5}' | '\u{2800}' | '\u{3164}' | '\u{ffa0}');
    let unassigned = matches!(c, '\u{206a}'..='\u{206f}' | '\u{fe00}'..='\u{fe0f}' | '\u{fff0}'..='\u{fffb}' | '\u{e0000}'..='\u{e0fff}');
    c.is_control() || bidirectional || zero_width || blank || unassigned
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn invisible_and_reversing_characters_are_not_shown() {
        assert_eq!(DisplayText::of("My\u{202e}Bank\u{200b} \u{2066}App\u{0}\u{7f}").as_str(), "MyBank App");
        assert_eq!(DisplayText::of(" a\r\n\tb\u{2028}c\u{a0} ").as_str(), "a b c");
        assert_eq!(DisplayText::of("Ärzte-Praxis 東京").as_str(), "Ärzte-Praxis 東京");
        assert_eq!(DisplayText::or("\u{200b}\u{3164}", "An app").as_str(), "An app");
    }

    #[test]
    fn eighty_characters_are_shown_whole_and_more_are_cut() {
        assert_eq!(DisplayText::of(&"é".repeat(80)).as_str(), "é".repeat(80));
        let cut = DisplayText::of(&"é".repeat(81));
        assert_eq!((cut.as_str().chars().count(), cut.as_str().ends_with('…')), (80, true));
    }

    #[test]
    fn the_initial_is_the_first_letter() {
        assert_eq!(DisplayText::of("«growth chart»").initial(), "G");
        assert_eq!(DisplayText::of("–").initial(), "•");
    }
}
