//! Request objects: the parameters of an authorization request as a JWT (RFC 9101 §4, OpenID Connect Core §6).

use super::client_key::ClientKey;
use super::verify::{object, part, split};
use crate::terms::{ClientAlgorithm, RequestObjectAlgorithm};
use serde_json::{Map, Value};

/// A request object, taken apart. Nothing of it is believed yet.
#[derive(Clone, Debug)]
pub struct RequestObject {
    /// Its algorithm; never symmetric.
    pub algorithm: RequestObjectAlgorithm,
    /// The key it names.
    pub kid: Option<String>,
    /// What it says.
    pub claims: Map<String, Value>,
    signed: String,
    signature: Vec<u8>,
}

/// Why a text is no request object.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum RequestObjectError {
    /// Not a JWT in compact serialization, or one with an extension, a key of its own, or the type of another kind of token.
    #[error("not a JWT that could be a request object")]
    Malformed,
    /// No algorithm that a client may sign request objects with.
    #[error("the algorithm is not one for request objects")]
    AlgorithmRefused,
}

/// Header members that bring or fetch a key or a certificate, or change how the object is read.
const REFUSED: [&str; 11] = ["crit", "jwk", "jku", "x5u", "x5c", "x5t", "x5t#S256", "b64", "enc", "zip", "cty"];
/// The `typ` of a request object, if it has one (RFC 9101 §10.8): another kind of token is none (THREATS.md A49).
const TYPES: [&str; 2] = ["jwt", "oauth-authz-req+jwt"];

impl RequestObject {
    /// Takes a text apart.
    ///
    /// # Errors
    /// See [`RequestObjectError`].
    pub fn parse(compact: &str) -> Result<Self, RequestObjectError> {
        let malformed = RequestObjectError::Malformed;
        let parts = split(compact).ok_or(malformed)?;
        let header = part(parts.header).and_then(|bytes| object(&bytes)).ok_or(malformed)?;
        let alg = header.get("alg").and_then(Value::as_str).ok_or(malformed)?;
        let algorithm: RequestObjectAlgorithm = alg.parse().map_err(|_| RequestObjectError::AlgorithmRefused)?;
        let kid = match header.get("kid") {
            None => None,
            Some(Value::String(kid)) => Some(kid.clone()),
            Some(_) => return Err(malformed),
        };
        if REFUSED.iter().any(|member| header.contains_key(*member)) || !has_right_type(&header) {
            return Err(malformed);
        }
        let claims = part(parts.claims).and_then(|bytes| object(&bytes)).ok_or(malformed)?;
        let signature = match (algorithm, parts.signature) {
            // RFC 7515 §A.5: an unsecured JWS has an empty third part.
            (RequestObjectAlgorithm::None, "") => Vec::new(),
            (RequestObjectAlgorithm::None, _) => return Err(malformed),
            (_, signature) => part(signature).ok_or(malformed)?,
        };
        Ok(Self { algorithm, kid, claims, signed: parts.signed.to_owned(), signature })
    }

    /// What its signature is made with; none if it has none.
    pub fn signed_with(&self) -> Option<ClientAlgorithm> {
        match self.algorithm {
            RequestObjectAlgorithm::None => None,
            RequestObjectAlgorithm::Rs256 => Some(ClientAlgorithm::Rs256),
            RequestObjectAlgorithm::Ps256 => Some(ClientAlgorithm::Ps256),
            RequestObjectAlgorithm::Es256 => Some(ClientAlgorithm::Es256),
            RequestObjectAlgorithm::EdDsa => Some(ClientAlgorithm::EdDsa),
        }
    }

    /// Whether this key signed it.
    pub fn is_signed_by(&self, key: &ClientKey) -> bool {
        self.signed_with().is_some_and(|algorithm| key.has_signed(algorithm, self.signed.as_bytes(), &self.signature))
    }
}

fn has_right_type(header: &Map<String, Value>) -> bool {
    let Some(typ) = header.get("typ") else { return true };
    let typ = typ.as_str().unwrap_or_default().to_ascii_lowercase();
    // RFC 7515 §4.1.9: `application/` may be left out.
    TYPES.contains(&typ.strip_prefix("application/").unwrap_or(&typ))
}

#[cfg(test)]
mod tests {
    use super::*;
    use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
    use serde_json::json;

    fn parse(header: Value, signature: &str) -> Result<RequestObject, RequestObjectError> {
        let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
        RequestObject::parse(&format!("{}.{}.{signature}", part(&header), part(&json!({ "scope": "openid" }))))
    }

    #[test]
    fn an_unsigned_object_has_no_third_part_and_a_signed_one_has() {
        assert_eq!(parse(json!({ "alg": "none" }), "").unwrap().claims, *json!({ "scope": "openid" }).as_object().unwrap());
        assert_eq!(parse(json!({ "alg": "none" }), "AAAA").unwrap_err(), RequestObjectError::Malformed);
        assert_eq!(parse(json!({ "alg": "RS256" }), "").unwrap_err(), RequestObjectError::Malformed);
        assert!(parse(json!({ "alg": "RS256", "typ": "oauth-authz-req+jwt" }), "AAAA").is_ok());
    }

    #[test]
    fn a_header_that_brings_keys_rules_or_another_type_is_refused() {
        for member in REFUSED {
            assert!(parse(json!({ "alg": "none", member: "x" }), "").is_err(), "{member}");
        }
        for typ in ["at+jwt", "logout+jwt", "dpop+jwt", "client-authentication+jwt", ""] {
            assert!(parse(json!({ "alg": "none", "typ": typ }), "").is_err(), "{typ}");
        }
        for alg in ["HS256", "None", "RS1", ""] {
            assert_eq!(parse(json!({ "alg": alg }), "").unwrap_err(), RequestObjectError::AlgorithmRefused, "{alg}");
        }
    }
}
