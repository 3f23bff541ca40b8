//! `{GET, POST} /oauth2/{site}/logout` (OpenID Connect RP-Initiated Logout 1.0, SPEC.md g).

use super::answer::page_failed;
use super::context::At;
use super::cookies::{Browser, clear_cookie};
use super::interaction::{self, form_token, is_own_form, live_session};
use super::pages::{DisplayText, Form, FormTargets, FrontChannelPage, NextStep, SignOutPage, SignedOutPage, html};
use super::params::PROTOCOL_RULES;
use super::to_client::closed;
use super::told::{page_params, refuse_here, refuse_with, site_title};
use super::{Params, Response, reply, session_state};
use crate::command::{EndSession, EndedBy, FrontChannel};
use crate::event::{Endpoint, Refusal};
use crate::jose::IdTokenClaims;
use crate::ledger::Failure;
use crate::projection::Session;
use crate::terms::{ClientId, SessionId};
use http::header::SET_COOKIE;
use http::{Method, StatusCode};
use serde::{Deserialize, Serialize};

/// The route.
pub async fn endpoint(at: At) -> Response {
    let params = match page_params(&at, Endpoint::Logout, PROTOCOL_RULES).await {
        Ok(params) => params,
        Err(response) => return response,
    };
    let (browser, _) = interaction::browser(&at);
    let answered = match params.get("id_token_hint") {
        _ if params.has("decision") => confirmed(&at, &browser, &params).await,
        None => ask(&at, &browser, params.has("post_logout_redirect_uri").then_some(HINT_MISSING)).await,
        Some(hint) => match at.ledger.read_hint(&at.site, hint) {
            None => return hint_refused(&at, None).await,
            Some(claims) => hinted(&at, &browser, &claims, &params).await,
        },
    };
    match answered {
        Ok(response) => response,
        Err(failure) => page_failed(&at, failure).await,
    }
}

/// Nobody is signed out by a hint that is not good; the person still can.
async fn hint_refused(at: &At, client: Option<ClientId>) -> Response {
    let sign_out = NextStep { label: "Sign out", href: &format!("{}/logout", at.base_path()) };
    refuse_with(at, Endpoint::Logout, Refusal::HintInvalid, client, Some(sign_out)).await
}

/// Without a verified hint the person is asked; nothing is redirected, because nobody knows who asks.
async fn ask(at: &At, browser: &Browser, error: Option<&'static str>) -> Result<Response, Failure> {
    if !at.wants_html() {
        return Ok(refuse_here(at, Endpoint::Logout, Refusal::HintInvalid, None).await);
    }
    match live_session(at, browser) {
        None => Ok(said(at, NOT_SIGNED_IN)),
        Some(session) => confirm_page(at, browser, &session, Asked { app_name: None, error }),
    }
}

/// Who asks to sign a person out, and what is wrong with how it is asked.
struct Asked {
    app_name: Option<DisplayText>,
    error: Option<&'static str>,
}

// The names of the parameters are for whoever has to mend the app.
const HINT_MISSING: &str = "You will not be sent back to the app: its request has a post_logout_redirect_uri but no id_token_hint.";
const ADDRESS_UNREGISTERED: &str =
    "You will not be sent back to the app: the post_logout_redirect_uri of its request is not registered for it.";

/// What a person is told at the end.
#[derive(Clone, Copy)]
struct Said {
    title: &'static str,
    sentence: &'static str,
}

const SIGNED_OUT: Said = Said { title: "Signed out", sentence: "You have been signed out. Thank you." };
const NOT_SIGNED_IN: Said = Said { title: "Signed out", sentence: "You are currently not signed in." };
const STILL_SIGNED_IN: Said = Said { title: "Still signed in", sentence: "You are still signed in, as you wished." };

/// With a verified hint its session ends at once.
async fn hinted(at: &At, browser: &Browser, claims: &IdTokenClaims, params: &Params) -> Result<Response, Failure> {
    let client = claims.aud.clone();
    if params.get("client_id").is_some_and(|named| named != client.as_str()) {
        return Ok(hint_refused(at, Some(client)).await);
    }
    let wanted = params.get("post_logout_redirect_uri");
    let registered = at.site.read(|state| {
        let client = state.clients.by_id(&client).filter(|client| client.is_enabled());
        let uris = client.map(|client| client.metadata.post_logout_redirect_uris.clone());
        wanted.is_some_and(|wanted| uris.unwrap_or_default().iter().any(|uri| uri.as_str() == wanted))
    });
    if wanted.is_some() && !registered {
        at.ledger.refuse(&at.site, Endpoint::Logout, Refusal::LogoutUriMismatch, Some(client.clone()), at.facts()).await?;
        return match live_session(at, browser) {
            // The person may still sign out, after saying so; they are never sent to that address.
            Some(session) if at.wants_html() => {
                confirm_page(at, browser, &session, Asked { app_name: app_name(at, claims), error: Some(ADDRESS_UNREGISTERED) })
            }
            Some(_) | None => Ok(refuse_here(at, Endpoint::Logout, Refusal::LogoutUriMismatch, Some(client)).await),
        };
    }
    let everywhere = params.get("all_sessions") == Some("true") || claims.sid.is_none();
    let user = at.ledger.user_of_hint(&at.site, claims);
    let command = EndSession { session: claims.sid, everywhere: user.filter(|_| everywhere).map(|user| (user, client)), by: EndedBy::Hint };
    let own = live_session(at, browser).is_some_and(|session| Some(session.id) == claims.sid);
    let signed_out = at.ledger.end_session(&at.site, command, at.facts()).await?;
    let state: Vec<(&str, &str)> = params.get("state").map(|state| ("state", state)).into_iter().collect();
    let onward = wanted.map(|uri| closed(at, reply::append_query(uri, &state)));
    let said = if signed_out.was_signed_in { SIGNED_OUT } else { NOT_SIGNED_IN };
    // Another browser than the session's has other sessions at the apps, which their pages would end.
    let pages = if own { signed_out.pages } else { Vec::new() };
    let response = through_the_apps(at, said, &pages, onward.as_deref());
    Ok(if own { without_cookie(at, response) } else { response })
}

/// To the address that was asked for, or to the page that says so; by way of the apps' own pages if there are any.
fn through_the_apps(at: &At, said: Said, pages: &[FrontChannel], onward: Option<&str>) -> Response {
    if pages.is_empty() || !at.wants_html() {
        return onward.map_or_else(|| self::said(at, said), reply::redirect_302);
    }
    let issuer = at.site.issuer();
    let frame = |page: &FrontChannel| match page.session.map(|session| session.to_string()) {
        Some(sid) => reply::append_query(page.uri.as_str(), &[("iss", issuer.as_str()), ("sid", &sid)]),
        None => page.uri.as_str().to_owned(),
    };
    let frames: Vec<String> = pages.iter().map(frame).collect();
    let Said { title, sentence } = said;
    html(StatusCode::OK, &FrontChannelPage { site_title: site_title(at), title, sentence, frames: &frames, onward })
}

fn app_name(at: &At, claims: &IdTokenClaims) -> Option<DisplayText> {
    let name = at.site.read(|state| state.clients.by_id(&claims.aud).and_then(|client| client.metadata.client_name.clone()));
    name.map(|name| DisplayText::of(&name))
}

/// What the confirmation page brings back.
#[derive(Serialize, Deserialize)]
struct SigningOut {
    session: SessionId,
}

const PURPOSE: &str = "sign-out";

fn confirm_page(at: &At, browser: &Browser, session: &Session, asked: Asked) -> Result<Response, Failure> {
    let sealed = interaction::seal(at, PURPOSE, browser, &SigningOut { session: session.id })?;
    let csrf_token = form_token(at, browser, &sealed)?;
    let action = format!("{}/logout", at.base_path());
    let username = at.ledger.username_of(&at.site, &session.user)?;
    let page = SignOutPage {
        site_title: site_title(at),
        username: username.as_ref().and_then(|name| name.as_str()).map(DisplayText::of),
        app_name: asked.app_name,
        error: asked.error,
        form: Form { action: &action, interaction: &sealed, csrf_token: &csrf_token },
        form_targets: FormTargets::own(),
    };
    Ok(html(StatusCode::OK, &page))
}

/// The person answered the confirmation page.
async fn confirmed(at: &At, browser: &Browser, params: &Params) -> Result<Response, Failure> {
    let sealed = params.get("interaction").unwrap_or_default();
    let own = at.inbound.method == Method::POST && is_own_form(at, browser, sealed, params.get("csrf_token"));
    let signing_out: Option<SigningOut> = interaction::open(at, PURPOSE, browser, sealed).filter(|_| own);
    let Some(SigningOut { session }) = signing_out else {
        return Ok(refuse_here(at, Endpoint::Logout, Refusal::InteractionInvalid, None).await);
    };
    if params.get("decision") != Some("allow") {
        return Ok(said(at, STILL_SIGNED_IN));
    }
    let command = EndSession { session: Some(session), everywhere: None, by: EndedBy::Browser };
    let pages = at.ledger.end_session(&at.site, command, at.facts()).await?.pages;
    Ok(without_cookie(at, through_the_apps(at, SIGNED_OUT, &pages, None)))
}

fn without_cookie(at: &At, response: Response) -> Response {
    let response = session_state::with_cookie(at, None, response);
    reply::with_header(response, SET_COOKIE, clear_cookie(at.site.name(), at.inbound.peer.secure))
}

/// A page for people, a line of text for programs.
fn said(at: &At, Said { title, sentence }: Said) -> Response {
    match at.wants_html() {
        true => html(StatusCode::OK, &SignedOutPage { site_title: site_title(at), title, sentence, back_to: None }),
        false => reply::no_store(reply::content(StatusCode::OK, "text/plain;charset=UTF-8", sentence)),
    }
}
