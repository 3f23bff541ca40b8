//! Registering a client (RFC 7591 §3, OpenID Connect Registration §3; approval: SPEC.md b.2).

use super::invite::may_register;
use super::sector::{SectorFact, has_its_sector};
use super::{Decide, Decision, Draft, Refused};
use crate::event::{ApprovalMode, ClientEvent, ClientMetadata, ClientStatus, Edition, Endpoint, Event, Refusal, RequestEvent, Settings};
use crate::projection::State;
use crate::terms::{
    Actor, ClientId, Digest, GrantType, Level, Moment, NamedScope, RegistrationPath, ResponseType, Scope, ScopeSet, Subject,
    TokenEndpointAuthMethod,
};
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
    /// By which edition it is meant.
    #[serde(default = "Edition::unsaid", skip_serializing_if = "Edition::is_unsaid")]
    pub edition: Edition,
    /// Digest of the initial access token that was presented.
    #[serde(rename = "initial_token_digest", default, skip_serializing_if = "Option::is_none")]
    pub initial_token: Option<Digest>,
    /// What the document at its `sector_identifier_uri` turned out to be, if it has one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sector_document: Option<SectorFact>,
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
        let invitation = match by_administrator {
            true => None,
            false => match may_register(state, &site.settings, self.initial_token.as_ref(), moment.now) {
                Ok(invitation) => invitation,
                Err(refusal) => return self.refused(refusal, moment),
            },
        };
        if state.clients.by_id(&self.client).is_some() {
            return self.refused(Refusal::ClientExists, moment);
        }
        if let Err(refused) = acceptable(state, &self.metadata, &site.settings, self.edition) {
            return self.refused(refused, moment);
        }
        if !by_administrator && self.metadata.grant_types.contains(&GrantType::Password) {
            return self.refused(password_refused(), moment);
        }
        if let Err(refusal) = has_its_sector(&self.metadata, None, self.sector_document) {
            return self.refused(refusal, moment);
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
            invitation,
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
pub(super) fn acceptable(state: &State, metadata: &ClientMetadata, settings: &Settings, edition: Edition) -> Result<(), Refused> {
    let algorithms = [
        ("id_token_signed_response_alg", Some(metadata.id_token_signed_response_alg)),
        ("userinfo_signed_response_alg", metadata.userinfo_signed_response_alg),
    ];
    for (name, alg) in algorithms {
        if let Some(alg) = alg.filter(|alg| !state.keys.has(*alg)) {
            return Err(Refused::about(Refusal::MetadataUnacceptable, format!("Unsupported {name} value : {alg}")));
        }
    }
    let beyond = metadata.scope.beyond(&settings.scopes);
    if !beyond.is_empty() {
        return Err(Refused::about(Refusal::MetadataUnacceptable, format!("scope {beyond} is not offered here")));
    }
    if metadata.is_public() && metadata.scope.iter().any(is_beyond_own_data) {
        return Err(Refused::about(Refusal::MetadataUnacceptable, "system and user scopes are only allowed for confidential clients"));
    }
    let has = |grant_type| metadata.grant_types.contains(&grant_type);
    if metadata.is_public() && has(GrantType::ClientCredentials) {
        return Err(Refused::about(Refusal::MetadataUnacceptable, "client_credentials is only allowed for confidential clients"));
    }
    if metadata.redirect_uris.is_empty() && (has(GrantType::AuthorizationCode) || has(GrantType::Implicit)) {
        return Err(Refused::about(Refusal::RedirectUriUnacceptable, "redirect_uris is empty"));
    }
    let lacks =
        |own: ResponseType| (own.has_code() && !has(GrantType::AuthorizationCode)) || (own.is_at_front() && !has(GrantType::Implicit));
    if metadata.response_types.iter().filter_map(|words| ResponseType::read(words)).any(lacks) {
        return Err(Refused::about(Refusal::MetadataUnacceptable, "grant_types lacks what the response_types need"));
    }
    match edition {
        Edition::First | Edition::Second => Ok(()),
        Edition::Third => system_acceptable(metadata, settings),
    }
}

/// `system/` only for who proves by a key who it is (SPEC.md a.1, e.4, k-43).
fn system_acceptable(metadata: &ClientMetadata, settings: &Settings) -> Result<(), Refused> {
    let system: ScopeSet = metadata.scope.iter().filter(|scope| scope.level() == Some(Level::System)).cloned().collect();
    if system.is_empty() {
        return Ok(());
    }
    if !settings.system_scopes {
        return Err(Refused::about(Refusal::MetadataUnacceptable, format!("scope {system} is not offered here")));
    }
    if metadata.jwks.is_none() && metadata.jwks_uri.is_none() {
        return Err(Refused::about(Refusal::MetadataUnacceptable, "jwks is invalid"));
    }
    match metadata.token_endpoint_auth_method == TokenEndpointAuthMethod::PrivateKeyJwt {
        true => Ok(()),
        false => Err(Refused::about(Refusal::MetadataUnacceptable, "system scopes need the token_endpoint_auth_method private_key_jwt")),
    }
}

/// Only an administrator lets a client take people's passwords (SPEC.md b.1).
pub(super) fn password_refused() -> Refused {
    Refused::about(Refusal::MetadataUnacceptable, "only an administrator can add password to grant_types")
}

/// Each grant type once, and `refresh_token` along with what it refreshes (SPEC.md b.1).
pub fn with_implied(mut types: Vec<GrantType>) -> Vec<GrantType> {
    if types.contains(&GrantType::AuthorizationCode) || types.contains(&GrantType::Password) {
        types.push(GrantType::RefreshToken);
    }
    types.sort();
    types.dedup();
    types
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
