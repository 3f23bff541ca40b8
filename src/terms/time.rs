//! Instants.

use super::{ParseError, serde_as_text};
use chrono::{DateTime, SecondsFormat, Utc};
use std::{fmt, str::FromStr};

/// An instant: milliseconds since the Unix epoch, written as RFC 3339 in UTC with three decimals. Years 1970 to 9999.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Timestamp(u64);

/// 9999-12-31T23:59:59.999Z.
const LAST: u64 = 253_402_300_799_999;

impl Timestamp {
    /// The instant this many milliseconds after the epoch; never later than the year 9999.
    pub fn from_unix_millis(millis: u64) -> Self {
        Self(millis.min(LAST))
    }
    /// The instant this many seconds after the epoch.
    pub fn from_unix_seconds(seconds: u64) -> Self {
        Self::from_unix_millis(seconds.saturating_mul(1000))
    }
    /// Milliseconds since the epoch.
    pub fn unix_millis(self) -> u64 {
        self.0
    }
    /// Whole seconds since the epoch: the NumericDate of RFC 7519 §2.
    pub fn unix_seconds(self) -> u64 {
        self.0 / 1000
    }
    /// The beginning of this instant's second.
    pub fn whole_second(self) -> Self {
        Self(self.0 - self.0 % 1000)
    }
    /// The instant this many seconds later.
    pub fn plus_seconds(self, seconds: u64) -> Self {
        Self::from_unix_millis(self.0.saturating_add(seconds.saturating_mul(1000)))
    }
    /// The instant this many milliseconds later.
    pub fn plus_millis(self, millis: u64) -> Self {
        Self::from_unix_millis(self.0.saturating_add(millis))
    }
    /// The instant this many seconds earlier.
    pub fn minus_seconds(self, seconds: u64) -> Self {
        Self(self.0.saturating_sub(seconds.saturating_mul(1000)))
    }
    /// The instant this many milliseconds earlier.
    pub fn minus_millis(self, millis: u64) -> Self {
        Self(self.0.saturating_sub(millis))
    }
    /// Milliseconds from `earlier` to this instant; 0 if it is not earlier.
    pub fn millis_since(self, earlier: Self) -> u64 {
        self.0.saturating_sub(earlier.0)
    }
    /// Whole seconds from `earlier` to this instant; 0 if it is not earlier.
    pub fn seconds_since(self, earlier: Self) -> u64 {
        self.unix_seconds().saturating_sub(earlier.unix_seconds())
    }
    /// The instant of a date in a header field (RFC 9110 §5.6.7), as `Sun, 06 Nov 1994 08:49:37 GMT`.
    pub fn from_http_date(text: &str) -> Option<Self> {
        let date = DateTime::parse_from_rfc2822(text).ok()?;
        u64::try_from(date.timestamp()).ok().map(Self::from_unix_seconds)
    }
    /// The month in UTC, as `2026-11`.
    pub fn month(self) -> String {
        self.to_string().chars().take(7).collect()
    }
    /// The day in UTC, in words: `14 February 2027`.
    pub fn day(self) -> String {
        self.to_chrono().format("%-d %B %Y").to_string()
    }
    fn to_chrono(self) -> DateTime<Utc> {
        i64::try_from(self.0).ok().and_then(DateTime::from_timestamp_millis).unwrap_or(DateTime::UNIX_EPOCH)
    }
}
impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.to_chrono().to_rfc3339_opts(SecondsFormat::Millis, true))
    }
}
impl fmt::Debug for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}
impl FromStr for Timestamp {
    type Err = ParseError;
    fn from_str(text: &str) -> Result<Self, ParseError> {
        let parsed = DateTime::parse_from_rfc3339(text).ok();
        let millis = parsed.and_then(|at| u64::try_from(at.timestamp_millis()).ok()).filter(|millis| *millis <= LAST);
        millis.map(Self).ok_or(ParseError { what: "RFC 3339 time" })
    }
}
serde_as_text!(Timestamp);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_instant_is_written_in_utc_with_milliseconds() {
        let at = Timestamp::from_unix_millis(1_773_475_272_004);
        assert_eq!(at.to_string(), "2026-03-14T08:01:12.004Z");
        assert_eq!(at.to_string().parse::<Timestamp>(), Ok(at));
        assert_eq!("2026-03-14T09:01:12.004+01:00".parse::<Timestamp>(), Ok(at));
        assert_eq!(at.month(), "2026-03");
        assert_eq!(Timestamp::from_unix_millis(u64::MAX).to_string(), "9999-12-31T23:59:59.999Z");
    }
}
