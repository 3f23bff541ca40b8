//! Signing out (OpenID Connect RP-Initiated Logout 1.0). Tokens issued before stay dead for ever (SPEC.md k-17).

use super::{Decide, Decision, Draft};
use crate::event::{ConsentEvent, Event, GrantEnd, GrantEvent, SessionEnd, SessionEvent};
use crate::projection::{Session, State};
use crate::terms::{Actor, ClientId, Moment, SessionId, Subject, UserId};
use serde::{Deserialize, Serialize};

/// A person signs out, or a client signs them out.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct EndSession {
    /// The session that ends: the browser's, or the hint's `sid`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub session: Option<SessionId>,
    /// Every grant of this person and client ends too: the hint had no `sid`, or `all_sessions` was asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub everywhere: Option<(UserId, ClientId)>,
    /// What the request proved.
    pub by: EndedBy,
}

/// What a sign-out rests on.
#[derive(Clone, Copy, PartialEq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum EndedBy {
    /// A verified `id_token_hint`.
    Hint,
    /// The browser's cookie and the confirmation page.
    Browser,
    /// An administrator.
    Administrator,
}

/// So many grants end one by one. More could be too many for one batch of the log, which would stop the server: then the permission
/// under them goes, and one event ends them all.
const GRANTS_MAX: usize = 256;

impl Decide for EndSession {
    const NAME: &'static str = "end_session";
    /// Whether anybody was signed in.
    type Answer = bool;

    fn decide(&self, state: &State, moment: &Moment) -> Decision<bool> {
        let mut events = Vec::new();
        // A session that somebody else's replaced is no longer the browser's, but its grants live until its own person signs out.
        let lives = |session: &&Session| session.ended.is_none_or(|ending| !ending.ends_grants);
        if let Some(session) = self.session.and_then(|id| state.sessions.by_id(&id)).filter(lives) {
            let ended = SessionEvent::Ended { session: session.id, user: session.user, reason: self.session_end() };
            let draft = Draft::new(self.actor(session.user), Event::Session(ended)).caused_by(session.changed);
            events.push(draft.seen(moment, Some(Subject::User(session.user))));
        }
        if let Some((user, client)) = &self.everywhere {
            let mut grants: Vec<_> = state.grants.of_consent(*user, client).collect();
            grants.retain(|grant| grant.ended.is_none() && Some(grant.session) != self.session);
            grants.sort_by_key(|grant| grant.issued);
            if grants.len() > GRANTS_MAX {
                let event = ConsentEvent::Revoked { user: *user, client: client.clone() };
                let draft = Draft::new(self.actor(*user), Event::Consent(event));
                events.extend(grants.last().map(|last| draft.caused_by(last.rotated)));
                grants.clear();
            }
            events.extend(grants.into_iter().map(|grant| {
                let event = GrantEvent::Revoked { grant: grant.id, client: client.clone(), user: *user, reason: GrantEnd::Logout };
                Draft::new(self.actor(*user), Event::Grant(event)).caused_by(grant.rotated)
            }));
        }
        Decision::accepted(!events.is_empty(), events)
    }
}

impl EndSession {
    fn session_end(&self) -> SessionEnd {
        match self.by {
            EndedBy::Hint | EndedBy::Browser => SessionEnd::Logout,
            EndedBy::Administrator => SessionEnd::Revoked,
        }
    }
    fn actor(&self, user: UserId) -> Actor {
        match self.by {
            EndedBy::Hint | EndedBy::Browser => Actor::User(user),
            EndedBy::Administrator => Actor::Server,
        }
    }
}
