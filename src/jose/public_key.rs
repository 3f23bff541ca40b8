//! A key that verifies, bound to its one algorithm.

use super::{
    JoseError,
    jwks::{Curve, EcCurve, Jwk, KeyMaterial},
};
use crate::terms::{KeyId, SigningAlgorithm};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use jsonwebtoken::{Algorithm, DecodingKey};

/// A public key from a JWK. What it verifies is never chosen by a token (THREATS.md A40).
pub struct PublicKey {
    kid: KeyId,
    algorithm: SigningAlgorithm,
    key: DecodingKey,
}

impl PublicKey {
    /// Reads the members of a JWK.
    ///
    /// # Errors
    /// [`JoseError::PublicKey`] if `kty` does not fit `alg`, a number is not base64url, an RSA modulus has fewer than 2048 bits or
    /// more than 4096, a coordinate on P-256 has not 32 bytes, or an Ed25519 key has not 32 bytes.
    pub fn from_jwk(jwk: &Jwk) -> Result<Self, JoseError> {
        let key = match (jwk.alg, &jwk.material) {
            (SigningAlgorithm::Rs256 | SigningAlgorithm::Ps256, KeyMaterial::Rsa { n, e }) => rsa(&decode(n)?, &decode(e)?)?,
            (SigningAlgorithm::Es256, KeyMaterial::Ec { crv: EcCurve::P256, x, y }) => p256(x, y)?,
            (SigningAlgorithm::EdDsa, KeyMaterial::Okp { crv: Curve::Ed25519, x }) => ed25519(&decode(x)?)?,
            (
                SigningAlgorithm::Rs256 | SigningAlgorithm::Ps256 | SigningAlgorithm::Es256 | SigningAlgorithm::EdDsa,
                KeyMaterial::Rsa { .. } | KeyMaterial::Ec { .. } | KeyMaterial::Okp { .. },
            ) => return Err(JoseError::PublicKey),
        };
        Ok(Self { kid: jwk.kid, algorithm: jwk.alg, key })
    }
    /// The key's name.
    pub fn kid(&self) -> KeyId {
        self.kid
    }
    /// The one algorithm it verifies.
    pub fn algorithm(&self) -> SigningAlgorithm {
        self.algorithm
    }
    /// Whether `signature` (base64url) is this key's signature of `message`.
    pub(super) fn has_signed(&self, message: &str, signature: &str) -> bool {
        let algorithm = match self.algorithm {
            SigningAlgorithm::Rs256 => Algorithm::RS256,
            SigningAlgorithm::Ps256 => Algorithm::PS256,
            SigningAlgorithm::Es256 => Algorithm::ES256,
            SigningAlgorithm::EdDsa => Algorithm::EdDSA,
        };
        jsonwebtoken::crypto::verify(signature, message.as_bytes(), &self.key, algorithm).unwrap_or(false)
    }
}

fn decode(text: &str) -> Result<Vec<u8>, JoseError> {
    URL_SAFE_NO_PAD.decode(text).map_err(|_| JoseError::PublicKey)
}

fn rsa(n: &[u8], e: &[u8]) -> Result<DecodingKey, JoseError> {
    match is_sound_rsa(n, e) {
        true => Ok(DecodingKey::from_rsa_raw_components(n, e)),
        false => Err(JoseError::PublicKey),
    }
}

/// Whether an RSA key of these numbers is strong enough to be believed, and not so large that it costs too much.
pub(super) fn is_sound_rsa(n: &[u8], e: &[u8]) -> bool {
    let strong = (256..=512).contains(&n.len()) && n.first().is_some_and(|first| *first >= 0x80);
    // RFC 8017 §3.1: an odd exponent of at least 3; a larger one than 65537 only costs time.
    let exponent = matches!(e, [1, 0, 1] | [3]);
    strong && exponent
}

fn p256(x: &str, y: &str) -> Result<DecodingKey, JoseError> {
    match (decode(x)?.len(), decode(y)?.len()) {
        (32, 32) => DecodingKey::from_ec_components(x, y).map_err(|_| JoseError::PublicKey),
        _ => Err(JoseError::PublicKey),
    }
}

fn ed25519(x: &[u8]) -> Result<DecodingKey, JoseError> {
    match x.len() {
        32 => Ok(DecodingKey::from_ed_der(x)),
        _ => Err(JoseError::PublicKey),
    }
}
