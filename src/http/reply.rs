//! Answers. A protocol error is a reply, never a warp rejection (STYLE.md §5).

use super::{Response, percent::encode_form};
use crate::terms::ErrorCode;
use http::{
    HeaderName, HeaderValue, StatusCode,
    header::{ALLOW, CACHE_CONTROL, CONTENT_TYPE, LOCATION, PRAGMA, WWW_AUTHENTICATE},
};
use serde::Serialize;
use serde_json::{Value, json as object};

/// A JSON answer. A value that cannot be written as JSON is a fault of ours: 500.
pub fn json(status: StatusCode, body: &impl Serialize) -> Response {
    match serde_json::to_vec(body) {
        Ok(bytes) => content(status, "application/json;charset=UTF-8", bytes),
        Err(_) => server_error(),
    }
}

/// Forbids storing the answer: on everything with a token, code, secret or token status (RFC 6749 §5.1), and on every page.
pub fn no_store(mut response: Response) -> Response {
    response.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response.headers_mut().insert(PRAGMA, HeaderValue::from_static("no-cache"));
    response
}

/// The error body of RFC 6749 §5.2, not to be stored. `message` repeats the description for clients written against the
/// thread's server (SPEC.md 0.2, k-50).
pub fn oauth_error(status: StatusCode, code: ErrorCode, description: &str) -> Response {
    no_store(json(status, &oauth_error_body(code, description)))
}

/// The body of [`oauth_error`].
pub fn oauth_error_body(code: ErrorCode, description: &str) -> Value {
    object!({ "error": code.as_str(), "error_description": description, "message": description })
}

/// The error body of [`oauth_error`] for what is wrong before any endpoint knows the request; may be stored by nobody either.
pub fn request_error(status: StatusCode, description: &str) -> Response {
    oauth_error(status, ErrorCode::InvalidRequest, description)
}

/// 500 with a fixed body; the cause is in the trace, under the request's id.
pub fn server_error() -> Response {
    let body = r#"{"error":"server_error","error_description":"The server failed.","message":"The server failed."}"#;
    no_store(content(StatusCode::INTERNAL_SERVER_ERROR, "application/json;charset=UTF-8", body))
}

/// 404.
pub fn not_found() -> Response {
    request_error(StatusCode::NOT_FOUND, "There is nothing at this address.")
}

/// 405; `allow` names the methods, as `GET, POST` (RFC 9110 §15.5.6).
pub fn method_not_allowed(allow: &'static str) -> Response {
    let mut response = request_error(StatusCode::METHOD_NOT_ALLOWED, "This address does not take that method.");
    response.headers_mut().insert(ALLOW, HeaderValue::from_static(allow));
    response
}

/// A problem of the admin API (RFC 9457 §3): `title` is fixed for the kind of problem, `detail` tells this one.
pub fn problem(status: StatusCode, title: &str, detail: &str) -> Response {
    let body = object!({ "type": "about:blank", "title": title, "status": status.as_u16(), "detail": detail });
    no_store(content(status, "application/problem+json", body.to_string()))
}

/// A challenge of RFC 9110 §11.6.1, as scheme and parameters in order: `Bearer realm="…", error="…"`. Whatever a quoted-string may
/// not hold is left out of the values.
pub fn www_authenticate(mut response: Response, scheme: &str, params: &[(&str, &str)]) -> Response {
    let quotable = |c: &char| matches!(c, ' '..='~') && !matches!(c, '"' | '\\');
    let quoted = |(name, value): &(&str, &str)| format!("{name}=\"{}\"", value.chars().filter(quotable).collect::<String>());
    let list = params.iter().map(quoted).collect::<Vec<_>>().join(", ");
    if let Ok(value) = HeaderValue::try_from(format!("{scheme} {list}").trim_end()) {
        response.headers_mut().append(WWW_AUTHENTICATE, value);
    }
    response
}

/// 302 to this URI.
pub fn redirect_302(uri: &str) -> Response {
    redirect(StatusCode::FOUND, uri)
}

/// 303 to this URI: whatever the method was, the next one is GET, so no password travels on (THREATS.md A10).
pub fn redirect_303(uri: &str) -> Response {
    redirect(StatusCode::SEE_OTHER, uri)
}

fn redirect(status: StatusCode, uri: &str) -> Response {
    let Ok(location) = HeaderValue::try_from(uri) else { return server_error() };
    let mut response = no_store(empty(status));
    response.headers_mut().insert(LOCATION, location);
    response
}

/// The URI with these parameters as its fragment, written as a query would be (RFC 6749 §4.2.2). A redirection URI has none of its own.
pub fn append_fragment(uri: &str, params: &[(&str, &str)]) -> String {
    let pairs = append_query("", params);
    format!("{uri}#{}", pairs.trim_start_matches('?'))
}

/// The URI with these parameters added to its query; a query it already has is kept, a fragment stays last (RFC 6749 §3.1.2).
pub fn append_query(uri: &str, params: &[(&str, &str)]) -> String {
    let (base, fragment) = uri.split_once('#').map_or((uri, None), |(base, fragment)| (base, Some(fragment)));
    let mut out = base.to_owned();
    let mut joint = match base.split_once('?') {
        None => "?",
        Some((_, query)) if query.is_empty() || query.ends_with('&') => "",
        Some(_) => "&",
    };
    for (name, value) in params {
        out.push_str(joint);
        encode_form(name, &mut out);
        out.push('=');
        encode_form(value, &mut out);
        joint = "&";
    }
    if let Some(fragment) = fragment {
        out.push('#');
        out.push_str(fragment);
    }
    out
}

/// An answer without a body.
pub fn empty(status: StatusCode) -> Response {
    let mut response = Response::default();
    *response.status_mut() = status;
    response
}

/// An answer with this body.
pub fn content(status: StatusCode, content_type: &'static str, body: impl Into<Vec<u8>>) -> Response {
    let mut response = Response::new(body.into().into());
    *response.status_mut() = status;
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
    response
}

/// The answer with one header field more.
pub fn with_header(mut response: Response, name: HeaderName, value: HeaderValue) -> Response {
    response.headers_mut().append(name, value);
    response
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use http_body_util::BodyExt;

    /// The whole body as text.
    pub(crate) async fn text(response: Response) -> String {
        let bytes = response.into_body().collect().await.ok().map(|body| body.to_bytes()).unwrap_or_default();
        String::from_utf8_lossy(&bytes).into_owned()
    }

    #[tokio::test]
    async fn an_error_says_its_code_and_its_description_twice_and_is_not_stored() {
        let response = oauth_error(StatusCode::BAD_REQUEST, ErrorCode::InvalidGrant, "The code has expired.");
        assert_eq!(response.headers()[CACHE_CONTROL], "no-store");
        assert_eq!(response.headers()[PRAGMA], "no-cache");
        assert_eq!(response.headers()[CONTENT_TYPE], "application/json;charset=UTF-8");
        let body = r#"{"error":"invalid_grant","error_description":"The code has expired.","message":"The code has expired."}"#;
        assert_eq!(text(response).await, body);
    }

    #[test]
    fn parameters_join_the_query_that_is_there() {
        let with = |uri| append_query(uri, &[("code", "a b+c"), ("state", "ü&")]);
        assert_eq!(with("https://a/cb"), "https://a/cb?code=a+b%2Bc&state=%C3%BC%26");
        assert_eq!(with("https://a/cb?x=1"), "https://a/cb?x=1&code=a+b%2Bc&state=%C3%BC%26");
        assert_eq!(with("https://a/cb?"), "https://a/cb?code=a+b%2Bc&state=%C3%BC%26");
        assert_eq!(with("https://a/cb?x&"), "https://a/cb?x&code=a+b%2Bc&state=%C3%BC%26");
        assert_eq!(append_query("app:/cb#_", &[("a", "1")]), "app:/cb?a=1#_");
        assert_eq!(append_query("https://a/cb", &[]), "https://a/cb");
        let at_front = append_fragment("https://a/cb?x=1", &[("id_token", "a.b-c_d"), ("state", "a b&?")]);
        assert_eq!(at_front, "https://a/cb?x=1#id_token=a.b-c_d&state=a+b%26%3F");
    }

    #[test]
    fn a_redirect_is_not_stored_and_never_splits_the_head() {
        let response = redirect_303("https://a/cb?code=1");
        assert_eq!(response.status(), StatusCode::SEE_OTHER);
        assert_eq!(response.headers()[LOCATION], "https://a/cb?code=1");
        assert_eq!(response.headers()[CACHE_CONTROL], "no-store");
        assert_eq!(redirect_302("https://a/\r\nSet-Cookie: a=b").status(), StatusCode::INTERNAL_SERVER_ERROR);
    }

    #[test]
    fn a_challenge_holds_only_what_a_quoted_string_may() {
        let response = www_authenticate(empty(StatusCode::UNAUTHORIZED), "Bearer", &[("realm", "a\"b\\c\r\n"), ("error", "invalid_token")]);
        assert_eq!(response.headers()[WWW_AUTHENTICATE], "Bearer realm=\"abc\", error=\"invalid_token\"");
        let bare = www_authenticate(empty(StatusCode::UNAUTHORIZED), "Bearer", &[]);
        assert_eq!(bare.headers()[WWW_AUTHENTICATE], "Bearer");
    }

    #[tokio::test]
    async fn a_problem_has_its_own_media_type() {
        let response = problem(StatusCode::CONFLICT, "The site exists", "There is already a site of this name.");
        assert_eq!(response.headers()[CONTENT_TYPE], "application/problem+json");
        let body: Value = serde_json::from_str(&text(response).await).unwrap();
        assert_eq!(body["status"], 409);
    }

    #[tokio::test]
    async fn the_fixed_body_of_a_fault_is_json() {
        let body: Value = serde_json::from_str(&text(server_error()).await).unwrap();
        assert_eq!(body["error"], "server_error");
    }
}
