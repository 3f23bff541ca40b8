//! Whether a grant or token is good: one function, used by every grant, userinfo and introspection (THREATS.md A32).

use super::{Client, Ending, Grant, State, Token};
use crate::event::ClientStatus;
use crate::terms::{GrantId, Seq, Timestamp, TokenId};

/// The answer, and the youngest event it rests on.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Liveness {
    /// The answer.
    pub life: Life,
    /// An answer must not leave before this event is durable.
    pub rests_on: Seq,
}

/// Whether something is good.
#[derive(Clone, Copy, PartialEq, Debug)]
pub enum Life {
    /// It is.
    Active,
    /// Its time is over.
    Expired,
    /// An event ended it, or what it rests on.
    Revoked {
        /// The event, where state still knows it.
        by: Option<Seq>,
    },
    /// State does not know it: never issued, or forgotten.
    Unknown,
}

impl State {
    /// Whether an access token is good at `now`. What was revoked stays revoked after its time is over.
    pub fn token_liveness(&self, id: &TokenId, now: Timestamp) -> Liveness {
        let Some(token) = self.grants.token(id) else { return Liveness { life: Life::Unknown, rests_on: Seq(0) } };
        let grant = self.grant_liveness(&token.grant, now);
        let rests_on = grant.rests_on.max(token.changed);
        let life = match (token.revoked, grant.life) {
            (Some(by), _) => Life::Revoked { by: Some(by) },
            (None, Life::Revoked { by }) => Life::Revoked { by },
            (None, _) if token.is_over(now) => Life::Expired,
            (None, Life::Active) => Life::Active,
            (None, Life::Expired | Life::Unknown) => Life::Expired,
        };
        Liveness { life, rests_on }
    }

    /// Whether a grant is good at `now`, apart from the times of its codes and tokens.
    pub fn grant_liveness(&self, id: &GrantId, now: Timestamp) -> Liveness {
        self.liveness_within(id, now, None)
    }

    /// Whether a grant is good at `now` for something of it whose own time is over at `until`: what ended the grant after that did not
    /// end it. So the answer is the same as long as state knows the grant and when it has forgotten it.
    pub fn grant_liveness_until(&self, id: &GrantId, now: Timestamp, until: Timestamp) -> Liveness {
        self.liveness_within(id, now, Some(until))
    }

    /// Whether there is something left to sign out of: neither the grant was ended nor the session that it came from.
    pub fn nobody_signed_out_of(&self, grant: &Grant) -> bool {
        let session = grant.session.and_then(|session| self.sessions.by_id(&session));
        let has_ended = session.and_then(|session| session.ended).is_some_and(|ending| ending.ends_grants);
        grant.ended.is_none() && !has_ended
    }

    fn liveness_within(&self, id: &GrantId, now: Timestamp, until: Option<Timestamp>) -> Liveness {
        let counts = |ending: &Ending| until.is_none_or(|until| ending.at <= until);
        let Some(grant) = self.grants.by_id(id) else { return Liveness { life: Life::Unknown, rests_on: Seq(0) } };
        let client = self.clients.by_id(&grant.client);
        let user = grant.user.map(|user| self.users.by_id(&user));
        let session = grant.session.and_then(|session| self.sessions.by_id(&session));
        let changed =
            [client.map(|client| client.changed), user.flatten().map(|user| user.changed), session.map(|session| session.changed)];
        let rests_on = changed.into_iter().flatten().fold(grant.changed, Seq::max);
        // Nobody remembers which event deleted the client; it is the last one or an earlier one.
        let rests_on = if client.is_none() || user == Some(None) { Seq(self.head.0.saturating_sub(1)) } else { rests_on };
        let life = match (grant.ended.filter(counts), client, user) {
            (Some(ending), _, _) => Life::Revoked { by: Some(ending.by) },
            (None, None, _) | (None, _, Some(None)) => Life::Revoked { by: None },
            (None, Some(client), _) if !client.is_enabled() => Life::Revoked { by: Some(client.changed) },
            (None, Some(_), user) => match (user.flatten().and_then(|user| user.disabled), self.session_life(grant, now, counts)) {
                (Some(by), _) => Life::Revoked { by: Some(by) },
                (None, life) => life,
            },
        };
        Liveness { life, rests_on }
    }

    /// Logging out ends a session's grants; a session's time running out ends only `online_access`. A grant that came from no browser
    /// rests on none.
    fn session_life(&self, grant: &Grant, now: Timestamp, counts: impl Fn(&Ending) -> bool) -> Life {
        let online_only = grant.scope.is_online_only();
        let Some(session) = grant.session else { return Life::Active };
        let Some(session) = self.sessions.by_id(&session) else {
            return if online_only { Life::Expired } else { Life::Active };
        };
        let ends_all = session.ended.filter(|ending| ending.ends_grants && counts(ending));
        let ends_online = session.left.filter(|ending| online_only && counts(ending));
        match ends_online.or(ends_all) {
            Some(ending) => Life::Revoked { by: Some(ending.by) },
            None if online_only && now >= session.expires_at => Life::Expired,
            None => Life::Active,
        }
    }
}

impl Token {
    /// Whether the token's time is over.
    pub fn is_over(&self, now: Timestamp) -> bool {
        now >= self.expires_at
    }
}

impl Client {
    /// Whether the client may act.
    pub fn is_enabled(&self) -> bool {
        self.status == ClientStatus::Enabled
    }
}
