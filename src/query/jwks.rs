//! The JWK Set (RFC 7517 §5): the key that signs RS256 first, because a client of the thread may take `keys[0]` (SPEC.md k-38).

use crate::projection::{Key, State};
use crate::terms::SigningAlgorithm;
use serde_json::{Value, json};

/// The keys that a verifier may need, in their published order.
pub fn published(state: &State) -> Vec<&Key> {
    let first = state.keys.signing(SigningAlgorithm::Rs256).map(|key| key.kid);
    let mut keys: Vec<&Key> = state.keys.iter().filter(|key| !key.retired).collect();
    keys.sort_by_key(|key| Some(key.kid) != first);
    keys
}

/// The document.
pub fn jwk_set(state: &State) -> Value {
    let keys: Vec<Value> = published(state).into_iter().filter_map(jwk).collect();
    json!({ "keys": keys })
}

fn jwk(key: &Key) -> Option<Value> {
    let mut jwk = serde_json::to_value(&key.jwk).ok()?;
    let members = jwk.as_object_mut()?;
    members.insert("kid".into(), key.kid.to_string().into());
    members.insert("alg".into(), key.alg.as_str().into());
    members.insert("use".into(), "sig".into());
    Some(jwk)
}
