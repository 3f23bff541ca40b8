//! Assertions that clients have used, until their time is over: none is good twice (RFC 7523 §3, THREATS.md A47).

use super::digest::Entity;
use super::expiry::{Expiries, Thing};
use super::table::Table;
use crate::event::ClientEvent;
use crate::terms::{ClientId, Digest, Timestamp};
use serde::Serialize;

/// An assertion that was used.
#[derive(Clone, PartialEq, Debug, Serialize)]
pub struct UsedAssertion {
    /// Whose it was.
    pub client: ClientId,
    /// When its time is over.
    pub expires_at: Timestamp,
}

impl Entity for UsedAssertion {
    const KIND: &'static str = "assertion";
}

/// The used assertions of a site, by the tag of client and `jti`. Two of one tag cannot stand here: the second was refused.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct Assertions(Table<Digest, UsedAssertion>);

impl Assertions {
    /// Whether the assertion with this tag was used.
    pub fn is_used(&self, jti: &Digest) -> bool {
        self.0.get(jti).is_some()
    }

    pub(super) fn table(&self) -> &Table<Digest, UsedAssertion> {
        &self.0
    }

    pub(super) fn fold(&mut self, event: &ClientEvent, expiries: &mut Expiries) {
        if let ClientEvent::AssertionUsed { client, jti, expires_at, .. } = event {
            self.0.insert(*jti, UsedAssertion { client: client.clone(), expires_at: *expires_at });
            expiries.add(*expires_at, Thing::Assertion(*jti));
        }
    }

    pub(super) fn forget(&mut self, jti: &Digest) {
        self.0.remove(jti);
    }
}
