//! Telling a person, or a program, that something cannot go on: a page with the request's id, or JSON, by `Accept`.

use super::context::{At, failed};
use super::pages::{DisplayText, ErrorPage, NextStep, html};
use super::params::Rules;
use super::{Params, Response, client_credentials, context, reply};
use crate::event::{Endpoint, Refusal};
use crate::terms::ClientId;
use http::{Method, StatusCode};

/// Records the refusal and says it here; nothing is redirected.
pub async fn refuse_here(at: &At, endpoint: Endpoint, refusal: Refusal, client: Option<ClientId>) -> Response {
    refuse_with(at, endpoint, refusal, client, None).await
}

/// The same, with what the person can do now.
pub async fn refuse_with(at: &At, endpoint: Endpoint, refusal: Refusal, client: Option<ClientId>, next: Option<NextStep<'_>>) -> Response {
    match at.ledger.refuse(&at.site, endpoint, refusal, client, at.facts()).await {
        Ok(()) => say_with(at, refusal, next),
        Err(failure) => failed(failure).await,
    }
}

/// The parameters of a page: of the query when it is shown, of the form when it is answered. What cannot be read is refused here.
pub async fn page_params(at: &At, endpoint: Endpoint, form_rules: Rules) -> Result<Params, Response> {
    let params = match at.inbound.method {
        Method::GET => Params::of_query(&at.inbound),
        Method::POST => Params::of_form_by(form_rules, &at.inbound),
        _ => return Err(reply::method_not_allowed("GET, POST")),
    };
    match params {
        Ok(params) => Ok(params),
        Err(error) => Err(refuse_here(at, endpoint, client_credentials::unreadable(error), None).await),
    }
}

/// The name of the site, as people see it.
pub fn site_title(at: &At) -> DisplayText {
    let title = at.site.read(|state| state.site.as_ref().map(|site| site.settings.title.clone()));
    DisplayText::or(&title.unwrap_or_default(), at.site.name().as_str())
}

/// Says a refusal that has been recorded.
pub fn say_here(at: &At, refusal: Refusal) -> Response {
    say_with(at, refusal, None)
}

fn say_with(at: &At, refusal: Refusal, next: Option<NextStep<'_>>) -> Response {
    // The status 401 belongs to a challenge, and a page has none.
    let status = match refusal.reply().status {
        401 => StatusCode::BAD_REQUEST,
        other => StatusCode::from_u16(other).unwrap_or(StatusCode::BAD_REQUEST),
    };
    if !at.wants_html() {
        let mut response = context::refusal(refusal);
        *response.status_mut() = status;
        return response;
    }
    let (title, sentence) = words(refusal);
    let page = ErrorPage { site_title: site_title(at), title, sentence, code: refusal.reply().code, request_id: at.inbound.corr, next };
    html(status, &page)
}

/// What a person is told: what happened and what to do.
#[expect(clippy::wildcard_enum_match_arm, reason = "most refusals are never shown to a person")]
fn words(refusal: Refusal) -> (&'static str, &'static str) {
    match refusal {
        Refusal::ClientMissing | Refusal::ClientUnknown | Refusal::ClientDisabled | Refusal::ClientPending => (
            "This app is not known here",
            "The app that sent you is not registered at this site, or it is not allowed to sign people in. Nothing was sent to it. \
             Please tell the makers of the app.",
        ),
        Refusal::SiteDisabled => ("This site is switched off", "Nobody can sign in here at the moment. Please ask those who run it."),
        Refusal::RedirectUriMismatch => (
            "The app asked for an answer at an address that is not its own",
            "The redirect_uri of the request is missing or is not registered for this app, so nothing was sent there. Please tell the \
             makers of the app.",
        ),
        Refusal::InteractionInvalid => (
            "This page has expired",
            "It was open for too long, or it belongs to another browser. Please go back to the app and start again.",
        ),
        Refusal::InteractionAnswered => (
            "You have answered this before",
            "The app already has an answer of yours, and this one changed nothing. Please go back to the app. If it does not let you in, \
             start again there.",
        ),
        Refusal::HintInvalid => (
            "You were not signed out",
            "The app sent an id_token_hint that this site did not issue, or that belongs to another app. If you want to sign out, you can \
             do it here.",
        ),
        Refusal::LogoutUriMismatch => (
            "The app asked to send you to an address that is not its own",
            "The post_logout_redirect_uri of the request is not registered for this app, so nothing was sent there.",
        ),
        Refusal::ParameterRepeated | Refusal::ParameterMalformed | Refusal::ParameterTooLong | Refusal::ParameterMissing => (
            "The app sent a request that cannot be read",
            "A parameter is missing, repeated, too long or malformed. Nothing was sent to the app. Please tell its makers.",
        ),
        _ => ("This did not work", "The request could not be answered. Please go back to the app and start again."),
    }
}

/// A page that says the server is too busy.
pub fn busy(at: &At) -> Response {
    let code = crate::terms::ErrorCode::TemporarilyUnavailable;
    let page = ErrorPage {
        site_title: site_title(at),
        title: "This cannot be answered right now",
        sentence: "Nothing went wrong with your account. Please wait a moment and try again.",
        code,
        request_id: at.inbound.corr,
        next: None,
    };
    let response = html(StatusCode::SERVICE_UNAVAILABLE, &page);
    reply::with_header(response, http::header::RETRY_AFTER, http::HeaderValue::from_static("2"))
}
