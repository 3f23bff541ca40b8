//! Signing keys. The private half lives in the vault under the same id.

use super::{Outcome, Severity};
use crate::terms::{KeyId, SigningAlgorithm, Timestamp};
use serde::{Deserialize, Serialize};

/// What happened to a signing key.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[serde(tag = "type")]
pub enum KeyEvent {
    /// A key exists and stands in the JWK Set. It signs new tokens of its algorithm at once, or from `signs_from` on.
    #[serde(rename = "key.generated")]
    Generated {
        kid: KeyId,
        alg: SigningAlgorithm,
        jwk: PublicJwk,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        signs_from: Option<Timestamp>,
    },
    /// The key takes over from an older one, which goes on verifying: at once, or at `signs_from`.
    #[serde(rename = "key.rotated")]
    Rotated {
        kid: KeyId,
        before: KeyId,
        alg: SigningAlgorithm,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        signs_from: Option<Timestamp>,
    },
    /// The key no longer verifies anything and is gone from the JWK Set.
    #[serde(rename = "key.retired")]
    Retired { kid: KeyId },
}

impl KeyEvent {
    pub(crate) fn weight(&self) -> (Outcome, Severity) {
        match self {
            Self::Generated { .. } => (Outcome::Success, Severity::Info),
            Self::Rotated { .. } | Self::Retired { .. } => (Outcome::Success, Severity::Low),
        }
    }
}

/// The members of a public JWK that belong to the key itself (RFC 7517 §4, RFC 7518 §6, RFC 8037 §2).
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[serde(tag = "kty")]
pub enum PublicJwk {
    /// An RSA key: modulus and exponent, base64url.
    #[serde(rename = "RSA")]
    Rsa { n: String, e: String },
    /// A P-256 key: `crv` and both coordinates of the point, base64url.
    #[serde(rename = "EC")]
    Ec { crv: String, x: String, y: String },
    /// An Ed25519 key: `crv` and the point, base64url.
    #[serde(rename = "OKP")]
    Okp { crv: String, x: String },
}
