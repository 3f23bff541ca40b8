//! Signing out of the apps of a session (OpenID Connect Front-Channel Logout §2, docs/decisions/0018).

use super::{
    DisplayText, Page,
    style::{CSS_SOURCE, hash_source},
};
use askama::Template;
use std::collections::BTreeSet;
use url::{Host, Position, Url};

/// Goes on when every frame has loaded or failed, which is when the page has; and after four seconds in any case. Without scripts the
/// page goes on by itself after four seconds, or by its link.
const GO_ON: &str = "const go=()=>location.replace(document.getElementById('onward').href);addEventListener('load',go);setTimeout(go,4000)";

/// Loads a page of each app, out of sight, and then goes on.
#[derive(Template)]
#[template(path = "front_channel.html")]
pub struct FrontChannelPage<'a> {
    /// The site's name for people.
    pub site_title: DisplayText,
    /// What happened, in two or three of our own words.
    pub title: &'static str,
    /// What happened: one of our own fixed sentences.
    pub sentence: &'static str,
    /// The apps' pages, with all that they are to be told.
    pub frames: &'a [String],
    /// Where the browser goes then: a registered address.
    pub onward: Option<&'a str>,
}

impl Page for FrontChannelPage<'_> {
    fn policy(&self) -> String {
        let frames: BTreeSet<String> = self.frames.iter().filter_map(|frame| source(frame)).collect();
        let frames = frames.into_iter().collect::<Vec<_>>().join(" ");
        let script = self.onward.map(|_| format!(" script-src {};", hash_source(GO_ON))).unwrap_or_default();
        let style = &*CSS_SOURCE;
        format!(
            "default-src 'none'; style-src {style};{script} frame-src {frames}; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
        )
    }
}

/// The source expression of one page, without its query (CSP Level 3 §2.3.1). It has no form for an IPv6 address, so that is allowed by
/// its scheme.
fn source(frame: &str) -> Option<String> {
    let url = Url::parse(frame).ok()?;
    match url.host()? {
        Host::Ipv6(_) => Some(format!("{}:", url.scheme())),
        Host::Domain(_) | Host::Ipv4(_) => Some(url[..Position::AfterPath].replace(';', "%3B").replace(',', "%2C")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn page<'a>(frames: &'a [String], onward: Option<&'a str>) -> FrontChannelPage<'a> {
        FrontChannelPage {
            site_title: DisplayText::of("Clinic"),
            title: "Signed out",
            sentence: "You have been signed out.",
            frames,
            onward,
        }
    }

    #[test]
    fn the_policy_names_exactly_the_pages_that_are_loaded() {
        let frames = ["https://a.example/out?iss=x&sid=y", "https://a.example/out", "https://b.example:8443/x;y,z", "http://[::1]:1/out"];
        let frames = frames.map(str::to_owned);
        let policy = page(&frames, None).policy();
        assert!(policy.contains("frame-src http: https://a.example/out https://b.example:8443/x%3By%2Cz; base-uri"), "{policy}");
        assert!(policy.starts_with("default-src 'none'; ") && !policy.contains("script") && !policy.contains("unsafe"), "{policy}");
    }

    #[test]
    fn only_a_page_that_goes_on_has_a_script_and_the_policy_knows_it() {
        let frames = ["https://a.example/out".to_owned()];
        let going = page(&frames, Some("https://a.example/bye?a=b&state=\"x"));
        let (body, policy) = (going.render().unwrap(), going.policy());
        assert!(policy.contains(&format!("script-src {};", hash_source(GO_ON))), "{policy}");
        assert!(body.contains(&format!("<script>{GO_ON}</script>")) && !body.contains("state=\""), "{body}");
        assert!(body.contains("<noscript><meta http-equiv=\"refresh\" content=\"4;url=https://a.example/bye?a=b"), "{body}");
        let staying = page(&frames, None).render().unwrap();
        assert!(!staying.contains("<script") && !staying.contains("refresh") && staying.contains("<iframe src=\"https://a.example/out\""));
    }
}
