//! Proof Key for Code Exchange (RFC 7636), S256 only.

use super::{Digest, ParseError, Secret, serde_as_text};
use std::{fmt, str::FromStr};

/// BASE64URL(SHA256(code_verifier)), RFC 7636 §4.2. The method `plain` does not exist here.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct CodeChallenge(Digest);

impl FromStr for CodeChallenge {
    type Err = ParseError;
    /// 43 characters of base64url without padding: no other text is the S256 of anything.
    fn from_str(text: &str) -> Result<Self, ParseError> {
        text.parse().map(Self).map_err(|_| ParseError { what: "code_challenge" })
    }
}
impl fmt::Display for CodeChallenge {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}
serde_as_text!(CodeChallenge);

/// A code_verifier: 43 to 128 unreserved characters (RFC 7636 §4.1).
pub struct CodeVerifier(Secret);

impl CodeVerifier {
    /// Reads the parameter.
    pub fn parse(text: &str) -> Result<Self, ParseError> {
        let unreserved = |c: u8| c.is_ascii_alphanumeric() || b"-._~".contains(&c);
        match (43..=128).contains(&text.len()) && text.bytes().all(unreserved) {
            true => Ok(Self(Secret::new(text.to_owned()))),
            false => Err(ParseError { what: "code_verifier" }),
        }
    }
    /// The challenge that this verifier answers (RFC 7636 §4.6).
    pub fn challenge(&self) -> CodeChallenge {
        CodeChallenge(self.0.digest())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_verifier_of_rfc_7636_appendix_b_answers_its_challenge() {
        let verifier = CodeVerifier::parse("dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk").unwrap();
        assert_eq!(verifier.challenge().to_string(), "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM");
    }

    #[test]
    fn a_verifier_has_43_to_128_unreserved_characters() {
        for (length, valid) in [(42, false), (43, true), (128, true), (129, false)] {
            assert_eq!(CodeVerifier::parse(&"a".repeat(length)).is_ok(), valid, "{length}");
        }
        assert!(CodeVerifier::parse(&format!("{} ", "a".repeat(43))).is_err());
    }
}
