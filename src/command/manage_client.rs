//! Changing a client: by its own registration access token (RFC 7592 §2.2, §2.3), or by an administrator.

#![expect(missing_docs, reason = "a member whose type says what it is needs no sentence of its own")]

use super::register_client::{acceptable, registration_status};
use super::{Decide, Decision, Draft, Refused};
use crate::event::{ClientEvent, ClientMetadata, ClientStatus, Endpoint, Event, Refusal, RequestEvent};
use crate::projection::{Client, State};
use crate::terms::{Actor, ClientId, Digest, Moment, Subject};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// The client replaces its metadata.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct UpdateClient {
    pub client: ClientId,
    /// The registration access token that was presented, as it is stored.
    pub presented_token: Digest,
    /// The new metadata, whole.
    pub metadata: ClientMetadata,
    /// Digest of the registration access token that replaces the presented one.
    pub registration_token: Digest,
    /// Whom to write to; sealed.
    #[serde(skip)]
    pub contacts: Vec<String>,
}

impl Decide for UpdateClient {
    const NAME: &'static str = "update_client";
    type Answer = ClientStatus;

    fn decide(&self, state: &State, moment: &Moment) -> Decision<ClientStatus> {
        let client = state.clients.by_id(&self.client).filter(|client| client.registration_token == self.presented_token);
        let Some(client) = client else { return refused(&self.client, Refusal::RegistrationTokenWrong, moment) };
        let Some(site) = &state.site else { return refused(&self.client, Refusal::RegistrationTokenWrong, moment) };
        // A disabled client cannot revive itself (THREATS.md A55).
        if client.status == ClientStatus::Disabled {
            return refused(&self.client, Refusal::ClientDisabled, moment);
        }
        if let Err(why) = acceptable(state, &self.metadata, &site.settings) {
            return refused(&self.client, why, moment);
        }
        if self.metadata.is_public() != client.metadata.is_public() {
            let detail = "token_endpoint_auth_method cannot turn a confidential client into a public one or back";
            return refused(&self.client, Refused::about(Refusal::MetadataUnacceptable, detail), moment);
        }
        let status = match registration_status(&self.metadata, &site.settings) {
            // What was approved stays approved as long as no more is asked for.
            ClientStatus::PendingApproval if !self.metadata.scope.is_within(&client.metadata.scope) => ClientStatus::PendingApproval,
            ClientStatus::PendingApproval | ClientStatus::Enabled | ClientStatus::Disabled => client.status,
        };
        let (before, after) = difference(&client.metadata, &self.metadata);
        let registration_token = Some(self.registration_token);
        let event = ClientEvent::Updated { client: self.client.clone(), before, after, status, registration_token };
        let draft = Draft::new(Actor::Client(self.client.clone()), Event::Client(event)).caused_by(client.changed).seen(moment, None);
        let draft = match self.contacts.is_empty() {
            true => draft,
            false => draft.sealing(Subject::Client(self.client.clone()), "contacts", self.contacts.clone()),
        };
        Decision::accepted(status, vec![draft])
    }
}

/// One step in a client's life, by the client itself or by an administrator.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct ChangeClient {
    pub client: ClientId,
    pub change: ClientChange,
    pub by: Actor,
}

/// What is to change.
#[derive(Clone, Copy, PartialEq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ClientChange {
    Approve,
    Disable,
    Enable,
    Delete,
    /// Digest of the new secret.
    RotateSecret(Digest),
}

impl Decide for ChangeClient {
    const NAME: &'static str = "change_client";
    type Answer = ();

    fn decide(&self, state: &State, moment: &Moment) -> Decision<()> {
        let Some(client) = state.clients.by_id(&self.client) else { return refused(&self.client, Refusal::ClientUnknown, moment) };
        let id = self.client.clone();
        let event = match (self.change, client.status) {
            (ClientChange::Approve, ClientStatus::PendingApproval) => ClientEvent::Approved { client: id },
            (ClientChange::Disable, ClientStatus::Enabled | ClientStatus::PendingApproval) => ClientEvent::Disabled { client: id },
            (ClientChange::Enable, ClientStatus::Disabled | ClientStatus::PendingApproval) => ClientEvent::Enabled { client: id },
            (ClientChange::Delete, _) => ClientEvent::Deleted { client: id },
            (ClientChange::RotateSecret(secret), _) if !client.metadata.is_public() => ClientEvent::SecretRotated { client: id, secret },
            (ClientChange::Approve | ClientChange::Disable | ClientChange::Enable | ClientChange::RotateSecret(_), _) => {
                return Decision::refused(Refusal::NothingToChange, Vec::new());
            }
        };
        let draft = Draft::new(self.by.clone(), Event::Client(event)).seen(moment, None);
        let caused = Client::caused(client, draft);
        Decision::accepted((), vec![caused])
    }
}

impl Client {
    /// An administrator's act is a root; the client's own follows from its last change.
    fn caused(client: &Self, draft: Draft) -> Draft {
        match draft.actor {
            Actor::Client(_) => draft.caused_by(client.changed),
            Actor::Anonymous | Actor::User(_) | Actor::Os(_) | Actor::Server => draft,
        }
    }
}

fn refused<A>(client: &ClientId, refused: impl Into<Refused>, moment: &Moment) -> Decision<A> {
    let refused = refused.into();
    let (endpoint, reason) = (Endpoint::ClientConfiguration, refused.refusal);
    let event = RequestEvent::Refused { endpoint, reason, client: Some(client.clone()), times: None };
    Decision::refused(refused, vec![Draft::new(Actor::Anonymous, Event::Request(event)).seen(moment, None)])
}

/// The members that differ, as they were and as they are.
fn difference(before: &ClientMetadata, after: &ClientMetadata) -> (Map<String, Value>, Map<String, Value>) {
    let members = |metadata: &ClientMetadata| match serde_json::to_value(metadata) {
        Ok(Value::Object(members)) => members,
        Ok(_) | Err(_) => Map::new(),
    };
    let (mut before, mut after) = (members(before), members(after));
    let same: Vec<String> = before.iter().filter(|(name, value)| after.get(*name) == Some(value)).map(|(name, _)| name.clone()).collect();
    before.retain(|name, _| !same.contains(name));
    after.retain(|name, _| !same.contains(name));
    (before, after)
}
