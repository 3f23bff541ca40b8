//! `GET /oauth2/{site}/jwk`, alias `/jwks` (RFC 7517 §5, SPEC.md a.7).

use super::Response;
use super::context::At;
use super::discovery::document;
use crate::query::jwk_set;

/// The route.
pub async fn endpoint(at: At) -> Response {
    let keys = at.site.read(jwk_set);
    document(&at, &keys)
}
