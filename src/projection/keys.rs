//! Signing keys, public halves only.

use crate::event::{KeyEvent, PublicJwk};
use crate::terms::{KeyId, Seq, SigningAlgorithm, Timestamp};

/// A signing key of the site.
#[derive(Clone, PartialEq, Debug)]
pub struct Key {
    /// Its `kid`.
    pub kid: KeyId,
    /// What it signs with.
    pub alg: SigningAlgorithm,
    /// Its public half.
    pub jwk: PublicJwk,
    /// Since when it exists.
    pub generated_at: Timestamp,
    /// Whether it is out of the JWK Set.
    pub retired: bool,
    /// The event that last changed it.
    pub changed: Seq,
}

/// The keys of a site in the order of their generation.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct Keys(Vec<Key>);

impl Keys {
    /// The key that signs new tokens with this algorithm: the youngest.
    pub fn signing(&self, alg: SigningAlgorithm) -> Option<&Key> {
        self.0.iter().rev().find(|key| key.alg == alg && !key.retired)
    }
    /// The key with this `kid`, retired or not.
    pub fn by_id(&self, kid: &KeyId) -> Option<&Key> {
        self.0.iter().find(|key| key.kid == *kid)
    }
    /// Every key, oldest first.
    pub fn iter(&self) -> impl Iterator<Item = &Key> {
        self.0.iter()
    }

    pub(super) fn fold(&mut self, event: &KeyEvent, seq: Seq, t: Timestamp) -> Result<(), &'static str> {
        match event {
            KeyEvent::Generated { kid, alg, jwk } => {
                self.0.push(Key { kid: *kid, alg: *alg, jwk: jwk.clone(), generated_at: t, retired: false, changed: seq });
                Ok(())
            }
            KeyEvent::Rotated { .. } => Ok(()),
            KeyEvent::Retired { kid } => {
                let key = self.0.iter_mut().find(|key| key.kid == *kid).ok_or("the key is unknown")?;
                key.retired = true;
                key.changed = seq;
                Ok(())
            }
        }
    }
}
