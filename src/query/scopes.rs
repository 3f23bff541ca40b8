//! How a set of scopes is shown, and how much of it a token holds.

use crate::jose::access_token_fits;
use crate::projection::Site;
use crate::terms::{Scope, ScopeSet, SiteName};

/// The scope as tokens, token responses and introspection show it: with `site:{id}` beside any `api:` scope (SPEC.md k-25).
pub fn visible_scope(scope: &ScopeSet, site: &SiteName) -> ScopeSet {
    match scope.iter().any(Scope::is_api_family) {
        true => scope.clone().with(Scope::of_site(site.clone())),
        false => scope.clone(),
    }
}

/// The site's name, which ends its issuer.
pub fn site_name(site: &Site) -> Option<SiteName> {
    site.issuer.rsplit_once("/oauth2/").and_then(|(_, name)| name.parse().ok())
}

/// Whether an access token with this scope can be presented again (THREATS.md A46).
pub fn fits_a_token(scope: &ScopeSet, site: &Site, audience: Option<&str>) -> bool {
    access_token_fits(scope, &site.issuer, audience)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::{Edition, Profile, Settings};
    use crate::jose::{AccessTokenClaims, COMPACT_LENGTH_MAX, FurtherClaims};
    use crate::terms::{ClientId, IdSeed, Seq};

    /// The length of an access token of this scope, signed with an RSA key of 2048 bits.
    fn length(scope: &ScopeSet, site: &Site, audience: &str) -> usize {
        let seed = IdSeed::from_bytes([7; 16]);
        let name: SiteName = "n".repeat(64).parse().unwrap();
        let claims = AccessTokenClaims {
            iss: site.issuer.clone(),
            sub: "00000000-0000-0000-0000-000000000000".to_owned(),
            aud: audience.to_owned(),
            client_id: ClientId::from_bytes([7; 32]),
            jti: seed.id(),
            iat: 9_999_999_999,
            nbf: 9_999_999_999,
            exp: 9_999_999_999,
            scope: visible_scope(scope, &name),
            site: name,
            sid: Some(seed.id()),
            further: FurtherClaims::default(),
        };
        let encoded = |bytes: usize| (bytes * 4).div_ceil(3);
        let header = format!(r#"{{"alg":"RS256","typ":"at+jwt","kid":"{}"}}"#, seed.id::<crate::terms::KeyId>());
        encoded(header.len()) + 1 + encoded(serde_json::to_vec(&claims).unwrap().len()) + 1 + encoded(256)
    }

    #[test]
    fn a_scope_that_fits_gives_a_token_that_can_be_read_again() {
        let issuer = format!("https://{}.example/oauth2/{}", "a".repeat(200), "n".repeat(64));
        let site = Site {
            issuer,
            checkpoint_key: String::new(),
            settings: Settings::of(Profile::Openemr, "T", Edition::CURRENT),
            changed: Seq(0),
        };
        let audience = "https://auth.example/apis/default/fhir";
        for long in [1, 20, 60] {
            let of = |count: usize| -> ScopeSet {
                let words = (0..count).map(|n| format!("{}{n:03}", "s".repeat(long)).parse().unwrap());
                words.chain(["api:fhir".parse().unwrap()]).collect()
            };
            let most = (0..1000).take_while(|count| fits_a_token(&of(*count), &site, Some(audience))).count() - 1;
            let longest = length(&of(most), &site, audience);
            assert!(longest <= COMPACT_LENGTH_MAX && longest > COMPACT_LENGTH_MAX - 700, "{long}: {most} give {longest}");
        }
    }

    #[test]
    fn the_site_is_shown_beside_an_api_scope_only() {
        let site = SiteName::default_site();
        let show = |text: &str| visible_scope(&ScopeSet::parse(text).unwrap(), &site).to_string();
        assert_eq!(show("openid api:fhir"), "openid api:fhir site:default");
        assert_eq!(show("openid patient/Observation.rs"), "openid patient/Observation.rs");
    }
}
