//! The names of sites.

use super::{ParseError, serde_as_text};
use std::{fmt, str::FromStr, sync::Arc};

/// A tenant of the server: 1 to 64 characters of `A-Z a-z 0-9 . -`, never the name of a path, or `_server` for the server itself.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SiteName(Arc<str>);

/// Path segments that stand where a site's name could stand (DESIGN.md §8).
const RESERVED: [&str; 19] = [
    ".",
    "..",
    ".well-known",
    "account",
    "admin",
    "authorize",
    "client",
    "consent",
    "fhir",
    "introspect",
    "jwk",
    "jwks",
    "login",
    "logout",
    "provider",
    "registration",
    "revoke",
    "token",
    "userinfo",
];

/// The site `admin` is made by the server itself, so its name is only refused to `site add`.
const OWN: [&str; 1] = ["admin"];

impl SiteName {
    /// The server's own site: boot, sites created, clock steps.
    pub fn server() -> Self {
        Self("_server".into())
    }
    /// The site served when a path names none.
    pub fn default_site() -> Self {
        Self("default".into())
    }
    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
    /// Whether a person may create a site of this name.
    pub fn is_reserved(&self) -> bool {
        RESERVED.contains(&self.as_str())
    }
}
impl FromStr for SiteName {
    type Err = ParseError;
    fn from_str(text: &str) -> Result<Self, ParseError> {
        let allowed = |c: u8| c.is_ascii_alphanumeric() || c == b'.' || c == b'-';
        let well_formed = (1..=64).contains(&text.len()) && text.bytes().all(allowed);
        let reserved = RESERVED.contains(&text) && !OWN.contains(&text);
        match text == "_server" || (well_formed && !reserved) {
            true => Ok(Self(text.into())),
            false => Err(ParseError { what: "site name" }),
        }
    }
}
impl fmt::Display for SiteName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}
impl fmt::Debug for SiteName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}
serde_as_text!(SiteName);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_site_is_never_named_like_a_path() {
        assert!("default".parse::<SiteName>().is_ok());
        for name in ["authorize", "token", "client", "", "a/b", "a b", "..", "_other"] {
            assert!(name.parse::<SiteName>().is_err(), "{name}");
        }
    }
}
