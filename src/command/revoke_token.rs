//! Revoking a token (RFC 7009).

use super::{ClientProof, Decide, Decision, Draft, RefreshFact, client_auth};
use crate::event::{Endpoint, Event, GrantEnd, GrantEvent, Refusal, RequestEvent, TokenEvent};
use crate::projection::{Client, State};
use crate::terms::{Actor, GrantId, Moment, Seq, TokenId};
use serde::{Deserialize, Serialize};

/// A client wants a token dead.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct RevokeToken {
    /// What was presented.
    pub token: PresentedToken,
    /// Who the client says it is.
    pub client_auth: ClientProof,
}

/// What a presented token turned out to be.
#[derive(Clone, Copy, PartialEq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PresentedToken {
    /// An access token with our signature.
    Access(TokenId),
    /// Something of the form of a refresh token.
    Refresh(RefreshFact),
    /// Neither.
    Unknown,
}

impl Decide for RevokeToken {
    const NAME: &'static str = "revoke_token";
    /// Whether anything was there to revoke: the response is the same (RFC 7009 §2.2).
    type Answer = bool;

    fn decide(&self, state: &State, moment: &Moment) -> Decision<bool> {
        client_auth::acting(state, &self.client_auth, Endpoint::Revoke, moment, |client| match self.token {
            PresentedToken::Access(token) => revoke_access(state, client, token, moment),
            PresentedToken::Refresh(RefreshFact::Genuine { grant, .. }) => revoke_grant(state, client, grant, moment),
            PresentedToken::Refresh(RefreshFact::Foreign) | PresentedToken::Unknown => Decision::accepted(false, Vec::new()),
        })
    }
}

/// An access token dies alone.
fn revoke_access(state: &State, client: &Client, id: TokenId, moment: &Moment) -> Decision<bool> {
    let found = state.grants.token(&id).and_then(|token| Some((token, state.grants.by_id(&token.grant)?)));
    let Some((token, grant)) = found else { return Decision::accepted(false, Vec::new()) };
    if grant.client != client.id {
        return foreign(client, token.granted, moment);
    }
    if token.revoked.is_some() || grant.ended.is_some() {
        return Decision::accepted(false, Vec::new());
    }
    let event = TokenEvent::Revoked { token: id, grant: grant.id, client: client.id.clone(), user: grant.user };
    let draft = Draft::new(Actor::Client(client.id.clone()), Event::Token(event)).caused_by(token.granted);
    Decision::accepted(true, vec![draft.seen(moment, grant.subject())])
}

/// A refresh token takes its whole grant along (RFC 7009 §2.1).
fn revoke_grant(state: &State, client: &Client, id: GrantId, moment: &Moment) -> Decision<bool> {
    let Some(grant) = state.grants.by_id(&id) else { return Decision::accepted(false, Vec::new()) };
    if grant.client != client.id {
        return foreign(client, grant.rotated, moment);
    }
    if grant.ended.is_some() {
        return Decision::accepted(false, Vec::new());
    }
    let (user, reason) = (grant.user, GrantEnd::RevokedByClient);
    let event = GrantEvent::Revoked { grant: id, client: client.id.clone(), user, reason };
    let draft = Draft::new(Actor::Client(client.id.clone()), Event::Grant(event)).caused_by(grant.rotated);
    Decision::accepted(true, vec![draft.seen(moment, grant.subject())])
}

/// Another client's token: no effect, the same response, and an entry in the log (SPEC.md a.11).
fn foreign(client: &Client, cause: Seq, moment: &Moment) -> Decision<bool> {
    let reason = Refusal::TokenOfAnotherClient;
    let event = RequestEvent::Refused { endpoint: Endpoint::Revoke, reason, client: Some(client.id.clone()), times: None };
    let draft = Draft::new(Actor::Client(client.id.clone()), Event::Request(event)).caused_by(cause);
    Decision::accepted(false, vec![draft.seen(moment, None)])
}
