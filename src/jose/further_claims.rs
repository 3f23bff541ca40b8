//! Claims beyond those that every token of a kind has: what scopes ask for, what SMART adds.

use super::JoseError;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::collections::BTreeMap;

/// Further claims by name, sorted. None of them is a claim that tokens have anyway: a JSON object with a member twice would mean
/// something else to each reader (RFC 7519 §4).
#[derive(Clone, PartialEq, Debug, Default, Serialize, Deserialize)]
#[serde(try_from = "BTreeMap<String, Value>")]
pub struct FurtherClaims(BTreeMap<String, Value>);

/// The claims that access tokens and ID tokens have as members of their own.
const RESERVED: [&str; 19] = [
    "acr",
    "amr",
    "at_hash",
    "aud",
    "auth_time",
    "c_hash",
    "client_id",
    "exp",
    "iat",
    "iss",
    "jti",
    "nbf",
    "nonce",
    "scope",
    "scopes",
    "sid",
    "site",
    "sub",
    "azp",
];

impl FurtherClaims {
    /// These claims.
    ///
    /// # Errors
    /// [`JoseError::ReservedClaim`] if one has the name of a claim that tokens have as a member of their own.
    pub fn new(claims: impl IntoIterator<Item = (String, Value)>) -> Result<Self, JoseError> {
        claims.into_iter().collect::<BTreeMap<_, _>>().try_into()
    }
}

/// Also the way in when a token is read: a claim that the kind of token does not have, as `jti` in an ID token, ends up here.
impl TryFrom<BTreeMap<String, Value>> for FurtherClaims {
    type Error = JoseError;
    fn try_from(claims: BTreeMap<String, Value>) -> Result<Self, JoseError> {
        match RESERVED.iter().any(|name| claims.contains_key(*name)) {
            true => Err(JoseError::ReservedClaim),
            false => Ok(Self(claims)),
        }
    }
}
