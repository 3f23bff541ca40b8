//! `{GET, POST} /oauth2/{site}/authorize` (RFC 6749 §4.1, OpenID Connect Core §3.1.2, SPEC.md a.3 and d).

use super::context::{At, failed};
use super::cookies::Browser;
use super::interaction::{self, Interaction};
use super::params::PROTOCOL_RULES;
use super::to_client::{Addressee, error_to_client, error_to_unasked, gone, refuse_there, to_client};
use super::told::{busy, refuse_here, say_here};
use super::{Params, ParamsError, Response, client_credentials, reply};
use crate::command::{ConsentFact, Decide, DenyConsent, IssueCode, Refused};
use crate::event::{Endpoint, Refusal};
use crate::ledger::{Failure, draw_secret};
use crate::projection::Session;
use crate::query::{AuthorizationRequest, Objection, check_authorization, find_target};
use crate::terms::{ClientId, Prompt, ResponseMode, ScopeSet};
use http::header::{LOCATION, SET_COOKIE};
use http::{Method, StatusCode};

/// The route. A POST becomes a GET of ours, because a cookie with SameSite=Lax does not come along with another site's POST.
pub async fn endpoint(at: At) -> Response {
    match at.inbound.method {
        Method::GET => {
            let query = at.inbound.query.as_deref().unwrap_or_default();
            match Params::parse_with_repeats(query.as_bytes(), PROTOCOL_RULES) {
                Ok((params, _)) if params.has("request_handle") => resume(&at, &params).await,
                Ok((params, repeated)) => authorize(&at, &params, !repeated.is_empty()).await,
                Err(error) => refuse_here(&at, Endpoint::Authorize, client_credentials::unreadable(error), None).await,
            }
        }
        Method::POST => match Params::of_form(&at.inbound) {
            Ok(params) => hand_over(&at, &params).await,
            Err(ParamsError::Repeated) => match Params::parse_with_repeats(&at.inbound.body, PROTOCOL_RULES) {
                Ok((params, _)) => authorize(&at, &params, true).await,
                Err(error) => refuse_here(&at, Endpoint::Authorize, client_credentials::unreadable(error), None).await,
            },
            Err(error) => refuse_here(&at, Endpoint::Authorize, client_credentials::unreadable(error), None).await,
        },
        _ => reply::method_not_allowed("GET, POST"),
    }
}

const POSTED: &str = "posted authorization request";

/// Seals a posted request into the address of our own GET. It is bound to nothing: whoever has it could have posted it.
async fn hand_over(at: &At, params: &Params) -> Response {
    let pairs: Vec<(&str, &str)> = params.iter().collect();
    let plain = serde_json::to_vec(&pairs).unwrap_or_default();
    match at.site.seal(POSTED, &plain, b"") {
        Ok(handle) if handle.len() > 7400 => refuse_here(at, Endpoint::Authorize, Refusal::ParameterTooLong, None).await,
        Ok(handle) => reply::redirect_303(&format!("{}/authorize?request_handle={handle}", at.base_path())),
        Err(failure) => failed(failure).await,
    }
}

async fn resume(at: &At, params: &Params) -> Response {
    let plain = params.get("request_handle").and_then(|handle| at.site.open(POSTED, handle, b""));
    let pairs: Option<Vec<(String, String)>> = plain.and_then(|plain| serde_json::from_slice(&plain).ok());
    match pairs {
        Some(pairs) => authorize(at, &Params::from(pairs), false).await,
        None => refuse_here(at, Endpoint::Authorize, Refusal::InteractionInvalid, None).await,
    }
}

/// A repeated `client_id` or `redirect_uri` counts as missing, so that nothing is redirected; any other repeat is told to the client.
async fn authorize(at: &At, params: &Params, repeats: bool) -> Response {
    let request = request(params);
    let checked = at.site.read(|state| {
        let site = state.site.as_ref().ok_or(Unanswerable::Here(Refusal::ClientUnknown))?;
        let target = find_target(state, &request).map_err(Unanswerable::Here)?;
        let interaction = |requested| Interaction {
            client: target.client().id.clone(),
            redirect_uri: target.redirect_uri().to_owned(),
            redirect_uri_sent: target.sent(),
            state: request.state.map(str::to_owned),
            requested,
            expected: None,
            login_hint: params.get("login_hint").filter(|hint| hint.len() <= 255).map(str::to_owned),
            session: None,
            begun_at: at.ledger.now(),
        };
        let there = |refused| Unanswerable::There(target.client().id.clone(), target.redirect_uri().to_owned(), target.mode(), refused);
        if repeats {
            return Err(there(Refusal::ParameterRepeated.into()));
        }
        check_authorization(site, &target, &request)
            .map(interaction)
            .map_err(|Objection { refusal, detail }| there(Refused { refusal, detail }))
    });
    let interaction = match checked {
        Ok(interaction) => interaction,
        Err(Unanswerable::Here(refusal)) => {
            let client = client_credentials::known_client(at, request.client_id);
            return refuse_here(at, Endpoint::Authorize, refusal, client).await;
        }
        Err(Unanswerable::There(client, redirect_uri, mode, refused)) => {
            let to = Addressee { client: &client, redirect_uri: &redirect_uri, mode, state: request.state, session: None };
            let recorded = at.ledger.refuse(&at.site, Endpoint::Authorize, refused.refusal, Some(client.clone()), at.facts()).await;
            return match recorded {
                Ok(()) => error_to_unasked(at, to, &refused),
                Err(failure) => failed(failure).await,
            };
        }
    };
    let (browser, is_new) = interaction::browser(at);
    let response = match begin(at, &browser, interaction, params.get("id_token_hint")).await {
        Ok(response) => response,
        Err(failure) => failed(failure).await,
    };
    match is_new && response.headers().contains_key(LOCATION) {
        true => reply::with_header(response, SET_COOKIE, browser.set_cookie(at.site.name(), at.inbound.peer.secure, None)),
        false => response,
    }
}

/// Where a fault is told.
enum Unanswerable {
    /// To the person.
    Here(Refusal),
    /// To the client, by redirect.
    There(ClientId, String, ResponseMode, Refused),
}

fn request(params: &Params) -> AuthorizationRequest<'_> {
    AuthorizationRequest {
        client_id: params.get("client_id"),
        redirect_uri: params.get("redirect_uri"),
        response_type: params.get("response_type"),
        response_mode: params.get("response_mode"),
        scope: params.get("scope"),
        state: params.get("state"),
        nonce: params.get("nonce"),
        code_challenge: params.get("code_challenge"),
        code_challenge_method: params.get("code_challenge_method"),
        prompt: params.get("prompt"),
        max_age: params.get("max_age"),
        aud: params.get("aud"),
        request: params.get("request"),
        request_uri: params.get("request_uri"),
    }
}

/// A good request: to the sign-in page, to the consent page, or straight back.
async fn begin(at: &At, browser: &Browser, mut interaction: Interaction, hint: Option<&str>) -> Result<Response, Failure> {
    if let Some(hint) = hint {
        interaction.expected = at.ledger.read_hint(&at.site, hint).and_then(|claims| at.ledger.user_of_hint(&at.site, &claims));
        if interaction.expected.is_none() {
            return refuse_there(at, &interaction, Refusal::ParameterMalformed).await;
        }
    }
    let session = interaction::live_session(at, browser).filter(|session| is_enough(at, session, &interaction));
    let silent = interaction.requested.prompt.contains(&Prompt::None);
    match session {
        Some(session) => {
            interaction.session = Some(session.id);
            proceed(at, browser, interaction, Some(&session)).await
        }
        None if silent => refuse_there(at, &interaction, Refusal::LoginRequired).await,
        None => to_page(at, browser, &interaction, "provider/login").await,
    }
}

/// Whether nobody needs to sign in again (OpenID Connect Core §3.1.2.1, `prompt`, `max_age`, `id_token_hint`).
fn is_enough(at: &At, session: &Session, interaction: &Interaction) -> bool {
    let requested = &interaction.requested;
    let anew = requested.prompt.iter().any(|prompt| matches!(prompt, Prompt::Login | Prompt::SelectAccount));
    let too_old = requested.max_age.is_some_and(|seconds| at.ledger.now() >= session.auth_time.plus_seconds(seconds));
    !anew && !too_old && interaction.expected.is_none_or(|user| user == session.user)
}

/// Someone is signed in: the consent page, unless the person allowed the same before.
pub(super) async fn proceed(at: &At, browser: &Browser, interaction: Interaction, session: Option<&Session>) -> Result<Response, Failure> {
    // Another person than the hint's may have signed in (OpenID Connect Core §3.1.2.1).
    if interaction.expected.is_some_and(|user| session.is_none_or(|session| session.user != user)) {
        return refuse_there(at, &interaction, Refusal::LoginRequired).await;
    }
    let silent = interaction.requested.prompt.contains(&Prompt::None);
    let offered = session.map(|session| offered(at, session, &interaction));
    if offered.as_ref().is_some_and(ScopeSet::is_empty) {
        return refuse_there(at, &interaction, Refused::about(Refusal::ScopeEmpty, interaction.requested.scope.to_string())).await;
    }
    let remembered = session.zip(offered).filter(|(session, offered)| may_skip_consent(at, session, &interaction, offered));
    match (remembered, silent) {
        (Some((_, offered)), _) => answer(at, &interaction, offered, ConsentFact::Remembered).await,
        (None, true) => refuse_there(at, &interaction, Refusal::ConsentRequired).await,
        (None, false) => to_page(at, browser, &interaction, "consent").await,
    }
}

/// What of the request this person may give at all (SPEC.md e.4). Nobody is asked for anything else.
pub(super) fn offered(at: &At, session: &Session, interaction: &Interaction) -> ScopeSet {
    let role = at.site.read(|state| state.users.by_id(&session.user).map(|user| user.role));
    role.map(|role| interaction.requested.scope.of_role(role)).unwrap_or_default()
}

/// A public client cannot be told from another that names itself so: the person is always asked (THREATS.md A61).
fn may_skip_consent(at: &At, session: &Session, interaction: &Interaction, offered: &ScopeSet) -> bool {
    let asks = interaction.requested.prompt.contains(&Prompt::Consent);
    at.site.read(|state| {
        let public = state.clients.by_id(&interaction.client).is_none_or(|client| client.metadata.is_public());
        let standing = state.consents.of(session.user, &interaction.client);
        !asks && !public && standing.is_some_and(|standing| offered.is_within(&standing.scope))
    })
}

/// Sends the browser to a page of ours with its interaction.
async fn to_page(at: &At, browser: &Browser, interaction: &Interaction, page: &str) -> Result<Response, Failure> {
    let Some(sealed) = interaction.seal(at, browser)? else { return refuse_there(at, interaction, Refusal::ParameterTooLong).await };
    let mut response = reply::redirect_302(&format!("{}/{page}?interaction={sealed}", at.base_path()));
    let moved = at.site.read(|state| state.site.as_ref().is_some_and(|site| site.settings.compat_authorize_301));
    if moved && at.inbound.method == Method::GET && page == "provider/login" {
        *response.status_mut() = StatusCode::MOVED_PERMANENTLY;
    }
    Ok(response)
}

/// The person allows it: a code for the client.
pub(super) async fn answer(at: &At, interaction: &Interaction, scope: ScopeSet, consent: ConsentFact) -> Result<Response, Failure> {
    let Some(session) = interaction.session else { return refuse_there(at, interaction, Refusal::LoginRequired).await };
    if let Some(gone) = gone(at, interaction).await {
        return Ok(gone);
    }
    let code = draw_secret::<32>();
    let command = IssueCode {
        session,
        client: interaction.client.clone(),
        requested_scope: interaction.requested.scope.clone(),
        scope,
        consent,
        code: code.digest(),
        redirect_uri: interaction.redirect_uri_digest(),
        code_challenge: interaction.requested.code_challenge,
        audience: interaction.requested.audience.clone(),
        has_nonce: interaction.requested.nonce.is_some(),
        nonce: interaction.requested.nonce.clone(),
    };
    match decided(at, command).await? {
        Ok(_) => Ok(to_client(at, interaction.addressee(), &[("code", code.expose())])),
        Err(refusal) => Ok(told(at, interaction, refusal)),
    }
}

/// A refusal that the decision has recorded: to the client if it may know, to the person if not.
fn told(at: &At, interaction: &Interaction, refusal: Refusal) -> Response {
    match refusal.reply().travels {
        true => error_to_client(at, interaction.addressee(), &refusal.into()),
        false => say_here(at, refusal),
    }
}

/// The person says no.
pub(super) async fn deny(at: &At, interaction: &Interaction) -> Result<Response, Failure> {
    let Some(session) = interaction.session else { return refuse_there(at, interaction, Refusal::LoginRequired).await };
    if let Some(gone) = gone(at, interaction).await {
        return Ok(gone);
    }
    let command = DenyConsent { session, client: interaction.client.clone(), requested_scope: interaction.requested.scope.clone() };
    let refusal = decided(at, command).await?.err().unwrap_or(Refusal::ConsentDenied);
    Ok(told(at, interaction, refusal))
}

async fn decided<C: Decide>(at: &At, command: C) -> Result<Result<C::Answer, Refusal>, Failure> {
    let answer = at.ledger.submit(&at.site, command, at.facts()).await?.durable().await?;
    Ok(answer.map_err(|refused| refused.refusal))
}

/// What a page says that cannot be served now.
pub(super) async fn page_failed(at: &At, failure: Failure) -> Response {
    let passes = matches!(failure, Failure::Busy | Failure::ClockUntrusted);
    if passes && at.wants_html() { busy(at) } else { failed(failure).await }
}
