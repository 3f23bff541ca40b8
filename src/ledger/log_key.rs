//! The key that signs a site's checkpoints: its seed is derived from the site's root in the vault, its name is the origin of the
//! site's log, and its public half stands in the log's first event, so that whoever has the log can verify without the vault.

use super::{Failure, Site};
use crate::log::CheckpointKey;
use crate::log::checkpoint::origin;
use crate::terms::{InstanceId, SiteName};
use crate::vault::SiteKeys;
use url::Url;

/// The key of a site's log that is about to begin. Its origin is `{host}/writ/{site}` with the host of the issuer, and its port if
/// that is not the scheme's own.
pub(super) fn of_issuer(keys: &SiteKeys, issuer: &str, site: &SiteName) -> Result<CheckpointKey, Failure> {
    let host = Url::parse(issuer).ok().and_then(|url| host_and_port(&url));
    let host = host.ok_or_else(|| Failure::Contradiction("the issuer has no host".to_owned()))?;
    named(keys, &origin(&host, site))
}

/// The key of the server's own log. A server has no host of its own: it may serve sites of several.
pub(super) fn of_instance(keys: &SiteKeys, instance: &InstanceId) -> Result<CheckpointKey, Failure> {
    named(keys, &origin(&instance.to_string(), &SiteName::server()))
}

/// The key of a log that has begun. It must be the recorded one: a vault of another server signs nothing here.
pub(super) fn recorded(site: &Site) -> Result<CheckpointKey, Failure> {
    let vkey = site.read(|state| state.checkpoint_key().map(str::to_owned)).unwrap_or_default();
    let name = vkey.split('+').next().unwrap_or_default();
    let key = named(&site.keys, name)?;
    match key.verifier().to_string() == vkey {
        true => Ok(key),
        false => Err(Failure::Contradiction(format!("the vault's checkpoint key for site {} is not the one in its log", site.name()))),
    }
}

fn named(keys: &SiteKeys, name: &str) -> Result<CheckpointKey, Failure> {
    CheckpointKey::new(name, &keys.checkpoint_seed()).map_err(|error| Failure::Contradiction(error.to_string()))
}

fn host_and_port(url: &Url) -> Option<String> {
    let host = url.host_str()?;
    Some(url.port().map_or_else(|| host.to_owned(), |port| format!("{host}:{port}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_logs_name_is_host_and_port_of_its_issuer() {
        let name = |issuer: &str| host_and_port(&Url::parse(issuer).unwrap()).unwrap();
        assert_eq!(name("https://auth.example.org/oauth2/default"), "auth.example.org");
        assert_eq!(name("https://auth.example.org:8443/oauth2/default"), "auth.example.org:8443");
        assert_eq!(name("http://127.0.0.1:9080/oauth2/default"), "127.0.0.1:9080");
        assert_eq!(name("http://[::1]:9080/oauth2/default"), "[::1]:9080");
    }
}
