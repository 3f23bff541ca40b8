//! Cross-origin reading (SPEC.md a.13). Credentials never travel: no answer allows cookies.

use super::{Response, reply};
use http::{
    HeaderMap, HeaderValue, StatusCode,
    header::{
        ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_METHODS, ACCESS_CONTROL_ALLOW_ORIGIN, ACCESS_CONTROL_EXPOSE_HEADERS,
        ACCESS_CONTROL_MAX_AGE, ORIGIN, VARY,
    },
};

/// The request's origin: exactly one, as `scheme://host[:port]`. `null` is no origin (THREATS.md A85).
pub fn origin(headers: &HeaderMap) -> Option<&str> {
    let mut values = headers.get_all(ORIGIN).iter();
    let first = values.next()?.to_str().ok()?;
    (values.next().is_none() && first != "null" && origin_of(first).as_deref() == Some(first)).then_some(first)
}

/// The origin of this URI (RFC 6454 §6.1), as a browser would send it; `None` for a scheme without one.
pub fn origin_of(uri: &str) -> Option<String> {
    let origin = url::Url::parse(uri).ok()?.origin();
    origin.is_tuple().then(|| origin.ascii_serialization())
}

/// Any script may read this answer: discovery and public keys.
pub fn public(mut response: Response) -> Response {
    response.headers_mut().insert(ACCESS_CONTROL_ALLOW_ORIGIN, HeaderValue::from_static("*"));
    response
}

/// Scripts of this origin may read this answer. Call it only with an origin that is the client's.
pub fn allow(mut response: Response, origin: &str) -> Response {
    let Ok(value) = HeaderValue::try_from(origin) else { return response };
    let headers = response.headers_mut();
    headers.insert(ACCESS_CONTROL_ALLOW_ORIGIN, value);
    headers.insert(ACCESS_CONTROL_EXPOSE_HEADERS, HeaderValue::from_static("WWW-Authenticate, X-Request-Id"));
    vary(response)
}

/// Says that the answer depends on `Origin`: also on those that allow none.
pub fn vary(mut response: Response) -> Response {
    response.headers_mut().append(VARY, HeaderValue::from_static("Origin"));
    response
}

/// The answer to a preflight from this origin; the client is not known yet, so the request itself decides. `methods` as `POST`.
pub fn preflight(origin: &str, methods: &'static str) -> Response {
    let mut response = allow(reply::empty(StatusCode::NO_CONTENT), origin);
    let headers = response.headers_mut();
    headers.insert(ACCESS_CONTROL_ALLOW_METHODS, HeaderValue::from_static(methods));
    headers.insert(ACCESS_CONTROL_ALLOW_HEADERS, HeaderValue::from_static("Authorization, Content-Type, DPoP"));
    headers.insert(ACCESS_CONTROL_MAX_AGE, HeaderValue::from_static("600"));
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(values: &[&str]) -> Option<String> {
        let mut headers = HeaderMap::new();
        for value in values {
            headers.append(ORIGIN, value.parse().unwrap());
        }
        origin(&headers).map(str::to_owned)
    }

    #[test]
    fn only_one_well_formed_origin_is_an_origin() {
        assert_eq!(read(&["https://app.example:8443"]).as_deref(), Some("https://app.example:8443"));
        for values in [&["null"][..], &[], &["https://a", "https://b"], &["https://a/"], &["https://a:443"], &["file://"], &["*"]] {
            assert_eq!(read(values), None, "{values:?}");
        }
    }

    #[test]
    fn the_origin_of_a_redirect_uri_is_what_the_browser_sends() {
        assert_eq!(origin_of("https://App.Example:443/cb?x").as_deref(), Some("https://app.example"));
        assert_eq!(origin_of("com.example.app:/cb"), None);
    }

    #[test]
    fn an_allowed_origin_varies_and_brings_no_cookies() {
        let response = preflight("https://app.example", "POST");
        assert_eq!(response.headers()[ACCESS_CONTROL_ALLOW_ORIGIN], "https://app.example");
        assert_eq!(response.headers()[VARY], "Origin");
        assert!(!response.headers().contains_key("access-control-allow-credentials"));
    }
}
