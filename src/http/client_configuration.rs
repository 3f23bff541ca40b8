//! `{GET, PUT, DELETE} /oauth2/{site}/client/{opaque}` (RFC 7592). A wrong token and an unknown path are answered alike.

use super::client_credentials::refuse_about;
use super::context::{At, failed};
use super::credentials::Credentials;
use super::registration::{ClientView, contacts_of, read};
use super::{Response, reply};
use crate::command::{ChangeClient, ClientChange, Refused, UpdateClient};
use crate::event::{Endpoint, Refusal};
use crate::ledger::{Failure, SiteError, draw_secret};
use crate::projection::Client;
use crate::terms::{Actor, RegistrationPath, Secret};
use http::{Method, StatusCode};
use serde_json::Value;

/// The route.
pub async fn endpoint(at: At, opaque: String) -> Response {
    if !matches!(at.inbound.method, Method::GET | Method::PUT | Method::DELETE) {
        return reply::method_not_allowed("GET, PUT, DELETE");
    }
    let Some(client) = believed(&at, &opaque) else {
        let response = refuse_about(&at, Endpoint::ClientConfiguration, Refusal::RegistrationTokenWrong.into(), None).await;
        return reply::www_authenticate(without_challenge(response), "Bearer", &[("realm", "writ"), ("error", "invalid_token")]);
    };
    let answered = match at.inbound.method {
        Method::PUT => replace(&at, client).await,
        Method::DELETE => delete(&at, client).await,
        _ => show(&at, &client, None).map_err(SiteError::from),
    };
    match answered {
        Ok(response) => response,
        Err(SiteError::Refused(refused)) => super::context::refused(&refused),
        Err(SiteError::Failure(failure)) => failed(failure).await,
    }
}

/// The client at this path, if the bearer's token is its own.
fn believed(at: &At, opaque: &str) -> Option<Client> {
    let path = RegistrationPath::from_segment(opaque)?;
    let Ok(Some(Credentials::Bearer(token))) = Credentials::of(&at.inbound.headers) else { return None };
    let client = at.site.read(|state| state.clients.by_path(&path).cloned())?;
    token.matches(&client.registration_token).then_some(client)
}

fn without_challenge(mut response: Response) -> Response {
    response.headers_mut().remove(http::header::WWW_AUTHENTICATE);
    response
}

/// RFC 7592 §2.1. The secret is not shown again: only its digest is kept.
fn show(at: &At, client: &Client, token: Option<&Secret>) -> Result<Response, Failure> {
    let contacts = contacts_of(at, client.contacts_at)?;
    let view = ClientView {
        client: &client.id,
        metadata: &client.metadata,
        contacts: &contacts,
        status: client.status,
        path: client.registration_path,
        issued_at: client.registered_at,
    };
    let mut body = view.body(at);
    view.reveal(&mut body, None, token);
    Ok(reply::no_store(reply::json(StatusCode::OK, &body)))
}

/// RFC 7592 §2.2: the metadata is replaced whole, and the registration access token is a new one.
async fn replace(at: &At, client: Client) -> Result<Response, SiteError> {
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
        presented_token: client.registration_token,
        metadata: requested.metadata,
        registration_token: token.digest(),
        contacts: requested.contacts,
    };
    at.ledger.carry_out(&at.site, command, at.facts()).await?;
    let changed = at.site.read(|state| state.clients.by_id(&client.id).cloned()).unwrap_or(client);
    Ok(show(at, &changed, Some(&token))?)
}

/// RFC 7592 §2.2: `client_id` must be there and the client's own; a `client_secret`, if sent, must be the current one.
fn same_client(at: &At, client: &Client) -> Result<(), Refused> {
    let about = |text: &str| Refused::about(Refusal::MetadataUnacceptable, text);
    let Ok(Value::Object(members)) = super::json_body::parse_json(&at.inbound.body) else { return Ok(()) };
    match members.get("client_id").and_then(Value::as_str) {
        Some(id) if id == client.id.as_str() => {}
        Some(_) | None => return Err(about("client_id must be the client's own")),
    }
    match members.get("client_secret").and_then(Value::as_str).map(|secret| Secret::new(secret.to_owned())) {
        Some(secret) if !client.secret.is_some_and(|stored| secret.matches(&stored)) => Err(about("client_secret must be the current one")),
        Some(_) | None => Ok(()),
    }
}

/// RFC 7592 §2.3.
async fn delete(at: &At, client: Client) -> Result<Response, SiteError> {
    let by = Actor::Client(client.id.clone());
    at.ledger.change_client(&at.site, ChangeClient { client: client.id, change: ClientChange::Delete, by }, at.facts()).await?;
    Ok(reply::no_store(reply::empty(StatusCode::NO_CONTENT)))
}
