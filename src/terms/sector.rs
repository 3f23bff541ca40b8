//! Whose clients know a person by one name (OpenID Connect Core §8.1).

use super::{ParseError, serde_as_text};
use std::{fmt, str::FromStr};
use url::{Host, Url};

/// A sector: the host of a `sector_identifier_uri`, or the one host of all redirection URIs. In lower case and ASCII.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Sector(String);

impl Sector {
    /// The sector of what stands at this URI; none if the URI has no host on the web.
    pub fn of(uri: &str) -> Option<Self> {
        let url = Url::parse(uri).ok().filter(|url| matches!(url.scheme(), "https" | "http"))?;
        url.host_str()?.parse().ok()
    }
    /// Whether it is nobody's: every app on every device has the same loopback.
    pub fn is_loopback(&self) -> bool {
        match Host::parse(&self.0) {
            Ok(Host::Domain(name)) => name == "localhost" || name.ends_with(".localhost"),
            Ok(Host::Ipv4(ip)) => ip.is_loopback(),
            Ok(Host::Ipv6(ip)) => ip.to_canonical().is_loopback(),
            Err(_) => false,
        }
    }
    /// The host.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}
impl fmt::Display for Sector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}
impl FromStr for Sector {
    type Err = ParseError;
    fn from_str(text: &str) -> Result<Self, ParseError> {
        let is_host = |c: u8| c.is_ascii_graphic() && !c.is_ascii_uppercase() && !b"/?#@\\".contains(&c);
        match (1..=255).contains(&text.len()) && text.bytes().all(is_host) {
            true => Ok(Self(text.to_owned())),
            false => Err(ParseError { what: "sector" }),
        }
    }
}
serde_as_text!(Sector);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sector_is_a_host_without_its_port() {
        let sector = |uri| Sector::of(uri).map(|sector| sector.to_string());
        assert_eq!(sector("https://App.Example:8443/cb?x=1").as_deref(), Some("app.example"));
        assert_eq!(sector("https://good.example@evil.example/cb").as_deref(), Some("evil.example"));
        assert_eq!(sector("https://[2001:db8::1]/cb").as_deref(), Some("[2001:db8::1]"));
        for none in ["com.example.app:/cb", "", "x", "ftp://a.example/"] {
            assert_eq!(sector(none), None, "{none}");
        }
    }

    #[test]
    fn a_loopback_is_nobodys() {
        let is_nobodys = |uri| Sector::of(uri).map(|sector| sector.is_loopback());
        for yes in ["http://localhost/cb", "http://127.0.0.1:9/cb", "http://[::1]/cb", "https://a.localhost/", "http://[::ffff:127.0.0.1]/"]
        {
            assert_eq!(is_nobodys(yes), Some(true), "{yes}");
        }
        assert_eq!(is_nobodys("https://localhost.example/"), Some(false));
    }

    #[test]
    fn what_is_read_from_a_record_is_a_host() {
        for no in ["", "A.example", "a.example/x", "a b", "ä.example", "u@a.example"] {
            assert!(no.parse::<Sector>().is_err(), "{no}");
        }
        assert!(
            "a.example".parse::<Sector>().is_ok()
                && "a".repeat(255).parse::<Sector>().is_ok()
                && "a".repeat(256).parse::<Sector>().is_err()
        );
    }
}
