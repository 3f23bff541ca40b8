//! Client authentication (RFC 6749 §2.3, RFC 7523 §2.2). The secret was compared before, the assertion's signature checked; here it
//! is decided what that means.

use super::{AssertionFact, Decide, Decision, Draft, Refused, SignedAssertion};
use crate::event::{ClientEvent, ClientStatus, Endpoint, Event, Refusal};
use crate::projection::{Client, State};
use crate::terms::{Actor, ClientId, Digest, Moment, SecretlessGrant, Timestamp, TokenEndpointAuthMethod};
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
    /// What became of the assertion; none if none was sent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub assertion: Option<AssertionFact>,
}

impl ClientProof {
    /// Whether anything was shown that only the client has.
    pub(super) fn shows_something(&self) -> bool {
        self.assertion.is_some() || self.secret != SecretFact::Absent
    }
}

/// Where client credentials travel.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Via {
    /// The `Authorization` header: `client_secret_basic`.
    Basic,
    /// The form: `client_secret_post`, or a bare `client_id`.
    Post,
    /// A signed JWT in the form: `private_key_jwt`.
    Assertion,
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
    /// What must be remembered as used.
    assertion: Option<&'a SignedAssertion>,
}

impl<'a> AuthenticatedClient<'a> {
    /// The client.
    pub fn client(&self) -> &'a Client {
        self.client
    }
}

/// Who the client is at this time, or why that is not believed.
pub fn authenticate<'a>(state: &'a State, proof: &'a ClientProof, now: Timestamp) -> Result<AuthenticatedClient<'a>, Refusal> {
    authenticate_for(state, proof, None, now)
}

/// The same for a grant that an administrator may let the client use without its secret (SPEC.md k-15). A secret that is sent must be
/// right all the same, and a client with a key has none to leave out.
pub fn authenticate_for<'a>(
    state: &'a State,
    proof: &'a ClientProof,
    grant: Option<SecretlessGrant>,
    now: Timestamp,
) -> Result<AuthenticatedClient<'a>, Refusal> {
    let id = proof.client.as_ref().ok_or(Refusal::ClientMissing)?;
    let client = state.clients.by_id(id).ok_or(Refusal::ClientUnknown)?;
    let signs = client.metadata.token_endpoint_auth_method == TokenEndpointAuthMethod::PrivateKeyJwt;
    let assertion = match &proof.assertion {
        Some(AssertionFact::Refused(refusal)) => return Err(*refusal),
        Some(AssertionFact::Signed(_)) if !signs => return Err(Refusal::AssertionUnexpected),
        Some(AssertionFact::Signed(signed)) => Some(signed.accepted(state, client, now)?),
        None if signs && proof.secret == SecretFact::Absent => return Err(Refusal::AssertionMissing),
        None => None,
    };
    match (client.secret, proof.secret) {
        (Some(_), SecretFact::Absent) if grant.is_some_and(|grant| client.privileges.legacy_secretless.contains(&grant)) => {}
        (Some(_), SecretFact::Absent) => return Err(Refusal::ClientSecretMissing),
        // The digest is compared again: the secret may have been rotated since it was verified.
        (Some(stored), SecretFact::Verified(digest)) if stored != digest => return Err(Refusal::ClientSecretWrong),
        // A public client has no secret, so none is right (THREATS.md A54).
        (_, SecretFact::Wrong) | (None, SecretFact::Verified(_)) => return Err(Refusal::ClientSecretWrong),
        (Some(_), SecretFact::Verified(_)) | (None, SecretFact::Absent) => {}
    }
    match client.status {
        ClientStatus::Enabled => Ok(AuthenticatedClient { client, assertion }),
        ClientStatus::PendingApproval => Err(Refusal::ClientPending),
        ClientStatus::Disabled => Err(Refusal::ClientDisabled),
    }
}

/// Decides as a client: what `decide` says if the client is believed, and that its assertion is spent, whatever is said. An assertion
/// that was good for a refused request is not good for another.
pub(super) fn acting<A>(
    state: &State,
    proof: &ClientProof,
    endpoint: Endpoint,
    moment: &Moment,
    decide: impl FnOnce(&Client) -> Decision<A>,
) -> Decision<A> {
    acting_for(state, proof, None, endpoint, moment, decide)
}

/// The same for a grant that the client may be let use without its secret.
pub(super) fn acting_for<A>(
    state: &State,
    proof: &ClientProof,
    grant: Option<SecretlessGrant>,
    endpoint: Endpoint,
    moment: &Moment,
    decide: impl FnOnce(&Client) -> Decision<A>,
) -> Decision<A> {
    let AuthenticatedClient { client, assertion } = match authenticate_for(state, proof, grant, moment.now) {
        Ok(authenticated) => authenticated,
        Err(refusal) => return refused(proof, endpoint, refusal, moment),
    };
    let mut decision = decide(client);
    // Last, so that the causes among the decision's own events stay what they are.
    decision.events.extend(assertion.map(|assertion| assertion.spent(client, endpoint, moment)));
    decision
}

/// A client authenticates itself for a request about which nothing else is decided: introspection.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct AuthenticateClient {
    /// Who the client says it is.
    pub client_auth: ClientProof,
    /// Where.
    pub endpoint: Endpoint,
}

impl Decide for AuthenticateClient {
    const NAME: &'static str = "authenticate_client";
    type Answer = ();

    fn decide(&self, state: &State, moment: &Moment) -> Decision<()> {
        acting(state, &self.client_auth, self.endpoint, moment, |_| Decision::accepted((), Vec::new()))
    }
}

/// The decision on a request whose client is not believed.
fn refused<A>(proof: &ClientProof, endpoint: Endpoint, refusal: Refusal, moment: &Moment) -> Decision<A> {
    let event = ClientEvent::AuthFailed { client: proof.client.clone(), endpoint, reason: refusal };
    Decision::refused(Refused::from(refusal), vec![Draft::new(Actor::Anonymous, Event::Client(event)).seen(moment, None)])
}
