//! Passwords as typed, in the one spelling that is hashed.

use crate::terms::Secret;
use unicode_normalization::UnicodeNormalization;
use zeroize::Zeroizing;

/// A password in normalization form C, 1 to 128 characters: the same password typed on two systems is the same bytes (RFC 8265 §4.2.2).
pub struct PasswordText(Zeroizing<String>);

/// Why a text cannot be a password.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum PasswordRefused {
    /// Nothing was typed.
    #[error("the password is empty")]
    Empty,
    /// Too short to be set; never a reason at sign-in.
    #[error("the password has fewer than 8 characters")]
    TooShort,
    /// Refused before any work is done on it.
    #[error("the password has more than 128 characters")]
    TooLong,
}

const LENGTH_MAX: usize = 128;
/// For a password that is being set (NIST SP 800-63B §5.1.1.2).
const LENGTH_SET_MIN: usize = 8;
/// 128 characters of four bytes, typed with up to three combining marks each; more is not even normalized.
const BYTES_MAX: usize = 2048;

impl PasswordText {
    /// A password given to sign in.
    ///
    /// # Errors
    /// An empty or overlong text.
    pub fn parse(typed: &Secret) -> Result<Self, PasswordRefused> {
        if typed.expose().len() > BYTES_MAX {
            return Err(PasswordRefused::TooLong);
        }
        let mut normalized = Zeroizing::new(String::with_capacity(2 * BYTES_MAX));
        normalized.extend(typed.expose().nfc());
        match normalized.chars().count() {
            0 => Err(PasswordRefused::Empty),
            1..=LENGTH_MAX => Ok(Self(normalized)),
            _ => Err(PasswordRefused::TooLong),
        }
    }

    /// A password that someone wants to have from now on.
    ///
    /// # Errors
    /// As [`Self::parse`], and fewer than 8 characters.
    pub fn parse_new(typed: &Secret) -> Result<Self, PasswordRefused> {
        let text = Self::parse(typed)?;
        match text.0.chars().count() < LENGTH_SET_MIN {
            true => Err(PasswordRefused::TooShort),
            false => Ok(text),
        }
    }

    /// What is hashed.
    pub(super) fn bytes(&self) -> &[u8] {
        self.0.as_bytes()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Result<PasswordText, PasswordRefused> {
        PasswordText::parse(&Secret::new(text.to_owned()))
    }

    #[test]
    fn the_same_password_in_two_spellings_is_the_same_bytes() {
        let composed = parse("Z\u{fc}rich").unwrap();
        let decomposed = parse("Zu\u{308}rich").unwrap();
        assert_eq!(composed.bytes(), decomposed.bytes());
    }

    #[test]
    fn lengths_are_counted_in_characters_after_normalization() {
        assert_eq!(parse("").err(), Some(PasswordRefused::Empty));
        assert!(parse("x").is_ok());
        assert!(parse(&"\u{1f600}".repeat(128)).is_ok());
        assert_eq!(parse(&"x".repeat(129)).err(), Some(PasswordRefused::TooLong));
        assert!(parse(&"u\u{308}".repeat(128)).is_ok());
        assert_eq!(parse(&"u\u{308}".repeat(129)).err(), Some(PasswordRefused::TooLong));
        assert_eq!(parse(&"x".repeat(1 << 20)).err(), Some(PasswordRefused::TooLong));
    }

    #[test]
    fn a_password_that_is_set_has_at_least_eight_characters() {
        let set = |text: &str| PasswordText::parse_new(&Secret::new(text.to_owned())).map(|_| ());
        assert_eq!(set("1234567"), Err(PasswordRefused::TooShort));
        assert_eq!(set("12345678"), Ok(()));
        assert_eq!(set(&"x".repeat(129)), Err(PasswordRefused::TooLong));
    }
}
