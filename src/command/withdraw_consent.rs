//! Taking a permission back: every grant under it is dead at once, and for ever.

use super::{Decide, Decision, Draft};
use crate::event::{ConsentEvent, Event, Refusal};
use crate::projection::State;
use crate::terms::{Actor, ClientId, Moment, UserId};
use serde::{Deserialize, Serialize};

/// A person, or an administrator for them, stops an app.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct WithdrawConsent {
    /// Whose permission it is.
    pub user: UserId,
    /// The app.
    pub client: ClientId,
    /// Who takes it back.
    pub by: Actor,
}

impl Decide for WithdrawConsent {
    const NAME: &'static str = "withdraw_consent";
    type Answer = ();

    fn decide(&self, state: &State, moment: &Moment) -> Decision<()> {
        let standing = state.consents.of(self.user, &self.client).map(|standing| standing.changed);
        let alive = state.grants.of_consent(self.user, &self.client).any(|grant| grant.ended.is_none());
        if standing.is_none() && !alive {
            return Decision::refused(Refusal::NothingToChange, Vec::new());
        }
        let event = ConsentEvent::Revoked { user: self.user, client: self.client.clone() };
        let draft = Draft::new(self.by.clone(), Event::Consent(event)).seen(moment, None);
        Decision::accepted((), vec![standing.into_iter().fold(draft, Draft::caused_by)])
    }
}
