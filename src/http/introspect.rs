//! `POST /oauth2/{site}/introspect` (RFC 7662), in two dialects chosen by where the credentials travel (SPEC.md h, DESIGN.md §6).

use super::client_credentials::{Unproven, client_proof, refuse, refuse_about, refused, unproven, unreadable};
use super::context::{At, failed};
use super::introspect_body::{Dialect, body, unknown};
use super::{Params, Response, reply};
use crate::command::{AuthenticateClient, ClientProof, Refused, authenticate};
use crate::event::{Endpoint, Refusal};
use crate::ledger::{Failure, Presented};
use crate::projection::Client;
use crate::query::{Status, TokenFacts};
use crate::terms::{ClientId, TokenKind};
use http::{Method, StatusCode};
use serde_json::Value;

/// The route.
pub async fn endpoint(at: At) -> Response {
    match at.inbound.method {
        Method::POST => introspect(&at).await,
        _ => reply::method_not_allowed("POST"),
    }
}

async fn introspect(at: &At) -> Response {
    let params = match Params::of_form(&at.inbound) {
        Ok(params) => params,
        Err(error) => return refuse(at, Endpoint::Introspect, unreadable(error), None).await,
    };
    let proof = match client_proof(at, &params).await {
        Ok(proof) => proof,
        Err(Unproven::Refused(Refusal::ClientUnknown, _)) => {
            return unbelieved(at, None, Refusal::ClientUnknown, dialect(at, &params, None)).await;
        }
        Err(why) => return unproven(at, Endpoint::Introspect, why).await,
    };
    let dialect = dialect(at, &params, proof.client.as_ref());
    match believed(at, &proof).await {
        Ok(Ok(())) => {}
        Ok(Err(refusal)) if proof.assertion.is_some() => return refused(at, &refusal.into()),
        Ok(Err(refusal)) => return unbelieved(at, proof.client, refusal, dialect).await,
        Err(failure) => return failed(failure).await,
    }
    let Some(asker) = proof.client else { return refuse(at, Endpoint::Introspect, Refusal::ClientMissing, None).await };
    let Some(text) = params.get("token") else {
        let missing = Refused::about(Refusal::ParameterMissing, "token");
        return refuse_about(at, Endpoint::Introspect, missing, Some(asker)).await;
    };
    let hint_is_known = params.get("token_type_hint").is_none_or(|hint| hint.parse::<TokenKind>().is_ok());
    if dialect == Dialect::Seed && !hint_is_known {
        return refuse(at, Endpoint::Introspect, Refusal::TokenHintUnsupported, Some(asker)).await;
    }
    match (at.ledger.present(&at.site, text), dialect) {
        (Presented::BadSignature, Dialect::Seed) => refuse(at, Endpoint::Introspect, Refusal::TokenSignatureWrong, Some(asker)).await,
        (Presented::Unreadable, Dialect::Seed) => refuse(at, Endpoint::Introspect, Refusal::ParameterMalformed, Some(asker)).await,
        (presented, _) => match tell(at, &presented, asker, dialect).await {
            Ok(body) => reply::no_store(reply::json(StatusCode::OK, &body)),
            Err(failure) => failed(failure).await,
        },
    }
}

/// Whether the client is believed. A secret is good as often as it is shown; an assertion is spent, which is an event.
async fn believed(at: &At, proof: &ClientProof) -> Result<Result<(), Refusal>, Failure> {
    if proof.assertion.is_none() {
        let now = at.ledger.now();
        return Ok(at.site.read(|state| authenticate(state, proof, now).map(|_| ())));
    }
    let command = AuthenticateClient { client_auth: proof.clone(), endpoint: Endpoint::Introspect };
    let decided = at.ledger.submit(&at.site, command, at.facts()).await?.durable().await?;
    Ok(decided.map_err(|refused| refused.refusal))
}

/// Credentials in the form, and none in the header, speak the thread's dialect where the site does. A resource server never does: why a
/// token of somebody else's is dead is not its business.
fn dialect(at: &At, params: &Params, asker: Option<&ClientId>) -> Dialect {
    let speaks_seed = at.site.read(|state| {
        let asks_about_any = asker.and_then(|id| state.clients.by_id(id)).is_some_and(Client::may_ask_about_any);
        !asks_about_any && state.site.as_ref().is_some_and(|site| site.settings.introspection_seed_dialect)
    });
    let in_the_form = params.has("client_id") && !params.has("client_assertion");
    match speaks_seed && in_the_form && !at.inbound.headers.contains_key(http::header::AUTHORIZATION) {
        true => Dialect::Seed,
        false => Dialect::Rfc,
    }
}

/// A client that is not believed: the thread's are told that the token is invalid, all others that they are.
async fn unbelieved(at: &At, client: Option<ClientId>, refusal: Refusal, dialect: Dialect) -> Response {
    let response = refuse(at, Endpoint::Introspect, refusal, client).await;
    match dialect {
        Dialect::Seed => reply::no_store(reply::json(StatusCode::OK, &unknown(dialect))),
        // RFC 7662 §2.3 with RFC 6749 §5.2.
        Dialect::Rfc if !response.headers().contains_key(http::header::WWW_AUTHENTICATE) => {
            reply::www_authenticate(response, "Basic", &[("realm", "writ")])
        }
        Dialect::Rfc => response,
    }
}

async fn tell(at: &At, presented: &Presented, asker: ClientId, dialect: Dialect) -> Result<Value, Failure> {
    let found = at.ledger.introspect(&at.site, presented, at.facts()).await?;
    // A client that is gone since a moment ago sees nothing.
    let may_see = |facts: &&TokenFacts| at.site.read(|state| state.clients.by_id(&asker).is_some_and(|asker| asker.may_see(&facts.client)));
    let facts = found.facts.as_ref().filter(may_see);
    if let Some(jti) = facts.and_then(|facts| facts.jti) {
        at.ledger.tell_read(&at.site, jti, Some(asker.clone()), found.status == Status::Active, at.facts()).await?;
    }
    body(&at.site, found.status, facts, dialect, |user| at.ledger.username_of(&at.site, user))
}
