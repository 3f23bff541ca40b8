//! Signing keys: a new one takes over, an old one leaves.

use super::{Decide, Decision, Draft};
use crate::event::{Event, KeyEvent, PublicJwk, Refusal};
use crate::projection::State;
use crate::terms::{Actor, KeyId, Moment, SigningAlgorithm, Timestamp};
use serde::{Deserialize, Serialize};

/// A key, made in the vault before, begins to sign.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct GenerateKey {
    /// Its id; drawn before, because the vault keeps the private half under it.
    pub kid: KeyId,
    /// What it signs with.
    pub alg: SigningAlgorithm,
    /// Its public half.
    pub jwk: PublicJwk,
    /// Who wants it.
    pub by: Actor,
}

impl Decide for GenerateKey {
    const NAME: &'static str = "generate_key";
    type Answer = ();

    fn decide(&self, state: &State, moment: &Moment) -> Decision<()> {
        if state.keys.by_id(&self.kid).is_some() {
            return Decision::refused(Refusal::NothingToChange, Vec::new());
        }
        let generated = KeyEvent::Generated { kid: self.kid, alg: self.alg, jwk: self.jwk.clone() };
        let mut events = vec![Draft::new(self.by.clone(), Event::Key(generated)).seen(moment, None)];
        if let Some(before) = state.keys.signing(self.alg) {
            let rotated = KeyEvent::Rotated { kid: self.kid, before: before.kid, alg: self.alg };
            events.push(Draft::new(self.by.clone(), Event::Key(rotated)).caused_by(state.head));
        }
        Decision::accepted((), events)
    }
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
        let Some(key) = state.keys.by_id(&self.kid).filter(|key| !key.retired) else {
            return Decision::refused(Refusal::KeyUnknown, Vec::new());
        };
        if state.keys.signing(key.alg).is_some_and(|signing| signing.kid == key.kid) {
            return Decision::refused(Refusal::KeyInUse, Vec::new());
        }
        let signed = |signed_by: &[Option<KeyId>; 2]| signed_by.contains(&Some(self.kid));
        let alone = |id_token: (KeyId, Timestamp)| id_token.0 == self.kid && moment.now < id_token.1;
        let needed = || {
            state.grants.tokens().any(|(_, token)| !token.is_over(moment.now) && signed(&token.signed_by))
                || state.grants.iter().any(|grant| grant.id_token.is_some_and(alone))
        };
        if !self.force && needed() {
            return Decision::refused(Refusal::KeyNeeded, Vec::new());
        }
        let event = KeyEvent::Retired { kid: self.kid };
        Decision::accepted((), vec![Draft::new(self.by.clone(), Event::Key(event)).seen(moment, None)])
    }
}
