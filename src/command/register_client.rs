//! Registering a client (RFC 7591 §3, OpenID Connect Registration §3; approval: SPEC.md b.2).

use super::{Decide, Decision, Draft, Refused};
use crate::event::{
    ApprovalMode, ClientEvent, ClientMetadata, ClientStatus, Endpoint, Event, Refusal, RegistrationMode, RequestEvent, Settings,
};
use crate::projection::State;
use crate::terms::{Actor, ClientId, Digest, Level, Moment, NamedScope, RegistrationPath, Scope, Subject};
use serde::{Deserialize, Serialize};

/// Somebody wants to be a client.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct RegisterClient {
    /// The identifier it will have.
    pub client: ClientId,
    /// What it says of itself, defaults filled in.
    pub metadata: ClientMetadata,
    /// Digest of the secret it will get.
    #[serde(rename = "secret_digest", default, skip_serializing_if = "Option::is_none")]
    pub secret: Option<Digest>,
    /// Digest of the registration access token it will get.
    #[serde(rename = "registration_token_digest")]
    pub registration_token: Digest,
    /// Who registers it: nobody known, or an administrator, who needs no approval and may when registration is closed.
    pub by: Actor,
    /// Whom to write to; sealed.
    #[serde(skip)]
    pub contacts: Vec<String>,
}

impl Decide for RegisterClient {
    const NAME: &'static str = "register_client";
    const ISSUES: bool = true;
    type Answer = (ClientStatus, RegistrationPath);

    fn decide(&self, state: &State, moment: &Moment) -> Decision<Self::Answer> {
        let Some(site) = &state.site else { return self.refused(Refusal::RegistrationClosed, moment) };
        let by_administrator = self.by != Actor::Anonymous;
        if site.settings.dcr_mode == RegistrationMode::Disabled && !by_administrator {
            return self.refused(Refusal::RegistrationClosed, moment);
        }
        if state.clients.by_id(&self.client).is_some() {
            return self.refused(Refusal::ClientExists, moment);
        }
        if let Err(refused) = acceptable(state, &self.metadata, &site.settings) {
            return self.refused(refused, moment);
        }
        let status = match by_administrator {
            true => ClientStatus::Enabled,
            false => registration_status(&self.metadata, &site.settings),
        };
        let registration_path = moment.seed.id();
        let event = ClientEvent::Registered {
            client: self.client.clone(),
            metadata: Box::new(self.metadata.clone()),
            status,
            secret: self.secret,
            registration_token: self.registration_token,
            registration_path,
        };
        let mut draft = Draft::new(self.by.clone(), Event::Client(event)).seen(moment, None);
        if !self.contacts.is_empty() {
            draft = draft.sealing(Subject::Client(self.client.clone()), "contacts", self.contacts.clone());
        }
        Decision::accepted((status, registration_path), vec![draft])
    }
}

impl RegisterClient {
    fn refused(&self, refused: impl Into<Refused>, moment: &Moment) -> Decision<(ClientStatus, RegistrationPath)> {
        let refused = refused.into();
        let event = RequestEvent::Refused { endpoint: Endpoint::Registration, reason: refused.refusal, client: None, times: None };
        Decision::refused(refused, vec![Draft::new(self.by.clone(), Event::Request(event)).seen(moment, None)])
    }
}

/// Whether these settings allow this metadata.
pub(super) fn acceptable(state: &State, metadata: &ClientMetadata, settings: &Settings) -> Result<(), Refused> {
    let alg = metadata.id_token_signed_response_alg;
    if !state.keys.has(alg) {
        return Err(Refused::about(Refusal::MetadataUnacceptable, format!("Unsupported id_token_signed_response_alg value : {alg}")));
    }
    let beyond = metadata.scope.beyond(&settings.scopes);
    if !beyond.is_empty() {
        return Err(Refused::about(Refusal::MetadataUnacceptable, format!("scope {beyond} is not offered here")));
    }
    if metadata.is_public() && metadata.scope.iter().any(is_beyond_own_data) {
        return Err(Refused::about(Refusal::MetadataUnacceptable, "system and user scopes are only allowed for confidential clients"));
    }
    Ok(())
}

/// Whether a client that registers itself has to wait for an administrator.
pub fn registration_status(metadata: &ClientMetadata, settings: &Settings) -> ClientStatus {
    let waits = match settings.app_approval {
        ApprovalMode::Manual => true,
        ApprovalMode::AutoPatient => {
            metadata.scope.iter().any(is_beyond_own_data) || (metadata.is_public() && metadata.scope.has(NamedScope::Launch))
        }
    };
    if waits { ClientStatus::PendingApproval } else { ClientStatus::Enabled }
}

/// Whether it opens more than one patient's records. Decided on what a scope means, however it is spelt (THREATS.md A31).
fn is_beyond_own_data(scope: &Scope) -> bool {
    matches!(scope.level(), Some(Level::User | Level::System))
}
