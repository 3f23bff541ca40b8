//! How a client will prove who it is, as it registers: its public keys, or where they are (RFC 7591 §2, OpenID Connect Registration §2).
//! Nothing is fetched at registration (THREATS.md A53).

use super::metadata::unacceptable;
use super::reader::Reader;
use crate::command::Refused;
use crate::event::{ClientJwk, ClientJwks};
use crate::jose::ClientKeySet;
use crate::terms::{ClientAlgorithm, HttpsUrl, TokenEndpointAuthMethod};
use serde_json::{Map, Value};

/// What a client says of its keys.
#[derive(Default)]
pub(super) struct Keys {
    pub(super) signing_alg: Option<ClientAlgorithm>,
    pub(super) jwks: Option<ClientJwks>,
    pub(super) jwks_uri: Option<HttpsUrl>,
}

/// The most keys in one set, and the longest member of one: a modulus of 4096 bits has 683 characters.
const KEYS_MAX: usize = 20;
const MEMBER_LENGTH_MAX: usize = 700;
/// What only a private or a shared key has (RFC 7518 §6.2.2, §6.3.2, §6.4.1, RFC 8037 §2).
const PRIVATE: [&str; 8] = ["d", "p", "q", "dp", "dq", "qi", "oth", "k"];

/// Reads the members. A client of another method may register keys too; its `token_endpoint_auth_signing_alg` means nothing, and some
/// libraries send one.
pub(super) fn keys(read: &Reader<'_>, method: TokenEndpointAuthMethod) -> Result<Keys, Refused> {
    let (jwks, jwks_uri) = (jwks(read)?, jwks_uri(read)?);
    if jwks.is_some() && jwks_uri.is_some() {
        return Err(unacceptable("jwks and jwks_uri exclude each other"));
    }
    if method != TokenEndpointAuthMethod::PrivateKeyJwt {
        return Ok(Keys { signing_alg: None, jwks, jwks_uri });
    }
    let signing_alg = read.word("token_endpoint_auth_signing_alg")?;
    match (&jwks, &jwks_uri) {
        (None, None) => Err(unacceptable("private_key_jwt needs jwks or jwks_uri")),
        (Some(jwks), _) if !ClientKeySet::of(&jwks.keys).has_one_for(signing_alg) => {
            Err(unacceptable("jwks has no key for the signatures of private_key_jwt"))
        }
        (_, _) => Ok(Keys { signing_alg, jwks, jwks_uri }),
    }
}

fn jwks_uri(read: &Reader<'_>) -> Result<Option<HttpsUrl>, Refused> {
    let text = read.text("jwks_uri", 2000)?;
    text.map(|text| text.parse().map_err(|_| unacceptable("jwks_uri is not an https URL"))).transpose()
}

fn jwks(read: &Reader<'_>) -> Result<Option<ClientJwks>, Refused> {
    let Some(value) = read.0.get("jwks").filter(|value| !value.is_null()) else { return Ok(None) };
    let keys = value.get("keys").and_then(Value::as_array).filter(|keys| (1..=KEYS_MAX).contains(&keys.len()));
    let keys = keys.ok_or_else(|| unacceptable(format!("jwks is not a set of one to {KEYS_MAX} keys")))?;
    let keys = keys.iter().map(|key| key.as_object().ok_or_else(|| unacceptable("a key of jwks is not an object")).and_then(public));
    Ok(Some(ClientJwks { keys: keys.collect::<Result<_, _>>()? }))
}

fn public(members: &Map<String, Value>) -> Result<ClientJwk, Refused> {
    if PRIVATE.iter().any(|name| members.contains_key(*name)) {
        return Err(unacceptable("jwks must hold public keys only"));
    }
    let key: ClientJwk = serde_json::from_value(Value::Object(members.clone())).map_err(|_| unacceptable("a key of jwks is malformed"))?;
    let ClientJwk { kty, kid, alg, key_use, key_ops, crv, x, y, n, e } = &key;
    let texts = [kid, alg, key_use, crv, x, y, n, e].into_iter().flatten().chain([kty]).chain(key_ops.iter().flatten());
    let short = texts.into_iter().all(|text| text.len() <= MEMBER_LENGTH_MAX);
    match short && key_ops.as_ref().is_none_or(|ops| ops.len() <= KEYS_MAX) {
        true => Ok(key),
        false => Err(unacceptable("a key of jwks is too large")),
    }
}
