//! A key that signs. Parsed once: parsing costs two to three times a signature (ENGINE.md §4).

use super::{
    JoseError, PublicKey,
    jwks::{Curve, EcCurve, Jwk, KeyMaterial, KeyUse},
};
use crate::terms::{KeyId, SigningAlgorithm};
use aws_lc_rs::{
    rand::SystemRandom,
    signature::{
        ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, Ed25519KeyPair, KeyPair, RSA_PKCS1_SHA256, RSA_PSS_SHA256, RsaEncoding, RsaKeyPair,
    },
};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use serde::Serialize;

/// A private key with its name and its one algorithm. The public half always comes from the private one (THREATS.md A51).
pub struct SigningKey {
    kid: KeyId,
    algorithm: SigningAlgorithm,
    pair: Pair,
    /// The header up to `typ`; `kid` and `alg` need no escapes.
    header_start: String,
}

enum Pair {
    Rsa(Box<RsaKeyPair>, &'static dyn RsaEncoding),
    P256(Box<EcdsaKeyPair>),
    Ed25519(Box<Ed25519KeyPair>),
}

impl SigningKey {
    /// Parses a private key in PKCS#8 (RFC 5958), DER.
    ///
    /// # Errors
    /// [`JoseError::PrivateKey`] if it is not a sound key of the algorithm.
    pub fn from_pkcs8(kid: KeyId, algorithm: SigningAlgorithm, der: &[u8]) -> Result<Self, JoseError> {
        let pair = match algorithm {
            SigningAlgorithm::Rs256 => Pair::Rsa(rsa(der)?, &RSA_PKCS1_SHA256),
            SigningAlgorithm::Ps256 => Pair::Rsa(rsa(der)?, &RSA_PSS_SHA256),
            SigningAlgorithm::Es256 => {
                let pair = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, der);
                Pair::P256(Box::new(pair.map_err(|_| JoseError::PrivateKey)?))
            }
            SigningAlgorithm::EdDsa => Pair::Ed25519(Box::new(Ed25519KeyPair::from_pkcs8(der).map_err(|_| JoseError::PrivateKey)?)),
        };
        let header_start = format!(r#"{{"alg":"{algorithm}","kid":"{kid}","typ":"#);
        Ok(Self { kid, algorithm, pair, header_start })
    }
    /// The key's name.
    pub fn kid(&self) -> KeyId {
        self.kid
    }
    /// The algorithm of its signatures.
    pub fn algorithm(&self) -> SigningAlgorithm {
        self.algorithm
    }
    /// The claims as a JWT of this `typ`, in compact serialization (RFC 7515 §7.1). The same claims give the same bytes
    /// if the algorithm is deterministic, and otherwise the same header and claims.
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
            Pair::Rsa(pair, _) => KeyMaterial::Rsa {
                n: URL_SAFE_NO_PAD.encode(pair.public_key().modulus().big_endian_without_leading_zero()),
                e: URL_SAFE_NO_PAD.encode(pair.public_key().exponent().big_endian_without_leading_zero()),
            },
            Pair::P256(pair) => {
                // SEC 1 §2.3.3: an uncompressed point is the byte 4 and both coordinates.
                let point = pair.public_key().as_ref();
                let (x, y) = point.split_at_checked(33).unwrap_or((point, &[]));
                let x = URL_SAFE_NO_PAD.encode(x.strip_prefix(&[4]).unwrap_or(x));
                KeyMaterial::Ec { crv: EcCurve::P256, x, y: URL_SAFE_NO_PAD.encode(y) }
            }
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
            Pair::P256(pair) => {
                let signature = pair.sign(&SystemRandom::new(), message).map_err(|_| JoseError::Signing)?;
                Ok(signature.as_ref().to_vec())
            }
            Pair::Rsa(pair, encoding) => {
                let mut signature = vec![0; pair.public_modulus_len()];
                // RSASSA-PKCS1-v1_5 has no randomness (RFC 8017 §8.2), for PSS the library draws the salt itself.
                let signed = pair.sign(*encoding, &SystemRandom::new(), message, &mut signature);
                signed.map(|()| signature).map_err(|_| JoseError::Signing)
            }
        }
    }
}

fn rsa(der: &[u8]) -> Result<Box<RsaKeyPair>, JoseError> {
    RsaKeyPair::from_pkcs8(der).map(Box::new).map_err(|_| JoseError::PrivateKey)
}
