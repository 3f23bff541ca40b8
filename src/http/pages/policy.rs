//! The content security policies of the pages (THREATS.md A11, A66).

use super::Logo;
use super::style::CSS_SOURCE;

/// Where a page's form may end up. Browsers hold `form-action` against the redirects that follow a submission too, so the page
/// before a redirect to the client must allow the client.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct FormTargets(Option<String>);

impl FormTargets {
    /// This server alone.
    pub fn own() -> Self {
        Self(None)
    }
    /// This server, and from there the client behind this redirect URI. For `https` any host: a client's callback may send the
    /// browser on to another host of its own, which would be blocked here with nothing to see. For `http` (loopback only) exactly
    /// that host on any port, for a private-use scheme that scheme.
    pub fn then(redirect_uri: &str) -> Self {
        let Ok(uri) = url::Url::parse(redirect_uri) else { return Self(None) };
        Self(match (uri.scheme(), uri.host_str()) {
            ("https", _) => Some("https:".to_owned()),
            ("http", Some("[::1]")) => Some("http:".to_owned()),
            ("http", Some(host)) => Some(format!("http://{host}:*")),
            ("http", None) | ("javascript" | "data" | "vbscript" | "blob", _) => None,
            (scheme, _) => Some(format!("{scheme}:")),
        })
    }
    pub(super) fn source(&self) -> String {
        self.0.as_ref().map_or_else(|| "'self'".to_owned(), |target| format!("'self' {target}"))
    }
}

/// Nothing but the style sheet, no form.
pub fn still_page() -> String {
    format!("default-src 'none'; style-src {}; base-uri 'none'; form-action 'none'; frame-ancestors 'none'", *CSS_SOURCE)
}

/// The same, and a picture of the app's, from its own place alone.
pub fn form_page_with(targets: &FormTargets, logo: Option<&Logo>) -> String {
    let pictures = logo.map(|logo| format!("img-src {}; ", logo.origin())).unwrap_or_default();
    form_page(targets).replacen("base-uri", &format!("{pictures}base-uri"), 1)
}

/// The style sheet, and a form that ends up there.
pub fn form_page(targets: &FormTargets) -> String {
    let (style, form) = (&*CSS_SOURCE, targets.source());
    format!("default-src 'none'; style-src {style}; base-uri 'none'; form-action {form}; frame-ancestors 'none'")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_form_may_end_up_at_the_client_and_nowhere_worse() {
        let source = |uri| FormTargets::then(uri).source();
        assert_eq!(source("https://app.example/cb"), "'self' https:");
        assert_eq!(source("http://127.0.0.1:5173/cb"), "'self' http://127.0.0.1:*");
        assert_eq!(source("com.example.app:/cb"), "'self' com.example.app:");
        for none in ["javascript:alert(1)", "data:text/html,x", "", "/relative"] {
            assert_eq!(source(none), "'self'", "{none}");
        }
        assert_eq!(FormTargets::own().source(), "'self'");
    }

    #[test]
    fn a_picture_comes_from_its_own_place_alone() {
        let logo = Logo::parse("https://growth-chart.example/logo.png");
        let policy = form_page_with(&FormTargets::own(), logo.as_ref());
        assert!(policy.contains("; img-src https://growth-chart.example; base-uri 'none';"), "{policy}");
        assert_eq!(form_page_with(&FormTargets::own(), None), form_page(&FormTargets::own()));
    }

    #[test]
    fn no_policy_allows_framing_or_script() {
        for policy in [still_page(), form_page(&FormTargets::then("https://app.example/cb"))] {
            assert!(policy.starts_with("default-src 'none'; style-src 'sha256-") && policy.ends_with("frame-ancestors 'none'"));
            assert!(!policy.contains("script") && !policy.contains("unsafe"));
        }
    }
}
