//! Signing keys, public halves only, and what becomes of each as time passes: it is shown, it signs, it only verifies, it is retired.

use super::digest::Entity;
use super::table::Table;
use crate::event::{IssuedTokens, KeyEvent, PublicJwk, Settings, TokenEvent};
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
    /// From then on it may sign; before, it is only shown.
    pub signs_from: Timestamp,
    /// Until when the last of the tokens that it signed is good; none if it signed none.
    pub signed_until: Option<Timestamp>,
    /// Whether it is out of the JWK Set.
    pub retired: bool,
    /// Since when.
    pub retired_at: Option<Timestamp>,
    /// The event that last changed how it is shown.
    pub changed: Seq,
}

impl Entity for Key {
    const KIND: &'static str = "key";
}

impl Key {
    /// Whether this key vouches for a token that is good until `exp` (Unix seconds). What a retired key signed is believed no longer,
    /// but of a token whose time was over before it still tells that it was ours (SPEC.md h, rows 2 and 8).
    pub fn vouches_until(&self, exp: u64) -> bool {
        self.retired_at.is_none_or(|retired_at| exp <= retired_at.unix_seconds())
    }
    /// The retirement since which a token of this key that would be good until `exp` is believed no longer.
    fn disowned_by(&self, exp: Timestamp) -> Option<Seq> {
        (!self.vouches_until(exp.unix_seconds())).then_some(self.changed)
    }
}

/// What a key is for at an instant.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Standing {
    /// It stands in the JWK Set and does not sign yet.
    Published {
        /// When it begins.
        until: Timestamp,
    },
    /// It signs new tokens of its algorithm.
    Signing {
        /// Since when.
        since: Timestamp,
    },
    /// A younger key signs; this one stands in the JWK Set for what it signed.
    Verifying {
        /// Since when.
        since: Timestamp,
        /// When it can leave.
        until: Timestamp,
    },
    /// It is out of the JWK Set; only hints are still read with it (SPEC.md g).
    Retired {
        /// Since when.
        since: Timestamp,
    },
}

/// So long a key stays in the JWK Set after the last token that it signed has expired, and after it has stopped signing: clocks differ, and
/// what is verified when it arrives, as signed userinfo, is not counted.
pub const LEEWAY_SECONDS: u64 = 300;
/// With so many keys of one algorithm in the JWK Set, the schedule waits until one has left.
const KEYS_OF_AN_ALGORITHM: usize = 16;

/// The keys of a site in the order of their generation.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct Keys {
    by_id: Table<KeyId, Key>,
    /// By `generated`, oldest first.
    order: Vec<KeyId>,
}

impl Keys {
    /// The key that signs new tokens with this algorithm: the youngest whose time to sign has come.
    pub fn signing(&self, alg: SigningAlgorithm, now: Timestamp) -> Option<&Key> {
        self.shown(alg).find(|key| key.signs_from <= now)
    }
    /// Whether anything can be signed with this algorithm.
    pub fn has(&self, alg: SigningAlgorithm) -> bool {
        self.youngest(alg).is_some()
    }
    /// The last key of this algorithm that was made and is not retired; it may not sign yet.
    pub fn youngest(&self, alg: SigningAlgorithm) -> Option<&Key> {
        self.shown(alg).next()
    }
    /// The key with this `kid`, retired or not.
    pub fn by_id(&self, kid: &KeyId) -> Option<&Key> {
        self.by_id.get(kid)
    }
    /// The event that took a key back before the time of a token was over that it had signed: the token is believed no longer.
    pub fn disowned_by(&self, kid: &KeyId, exp: Timestamp) -> Option<Seq> {
        self.by_id(kid).and_then(|key| key.disowned_by(exp))
    }
    /// Every key, oldest first.
    pub fn iter(&self) -> impl DoubleEndedIterator<Item = &Key> {
        self.order.iter().filter_map(|kid| self.by_id.get(kid))
    }
    /// Those of an algorithm in the JWK Set, youngest first.
    fn shown(&self, alg: SigningAlgorithm) -> impl Iterator<Item = &Key> {
        self.iter().rev().filter(move |key| key.alg == alg && !key.retired)
    }

    /// What this key is for now.
    pub fn standing(&self, key: &Key, now: Timestamp) -> Standing {
        if let Some(since) = key.retired_at {
            return Standing::Retired { since };
        }
        if key.signs_from > now {
            return Standing::Published { until: key.signs_from };
        }
        match self.superseded_at(key, now) {
            None => Standing::Signing { since: key.signs_from },
            Some(since) => {
                let until = key.signed_until.unwrap_or_default().max(since).plus_seconds(LEEWAY_SECONDS);
                Standing::Verifying { since, until }
            }
        }
    }

    /// The keys that nothing needs any more, oldest first.
    pub fn spent(&self, now: Timestamp) -> Vec<KeyId> {
        let is_spent = |key: &&Key| matches!(self.standing(key, now), Standing::Verifying { until, .. } if until <= now);
        self.iter().filter(is_spent).map(|key| key.kid).collect()
    }

    /// Whether the site's schedule asks for a new key of this algorithm: early enough that it is known everywhere when it takes over.
    pub fn is_due(&self, alg: SigningAlgorithm, settings: &Settings, now: Timestamp) -> bool {
        let Some(youngest) = self.youngest(alg).filter(|key| key.signs_from <= now) else { return false };
        let signs_alone = settings.keys_rotate_seconds.saturating_sub(settings.keys_publish_seconds);
        settings.keys_rotate_seconds > 0
            && now >= youngest.signs_from.plus_seconds(signs_alone)
            && self.shown(alg).count() < KEYS_OF_AN_ALGORITHM
    }

    /// When the first younger key took over from this one; it never signs again, because a key that signs is not retired.
    fn superseded_at(&self, key: &Key, now: Timestamp) -> Option<Timestamp> {
        let younger = self.iter().rev().take_while(|other| other.kid != key.kid).filter(|other| other.alg == key.alg);
        let took_over = |other: &&Key| other.signs_from <= other.retired_at.unwrap_or(now);
        younger.filter(took_over).map(|other| other.signs_from).min()
    }

    pub(super) fn table(&self) -> &Table<KeyId, Key> {
        &self.by_id
    }

    pub(super) fn fold(&mut self, event: &KeyEvent, seq: Seq, t: Timestamp) -> Result<(), &'static str> {
        match event {
            KeyEvent::Generated { kid, alg, jwk, signs_from } => {
                let new = Key {
                    kid: *kid,
                    alg: *alg,
                    jwk: jwk.clone(),
                    generated_at: t,
                    generated: seq,
                    signs_from: signs_from.unwrap_or(t),
                    signed_until: None,
                    retired: false,
                    retired_at: None,
                    changed: seq,
                };
                self.order.push(*kid);
                self.by_id.insert(*kid, new).map_or(Ok(()), |_| Err("the key was made before"))
            }
            KeyEvent::Rotated { .. } => Ok(()),
            KeyEvent::Retired { kid } => {
                let retired = self.by_id.change(kid, |key| {
                    key.retired = true;
                    key.retired_at = key.retired_at.or(Some(t));
                    key.changed = seq;
                });
                retired.ok_or("the key is unknown")
            }
        }
    }

    /// Tokens were signed. Ends are whole seconds, so a key changes at most once a second however much it signs.
    pub(super) fn fold_tokens(&mut self, tokens: &IssuedTokens) {
        let signed_by = [Some(tokens.kid), tokens.id_token.as_ref().map(|id_token| id_token.kid)];
        for kid in signed_by.into_iter().flatten() {
            self.note_signed(&kid, tokens.expires_at);
        }
    }

    /// The same of tokens that did not come by a rotation.
    pub(super) fn fold_token(&mut self, event: &TokenEvent) {
        match event {
            TokenEvent::Granted(tokens) => self.fold_tokens(tokens),
            TokenEvent::IdTokenIssued(issued) => self.note_signed(&issued.id_token.kid, issued.expires_at),
            TokenEvent::Denied { .. }
            | TokenEvent::Revoked { .. }
            | TokenEvent::Introspected { .. }
            | TokenEvent::UserinfoRead { .. }
            | TokenEvent::ForgeryDetected { .. } => {}
        }
    }

    /// Something was signed that is good until then.
    pub(super) fn note_signed(&mut self, kid: &KeyId, until: Timestamp) {
        if self.by_id.get(kid).is_some_and(|key| key.signed_until.is_none_or(|before| before < until)) {
            self.by_id.change(kid, |key| key.signed_until = Some(until));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::{Edition, Profile};
    use crate::terms::{Opaque, SigningAlgorithm::Rs256};

    const SECOND: u64 = 1_790_000_000;

    fn at(second: u64) -> Timestamp {
        Timestamp::from_unix_seconds(SECOND + second)
    }

    fn kid(n: u8) -> KeyId {
        KeyId::from_bytes([n; 16])
    }

    #[derive(Default)]
    struct Ring(Keys, u64);

    impl Ring {
        fn fold(&mut self, event: &KeyEvent, t: u64) {
            self.0.fold(event, Seq(self.1), at(t)).unwrap();
            self.1 += 1;
        }
        fn generated(&mut self, n: u8, t: u64, signs_from: Option<u64>) {
            let jwk = PublicJwk::Rsa { n: "n".to_owned(), e: "AQAB".to_owned() };
            self.fold(&KeyEvent::Generated { kid: kid(n), alg: Rs256, jwk, signs_from: signs_from.map(at) }, t);
        }
        fn retired(&mut self, n: u8, t: u64) {
            self.fold(&KeyEvent::Retired { kid: kid(n) }, t);
        }
        fn signing(&self, t: u64) -> Option<KeyId> {
            self.0.signing(Rs256, at(t)).map(|key| key.kid)
        }
        fn standing(&self, n: u8, t: u64) -> Standing {
            self.0.standing(self.0.by_id(&kid(n)).unwrap(), at(t))
        }
    }

    #[test]
    fn a_new_key_is_shown_before_it_signs_and_the_one_before_verifies_until_its_last_token_has_expired() {
        let mut ring = Ring::default();
        ring.generated(1, 0, None);
        assert_eq!((ring.signing(0), ring.standing(1, 0)), (Some(kid(1)), Standing::Signing { since: at(0) }));
        ring.generated(2, 100, Some(400));
        assert_eq!((ring.signing(399), ring.standing(2, 399)), (Some(kid(1)), Standing::Published { until: at(400) }));
        ring.0.note_signed(&kid(1), at(3999));
        assert_eq!((ring.signing(400), ring.standing(2, 400)), (Some(kid(2)), Standing::Signing { since: at(400) }));
        let until = at(3999 + LEEWAY_SECONDS);
        assert_eq!(ring.standing(1, 400), Standing::Verifying { since: at(400), until });
        assert_eq!((ring.0.spent(at(4298)), ring.0.spent(until)), (vec![], vec![kid(1)]));
        ring.retired(1, 4299);
        assert_eq!(ring.standing(1, 5000), Standing::Retired { since: at(4299) });
        assert_eq!((ring.0.spent(at(99_999)), ring.signing(99_999)), (vec![], Some(kid(2))), "the last key never leaves by itself");
    }

    #[test]
    fn a_key_that_was_overtaken_while_it_was_only_shown_never_signs() {
        let mut ring = Ring::default();
        ring.generated(1, 0, None);
        ring.generated(2, 10, Some(310));
        ring.generated(3, 20, None);
        assert_eq!((ring.signing(20), ring.signing(1000)), (Some(kid(3)), Some(kid(3))));
        assert_eq!(ring.standing(1, 20), Standing::Verifying { since: at(20), until: at(320) });
        assert_eq!(ring.0.spent(at(320)), [kid(1), kid(2)]);
    }

    #[test]
    fn a_key_that_was_retired_before_it_signed_has_overtaken_none() {
        let mut ring = Ring::default();
        ring.generated(1, 0, None);
        ring.generated(2, 10, Some(310));
        ring.retired(2, 20);
        assert_eq!((ring.signing(1000), ring.standing(1, 1000)), (Some(kid(1)), Standing::Signing { since: at(0) }));
        ring.generated(3, 1000, None);
        ring.retired(3, 1001);
        assert_eq!(ring.standing(1, 1002), Standing::Verifying { since: at(1000), until: at(1300) });
    }

    #[test]
    fn the_schedule_asks_for_a_key_early_enough_and_once() {
        let mut settings = Settings::of(Profile::Standard, "T", Edition::Third);
        (settings.keys_rotate_seconds, settings.keys_publish_seconds) = (1000, 300);
        let mut ring = Ring::default();
        assert!(!ring.0.is_due(Rs256, &settings, at(0)), "a first key is nobody's successor");
        ring.generated(1, 0, None);
        assert_eq!([699, 700].map(|t| ring.0.is_due(Rs256, &settings, at(t))), [false, true]);
        ring.generated(2, 700, Some(1000));
        assert_eq!([700, 1000, 1699, 1700].map(|t| ring.0.is_due(Rs256, &settings, at(t))), [false, false, false, true]);
        settings.keys_rotate_seconds = 0;
        assert!(!ring.0.is_due(Rs256, &settings, at(99_999)));
        settings.keys_rotate_seconds = 1;
        assert!(ring.0.is_due(Rs256, &settings, at(99_999)));
        (3..=16).for_each(|n| ring.generated(n, 99_999, None));
        assert!(!ring.0.is_due(Rs256, &settings, at(999_999)), "the set does not grow without end");
    }

    #[test]
    fn a_retired_key_vouches_only_for_what_was_over_before() {
        let mut ring = Ring::default();
        ring.generated(1, 0, None);
        ring.generated(2, 1, None);
        assert!(ring.0.by_id(&kid(1)).unwrap().vouches_until(u64::MAX));
        ring.retired(1, 100);
        assert_eq!([99, 100, 101].map(|t| ring.0.by_id(&kid(1)).unwrap().vouches_until(SECOND + t)), [true, true, false]);
    }
}
