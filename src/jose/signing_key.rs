//! A key that signs. Parsed once: parsing costs two to three times a signature (ENGINE.md §4).

use super::{
    JoseError, PublicKey,
    jwks::{Curve, Jwk, KeyMaterial, KeyUse},
};
use crate::terms::{KeyId, SigningAlgorithm};
use aws_lc_rs::{
    rand::SystemRandom,
    signature::{Ed25519KeyPair, KeyPair, RSA_PKCS1_SHA256, RsaKeyPair},
};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use serde::Serialize;

/// A private key with its name and its one algorithm. The public half always comes from the private one (THREATS.md A51).
pub struct SigningKey {
    kid: KeyId,
    pair: Pair,
    /// The header up to `typ`; `kid` and `alg` need no escapes.
    header_start: String,
}

enum Pair {
    Rsa(Box<RsaKeyPair>),
    Ed25519(Box<Ed25519KeyPair>),
}

impl SigningKey {
    /// Parses a private key in PKCS#8 (RFC 5958), DER.
    ///
    /// # Errors
    /// [`JoseError::PrivateKey`] if it is not a sound key of the algorithm.
    pub fn from_pkcs8(kid: KeyId, algorithm: SigningAlgorithm, der: &[u8]) -> Result<Self, JoseError> {
        let pair = match algorithm {
            SigningAlgorithm::Rs256 => Pair::Rsa(Box::new(RsaKeyPair::from_pkcs8(der).map_err(|_| JoseError::PrivateKey)?)),
            SigningAlgorithm::EdDsa => Pair::Ed25519(Box::new(Ed25519KeyPair::from_pkcs8(der).map_err(|_| JoseError::PrivateKey)?)),
        };
        let header_start = format!(r#"{{"alg":"{algorithm}","kid":"{kid}","typ":"#);
        Ok(Self { kid, pair, header_start })
    }
    /// The key's name.
    pub fn kid(&self) -> KeyId {
        self.kid
    }
    /// The algorithm of its signatures.
    pub fn algorithm(&self) -> SigningAlgorithm {
        match self.pair {
            Pair::Rsa(_) => SigningAlgorithm::Rs256,
            Pair::Ed25519(_) => SigningAlgorithm::EdDsa,
        }
    }
    /// The claims as a JWT of this `typ`, in compact serialization (RFC 7515 §7.1). The same claims give the same bytes.
    ///
    /// # Errors
    /// [`JoseError::Claims`] if the claims are not a JSON object; [`JoseError::Signing`] if the library refuses.
    pub fn sign(&self, typ: &str, claims: &impl Serialize) -> Result<String, JoseError> {
        let typ = serde_json::to_string(typ).map_err(|_| JoseError::Claims)?;
        let claims = serde_json::to_vec(claims).map_err(|_| JoseError::Claims)?;
        if claims.first() != Some(&b'{') {
            return Err(JoseError::Claims);
        }
        let mut compact = String::with_capacity(512 + claims.len() * 2);
        URL_SAFE_NO_PAD.encode_string(format!("{}{typ}}}", self.header_start), &mut compact);
        compact.push('.');
        URL_SAFE_NO_PAD.encode_string(&claims, &mut compact);
        let signature = self.signature(compact.as_bytes())?;
        compact.push('.');
        URL_SAFE_NO_PAD.encode_string(&signature, &mut compact);
        Ok(compact)
    }
    /// The public half, as published.
    pub fn public_jwk(&self) -> Jwk {
        let material = match &self.pair {
            Pair::Rsa(pair) => KeyMaterial::Rsa {
                n: URL_SAFE_NO_PAD.encode(pair.public_key().modulus().big_endian_without_leading_zero()),
                e: URL_SAFE_NO_PAD.encode(pair.public_key().exponent().big_endian_without_leading_zero()),
            },
            Pair::Ed25519(pair) => KeyMaterial::Okp { crv: Curve::Ed25519, x: URL_SAFE_NO_PAD.encode(pair.public_key()) },
        };
        Jwk { material, kid: self.kid, alg: self.algorithm(), key_use: KeyUse::Sig }
    }
    /// The public half, for verification.
    ///
    /// # Errors
    /// [`JoseError::PublicKey`] if the key is too weak to be accepted here.
    pub fn public_key(&self) -> Result<PublicKey, JoseError> {
        PublicKey::from_jwk(&self.public_jwk())
    }

    /// The signature of these bytes.
    pub(super) fn signature(&self, message: &[u8]) -> Result<Vec<u8>, JoseError> {
        match &self.pair {
            Pair::Ed25519(pair) => Ok(pair.try_sign(message).map_err(|_| JoseError::Signing)?.as_ref().to_vec()),
            Pair::Rsa(pair) => {
                let mut signature = vec![0; pair.public_modulus_len()];
                // RSASSA-PKCS1-v1_5 has no randomness (RFC 8017 §8.2); the source only fills the signature's place.
                let signed = pair.sign(&RSA_PKCS1_SHA256, &SystemRandom::new(), message, &mut signature);
                signed.map(|()| signature).map_err(|_| JoseError::Signing)
            }
        }
    }
}
