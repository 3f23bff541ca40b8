//! An authorization request being answered. It is no event: it travels sealed with the browser, bound to its cookie, for
//! 30 minutes, so that junk cannot fill the log and a restart loses nothing (DESIGN.md §4).

use super::context::At;
use super::cookies::Browser;
use super::cors;
use crate::ledger::{Failure, draw_bytes};
use crate::projection::{ANSWERABLE_SECONDS, Session, User};
use crate::query::Requested;
use crate::terms::{ClientId, Digest, InteractionId, Secret, SessionId, Timestamp, UserId};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

/// What has to be remembered between authorize and the answer.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct Interaction {
    /// Tells this showing of our pages from every other, once one is shown.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<InteractionId>,
    /// The client that asks.
    pub client: ClientId,
    /// Where the answer goes; it has been matched.
    pub redirect_uri: String,
    /// Whether the request named it.
    pub redirect_uri_sent: bool,
    /// The client's `state`, byte for byte.
    pub state: Option<String>,
    /// What it asks for.
    pub requested: Requested,
    /// Who has to answer: the person of the request's `id_token_hint` (OpenID Connect Core §3.1.2.1).
    pub expected: Option<UserId>,
    /// Fills in the name on the sign-in page.
    pub login_hint: Option<String>,
    /// In which languages the person reads (OpenID Connect Core §3.1.2.1).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ui_locales: Option<String>,
    /// The session that answers, once someone is signed in.
    pub session: Option<SessionId>,
    /// When the request came.
    pub begun_at: Timestamp,
}

/// The longest that travels in a URL (the front door takes 8 KiB in all).
const SEALED_LENGTH_MAX: usize = 7400;
const PURPOSE: &str = "interaction";
const FORM_PURPOSE: &str = "form";

impl Interaction {
    /// The sealed text; nothing if it would be too long to travel.
    pub fn seal(&self, at: &At, browser: &Browser) -> Result<Option<String>, Failure> {
        let sealed = seal(at, PURPOSE, browser, self)?;
        Ok((sealed.len() <= SEALED_LENGTH_MAX).then_some(sealed))
    }
    /// Opens what this browser brings back in time.
    pub fn open(at: &At, browser: &Browser, sealed: &str) -> Option<Self> {
        let own: Self = open(at, PURPOSE, browser, sealed)?;
        (at.ledger.now() < own.begun_at.plus_seconds(ANSWERABLE_SECONDS)).then_some(own)
    }
    /// The digest that binds the code to the `redirect_uri` of the request; none if the request had none.
    pub fn redirect_uri_digest(&self) -> Option<Digest> {
        self.redirect_uri_sent.then(|| Digest::of(self.redirect_uri.as_bytes()))
    }
}

/// Seals any page state for this browser.
pub fn seal(at: &At, purpose: &'static str, browser: &Browser, state: &impl Serialize) -> Result<String, Failure> {
    let plain = serde_json::to_vec(state).map_err(|error| Failure::Contradiction(error.to_string()))?;
    at.site.seal(purpose, &plain, browser.id.expose().as_bytes())
}

/// Opens page state that this browser brings back.
pub fn open<T: DeserializeOwned>(at: &At, purpose: &'static str, browser: &Browser, sealed: &str) -> Option<T> {
    let plain = at.site.open(purpose, sealed, browser.id.expose().as_bytes())?;
    serde_json::from_slice(&plain).ok()
}

/// A token against forged posts: only this browser's pages of this interaction have it.
pub fn form_token(at: &At, browser: &Browser, interaction: &str) -> Result<String, Failure> {
    seal(at, FORM_PURPOSE, browser, &Digest::of(interaction.as_bytes()))
}

/// Whether a form comes from a page that this browser was given, and not from another place (`Sec-Fetch-Site`, `Origin`,
/// THREATS.md A65). `Origin: null` says nothing: our own pages send it too, because they send no `Referer`.
pub fn is_own_form(at: &At, browser: &Browser, interaction: &str, token: Option<&str>) -> bool {
    let from = at.inbound.headers.get("sec-fetch-site").and_then(|value| value.to_str().ok());
    let foreign = cors::origin(&at.inbound.headers).is_some_and(|origin| cors::origin_of(&at.site.issuer()).as_deref() != Some(origin));
    let elsewhere = foreign || from.is_some_and(|from| from != "same-origin" && from != "none");
    let bound: Option<Digest> = token.and_then(|token| open(at, FORM_PURPOSE, browser, token));
    !elsewhere && bound == Some(Digest::of(interaction.as_bytes()))
}

/// The browser that sent the request; a new one if it has no cookie. The flag says so.
pub fn browser(at: &At) -> (Browser, bool) {
    match Browser::of(&at.inbound.headers, at.site.name(), at.inbound.peer.secure) {
        Some(browser) => (browser, false),
        None => (Browser::from_entropy(&draw_bytes()), true),
    }
}

/// The live session of a browser whose person may sign in.
pub fn session_that_may_answer(at: &At, browser: &Browser) -> Option<Session> {
    let may_sign_in = |session: &Session| at.site.read(|state| state.users.by_id(&session.user).is_some_and(User::may_sign_in));
    live_session(at, browser).filter(may_sign_in)
}

/// The live session of the browser.
pub fn live_session(at: &At, browser: &Browser) -> Option<Session> {
    let cookie = browser.session.as_ref().map(Secret::digest)?;
    let now = at.ledger.now();
    at.site.read(|state| state.sessions.live_by_cookie(&cookie, now).cloned())
}
