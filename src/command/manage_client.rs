//! Changing a client: by its own registration access token (RFC 7592 §2.2, §2.3), or by an administrator.

#![expect(missing_docs, reason = "a member whose type says what it is needs no sentence of its own")]

use super::register_client::{acceptable, password_refused, registration_status};
use super::sector::{SectorFact, has_its_sector};
use super::{Decide, Decision, Draft, Refused};
use crate::event::{ClientEvent, ClientMetadata, ClientStatus, Edition, Endpoint, Event, Refusal, RequestEvent};
use crate::projection::{Client, State, is_another_app};
use crate::terms::{Actor, ClientId, Digest, GrantType, Moment, Subject};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// The client replaces its metadata.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct UpdateClient {
    pub client: ClientId,
    /// Digest of the registration access token that was presented: the current one, or the one before.
    #[serde(rename = "presented_token_digest")]
    pub presented_token: Digest,
    /// The new metadata, whole.
    pub metadata: ClientMetadata,
    /// Digest of the registration access token that replaces the presented one.
    #[serde(rename = "registration_token_digest")]
    pub registration_token: Digest,
    /// By which edition it is meant.
    #[serde(default = "Edition::unsaid", skip_serializing_if = "Edition::is_unsaid")]
    pub edition: Edition,
    /// What the document at its `sector_identifier_uri` turned out to be, if it was read again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sector_document: Option<SectorFact>,
    /// Whom to write to; sealed.
    #[serde(skip)]
    pub contacts: Vec<String>,
}

impl Decide for UpdateClient {
    const NAME: &'static str = "update_client";
    type Answer = ClientStatus;

    fn decide(&self, state: &State, moment: &Moment) -> Decision<ClientStatus> {
        let client = state.clients.by_id(&self.client).filter(|client| client.manages_with(&self.presented_token));
        let Some(client) = client else { return refused(&self.client, Refusal::RegistrationTokenWrong, moment) };
        let Some(site) = &state.site else { return refused(&self.client, Refusal::RegistrationTokenWrong, moment) };
        // A disabled client cannot revive itself (THREATS.md A55).
        if client.status == ClientStatus::Disabled {
            return refused(&self.client, Refusal::ClientDisabled, moment);
        }
        if let Err(why) = acceptable(state, &self.metadata, &site.settings, self.edition) {
            return refused(&self.client, why, moment);
        }
        if self.metadata.grant_types.contains(&GrantType::Password) && client.passwords_at.is_none() {
            return refused(&self.client, password_refused(), moment);
        }
        if self.metadata.is_public() != client.metadata.is_public() || self.metadata.has_secret() && client.secret.is_none() {
            let detail = "token_endpoint_auth_method cannot turn a confidential client into a public one or back, nor give it a secret";
            return refused(&self.client, Refused::about(Refusal::MetadataUnacceptable, detail), moment);
        }
        // Whoever knows people by names of its own would meet strangers.
        if self.metadata.sector() != client.metadata.sector() {
            return refused(&self.client, Refusal::SectorChanged, moment);
        }
        if let Err(refusal) = has_its_sector(&self.metadata, Some(&client.metadata), self.sector_document) {
            return refused(&self.client, refusal, moment);
        }
        let (before, after) = difference(&client.metadata, &self.metadata);
        let more = !self.metadata.scope.is_within(&client.metadata.scope) || self.gains_a_way(&client.metadata);
        let status = match registration_status(&self.metadata, &site.settings) {
            // What was approved stays approved as long as it is the same app and asks for no more.
            ClientStatus::PendingApproval if more || is_another_app(&before, &after) => ClientStatus::PendingApproval,
            ClientStatus::PendingApproval | ClientStatus::Enabled | ClientStatus::Disabled => client.status,
        };
        let registration_token = Some(self.registration_token);
        let event = ClientEvent::Updated { client: self.client.clone(), before, after, status, registration_token };
        let received = received(client, &self.presented_token, moment);
        let cause = if received.is_some() { state.head } else { client.changed };
        let draft = Draft::new(Actor::Client(self.client.clone()), Event::Client(event)).caused_by(cause).seen(moment, None);
        let draft = match self.contacts.is_empty() {
            true => draft,
            false => draft.sealing(Subject::Client(self.client.clone()), "contacts", self.contacts.clone()),
        };
        Decision::accepted(status, received.into_iter().chain([draft]).collect())
    }
}

impl UpdateClient {
    /// Whether there would be ways to tokens that there were not.
    fn gains_a_way(&self, before: &ClientMetadata) -> bool {
        match self.edition {
            Edition::First | Edition::Second => false,
            Edition::Third => {
                let new_grant = self.metadata.grant_types.iter().any(|own| !before.grant_types.contains(own));
                new_grant || self.metadata.response_types.iter().any(|own| !before.response_types.contains(own))
            }
        }
    }
}

/// The client uses its registration access token for something that changes nothing.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct ReceiveToken {
    pub client: ClientId,
    /// Digest of the registration access token that was presented.
    #[serde(rename = "presented_token_digest")]
    pub presented_token: Digest,
}

impl Decide for ReceiveToken {
    const NAME: &'static str = "receive_token";
    type Answer = ();

    fn decide(&self, state: &State, moment: &Moment) -> Decision<()> {
        let client = state.clients.by_id(&self.client).filter(|client| client.manages_with(&self.presented_token));
        let Some(client) = client else { return refused(&self.client, Refusal::RegistrationTokenWrong, moment) };
        Decision::accepted((), received(client, &self.presented_token, moment).into_iter().collect())
    }
}

/// The first use of a new registration access token shows that the client has it: the one before is dead from now on.
fn received(client: &Client, presented: &Digest, moment: &Moment) -> Option<Draft> {
    if client.earlier_token.is_none() || client.registration_token != *presented {
        return None;
    }
    let event = ClientEvent::Updated {
        client: client.id.clone(),
        before: Map::new(),
        after: Map::new(),
        status: client.status,
        registration_token: Some(client.registration_token),
    };
    Some(Draft::new(Actor::Client(client.id.clone()), Event::Client(event)).caused_by(client.changed).seen(moment, None))
}

/// One step in a client's life, by the client itself or by an administrator.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct ChangeClient {
    pub client: ClientId,
    pub change: ClientChange,
    pub by: Actor,
    /// Digest of the registration access token that the client itself presented; an administrator has none.
    #[serde(rename = "presented_token_digest", default, skip_serializing_if = "Option::is_none")]
    pub presented_token: Option<Digest>,
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
    #[serde(rename = "rotate_secret_digest")]
    RotateSecret(Digest),
}

impl Decide for ChangeClient {
    const NAME: &'static str = "change_client";
    type Answer = ();

    fn decide(&self, state: &State, moment: &Moment) -> Decision<()> {
        let Some(client) = state.clients.by_id(&self.client) else { return refused(&self.client, Refusal::ClientUnknown, moment) };
        if !self.is_authorized(client) {
            return refused(&self.client, Refusal::RegistrationTokenWrong, moment);
        }
        let id = self.client.clone();
        let event = match (self.change, client.status) {
            (ClientChange::Approve, ClientStatus::PendingApproval) => ClientEvent::Approved { client: id },
            // It may act already, but people are warned of it until somebody has looked at it.
            (ClientChange::Approve, ClientStatus::Enabled) if !client.verified => ClientEvent::Approved { client: id },
            // It stays disabled, but nobody has to look at it again when it is enabled.
            (ClientChange::Approve, ClientStatus::Disabled) if client.waits || !client.verified => ClientEvent::Approved { client: id },
            (ClientChange::Disable, ClientStatus::Enabled | ClientStatus::PendingApproval) => ClientEvent::Disabled { client: id },
            (ClientChange::Enable, ClientStatus::Disabled) => ClientEvent::Enabled { client: id },
            (ClientChange::Delete, _) => ClientEvent::Deleted { client: id },
            (ClientChange::RotateSecret(secret), _) if client.metadata.has_secret() => ClientEvent::SecretRotated { client: id, secret },
            (ClientChange::Approve | ClientChange::Disable | ClientChange::Enable | ClientChange::RotateSecret(_), _) => {
                return Decision::refused(Refusal::NothingToChange, Vec::new());
            }
        };
        let draft = Draft::new(self.by.clone(), Event::Client(event)).seen(moment, None);
        let caused = Client::caused(client, draft);
        Decision::accepted((), vec![caused])
    }
}

impl ChangeClient {
    /// The client itself may only delete itself (RFC 7592 §2.3), with a token that is its own now.
    fn is_authorized(&self, client: &Client) -> bool {
        match &self.by {
            Actor::Os(_) | Actor::User(_) | Actor::Server => true,
            Actor::Client(by) => {
                let own = *by == self.client && self.change == ClientChange::Delete;
                own && self.presented_token.is_some_and(|token| client.manages_with(&token))
            }
            Actor::Anonymous => false,
        }
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
pub(super) fn difference(before: &ClientMetadata, after: &ClientMetadata) -> (Map<String, Value>, Map<String, Value>) {
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::Record;
    use crate::terms::{IdSeed, RequestFacts, Seq, SiteName, Timestamp};

    fn moment() -> Moment {
        let seed = IdSeed::from_bytes([3; 16]);
        Moment { now: Timestamp::default(), seed, request: RequestFacts { corr: seed.id(), ip: None, user_agent: None } }
    }

    fn token(name: &str) -> Digest {
        Digest::of(name.as_bytes())
    }

    /// A client that an administrator registered with the registration access token `first`.
    fn registered() -> (State, ClientId) {
        let client = ClientId::from_bytes([1; 32]);
        let metadata = serde_json::json!({
            "application_type": "web", "redirect_uris": ["https://a.example/cb"], "token_endpoint_auth_method": "none",
            "grant_types": ["authorization_code"], "response_types": ["code"], "scope": "openid", "id_token_signed_response_alg": "RS256",
        });
        let event = ClientEvent::Registered {
            client: client.clone(),
            metadata: serde_json::from_value(metadata).unwrap(),
            status: ClientStatus::Enabled,
            secret: None,
            registration_token: token("first"),
            registration_path: moment().seed.id(),
            invitation: None,
        };
        let mut state = State::default();
        fold(&mut state, Actor::Os(0), Event::Client(event));
        (state, client)
    }

    fn fold(state: &mut State, actor: Actor, event: Event) {
        let moment = moment();
        let record = Record {
            seq: state.head,
            id: moment.seed.event_id(state.head.0, moment.now),
            t: moment.now,
            site: SiteName::default_site(),
            corr: moment.request.corr,
            cause: None,
            actor,
            asked: None,
            event,
        };
        state.fold(&record).unwrap();
    }

    fn updated(client: &ClientId, new: &str) -> Event {
        let after = serde_json::json!({ "software_version": new }).as_object().unwrap().clone();
        let (before, status) = (Map::new(), ClientStatus::Enabled);
        Event::Client(ClientEvent::Updated { client: client.clone(), before, after, status, registration_token: Some(token(new)) })
    }

    #[test]
    fn a_client_deletes_itself_only_with_a_token_that_is_its_own_when_it_is_decided() {
        let (mut state, client) = registered();
        let delete = |by: Actor, presented: Option<&str>, state: &State| {
            let presented_token = presented.map(token);
            let command = ChangeClient { client: client.clone(), change: ClientChange::Delete, by, presented_token };
            command.decide(state, &moment()).answer.map_err(|refused| refused.refusal)
        };
        let own = Actor::Client(client.clone());
        let other = Actor::Client(ClientId::from_bytes([2; 32]));
        for (by, presented) in [(&own, None), (&own, Some("wrong")), (&other, Some("first")), (&Actor::Anonymous, Some("first"))] {
            assert_eq!(delete(by.clone(), presented, &state), Err(Refusal::RegistrationTokenWrong), "{by} {presented:?}");
        }
        assert_eq!(delete(own.clone(), Some("first"), &state), Ok(()));
        fold(&mut state, own.clone(), updated(&client, "second"));
        assert_eq!(delete(own.clone(), Some("first"), &state), Ok(()), "the answer with the second may be lost");
        let receive = ReceiveToken { client: client.clone(), presented_token: token("second") };
        let decision = receive.decide(&state, &moment());
        for draft in decision.events {
            fold(&mut state, draft.actor, draft.event);
        }
        assert_eq!(delete(own.clone(), Some("first"), &state), Err(Refusal::RegistrationTokenWrong), "the second has been used");
        assert_eq!(delete(own, Some("second"), &state), Ok(()));
        assert_eq!(delete(Actor::Os(0), None, &state), Ok(()));
        assert_eq!(state.clients.by_id(&client).map(|client| client.changed), Some(Seq(2)));
    }

    #[test]
    fn a_disabled_client_that_waits_is_approved_and_stays_disabled() {
        let (mut state, client) = registered();
        let pending = ClientStatus::PendingApproval;
        let (before, after, registration_token) = (Map::new(), Map::new(), Some(token("second")));
        let waits = ClientEvent::Updated { client: client.clone(), before, after, status: pending, registration_token };
        fold(&mut state, Actor::Client(client.clone()), Event::Client(waits));
        let mut change = |change: ClientChange| {
            let command = ChangeClient { client: client.clone(), change, by: Actor::Os(0), presented_token: None };
            let decision = command.decide(&state, &moment());
            decision.events.into_iter().for_each(|draft| fold(&mut state, draft.actor, draft.event));
            let status = state.clients.by_id(&client).map(|client| client.status);
            decision.answer.map(|()| status).map_err(|refused| refused.refusal)
        };
        assert_eq!(change(ClientChange::Disable), Ok(Some(ClientStatus::Disabled)));
        assert_eq!(change(ClientChange::Approve), Ok(Some(ClientStatus::Disabled)));
        assert_eq!(change(ClientChange::Approve), Err(Refusal::NothingToChange));
        assert_eq!(change(ClientChange::Enable), Ok(Some(ClientStatus::Enabled)));
    }

    #[test]
    fn using_a_token_for_reading_tells_the_log_once() {
        let (mut state, client) = registered();
        fold(&mut state, Actor::Client(client.clone()), updated(&client, "second"));
        let receive = |name: &str| ReceiveToken { client: client.clone(), presented_token: token(name) };
        assert!(receive("first").decide(&state, &moment()).events.is_empty());
        let told = receive("second").decide(&state, &moment()).events;
        assert_eq!(told.len(), 1);
        let before = state.clients.by_id(&client).cloned().unwrap();
        for draft in told {
            fold(&mut state, draft.actor, draft.event);
        }
        let after = state.clients.by_id(&client).unwrap();
        assert_eq!((&after.metadata, after.contacts_at, after.verified), (&before.metadata, before.contacts_at, before.verified));
        assert!(receive("second").decide(&state, &moment()).events.is_empty());
    }

    #[test]
    fn a_client_does_nothing_to_itself_but_delete() {
        let (state, client) = registered();
        for change in [ClientChange::Approve, ClientChange::Disable, ClientChange::Enable, ClientChange::RotateSecret(token("x"))] {
            let (by, presented_token) = (Actor::Client(client.clone()), Some(token("first")));
            let command = ChangeClient { client: client.clone(), change, by, presented_token };
            assert_eq!(command.decide(&state, &moment()).answer.map_err(|refused| refused.refusal), Err(Refusal::RegistrationTokenWrong));
        }
    }
}
