//! Whether somebody is still signed in, told to apps that ask from a frame (OpenID Connect Session Management 1.0; only with the site's
//! flag `session_management`).
//!
//! The browser's state is a cookie that the page in the frame can read. It is a tag of the session under a key of the site: it changes
//! when a session begins or ends, and opens nothing.

use super::context::At;
use super::cookies::{clear_state_cookie, state_cookie, state_cookie_name, state_of};
use super::interaction;
use super::pages::CheckSessionPage;
use super::to_client::Addressee;
use super::{Response, pages, reply};
use crate::ledger::draw_bytes;
use crate::terms::{Digest, Secret, SessionId};
use http::header::SET_COOKIE;
use http::{HeaderValue, Method, StatusCode};
use url::Url;

/// `GET /oauth2/{site}/check-session`: the `check_session_iframe`, which anybody may frame.
pub async fn endpoint(at: At) -> Response {
    if !is_on(&at) {
        return reply::not_found();
    }
    match at.inbound.method {
        Method::GET => {
            let cookie = state_cookie_name(at.site.name(), at.inbound.peer.secure);
            pages::html(StatusCode::OK, &CheckSessionPage { cookie: &cookie })
        }
        _ => reply::method_not_allowed("GET"),
    }
}

/// The `session_state` of an authorization response (OpenID Connect Session Management §2). Nothing where the site does without, and for
/// an address that is no web page's.
pub fn of(at: &At, to: Addressee<'_>) -> Option<String> {
    let origin = is_on(at).then(|| Url::parse(to.redirect_uri).ok()).flatten()?.origin();
    let state = session(at, to.session).map(|session| browser_state(at, session)).unwrap_or_default();
    let salt = Secret::from_entropy(&draw_bytes::<16>());
    let text = format!("{} {} {state} {}", to.client, origin.is_tuple().then(|| origin.ascii_serialization())?, salt.expose());
    Some(format!("{}.{}", Digest::of(text.as_bytes()), salt.expose()))
}

/// The answer, which makes the browser's state that of this session, or of nobody.
pub fn with_cookie(at: &At, signed_in: Option<SessionId>, response: Response) -> Response {
    let (site, secure) = (at.site.name(), at.inbound.peer.secure);
    let name = format!("{}=", state_cookie_name(site, secure));
    let is_said = |value: &HeaderValue| value.to_str().is_ok_and(|text| text.starts_with(&name));
    if response.headers().get_all(SET_COOKIE).iter().any(is_said) {
        return response;
    }
    let known = state_of(&at.inbound.headers, site, secure);
    let state = session(at, signed_in).filter(|_| is_on(at)).map(|session| browser_state(at, session));
    match (state, known) {
        (Some(state), known) if known != Some(state.as_str()) => {
            reply::with_header(response, SET_COOKIE, state_cookie(site, secure, &state))
        }
        (None, Some(_)) => reply::with_header(response, SET_COOKIE, clear_state_cookie(site, secure)),
        (_, _) => response,
    }
}

/// The session that was just begun or used; else the one that the browser brought along.
fn session(at: &At, signed_in: Option<SessionId>) -> Option<SessionId> {
    signed_in.or_else(|| interaction::live_session(at, &interaction::browser(at).0).map(|session| session.id))
}

fn browser_state(at: &At, session: SessionId) -> String {
    at.site.tag(&format!("browser state\n{session}")).to_string()
}

fn is_on(at: &At) -> bool {
    at.site.read(|state| state.site.as_ref().is_some_and(|site| site.settings.session_management))
}
