//! Signing keys, public halves only.

use super::digest::Entity;
use super::table::Table;
use crate::event::{KeyEvent, PublicJwk};
use crate::terms::{KeyId, Seq, SigningAlgorithm, Timestamp};
use serde::Serialize;

/// A signing key of the site.
#[derive(Clone, PartialEq, Debug, Serialize)]
pub struct Key {
    /// Its `kid`.
    pub kid: KeyId,
    /// What it signs with.
    pub alg: SigningAlgorithm,
    /// Its public half.
    pub jwk: PublicJwk,
    /// Since when it exists.
    pub generated_at: Timestamp,
    /// The event that made it.
    pub generated: Seq,
    /// Whether it is out of the JWK Set.
    pub retired: bool,
    /// The event that last changed it.
    pub changed: Seq,
}

impl Entity for Key {
    const KIND: &'static str = "key";
}

/// The keys of a site in the order of their generation.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct Keys {
    by_id: Table<KeyId, Key>,
    /// By `generated`, oldest first.
    order: Vec<KeyId>,
}

impl Keys {
    /// The key that signs new tokens with this algorithm: the youngest.
    pub fn signing(&self, alg: SigningAlgorithm) -> Option<&Key> {
        self.order.iter().rev().filter_map(|kid| self.by_id.get(kid)).find(|key| key.alg == alg && !key.retired)
    }
    /// The key with this `kid`, retired or not.
    pub fn by_id(&self, kid: &KeyId) -> Option<&Key> {
        self.by_id.get(kid)
    }
    /// Every key, oldest first.
    pub fn iter(&self) -> impl Iterator<Item = &Key> {
        self.order.iter().filter_map(|kid| self.by_id.get(kid))
    }
    pub(super) fn table(&self) -> &Table<KeyId, Key> {
        &self.by_id
    }

    pub(super) fn fold(&mut self, event: &KeyEvent, seq: Seq, t: Timestamp) -> Result<(), &'static str> {
        match event {
            KeyEvent::Generated { kid, alg, jwk } => {
                let new = Key { kid: *kid, alg: *alg, jwk: jwk.clone(), generated_at: t, generated: seq, retired: false, changed: seq };
                self.order.push(*kid);
                self.by_id.insert(*kid, new).map_or(Ok(()), |_| Err("the key was made before"))
            }
            KeyEvent::Rotated { .. } => Ok(()),
            KeyEvent::Retired { kid } => {
                let retired = self.by_id.change(kid, |key| {
                    key.retired = true;
                    key.changed = seq;
                });
                retired.ok_or("the key is unknown")
            }
        }
    }
}
