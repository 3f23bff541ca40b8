//! When which thing can be forgotten.

use crate::terms::{Digest, GrantId, SessionId, Timestamp, TokenId};
use std::collections::BTreeSet;

/// Something that ends by itself.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(super) enum Thing {
    Token(TokenId),
    Grant(GrantId),
    Session(SessionId),
    Login(Digest),
    Assertion(Digest),
}

/// Things in the order in which they are to be looked at. Each stands here once, at its end or, if it was prolonged since, before it;
/// whoever takes it out looks at the thing's own end and puts it back there if that is still to come.
#[derive(Clone, PartialEq, Debug, Default)]
pub(super) struct Expiries(BTreeSet<(Timestamp, Thing)>);

impl Expiries {
    pub(super) fn add(&mut self, at: Timestamp, thing: Thing) {
        self.0.insert((at, thing));
    }

    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        self.0.len()
    }

    /// Takes out the first thing that ends before `t`.
    pub(super) fn take_before(&mut self, t: Timestamp) -> Option<Thing> {
        let first = self.0.first().copied().filter(|(at, _)| *at < t)?;
        self.0.remove(&first);
        Some(first.1)
    }
}
