//! `{GET, POST} /oauth2/{site}/consent`: what the app wants, in plain words; allow or deny (SPEC.md a.4, k-40, k-52).

use super::answer::{Allowed, answer, deny, interaction_failed};
use super::authorize::offered;
use super::context::At;
use super::cookies::Browser;
use super::interaction::{self, Interaction, form_token, is_own_form};
use super::login::app;
use super::pages::{AppView, ClaimChoice, ConsentPage, DisplayText, Form, FormTargets, NextStep, OfflineChoice, ScopeChoice, html};
use super::params::CONSENT_RULES;
use super::told::{page_params, refuse_here, refuse_with, site_title};
use super::{Params, Response};
use crate::command::ConsentFact;
use crate::event::{Endpoint, Refusal};
use crate::ledger::Failure;
use crate::projection::Session;
use crate::query::claims_shown_by;
use crate::terms::{NamedScope, Scope, ScopeSet};
use http::{Method, StatusCode};

/// The route.
pub async fn endpoint(at: At) -> Response {
    let params = match page_params(&at, Endpoint::Consent, CONSENT_RULES).await {
        Ok(params) => params,
        Err(response) => return response,
    };
    let (browser, _) = interaction::browser(&at);
    let sealed = params.get("interaction").unwrap_or_default();
    // The page belongs to the browser that began, and to the person who signed in there (THREATS.md A24).
    let Some(interaction) = Interaction::open(&at, &browser, sealed) else {
        return refuse_here(&at, Endpoint::Consent, Refusal::InteractionInvalid, None).await;
    };
    let session = interaction::session_that_may_answer(&at, &browser).filter(|session| Some(session.id) == interaction.session);
    let Some(session) = session else {
        let again = NextStep { label: "Sign in again", href: &sign_in_path(&at, sealed) };
        return refuse_with(&at, Endpoint::Consent, Refusal::InteractionInvalid, Some(interaction.client), Some(again)).await;
    };
    let answered = match at.inbound.method {
        Method::POST if !is_own_form(&at, &browser, sealed, params.get("csrf_token")) => {
            let anew = NextStep { label: "Show it again", href: &format!("{}/consent?interaction={sealed}", at.base_path()) };
            return refuse_with(&at, Endpoint::Consent, Refusal::InteractionInvalid, Some(interaction.client), Some(anew)).await;
        }
        Method::POST => match params.get("decision") {
            Some("allow") => {
                let allowed = chosen(&interaction, &offered(&at, &session, &interaction), &params);
                answer(&at, &interaction, allowed, ConsentFact::Given).await
            }
            Some("deny") => deny(&at, &interaction).await,
            Some(_) | None => return refuse_here(&at, Endpoint::Consent, Refusal::ParameterMissing, Some(interaction.client)).await,
        },
        _ => page(&at, &browser, &interaction, sealed, &session),
    };
    match answered {
        Ok(response) => response,
        Err(failure) => interaction_failed(&at, &interaction, failure).await,
    }
}

/// Where this request goes on with somebody signing in.
fn sign_in_path(at: &At, sealed: &str) -> String {
    format!("{}/provider/login?interaction={sealed}", at.base_path())
}

/// What stays ticked of what the page offered; `openid` cannot be refused alone. A claim that a ticked scope shows anyway is allowed
/// with it.
fn chosen(interaction: &Interaction, offered: &ScopeSet, params: &Params) -> Allowed {
    let ticked: ScopeSet = params.all("scope").flat_map(str::split_whitespace).filter_map(|scope| scope.parse::<Scope>().ok()).collect();
    let openid = offered.iter().filter(|scope| scope.is(NamedScope::Openid)).cloned();
    let scope = offered.intersection(&ticked.union(&openid.collect()));
    let shown = claims_shown_by(&scope);
    let claims = interaction.requested.claims.only(|name| shown.contains(name) || params.all("claim").any(|ticked| ticked == name));
    Allowed { scope, claims }
}

fn page(at: &At, browser: &Browser, interaction: &Interaction, sealed: &str, session: &Session) -> Result<Response, Failure> {
    let offered = offered(at, session, interaction);
    let action = format!("{}/consent", at.base_path());
    let switch_user = sign_in_path(at, sealed);
    let csrf_token = form_token(at, browser, sealed)?;
    let username = at.ledger.username_of(&at.site, &session.user)?;
    let username = username.as_ref().and_then(|name| name.as_str()).unwrap_or_default().to_owned();
    let refresh_seconds = at.site.read(|state| state.site.as_ref().map_or(0, |site| site.settings.refresh_seconds));
    let until = at.ledger.now().plus_seconds(refresh_seconds).day();
    let page = ConsentPage {
        site_title: site_title(at),
        app: app(at, interaction).unwrap_or_else(|| AppView::new("", &interaction.redirect_uri, false)),
        form: Form { action: &action, interaction: sealed, csrf_token: &csrf_token },
        form_targets: FormTargets::then(&interaction.redirect_uri),
        username: DisplayText::of(&username),
        switch_user: Some(&switch_user),
        groups: ScopeChoice::groups(&offered),
        claims: ClaimChoice::beyond(&claims_shown_by(&offered), &interaction.requested.claims),
        offline: offered.has(NamedScope::OfflineAccess).then_some(OfflineChoice { until: Some(until) }),
        patients: Vec::new(),
        error: None,
    };
    Ok(html(StatusCode::OK, &page))
}
