//! Proofs for one event, checkable offline (C2SP tlog-proof@v1).
//!
//! ```text
//! c2sp.org/tlog-proof@v1
//! index {decimal}
//! {base64 hash}*                  from the leaf upwards
//!
//! {signed checkpoint, verbatim}
//! ```

use super::checkpoint::{parse_decimal, parse_hash};
use super::{Checkpoint, VerifierKey, VerifyFailure, merkle};
use crate::terms::Digest;
use base64::{Engine, engine::general_purpose::STANDARD};
use std::{fmt, str::FromStr};

const HEADER: &str = "c2sp.org/tlog-proof@v1";
/// A tree of 2^63 leaves is as high.
const HASHES_MAX: usize = 63;

/// That one leaf is in the tree of a signed checkpoint.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct InclusionProof {
    /// The leaf's place: the event's `seq`.
    pub index: u64,
    /// The siblings from the leaf upwards.
    pub hashes: Vec<Digest>,
    /// The signed note, verbatim.
    pub checkpoint: String,
}

impl InclusionProof {
    /// Whether a leaf with this hash is where the proof says, in a tree that one of these keys signed. Gives the checkpoint.
    pub fn verify(&self, leaf_hash: Digest, keys: &[VerifierKey]) -> Result<Checkpoint, VerifyFailure> {
        let checkpoint = Checkpoint::verify(&self.checkpoint, keys)?;
        merkle::verify_inclusion(leaf_hash, self.index, checkpoint.head.size, &self.hashes, &checkpoint.head.root)?;
        Ok(checkpoint)
    }
}
impl fmt::Display for InclusionProof {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{HEADER}\nindex {}", self.index)?;
        self.hashes.iter().try_for_each(|hash| writeln!(f, "{}", STANDARD.encode(hash.bytes())))?;
        write!(f, "\n{}", self.checkpoint)
    }
}
/// What is not laid out as a proof proves nothing.
impl FromStr for InclusionProof {
    type Err = VerifyFailure;
    fn from_str(text: &str) -> Result<Self, VerifyFailure> {
        parse(text).ok_or(VerifyFailure::Proof)
    }
}

fn parse(text: &str) -> Option<InclusionProof> {
    let (proof, checkpoint) = text.split_once("\n\n")?;
    let mut lines = proof.split('\n');
    let is_version_1 = lines.next() == Some(HEADER);
    let first = lines.next().filter(|_| is_version_1)?;
    // The format lets a log add data of its own here; it is not covered by the proof.
    let index = if first.starts_with("extra ") { lines.next()? } else { first };
    let index = parse_decimal(index.strip_prefix("index ")?)?;
    let hashes: Option<Vec<Digest>> = lines.map(parse_hash).take(HASHES_MAX + 1).collect();
    let hashes = hashes.filter(|hashes| hashes.len() <= HASHES_MAX)?;
    Some(InclusionProof { index, hashes, checkpoint: checkpoint.to_owned() })
}

#[cfg(test)]
#[expect(clippy::string_slice, reason = "cut where a character begins")]
mod tests {
    use super::super::CheckpointKey;
    use super::super::merkle::Head;
    use super::*;

    fn proof() -> (InclusionProof, CheckpointKey, Vec<Digest>) {
        let leaves: Vec<Digest> = (0..9u8).map(|n| super::super::leaf_hash(&[n])).collect();
        let key = CheckpointKey::new("example.org/writ/default", &[1; 32]).unwrap();
        let checkpoint = key.sign(Head { size: 9, root: merkle::root(&leaves) });
        let hashes = merkle::inclusion_proof(&leaves, 5).unwrap();
        (InclusionProof { index: 5, hashes, checkpoint }, key, leaves)
    }

    #[test]
    fn a_proof_is_read_as_it_was_written_and_holds() {
        let (proof, key, leaves) = proof();
        let read: InclusionProof = proof.to_string().parse().unwrap();
        assert_eq!(read, proof);
        assert_eq!(read.verify(leaves[5], &[key.verifier()]).map(|checkpoint| checkpoint.head.size), Ok(9));
        assert_eq!(read.verify(leaves[4], &[key.verifier()]), Err(VerifyFailure::Proof));
        assert_eq!(read.verify(leaves[5], &[]), Err(VerifyFailure::Key));
    }

    #[test]
    fn every_changed_character_refuses_the_proof() {
        let (proof, key, leaves) = proof();
        let text = proof.to_string();
        for (at, old) in text.char_indices() {
            for new in ['7', 'Z', '\n'].into_iter().filter(|new| *new != old) {
                let changed = format!("{}{new}{}", &text[..at], &text[at + old.len_utf8()..]);
                let outcome = changed.parse::<InclusionProof>().and_then(|read| read.verify(leaves[5], &[key.verifier()]));
                assert!(outcome.is_err(), "{changed}");
            }
        }
    }
}
