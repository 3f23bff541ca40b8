//! Which client a request comes from (RFC 6749 §2.3.1): `client_secret_basic`, `client_secret_post`, `none`.

use super::context::At;
use super::credentials::Credentials;
use super::{Params, ParamsError, Response, context, reply};
use crate::command::{ClientProof, SecretFact, Via};
use crate::event::{Endpoint, Refusal};
use crate::terms::ClientId;

/// The client of this id, if the site knows it. What a stranger calls itself is recorded nowhere: people type e-mail addresses there.
pub fn known_client(at: &At, named: Option<&str>) -> Option<ClientId> {
    let id: ClientId = named?.parse().ok()?;
    at.site.read(|state| state.clients.by_id(&id).is_some()).then_some(id)
}

/// What the request says of its client, the secret already compared. An unknown client costs the same comparison.
pub fn client_proof(at: &At, params: &Params) -> Result<ClientProof, Refusal> {
    let named = params.get("client_id");
    match Credentials::of(&at.inbound.headers) {
        Err(_) | Ok(Some(Credentials::Bearer(_))) => Err(Refusal::CredentialsMalformed),
        Ok(Some(Credentials::Basic { .. })) if params.has("client_secret") => Err(Refusal::CredentialsRepeated),
        Ok(Some(Credentials::Basic { client_id, .. })) if named.is_some_and(|named| named != client_id) => {
            Err(Refusal::CredentialsRepeated)
        }
        Ok(Some(Credentials::Basic { client_id, client_secret })) => {
            let client: ClientId = client_id.parse().map_err(|_| Refusal::ClientUnknown)?;
            let given = (!client_secret.expose().is_empty()).then_some(&client_secret);
            let secret = at.ledger.check_secret(&at.site, &client, given);
            let known = known_client(at, Some(client.as_str())).ok_or(Refusal::ClientUnknown)?;
            Ok(ClientProof { client: Some(known), via: Via::Basic, secret })
        }
        Ok(None) => {
            let Some(named) = named else { return Ok(ClientProof { client: None, via: Via::Post, secret: SecretFact::Absent }) };
            let client: ClientId = named.parse().map_err(|_| Refusal::ClientUnknown)?;
            let secret = at.ledger.check_secret(&at.site, &client, params.secret("client_secret").as_ref());
            let known = known_client(at, Some(named)).ok_or(Refusal::ClientUnknown)?;
            Ok(ClientProof { client: Some(known), via: Via::Post, secret })
        }
    }
}

/// A refusal of the token, revocation and introspection endpoints, with the challenge that a failed `Authorization` header calls
/// for (RFC 6749 §5.2).
pub fn refused(at: &At, refused: &crate::command::Refused) -> Response {
    let response = context::refused(refused);
    let header_used = at.inbound.headers.contains_key(http::header::AUTHORIZATION);
    match response.status() == http::StatusCode::UNAUTHORIZED && header_used {
        true => reply::www_authenticate(response, "Basic", &[("realm", "writ")]),
        false => response,
    }
}

/// Records and answers a refusal that was reached before anything could be decided.
pub async fn refuse(at: &At, endpoint: Endpoint, refusal: Refusal, client: Option<ClientId>) -> Response {
    refuse_about(at, endpoint, refusal.into(), client).await
}

/// The same, saying what it is about.
pub async fn refuse_about(at: &At, endpoint: Endpoint, about: crate::command::Refused, client: Option<ClientId>) -> Response {
    match at.ledger.refuse(&at.site, endpoint, about.refusal, client, at.facts()).await {
        Ok(()) => refused(at, &about),
        Err(failure) => context::failed(failure).await,
    }
}

/// What is wrong with parameters that cannot be read.
pub fn unreadable(error: ParamsError) -> Refusal {
    match error {
        ParamsError::ContentType => Refusal::ContentTypeUnsupported,
        ParamsError::Encoding(_) => Refusal::ParameterMalformed,
        ParamsError::TooMany => Refusal::ParameterTooLong,
        ParamsError::Repeated => Refusal::ParameterRepeated,
    }
}
