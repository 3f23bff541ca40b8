//! Introspection (RFC 7662): what is known of a token at an instant. How it is told, and to whom, is `http`'s business.

use crate::projection::{Life, State};
use crate::terms::{ClientId, GrantId, ScopeSet, Seq, SessionId, Timestamp, TokenId, UserId};

/// What is known of a token.
#[derive(Clone, PartialEq, Debug)]
pub struct Introspection {
    /// Whether it is good.
    pub status: Status,
    /// What it says; none if state does not know it.
    pub facts: Option<TokenFacts>,
    /// The answer must not leave before this event is durable.
    pub rests_on: Seq,
}

/// Whether a token is good.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Status {
    /// It is.
    Active,
    /// Its time is over.
    Expired,
    /// Something ended it.
    Revoked,
    /// State does not know it.
    Unknown,
}

impl Status {
    /// The word of the thread's `status` member (SPEC.md h).
    pub fn word(self) -> &'static str {
        match self {
            Self::Active => "active",
            Self::Expired => "expired",
            Self::Revoked => "revoked",
            Self::Unknown => "invalid",
        }
    }
}

/// What a token says.
#[derive(Clone, PartialEq, Debug)]
#[expect(missing_docs, reason = "each member is the claim of its name")]
pub struct TokenFacts {
    /// None for a refresh token.
    pub jti: Option<TokenId>,
    pub grant: GrantId,
    pub client: ClientId,
    pub user: UserId,
    pub session: SessionId,
    pub scope: ScopeSet,
    pub audience: Option<String>,
    pub issued_at: Timestamp,
    pub expires_at: Timestamp,
}

/// What is known of an access token at `now`.
pub fn introspect_access(state: &State, id: &TokenId, now: Timestamp) -> Introspection {
    let found = state.grants.token(id).and_then(|token| Some((token, state.grants.by_id(&token.grant)?)));
    let Some((token, grant)) = found else { return Introspection { status: Status::Unknown, facts: None, rests_on: Seq(0) } };
    let liveness = state.token_liveness(id, now);
    let facts = TokenFacts {
        jti: Some(*id),
        grant: grant.id,
        client: grant.client.clone(),
        user: grant.user,
        session: grant.session,
        scope: token.scope.clone(),
        audience: token.audience.clone(),
        issued_at: token.issued_at,
        expires_at: token.expires_at,
    };
    Introspection { status: status(liveness.life), facts: Some(facts), rests_on: liveness.rests_on }
}

/// What is known of a genuine refresh token at `now`. A rotated one is revoked.
pub fn introspect_refresh(state: &State, grant: &GrantId, generation: u32, now: Timestamp) -> Introspection {
    let found = state.grants.by_id(grant).and_then(|grant| Some((grant, grant.tokens.as_ref()?)));
    let Some((grant, tokens)) = found else { return Introspection { status: Status::Unknown, facts: None, rests_on: Seq(0) } };
    let expires_at = tokens.refresh_expires_at.unwrap_or_default();
    let liveness = state.grant_liveness(&grant.id, now);
    let status = match status(liveness.life) {
        Status::Active if tokens.generation != Some(generation) => Status::Revoked,
        Status::Active if now >= expires_at => Status::Expired,
        status @ (Status::Active | Status::Expired | Status::Revoked | Status::Unknown) => status,
    };
    let facts = TokenFacts {
        jti: None,
        grant: grant.id,
        client: grant.client.clone(),
        user: grant.user,
        session: grant.session,
        scope: grant.scope.clone(),
        audience: grant.audience.clone(),
        issued_at: tokens.issued_at,
        expires_at,
    };
    Introspection { status, facts: Some(facts), rests_on: liveness.rests_on }
}

fn status(life: Life) -> Status {
    match life {
        Life::Active => Status::Active,
        Life::Expired => Status::Expired,
        Life::Revoked { .. } => Status::Revoked,
        Life::Unknown => Status::Unknown,
    }
}
