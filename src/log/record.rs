//! A record as the log keeps it, and its body's bytes.
//!
//! ```text
//! body   = u32 length, leaf bytes; u16 count, sealed fields
//! sealed = u16 length, subject as text; u16 length, name; 12 bytes nonce; u32 length, ciphertext with its 16-byte tag
//! ```
//!
//! All numbers are big-endian and unsigned; all text is UTF-8.

use super::Position;
use crate::terms::{Seq, SiteName, Subject};

/// One record of one site.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct StoredRecord {
    /// Whose it is.
    pub site: SiteName,
    /// Its number in the site's log.
    pub seq: Seq,
    /// Where its first frame is.
    pub position: Position,
    /// The very bytes that are hashed into the site's tree: at most 65,535.
    pub leaf: Vec<u8>,
    /// The disclosures of its personal data, encrypted.
    pub sealed: Vec<SealedField>,
}

/// A disclosure under its subject's key.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct SealedField {
    /// Whose key opens it.
    pub subject: Subject,
    /// The field's name, also inside the disclosure.
    pub name: String,
    /// The nonce of AES-256-GCM.
    pub nonce: [u8; 12],
    /// The disclosure, encrypted, and the tag.
    pub ciphertext: Vec<u8>,
}

/// The body's bytes; none if a length does not fit its field.
pub(super) fn encode(leaf: &[u8], sealed: &[SealedField]) -> Option<Vec<u8>> {
    let mut body = Vec::with_capacity(leaf.len() + 256 * sealed.len() + 6);
    body.extend(u32::try_from(leaf.len()).ok()?.to_be_bytes());
    body.extend(leaf);
    body.extend(u16::try_from(sealed.len()).ok()?.to_be_bytes());
    for field in sealed {
        for text in [&field.subject.to_string(), &field.name] {
            body.extend(u16::try_from(text.len()).ok()?.to_be_bytes());
            body.extend(text.as_bytes());
        }
        body.extend(field.nonce);
        body.extend(u32::try_from(field.ciphertext.len()).ok()?.to_be_bytes());
        body.extend(&field.ciphertext);
    }
    Some(body)
}

/// Leaf and sealed fields of a body; none if it is not laid out as one, to the last byte.
pub(super) fn decode(body: &[u8]) -> Option<(Vec<u8>, Vec<SealedField>)> {
    let mut rest = Bytes(body);
    let leaf = rest.long()?.to_vec();
    let count = rest.u16()?;
    let mut sealed = Vec::new();
    for _ in 0..count {
        sealed.push(SealedField {
            subject: rest.text()?.parse().ok()?,
            name: rest.text()?.to_owned(),
            nonce: rest.array()?,
            ciphertext: rest.long()?.to_vec(),
        });
    }
    rest.0.is_empty().then_some((leaf, sealed))
}

/// What is left of a byte string while it is read from the front.
pub(super) struct Bytes<'a>(pub &'a [u8]);

impl<'a> Bytes<'a> {
    pub fn take(&mut self, n: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.0.split_at_checked(n)?;
        self.0 = rest;
        Some(taken)
    }
    pub fn array<const N: usize>(&mut self) -> Option<[u8; N]> {
        self.take(N)?.try_into().ok()
    }
    pub fn u16(&mut self) -> Option<u16> {
        self.array().map(u16::from_be_bytes)
    }
    pub fn u32(&mut self) -> Option<u32> {
        self.array().map(u32::from_be_bytes)
    }
    pub fn u64(&mut self) -> Option<u64> {
        self.array().map(u64::from_be_bytes)
    }
    fn long(&mut self) -> Option<&'a [u8]> {
        let n = usize::try_from(self.u32()?).ok()?;
        self.take(n)
    }
    fn text(&mut self) -> Option<&'a str> {
        let n = usize::from(self.u16()?);
        std::str::from_utf8(self.take(n)?).ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn field(n: u8, ciphertext: Vec<u8>) -> SealedField {
        SealedField { subject: Subject::Month("2026-11".to_owned()), name: format!("name{n}"), nonce: [n; 12], ciphertext }
    }

    proptest! {
        #[test]
        fn a_body_is_read_as_it_was_written(leaf: Vec<u8>, ciphertexts: Vec<Vec<u8>>) {
            let sealed: Vec<_> = (0u8..).zip(ciphertexts).map(|(n, ciphertext)| field(n, ciphertext)).collect();
            let body = encode(&leaf, &sealed).unwrap();
            prop_assert_eq!(decode(&body), Some((leaf, sealed)));
            prop_assert_eq!(decode(&body[..body.len() - 1]), None);
            prop_assert_eq!(decode(&[&body[..], &[0]].concat()), None);
        }

        #[test]
        fn any_bytes_are_a_body_or_none_but_never_a_panic(bytes: Vec<u8>) {
            if let Some((leaf, sealed)) = decode(&bytes) {
                prop_assert_eq!(encode(&leaf, &sealed), Some(bytes));
            }
        }
    }
}
