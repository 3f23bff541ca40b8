//! `grant_type=client_credentials` (RFC 6749 §4.4.2).

use super::super::client_credentials::{client_proof, refuse_about, unproven};
use super::super::context::At;
use super::super::{Params, Response};
use super::{scope_asked_for, submit};
use crate::command::GrantToClient;
use crate::event::Endpoint;

pub(super) async fn grant(at: &At, params: &Params) -> Response {
    let client_auth = match client_proof(at, params).await {
        Ok(proof) => proof,
        Err(why) => return unproven(at, Endpoint::Token, why).await,
    };
    let client = client_auth.client.clone();
    match params.get("scope").map(|text| scope_asked_for(at, text)).transpose() {
        Ok(scope) => submit(at, client, GrantToClient { scope, client_auth }, |issued| issued).await,
        Err(refused) => refuse_about(at, Endpoint::Token, refused, client).await,
    }
}
