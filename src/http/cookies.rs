//! The browser's cookie at a site: which browser it is, and which session it has (DESIGN.md §7, THREATS.md A87).

use crate::terms::{Secret, SiteName};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use http::{HeaderMap, HeaderValue, header::COOKIE};

/// What the cookie carries. Both parts are secrets: whoever has them is that browser.
pub struct Browser {
    /// 128 random bits as 22 base64url characters; interactions are bound to it.
    pub id: Secret,
    /// 256 random bits as 43 base64url characters, once someone is signed in.
    pub session: Option<Secret>,
}

impl Browser {
    /// A browser seen for the first time.
    pub fn from_entropy(bytes: &[u8; 16]) -> Self {
        Self { id: Secret::from_entropy(bytes), session: None }
    }
    /// The browser that sent these header fields to this site. `None` without the cookie, when it is malformed, and when it comes
    /// twice: which of two is ours cannot be told.
    pub fn of(headers: &HeaderMap, site: &SiteName, secure: bool) -> Option<Self> {
        let name = cookie_name(site, secure);
        let lines = headers.get_all(COOKIE).iter().filter_map(|line| line.to_str().ok());
        let pairs = lines.flat_map(|line| line.split(';')).filter_map(|pair| pair.trim_matches([' ', '\t']).split_once('='));
        let mut values = pairs.filter(|(own, _)| *own == name).map(|(_, value)| value);
        let first = values.next()?;
        values.next().is_none().then(|| Self::parse(first)).flatten()
    }
    fn parse(value: &str) -> Option<Self> {
        let (id, session) = match value.split_once('.') {
            Some((id, session)) => (id, Some(session)),
            None => (value, None),
        };
        if !is_base64url_of::<16>(id) || !session.is_none_or(is_base64url_of::<32>) {
            return None;
        }
        Some(Self { id: Secret::new(id.to_owned()), session: session.map(|text| Secret::new(text.to_owned())) })
    }
    /// The `Set-Cookie` value that makes the browser send this to the site until it closes, or for `max_age_seconds`.
    pub fn set_cookie(&self, site: &SiteName, secure: bool, max_age_seconds: Option<u64>) -> HeaderValue {
        let id = self.id.expose();
        let value = self.session.as_ref().map_or_else(|| id.to_owned(), |session| format!("{id}.{}", session.expose()));
        cookie(site, secure, &value, max_age_seconds)
    }
}

/// The `Set-Cookie` value that makes the browser forget it.
pub fn clear_cookie(site: &SiteName, secure: bool) -> HeaderValue {
    cookie(site, secure, "", Some(0))
}

/// The `Set-Cookie` value of the browser's state (OpenID Connect Session Management §3.1): a page of ours that another site frames reads it
/// by script, so it is neither HttpOnly nor kept to our own pages. Without TLS browsers take no `SameSite=None`.
pub fn state_cookie(site: &SiteName, secure: bool, state: &str) -> HeaderValue {
    let kept = if secure { "SameSite=None; Secure" } else { "SameSite=Lax" };
    let text = format!("{}={state}; Path=/; {kept}", state_cookie_name(site, secure));
    HeaderValue::try_from(text).unwrap_or_else(|_| HeaderValue::from_static(""))
}

/// The `Set-Cookie` value that makes the browser forget it.
pub fn clear_state_cookie(site: &SiteName, secure: bool) -> HeaderValue {
    let text = format!("{}; Max-Age=0", state_cookie(site, secure, "").to_str().unwrap_or_default());
    HeaderValue::try_from(text).unwrap_or_else(|_| HeaderValue::from_static(""))
}

/// The state that the browser sent.
pub fn state_of<'a>(headers: &'a HeaderMap, site: &SiteName, secure: bool) -> Option<&'a str> {
    let name = state_cookie_name(site, secure);
    let lines = headers.get_all(COOKIE).iter().filter_map(|line| line.to_str().ok());
    let mut pairs = lines.flat_map(|line| line.split(';')).filter_map(|pair| pair.trim_matches([' ', '\t']).split_once('='));
    pairs.find(|(own, _)| *own == name).map(|(_, value)| value)
}

/// A site's name has no underscore, so no other site's cookie is called so.
pub fn state_cookie_name(site: &SiteName, secure: bool) -> String {
    format!("{}_state", cookie_name(site, secure))
}

/// `__Host-` makes the browser insist on Secure, Path=/ and no Domain, so that no sibling host can plant the cookie.
fn cookie_name(site: &SiteName, secure: bool) -> String {
    if secure { format!("__Host-writ-{site}") } else { format!("writ-{site}") }
}

fn cookie(site: &SiteName, secure: bool, value: &str, max_age_seconds: Option<u64>) -> HeaderValue {
    let mut text = format!("{}={value}; Path=/; HttpOnly; SameSite=Lax", cookie_name(site, secure));
    if secure {
        text.push_str("; Secure");
    }
    if let Some(seconds) = max_age_seconds {
        text.push_str(&format!("; Max-Age={seconds}"));
    }
    let mut header = HeaderValue::try_from(text).unwrap_or_else(|_| HeaderValue::from_static(""));
    header.set_sensitive(true);
    header
}

fn is_base64url_of<const BYTES: usize>(text: &str) -> bool {
    URL_SAFE_NO_PAD.decode(text).is_ok_and(|bytes| bytes.len() == BYTES)
}

#[cfg(test)]
mod tests {
    use super::*;

    const ID: &str = "AAECAwQFBgcICQoLDA0ODw";
    const SESSION: &str = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8";

    fn site() -> SiteName {
        "default".parse().unwrap()
    }
    fn read(lines: &[&str], secure: bool) -> Option<(String, Option<String>)> {
        let mut headers = HeaderMap::new();
        for line in lines {
            headers.append(COOKIE, line.parse().unwrap());
        }
        let browser = Browser::of(&headers, &site(), secure)?;
        Some((browser.id.expose().to_owned(), browser.session.map(|session| session.expose().to_owned())))
    }

    #[test]
    fn what_is_set_is_read_back() {
        let browser = Browser { id: Secret::new(ID.into()), session: Some(Secret::new(SESSION.into())) };
        for secure in [true, false] {
            let set = browser.set_cookie(&site(), secure, None);
            let pair = set.to_str().unwrap().split(';').next().unwrap();
            assert_eq!(read(&[pair], secure), Some((ID.into(), Some(SESSION.into()))));
            assert_eq!(read(&[pair], !secure), None);
        }
        let fresh = Browser::from_entropy(&[0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15]);
        let set = fresh.set_cookie(&site(), true, None);
        assert_eq!(read(&[set.to_str().unwrap().split(';').next().unwrap()], true), Some((ID.into(), None)));
    }

    #[test]
    fn the_flags_are_those_of_a_session_cookie() {
        let browser = Browser { id: Secret::new(ID.into()), session: None };
        let set = |secure, age| browser.set_cookie(&site(), secure, age).to_str().unwrap().to_owned();
        assert_eq!(set(true, None), format!("__Host-writ-default={ID}; Path=/; HttpOnly; SameSite=Lax; Secure"));
        assert_eq!(set(false, Some(60)), format!("writ-default={ID}; Path=/; HttpOnly; SameSite=Lax; Max-Age=60"));
        assert_eq!(clear_cookie(&site(), true), "__Host-writ-default=; Path=/; HttpOnly; SameSite=Lax; Secure; Max-Age=0");
    }

    #[test]
    fn a_cookie_among_others_is_found_and_a_double_one_is_not_believed() {
        let ours = format!("writ-default={ID}");
        let other = ours.replace("AAEC", "AAED");
        assert!(read(&[&format!("a=b; {ours}; writ-default2=x")], false).is_some());
        assert!(read(&["a=b", &ours], false).is_some());
        assert_eq!(read(&[&format!("{ours}; {other}")], false), None);
        assert_eq!(read(&[&ours, &other], false), None);
    }

    #[test]
    fn a_malformed_value_is_no_browser() {
        for value in ["", ".", ID.get(1..).unwrap(), &format!("{ID}."), &format!("{ID}.{ID}"), &format!("{ID}.{SESSION}.x"), "\"quoted\""] {
            assert_eq!(read(&[&format!("writ-default={value}")], false), None, "{value}");
        }
    }

    #[test]
    fn the_browsers_state_can_be_read_from_a_frame_over_tls() {
        let set = |secure| state_cookie(&site(), secure, "tag").to_str().unwrap().to_owned();
        assert_eq!(set(true), "__Host-writ-default_state=tag; Path=/; SameSite=None; Secure");
        assert_eq!(set(false), "writ-default_state=tag; Path=/; SameSite=Lax");
        assert!(clear_state_cookie(&site(), true).to_str().unwrap().ends_with("; Max-Age=0"));
        let mut headers = HeaderMap::new();
        headers.insert(COOKIE, "writ-default=x; writ-default_state=tag".parse().unwrap());
        assert_eq!((state_of(&headers, &site(), false), state_of(&headers, &site(), true)), (Some("tag"), None));
    }
}
