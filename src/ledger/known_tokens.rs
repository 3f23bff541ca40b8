//! Access tokens whose signature needs no second look: those minted here, and those verified before (DESIGN.md §6). What is known of
//! one is only what its signature covers; whether it is alive, the projection says each time, and a retired key ends it all the same.

use crate::jose::{AccessTokenClaims, COMPACT_LENGTH_MAX};
use crate::terms::{Digest, KeyId, SiteName, TokenId};
use std::collections::HashMap;
use std::mem;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// What an access token with our signature says of itself, as far as anybody asks.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct SignedToken {
    /// Its `jti`.
    pub token: TokenId,
    /// Its `exp`, in whole seconds since the Unix epoch.
    pub exp: u64,
    /// The key that signed it.
    pub kid: KeyId,
}

impl SignedToken {
    /// Of claims that this key signed.
    pub(super) fn new(claims: &AccessTokenClaims, kid: KeyId) -> Self {
        Self { token: claims.jti, exp: claims.exp, kid }
    }
}

/// So many tokens are known by half: at most twice as many, about 23 MiB, of all sites together.
const HALF: usize = 65_536;

/// Locked for one look-up; no other lock is taken meanwhile.
#[derive(Default)]
pub(super) struct KnownTokens(Mutex<Halves>);

/// When the younger half is full it becomes the older one, and what was not asked about since then is forgotten: junk cannot come in,
/// and what is asked about again and again stays.
#[derive(Default)]
struct Halves {
    younger: HashMap<Digest, Known>,
    older: HashMap<Digest, Known>,
}

#[derive(Clone)]
struct Known {
    site: SiteName,
    token: SignedToken,
}

impl KnownTokens {
    /// Remembers a token that this site signed. One that is too long to be verified is not: it is to be refused each time.
    pub(super) fn remember(&self, site: &SiteName, text: &str, token: SignedToken) {
        if text.len() <= COMPACT_LENGTH_MAX {
            self.halves().put(Digest::of(text.as_bytes()), Known { site: site.clone(), token });
        }
    }
    /// What is known of this text at this site.
    pub(super) fn find(&self, site: &SiteName, text: &str) -> Option<SignedToken> {
        let digest = Digest::of(text.as_bytes());
        let mut halves = self.halves();
        if let Some(known) = halves.younger.get(&digest) {
            return (known.site == *site).then_some(known.token);
        }
        let known = halves.older.remove(&digest)?;
        let token = (known.site == *site).then_some(known.token);
        halves.put(digest, known);
        token
    }
    fn halves(&self) -> MutexGuard<'_, Halves> {
        // A half-moved token is only forgotten.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Halves {
    fn put(&mut self, digest: Digest, known: Known) {
        if self.younger.len() >= HALF {
            self.older = mem::take(&mut self.younger);
        }
        self.younger.insert(digest, known);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::terms::Opaque;

    fn token(n: u64) -> SignedToken {
        SignedToken { token: TokenId::from_bytes(u128::from(n).to_be_bytes()), exp: n, kid: KeyId::from_bytes([1; 16]) }
    }
    fn site(name: &str) -> SiteName {
        name.parse().unwrap()
    }

    #[test]
    fn a_token_is_known_by_all_its_bytes_and_at_its_site_only() {
        let (known, here) = (KnownTokens::default(), site("here"));
        known.remember(&here, "a.b.c", token(1));
        assert_eq!(known.find(&here, "a.b.c"), Some(token(1)));
        assert_eq!((known.find(&here, "a.b.d"), known.find(&site("there"), "a.b.c")), (None, None));
        assert_eq!(known.find(&here, "a.b.c"), Some(token(1)));
    }

    #[test]
    fn a_token_of_the_longest_length_is_remembered_and_a_longer_one_is_not() {
        let (known, here) = (KnownTokens::default(), site("here"));
        for (length, expected) in [(COMPACT_LENGTH_MAX, Some(token(1))), (COMPACT_LENGTH_MAX + 1, None)] {
            let text = "a".repeat(length);
            known.remember(&here, &text, token(1));
            assert_eq!(known.find(&here, &text), expected, "{length}");
        }
    }

    #[test]
    fn no_more_are_held_than_the_bound_and_those_asked_about_stay() {
        let (known, here) = (KnownTokens::default(), site("here"));
        known.remember(&here, "asked", token(7));
        let many = u64::try_from(HALF).unwrap() * 3;
        for n in 0..many {
            known.remember(&here, &n.to_string(), token(n));
            if n % 1000 == 0 {
                assert_eq!(known.find(&here, "asked"), Some(token(7)), "{n}");
            }
        }
        let halves = known.halves();
        assert!(halves.younger.len() <= HALF && halves.older.len() <= HALF);
        drop(halves);
        assert_eq!(known.find(&here, "0"), None);
        assert_eq!(known.find(&here, &(many - 1).to_string()), Some(token(many - 1)));
    }
}
