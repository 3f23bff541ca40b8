//! Plaintext secrets. No `Debug`, `Display`, `Serialize` or `Clone`; zeroed on drop; compared by digest in constant time.

use super::Digest;
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use subtle::ConstantTimeEq;
use zeroize::Zeroizing;

/// A secret in clear: a code, a refresh token, a client secret, a password, a cookie.
pub struct Secret(Zeroizing<String>);

impl Secret {
    /// A secret that came from outside.
    pub fn new(text: String) -> Self {
        Self(Zeroizing::new(text))
    }
    /// A secret of these random bytes, as base64url: 32 bytes give 43 characters, 64 give 86.
    pub fn from_entropy(bytes: &[u8]) -> Self {
        Self(Zeroizing::new(URL_SAFE_NO_PAD.encode(bytes)))
    }
    /// What may be stored of it.
    pub fn digest(&self) -> Digest {
        Digest::of(self.0.as_bytes())
    }
    /// Whether this is the secret of that digest, in constant time.
    pub fn matches(&self, stored: &Digest) -> bool {
        self.digest().bytes().ct_eq(stored.bytes()).into()
    }
    /// The secret itself, for the one response or the one computation that needs it.
    pub fn expose(&self) -> &str {
        &self.0
    }
}
