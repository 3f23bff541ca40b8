//! Redirection URIs: checked once at registration, afterwards compared byte for byte (RFC 9700 §2.1).

use super::serde_as_text;
use std::{fmt, str::FromStr};
use url::{Host, Url};

/// A redirection URI that passed registration's checks. Decisions compare its text; nothing parses it again.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct RedirectUri(String);

/// Which redirection URIs a client may register (SPEC.md k-5).
#[derive(Clone, Copy, Debug)]
pub struct RedirectUriRules {
    /// The client is public or native: private-use schemes are allowed (RFC 8252 §7.1).
    pub private_use_schemes: bool,
    /// Private-use schemes without a dot, such as `myapp:`, are allowed too (`redirect.allow_custom_scheme`).
    pub undotted_schemes: bool,
    /// Plain http beyond loopback is allowed (`redirect.allow_http`).
    pub plain_http: bool,
}

/// Why a text cannot be registered as a redirection URI.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum RedirectUriError {
    /// Empty, longer than 2,000 bytes, or with characters a URI cannot have.
    #[error("is not an absolute URI of at most 2000 characters")]
    Malformed,
    /// RFC 6749 §3.1.2: no fragment component.
    #[error("must not have a fragment")]
    Fragment,
    /// User name or password before the host.
    #[error("must not contain user information")]
    UserInformation,
    /// A scheme that this client may not use.
    #[error("must use https, or http on a loopback address")]
    Scheme,
    /// A query that already carries what the response will add (THREATS.md A06).
    #[error("must not carry parameters of an authorization response")]
    ResponseParameter,
}

/// What an authorization response adds; a registered URI that brings them along could be mistaken for one.
const RESPONSE_PARAMETERS: [&str; 9] =
    ["access_token", "code", "error", "error_description", "id_token", "iss", "response", "state", "token_type"];

impl RedirectUri {
    /// Checks a URI for registration.
    pub fn register(text: &str, rules: RedirectUriRules) -> Result<Self, RedirectUriError> {
        let plain = |c: u8| (0x21..=0x7e).contains(&c) && !b"\"<>\\^`{|}".contains(&c);
        if !(1..=2000).contains(&text.len()) || !text.bytes().all(plain) {
            return Err(RedirectUriError::Malformed);
        }
        if text.contains('#') {
            return Err(RedirectUriError::Fragment);
        }
        let url = Url::parse(text).map_err(|_| RedirectUriError::Malformed)?;
        if !url.username().is_empty() || url.password().is_some() || text.contains('@') && url.has_host() && authority(text).contains('@') {
            return Err(RedirectUriError::UserInformation);
        }
        if !scheme_allowed(&url, rules) {
            return Err(RedirectUriError::Scheme);
        }
        if url.query_pairs().any(|(name, _)| RESPONSE_PARAMETERS.contains(&name.as_ref())) {
            return Err(RedirectUriError::ResponseParameter);
        }
        Ok(Self(text.to_owned()))
    }

    /// The text as registered.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether a request's `redirect_uri` is this one: byte for byte, but for the port of a loopback address of a native
    /// client (RFC 8252 §7.3).
    pub fn matches(&self, requested: &str, native: bool) -> bool {
        self.0 == requested || (native && loopback_without_port(&self.0).is_some_and(|own| loopback_without_port(requested) == Some(own)))
    }

    /// `scheme://host[:port]`, for CORS and CSP; nothing for an app's own scheme.
    pub fn origin(&self) -> Option<String> {
        Url::parse(&self.0).ok().map(|url| url.origin()).filter(url::Origin::is_tuple).map(|origin| origin.ascii_serialization())
    }
}

/// What stands between `//` and the path.
fn authority(text: &str) -> &str {
    let after = text.split_once("//").map_or("", |(_, rest)| rest);
    after.split(['/', '?']).next().unwrap_or("")
}

fn scheme_allowed(url: &Url, rules: RedirectUriRules) -> bool {
    match url.scheme() {
        "https" => url.has_host(),
        "http" => rules.plain_http || is_loopback(url),
        // Schemes that a browser runs or reads by itself (THREATS.md A05) have no dot, and no site flag allows them.
        "javascript" | "data" | "vbscript" | "file" | "blob" | "about" | "ftp" | "ws" | "wss" | "view-source" | "filesystem" => false,
        scheme => rules.private_use_schemes && (scheme.contains('.') || rules.undotted_schemes),
    }
}

fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(Host::Domain(name)) => name == "localhost",
        Some(Host::Ipv4(address)) => address == std::net::Ipv4Addr::LOCALHOST,
        Some(Host::Ipv6(address)) => address == std::net::Ipv6Addr::LOCALHOST,
        None => false,
    }
}

/// The two halves around the port of `http://127.0.0.1[:port]…` or `http://[::1][:port]…`; nothing for any other text.
fn loopback_without_port(text: &str) -> Option<(&str, &str)> {
    ["http://127.0.0.1", "http://[::1]"].into_iter().find_map(|origin| {
        let rest = text.strip_prefix(origin)?;
        let path = match rest.strip_prefix(':') {
            Some(after) => {
                let path = after.trim_start_matches(|c: char| c.is_ascii_digit());
                let port = after.strip_suffix(path)?;
                port.parse::<u16>().ok().filter(|_| port.len() <= 5)?;
                path
            }
            None => rest,
        };
        (path.is_empty() || path.starts_with(['/', '?'])).then_some((origin, path))
    })
}

impl fmt::Display for RedirectUri {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}
impl FromStr for RedirectUri {
    type Err = super::ParseError;
    /// Reads what a record holds. It was checked when it was registered; rules may have changed since.
    fn from_str(text: &str) -> Result<Self, super::ParseError> {
        match text.is_empty() || text.len() > 2000 || text.contains('#') {
            true => Err(super::ParseError { what: "redirect_uri" }),
            false => Ok(Self(text.to_owned())),
        }
    }
}
serde_as_text!(RedirectUri);

#[cfg(test)]
mod tests {
    use super::*;

    const STRICT: RedirectUriRules = RedirectUriRules { private_use_schemes: false, undotted_schemes: false, plain_http: false };
    const NATIVE: RedirectUriRules = RedirectUriRules { private_use_schemes: true, undotted_schemes: false, plain_http: false };

    #[test]
    fn registration_takes_https_and_loopback() {
        for uri in ["https://client.example.org/callback", "http://localhost/cb", "http://127.0.0.1:8080/cb", "http://[::1]/cb?a=b"] {
            assert!(RedirectUri::register(uri, STRICT).is_ok(), "{uri}");
        }
    }

    #[test]
    fn registration_refuses_what_an_attacker_would_register() {
        use RedirectUriError::*;
        let cases = [
            ("", Malformed),
            ("/callback", Malformed),
            ("https://client.example.org/cb#x", Fragment),
            ("https://good@evil.example/cb", UserInformation),
            ("http://localhost:80@evil.example/", UserInformation),
            ("http://client.example.org/cb", Scheme),
            ("javascript:alert(1)", Scheme),
            ("JaVaScRiPt:alert(1)", Scheme),
            ("data:text/html,x", Scheme),
            ("com.example.app:/cb", Scheme),
            ("https://client.example.org/cb?code=1", ResponseParameter),
            ("https://client.example.org/cb?state=1", ResponseParameter),
            ("https://client.example.org\\@evil.example/", Malformed),
            ("https://client.example.org/c b", Malformed),
        ];
        for (uri, why) in cases {
            assert_eq!(RedirectUri::register(uri, STRICT), Err(why), "{uri}");
        }
        assert!(RedirectUri::register("com.example.app:/cb", NATIVE).is_ok());
        assert_eq!(RedirectUri::register("myapp:/cb", NATIVE), Err(Scheme));
    }

    #[test]
    fn only_the_port_of_a_native_loopback_uri_may_differ() {
        let registered = RedirectUri::register("http://127.0.0.1:1234/cb?x=1", NATIVE).unwrap();
        assert!(registered.matches("http://127.0.0.1:1234/cb?x=1", false));
        assert!(!registered.matches("http://127.0.0.1:9/cb?x=1", false));
        assert!(registered.matches("http://127.0.0.1:9/cb?x=1", true));
        assert!(registered.matches("http://127.0.0.1/cb?x=1", true));
        for other in [
            "http://127.0.0.1:9/cb?x=2",
            "http://127.0.0.1:9/cc?x=1",
            "http://127.0.0.1:9@evil/cb?x=1",
            "http://127.0.0.1.evil/cb?x=1",
            "http://[::1]:9/cb?x=1",
            "http://127.0.0.1:/cb?x=1",
            "http://127.0.0.1:65536/cb?x=1",
            "http://127.0.0.1:+9/cb?x=1",
        ] {
            assert!(!registered.matches(other, true), "{other}");
        }
    }
}
