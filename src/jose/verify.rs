//! Reading a signed token that came from outside (RFC 7515 §5.2, RFC 7519 §7.2).

use super::{PublicKey, VerifyError};
use crate::terms::{KeyId, strict_json};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};
use std::borrow::Borrow;

/// A longer text is refused before anything of it is read (THREATS.md A46).
pub const COMPACT_LENGTH_MAX: usize = 8192;

/// Header members that bring or fetch a key or a certificate, or change how the token is read (RFC 7515 §4.1, RFC 7797 §3,
/// RFC 7516 §4.1). A token of ours has none of them.
const REFUSED: [&str; 11] = ["crit", "jwk", "jku", "x5u", "x5c", "x5t", "x5t#S256", "b64", "enc", "zip", "cty"];

/// The content of a token whose signature was checked. Only [`verify`] makes one. Whether the token is alive is not yet known.
#[derive(Clone, PartialEq, Debug)]
pub struct Verified {
    kid: KeyId,
    typ: Option<String>,
    claims: Map<String, Value>,
}

impl Verified {
    /// The key that signed it.
    pub fn kid(&self) -> KeyId {
        self.kid
    }
    /// Its `typ`, as written (RFC 7515 §4.1.9).
    pub fn typ(&self) -> Option<&str> {
        self.typ.as_deref()
    }
    /// The claims as this type.
    ///
    /// # Errors
    /// [`VerifyError::ClaimsMalformed`] if they are not of its shape: a time that is not an integer, a missing claim.
    pub fn read<T: DeserializeOwned>(&self) -> Result<T, VerifyError> {
        serde_json::from_value(Value::Object(self.claims.clone())).map_err(|_| VerifyError::ClaimsMalformed)
    }
}

/// Checks a compact JWS against the key that its `kid` names in `keys`.
///
/// # Errors
/// See [`VerifyError`]; nothing of a refused token is returned.
pub fn verify<K: Borrow<PublicKey>>(compact: &str, keys: impl Fn(&KeyId) -> Option<K>) -> Result<Verified, VerifyError> {
    let parts = split(compact).ok_or(VerifyError::NotAJwt)?;
    let header = part(parts.header).and_then(|bytes| object(&bytes)).ok_or(VerifyError::NotAJwt)?;
    let claims = part(parts.claims).ok_or(VerifyError::NotAJwt)?;
    part(parts.signature).ok_or(VerifyError::NotAJwt)?;

    let alg = text(&header, "alg").ok_or(VerifyError::NotAJwt)?;
    if REFUSED.iter().any(|member| header.contains_key(*member)) {
        return Err(VerifyError::HeaderRefused);
    }
    let typ = match header.get("typ") {
        None => None,
        Some(Value::String(typ)) => Some(typ.clone()),
        Some(_) => return Err(VerifyError::NotAJwt),
    };
    let kid = text(&header, "kid").and_then(|kid| kid.parse::<KeyId>().ok()).ok_or(VerifyError::UnknownKey)?;
    let found = keys(&kid).ok_or(VerifyError::UnknownKey)?;
    let key: &PublicKey = found.borrow();
    if key.algorithm().as_str() != alg {
        return Err(VerifyError::HeaderRefused);
    }
    if !key.has_signed(parts.signed, parts.signature) {
        return Err(VerifyError::BadSignature);
    }
    let claims = object(&claims).ok_or(VerifyError::NotAJwt)?;
    Ok(Verified { kid, typ, claims })
}

pub(super) struct Parts<'a> {
    pub(super) header: &'a str,
    pub(super) claims: &'a str,
    pub(super) signature: &'a str,
    /// What the signature is over: header, dot, claims.
    pub(super) signed: &'a str,
}

pub(super) fn split(compact: &str) -> Option<Parts<'_>> {
    if compact.len() > COMPACT_LENGTH_MAX {
        return None;
    }
    let (signed, signature) = compact.rsplit_once('.')?;
    let (header, claims) = signed.split_once('.')?;
    (!claims.contains('.')).then_some(Parts { header, claims, signature, signed })
}

/// Strict base64url: no padding, no blanks, no stray bits at the end.
pub(super) fn part(encoded: &str) -> Option<Vec<u8>> {
    URL_SAFE_NO_PAD.decode(encoded).ok().filter(|bytes| !bytes.is_empty())
}

pub(super) fn object(bytes: &[u8]) -> Option<Map<String, Value>> {
    match strict_json(bytes)? {
        Value::Object(members) => Some(members),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Array(_) => None,
    }
}

fn text<'a>(header: &'a Map<String, Value>, member: &str) -> Option<&'a str> {
    header.get(member).and_then(Value::as_str)
}
