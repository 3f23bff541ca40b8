//! Signing out (OpenID Connect RP-Initiated Logout 1.0). Tokens issued before stay dead for ever (SPEC.md k-17).

use super::tell_clients::{FrontChannel, Untold, front_channels};
use super::{Decide, Decision, Draft};
use crate::event::{Event, GrantEnd, GrantEvent, SessionEnd, SessionEvent};
use crate::projection::{Ending, State};
use crate::terms::{Actor, ClientId, LogoutId, Moment, SessionId, Subject, UserId};
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
}

/// What came of it.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct SignedOut {
    /// Whether anybody was signed in.
    pub was_signed_in: bool,
    /// The clients that have to be told: what is to be sent to them.
    pub logouts: Vec<LogoutId>,
    /// The clients' pages that the session's browser has to load.
    pub pages: Vec<FrontChannel>,
}

impl Decide for EndSession {
    const NAME: &'static str = "end_session";
    type Answer = SignedOut;

    fn decide(&self, state: &State, moment: &Moment) -> Decision<SignedOut> {
        let (mut events, mut untold, mut pages) = (Vec::new(), Untold::default(), Vec::new());
        let mut who = None;
        // A session that ended because somebody else took over the browser left its grants alive: those end now.
        let standing = |ended: Option<Ending>| ended.is_none_or(|ending| !ending.ends_grants);
        if let Some(session) = self.session.and_then(|id| state.sessions.by_id(&id)).filter(|session| standing(session.ended)) {
            let ended = SessionEvent::Ended { session: session.id, user: session.user, reason: SessionEnd::Logout };
            let draft = Draft::new(Actor::User(session.user), Event::Session(ended)).caused_by(session.changed);
            events.push(draft.seen(moment, Some(Subject::User(session.user))));
            untold.of_session(state, session);
            pages = front_channels(state, session);
            who = Some(session.user);
        }
        let living = |(user, client): &(UserId, ClientId)| {
            let grants = state.grants.of_consent(*user, client).filter(|grant| state.nobody_signed_out_of(grant));
            grants.map(|grant| grant.rotated).max()
        };
        if let Some((user, client)) = &self.everywhere
            && let Some(latest) = self.everywhere.as_ref().and_then(living)
        {
            let ended = GrantEvent::AllRevoked { client: client.clone(), user: *user, reason: GrantEnd::Logout };
            let draft = Draft::new(Actor::User(*user), Event::Grant(ended));
            events.push(match events.is_empty() {
                true => draft.caused_by(latest).seen(moment, Some(Subject::User(*user))),
                false => draft.caused_by(state.head),
            });
            untold.of_client(state, *user, client);
            who = who.or(Some(*user));
        }
        let Some(user) = who else { return Decision::accepted(SignedOut::default(), events) };
        let (requested, logouts) = untold.requested(state, user, moment);
        events.extend(requested);
        Decision::accepted(SignedOut { was_signed_in: true, logouts, pages }, events)
    }
}
