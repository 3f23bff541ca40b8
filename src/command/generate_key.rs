//! Signing keys: a new one is shown and takes over, an old one leaves.

use super::{Decide, Decision, Draft};
use crate::event::{Event, KeyEvent, PublicJwk, Refusal};
use crate::projection::State;
use crate::terms::{Actor, KeyId, Moment, SigningAlgorithm};
use serde::{Deserialize, Serialize};

/// A key, made in the vault before, is shown and will sign.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct GenerateKey {
    /// Its id; drawn before, because the vault keeps the private half under it.
    pub kid: KeyId,
    /// What it signs with.
    pub alg: SigningAlgorithm,
    /// Its public half.
    pub jwk: PublicJwk,
    /// When it takes over from the one before.
    #[serde(default, skip_serializing_if = "TakesOver::is_at_once")]
    pub takes_over: TakesOver,
    /// Who wants it.
    pub by: Actor,
}

/// When a new key begins to sign. The first of its algorithm always begins at once.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TakesOver {
    /// Now: whoever has a cached JWK Set without it must fetch it again.
    #[default]
    AtOnce,
    /// When it has been shown for as long as the site says.
    WhenShown,
    /// The same, if the site's schedule asks for a new key; otherwise there is none.
    OnSchedule,
}

impl TakesOver {
    fn is_at_once(&self) -> bool {
        *self == Self::AtOnce
    }
}

impl Decide for GenerateKey {
    const NAME: &'static str = "generate_key";
    type Answer = ();

    fn decide(&self, state: &State, moment: &Moment) -> Decision<()> {
        if state.keys.by_id(&self.kid).is_some() {
            return Decision::refused(Refusal::NothingToChange, Vec::new());
        }
        if self.takes_over == TakesOver::OnSchedule && !is_due(state, self.alg, moment) {
            return Decision::refused(Refusal::NothingToChange, Vec::new());
        }
        let (before, signs_from) = match self.shown_seconds(state) {
            0 => (state.keys.signing(self.alg, moment.now), None),
            seconds => (state.keys.youngest(self.alg), Some(moment.now.plus_seconds(seconds))),
        };
        let generated = KeyEvent::Generated { kid: self.kid, alg: self.alg, jwk: self.jwk.clone(), signs_from };
        let mut events = vec![Draft::new(self.by.clone(), Event::Key(generated)).seen(moment, None)];
        if let Some(before) = before {
            let rotated = KeyEvent::Rotated { kid: self.kid, before: before.kid, alg: self.alg, signs_from };
            events.push(Draft::new(self.by.clone(), Event::Key(rotated)).caused_by(state.head));
        }
        Decision::accepted((), events)
    }
}

impl GenerateKey {
    /// For how long it is shown before it signs.
    fn shown_seconds(&self, state: &State) -> u64 {
        let of_site = state.site.as_ref().map_or(0, |site| site.settings.keys_publish_seconds);
        match self.takes_over {
            TakesOver::WhenShown | TakesOver::OnSchedule if state.keys.has(self.alg) => of_site,
            TakesOver::AtOnce | TakesOver::WhenShown | TakesOver::OnSchedule => 0,
        }
    }
}

fn is_due(state: &State, alg: SigningAlgorithm, moment: &Moment) -> bool {
    state.site.as_ref().is_some_and(|site| state.keys.is_due(alg, &site.settings, moment.now))
}

/// A key that no longer signs stops verifying too.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct RetireKey {
    /// Which.
    pub kid: KeyId,
    /// Even if tokens that are still good were signed with it: they die with it.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub force: bool,
    /// Who wants it gone.
    pub by: Actor,
}

impl Decide for RetireKey {
    const NAME: &'static str = "retire_key";
    type Answer = ();

    fn decide(&self, state: &State, moment: &Moment) -> Decision<()> {
        let Some(key) = state.keys.by_id(&self.kid) else { return Decision::refused(Refusal::KeyUnknown, Vec::new()) };
        if key.retired {
            return Decision::refused(Refusal::NothingToChange, Vec::new());
        }
        if state.keys.signing(key.alg, moment.now).is_some_and(|signing| signing.kid == key.kid) {
            return Decision::refused(Refusal::KeyInUse, Vec::new());
        }
        let is_needed = key.signed_until.is_some_and(|until| until > moment.now);
        if !self.force && is_needed {
            return Decision::refused(Refusal::KeyNeeded, Vec::new());
        }
        let event = KeyEvent::Retired { kid: self.kid };
        Decision::accepted((), vec![Draft::new(self.by.clone(), Event::Key(event)).seen(moment, None)])
    }
}
