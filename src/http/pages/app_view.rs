//! How an app is shown: its host as strongly as its name, because anyone may choose a name (THREATS.md A13, A59).

use super::{DisplayText, Languages};
use crate::projection::Client;
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
    /// Its picture.
    pub logo: Option<Logo>,
    /// Its own pages.
    pub client_uri: Option<WebLink>,
    /// Its privacy policy.
    pub policy_uri: Option<WebLink>,
    /// Its terms of service.
    pub tos_uri: Option<WebLink>,
}

impl AppView {
    /// An app of this name behind this redirect URI, without links.
    pub fn new(name: &str, redirect_uri: &str, verified: bool) -> Self {
        let host = DisplayText::of(&place(redirect_uri));
        let name = DisplayText::or(name, "An app without a name");
        Self { name, host, verified, logo: None, client_uri: None, policy_uri: None, tos_uri: None }
    }
    /// The client behind this redirect URI, as it shows itself to people who read these languages.
    pub fn of(client: &Client, redirect_uri: &str, languages: &Languages) -> Self {
        let metadata = &client.metadata;
        let best = |name: &str, plain: &'_ Option<String>| languages.best(metadata, name, plain.as_deref()).map(str::to_owned);
        let link = |name: &str, plain: &Option<String>| best(name, plain).and_then(|text| WebLink::parse(&text));
        let name = best("client_name", &metadata.client_name).unwrap_or_default();
        Self {
            logo: best("logo_uri", &metadata.logo_uri).and_then(|text| Logo::parse(&text)),
            client_uri: link("client_uri", &metadata.client_uri),
            policy_uri: link("policy_uri", &metadata.policy_uri),
            tos_uri: link("tos_uri", &metadata.tos_uri),
            ..Self::new(&name, redirect_uri, client.verified)
        }
    }
    /// Its links, with what they are.
    pub fn links(&self) -> Vec<(&'static str, &WebLink)> {
        let links = [("website", &self.client_uri), ("privacy policy", &self.policy_uri), ("terms of service", &self.tos_uri)];
        links.into_iter().filter_map(|(words, link)| Some((words, link.as_ref()?))).collect()
    }
}

/// A picture of an app's. The browser loads it from the app's own place, so a page that shows it must allow exactly that place.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Logo {
    uri: WebLink,
    origin: String,
}

impl Logo {
    /// The picture, if it stands on the web behind a host that a policy can name: a host with `;` would write a policy of its own.
    pub fn parse(text: &str) -> Option<Self> {
        let url = url::Url::parse(text).ok().filter(|url| url.scheme() == "https")?;
        let origin = url.origin().ascii_serialization();
        let is_plain = origin.bytes().all(|c| c.is_ascii_alphanumeric() || b"-.:/[]_".contains(&c));
        is_plain.then(|| Self { uri: WebLink(url.into()), origin })
    }
    /// Where it stands.
    pub fn origin(&self) -> &str {
        &self.origin
    }
}
impl fmt::Display for Logo {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.uri.fmt(f)
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
        assert_eq!(WebLink::parse("javascript:alert(1)"), None);
        assert_eq!(WebLink::parse("https://a/terms").map(|link| link.to_string()).as_deref(), Some("https://a/terms"));
    }

    #[test]
    fn a_picture_names_one_place_and_never_a_policy() {
        let origin = |text| Logo::parse(text).map(|logo| logo.origin().to_owned());
        assert_eq!(origin("https://App.Example:8443/a/logo.png?x=1").as_deref(), Some("https://app.example:8443"));
        assert_eq!(origin("https://[2001:db8::1]/logo").as_deref(), Some("https://[2001:db8::1]"));
        for none in [
            "http://a.example/logo.png",
            "data:image/png;base64,AAAA",
            "javascript:alert(1)",
            "https://a;script-src-elem/x",
            "https://a,b/x",
            "https://'self'/x",
            "https://*/x",
            "nowhere",
        ] {
            assert_eq!(origin(none), None, "{none}");
        }
    }
}
