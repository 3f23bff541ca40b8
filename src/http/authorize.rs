//! `{GET, POST} /oauth2/{site}/authorize` (RFC 6749 §4.1, OpenID Connect Core §3.1.2, SPEC.md a.3 and d).

use super::answer::{Allowed, answer};
use super::context::{At, failed};
use super::cookies::Browser;
use super::interaction::{self, Interaction};
use super::params::PROTOCOL_RULES;
use super::request_object::unfolded;
use super::to_client::{Addressee, error_to_unasked, refuse_there, told_of};
use super::told::refuse_here;
use super::{Params, ParamsError, Response, client_credentials, reply};
use crate::command::{ConsentFact, Refused};
use crate::event::{Endpoint, Refusal};
use crate::ledger::{Failure, draw_id};
use crate::projection::{Consent, Session, State};
use crate::query::{AuthorizationRequest, AuthorizationTarget, Objection, check_authorization, find_target};
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
    let (inside, object) = match unfolded(at, params).await {
        Ok(Ok(inside)) => (inside, Ok(())),
        Ok(Err(refusal)) => (None, Err(Fault::Refused(refusal.into()))),
        Err(failure) => (None, Err(Fault::Failed(failure))),
    };
    let params = inside.as_ref().unwrap_or(params);
    let interaction = match at.site.read(|state| checked(at, state, params, repeats, object)) {
        Ok(interaction) => interaction,
        Err(Unanswerable::Here(fault)) => return tell_here(at, params, fault).await,
        Err(Unanswerable::There(place, fault)) => return tell_there(at, &place, params.get("state"), fault).await,
    };
    let (browser, is_new) = interaction::browser(at);
    let place = Place {
        client: interaction.client.clone(),
        redirect_uri: interaction.redirect_uri.clone(),
        mode: interaction.requested.response_mode,
    };
    let response = match begin(at, &browser, interaction, params.get("id_token_hint")).await {
        Ok(response) => response,
        Err(failure) => tell_there(at, &place, params.get("state"), Fault::Failed(failure)).await,
    };
    match is_new && response.headers().contains_key(LOCATION) {
        true => reply::with_header(response, SET_COOKIE, browser.set_cookie(at.site.name(), at.inbound.peer.secure, None)),
        false => response,
    }
}

/// The request as it is to be answered, or what is wrong with it. What is wrong with its request object is known before.
fn checked(at: &At, state: &State, params: &Params, repeats: bool, object: Result<(), Fault>) -> Result<Interaction, Unanswerable> {
    let request = request(params);
    let here = |refusal: Refusal| Unanswerable::Here(Fault::Refused(refusal.into()));
    let site = state.site.as_ref().ok_or(here(Refusal::ClientUnknown))?;
    let target = match (find_target(state, &request), object) {
        (Ok(target), Ok(())) => target,
        (Ok(target), Err(fault)) => return Err(Unanswerable::There(Place::of(&target), fault)),
        // The address is in the object that cannot be read.
        (Err(Refusal::RedirectUriMismatch), Err(fault)) if request.redirect_uri.is_none() => return Err(Unanswerable::Here(fault)),
        (Err(refusal), _) => return Err(here(refusal)),
    };
    let there = |refused| Unanswerable::There(Place::of(&target), Fault::Refused(refused));
    if repeats {
        return Err(there(Refusal::ParameterRepeated.into()));
    }
    let requested =
        check_authorization(site, &target, &request).map_err(|Objection { refusal, detail }| there(Refused { refusal, detail }))?;
    Ok(Interaction {
        id: None,
        client: target.client().id.clone(),
        redirect_uri: target.redirect_uri().to_owned(),
        redirect_uri_sent: target.sent(),
        state: request.state.map(str::to_owned),
        requested,
        expected: None,
        login_hint: params.get("login_hint").filter(|hint| hint.len() <= 255).map(str::to_owned),
        ui_locales: params.get("ui_locales").filter(|locales| locales.len() <= 255).map(str::to_owned),
        session: None,
        begun_at: at.ledger.now(),
    })
}

/// What stands in the way of an answer.
enum Fault {
    /// The request is wrong.
    Refused(Refused),
    /// It cannot be served.
    Failed(Failure),
}

/// A client's address that has been matched.
struct Place {
    client: ClientId,
    redirect_uri: String,
    mode: ResponseMode,
}

impl Place {
    fn of(target: &AuthorizationTarget<'_>) -> Self {
        Self { client: target.client().id.clone(), redirect_uri: target.redirect_uri().to_owned(), mode: target.mode() }
    }
}

/// Where a fault is told.
enum Unanswerable {
    /// To the person.
    Here(Fault),
    /// To the client, by redirect.
    There(Place, Fault),
}

async fn tell_here(at: &At, params: &Params, fault: Fault) -> Response {
    match fault {
        Fault::Refused(refused) => {
            let client = client_credentials::known_client(at, params.get("client_id"));
            refuse_here(at, Endpoint::Authorize, refused.refusal, client).await
        }
        Fault::Failed(failure) => failed(failure).await,
    }
}

async fn tell_there(at: &At, place: &Place, state: Option<&str>, fault: Fault) -> Response {
    let to = Addressee { client: &place.client, redirect_uri: &place.redirect_uri, mode: place.mode, state, session: None };
    let failure = match fault {
        Fault::Refused(refused) => {
            let client = Some(place.client.clone());
            match at.ledger.refuse(&at.site, Endpoint::Authorize, refused.refusal, client, at.facts()).await {
                Ok(()) => return error_to_unasked(at, to, &refused),
                Err(failure) => failure,
            }
        }
        Fault::Failed(failure) => failure,
    };
    match told_of(failure) {
        Ok(told) => error_to_unasked(at, to, told),
        Err(failure) => failed(failure).await,
    }
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
        claims: params.get("claims"),
        acr_values: params.get("acr_values"),
        aud: params.get("aud"),
        resource: params.all("resource").collect(),
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
    let session = interaction::session_that_may_answer(at, browser).filter(|session| is_enough(at, session, &interaction));
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
    !anew && !too_old && may_answer(at, session, interaction)
}

/// Whether it is the person of the hint, and one of those whom `claims` names (OpenID Connect Core §3.1.2.1, §5.5.1).
fn may_answer(at: &At, session: &Session, interaction: &Interaction) -> bool {
    let named = &interaction.requested.subjects;
    let is_hinted = interaction.expected.is_none_or(|user| user == session.user);
    let sector = || at.site.read(|state| state.clients.by_id(&interaction.client).and_then(|client| client.metadata.sector()));
    is_hinted && (named.is_empty() || named.contains(&at.site.subject(Some(session.user), &interaction.client, sector().as_ref())))
}

/// Someone is signed in: the consent page, unless the person allowed the same before.
pub(super) async fn proceed(at: &At, browser: &Browser, interaction: Interaction, session: Option<&Session>) -> Result<Response, Failure> {
    // Another person than the hint's may have signed in (OpenID Connect Core §3.1.2.1).
    if session.is_some_and(|session| !may_answer(at, session, &interaction)) {
        return refuse_there(at, &interaction, Refusal::LoginRequired).await;
    }
    let silent = interaction.requested.prompt.contains(&Prompt::None);
    let offered = session.map(|session| offered(at, session, &interaction));
    if offered.as_ref().is_some_and(ScopeSet::is_empty) {
        return refuse_there(at, &interaction, Refused::about(Refusal::ScopeEmpty, interaction.requested.scope.to_string())).await;
    }
    let remembered = session.zip(offered).filter(|(session, offered)| may_skip_consent(at, session, &interaction, offered));
    match (remembered, silent) {
        (Some((_, scope)), _) => {
            let allowed = Allowed { scope, claims: interaction.requested.claims.clone() };
            answer(at, &interaction, allowed, ConsentFact::Remembered).await
        }
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
        let named = interaction.requested.claims.names();
        let covers = |standing: &Consent| offered.is_within(&standing.scope) && named.iter().all(|name| standing.claims.contains(*name));
        !asks && !public && standing.is_some_and(covers)
    })
}

/// Sends the browser to a page of ours with its interaction.
async fn to_page(at: &At, browser: &Browser, interaction: &Interaction, page: &str) -> Result<Response, Failure> {
    let shown = Interaction { id: interaction.id.or_else(|| Some(draw_id())), ..interaction.clone() };
    let Some(sealed) = shown.seal(at, browser)? else { return refuse_there(at, interaction, Refusal::ParameterTooLong).await };
    let mut response = reply::redirect_302(&format!("{}/{page}?interaction={sealed}", at.base_path()));
    let moved = at.site.read(|state| state.site.as_ref().is_some_and(|site| site.settings.compat_authorize_301));
    if moved && at.inbound.method == Method::GET && page == "provider/login" {
        *response.status_mut() = StatusCode::MOVED_PERMANENTLY;
    }
    Ok(response)
}
