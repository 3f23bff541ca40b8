//! How an app is shown: its host as strongly as its name, because anyone may choose a name (THREATS.md A13, A59).

use super::DisplayText;
use std::{fmt, net::IpAddr};

/// A client as a person sees it.
#[derive(Clone, Debug)]
pub struct AppView {
    /// What it calls itself.
    pub name: DisplayText,
    /// Where the browser will be sent: a host in ASCII (so that look-alike letters show), or words for an app on this device.
    pub host: DisplayText,
    /// Whether an administrator approved it; an app that is not gets a warning before anything is sent to it.
    pub verified: bool,
    /// Its privacy policy.
    pub policy_uri: Option<WebLink>,
    /// Its terms of service.
    pub tos_uri: Option<WebLink>,
}

impl AppView {
    /// An app of this name behind this redirect URI, without links.
    pub fn new(name: &str, redirect_uri: &str, verified: bool) -> Self {
        let host = DisplayText::of(&place(redirect_uri));
        Self { name: DisplayText::or(name, "An app without a name"), host, verified, policy_uri: None, tos_uri: None }
    }
    /// The app with those of its links that are links.
    pub fn with_links(mut self, policy_uri: Option<&str>, tos_uri: Option<&str>) -> Self {
        self.policy_uri = policy_uri.and_then(WebLink::parse);
        self.tos_uri = tos_uri.and_then(WebLink::parse);
        self
    }
}

fn place(redirect_uri: &str) -> String {
    let Ok(uri) = url::Url::parse(redirect_uri) else { return "an unknown place".to_owned() };
    let loopback = |host: &str| {
        let ip = host.trim_matches(['[', ']']).parse::<IpAddr>();
        host == "localhost" || ip.is_ok_and(|ip| ip.to_canonical().is_loopback())
    };
    match (uri.scheme(), uri.host_str(), uri.port()) {
        ("http" | "https", Some(host), _) if loopback(host) => "this device".to_owned(),
        ("http" | "https", Some(host), None) => host.to_owned(),
        ("http" | "https", Some(host), Some(port)) => format!("{host}:{port}"),
        (scheme, _, _) => format!("{scheme} on this device"),
    }
}

/// A link that a page may offer: `https` or `http`, nothing that runs.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct WebLink(String);

impl WebLink {
    /// The link, if it is one.
    pub fn parse(text: &str) -> Option<Self> {
        let uri = url::Url::parse(text).ok()?;
        matches!(uri.scheme(), "http" | "https").then(|| Self(uri.into()))
    }
}
impl fmt::Display for WebLink {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_host_is_shown_as_the_browser_will_meet_it() {
        let host = |uri| AppView::new("x", uri, true).host.to_string();
        assert_eq!(host("https://App.Example/cb"), "app.example");
        assert_eq!(host("https://app.example:8443/cb"), "app.example:8443");
        assert_eq!(host("https://good.example@evil.example/cb"), "evil.example");
        assert_eq!(host("https://\u{430}pple.example/cb"), "xn--pple-43d.example");
        assert_eq!(host("http://127.0.0.1:4000/cb"), "this device");
        assert_eq!(host("http://[::1]/cb"), "this device");
        assert_eq!(host("com.example.app:/cb"), "com.example.app on this device");
    }

    #[test]
    fn a_link_that_runs_is_no_link() {
        let app = AppView::new("x", "https://a/", true).with_links(Some("javascript:alert(1)"), Some("https://a/terms"));
        assert_eq!(app.policy_uri, None);
        assert_eq!(app.tos_uri.map(|link| link.to_string()).as_deref(), Some("https://a/terms"));
    }
}
