//! The JWK Set (RFC 7517 §5).

use crate::event::PublicJwk;
use crate::jose::{Curve, EcCurve, Jwk, JwkSet, KeyMaterial, KeyUse};
use crate::projection::{Key, State};
use crate::terms::{SigningAlgorithm, Timestamp};

/// The keys that a verifier may need, those that will sign soon among them. The key that signs RS256 now stands first, because a client of
/// the thread may take `keys[0]` (SPEC.md k-38).
pub fn jwk_set(state: &State, now: Timestamp) -> JwkSet {
    let first = state.keys.signing(SigningAlgorithm::Rs256, now).map(|key| key.kid);
    let mut keys: Vec<&Key> = state.keys.iter().filter(|key| !key.retired).collect();
    keys.sort_by_key(|key| Some(key.kid) != first);
    JwkSet::new(keys.into_iter().map(jwk))
}

/// So long a JWK Set may be kept (SPEC.md a.7).
const KEPT_SECONDS: u64 = 300;

/// How long a verifier may keep the set: less than new keys are shown before they sign, so that whoever fetches it again when that time is
/// over never meets a token of a key that it does not know. The tenth between is for the way that the answer travels.
pub fn jwk_set_seconds(state: &State) -> u64 {
    match state.site.as_ref().map_or(0, |site| site.settings.keys_publish_seconds) {
        // Nothing is promised: a new key signs at once.
        0 => KEPT_SECONDS,
        shown => KEPT_SECONDS.min(shown - shown.div_ceil(10)),
    }
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
