//! `GET /oauth2/{site}/jwk`, alias `/jwks` (RFC 7517 §5, SPEC.md a.7).

use super::Response;
use super::context::{At, failed};
use super::discovery::document_for;
use crate::query::{jwk_set, jwk_set_seconds};

/// The route.
pub async fn endpoint(at: At) -> Response {
    let now = at.ledger.now();
    let (keys, seconds, rests_on) = at.site.read(|state| {
        let rests_on = state.keys.iter().map(|key| key.changed).max();
        (jwk_set(state, now), jwk_set_seconds(state), rests_on)
    });
    // A key that a crash could still undo is shown to nobody.
    match rests_on {
        Some(seq) => match at.site.wait(seq).await {
            Ok(()) => document_for(&at, &keys, seconds),
            Err(failure) => failed(failure).await,
        },
        None => document_for(&at, &keys, seconds),
    }
}
