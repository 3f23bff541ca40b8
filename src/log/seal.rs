//! Sealing of personal data: AES-256-GCM under the subject's key. Destroying the key erases; no hash changes.

use super::{Disclosure, SealedField, StoredRecord};
use crate::terms::{Seq, SiteName, Subject};
use aws_lc_rs::aead::{AES_256_GCM, Aad, LessSafeKey, Nonce, UnboundKey};
use zeroize::Zeroizing;

/// The key of one subject, 256 bits; zeroed on drop, never shown.
pub struct SubjectKey(Zeroizing<[u8; 32]>);

impl SubjectKey {
    /// The key with these bytes.
    pub fn new(bytes: [u8; 32]) -> Self {
        Self(Zeroizing::new(bytes))
    }
}

/// Where subject keys come from: the vault.
pub trait SubjectKeys: Send + Sync {
    /// The subject's key at a site; none if it never had one or was erased.
    fn subject_key(&self, site: &SiteName, subject: &Subject) -> Result<Option<SubjectKey>, KeyError>;
}

/// The keys cannot be asked.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[error("the keys of the sealed fields cannot be read: {0}")]
pub struct KeyError(pub String);

/// Why a field was not sealed or opened.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum SealError {
    /// The cipher refused to work.
    #[error("the field could not be sealed")]
    Cipher,
    /// Another key, place or name than at sealing, or damaged bytes.
    #[error("the sealed field does not open with this key at this place")]
    NotOpened,
    /// What was inside is not a disclosure of that name.
    #[error("the sealed field is not a disclosure of its name")]
    NotADisclosure,
}

/// Where a sealed field belongs; the cipher's associated data binds it, so that no field can be moved to another place.
#[derive(Clone, Copy, Debug)]
pub struct SealPlace<'a> {
    /// The record's site.
    pub site: &'a SiteName,
    /// The record's number.
    pub seq: Seq,
    /// The field's name.
    pub name: &'a str,
}

impl SealPlace<'_> {
    /// `writ sealed field v1`, one byte length of the site, site, eight bytes seq (big-endian), name.
    fn associated_data(&self) -> Vec<u8> {
        let site = self.site.as_str().as_bytes();
        let mut data = b"writ sealed field v1".to_vec();
        data.push(u8::try_from(site.len()).unwrap_or(u8::MAX));
        data.extend(site);
        data.extend(self.seq.0.to_be_bytes());
        data.extend(self.name.as_bytes());
        data
    }
}

/// Encrypts; the tag's 16 bytes come last. A nonce must never be used twice with one key: 96 random bits allow 2^32 fields a
/// subject (NIST SP 800-38D §8.3).
pub fn seal(key: &SubjectKey, place: &SealPlace<'_>, nonce: [u8; 12], plain: &[u8]) -> Result<Vec<u8>, SealError> {
    let mut bytes = plain.to_vec();
    let aad = Aad::from(place.associated_data());
    cipher(key)?.seal_in_place_append_tag(Nonce::assume_unique_for_key(nonce), aad, &mut bytes).map_err(|_| SealError::Cipher)?;
    Ok(bytes)
}

/// Decrypts what [`seal`] gave.
pub fn open(key: &SubjectKey, place: &SealPlace<'_>, nonce: [u8; 12], ciphertext: &[u8]) -> Result<Zeroizing<Vec<u8>>, SealError> {
    let mut bytes = Zeroizing::new(ciphertext.to_vec());
    let aad = Aad::from(place.associated_data());
    let nonce = Nonce::assume_unique_for_key(nonce);
    let plain = cipher(key)?.open_in_place(nonce, aad, &mut bytes).map_err(|_| SealError::NotOpened)?.len();
    bytes.truncate(plain);
    Ok(bytes)
}

/// Opens one field of a record.
pub fn open_field(key: &SubjectKey, record: &StoredRecord, field: &SealedField) -> Result<Disclosure, SealError> {
    let place = SealPlace { site: &record.site, seq: record.seq, name: &field.name };
    let plain = open(key, &place, field.nonce, &field.ciphertext)?;
    let encoded = std::str::from_utf8(&plain).map_err(|_| SealError::NotADisclosure)?;
    Disclosure::decode(encoded).ok().filter(|disclosure| disclosure.name() == field.name).ok_or(SealError::NotADisclosure)
}

fn cipher(key: &SubjectKey) -> Result<LessSafeKey, SealError> {
    UnboundKey::new(&AES_256_GCM, key.0.as_slice()).map(LessSafeKey::new).map_err(|_| SealError::Cipher)
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEY: [u8; 32] = [7; 32];

    #[test]
    fn a_sealed_field_opens_only_at_its_place_with_its_key() {
        let (site, other) = (SiteName::default_site(), SiteName::server());
        let place = SealPlace { site: &site, seq: Seq(5), name: "email" };
        let sealed = seal(&SubjectKey::new(KEY), &place, [1; 12], b"a@b").unwrap();
        assert_eq!(sealed.len(), 3 + 16);
        let open_at = |key, place: &SealPlace<'_>, nonce| open(&SubjectKey::new(key), place, nonce, &sealed).map(|plain| plain.to_vec());
        assert_eq!(open_at(KEY, &place, [1; 12]), Ok(b"a@b".to_vec()));
        assert_eq!(open_at([8; 32], &place, [1; 12]), Err(SealError::NotOpened));
        assert_eq!(open_at(KEY, &place, [2; 12]), Err(SealError::NotOpened));
        assert_eq!(open_at(KEY, &SealPlace { site: &other, ..place }, [1; 12]), Err(SealError::NotOpened));
        assert_eq!(open_at(KEY, &SealPlace { seq: Seq(6), ..place }, [1; 12]), Err(SealError::NotOpened));
        assert_eq!(open_at(KEY, &SealPlace { name: "phone", ..place }, [1; 12]), Err(SealError::NotOpened));
    }

    #[test]
    fn every_flipped_bit_of_a_sealed_field_is_noticed() {
        let site = SiteName::default_site();
        let place = SealPlace { site: &site, seq: Seq(5), name: "email" };
        let sealed = seal(&SubjectKey::new(KEY), &place, [1; 12], b"a@b").unwrap();
        for bit in 0..sealed.len() * 8 {
            let mut flipped = sealed.clone();
            flipped[bit / 8] ^= 1 << (bit % 8);
            assert!(open(&SubjectKey::new(KEY), &place, [1; 12], &flipped).is_err(), "bit {bit}");
        }
        assert!(open(&SubjectKey::new(KEY), &place, [1; 12], b"short").is_err());
    }
}
