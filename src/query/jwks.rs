//! The JWK Set (RFC 7517 §5).

use crate::event::PublicJwk;
use crate::jose::{Curve, EcCurve, Jwk, JwkSet, KeyMaterial, KeyUse};
use crate::projection::{Key, State};
use crate::terms::SigningAlgorithm;

/// The keys that a verifier may need. The key that signs RS256 stands first, because a client of the thread may take `keys[0]`
/// (SPEC.md k-38).
pub fn jwk_set(state: &State) -> JwkSet {
    let first = state.keys.signing(SigningAlgorithm::Rs256).map(|key| key.kid);
    let mut keys: Vec<&Key> = state.keys.iter().filter(|key| !key.retired).collect();
    keys.sort_by_key(|key| Some(key.kid) != first);
    JwkSet::new(keys.into_iter().map(jwk))
}

/// A key as it is published.
pub fn jwk(key: &Key) -> Jwk {
    let material = match key.jwk.clone() {
        PublicJwk::Rsa { n, e } => KeyMaterial::Rsa { n, e },
        PublicJwk::Ec { x, y, .. } => KeyMaterial::Ec { crv: EcCurve::P256, x, y },
        PublicJwk::Okp { x, .. } => KeyMaterial::Okp { crv: Curve::Ed25519, x },
    };
    Jwk { material, kid: key.kid, alg: key.alg, key_use: KeyUse::Sig }
}
