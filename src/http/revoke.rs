//! `POST /oauth2/{site}/revoke` (RFC 7009, SPEC.md a.11).

use super::client_credentials::{client_proof, refuse, refuse_about, refused, unreadable};
use super::context::{At, failed};
use super::token::{preflight, with_cors};
use super::{Params, Response, reply};
use crate::command::{PresentedToken, Refused, RevokeToken};
use crate::event::{Endpoint, Refusal};
use crate::ledger::Presented;
use http::{Method, StatusCode};

/// The route.
pub async fn endpoint(at: At) -> Response {
    match at.inbound.method {
        Method::POST => revoke(&at).await,
        Method::OPTIONS => preflight(&at, "POST"),
        _ => reply::method_not_allowed("POST"),
    }
}

async fn revoke(at: &At) -> Response {
    let params = match Params::of_form(&at.inbound) {
        Ok(params) => params,
        Err(error) => return refuse(at, Endpoint::Revoke, unreadable(error), None).await,
    };
    let client_auth = match client_proof(at, &params) {
        Ok(proof) => proof,
        Err(refusal) => return refuse(at, Endpoint::Revoke, refusal, None).await,
    };
    let client = client_auth.client.clone();
    let Some(text) = params.get("token") else {
        let missing = Refused::about(Refusal::ParameterMissing, "token");
        return refuse_about(at, Endpoint::Revoke, missing, client).await;
    };
    let token = match at.ledger.present(&at.site, text) {
        Presented::Access { claims, .. } => PresentedToken::Access(claims.jti),
        Presented::Refresh(fact) => PresentedToken::Refresh(fact),
        Presented::BadSignature | Presented::OtherJwt | Presented::Unreadable => PresentedToken::Unknown,
    };
    let decided = match at.ledger.submit(&at.site, RevokeToken { token, client_auth }, at.facts()).await {
        Ok(submitted) => submitted.durable().await,
        Err(failure) => Err(failure),
    };
    match decided {
        // RFC 7009 §2.2: the same answer whether or not there was anything to revoke.
        Ok(Ok(_)) => with_cors(at, reply::no_store(reply::empty(StatusCode::OK)), client.as_ref()),
        Ok(Err(refusal)) => refused(at, &refusal),
        Err(failure) => failed(failure).await,
    }
}
