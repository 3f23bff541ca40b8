//! `POST /oauth2/{site}/revoke` (RFC 7009, SPEC.md a.11).

use super::client_credentials::{client_proof, named_client, refuse, refuse_about, refused, unproven, unreadable};
use super::context::{At, failed};
use super::token::{preflight, with_cors};
use super::{Params, Response, reply};
use crate::command::{PresentedToken, Refused, RevokeToken};
use crate::event::{Endpoint, Refusal};
use crate::ledger::Presented;
use crate::terms::ClientId;
use http::{Method, StatusCode};

/// The route.
pub async fn endpoint(at: At) -> Response {
    match at.inbound.method {
        Method::POST => {
            let (response, client) = revoke(&at).await;
            with_cors(&at, response, client.as_ref())
        }
        Method::OPTIONS => preflight(&at, "POST"),
        _ => reply::method_not_allowed("POST"),
    }
}

async fn revoke(at: &At) -> (Response, Option<ClientId>) {
    match Params::of_form(&at.inbound) {
        Ok(params) => (decide(at, &params).await, named_client(at, &params)),
        Err(error) => (refuse(at, Endpoint::Revoke, unreadable(error), None).await, None),
    }
}

async fn decide(at: &At, params: &Params) -> Response {
    let client_auth = match client_proof(at, params).await {
        Ok(proof) => proof,
        Err(why) => return unproven(at, Endpoint::Revoke, why).await,
    };
    let Some(text) = params.get("token") else {
        let missing = Refused::about(Refusal::ParameterMissing, "token");
        return refuse_about(at, Endpoint::Revoke, missing, client_auth.client).await;
    };
    let token = match at.ledger.present(&at.site, text) {
        Presented::Access(signed) => PresentedToken::Access(signed.token),
        Presented::Refresh(fact) => PresentedToken::Refresh(fact),
        Presented::BadSignature | Presented::OtherJwt | Presented::Unreadable => PresentedToken::Unknown,
    };
    let decided = match at.ledger.submit(&at.site, RevokeToken { token, client_auth }, at.facts()).await {
        Ok(submitted) => submitted.durable().await,
        Err(failure) => Err(failure),
    };
    match decided {
        // RFC 7009 §2.2: the same answer whether or not there was anything to revoke.
        Ok(Ok(_)) => reply::no_store(reply::empty(StatusCode::OK)),
        Ok(Err(refusal)) => refused(at, &refusal),
        Err(failure) => failed(failure).await,
    }
}
