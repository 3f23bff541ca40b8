//! The state digest: one number for everything that a state knows (DESIGN.md §5 rule 8).
//!
//! Each entity (client, used assertion, user, failed sign-ins, session, consent, grant, code, token, key, site) is hashed by itself, and the hashes are
//! summed modulo 2^256. A sum has no order, so no map's order is in it; and an entity that changes is taken out as it was and put in as
//! it is, so keeping the digest up costs what an event touches, never what the state holds.
//!
//! ```text
//! entity hash  = SHA-256(kind ‖ 0x00 ‖ [id, entity] as JSON without spaces, members in the order of the type's fields)
//! state digest = sum of the entity hashes as big-endian numbers, modulo 2^256
//! ```
//!
//! It is a checksum against our own mistakes, not a commitment: proofs are the log's (RFC 6962).

use crate::terms::Digest;
use serde::Serialize;

/// The version of what is folded into an entity and how it is written. Raised whenever an entity gains, loses or renames a field:
/// digests of different versions are not compared.
pub const FOLD_VERSION: u32 = 4;

/// Something that the digest counts.
pub(super) trait Entity: Serialize {
    /// Tells its kind apart from all others.
    const KIND: &'static str;
}

/// A number below 2^256, the most significant part first.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(super) struct Sum([u64; 4]);

impl Sum {
    /// The hash of one entity.
    pub(super) fn of<K: Serialize, V: Entity>(id: &K, entity: &V) -> Self {
        #[cfg(test)]
        if NOT_HASHED.get() {
            return Self::default();
        }
        let mut bytes = Vec::with_capacity(1024);
        bytes.extend_from_slice(V::KIND.as_bytes());
        bytes.push(0);
        // Writing to memory cannot fail, and no entity has a map whose keys are no texts.
        drop(serde_json::to_writer(&mut bytes, &(id, entity)));
        let mut parts = [0; 4];
        for (part, bytes) in parts.iter_mut().zip(Digest::of(&bytes).bytes().as_chunks::<8>().0) {
            *part = u64::from_be_bytes(*bytes);
        }
        Self(parts)
    }

    pub(super) fn add(&mut self, other: Self) {
        let mut carry = false;
        for (part, more) in self.0.iter_mut().zip(other.0).rev() {
            let (sum, over) = part.overflowing_add(more);
            let (sum, over_again) = sum.overflowing_add(u64::from(carry));
            (*part, carry) = (sum, over || over_again);
        }
    }

    pub(super) fn subtract(&mut self, other: Self) {
        let mut borrow = false;
        for (part, less) in self.0.iter_mut().zip(other.0).rev() {
            let (rest, under) = part.overflowing_sub(less);
            let (rest, under_again) = rest.overflowing_sub(u64::from(borrow));
            (*part, borrow) = (rest, under || under_again);
        }
    }

    /// The number as bytes.
    pub(super) fn digest(self) -> Digest {
        let mut bytes = [0; 32];
        for (to, part) in bytes.as_chunks_mut::<8>().0.iter_mut().zip(self.0) {
            *to = part.to_be_bytes();
        }
        Digest::from_bytes(bytes)
    }
}

#[cfg(test)]
thread_local! {
    static NOT_HASHED: std::cell::Cell<bool> = const { std::cell::Cell::new(false) };
}

/// Does something without hashing any entity, so that its cost can be told.
#[cfg(test)]
pub(crate) fn without_hashing(work: impl FnOnce()) {
    NOT_HASHED.set(true);
    work();
    NOT_HASHED.set(false);
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn sums_carry_and_wrap_at_2_to_the_256() {
        let mut sum = Sum([0, 0, 0, u64::MAX]);
        sum.add(Sum([0, 0, 0, 1]));
        assert_eq!(sum, Sum([0, 0, 1, 0]));
        sum.subtract(Sum([0, 0, 0, 1]));
        assert_eq!(sum, Sum([0, 0, 0, u64::MAX]));
        let mut all = Sum([u64::MAX; 4]);
        all.add(Sum([0, 0, 0, 1]));
        assert_eq!(all, Sum::default());
        all.subtract(Sum([0, 0, 0, 1]));
        assert_eq!(all, Sum([u64::MAX; 4]));
        assert_eq!(Sum([1, 2, 3, 4]).digest().bytes()[..16], [0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 2]);
    }

    proptest! {
        #[test]
        fn in_which_order_numbers_are_added_and_taken_makes_no_difference(numbers: Vec<[u64; 4]>, taken: Vec<bool>) {
            let mut forwards = Sum::default();
            numbers.iter().for_each(|number| forwards.add(Sum(*number)));
            let mut backwards = Sum::default();
            numbers.iter().rev().for_each(|number| backwards.add(Sum(*number)));
            prop_assert_eq!(forwards, backwards);
            let gone = || numbers.iter().zip(taken.iter().chain(std::iter::repeat(&false))).filter(|(_, taken)| **taken);
            gone().for_each(|(number, _)| forwards.subtract(Sum(*number)));
            gone().for_each(|(number, _)| forwards.add(Sum(*number)));
            prop_assert_eq!(forwards, backwards);
        }
    }
}
