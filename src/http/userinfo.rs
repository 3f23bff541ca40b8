//! `{GET, POST} /oauth2/{site}/userinfo` (OpenID Connect Core §5.3, RFC 6750).

use super::client_credentials::unreadable;
use super::context::{At, failed};
use super::credentials::Credentials;
use super::token::{preflight, with_cors};
use super::{Params, Response, context, reply};
use crate::event::{Endpoint, Refusal};
use crate::ledger::Failure;
use crate::query::{Status, TokenFacts, claims_named, claims_of};
use crate::terms::{ClientId, NamedScope, Secret};
use http::{Method, StatusCode};
use serde_json::{Map, Value};

/// The route.
pub async fn endpoint(at: At) -> Response {
    match at.inbound.method {
        Method::GET | Method::POST => {
            let (response, client) = userinfo(&at).await;
            with_cors(&at, response, client.as_ref())
        }
        Method::OPTIONS => preflight(&at, "GET, POST"),
        _ => reply::method_not_allowed("GET, POST"),
    }
}

async fn userinfo(at: &At) -> (Response, Option<ClientId>) {
    let token = match bearer(at) {
        Ok(Some(token)) => token,
        Ok(None) => return (refuse(at, Refusal::TokenMissing, None).await, None),
        Err(refusal) => return (refuse(at, refusal, None).await, None),
    };
    let presented = at.ledger.present(&at.site, token.expose());
    let found = match at.ledger.introspect(&at.site, &presented, at.facts()).await {
        Ok(found) => found,
        Err(failure) => return (failed(failure).await, None),
    };
    let facts = found.facts.filter(|facts| facts.jti.is_some());
    let client = facts.as_ref().map(|facts| facts.client.clone());
    let refusal = match (found.status, &facts) {
        (Status::Active, Some(facts)) if !facts.scope.has(NamedScope::Openid) => Refusal::OpenidScopeMissing,
        (Status::Active, Some(facts)) => {
            let response = match claims(at, facts).await {
                Ok(claims) => told(at, &facts.client, &claims).await,
                Err(failure) => failed(failure).await,
            };
            return (response, client);
        }
        (Status::Expired, _) => Refusal::TokenExpired,
        (Status::Revoked, _) => Refusal::TokenRevoked,
        (Status::Active | Status::Unknown, _) => Refusal::TokenInvalid,
    };
    (refuse(at, refusal, client.clone()).await, client)
}

/// The token: in the header, or in the form of a POST, never in both and never in the query (RFC 6750 §2).
fn bearer(at: &At) -> Result<Option<Secret>, Refusal> {
    let in_form = match at.inbound.method == Method::POST && !at.inbound.body.is_empty() {
        true => Params::of_form(&at.inbound).map_err(unreadable)?.secret("access_token"),
        false => None,
    };
    match (Credentials::of(&at.inbound.headers), in_form) {
        (Err(_) | Ok(Some(Credentials::Basic { .. })), _) => Err(Refusal::TokenInvalid),
        (Ok(Some(Credentials::Bearer(_))), Some(_)) => Err(Refusal::CredentialsRepeated),
        (Ok(Some(Credentials::Bearer(token))), None) | (Ok(None), Some(token)) => Ok(Some(token)),
        (Ok(None), None) => Ok(None),
    }
}

async fn claims(at: &At, facts: &TokenFacts) -> Result<Map<String, Value>, Failure> {
    let known = facts.user.map(|user| at.ledger.claims_of_user(&at.site, &user)).transpose()?.unwrap_or_default();
    let mut claims = claims_of(&facts.scope, &known);
    claims.extend(claims_named(&facts.claims, &known));
    claims.insert("sub".to_owned(), at.site.subject(facts.user, &facts.client, facts.sector.as_ref()).into());
    if let Some(jti) = facts.jti {
        at.ledger.tell_read(&at.site, jti, None, true, at.facts()).await?;
    }
    Ok(claims)
}

/// As JSON, or signed if the client registered so (OpenID Connect Core §5.3.2).
async fn told(at: &At, client: &ClientId, claims: &Map<String, Value>) -> Response {
    match at.ledger.sign_claims(&at.site, client, claims) {
        Ok(None) => reply::no_store(reply::json(StatusCode::OK, claims)),
        Ok(Some(signed)) => reply::no_store(reply::content(StatusCode::OK, "application/jwt", signed.expose().to_owned())),
        Err(failure) => failed(failure).await,
    }
}

async fn refuse(at: &At, refusal: Refusal, client: Option<ClientId>) -> Response {
    match at.ledger.refuse(&at.site, Endpoint::Userinfo, refusal, client, at.facts()).await {
        // RFC 6750 §3.1: a request without any credentials is told the scheme and nothing else.
        Ok(()) => challenge(context::refusal(refusal), Some(refusal).filter(|refusal| *refusal != Refusal::TokenMissing)),
        Err(failure) => failed(failure).await,
    }
}

/// RFC 6750 §3.
fn challenge(response: Response, refusal: Option<Refusal>) -> Response {
    let Some(refusal) = refusal else { return reply::www_authenticate(response, "Bearer", &[("realm", "writ")]) };
    let reply = refusal.reply();
    let mut params = vec![("realm", "writ"), ("error", reply.code.as_str()), ("error_description", reply.description)];
    if refusal == Refusal::OpenidScopeMissing {
        params.push(("scope", "openid"));
    }
    reply::www_authenticate(response, "Bearer", &params)
}
