//! Assertions that clients have used, until their time is over: none is good twice (RFC 7523 §3, THREATS.md A47).

use super::expiry::{Expiries, Thing};
use crate::event::ClientEvent;
use crate::terms::Digest;
use std::collections::HashSet;

/// The used assertions of a site, by the tag of client and `jti`. Two of one tag cannot stand here: the second was refused.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct Assertions(HashSet<Digest>);

impl Assertions {
    /// Whether the assertion with this tag was used.
    pub fn is_used(&self, jti: &Digest) -> bool {
        self.0.contains(jti)
    }

    pub(super) fn fold(&mut self, event: &ClientEvent, expiries: &mut Expiries) {
        if let ClientEvent::AssertionUsed { jti, expires_at, .. } = event {
            self.0.insert(*jti);
            expiries.add(*expires_at, Thing::Assertion(*jti));
        }
    }

    pub(super) fn forget(&mut self, jti: &Digest) {
        self.0.remove(jti);
    }
}
