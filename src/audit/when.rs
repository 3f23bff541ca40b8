//! Points in time, in the one notation that every command understands (AUDIT.md §8.2).

use crate::ledger::{Failure, Ledger, Site};
use crate::terms::{ParseError, Timestamp};

/// A point in a site's history.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum When {
    /// An event's number: `48213` or `#48213`.
    Seq(u64),
    /// An instant: RFC 3339, `now`, or a while ago as `-90s`, `-15m`, `-2h`, `-3d`.
    At(Timestamp),
}

impl When {
    /// Reads the notation; `now` is what a while ago counts from.
    pub fn parse(text: &str, now: Timestamp) -> Result<Self, ParseError> {
        let error = ParseError { what: "point in time: use an event number, an RFC 3339 time, 'now', or a while ago as -2h" };
        if text == "now" {
            return Ok(Self::At(now));
        }
        if let Some(ago) = text.strip_prefix('-') {
            return seconds(ago).map(|seconds| Self::At(now.minus_seconds(seconds))).ok_or(error);
        }
        if let Ok(seq) = text.strip_prefix('#').unwrap_or(text).parse() {
            return Ok(Self::Seq(seq));
        }
        text.parse().map(Self::At).map_err(|_| error)
    }

    /// The number of the first event that is not before this point; `end` if there is none. Times never decrease within a site,
    /// so a few reads find it.
    pub fn first(self, ledger: &Ledger, site: &Site, end: u64) -> Result<u64, Failure> {
        match self {
            Self::Seq(seq) => Ok(seq.min(end)),
            Self::At(at) => partition(ledger, site, end, |t| t < at),
        }
    }

    /// The number after the last event that is not after this point.
    pub fn past(self, ledger: &Ledger, site: &Site, end: u64) -> Result<u64, Failure> {
        match self {
            Self::Seq(seq) => Ok(seq.saturating_add(1).min(end)),
            Self::At(at) => partition(ledger, site, end, |t| t <= at),
        }
    }
}

/// Seconds of `90s`, `15m`, `2h` or `3d`.
fn seconds(text: &str) -> Option<u64> {
    let units = [('s', 1), ('m', 60), ('h', 3600), ('d', 86_400)];
    let (number, unit) = units.into_iter().find_map(|(letter, unit)| Some((text.strip_suffix(letter)?, unit)))?;
    let digits = !number.is_empty() && number.bytes().all(|c| c.is_ascii_digit());
    digits.then(|| number.parse::<u64>().ok()).flatten()?.checked_mul(unit)
}

/// How many of the first `end` events have a time that is still before.
fn partition(ledger: &Ledger, site: &Site, end: u64, before: impl Fn(Timestamp) -> bool) -> Result<u64, Failure> {
    let (mut low, mut high) = (0, end);
    while low < high {
        let middle = low.midpoint(high);
        match before(super::record(ledger, site, middle)?.t) {
            true => low = middle.saturating_add(1),
            false => high = middle,
        }
    }
    Ok(low)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_point_in_time_is_a_number_a_time_or_a_while_ago() {
        let now = Timestamp::from_unix_seconds(1_000_000);
        let parse = |text| When::parse(text, now);
        assert_eq!(parse("48213"), Ok(When::Seq(48213)));
        assert_eq!(parse("#48213"), Ok(When::Seq(48213)));
        assert_eq!(parse("now"), Ok(When::At(now)));
        for (text, ago) in [("-90s", 90), ("-15m", 900), ("-2h", 7200), ("-3d", 259_200)] {
            assert_eq!(parse(text), Ok(When::At(now.minus_seconds(ago))), "{text}");
        }
        assert_eq!(parse("1970-01-12T13:46:40.000Z"), Ok(When::At(now)));
        for text in ["", "#", "-", "-2", "-2w", "--2h", "-+2h", "yesterday", "-99999999999999999999d"] {
            assert!(parse(text).is_err(), "{text}");
        }
    }
}
