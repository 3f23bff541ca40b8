//! Introspection (RFC 7662): what is known of a token at an instant. How it is told, and to whom, is `http`'s business.

use crate::projection::{Life, State};
use crate::terms::{ClientId, GrantId, KeyId, ParseError, ScopeSet, Sector, Seq, SessionId, Timestamp, TokenId, UserId};
use std::{fmt, str::FromStr};

/// Which token is meant, by what names it in the log.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum TokenName {
    /// An access token: `tok_…`.
    Access(TokenId),
    /// A grant's refresh token: `grt_…#2` is the one of generation 2, `grt_…` the current one.
    Refresh {
        /// The grant.
        grant: GrantId,
        /// How many rotations lie before it; none is the current one.
        generation: Option<u32>,
    },
}

impl FromStr for TokenName {
    type Err = ParseError;
    fn from_str(text: &str) -> Result<Self, ParseError> {
        let error = ParseError { what: "token's id: use tok_…, or grt_… or grt_…#2 for a grant's refresh token" };
        if let Ok(token) = text.parse() {
            return Ok(Self::Access(token));
        }
        let (grant, generation) = match text.split_once('#') {
            Some((grant, generation)) => (grant, Some(generation.parse().map_err(|_| error)?)),
            None => (text, None),
        };
        Ok(Self::Refresh { grant: grant.parse().map_err(|_| error)?, generation })
    }
}

impl fmt::Display for TokenName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Access(token) => token.fmt(f),
            Self::Refresh { grant, generation: Some(generation) } => write!(f, "{grant}#{generation}"),
            Self::Refresh { grant, generation: None } => grant.fmt(f),
        }
    }
}

/// What is known of a token.
#[derive(Clone, PartialEq, Debug)]
pub struct Introspection {
    /// Whether it is good.
    pub status: Status,
    /// What it says; none if state does not know it.
    pub facts: Option<TokenFacts>,
    /// The event that decided it: the one that handed the token out or ended it; none if nobody knows it.
    pub decided_by: Option<Seq>,
    /// The answer must not leave before this event is durable.
    pub rests_on: Seq,
}

impl Introspection {
    /// Nothing is known.
    pub fn unknown() -> Self {
        Self { status: Status::Unknown, facts: None, decided_by: None, rests_on: Seq(0) }
    }
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
    /// The key that signed it; none for a refresh token.
    pub kid: Option<KeyId>,
    pub grant: GrantId,
    pub client: ClientId,
    /// None where the client acts for itself.
    pub user: Option<UserId>,
    /// None where no browser was there.
    pub session: Option<SessionId>,
    pub scope: ScopeSet,
    /// What userinfo tells besides what the scope shows.
    pub claims: Vec<String>,
    pub audience: Option<String>,
    /// The sector whose name for the person is the `sub`; none if that is the user's own id.
    pub sector: Option<Sector>,
    pub issued_at: Timestamp,
    pub expires_at: Timestamp,
}

/// What state knows of a token at `now`.
pub fn introspect(state: &State, name: &TokenName, now: Timestamp) -> Introspection {
    match name {
        TokenName::Access(id) => introspect_access(state, id, now),
        TokenName::Refresh { grant, generation } => introspect_refresh(state, grant, *generation, now),
    }
}

fn introspect_access(state: &State, id: &TokenId, now: Timestamp) -> Introspection {
    let found = state.grants.token(id).and_then(|token| Some((token, state.grants.by_id(&token.grant)?)));
    let Some((token, grant)) = found else { return Introspection::unknown() };
    let liveness = state.token_liveness(id, now);
    let facts = TokenFacts {
        jti: Some(*id),
        kid: token.signed_by.first().copied().flatten(),
        grant: grant.id,
        client: grant.client.clone(),
        user: grant.user,
        session: grant.session,
        scope: token.scope.clone(),
        claims: token.claims.clone(),
        audience: token.audience.clone(),
        sector: token.sector.clone(),
        issued_at: token.issued_at,
        expires_at: token.expires_at,
    };
    let (status, ended_by) = status(liveness.life);
    let decided_by = if status == Status::Revoked { ended_by } else { Some(token.granted) };
    Introspection { status, facts: Some(facts), decided_by, rests_on: liveness.rests_on }
}

/// A rotated refresh token is revoked; one that was never handed out is unknown.
fn introspect_refresh(state: &State, grant: &GrantId, generation: Option<u32>, now: Timestamp) -> Introspection {
    let found = state.grants.by_id(grant).and_then(|grant| Some((grant, grant.tokens.as_ref()?)));
    let Some((grant, tokens)) = found else { return Introspection::unknown() };
    let Some(current) = tokens.generation.filter(|current| generation.is_none_or(|asked| asked <= *current)) else {
        return Introspection::unknown();
    };
    let expires_at = tokens.refresh_expires_at.unwrap_or(tokens.expires_at);
    let liveness = state.grant_liveness_until(&grant.id, now, expires_at);
    let is_replaced = generation.is_some_and(|asked| asked < current);
    let (status, decided_by) = match status(liveness.life) {
        (Status::Active | Status::Expired, _) if is_replaced => (Status::Revoked, Some(grant.rotated)),
        (Status::Active, _) if now >= expires_at => (Status::Expired, Some(grant.rotated)),
        (Status::Revoked, ended_by) => (Status::Revoked, ended_by),
        (status @ (Status::Active | Status::Expired | Status::Unknown), _) => (status, Some(grant.rotated)),
    };
    let facts = TokenFacts {
        jti: None,
        kid: None,
        grant: grant.id,
        client: grant.client.clone(),
        user: grant.user,
        session: grant.session,
        scope: grant.scope.clone(),
        claims: grant.claims.userinfo.clone(),
        audience: grant.audience.clone(),
        sector: tokens.sector.clone(),
        issued_at: tokens.issued_at,
        expires_at,
    };
    Introspection { status, facts: Some(facts), decided_by, rests_on: liveness.rests_on }
}

fn status(life: Life) -> (Status, Option<Seq>) {
    match life {
        Life::Active => (Status::Active, None),
        Life::Expired => (Status::Expired, None),
        Life::Revoked { by } => (Status::Revoked, by),
        Life::Unknown => (Status::Unknown, None),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::terms::Opaque;

    #[test]
    fn a_token_is_named_by_its_id_or_by_its_grant_and_generation() {
        let (token, grant) = (TokenId::from_bytes([7; 16]), GrantId::from_bytes([8; 16]));
        let names = [
            (TokenName::Access(token), token.to_string()),
            (TokenName::Refresh { grant, generation: None }, grant.to_string()),
            (TokenName::Refresh { grant, generation: Some(12) }, format!("{grant}#12")),
        ];
        for (name, text) in names {
            assert_eq!((text.parse(), name.to_string()), (Ok(name), text));
        }
        for text in ["", "tok_", "grt_", &format!("{grant}#"), &format!("{grant}#-1"), &format!("{token}#1"), "ses_AAAAAAAAAAAAAAAAAAAAAA"]
        {
            assert!(text.parse::<TokenName>().is_err(), "{text}");
        }
    }
}
