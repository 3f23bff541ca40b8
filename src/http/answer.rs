//! Answering an authorization request, once it is clear what the person wants (RFC 6749 §4.1.2 and §4.2.2, OpenID Connect Core §3).

use super::Response;
use super::context::{At, failed};
use super::interaction::Interaction;
use super::to_client::{error_to_client, error_to_unasked, gone, refuse_there, to_client, told_of};
use super::told::{busy, say_here};
use crate::command::{ConsentFact, Decide, DenyConsent, IssueCode, IssuedAtFront, OpenidWishes};
use crate::event::{AskedClaims, Refusal};
use crate::jose::left_half_of_sha_512;
use crate::ledger::{Failure, draw_secret};
use crate::terms::{ScopeSet, Secret};

/// What of a request the person allows.
pub struct Allowed {
    /// The scope.
    pub scope: ScopeSet,
    /// The claims asked for by name.
    pub claims: AskedClaims,
}

/// The person allows it: a code for the client, tokens, or both.
pub async fn answer(at: &At, interaction: &Interaction, allowed: Allowed, consent: ConsentFact) -> Result<Response, Failure> {
    if interaction.session.is_none() {
        return refuse_there(at, interaction, Refusal::LoginRequired).await;
    }
    if let Some(gone) = gone(at, interaction).await {
        return Ok(gone);
    }
    match issue(at, interaction, allowed, consent).await {
        Ok(response) => Ok(response),
        Err(failure) => Ok(fail_there(at, interaction, failure).await),
    }
}

async fn issue(at: &At, interaction: &Interaction, allowed: Allowed, consent: ConsentFact) -> Result<Response, Failure> {
    let Some(session) = interaction.session else { return refuse_there(at, interaction, Refusal::LoginRequired).await };
    let requested = &interaction.requested;
    let response_type = requested.response_type;
    if response_type.is_at_front() {
        at.ledger.ready_to_sign(&at.site, Some(&interaction.client))?;
    }
    let code = response_type.has_code().then(draw_secret::<32>);
    let hashed = code.as_ref().filter(|_| response_type.has_id_token());
    let command = IssueCode {
        session,
        interaction: interaction.id,
        client: interaction.client.clone(),
        requested_scope: requested.scope.clone(),
        scope: allowed.scope,
        consent,
        code: code.as_ref().map(Secret::digest),
        redirect_uri: interaction.redirect_uri_digest(),
        code_challenge: requested.code_challenge,
        audience: requested.audience.clone(),
        has_nonce: requested.nonce.is_some(),
        nonce: requested.nonce.clone(),
        wishes: OpenidWishes {
            response_type,
            code_half_sha512: hashed.map(|code| left_half_of_sha_512(code.expose())),
            requested_claims: requested.claims.clone(),
            claims: allowed.claims,
            acr: requested.acr,
        },
    };
    match decided(at, command).await? {
        Ok(issued) => granted(at, interaction, code.as_ref(), &issued),
        Err(refusal) => Ok(told(at, interaction, refusal)),
    }
}

/// The answer in the words of the reference, in its order (SPEC.md a.3, k-28). What is minted rests on durable records.
fn granted(at: &At, interaction: &Interaction, code: Option<&Secret>, issued: &IssuedAtFront) -> Result<Response, Failure> {
    let minted = issued.tokens.as_ref().map(|tokens| at.ledger.mint(&at.site, tokens)).transpose()?;
    let alone = issued.id_token.as_ref().map(|id_token| at.ledger.mint_id_token(&at.site, id_token)).transpose()?;
    let id_token = minted.as_ref().and_then(|minted| minted.id_token.as_ref()).or(alone.as_ref());
    let expires_in = minted.as_ref().map(|minted| minted.expires_at.seconds_since(at.ledger.now()).to_string());
    // RFC 6749 §4.2.2: the scope is told if it is not the one that was asked for.
    let requested = &interaction.requested;
    let scope = minted.as_ref().map(|minted| &minted.scope).filter(|scope| requested.narrowed || **scope != requested.scope);
    let scope = scope.map(ScopeSet::to_string);
    let mut params: Vec<(&str, &str)> = Vec::new();
    params.extend(code.map(|code| ("code", code.expose())));
    params.extend(id_token.map(|id_token| ("id_token", id_token.expose())));
    if let Some(minted) = &minted {
        params.push(("access_token", minted.access_token.expose()));
        params.push(("token_type", "bearer"));
    }
    params.extend(expires_in.as_deref().map(|seconds| ("expires_in", seconds)));
    params.extend(scope.as_deref().map(|scope| ("scope", scope)));
    Ok(to_client(at, interaction.addressee(), &params))
}

/// A refusal that the decision has recorded: to the client if it may know, to the person if not.
fn told(at: &At, interaction: &Interaction, refusal: Refusal) -> Response {
    match refusal.reply().travels {
        true => error_to_client(at, interaction.addressee(), &refusal.into()),
        false => say_here(at, refusal),
    }
}

/// The person says no.
pub async fn deny(at: &At, interaction: &Interaction) -> Result<Response, Failure> {
    let Some(session) = interaction.session else { return refuse_there(at, interaction, Refusal::LoginRequired).await };
    if let Some(gone) = gone(at, interaction).await {
        return Ok(gone);
    }
    let command = DenyConsent {
        session,
        interaction: interaction.id,
        client: interaction.client.clone(),
        requested_scope: interaction.requested.scope.clone(),
    };
    match decided(at, command).await {
        Ok(denied) => Ok(told(at, interaction, denied.err().unwrap_or(Refusal::ConsentDenied))),
        Err(failure) => Ok(fail_there(at, interaction, failure).await),
    }
}

async fn decided<C: Decide>(at: &At, command: C) -> Result<Result<C::Answer, Refusal>, Failure> {
    let answer = at.ledger.submit(&at.site, command, at.facts()).await?.durable().await?;
    Ok(answer.map_err(|refused| refused.refusal))
}

/// The client hears that nothing came of it, for the person can do nothing about it (SPEC.md d, `server_error`).
async fn fail_there(at: &At, interaction: &Interaction, failure: Failure) -> Response {
    match (told_of(failure), interaction.session) {
        (Ok(told), Some(_)) => error_to_client(at, interaction.addressee(), told),
        (Ok(told), None) => error_to_unasked(at, interaction.addressee(), told),
        (Err(failure), _) => failed(failure).await,
    }
}

/// A page of an authorization request that cannot be served. What passes is told to the person, who may try again; of what is broken
/// the client hears.
pub async fn interaction_failed(at: &At, interaction: &Interaction, failure: Failure) -> Response {
    if passes(&failure) {
        return page_failed(at, failure).await;
    }
    match gone(at, interaction).await {
        Some(gone) => gone,
        None => fail_there(at, interaction, failure).await,
    }
}

fn passes(failure: &Failure) -> bool {
    matches!(failure, Failure::Busy | Failure::ClockUntrusted)
}

/// What a page says that cannot be served now.
pub async fn page_failed(at: &At, failure: Failure) -> Response {
    if passes(&failure) && at.wants_html() { busy(at) } else { failed(failure).await }
}
