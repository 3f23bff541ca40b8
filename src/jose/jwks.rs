//! Public keys as published: the JWK (RFC 7517 §4) and the JWK Set (RFC 7517 §5).

use crate::terms::{KeyId, SigningAlgorithm};
use serde::{Deserialize, Serialize};

/// A public signing key. Members come in a fixed order, so that the document is the same bytes each time.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Jwk {
    /// `kty` and the members that belong to it.
    #[serde(flatten)]
    pub material: KeyMaterial,
    /// The key's name (RFC 7517 §4.5).
    pub kid: KeyId,
    /// The one algorithm it is used with (RFC 7517 §4.4).
    pub alg: SigningAlgorithm,
    /// What it is for (RFC 7517 §4.2).
    #[serde(rename = "use")]
    pub key_use: KeyUse,
}

/// The key itself; numbers are base64url without padding.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(tag = "kty")]
pub enum KeyMaterial {
    /// RFC 7518 §6.3.1.
    #[serde(rename = "RSA")]
    Rsa {
        /// The modulus.
        n: String,
        /// The exponent.
        e: String,
    },
    /// RFC 7518 §6.2.1.
    #[serde(rename = "EC")]
    Ec {
        /// The curve.
        crv: EcCurve,
        /// The point's first coordinate.
        x: String,
        /// The point's second coordinate.
        y: String,
    },
    /// RFC 8037 §2.
    #[serde(rename = "OKP")]
    Okp {
        /// The curve.
        crv: Curve,
        /// The public key.
        x: String,
    },
}

/// The curve of an octet key pair.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub enum Curve {
    /// RFC 8037 §3.1.
    Ed25519,
}

/// The curve of an elliptic curve key.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub enum EcCurve {
    /// RFC 7518 §6.2.1.1.
    #[serde(rename = "P-256")]
    P256,
}

/// The use of a key. Ours only sign.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum KeyUse {
    /// Signature.
    Sig,
}

/// The document behind `jwks_uri`. An RS256 key stands first, because some clients take the first (SPEC.md k-38).
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct JwkSet {
    keys: Vec<Jwk>,
}

impl JwkSet {
    /// The set of these keys: RS256 keys first, otherwise in the order given.
    pub fn new(keys: impl IntoIterator<Item = Jwk>) -> Self {
        let (mut rs256, others): (Vec<_>, Vec<_>) = keys.into_iter().partition(|key| key.alg == SigningAlgorithm::Rs256);
        rs256.extend(others);
        Self { keys: rs256 }
    }
    /// The keys, as published.
    pub fn keys(&self) -> &[Jwk] {
        &self.keys
    }
}
