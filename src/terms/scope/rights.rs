//! What may be done with a resource: `c`, `r`, `u`, `d`, `s` (SMART App Launch 2.2 §3.0.2), and the words of version 1 (SPEC.md e.1).

use std::fmt;

/// Some of create, read, update, delete and search; at least one.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Rights(u8);

const LETTERS: [(char, u8); 5] = [('c', 1), ('r', 2), ('u', 4), ('d', 8), ('s', 16)];
const WORDS: [(&str, Rights); 3] = [("read", Rights(0b10010)), ("write", Rights(0b01101)), ("*", Rights(0b11111))];

impl Rights {
    /// Reads the letters, in their order and each once.
    pub(super) fn of_letters(text: &str) -> Option<Self> {
        let mut order = LETTERS.iter();
        let bits = text.chars().try_fold(0, |bits, letter| order.find(|(own, _)| *own == letter).map(|(_, bit)| bits | bit))?;
        Self::some(bits)
    }
    /// Reads a word of version 1: `read` is `rs`, `write` is `cud`, `*` is all.
    pub(super) fn of_word(text: &str) -> Option<Self> {
        WORDS.iter().find(|(word, _)| *word == text).map(|(_, rights)| *rights)
    }
    /// The word of version 1 that says the same, if there is one.
    pub(super) fn word(self) -> Option<&'static str> {
        WORDS.iter().find(|(_, rights)| *rights == self).map(|(word, _)| *word)
    }
    fn some(bits: u8) -> Option<Self> {
        (bits != 0).then_some(Self(bits))
    }
    /// What is in both; nothing if they share nothing.
    pub fn and(self, other: Self) -> Option<Self> {
        Self::some(self.0 & other.0)
    }
    /// What is in either.
    pub fn or(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }
    /// What is left without the other's.
    pub fn without(self, other: Self) -> Option<Self> {
        Self::some(self.0 & !other.0)
    }
    /// Whether it has the right of this letter.
    pub fn has(self, letter: char) -> bool {
        LETTERS.iter().any(|(own, bit)| *own == letter && self.0 & bit != 0)
    }
}
impl fmt::Display for Rights {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut own = LETTERS.iter().filter(|(_, bit)| self.0 & bit != 0);
        own.try_for_each(|(letter, _)| write!(f, "{letter}"))
    }
}
impl fmt::Debug for Rights {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn letters_stand_in_their_order_each_once() {
        for good in ["c", "rs", "cud", "cruds", "us"] {
            assert_eq!(Rights::of_letters(good).map(|rights| rights.to_string()).as_deref(), Some(good));
        }
        for bad in ["", "sr", "rr", "x", "rsx", "R", "cruds ", "*", "read"] {
            assert_eq!(Rights::of_letters(bad), None, "{bad}");
        }
    }

    #[test]
    fn the_words_of_version_1_are_those_letters() {
        for (word, letters) in [("read", "rs"), ("write", "cud"), ("*", "cruds")] {
            let rights = Rights::of_word(word).unwrap();
            assert_eq!((rights.to_string().as_str(), rights.word()), (letters, Some(word)));
        }
        assert_eq!(Rights::of_word("rs"), None);
        assert_eq!(Rights::of_letters("r").and_then(Rights::word), None);
    }
}
