//! `POST /oauth2/{site}/token` (RFC 6749 §3.2, SPEC.md a.5).

use super::client_credentials::{client_proof, known_client, refuse, refuse_about, refused, unreadable};
use super::context::{At, failed};
use super::{Params, Response, cors, reply};
use crate::command::{Decide, RedeemCode, RefreshFact, Refused, RotateRefresh};
use crate::event::{Endpoint, IssuedTokens, Refusal};
use crate::ledger::{Failure, MintedTokens, Presented, Submitted};
use crate::terms::{ClientId, CodeVerifier, Digest, GrantType, ScopeSet, Secret};
use http::{Method, StatusCode};
use serde::Serialize;

/// The route.
pub async fn endpoint(at: At) -> Response {
    match at.inbound.method {
        Method::POST => {
            let (response, client) = exchange(&at).await;
            with_cors(&at, response, client.as_ref())
        }
        Method::OPTIONS => preflight(&at, "POST"),
        _ => reply::method_not_allowed("POST"),
    }
}

async fn exchange(at: &At) -> (Response, Option<ClientId>) {
    let params = match Params::of_form(&at.inbound) {
        Ok(params) => params,
        Err(error) => return (refuse(at, Endpoint::Token, unreadable(error), None).await, None),
    };
    let client = known_client(at, params.get("client_id"));
    let response = match params.get("grant_type") {
        None => refuse_about(at, Endpoint::Token, missing("grant_type"), client.clone()).await,
        Some(text) => match text.parse() {
            Ok(GrantType::AuthorizationCode) => redeem(at, &params).await,
            Ok(GrantType::RefreshToken) => refresh(at, &params).await,
            Err(_) => refuse(at, Endpoint::Token, Refusal::GrantTypeUnsupported, client.clone()).await,
        },
    };
    (response, client)
}

fn missing(parameter: &str) -> Refused {
    Refused::about(Refusal::ParameterMissing, parameter)
}

/// `grant_type=authorization_code` (RFC 6749 §4.1.3). A `state` that comes along is ignored (SPEC.md k-27).
async fn redeem(at: &At, params: &Params) -> Response {
    let client_auth = match client_proof(at, params) {
        Ok(proof) => proof,
        Err(refusal) => return refuse(at, Endpoint::Token, refusal, None).await,
    };
    let client = client_auth.client.clone();
    let Some(code) = params.secret("code") else { return refuse_about(at, Endpoint::Token, missing("code"), client).await };
    let verifier = match params.get("code_verifier").map(CodeVerifier::parse).transpose() {
        Ok(verifier) => verifier.map(|verifier| verifier.challenge()),
        Err(_) => return refuse(at, Endpoint::Token, Refusal::VerifierMalformed, client).await,
    };
    let redirect_uri = params.get("redirect_uri").map(|uri| Digest::of(uri.as_bytes()));
    let command = RedeemCode { code: digest_of_a_code(&code), redirect_uri, verifier, client_auth };
    submit(at, command, |issued| issued).await
}

/// Only what has the form of our codes is recorded, and only by its digest: a text that somebody typed could be guessed from it.
fn digest_of_a_code(code: &Secret) -> Option<Digest> {
    code.expose().parse::<Digest>().is_ok().then(|| code.digest())
}

/// `grant_type=refresh_token` (RFC 6749 §6).
async fn refresh(at: &At, params: &Params) -> Response {
    let client_auth = match client_proof(at, params) {
        Ok(proof) => proof,
        Err(refusal) => return refuse(at, Endpoint::Token, refusal, None).await,
    };
    let client = client_auth.client.clone();
    let Some(text) = params.get("refresh_token") else {
        return refuse_about(at, Endpoint::Token, missing("refresh_token"), client).await;
    };
    let refresh_token = match at.ledger.present(&at.site, text) {
        Presented::Refresh(fact) => fact,
        Presented::Access { .. } | Presented::BadSignature | Presented::OtherJwt | Presented::Unreadable => RefreshFact::Foreign,
    };
    let scope = match params.get("scope").map(ScopeSet::parse).transpose() {
        Ok(scope) => scope,
        Err(_) => return refuse(at, Endpoint::Token, Refusal::ScopeUnknown, client).await,
    };
    submit(at, RotateRefresh { refresh_token, scope, client_auth }, |refreshed| &refreshed.tokens).await
}

/// Decides, signs while the disk syncs, and answers after the commit point.
async fn submit<C: Decide>(at: &At, command: C, tokens: impl Fn(&C::Answer) -> &IssuedTokens) -> Response {
    match decide(at, command, tokens).await {
        Ok(Ok(minted)) => reply::no_store(reply::json(StatusCode::OK, &body(at, &minted))),
        Ok(Err(refusal)) => refused(at, &refusal),
        Err(failure) => failed(failure).await,
    }
}

async fn decide<C: Decide>(
    at: &At,
    command: C,
    tokens: impl Fn(&C::Answer) -> &IssuedTokens,
) -> Result<Result<MintedTokens, Refused>, Failure> {
    let submitted: Submitted<C::Answer> = at.ledger.submit(&at.site, command, at.facts()).await?;
    let minted = submitted.answer().as_ref().ok().map(|answer| at.ledger.mint(&at.site, tokens(answer)));
    match submitted.durable().await? {
        Ok(_) => Ok(Ok(minted.ok_or_else(|| Failure::Contradiction("an answer without tokens".to_owned()))??)),
        Err(refusal) => Ok(Err(refusal)),
    }
}

/// RFC 6749 §5.1, OpenID Connect Core §3.1.3.3.
#[derive(Serialize)]
struct TokenResponse<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    id_token: Option<&'a str>,
    token_type: &'static str,
    expires_in: u64,
    access_token: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    refresh_token: Option<&'a str>,
    scope: String,
}

fn body<'a>(at: &At, minted: &'a MintedTokens) -> TokenResponse<'a> {
    TokenResponse {
        id_token: minted.id_token.as_ref().map(|token| token.expose()),
        token_type: "Bearer",
        expires_in: minted.expires_at.seconds_since(at.ledger.now()),
        access_token: minted.access_token.expose(),
        refresh_token: minted.refresh_token.as_ref().map(|token| token.expose()),
        scope: minted.scope.to_string(),
    }
}

/// Scripts may read the answer if their origin is that of one of the client's redirection URIs (SPEC.md a.13).
pub(super) fn with_cors(at: &At, response: Response, client: Option<&ClientId>) -> Response {
    let Some(origin) = cors::origin(&at.inbound.headers) else { return cors::vary(response) };
    let known = at.site.read(|state| {
        let client = client.and_then(|id| state.clients.by_id(id));
        client.is_some_and(|client| client.metadata.redirect_uris.iter().any(|uri| uri.origin().as_deref() == Some(origin)))
    });
    if known { cors::allow(response, origin) } else { cors::vary(response) }
}

/// The client is not known at preflight time, so the request itself decides.
pub(super) fn preflight(at: &At, methods: &'static str) -> Response {
    match cors::origin(&at.inbound.headers) {
        Some(origin) => cors::preflight(origin, methods),
        None => cors::vary(reply::empty(StatusCode::NO_CONTENT)),
    }
}
