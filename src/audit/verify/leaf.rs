//! What a leaf says, as far as a verifier has to know.

use crate::log::{VerifyFailure, jcs};
use crate::terms::Digest;
use serde_json::{Map, Value};
use std::borrow::Cow;
use std::collections::BTreeSet;

/// A leaf, read.
pub(super) struct Leaf(Map<String, Value>);

impl Leaf {
    /// Reads leaf bytes, which are one JSON object in canonical form (RFC 8785) with `seq`, `site` and `t`.
    pub(super) fn read(bytes: &str) -> Result<Self, VerifyFailure> {
        let value: Value = serde_json::from_str(bytes).map_err(|_| VerifyFailure::Leaf)?;
        let is_canonical = jcs(&value).is_ok_and(|canonical| canonical == bytes.as_bytes());
        if let Value::Object(members) = value
            && is_canonical
        {
            return Ok(Self(members));
        }
        Err(VerifyFailure::Leaf)
    }
    /// Its number.
    pub(super) fn seq(&self) -> Option<u64> {
        self.0.get("seq")?.as_u64()
    }
    /// Whose log it says to be in.
    pub(super) fn site(&self) -> Option<&str> {
        self.0.get("site")?.as_str()
    }
    /// When it says to have been: UTC with milliseconds, so that texts order as times do.
    pub(super) fn t(&self) -> Option<&str> {
        self.0.get("t")?.as_str().filter(|t| is_instant(t))
    }
    /// Any of its members.
    pub(super) fn member(&self, name: &str) -> Option<&Value> {
        self.0.get(name)
    }
    /// The digests of its sealed fields.
    pub(super) fn digests(&self) -> Result<Vec<&str>, VerifyFailure> {
        match self.0.get("_sd") {
            None => Ok(Vec::new()),
            Some(Value::Array(digests)) => digests.iter().map(|digest| digest.as_str().ok_or(VerifyFailure::Leaf)).collect(),
            Some(_) => Err(VerifyFailure::Leaf),
        }
    }
}

/// As `2026-03-14T08:01:12.004Z`.
fn is_instant(text: &str) -> bool {
    let shape = b"0000-00-00T00:00:00.000Z";
    let fits = |(found, shape): (u8, &u8)| if *shape == b'0' { found.is_ascii_digit() } else { found == *shape };
    text.len() == shape.len() && text.bytes().zip(shape).all(fits)
}

/// Whether each disclosure belongs to the leaf: its digest stands among these once, and it is given once.
pub(super) fn check_disclosures(digests: &[&str], disclosures: &[Cow<'_, str>]) -> Result<(), VerifyFailure> {
    let mut given = BTreeSet::new();
    for disclosure in disclosures {
        let digest = Digest::of(disclosure.as_bytes()).to_string();
        let stands_once = digests.iter().filter(|other| **other == digest).count() == 1;
        if !stands_once || !given.insert(digest) {
            return Err(VerifyFailure::Disclosure);
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_leaf_is_canonical_json_or_none() {
        assert!(Leaf::read(r#"{"a":[1,{"b":null}],"t":"x"}"#).is_ok());
        for bytes in [r#"{"t":"x","a":1}"#, r#"{"a":1,"a":1}"#, r#"{"a": 1}"#, r#"{"a":1.0}"#, r#"{"a":"\u0061"}"#, "[]", "", "{}{}"] {
            assert!(Leaf::read(bytes).is_err(), "{bytes}");
        }
    }

    #[test]
    fn an_instant_has_24_characters() {
        assert!(is_instant("2026-03-14T08:01:12.004Z"));
        for text in ["2026-03-14T08:01:12Z", "2026-03-14T08:01:12.004z", "2026-03-14t08:01:12.004Z", "2026-03-14T08:01:12.0\u{664}Z", ""] {
            assert!(!is_instant(text), "{text}");
        }
    }

    #[test]
    fn a_disclosure_stands_among_the_digests_once_and_is_given_once() {
        let (one, other) = (Digest::of(b"one").to_string(), Digest::of(b"other").to_string());
        let check = |digests: &[&str], given: &[&str]| {
            check_disclosures(digests, &given.iter().map(|given| Cow::Borrowed(*given)).collect::<Vec<_>>())
        };
        assert_eq!(check(&[&one, &other], &["other"]), Ok(()));
        assert_eq!(check(&[&one, &other], &["other", "one"]), Ok(()));
        for (digests, given) in [(vec![&*one, &one], vec!["one"]), (vec![&*one], vec!["one", "one"]), (vec![], vec!["one"])] {
            assert_eq!(check(&digests, &given), Err(VerifyFailure::Disclosure));
        }
    }
}
