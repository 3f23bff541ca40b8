//! Keys of clients, as they register or publish them (RFC 7517). They only verify.

use super::JoseError;
use crate::event::ClientJwk;
use crate::terms::{ClientAlgorithm, Digest, strict_json};
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED, ECDSA_P384_SHA384_FIXED, ED25519, ParsedPublicKey, RSA_PKCS1_2048_8192_SHA256, RSA_PKCS1_2048_8192_SHA384,
    RSA_PSS_2048_8192_SHA256, RsaPublicKeyComponents, UnparsedPublicKey, VerificationAlgorithm,
};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use serde_json::Value;

/// A public key of a client.
pub struct ClientKey {
    kid: Option<String>,
    /// The one algorithm that the client bound it to; none if it did not.
    algorithm: Option<ClientAlgorithm>,
    material: Material,
    thumbprint: Digest,
}

enum Material {
    Rsa { n: Vec<u8>, e: Vec<u8> },
    P256(Vec<u8>),
    P384(Vec<u8>),
    Ed25519(Vec<u8>),
}

/// The keys of a client that can verify an assertion. Others in the same document are left out: keys for encryption, of other
/// curves, of kinds unknown here (RFC 7517 §5).
pub struct ClientKeySet(Vec<ClientKey>);

/// Which key an assertion means.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum NoSuchKey {
    /// None of the client's keys has this name and can verify this algorithm.
    #[error("the client has no such key for the algorithm")]
    Unknown,
    /// Several could be meant (OpenID Connect Core §10.1 demands a `kid` then).
    #[error("several keys of the client could be meant")]
    Ambiguous,
}

/// So many keys of a document are looked at.
const KEYS_MAX: usize = 32;

impl ClientKeySet {
    /// The usable keys among these.
    pub fn of<'a>(keys: impl IntoIterator<Item = &'a ClientJwk>) -> Self {
        Self(keys.into_iter().take(KEYS_MAX).filter_map(|key| ClientKey::from_jwk(key).ok()).collect())
    }
    /// The usable keys of a JWK Set document; nothing if it is none.
    pub fn parse(document: &[u8]) -> Option<Self> {
        let Some(Value::Object(mut members)) = strict_json(document) else { return None };
        let Some(Value::Array(keys)) = members.remove("keys") else { return None };
        let keys: Vec<ClientJwk> = keys.into_iter().filter_map(|key| serde_json::from_value(key).ok()).collect();
        Some(Self::of(&keys))
    }
    /// The key that an assertion with this header means. Without a `kid` there must be only one that could be meant.
    ///
    /// # Errors
    /// See [`NoSuchKey`].
    pub fn find(&self, kid: Option<&str>, algorithm: ClientAlgorithm) -> Result<&ClientKey, NoSuchKey> {
        let named = |key: &&ClientKey| kid.is_none_or(|kid| key.kid.as_deref() == Some(kid));
        let mut meant = self.0.iter().filter(named).filter(|key| key.fits(algorithm));
        match (meant.next(), meant.next()) {
            (Some(key), None) => Ok(key),
            (None, _) => Err(NoSuchKey::Unknown),
            (Some(_), Some(_)) => Err(NoSuchKey::Ambiguous),
        }
    }
    /// Whether any key can verify this algorithm; any of ours, if none is named.
    pub fn has_one_for(&self, algorithm: Option<ClientAlgorithm>) -> bool {
        let fits = |key: &ClientKey| algorithm.is_none_or(|algorithm| key.fits(algorithm));
        self.0.iter().any(fits)
    }
}

impl ClientKey {
    /// Reads the members of a JWK.
    ///
    /// # Errors
    /// [`JoseError::PublicKey`] if it is not for signatures, of a kind or curve not known here, malformed or too weak: an RSA modulus
    /// of fewer than 2048 or more than 4096 bits.
    pub fn from_jwk(jwk: &ClientJwk) -> Result<Self, JoseError> {
        let signs = jwk.key_use.as_deref().is_none_or(|key_use| key_use == "sig");
        let verifies = jwk.key_ops.as_ref().is_none_or(|ops| ops.iter().any(|op| op == "verify"));
        if !signs || !verifies {
            return Err(JoseError::PublicKey);
        }
        let material = Material::of(jwk)?;
        let algorithm: Option<ClientAlgorithm> = jwk.alg.as_deref().map(str::parse).transpose().map_err(|_| JoseError::PublicKey)?;
        if algorithm.is_some_and(|algorithm| !material.fits(algorithm)) {
            return Err(JoseError::PublicKey);
        }
        let thumbprint = material.thumbprint();
        Ok(Self { kid: jwk.kid.clone(), algorithm, material, thumbprint })
    }
    /// The key's digest by its own members, whatever it is called (RFC 7638 §3).
    pub fn thumbprint(&self) -> Digest {
        self.thumbprint
    }

    fn fits(&self, algorithm: ClientAlgorithm) -> bool {
        self.algorithm.is_none_or(|own| own.means(algorithm)) && self.material.fits(algorithm)
    }

    /// Whether `signature` is this key's over `message` with this algorithm.
    pub(super) fn has_signed(&self, algorithm: ClientAlgorithm, message: &[u8], signature: &[u8]) -> bool {
        let checked = |algorithm: &'static dyn VerificationAlgorithm, key: &[u8]| {
            UnparsedPublicKey::new(algorithm, key).verify(message, signature).is_ok()
        };
        match (&self.material, algorithm) {
            _ if !self.fits(algorithm) => false,
            (Material::Rsa { n, e }, _) => {
                let parameters = match algorithm {
                    ClientAlgorithm::Rs384 => &RSA_PKCS1_2048_8192_SHA384,
                    ClientAlgorithm::Ps256 => &RSA_PSS_2048_8192_SHA256,
                    ClientAlgorithm::Rs256
                    | ClientAlgorithm::Es256
                    | ClientAlgorithm::Es384
                    | ClientAlgorithm::EdDsa
                    | ClientAlgorithm::Ed25519 => &RSA_PKCS1_2048_8192_SHA256,
                };
                RsaPublicKeyComponents { n, e }.verify(parameters, message, signature).is_ok()
            }
            (Material::P256(point), _) => checked(&ECDSA_P256_SHA256_FIXED, point),
            (Material::P384(point), _) => checked(&ECDSA_P384_SHA384_FIXED, point),
            (Material::Ed25519(x), _) => checked(&ED25519, x),
        }
    }
}

impl Material {
    fn of(jwk: &ClientJwk) -> Result<Self, JoseError> {
        let member = |text: &Option<String>| -> Result<Vec<u8>, JoseError> {
            let bytes = text.as_deref().and_then(|text| URL_SAFE_NO_PAD.decode(text).ok());
            bytes.filter(|bytes| !bytes.is_empty()).ok_or(JoseError::PublicKey)
        };
        let point = |length: usize| -> Result<Vec<u8>, JoseError> {
            let (x, y) = (member(&jwk.x)?, member(&jwk.y)?);
            // SEC 1 §2.3.3: an uncompressed point is the byte 4 and both coordinates, each of the curve's full length.
            let whole = x.len() == length && y.len() == length;
            whole.then(|| [&[4], x.as_slice(), y.as_slice()].concat()).ok_or(JoseError::PublicKey)
        };
        match (jwk.kty.as_str(), jwk.crv.as_deref()) {
            ("RSA", _) => {
                let (n, e) = (member(&jwk.n)?, member(&jwk.e)?);
                super::public_key::is_sound_rsa(&n, &e).then_some(Self::Rsa { n, e }).ok_or(JoseError::PublicKey)
            }
            ("EC", Some("P-256")) => on_curve(&ECDSA_P256_SHA256_FIXED, point(32)?).map(Self::P256),
            ("EC", Some("P-384")) => on_curve(&ECDSA_P384_SHA384_FIXED, point(48)?).map(Self::P384),
            ("OKP", Some("Ed25519")) => match member(&jwk.x)? {
                x if x.len() == 32 => Ok(Self::Ed25519(x)),
                _ => Err(JoseError::PublicKey),
            },
            (_, _) => Err(JoseError::PublicKey),
        }
    }

    fn fits(&self, algorithm: ClientAlgorithm) -> bool {
        match algorithm {
            ClientAlgorithm::Rs256 | ClientAlgorithm::Rs384 | ClientAlgorithm::Ps256 => matches!(self, Self::Rsa { .. }),
            ClientAlgorithm::Es256 => matches!(self, Self::P256(_)),
            ClientAlgorithm::Es384 => matches!(self, Self::P384(_)),
            ClientAlgorithm::EdDsa | ClientAlgorithm::Ed25519 => matches!(self, Self::Ed25519(_)),
        }
    }

    fn thumbprint(&self) -> Digest {
        let text = |bytes: &[u8]| URL_SAFE_NO_PAD.encode(bytes);
        let point = |crv: &str, point: &[u8]| {
            let coordinates = point.strip_prefix(&[4]).unwrap_or(point);
            let (x, y) = coordinates.split_at_checked(coordinates.len() / 2).unwrap_or((coordinates, &[]));
            format!(r#"{{"crv":"{crv}","kty":"EC","x":"{}","y":"{}"}}"#, text(x), text(y))
        };
        let members = match self {
            Self::Rsa { n, e } => format!(r#"{{"e":"{}","kty":"RSA","n":"{}"}}"#, text(e), text(n)),
            Self::P256(of) => point("P-256", of),
            Self::P384(of) => point("P-384", of),
            Self::Ed25519(x) => format!(r#"{{"crv":"Ed25519","kty":"OKP","x":"{}"}}"#, text(x)),
        };
        Digest::of(members.as_bytes())
    }
}

fn on_curve(algorithm: &'static dyn VerificationAlgorithm, point: Vec<u8>) -> Result<Vec<u8>, JoseError> {
    match ParsedPublicKey::new(algorithm, &point) {
        Ok(_) => Ok(point),
        Err(_) => Err(JoseError::PublicKey),
    }
}
