//! The rules for a request's head (THREATS.md §F, A81, A83, A84).

use super::percent::{decode_form, decode_segment};
use http::{
    Method, StatusCode, Version,
    header::{AUTHORIZATION, CONTENT_TYPE, HOST},
    request::Parts,
};

/// The most bytes of path and query together.
pub const URI_BYTES: usize = 8 * 1024;
/// The most header fields.
pub const FIELDS: usize = 64;

/// Which rule the head breaks.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum HeadRefusal {
    /// CONNECT or TRACE.
    Method,
    /// Anything but a path: absolute-form, authority-form, asterisk-form (RFC 9112 §3.2).
    TargetForm,
    /// More than [`URI_BYTES`].
    TargetTooLong,
    /// Path or query do not decode, or a segment is a dot segment or hides a slash.
    TargetEncoding,
    /// More than [`FIELDS`].
    TooManyFields,
    /// No `Host`, or two, or one that differs from the request's authority.
    Host,
    /// A `Host` that is not ours.
    Misdirected,
    /// A header field twice that decides something.
    RepeatedField,
}

impl HeadRefusal {
    /// What to answer.
    pub fn status_and_description(self) -> (StatusCode, &'static str) {
        match self {
            Self::Method => (StatusCode::METHOD_NOT_ALLOWED, "This server does not take that method."),
            Self::TargetForm => (StatusCode::BAD_REQUEST, "The request must name a path."),
            Self::TargetTooLong => (StatusCode::URI_TOO_LONG, "The address is too long."),
            Self::TargetEncoding => (StatusCode::BAD_REQUEST, "The address is not well-formed."),
            Self::TooManyFields => (StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE, "There are too many header fields."),
            Self::Host => (StatusCode::BAD_REQUEST, "The request must name exactly one host."),
            Self::Misdirected => (StatusCode::MISDIRECTED_REQUEST, "This server does not answer for that host."),
            Self::RepeatedField => (StatusCode::BAD_REQUEST, "A header field is sent more than once."),
        }
    }
}

/// Checks the head; `is_ours` says which authorities are. Nothing stands between the administrators' socket and its routes that could
/// read a path otherwise than they do, and names of people stand in those paths: what is `local` may hide dots and slashes in a segment.
pub fn check(head: &Parts, local: bool, is_ours: impl Fn(&str) -> bool) -> Result<(), HeadRefusal> {
    if matches!(head.method, Method::CONNECT | Method::TRACE) {
        return Err(HeadRefusal::Method);
    }
    let authority = head.uri.authority().map(http::uri::Authority::as_str);
    if authority.is_some() != (head.version == Version::HTTP_2) || !head.uri.path().starts_with('/') {
        return Err(HeadRefusal::TargetForm);
    }
    let query = head.uri.query();
    if head.uri.path().len() + query.map_or(0, str::len) > URI_BYTES {
        return Err(HeadRefusal::TargetTooLong);
    }
    if !head.uri.path().split('/').skip(1).all(|segment| is_segment(segment, local)) || !query.is_none_or(is_plain_query) {
        return Err(HeadRefusal::TargetEncoding);
    }
    if head.headers.len() > FIELDS {
        return Err(HeadRefusal::TooManyFields);
    }
    if [AUTHORIZATION, CONTENT_TYPE].iter().any(|name| head.headers.get_all(name).iter().count() > 1) {
        return Err(HeadRefusal::RepeatedField);
    }
    let host = host(head, authority).ok_or(HeadRefusal::Host)?;
    if is_ours(host) { Ok(()) } else { Err(HeadRefusal::Misdirected) }
}

/// HTTP/1 has one `Host`; HTTP/2 has `:authority` and at most the same again as `Host` (RFC 9113 §8.3.1).
fn host<'a>(head: &'a Parts, authority: Option<&'a str>) -> Option<&'a str> {
    let mut hosts = head.headers.get_all(HOST).iter().map(|value| value.to_str().ok());
    match (authority, hosts.next(), hosts.next()) {
        (None, Some(host), None) => host,
        (Some(authority), None, None) => Some(authority),
        (Some(authority), Some(host), None) => host.filter(|host| *host == authority),
        (None, None, _) | (_, _, Some(_)) => None,
    }
}

fn is_segment(segment: &str, local: bool) -> bool {
    let plain = |decoded: &str| !matches!(decoded, "." | "..") && !decoded.contains(|c: char| c == '/' || c == '\\' || c.is_control());
    segment.is_ascii() && decode_segment(segment).is_ok_and(|decoded| local || plain(&decoded))
}

fn is_plain_query(query: &str) -> bool {
    query.is_ascii() && decode_form(query.as_bytes()).is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::Request;

    fn parts(uri: &str, hosts: &[&str]) -> Parts {
        let builder = hosts.iter().fold(Request::get(uri), |builder, host| builder.header(HOST, *host));
        builder.body(()).unwrap().into_parts().0
    }
    fn of(uri: &str) -> Result<(), HeadRefusal> {
        check(&parts(uri, &["op.test"]), false, |host| host == "op.test")
    }

    #[test]
    fn a_path_that_hides_something_is_refused() {
        for fine in ["/", "/a/b", "/a%20b?c=%C3%A9&d", "/a+b", "/.well-known/x", "/a..b", "//"] {
            assert_eq!(of(fine), Ok(()), "{fine}");
        }
        let hiding = ["/%", "/%zz", "/%ff", "/a/../b", "/./a", "/%2e%2E/a", "/a%2fb", "/a%5cb", "/a%00", "/a%0a", "/a?b=%z", "/a?%ff"];
        for path in hiding {
            assert_eq!(of(path), Err(HeadRefusal::TargetEncoding), "{path}");
        }
    }

    #[test]
    fn only_on_the_administrators_socket_a_segment_is_any_text() {
        let local = |uri: &str| check(&parts(uri, &["localhost"]), true, |_| true);
        for name in ["/a%2Fb", "/%2E%2E/a", "/..", "/a%5Cb", "/a%0A"] {
            assert_eq!((local(name), of(name)), (Ok(()), Err(HeadRefusal::TargetEncoding)), "{name}");
        }
        for broken in ["/%", "/%zz", "/%ff", "/a%00", "/a?b=%z"] {
            assert_eq!(local(broken), Err(HeadRefusal::TargetEncoding), "{broken}");
        }
    }

    #[test]
    fn only_a_path_is_a_target() {
        assert_eq!(of("http://op.test/a"), Err(HeadRefusal::TargetForm));
        assert_eq!(of("*"), Err(HeadRefusal::TargetForm));
        let mut trace = parts("/", &["op.test"]);
        trace.method = Method::TRACE;
        assert_eq!(check(&trace, true, |_| true), Err(HeadRefusal::Method));
    }

    #[test]
    fn eight_kibibytes_of_target_pass_and_one_more_does_not() {
        assert_eq!(of(&format!("/{}?{}", "a".repeat(4095), "b".repeat(4096))), Ok(()));
        assert_eq!(of(&format!("/{}?{}", "a".repeat(4096), "b".repeat(4096))), Err(HeadRefusal::TargetTooLong));
    }

    #[test]
    fn exactly_one_host_and_it_is_ours() {
        let with = |hosts: &[&str]| check(&parts("/", hosts), false, |host| host == "op.test");
        assert_eq!(with(&["op.test"]), Ok(()));
        assert_eq!(with(&[]), Err(HeadRefusal::Host));
        assert_eq!(with(&["op.test", "op.test"]), Err(HeadRefusal::Host));
        assert_eq!(with(&["evil.test"]), Err(HeadRefusal::Misdirected));
        assert_eq!(with(&["op.test, evil.test"]), Err(HeadRefusal::Misdirected));
    }

    #[test]
    fn over_http_2_the_authority_is_the_host() {
        let with = |hosts: &[&str]| {
            let mut head = parts("https://op.test/a", hosts);
            head.version = Version::HTTP_2;
            check(&head, false, |host| host == "op.test")
        };
        assert_eq!(with(&[]), Ok(()));
        assert_eq!(with(&["op.test"]), Ok(()));
        assert_eq!(with(&["evil.test"]), Err(HeadRefusal::Host));
    }

    #[test]
    fn sixty_four_fields_pass_and_a_second_authorization_does_not() {
        let mut head = parts("/", &["op.test"]);
        for n in 1..64 {
            head.headers.append(http::HeaderName::try_from(format!("x-{n}")).unwrap(), "v".parse().unwrap());
        }
        assert_eq!(check(&head, false, |_| true), Ok(()));
        head.headers.append("x-64", "v".parse().unwrap());
        assert_eq!(check(&head, false, |_| true), Err(HeadRefusal::TooManyFields));
        let mut head = parts("/", &["op.test"]);
        head.headers.append(AUTHORIZATION, "Basic YTpi".parse().unwrap());
        head.headers.append(AUTHORIZATION, "Bearer x".parse().unwrap());
        assert_eq!(check(&head, false, |_| true), Err(HeadRefusal::RepeatedField));
    }
}
