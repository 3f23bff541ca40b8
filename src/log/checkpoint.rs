//! Checkpoints: a site's tree head as a signed note (C2SP tlog-checkpoint and signed-note, Ed25519).
//!
//! ```text
//! {origin}                        host/writ/site; also the name of the signing key
//! {size}                          decimal
//! {root}                          base64
//!
//! — {name} {base64(key id ‖ signature)}
//! ```

use super::VerifyFailure;
use super::merkle::{Head, sha256};
use crate::terms::{Digest, SiteName};
use base64::{Engine, engine::general_purpose::STANDARD};
use ed25519_dalek::{Signature, Signer, SigningKey, VerifyingKey};
use std::{fmt, str::FromStr};

/// The algorithm byte of Ed25519 keys in signed notes.
const ED25519: u8 = 1;
/// More of a note is not read.
const NOTE_BYTES_MAX: usize = 16_384;
const SIGNATURES_MAX: usize = 32;

/// The origin of a site's log: `{host}/writ/{site}`.
pub fn origin(host: &str, site: &SiteName) -> String {
    format!("{host}/writ/{site}")
}

/// A tree head and whose it is.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Checkpoint {
    /// The log's name.
    pub origin: String,
    /// Size and root of its tree.
    pub head: Head,
}

impl Checkpoint {
    /// Signs with each of the keys (both, while a key is being rotated). A log must never sign two checkpoints of which neither
    /// continues the other; the caller sees to that.
    pub fn sign(&self, keys: &[&CheckpointKey]) -> String {
        let text = self.text();
        let lines: Vec<String> = keys.iter().map(|key| key.signature_line(&text)).collect();
        format!("{text}\n{}", lines.concat())
    }
    /// Reads a signed note and verifies it: at least one signature by one of these keys that is named as the origin, and no wrong one
    /// by any of them. Signatures by other keys are ignored, as the format demands.
    pub fn verify(note: &str, keys: &[VerifierKey]) -> Result<Self, VerifyFailure> {
        let (text, lines) = split_note(note).ok_or(VerifyFailure::Signature)?;
        let signed = Self::parse_text(text).ok_or(VerifyFailure::Signature)?;
        let mut has_valid = false;
        for line in lines.lines() {
            let (name, key_id, signature) = parse_signature_line(line).ok_or(VerifyFailure::Signature)?;
            let Some(key) = keys.iter().find(|key| key.name == name && key.id() == key_id) else { continue };
            let signature = Signature::from_slice(&signature).map_err(|_| VerifyFailure::Signature)?;
            key.key.verify_strict(text.as_bytes(), &signature).map_err(|_| VerifyFailure::Signature)?;
            has_valid |= key.name == signed.origin;
        }
        match has_valid {
            true => Ok(signed),
            false => Err(VerifyFailure::Key),
        }
    }
    fn text(&self) -> String {
        format!("{}\n{}\n{}\n", self.origin, self.head.size, STANDARD.encode(self.head.root.bytes()))
    }
    fn parse_text(text: &str) -> Option<Self> {
        let mut lines = text.lines();
        let (origin, size, root) = (lines.next()?, lines.next()?, lines.next()?);
        let head = Head { size: parse_decimal(size)?, root: parse_hash(root)? };
        let is_plain = !origin.is_empty() && lines.all(|extension| !extension.is_empty());
        is_plain.then(|| Self { origin: origin.to_owned(), head })
    }
}

/// A key that signs a site's checkpoints.
pub struct CheckpointKey {
    name: String,
    key: SigningKey,
}

/// Why a name cannot stand in a note.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[error("the name of a checkpoint key has no white space, no plus sign and at least one character")]
pub struct KeyNameError;

impl CheckpointKey {
    /// The key with this seed (RFC 8032 §5.1.5), named as the origin is.
    pub fn new(origin: &str, seed: &[u8; 32]) -> Result<Self, KeyNameError> {
        match is_key_name(origin) {
            true => Ok(Self { name: origin.to_owned(), key: SigningKey::from_bytes(seed) }),
            false => Err(KeyNameError),
        }
    }
    /// What others verify with.
    pub fn verifier(&self) -> VerifierKey {
        VerifierKey { name: self.name.clone(), key: self.key.verifying_key() }
    }
    /// Signs this tree head under the key's own origin.
    pub fn sign(&self, head: Head) -> String {
        Checkpoint { origin: self.name.clone(), head }.sign(&[self])
    }
    fn signature_line(&self, text: &str) -> String {
        let signature = self.key.sign(text.as_bytes()).to_bytes();
        let id = self.verifier().id();
        format!("\u{2014} {} {}\n", self.name, STANDARD.encode([&id[..], &signature].concat()))
    }
}

/// The public half, written as a vkey: `name+hex of the key id+base64(0x01 ‖ public key)`.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct VerifierKey {
    name: String,
    key: VerifyingKey,
}

impl VerifierKey {
    /// The name in signature lines.
    pub fn name(&self) -> &str {
        &self.name
    }
    /// SHA-256(name ‖ 0x0A ‖ 0x01 ‖ public key), the first four bytes.
    pub fn id(&self) -> [u8; 4] {
        let hash = sha256(&[self.name.as_bytes(), b"\n", &[ED25519], self.key.as_bytes()]);
        hash.bytes().first_chunk().copied().unwrap_or_default()
    }
}
impl fmt::Display for VerifierKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let key = STANDARD.encode([&[ED25519][..], self.key.as_bytes()].concat());
        write!(f, "{}+{:08x}+{key}", self.name, u32::from_be_bytes(self.id()))
    }
}
/// A vkey whose parts do not belong together is refused as an unknown key.
impl FromStr for VerifierKey {
    type Err = VerifyFailure;
    fn from_str(vkey: &str) -> Result<Self, VerifyFailure> {
        let (name, rest) = vkey.trim_end().split_once('+').ok_or(VerifyFailure::Key)?;
        let (_id, encoded) = rest.split_once('+').ok_or(VerifyFailure::Key)?;
        let bytes = STANDARD.decode(encoded).map_err(|_| VerifyFailure::Key)?;
        let public: &[u8; 32] = bytes.strip_prefix(&[ED25519]).and_then(|key| key.try_into().ok()).ok_or(VerifyFailure::Key)?;
        let key = VerifyingKey::from_bytes(public).map_err(|_| VerifyFailure::Key)?;
        let parsed = Self { name: name.to_owned(), key };
        match is_key_name(name) && parsed.to_string() == vkey.trim_end() {
            true => Ok(parsed),
            false => Err(VerifyFailure::Key),
        }
    }
}

fn is_key_name(name: &str) -> bool {
    !name.is_empty() && !name.chars().any(|c| c.is_whitespace() || c.is_control() || c == '+')
}

/// Text with its last newline, and the signature lines after the blank one.
fn split_note(note: &str) -> Option<(&str, &str)> {
    let is_readable = note.len() <= NOTE_BYTES_MAX && note.ends_with('\n') && !note.chars().any(|c| c.is_control() && c != '\n');
    let (blank, _) = note.match_indices("\n\n").last().filter(|_| is_readable)?;
    let (text, rest) = note.split_at_checked(blank + 1)?;
    let lines = rest.strip_prefix('\n')?;
    (1..=SIGNATURES_MAX).contains(&lines.lines().count()).then_some((text, lines))
}

fn parse_signature_line(line: &str) -> Option<(&str, [u8; 4], Vec<u8>)> {
    let (name, encoded) = line.strip_prefix("\u{2014} ")?.split_once(' ')?;
    let bytes = STANDARD.decode(encoded).ok()?;
    let (id, signature) = bytes.split_first_chunk::<4>()?;
    (is_key_name(name) && !signature.is_empty()).then(|| (name, *id, signature.to_vec()))
}

/// Decimal digits without sign and leading zeros.
pub(super) fn parse_decimal(text: &str) -> Option<u64> {
    let number: u64 = text.parse().ok()?;
    (number.to_string() == text).then_some(number)
}

pub(crate) fn parse_hash(text: &str) -> Option<Digest> {
    STANDARD.decode(text).ok()?.try_into().ok().map(Digest::from_bytes)
}

#[cfg(test)]
#[expect(clippy::string_slice, reason = "cut where a character begins")]
mod tests {
    use super::*;

    const ORIGIN: &str = "auth.example.org/writ/default";

    fn key(seed: u8) -> CheckpointKey {
        CheckpointKey::new(ORIGIN, &[seed; 32]).unwrap()
    }
    fn head() -> Head {
        Head { size: 8, root: Digest::of(b"root") }
    }

    #[test]
    fn an_independent_verifier_accepts_what_we_sign() {
        let (signing, note) = (key(1), key(1).sign(head()));
        let verifier = signed_note::StandardVerifier::new(&signing.verifier().to_string()).unwrap();
        let verifiers = signed_note::VerifierList::new(vec![Box::new(verifier)]);
        let parsed = signed_note::Note::from_bytes(note.as_bytes()).unwrap();
        let (valid, unknown) = parsed.verify(&verifiers).unwrap();
        assert_eq!((valid.len(), unknown.len()), (1, 0));
        let read = tlog_tiles::Checkpoint::from_bytes(parsed.text()).unwrap();
        assert_eq!((read.origin(), read.size(), read.hash().0), (ORIGIN, 8, *head().root.bytes()));
    }

    #[test]
    fn a_checkpoint_signed_by_old_and_new_key_is_accepted_by_either() {
        let checkpoint = Checkpoint { origin: ORIGIN.to_owned(), head: head() };
        let note = checkpoint.sign(&[&key(1), &key(2)]);
        for trusted in [vec![key(1).verifier()], vec![key(2).verifier()], vec![key(1).verifier(), key(2).verifier()]] {
            assert_eq!(Checkpoint::verify(&note, &trusted), Ok(checkpoint.clone()));
        }
        assert_eq!(Checkpoint::verify(&note, &[key(3).verifier()]), Err(VerifyFailure::Key));
        assert_eq!(Checkpoint::verify(&note, &[]), Err(VerifyFailure::Key));
    }

    #[test]
    fn a_key_signs_for_its_own_log_only() {
        let other = CheckpointKey::new("auth.example.org/writ/other", &[2; 32]).unwrap();
        let note = Checkpoint { origin: ORIGIN.to_owned(), head: head() }.sign(&[&other]);
        assert_eq!(Checkpoint::verify(&note, &[key(1).verifier(), other.verifier()]), Err(VerifyFailure::Key));
    }

    #[test]
    fn one_wrong_signature_of_a_trusted_key_refuses_the_note() {
        let note = key(1).sign(head());
        let other = key(2).sign(Head { size: 9, ..head() });
        let stolen = other.lines().last().unwrap();
        let both = format!("{note}{stolen}\n");
        assert_eq!(Checkpoint::verify(&both, &[key(1).verifier()]).map(|read| read.head), Ok(head()));
        assert_eq!(Checkpoint::verify(&both, &[key(1).verifier(), key(2).verifier()]), Err(VerifyFailure::Signature));
    }

    #[test]
    fn every_changed_character_is_noticed() {
        let note = key(1).sign(head());
        for (at, old) in note.char_indices() {
            for new in ['0', 'A', '\n', ' '].into_iter().filter(|new| *new != old) {
                let changed = format!("{}{new}{}", &note[..at], &note[at + old.len_utf8()..]);
                assert!(Checkpoint::verify(&changed, &[key(1).verifier()]).is_err(), "{changed}");
            }
        }
        for (at, _) in note.char_indices() {
            assert!(Checkpoint::verify(&note[..at], &[key(1).verifier()]).is_err(), "cut at {at}");
        }
    }

    #[test]
    fn a_vkey_whose_parts_do_not_belong_together_is_refused() {
        let vkey = key(1).verifier().to_string();
        assert_eq!(vkey.parse::<VerifierKey>(), Ok(key(1).verifier()));
        let other_name = vkey.replacen("default", "other", 1);
        assert_eq!(other_name.parse::<VerifierKey>(), Err(VerifyFailure::Key));
        for vkey in ["", "a+b", "a+00000000+AQ==", "a b+00000000+AQ=="] {
            assert_eq!(vkey.parse::<VerifierKey>(), Err(VerifyFailure::Key), "{vkey}");
        }
        for name in ["", "a b", "a+b", "a\nb"] {
            assert!(CheckpointKey::new(name, &[1; 32]).is_err(), "{name}");
        }
    }
}
