//! Sending the browser back to the client (RFC 6749 §4.1.2), and when not.

use super::context::{At, description};
use super::interaction::{self, Interaction};
use super::pages::{AppView, OnwardPage, html};
use super::told::{refuse_here, site_title};
use super::{Response, reply};
use crate::command::Refused;
use crate::event::Endpoint;
use crate::ledger::Failure;
use crate::query::recheck_target;
use crate::terms::ClientId;
use http::StatusCode;

/// Where an answer goes; it has been matched.
#[derive(Clone, Copy)]
pub struct Addressee<'a> {
    /// The client.
    pub client: &'a ClientId,
    /// One of its redirection URIs.
    pub redirect_uri: &'a str,
    /// What it wants to read again.
    pub state: Option<&'a str>,
}

impl Interaction {
    /// Whom the answer is for.
    pub fn addressee(&self) -> Addressee<'_> {
        Addressee { client: &self.client, redirect_uri: &self.redirect_uri, state: self.state.as_deref() }
    }
}

/// Every authorization response names its issuer (RFC 9207 §2) and brings back the client's `state`.
pub fn to_client(at: &At, to: Addressee<'_>, params: &[(&str, &str)]) -> Response {
    reply::redirect_302(&address(at, to, params))
}

fn address(at: &At, to: Addressee<'_>, params: &[(&str, &str)]) -> String {
    let issuer = at.site.issuer();
    let mut all = params.to_vec();
    all.extend(to.state.map(|state| ("state", state)));
    all.push(("iss", &issuer));
    reply::append_query(to.redirect_uri, &all)
}

/// RFC 6749 §4.1.2.1, once the person has done something: signed in, or pressed a button.
pub fn error_to_client(at: &At, to: Addressee<'_>, refused: &Refused) -> Response {
    let code = refused.refusal.reply().code;
    to_client(at, to, &[("error", code.as_str()), ("error_description", &description(refused))])
}

/// RFC 6749 §4.1.2.1, when the person may have done no more than follow a link. Anyone may register a client, so a link of ours
/// could otherwise be made to lead anywhere (RFC 9700 §4.11.2): who is not signed in here is asked first, unless an administrator
/// knows the client. A program is redirected, for it reads no page and trusts none; so is a frame, for the page around it is
/// another's anyhow.
pub fn error_to_unasked(at: &At, to: Addressee<'_>, refused: &Refused) -> Response {
    let is_frame = at.inbound.headers.get("sec-fetch-dest").is_some_and(|dest| dest == "iframe");
    let (browser, _) = interaction::browser(at);
    if !at.wants_html() || is_frame || interaction::live_session(at, &browser).is_some() {
        return error_to_client(at, to, refused);
    }
    let unchecked = at.site.read(|state| match state.clients.by_id(to.client) {
        Some(client) if client.verified => None,
        client => Some(client.and_then(|client| client.metadata.client_name.clone()).unwrap_or_default()),
    });
    let Some(name) = unchecked else { return error_to_client(at, to, refused) };
    let code = refused.refusal.reply().code;
    let page = OnwardPage {
        site_title: site_title(at),
        app: AppView::new(&name, to.redirect_uri, false),
        href: &address(at, to, &[("error", code.as_str()), ("error_description", &description(refused))]),
        code,
        request_id: at.inbound.corr,
    };
    html(StatusCode::BAD_REQUEST, &page)
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
