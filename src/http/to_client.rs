//! Sending the browser back to the client (RFC 6749 §4.1.2), and when not.

use super::context::{At, description};
use super::interaction::{self, Interaction};
use super::pages::{AppView, FormPostPage, Onward, OnwardPage, html};
use super::told::{refuse_here, site_title};
use super::{Response, reply, session_state};
use crate::command::Refused;
use crate::event::Endpoint;
use crate::ledger::Failure;
use crate::query::recheck_target;
use crate::terms::{ClientId, ErrorCode, ResponseMode, SessionId};
use http::StatusCode;

/// Where an answer goes; it has been matched.
#[derive(Clone, Copy)]
pub struct Addressee<'a> {
    /// The client.
    pub client: &'a ClientId,
    /// One of its redirection URIs.
    pub redirect_uri: &'a str,
    /// How it travels.
    pub mode: ResponseMode,
    /// What it wants to read again.
    pub state: Option<&'a str>,
    /// Who answers, where somebody has signed in for it.
    pub session: Option<SessionId>,
}

impl Interaction {
    /// Whom the answer is for.
    pub fn addressee(&self) -> Addressee<'_> {
        Addressee {
            client: &self.client,
            redirect_uri: &self.redirect_uri,
            mode: self.requested.response_mode,
            state: self.state.as_deref(),
            session: self.session,
        }
    }
}

/// Every authorization response names its issuer (RFC 9207 §2) and brings back the client's `state`.
pub fn to_client(at: &At, to: Addressee<'_>, params: &[(&str, &str)]) -> Response {
    let issuer = at.site.issuer();
    let session_state = session_state::of(at, to);
    let mut all = complete(&issuer, to, params);
    all.extend(session_state.as_deref().map(|value| ("session_state", value)));
    let response = match address(at, to, &all) {
        Some(address) => reply::redirect_302(&address),
        None => html(StatusCode::OK, &FormPostPage { site_title: site_title(at), action: to.redirect_uri, fields: all }),
    };
    session_state::with_cookie(at, to.session, response)
}

fn complete<'a>(issuer: &'a str, to: Addressee<'a>, params: &[(&'a str, &'a str)]) -> Vec<(&'a str, &'a str)> {
    params.iter().copied().chain(to.state.map(|state| ("state", state))).chain([("iss", issuer)]).collect()
}

/// The redirection URI with the whole answer; nothing if that travels in no URI.
fn address(at: &At, to: Addressee<'_>, params: &[(&str, &str)]) -> Option<String> {
    match to.mode {
        ResponseMode::Query => Some(closed(at, reply::append_query(to.redirect_uri, params))),
        ResponseMode::Fragment => Some(reply::append_fragment(to.redirect_uri, params)),
        ResponseMode::FormPost => None,
    }
}

/// The address with a fragment of its own, where the site wants that: to one without, a browser carries along the fragment of the
/// address that led there, which somebody else may have written (RFC 9700 §4.1.3, THREATS.md A14).
pub fn closed(at: &At, mut address: String) -> String {
    let closes = at.site.read(|state| state.site.as_ref().is_some_and(|site| site.settings.redirect_close_fragment));
    if closes && !address.contains('#') {
        address.push_str("#_");
    }
    address
}

/// An error as a client is told it.
pub struct Told {
    code: ErrorCode,
    description: String,
}

impl From<&Refused> for Told {
    fn from(refused: &Refused) -> Self {
        Self { code: refused.refusal.reply().code, description: description(refused) }
    }
}

/// RFC 6749 §4.1.2.1, once the person has done something: signed in, or pressed a button.
pub fn error_to_client(at: &At, to: Addressee<'_>, told: impl Into<Told>) -> Response {
    let Told { code, description } = told.into();
    to_client(at, to, &[("error", code.as_str()), ("error_description", &description)])
}

/// A request that could not be served. The browser shows nothing of the 500 that it would be (RFC 6749 §4.1.2.1, `server_error`).
///
/// # Errors
/// The log has stopped: nothing more is answered at all.
pub fn told_of(failure: Failure) -> Result<Told, Failure> {
    let told = |code, text: &str| Ok(Told { code, description: text.to_owned() });
    match failure {
        Failure::Busy | Failure::ClockUntrusted => {
            told(ErrorCode::TemporarilyUnavailable, "The server is too busy; please try again in a moment")
        }
        Failure::Stopped => Err(failure),
        Failure::Unreadable(_) | Failure::Vault(_) | Failure::Checkpoint(_) | Failure::Contradiction(_) => {
            tracing::error!(%failure, "an authorization request could not be served");
            told(ErrorCode::ServerError, "The server failed")
        }
    }
}

/// RFC 6749 §4.1.2.1, when the person may have done no more than follow a link. Anyone may register a client, so a link of ours
/// could otherwise be made to lead anywhere (RFC 9700 §4.11.2): who is not signed in here is asked first, unless an administrator
/// knows the client. A program is redirected, for it reads no page and trusts none; so is a frame, for the page around it is
/// another's anyhow. A site may do without (`redirect.warn_unverified`).
pub fn error_to_unasked(at: &At, to: Addressee<'_>, told: impl Into<Told>) -> Response {
    let told = told.into();
    let is_frame = at.inbound.headers.get("sec-fetch-dest").is_some_and(|dest| dest == "iframe");
    let (browser, _) = interaction::browser(at);
    if !at.wants_html() || is_frame || interaction::session_that_may_answer(at, &browser).is_some() {
        return error_to_client(at, to, told);
    }
    let unchecked = at.site.read(|state| {
        let warns = state.site.as_ref().is_none_or(|site| site.settings.redirect_warn_unverified);
        match state.clients.by_id(to.client) {
            Some(client) if client.verified || !warns => None,
            client => Some(client.and_then(|client| client.metadata.client_name.clone()).unwrap_or_default()),
        }
    });
    match unchecked {
        Some(name) => ask_first(at, to, &name, &told),
        None => error_to_client(at, to, told),
    }
}

fn ask_first(at: &At, to: Addressee<'_>, name: &str, told: &Told) -> Response {
    let (code, issuer) = (told.code, at.site.issuer());
    let params = complete(&issuer, to, &[("error", code.as_str()), ("error_description", &told.description)]);
    let onward = match address(at, to, &params) {
        Some(href) => Onward::Link(href),
        None => Onward::Form { action: to.redirect_uri, fields: params },
    };
    let app = AppView::new(name, to.redirect_uri, false);
    html(StatusCode::BAD_REQUEST, &OnwardPage { site_title: site_title(at), app, onward, code, request_id: at.inbound.corr })
}

/// Records a refusal and tells it to the client, if that is still who it was.
pub async fn refuse_there(at: &At, interaction: &Interaction, refused: impl Into<Refused>) -> Result<Response, Failure> {
    let refused = refused.into();
    if let Some(gone) = gone(at, interaction).await {
        return Ok(gone);
    }
    at.ledger.refuse(&at.site, Endpoint::Authorize, refused.refusal, Some(interaction.client.clone()), at.facts()).await?;
    Ok(match interaction.session {
        Some(_) => error_to_client(at, interaction.addressee(), &refused),
        None => error_to_unasked(at, interaction.addressee(), &refused),
    })
}

/// What the person is shown when the client or its address went away while a page was open: nothing is redirected then.
pub async fn gone(at: &At, interaction: &Interaction) -> Option<Response> {
    let changed = at.site.read(|state| recheck_target(state, &interaction.client, &interaction.redirect_uri));
    match changed {
        Ok(()) => None,
        Err(refusal) => Some(refuse_here(at, Endpoint::Authorize, refusal, Some(interaction.client.clone())).await),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_passes_is_told_apart_from_what_is_broken_and_a_log_that_stopped_says_nothing() {
        let told = |failure| told_of(failure).map(|told| told.code.as_str()).ok();
        assert_eq!([told(Failure::Busy), told(Failure::ClockUntrusted)], [Some("temporarily_unavailable"); 2]);
        let broken = [Failure::Unreadable("x".to_owned()), Failure::Contradiction("y".to_owned())];
        assert_eq!(broken.map(told), [Some("server_error"); 2]);
        assert_eq!(told(Failure::Stopped), None);
        let told = told_of(Failure::Unreadable("key_abc is not in the vault".to_owned())).ok().unwrap();
        assert_eq!(told.description, "The server failed", "why is for the trace");
    }
}
