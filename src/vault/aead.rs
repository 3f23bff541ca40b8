//! Authenticated encryption of small secrets: AES-256-GCM (NIST SP 800-38D) with a random nonce.

use super::VaultError;
use aws_lc_rs::aead::{AES_256_GCM, Aad, NONCE_LEN, Nonce, RandomizedNonceKey};
use zeroize::Zeroizing;

/// A key for at most 2^32 sealings, the bound for random nonces of 96 bits (NIST SP 800-38D §8.3).
pub(super) struct Aead(RandomizedNonceKey);

impl Aead {
    /// The cipher with this key.
    pub(super) fn new(key: &[u8; 32]) -> Result<Self, VaultError> {
        Ok(Self(RandomizedNonceKey::new(&AES_256_GCM, key)?))
    }
    /// nonce ‖ ciphertext ‖ tag; `bound_to` must be the same when opening.
    pub(super) fn seal(&self, bound_to: &[&[u8]], plaintext: &[u8]) -> Result<Vec<u8>, VaultError> {
        let mut text = plaintext.to_vec();
        let nonce = self.0.seal_in_place_append_tag(Aad::from(joined(bound_to)), &mut text)?;
        Ok([nonce.as_ref().as_slice(), &text].concat())
    }
    /// The plaintext, or nothing if a byte of it or of `bound_to` differs.
    pub(super) fn open(&self, bound_to: &[&[u8]], sealed: &[u8]) -> Option<Zeroizing<Vec<u8>>> {
        let (nonce, text) = sealed.split_at_checked(NONCE_LEN)?;
        let nonce = Nonce::try_assume_unique_for_key(nonce).ok()?;
        let mut text = Zeroizing::new(text.to_vec());
        let length = self.0.open_in_place(nonce, Aad::from(joined(bound_to)), &mut text).ok()?.len();
        text.truncate(length);
        Some(text)
    }
}

/// The parts with their lengths before them, so that no two lists of parts join to the same bytes.
fn joined(parts: &[&[u8]]) -> Vec<u8> {
    parts.iter().flat_map(|part| part.len().to_be_bytes().into_iter().chain(part.iter().copied())).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_sealed_opens_only_unchanged_and_where_it_belongs() {
        let aead = Aead::new(&[7; 32]).unwrap();
        let sealed = aead.seal(&[b"ab", b"c"], b"secret").unwrap();
        assert_eq!(aead.open(&[b"ab", b"c"], &sealed).unwrap().as_slice(), b"secret");
        assert!(aead.open(&[b"a", b"bc"], &sealed).is_none());
        assert!(Aead::new(&[8; 32]).unwrap().open(&[b"ab", b"c"], &sealed).is_none());
        for at in 0..sealed.len() {
            let mut changed = sealed.clone();
            changed[at] ^= 1;
            assert!(aead.open(&[b"ab", b"c"], &changed).is_none(), "byte {at}");
            assert!(aead.open(&[b"ab", b"c"], &sealed[..at]).is_none(), "cut at {at}");
        }
    }

    #[test]
    fn sealing_twice_never_gives_the_same_bytes() {
        let aead = Aead::new(&[7; 32]).unwrap();
        assert_ne!(aead.seal(&[], b"secret").unwrap(), aead.seal(&[], b"secret").unwrap());
    }
}
