//! `POST /oauth2/{site}/registration` (RFC 7591, OpenID Connect Registration, SPEC.md a.1 and b).

mod dsi;
mod flows;
mod keys;
mod launch;
mod logout;
mod metadata;
mod origins;
mod reader;
mod request_objects;
mod sector;

pub use metadata::{RequestedClient, parse_metadata};

use super::client_credentials::refuse_about;
use super::context::{At, failed};
use super::credentials::Credentials;
use super::json_body::{JsonBodyError, json_body};
use super::token::preflight;
use super::{Response, cors, reply};
use crate::command::{Refused, RegisterClient, may_register};
use crate::event::{ClientMetadata, ClientStatus, Edition, Endpoint, Refusal, RegistrationMode};
use crate::ledger::{Counted, Failure, SiteError, draw_bytes, draw_secret};
use crate::terms::{Actor, ClientId, Digest, RegistrationPath, Secret, Timestamp};
use http::header::RETRY_AFTER;
use http::{HeaderValue, Method, StatusCode};
use serde_json::{Map, Value};

/// The route.
pub async fn endpoint(at: At) -> Response {
    let closed = at.site.read(|state| state.site.as_ref().is_none_or(|site| site.settings.dcr_mode == RegistrationMode::Disabled));
    let response = match at.inbound.method {
        // A site that takes no registrations has no such endpoint (SPEC.md a.1).
        Method::POST if closed => {
            return cors::vary(refuse_about(&at, Endpoint::Registration, Refusal::RegistrationClosed.into(), None).await);
        }
        _ if closed => return cors::vary(reply::not_found()),
        Method::POST => register(&at).await,
        Method::OPTIONS => return preflight(&at, "POST"),
        _ => return cors::vary(reply::method_not_allowed("POST")),
    };
    // Decided otherwise than SPEC.md a.13: nobody is registered yet, so the only origins to compare with are those that the caller
    // itself writes into `redirect_uris`. Any script may register, as any program may, and read what became of it; no cookie and
    // no credential travels, so it learns nothing that a program on its own would not.
    match cors::origin(&at.inbound.headers) {
        Some(origin) => cors::allow(response, origin),
        None => cors::vary(response),
    }
}

/// The largest body (THREATS.md §F).
pub(super) const BODY_BYTES: usize = 32 * 1024;

async fn register(at: &At) -> Response {
    let initial_token = match invited(at) {
        Ok(token) => token,
        Err(refusal) => {
            return match at.ledger.refuse(&at.site, Endpoint::Registration, refusal, None, at.facts()).await {
                Ok(()) => said(at, &refusal.into()),
                Err(failure) => failed(failure).await,
            };
        }
    };
    let requested = match read(at) {
        Ok(requested) => requested,
        Err(refused) => return refuse_about(at, Endpoint::Registration, refused, None).await,
    };
    let client = ClientId::from_bytes(draw_bytes());
    let secret = requested.metadata.has_secret().then(draw_secret::<64>);
    let token = draw_secret::<32>();
    let command = RegisterClient {
        client: client.clone(),
        metadata: requested.metadata.clone(),
        secret: secret.as_ref().map(Secret::digest),
        registration_token: token.digest(),
        initial_token,
        sector_document: None,
        by: Actor::Anonymous,
        edition: Edition::CURRENT,
        contacts: requested.contacts.clone(),
    };
    match at.ledger.register_client(&at.site, command, at.facts()).await {
        Ok((status, path)) => {
            let issued_at = at.site.read(|state| state.clients.by_id(&client).map(|client| client.registered_at)).unwrap_or_default();
            let view =
                ClientView { client: &client, metadata: &requested.metadata, contacts: &requested.contacts, status, path, issued_at };
            let mut body = view.body(at);
            view.reveal(&mut body, secret.as_ref(), Some(&token));
            reply::no_store(reply::json(StatusCode::CREATED, &body))
        }
        Err(SiteError::Refused(refused)) => said(at, &refused),
        Err(SiteError::Failure(failure)) => failed(failure).await,
    }
}

/// The initial access token, which is looked at before anything else (RFC 7591 §3); none if the site wants none and there is none.
fn invited(at: &At) -> Result<Option<Digest>, Refusal> {
    let token = match Credentials::of(&at.inbound.headers) {
        Ok(Some(Credentials::Bearer(token))) => Some(token.digest()),
        Ok(None) => None,
        Ok(Some(Credentials::Basic { .. })) | Err(_) => return Err(Refusal::InitialTokenWrong),
    };
    at.site.read(|state| match &state.site {
        Some(site) => may_register(state, &site.settings, token.as_ref(), at.ledger.now()).map(|_| token),
        None => Err(Refusal::RegistrationClosed),
    })
}

/// A refusal with what its status owes: a challenge (RFC 6750 §3), or when to come back (RFC 6585 §4).
fn said(at: &At, refused: &Refused) -> Response {
    let (response, refusal) = (super::context::refused(refused), refused.refusal);
    let reply = refusal.reply();
    match reply.status {
        // RFC 6750 §3.1: a request without any credentials is told the scheme and nothing else.
        401 if refusal == Refusal::InitialTokenMissing => reply::www_authenticate(response, "Bearer", &[("realm", "writ")]),
        401 => {
            let params = [("realm", "writ"), ("error", reply.code.as_str()), ("error_description", reply.description)];
            reply::www_authenticate(response, "Bearer", &params)
        }
        429 => come_back_later(at, Counted::Registration, response),
        _ => response,
    }
}

/// Says when there is room again (RFC 6585 §4).
pub(super) fn come_back_later(at: &At, what: Counted, mut response: Response) -> Response {
    let pause = at.ledger.registration_pause(&at.site, what, at.inbound.peer.ip).max(1);
    response.headers_mut().insert(RETRY_AFTER, HeaderValue::from(pause));
    response
}

/// The request's metadata, checked and with its defaults.
pub(super) fn read(at: &At) -> Result<RequestedClient, Refused> {
    let about = |text: &str| Refused::about(Refusal::MetadataUnacceptable, text);
    if at.inbound.body.is_empty() {
        return Err(about("No JSON body"));
    }
    let body = json_body(&at.inbound, BODY_BYTES).map_err(|error| match error {
        JsonBodyError::ContentType => about("Unexpected content type"),
        JsonBodyError::TooLarge => about("The body is too large"),
        JsonBodyError::Malformed => about("Invalid JSON"),
    })?;
    let Value::Object(members) = body else { return Err(about("Invalid JSON")) };
    at.site.read(|state| match &state.site {
        Some(site) => parse_metadata(&members, &site.settings),
        None => Err(Refused::from(Refusal::RegistrationClosed)),
    })
}

/// A client as its registration response shows it (SPEC.md b.2).
pub(super) struct ClientView<'a> {
    pub(super) client: &'a ClientId,
    pub(super) metadata: &'a ClientMetadata,
    pub(super) contacts: &'a [String],
    pub(super) status: ClientStatus,
    pub(super) path: RegistrationPath,
    pub(super) issued_at: Timestamp,
}

impl ClientView<'_> {
    /// Everything but the secrets.
    pub(super) fn body(&self, at: &At) -> Map<String, Value> {
        let mut body = match serde_json::to_value(self.metadata) {
            Ok(Value::Object(members)) => members,
            Ok(_) | Err(_) => Map::new(),
        };
        for name in ["localized", "dsi"] {
            if let Some(Value::Object(members)) = body.remove(name) {
                body.extend(members);
            }
        }
        body.entry("client_name").or_insert_with(|| self.client.as_str().into());
        body.entry("post_logout_redirect_uris").or_insert_with(|| Value::Array(Vec::new()));
        body.insert("client_id".into(), self.client.as_str().into());
        body.insert("client_id_issued_at".into(), self.issued_at.unix_seconds().into());
        body.insert("registration_client_uri".into(), format!("{}/client/{}", at.site.issuer(), self.path.segment()).into());
        body.insert("client_status".into(), self.status.as_str().into());
        body.insert("subject_type".into(), self.metadata.subject_type.as_str().into());
        if !self.contacts.is_empty() {
            body.insert("contacts".into(), self.contacts.to_vec().into());
        }
        body
    }

    /// The secrets, which exist in clear in this one response.
    pub(super) fn reveal(&self, body: &mut Map<String, Value>, secret: Option<&Secret>, token: Option<&Secret>) {
        if let Some(secret) = secret {
            body.insert("client_secret".into(), secret.expose().into());
        }
        if self.metadata.has_secret() {
            body.insert("client_secret_expires_at".into(), 0.into());
        }
        if let Some(token) = token {
            body.insert("registration_access_token".into(), token.expose().into());
        }
    }
}

/// The contacts of a registered client, opened for the client itself.
pub(super) fn contacts_of(at: &At, record: crate::terms::Seq) -> Result<Vec<String>, Failure> {
    let contacts = at.ledger.disclosed(&at.site, record)?.remove("contacts");
    Ok(contacts.and_then(|contacts| serde_json::from_value(contacts).ok()).unwrap_or_default())
}
