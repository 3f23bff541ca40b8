//! Client assertions (RFC 7523 §3): what was found out of one before, and whether it may be used now.

use super::Draft;
use crate::event::{ClientEvent, Endpoint, Event, Refusal};
use crate::projection::{Client, State};
use crate::terms::{Actor, ClientAlgorithm, Digest, Moment, Seq, Timestamp};
use serde::{Deserialize, Serialize};

/// What an assertion turned out to be. Its text is not recorded.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AssertionFact {
    /// A key of the client's signed it, and it was made for us.
    Signed(SignedAssertion),
    /// It is not good, and never was.
    Refused(Refusal),
}

/// An assertion with a right signature, issuer, subject and audience.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct SignedAssertion {
    /// What it is signed with.
    pub alg: ClientAlgorithm,
    /// The thumbprint of the key that signed it (RFC 7638).
    #[serde(rename = "key_digest")]
    pub key: Digest,
    /// The record that said which keys are the client's when that was looked at.
    pub keys_at: Seq,
    /// A tag of client and `jti`.
    #[serde(rename = "jti_hmac")]
    pub jti: Digest,
    /// From when on it is good, if it says: the later of `nbf` and `iat`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub not_before: Option<Timestamp>,
    /// When its time is over.
    pub expires_at: Timestamp,
}

/// The longest time for which an assertion may be good (SPEC.md f).
const AHEAD_SECONDS_MAX: u64 = 300;
/// The longest time for which one may be made: libraries in wide use make them for an hour and leave their caller no say.
const MADE_FOR_SECONDS_MAX: u64 = 3600;
/// So much may a client's clock be ahead of ours.
const SKEW_SECONDS: u64 = 30;

impl SignedAssertion {
    /// One as this client could have made it at this time, for asking what it would have been answered.
    pub fn supposed(client: &Client, now: Timestamp) -> Self {
        Self {
            alg: client.metadata.token_endpoint_auth_signing_alg.unwrap_or(ClientAlgorithm::Es384),
            key: Digest::of(b"supposed"),
            keys_at: client.keys_at,
            jti: Digest::of(b"supposed"),
            not_before: None,
            expires_at: now.plus_seconds(AHEAD_SECONDS_MAX),
        }
    }

    /// The same, if it may be used now by this client.
    pub(super) fn accepted(&self, state: &State, client: &Client, now: Timestamp) -> Result<&Self, Refusal> {
        // The client's keys may have been replaced since the signature was checked.
        if self.keys_at != client.keys_at {
            return Err(Refusal::AssertionKeyUnknown);
        }
        assertion_time(self.not_before, self.expires_at, now)?;
        match state.assertions.is_used(&self.jti) {
            true => Err(Refusal::AssertionReplayed),
            false => Ok(self),
        }
    }

    /// The event by which it is remembered.
    pub(super) fn spent(&self, client: &Client, endpoint: Endpoint, moment: &Moment) -> Draft {
        let event = ClientEvent::AssertionUsed {
            client: client.id.clone(),
            endpoint,
            alg: self.alg,
            key: self.key,
            jti: self.jti,
            expires_at: self.expires_at,
        };
        Draft::new(Actor::Client(client.id.clone()), Event::Client(event)).caused_by(client.keys_at).seen(moment, None)
    }
}

/// When the time of an assertion is over for us. One that says when it was made and was made for longer than we allow is good for
/// its first five minutes (docs/decisions/0023). Its own claims alone decide: it must end for us when we forget its `jti`.
pub fn assertion_end(issued_at: Option<Timestamp>, expires_at: Timestamp) -> Timestamp {
    let Some(issued_at) = issued_at else { return expires_at };
    let short = expires_at <= issued_at.plus_seconds(AHEAD_SECONDS_MAX + SKEW_SECONDS);
    match short || expires_at > issued_at.plus_seconds(MADE_FOR_SECONDS_MAX) {
        true => expires_at,
        false => issued_at.plus_seconds(AHEAD_SECONDS_MAX),
    }
}

/// Whether an assertion of these times is good now. It is remembered until it expires, so one that expires is not good in that very
/// instant.
pub fn assertion_time(not_before: Option<Timestamp>, expires_at: Timestamp, now: Timestamp) -> Result<(), Refusal> {
    if now >= expires_at {
        return Err(Refusal::AssertionExpired);
    }
    if not_before.is_some_and(|begin| begin > now.plus_seconds(SKEW_SECONDS)) {
        return Err(Refusal::AssertionTooEarly);
    }
    if expires_at > now.plus_seconds(AHEAD_SECONDS_MAX + SKEW_SECONDS) {
        return Err(Refusal::AssertionTooLong);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_assertion_is_good_for_five_minutes_and_a_clock_may_be_half_a_minute_ahead() {
        let at = Timestamp::from_unix_seconds;
        let now = at(1_790_000_000);
        let good = |begin: Option<i64>, end: i64| {
            let moved = |by: i64| at((1_790_000_000 + by).try_into().unwrap());
            assertion_time(begin.map(moved), moved(end), now)
        };
        for (begin, end) in [(None, 1), (None, 300), (None, 330), (Some(-3600), 60), (Some(0), 60), (Some(30), 60)] {
            assert_eq!(good(begin, end), Ok(()), "{begin:?} {end}");
        }
        assert_eq!(good(None, 0), Err(Refusal::AssertionExpired));
        assert_eq!(good(None, -300), Err(Refusal::AssertionExpired));
        assert_eq!(good(None, 331), Err(Refusal::AssertionTooLong));
        assert_eq!(good(Some(31), 60), Err(Refusal::AssertionTooEarly));
    }

    #[test]
    fn one_made_for_an_hour_is_good_for_its_first_five_minutes() {
        let made = Timestamp::from_unix_seconds(1_790_000_000);
        let end = |seconds| assertion_end(Some(made), made.plus_seconds(seconds));
        for (made_for, good_for) in [(0, 0), (60, 60), (330, 330), (331, 300), (600, 300), (3600, 300), (3601, 3601), (86_400, 86_400)] {
            assert_eq!(end(made_for), made.plus_seconds(good_for), "{made_for}");
        }
        assert_eq!(assertion_end(None, made), made);
        assert_eq!(assertion_end(Some(made.plus_seconds(10)), made), made, "one that ends before it begins");
    }
}
