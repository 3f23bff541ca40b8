//! The person says no (RFC 6749 §4.1.2.1, `access_denied`).

use super::answered::{end_of_superseded, superseded};
use super::{Decide, Decision, Draft};
use crate::event::{ConsentEvent, Endpoint, Event, Refusal, RequestEvent};
use crate::projection::State;
use crate::terms::{Actor, ClientId, InteractionId, Moment, ScopeSet, SessionId, Subject};
use serde::{Deserialize, Serialize};

/// A signed-in person refuses a client's wishes.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct DenyConsent {
    /// Whose browser it is.
    pub session: SessionId,
    /// Which showing of our pages this answers.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub interaction: Option<InteractionId>,
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
        let superseded = match superseded(state, self.interaction) {
            Ok(superseded) => superseded,
            Err(reason) => {
                let event = RequestEvent::Refused { endpoint: Endpoint::Consent, reason, client: Some(self.client.clone()), times: None };
                return Decision::refused(reason, vec![Draft::new(Actor::Anonymous, Event::Request(event)).seen(moment, None)]);
            }
        };
        let (user, client, requested_scope) = (session.user, self.client.clone(), self.requested_scope.clone());
        let event = ConsentEvent::Denied { consent: moment.seed.id(), user, client, session: session.id, requested_scope };
        let draft = Draft::new(Actor::User(user), Event::Consent(event)).caused_by(session.changed);
        let earlier = superseded.map(|earlier| end_of_superseded(state, earlier));
        let denied = draft.seen(moment, Some(Subject::User(user)));
        Decision::refused(Refusal::ConsentDenied, std::iter::once(denied).chain(earlier).collect())
    }
}
