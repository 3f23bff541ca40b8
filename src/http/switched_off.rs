//! A site that is switched off answers nothing of the protocol (SPEC.md a.0). Its log and its administrators are elsewhere.

use super::context::At;
use super::told::refuse_here;
use super::{Response, reply};
use crate::event::{Endpoint, Refusal};

/// Whether the site is switched off.
pub fn is_switched_off(at: &At) -> bool {
    at.site.read(|state| state.site.as_ref().is_some_and(|site| !site.settings.api_enabled))
}

/// 404, and a refusal where somebody asked for something; a document is merely not there.
pub async fn switched_off(at: &At) -> Response {
    match endpoint(&at.inbound.path) {
        Some(endpoint) => refuse_here(at, endpoint, Refusal::SiteDisabled, None).await,
        None => reply::not_found(),
    }
}

/// Which endpoint stands at this path.
fn endpoint(path: &str) -> Option<Endpoint> {
    let mut segments = path.rsplit('/');
    match (segments.next()?, segments.next()?) {
        (_, "client") => Some(Endpoint::ClientConfiguration),
        (last, _) => last.parse().ok(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_endpoint_is_known_by_its_path() {
        for endpoint_of in Endpoint::ALL.iter().filter(|endpoint| **endpoint != Endpoint::ClientConfiguration) {
            assert_eq!(endpoint(&format!("/oauth2/default/{endpoint_of}")), Some(*endpoint_of));
            assert_eq!(endpoint(&format!("/oauth2/{endpoint_of}")), Some(*endpoint_of), "site default without its name");
        }
        assert_eq!(endpoint("/oauth2/default/provider/login"), Some(Endpoint::Login));
        assert_eq!(endpoint("/oauth2/default/client/AAAAAAAAAAAAAAAAAAAAAA"), Some(Endpoint::ClientConfiguration));
        assert_eq!(endpoint("/oauth2/default/jwk"), None);
        assert_eq!(endpoint("/oauth2/default/.well-known/openid-configuration"), None);
    }
}
