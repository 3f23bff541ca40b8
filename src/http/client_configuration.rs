//! `{GET, PUT, DELETE} /oauth2/{site}/client/{opaque}` (RFC 7592). A wrong token and an unknown path are answered alike.

use super::client_credentials::refuse_about;
use super::context::{self, At, failed};
use super::credentials::Credentials;
use super::registration::{ClientView, come_back_later, contacts_of, read};
use super::{Response, reply};
use crate::command::{ChangeClient, ClientChange, ReceiveToken, Refused, UpdateClient};
use crate::event::{Edition, Endpoint, Refusal};
use crate::ledger::{Counted, SiteError, draw_secret};
use crate::projection::Client;
use crate::terms::{Actor, Digest, RegistrationPath, Secret};
use http::{Method, StatusCode};
use serde_json::Value;

/// The route.
pub async fn endpoint(at: At, opaque: String) -> Response {
    if !matches!(at.inbound.method, Method::GET | Method::PUT | Method::DELETE) {
        return reply::method_not_allowed("GET, PUT, DELETE");
    }
    let Some((client, presented, token)) = believed(&at, &opaque) else { return unbelieved(&at).await };
    let answered = match at.inbound.method {
        Method::PUT => replace(&at, client, presented).await,
        Method::DELETE => delete(&at, client, presented).await,
        _ => show(&at, client, presented, &token).await,
    };
    match answered {
        Ok(response) => response,
        // Of two requests with one token the second may come when that is no longer the client's.
        Err(SiteError::Refused(refused)) if refused.refusal == Refusal::RegistrationTokenWrong => challenge(&refused),
        Err(SiteError::Refused(refused)) if refused.refusal == Refusal::RegistrationTooFrequent => {
            come_back_later(&at, Counted::Change, context::refused(&refused))
        }
        Err(SiteError::Refused(refused)) => context::refused(&refused),
        Err(SiteError::Failure(failure)) => failed(failure).await,
    }
}

/// The client at this path and the bearer's token with its digest, if that is the client's own.
fn believed(at: &At, opaque: &str) -> Option<(Client, Digest, Secret)> {
    let path = RegistrationPath::from_segment(opaque)?;
    let Ok(Some(Credentials::Bearer(token))) = Credentials::of(&at.inbound.headers) else { return None };
    let client = at.site.read(|state| state.clients.by_path(&path).cloned())?;
    let own = [Some(client.registration_token), client.earlier_token].into_iter().flatten().find(|own| token.matches(own))?;
    Some((client, own, token))
}

async fn unbelieved(at: &At) -> Response {
    let refused = Refused::from(Refusal::RegistrationTokenWrong);
    match at.ledger.refuse(&at.site, Endpoint::ClientConfiguration, refused.refusal, None, at.facts()).await {
        Ok(()) => challenge(&refused),
        Err(failure) => failed(failure).await,
    }
}

/// RFC 6750 §3.
fn challenge(refused: &Refused) -> Response {
    reply::www_authenticate(context::refused(refused), "Bearer", &[("realm", "writ"), ("error", "invalid_token")])
}

/// RFC 7592 §2.1. The secret is not shown again: only its digest is kept. The token that was presented is: RFC 7592 §3 wants one beside
/// its address, and libraries refuse an answer with the address alone.
async fn show(at: &At, client: Client, presented: Digest, token: &Secret) -> Result<Response, SiteError> {
    if client.earlier_token.is_some() {
        at.ledger.carry_out(&at.site, ReceiveToken { client: client.id.clone(), presented_token: presented }, at.facts()).await?;
    }
    // What is shown may be younger than the last answer: it must be durable, and so must the record that holds the contacts.
    at.site.wait(client.changed).await?;
    let contacts = contacts_of(at, client.contacts_at)?;
    let view = ClientView {
        client: &client.id,
        metadata: &client.metadata,
        contacts: &contacts,
        status: client.status,
        path: client.registration_path,
        issued_at: client.registered_at,
    };
    Ok(answer(at, &view, token))
}

fn answer(at: &At, view: &ClientView<'_>, token: &Secret) -> Response {
    let mut body = view.body(at);
    view.reveal(&mut body, None, Some(token));
    reply::no_store(reply::json(StatusCode::OK, &body))
}

/// RFC 7592 §2.2: the metadata is replaced whole, and the registration access token is a new one. The answer is made of what was
/// decided, not of state: somebody may have changed that since.
async fn replace(at: &At, client: Client, presented: Digest) -> Result<Response, SiteError> {
    let requested = match same_client(at, &client).and_then(|()| read(at)) {
        Ok(requested) => requested,
        Err(refused) => return Ok(refuse_about(at, Endpoint::ClientConfiguration, refused, Some(client.id)).await),
    };
    if !requested.contacts.is_empty() {
        at.ledger.ensure_client_subject(&at.site, &client.id).await?;
    }
    let token = draw_secret::<32>();
    let command = UpdateClient {
        client: client.id.clone(),
        presented_token: presented,
        metadata: requested.metadata.clone(),
        registration_token: token.digest(),
        edition: Edition::CURRENT,
        sector_document: None,
        contacts: requested.contacts.clone(),
    };
    let status = at.ledger.update_client(&at.site, command, at.facts()).await?;
    let view = ClientView {
        client: &client.id,
        metadata: &requested.metadata,
        contacts: &requested.contacts,
        status,
        path: client.registration_path,
        issued_at: client.registered_at,
    };
    Ok(answer(at, &view, &token))
}

/// RFC 7592 §2.2: `client_id` must be there and the client's own; a `client_secret`, if sent, must be the current one.
fn same_client(at: &At, client: &Client) -> Result<(), Refused> {
    let about = |text: &str| Refused::about(Refusal::MetadataUnacceptable, text);
    let Ok(Value::Object(members)) = super::json_body::parse_json(&at.inbound.body) else { return Ok(()) };
    match members.get("client_id").and_then(Value::as_str) {
        Some(id) if id == client.id.as_str() => {}
        Some(_) | None => return Err(about("client_id must be the client's own")),
    }
    let is_current = |secret: &str| client.secret.is_some_and(|stored| Secret::new(secret.to_owned()).matches(&stored));
    match members.get("client_secret").filter(|secret| !secret.is_null()) {
        Some(secret) if !secret.as_str().is_some_and(is_current) => Err(about("client_secret must be the current one")),
        Some(_) | None => Ok(()),
    }
}

/// RFC 7592 §2.3.
async fn delete(at: &At, client: Client, presented: Digest) -> Result<Response, SiteError> {
    let by = Actor::Client(client.id.clone());
    let command = ChangeClient { client: client.id, change: ClientChange::Delete, by, presented_token: Some(presented) };
    at.ledger.change_client(&at.site, command, at.facts()).await?;
    Ok(reply::no_store(reply::empty(StatusCode::NO_CONTENT)))
}
