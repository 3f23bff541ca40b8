//! Client authentication (RFC 6749 §2.3). The secret was compared before; here it is decided what that means.

use super::{Decision, Draft, Refused};
use crate::event::{ClientEvent, ClientStatus, Endpoint, Event, Refusal};
use crate::projection::{Client, State};
use crate::terms::{Actor, ClientId, Digest, Moment};
use serde::{Deserialize, Serialize};

/// How a request said which client it comes from.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct ClientProof {
    /// The client named; none if the request names none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub client: Option<ClientId>,
    /// Where the credentials travelled.
    pub via: Via,
    /// What became of the secret.
    pub secret: SecretFact,
}

/// Where client credentials travel.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Via {
    /// The `Authorization` header: `client_secret_basic`.
    Basic,
    /// The form: `client_secret_post`, or a bare `client_id`.
    Post,
}

/// What became of the secret that was presented.
#[derive(Clone, Copy, PartialEq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SecretFact {
    /// None was presented.
    Absent,
    /// It is the one with this digest.
    #[serde(rename = "verified_digest")]
    Verified(Digest),
    /// It is not the client's.
    Wrong,
}

/// A client that proved who it is, as far as it can. Only [`authenticate`] makes one.
#[derive(Clone, Copy, Debug)]
pub struct AuthenticatedClient<'a> {
    client: &'a Client,
}

impl<'a> AuthenticatedClient<'a> {
    /// The client.
    pub fn client(&self) -> &'a Client {
        self.client
    }
}

/// Who the client is, or why that is not believed.
pub fn authenticate<'a>(state: &'a State, proof: &ClientProof) -> Result<AuthenticatedClient<'a>, Refusal> {
    let id = proof.client.as_ref().ok_or(Refusal::ClientMissing)?;
    let client = state.clients.by_id(id).ok_or(Refusal::ClientUnknown)?;
    match (client.secret, proof.secret) {
        (Some(_), SecretFact::Absent) => return Err(Refusal::ClientSecretMissing),
        // The digest is compared again: the secret may have been rotated since it was verified.
        (Some(stored), SecretFact::Verified(digest)) if stored != digest => return Err(Refusal::ClientSecretWrong),
        // A public client has no secret, so none is right (THREATS.md A54).
        (_, SecretFact::Wrong) | (None, SecretFact::Verified(_)) => return Err(Refusal::ClientSecretWrong),
        (Some(_), SecretFact::Verified(_)) | (None, SecretFact::Absent) => {}
    }
    match client.status {
        ClientStatus::Enabled => Ok(AuthenticatedClient { client }),
        ClientStatus::PendingApproval => Err(Refusal::ClientPending),
        ClientStatus::Disabled => Err(Refusal::ClientDisabled),
    }
}

/// The decision on a request whose client is not believed.
pub(super) fn refused<A>(proof: &ClientProof, endpoint: Endpoint, refusal: Refusal, moment: &Moment) -> Decision<A> {
    let event = ClientEvent::AuthFailed { client: proof.client.clone(), endpoint, reason: refusal };
    Decision::refused(Refused::from(refusal), vec![Draft::new(Actor::Anonymous, Event::Client(event)).seen(moment, None)])
}
