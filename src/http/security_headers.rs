//! The header fields of every response, errors too (THREATS.md A66, A86; ASVS 5.0 V3.4).

use super::{Response, peer::Peer};
use crate::terms::RequestId;
use http::{
    HeaderName, HeaderValue,
    header::{CACHE_CONTROL, CONTENT_SECURITY_POLICY, REFERRER_POLICY, STRICT_TRANSPORT_SECURITY, X_CONTENT_TYPE_OPTIONS},
};

/// Nothing may be loaded, run, submitted or framed: right for everything that is not a page. Pages bring their own.
const POLICY: &str = "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/// Adds what the response does not have yet, and the request's id.
pub fn add(response: &mut Response, corr: RequestId, peer: Option<Peer>) {
    let headers = response.headers_mut();
    let mut otherwise = |name: HeaderName, value: &'static str| {
        headers.entry(name).or_insert(HeaderValue::from_static(value));
    };
    otherwise(CONTENT_SECURITY_POLICY, POLICY);
    otherwise(X_CONTENT_TYPE_OPTIONS, "nosniff");
    otherwise(REFERRER_POLICY, "no-referrer");
    otherwise(HeaderName::from_static("cross-origin-opener-policy"), "same-origin");
    otherwise(CACHE_CONTROL, "no-store");
    if peer.is_some_and(|peer| peer.secure && peer.local_uid.is_none()) {
        otherwise(STRICT_TRANSPORT_SECURITY, "max-age=31536000");
    }
    if let Ok(id) = HeaderValue::try_from(corr.to_string()) {
        headers.insert("x-request-id", id);
    }
}
