//! `GET /oauth2/{site}/.well-known/openid-configuration` (OpenID Connect Discovery §4) and its RFC 8414 twin.

use super::context::At;
use super::{Response, cors, reply};
use crate::query::discovery;
use http::header::CACHE_CONTROL;
use http::{HeaderValue, Method, StatusCode};
use serde::Serialize;

/// The route.
pub async fn endpoint(at: At) -> Response {
    let found = at.site.read(|state| state.site.as_ref().map(|site| discovery(state, site)));
    document(&at, &found)
}

/// A public document: any script may read it, and it may be kept for five minutes.
pub(super) fn document(at: &At, body: &impl Serialize) -> Response {
    document_for(at, body, 300)
}

/// A public document that may be kept for so many seconds.
pub(super) fn document_for(at: &At, body: &impl Serialize, seconds: u64) -> Response {
    match at.inbound.method {
        Method::GET | Method::HEAD => {
            let response = cors::public(reply::json(StatusCode::OK, body));
            let kept = HeaderValue::try_from(format!("public, max-age={seconds}")).unwrap_or(HeaderValue::from_static("no-cache"));
            reply::with_header(response, CACHE_CONTROL, kept)
        }
        _ => reply::method_not_allowed("GET"),
    }
}
