//! The names of what verification finds (AUDIT.md §6.4).

use super::leaf::{Disclosure, leaf_hash};
use crate::terms::Digest;
use std::{collections::BTreeSet, fmt};

/// What does not hold, by its public name.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Hash)]
#[expect(missing_docs, reason = "`sentence` says what each one is")]
pub enum VerifyFailure {
    Key,
    Signature,
    Policy,
    File,
    Gap,
    Order,
    Leaf,
    Disclosure,
    Proof,
    Consistency,
    Count,
    Truncated,
    Render,
}

impl VerifyFailure {
    /// The public name, as `E_LEAF`.
    pub fn code(self) -> &'static str {
        match self {
            Self::Key => "E_KEY",
            Self::Signature => "E_SIGNATURE",
            Self::Policy => "E_POLICY",
            Self::File => "E_FILE",
            Self::Gap => "E_GAP",
            Self::Order => "E_ORDER",
            Self::Leaf => "E_LEAF",
            Self::Disclosure => "E_DISCLOSURE",
            Self::Proof => "E_PROOF",
            Self::Consistency => "E_CONSISTENCY",
            Self::Count => "E_COUNT",
            Self::Truncated => "E_TRUNCATED",
            Self::Render => "E_RENDER",
        }
    }
    /// What is wrong, for a person.
    pub fn sentence(self) -> &'static str {
        match self {
            Self::Key => "no signature is by a key that is trusted here",
            Self::Signature => "the checkpoint does not match its signature",
            Self::Policy => "too few witnesses have signed",
            Self::File => "a file does not match the manifest",
            Self::Gap => "the events are not numbered without a gap",
            Self::Order => "the time goes backwards",
            Self::Leaf => "the event does not match its leaf hash",
            Self::Disclosure => "a disclosure does not belong to the event",
            Self::Proof => "the event is not in the tree that was signed",
            Self::Consistency => "the tree does not continue the earlier one: a fork or a rollback",
            Self::Count => "the number of events is not the one stated",
            Self::Truncated => "the export ends before its end",
            Self::Render => "a rendering does not follow from the events",
        }
    }
}
impl fmt::Display for VerifyFailure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.code(), self.sentence())
    }
}
impl std::error::Error for VerifyFailure {}

/// Whether leaf bytes have this leaf hash.
pub fn verify_leaf(leaf: &[u8], expected: &Digest) -> Result<(), VerifyFailure> {
    match leaf_hash(leaf) == *expected {
        true => Ok(()),
        false => Err(VerifyFailure::Leaf),
    }
}

/// Whether each disclosure's digest stands in the leaf's `_sd`, and no disclosure is given twice (RFC 9901 §7.1). Disclosures may be
/// left out; that is what redaction is.
pub fn verify_disclosures(leaf: &[u8], disclosures: &[Disclosure]) -> Result<(), VerifyFailure> {
    let members: serde_json::Value = serde_json::from_slice(leaf).map_err(|_| VerifyFailure::Leaf)?;
    let digests: Vec<&str> = members.get("_sd").and_then(|sd| sd.as_array()).into_iter().flatten().filter_map(|d| d.as_str()).collect();
    let mut seen = BTreeSet::new();
    for disclosure in disclosures {
        let digest = disclosure.digest().to_string();
        let stands_once = digests.iter().filter(|d| **d == digest).count() == 1;
        if !stands_once || !seen.insert(digest) {
            return Err(VerifyFailure::Disclosure);
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::super::leaf::leaf_bytes;
    use super::*;
    use serde_json::json;

    #[test]
    fn a_disclosure_given_twice_or_of_another_event_is_refused() {
        let ours = Disclosure::new([1; 16], "ip", json!("10.0.4.7")).unwrap();
        let theirs = Disclosure::new([2; 16], "ip", json!("10.0.4.7")).unwrap();
        let leaf = leaf_bytes(serde_json::Map::new(), std::slice::from_ref(&ours)).unwrap();
        assert_eq!(verify_disclosures(&leaf, &[]), Ok(()));
        assert_eq!(verify_disclosures(&leaf, std::slice::from_ref(&ours)), Ok(()));
        assert_eq!(verify_disclosures(&leaf, &[ours.clone(), ours]), Err(VerifyFailure::Disclosure));
        assert_eq!(verify_disclosures(&leaf, &[theirs]), Err(VerifyFailure::Disclosure));
    }
}
