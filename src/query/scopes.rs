//! How a set of scopes is shown.

use crate::terms::{ScopeSet, SiteName};

/// The scope as tokens, token responses and introspection show it: with `site:{id}` beside any `api:` scope (SPEC.md k-25).
pub fn visible_scope(scope: &ScopeSet, site: &SiteName) -> ScopeSet {
    let tenant = format!("site:{site}").parse().ok().filter(|_| scope.iter().any(|scope| scope.is_api_family()));
    tenant.into_iter().fold(scope.clone(), ScopeSet::with)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_site_is_shown_beside_an_api_scope_only() {
        let site = SiteName::default_site();
        let show = |text: &str| visible_scope(&ScopeSet::parse(text).unwrap(), &site).to_string();
        assert_eq!(show("openid api:fhir"), "openid api:fhir site:default");
        assert_eq!(show("openid patient/Observation.rs"), "openid patient/Observation.rs");
    }
}
