//! `{GET, POST} /oauth2/{site}/provider/login`, alias `/login`: signing in (SPEC.md a.4).

use super::answer::interaction_failed;
use super::authorize::proceed;
use super::context::At;
use super::cookies::Browser;
use super::interaction::{self, Interaction, form_token, is_own_form};
use super::pages::{AppView, Form, FormTargets, Languages, SignInPage, html};
use super::params::PROTOCOL_RULES;
use super::told::{page_params, refuse_here, site_title};
use super::{Params, Response, reply, session_state};
use crate::command::{SignIn, SignedIn, is_answered};
use crate::event::{Endpoint, Refusal};
use crate::ledger::{Failure, draw_secret};
use crate::terms::{Role, Secret};
use http::header::{ACCEPT_LANGUAGE, LOCATION, SET_COOKIE};
use http::{Method, StatusCode};

/// The route.
pub async fn endpoint(at: At) -> Response {
    let params = match page_params(&at, Endpoint::Login, PROTOCOL_RULES).await {
        Ok(params) => params,
        Err(response) => return response,
    };
    let (browser, _) = interaction::browser(&at);
    let sealed = params.get("interaction").unwrap_or_default();
    let Some(interaction) = Interaction::open(&at, &browser, sealed) else {
        return refuse_here(&at, Endpoint::Login, Refusal::InteractionInvalid, None).await;
    };
    let answered = match at.inbound.method {
        Method::POST if !is_own_form(&at, &browser, sealed, params.get("csrf_token")) => {
            return refuse_here(&at, Endpoint::Login, Refusal::InteractionInvalid, Some(interaction.client)).await;
        }
        Method::POST => sign_in(&at, &browser, interaction.clone(), sealed, &params).await,
        _ => page(&at, &browser, &interaction, sealed, &Shown::first(&interaction)),
    };
    let mut response = match answered {
        Ok(response) => response,
        Err(failure) => interaction_failed(&at, &interaction, failure).await,
    };
    // Never 302 after a password (THREATS.md A10).
    if at.inbound.method == Method::POST && response.headers().contains_key(LOCATION) {
        *response.status_mut() = StatusCode::SEE_OTHER;
    }
    response
}

/// What the page shows besides the form.
struct Shown<'a> {
    username: Option<&'a str>,
    error: Option<&'static str>,
    status: StatusCode,
}

impl<'a> Shown<'a> {
    fn first(interaction: &'a Interaction) -> Self {
        Self { username: interaction.login_hint.as_deref(), error: None, status: StatusCode::OK }
    }
}

async fn sign_in(at: &At, browser: &Browser, interaction: Interaction, sealed: &str, params: &Params) -> Result<Response, Failure> {
    // Somebody else would take the browser over, and end the tokens of an app that is at work (docs/decisions/0024).
    if at.site.read(|state| is_answered(state, interaction.id)) {
        return Ok(refuse_here(at, Endpoint::Login, Refusal::InteractionAnswered, Some(interaction.client)).await);
    }
    let username = params.get("username").unwrap_or_default();
    let password = params.secret("password").unwrap_or_else(|| Secret::new(String::new()));
    let login = at.ledger.login_of(&at.site, username);
    let checked = at.ledger.check_password(&at.site, &login, &password, Some(at.inbound.peer.ip)).await?;
    let cookie = draw_secret::<32>();
    let before = interaction::live_session(at, browser);
    let command = SignIn {
        login,
        role: params.get("user_role").and_then(Role::from_either).filter(|role| *role == Role::Patient),
        password: checked,
        cookie: cookie.digest(),
        session: before.map(|session| session.id),
        client: Some(interaction.client.clone()),
    };
    match at.ledger.submit(&at.site, command, at.facts()).await?.durable().await? {
        Ok(signed_in) => signed(at, browser, cookie, interaction, signed_in).await,
        Err(refused) => {
            let (error, status) = if refused.refusal == Refusal::SignInDelayed {
                let client = Some(interaction.client.clone());
                at.ledger.refuse(&at.site, Endpoint::Login, Refusal::SignInDelayed, client, at.facts()).await?;
                ("Too many attempts. Please wait a moment and try again.", StatusCode::TOO_MANY_REQUESTS)
            } else {
                ("That user name and password do not match. Please check them and try again.", StatusCode::OK)
            };
            page(at, browser, &interaction, sealed, &Shown { username: Some(username), error: Some(error), status })
        }
    }
}

/// Signed in: a new cookie (THREATS.md A67), and on to consent or back to the client.
async fn signed(
    at: &At,
    browser: &Browser,
    cookie: Secret,
    mut interaction: Interaction,
    signed_in: SignedIn,
) -> Result<Response, Failure> {
    let browser = Browser { id: Secret::new(browser.id.expose().to_owned()), session: Some(cookie) };
    interaction.session = Some(signed_in.session);
    // Who has just signed in need not do so again for `prompt=login` or `max_age`.
    let session = at.site.read(|state| state.sessions.by_id(&signed_in.session).cloned());
    let response = proceed(at, &browser, interaction, session.as_ref()).await?;
    let response = session_state::with_cookie(at, Some(signed_in.session), response);
    Ok(reply::with_header(response, SET_COOKIE, browser.set_cookie(at.site.name(), at.inbound.peer.secure, None)))
}

fn page(at: &At, browser: &Browser, interaction: &Interaction, sealed: &str, shown: &Shown<'_>) -> Result<Response, Failure> {
    let action = format!("{}/provider/login", at.base_path());
    let csrf_token = form_token(at, browser, sealed)?;
    let page = SignInPage {
        site_title: site_title(at),
        app: app(at, interaction),
        form: Form { action: &action, interaction: sealed, csrf_token: &csrf_token },
        form_targets: FormTargets::then(&interaction.redirect_uri),
        username_hint: shown.username,
        error: shown.error,
        patient_directory: at.site.read(|state| state.users.has_patients()),
        show_email: false,
        offer_remember: false,
    };
    Ok(html(shown.status, &page))
}

/// The app as the person sees it. Nobody has checked a client that registered itself and was not approved.
pub(super) fn app(at: &At, interaction: &Interaction) -> Option<AppView> {
    let languages = Languages::of(interaction.ui_locales.as_deref(), at.inbound.header(ACCEPT_LANGUAGE));
    at.site.read(|state| {
        let client = state.clients.by_id(&interaction.client)?;
        Some(AppView::of(client, &interaction.redirect_uri, &languages))
    })
}
