//! What is derived from a site's root: HKDF-SHA-256 (RFC 5869), one key for each purpose.

use super::{VaultError, aead::Aead};
use crate::terms::Digest;
use aws_lc_rs::{
    error::Unspecified,
    hkdf::{HKDF_SHA256, KeyType, Prk, Salt},
    hmac::{self, HMAC_SHA256},
};
use zeroize::Zeroizing;

/// The derived keys of one site. The root behind them is never rotated: refresh tokens and logins must stay recognizable.
pub struct SiteKeys {
    root: Prk,
    login: hmac::Key,
    refresh: hmac::Key,
    pairwise: hmac::Key,
    refresh_key_id: [u8; 4],
    checkpoint_seed: Zeroizing<[u8; 32]>,
}

impl SiteKeys {
    pub(super) fn derive(root: &[u8; 32]) -> Result<Self, VaultError> {
        let root = Salt::new(HKDF_SHA256, b"writ site root 1").extract(root);
        let login = hmac::Key::new(HMAC_SHA256, expand::<32>(&root, &[b"login"])?.as_slice());
        let refresh = hmac::Key::new(HMAC_SHA256, expand::<32>(&root, &[b"refresh"])?.as_slice());
        let pairwise = hmac::Key::new(HMAC_SHA256, expand::<32>(&root, &[b"pairwise"])?.as_slice());
        let refresh_key_id = *expand::<4>(&root, &[b"refresh key id"])?;
        let checkpoint_seed = expand::<32>(&root, &[b"checkpoint"])?;
        Ok(Self { root, login, refresh, pairwise, refresh_key_id, checkpoint_seed })
    }

    /// What stands for a username in public parts of the log: HMAC-SHA-256, because a bare digest of a name could be guessed.
    /// The caller normalizes the name.
    pub fn login(&self, normalized: &str) -> Digest {
        Digest::from_bytes(sign(&self.login, normalized.as_bytes()))
    }

    /// What the clients of a sector know a person by: HMAC-SHA-256, because whoever knows a user's id and a host could work out a bare
    /// digest (OpenID Connect Core §8.1). No sector contains a NUL.
    pub fn pairwise(&self, sector: &str, user: &[u8; 16]) -> Digest {
        Digest::from_bytes(sign(&self.pairwise, &[sector.as_bytes(), b"\0", user].concat()))
    }

    /// The HMAC-SHA-256 of a refresh token's other parts (DESIGN.md §6).
    pub fn refresh_mac(&self, message: &[u8]) -> [u8; 32] {
        sign(&self.refresh, message)
    }

    /// Whether `mac` is the refresh MAC of `message`, in constant time (THREATS.md A62). A mac of another length is not.
    pub fn verify_refresh_mac(&self, message: &[u8], mac: &[u8]) -> bool {
        hmac::verify(&self.refresh, message, mac).is_ok()
    }

    /// Which site's root made a refresh token; public, and no help in finding the root.
    pub fn refresh_key_id(&self) -> [u8; 4] {
        self.refresh_key_id
    }

    /// Encrypts what travels through a browser or waits in a form: AES-256-GCM with a key for the purpose and a random nonce.
    /// 28 bytes longer than the plaintext. It opens only with the same `purpose` and `bound_to`.
    ///
    /// # Errors
    /// [`VaultError::Crypto`] if the operating system has no entropy.
    pub fn seal(&self, purpose: &'static str, plaintext: &[u8], bound_to: &[u8]) -> Result<Vec<u8>, VaultError> {
        self.purpose_key(purpose)?.seal(&[purpose.as_bytes(), bound_to], plaintext)
    }

    /// What was sealed for this purpose and bound to this; nothing if a byte differs.
    pub fn open(&self, purpose: &'static str, sealed: &[u8], bound_to: &[u8]) -> Option<Zeroizing<Vec<u8>>> {
        self.purpose_key(purpose).ok()?.open(&[purpose.as_bytes(), bound_to], sealed)
    }

    /// The Ed25519 seed (RFC 8032 §5.1.5) of the key that signs the site's checkpoints.
    pub fn checkpoint_seed(&self) -> Zeroizing<[u8; 32]> {
        self.checkpoint_seed.clone()
    }

    fn purpose_key(&self, purpose: &'static str) -> Result<Aead, VaultError> {
        let key = expand::<32>(&self.root, &[b"seal: ", purpose.as_bytes()])?;
        Aead::new(&key)
    }
}

fn expand<const N: usize>(root: &Prk, info: &[&[u8]]) -> Result<Zeroizing<[u8; N]>, Unspecified> {
    let mut key = Zeroizing::new([0; N]);
    root.expand(info, Length(N))?.fill(key.as_mut_slice())?;
    Ok(key)
}

struct Length(usize);
impl KeyType for Length {
    fn len(&self) -> usize {
        self.0
    }
}

fn sign(key: &hmac::Key, message: &[u8]) -> [u8; 32] {
    let mut mac = [0; 32];
    mac.iter_mut().zip(hmac::sign(key, message).as_ref()).for_each(|(to, from)| *to = *from);
    mac
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refresh_mac_verifies_only_whole_unchanged_and_at_its_site() {
        let keys = SiteKeys::derive(&[1; 32]).unwrap();
        let mac = keys.refresh_mac(b"message");
        assert!(keys.verify_refresh_mac(b"message", &mac));
        assert!(!keys.verify_refresh_mac(b"massage", &mac));
        assert!(!keys.verify_refresh_mac(b"message", &mac[..31]));
        assert!(!keys.verify_refresh_mac(b"message", &[]));
        let other = SiteKeys::derive(&[2; 32]).unwrap();
        assert!(!other.verify_refresh_mac(b"message", &mac));
        assert_ne!(other.refresh_key_id(), keys.refresh_key_id());
    }

    #[test]
    fn every_purpose_has_its_own_key() {
        let keys = SiteKeys::derive(&[1; 32]).unwrap();
        assert_ne!(keys.login("ann").bytes(), &keys.refresh_mac(b"ann"));
        assert_ne!(*keys.checkpoint_seed(), [1; 32]);
        let sealed = keys.seal("consent", b"plain", b"session").unwrap();
        assert_eq!(sealed.len(), 5 + 28);
        assert_eq!(keys.open("consent", &sealed, b"session").unwrap().as_slice(), b"plain");
        assert!(keys.open("sign-in", &sealed, b"session").is_none());
        assert!(keys.open("consent", &sealed, b"another").is_none());
    }

    #[test]
    fn what_a_root_derives_never_changes() {
        let keys = SiteKeys::derive(&[1; 32]).unwrap();
        let derived = [
            keys.login("ann"),
            keys.pairwise("app.example", &[7; 16]),
            Digest::from_bytes(keys.refresh_mac(b"ann")),
            Digest::of(keys.checkpoint_seed().as_slice()),
        ];
        // Worked out apart from this code, with HMAC-SHA-256 and RFC 5869 alone.
        assert_eq!(
            derived.map(|digest| digest.to_string()),
            [
                "yjOuFVP56V1-It4WV0sDk5vXmnqS1xVHRIcV219yYJ4",
                "UyBDfe_gZLsb4MgSSaDWkwqk0-lsqPlr1npaKX32Qac",
                "d5PhtCyiFBqv1QQUZYOlnWyqjY8JupRQcFHfaON0JFM",
                "qsJuG5ZLuTXTlw0mSDJLZLNnuf0s6tPYaY8XbzC57Dc",
            ]
        );
    }
}
