//! The authorities under which this server answers (THREATS.md A81).

use std::{
    collections::HashSet,
    sync::{Arc, PoisonError, RwLock},
};

/// A set of authorities (`auth.example.org`, `127.0.0.1:9080`) that all clones share, because sites come while the server runs.
/// Only the integrating code writes it, the front door reads it for each request; the lock is held for one look-up.
#[derive(Clone, Debug, Default)]
pub struct AllowedHosts(Arc<RwLock<HashSet<String>>>);

impl AllowedHosts {
    /// Answers under this authority from now on.
    pub fn allow(&self, authority: &str) {
        self.0.write().unwrap_or_else(PoisonError::into_inner).insert(authority.to_ascii_lowercase());
    }
    /// Answers under the authority of this URL from now on; a text that is no URL with a host changes nothing.
    pub fn allow_url(&self, url: &str) {
        let Ok(url) = url::Url::parse(url) else { return };
        let Some(host) = url.host_str() else { return };
        // Browsers and clients leave the scheme's own port out; `Url` has already done so.
        self.allow(&url.port().map_or_else(|| host.to_owned(), |port| format!("{host}:{port}")));
    }
    /// Whether a request to this authority is ours. The scheme's own port may be written or not.
    pub fn holds(&self, authority: &str, secure: bool) -> bool {
        let lower = authority.to_ascii_lowercase();
        let own_port = if secure { ":443" } else { ":80" };
        let set = self.0.read().unwrap_or_else(PoisonError::into_inner);
        set.contains(&lower) || lower.strip_suffix(own_port).is_some_and(|host| set.contains(host))
    }
}
impl<'a> FromIterator<&'a str> for AllowedHosts {
    fn from_iter<I: IntoIterator<Item = &'a str>>(authorities: I) -> Self {
        let hosts = Self::default();
        authorities.into_iter().for_each(|authority| hosts.allow(authority));
        hosts
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_authority_is_ours_in_any_case_and_with_its_own_port() {
        let hosts = AllowedHosts::from_iter(["auth.example.org"]);
        hosts.allow_url("https://[::1]:8443/x");
        assert!(hosts.holds("AUTH.example.org", true) && hosts.holds("auth.example.org:443", true));
        assert!(hosts.holds("auth.example.org:80", false) && !hosts.holds("auth.example.org:80", true));
        assert!(hosts.holds("[::1]:8443", true) && !hosts.holds("[::1]", true));
        for other in ["", "auth.example.org.", "evil.org", "auth.example.org:8443", "a@auth.example.org", "auth.example.org, evil.org"] {
            assert!(!hosts.holds(other, true), "{other}");
        }
    }
}
