//! The person says no (RFC 6749 §4.1.2.1, `access_denied`).

use super::{Decide, Decision, Draft};
use crate::event::{ConsentEvent, Event, Refusal};
use crate::projection::State;
use crate::terms::{Actor, ClientId, Moment, ScopeSet, SessionId, Subject};
use serde::{Deserialize, Serialize};

/// A signed-in person refuses a client's wishes.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct DenyConsent {
    /// Whose browser it is.
    pub session: SessionId,
    /// The client.
    pub client: ClientId,
    /// What it wanted.
    pub requested_scope: ScopeSet,
}

impl Decide for DenyConsent {
    const NAME: &'static str = "deny_consent";
    type Answer = ();

    fn decide(&self, state: &State, moment: &Moment) -> Decision<()> {
        let session = state.sessions.by_id(&self.session).filter(|session| session.ended.is_none() && moment.now < session.expires_at);
        let Some(session) = session else { return Decision::refused(Refusal::LoginRequired, Vec::new()) };
        let (user, client, requested_scope) = (session.user, self.client.clone(), self.requested_scope.clone());
        let event = ConsentEvent::Denied { consent: moment.seed.id(), user, client, session: session.id, requested_scope };
        let draft = Draft::new(Actor::User(user), Event::Consent(event)).caused_by(session.changed);
        Decision::refused(Refusal::ConsentDenied, vec![draft.seen(moment, Some(Subject::User(user)))])
    }
}
