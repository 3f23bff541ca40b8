//! Points in time, in the one notation that every command understands (AUDIT.md §8.2).

use crate::event::{Event, ServerEvent};
use crate::ledger::{Failure, Ledger, Site};
use crate::terms::{ParseError, SiteName, Timestamp};
use uuid::Uuid;

/// A point in a site's history, as somebody wrote it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct When {
    what: What,
    /// `before:` means the moment before it.
    before: bool,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum What {
    /// An event's number: `48213` or `#48213`.
    Seq(u64),
    /// An instant: RFC 3339, `now`, `yesterday 09:00`, or a while ago as `-90s`, `-15m`, `-2h`, `-3d`.
    At(Timestamp),
    /// The last start of the server: `boot`.
    Boot,
    /// The last event under a checkpoint that covers so many: `checkpoint:12`.
    Checkpoint(u64),
    /// The event with this id: `event:<uuid>`.
    Event(Uuid),
}

/// A point in a site's history, as it was found: so many events had happened, and the clock stood here.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Point {
    /// How many events lie before it; the number of the last one, plus one.
    pub events: u64,
    /// What the clock said.
    pub t: Timestamp,
}

/// Why there is no such point.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum WhenError {
    /// The site has no such event.
    #[error("site {site} has no {what}; {last}")]
    Unknown {
        /// The site.
        site: SiteName,
        /// What was asked for.
        what: String,
        /// Which is the last one.
        last: String,
    },
    /// It is still to come.
    #[error("{0} is still to come; what will be is in no log")]
    Future(Timestamp),
    /// The log cannot be read.
    #[error(transparent)]
    Failure(#[from] Failure),
}

const NOTATION: ParseError = ParseError {
    what: "point in time: use an event number, an RFC 3339 time, 'now', a while ago as -2h, 'yesterday 09:00', boot, checkpoint:12, \
           event:ID, or before: and one of these",
};

impl When {
    /// Reads the notation; `now` is what a while ago counts from. Days are those of UTC.
    pub fn parse(text: &str, now: Timestamp) -> Result<Self, ParseError> {
        let (text, before) = text.strip_prefix("before:").map_or((text, false), |rest| (rest, true));
        Ok(Self { what: What::parse(text, now).ok_or(NOTATION)?, before })
    }

    /// The number of the first of the first `end` events that is not before this point; `end` if there is none.
    pub fn first(self, ledger: &Ledger, site: &Site, end: u64) -> Result<u64, WhenError> {
        let (first, past, _) = self.what.bounds(ledger, site, end)?;
        Ok(if self.before { first.min(past).saturating_sub(1) } else { first })
    }

    /// The number after the last of the first `end` events that is not after this point.
    pub fn past(self, ledger: &Ledger, site: &Site, end: u64) -> Result<u64, WhenError> {
        let (first, past, _) = self.what.bounds(ledger, site, end)?;
        Ok(if self.before { first } else { past })
    }

    /// The point itself. What is named must be there, and not be still to come.
    pub fn find(self, ledger: &Ledger, site: &Site) -> Result<Point, WhenError> {
        let (end, now) = (site.durable().events, ledger.now());
        if let What::At(t) = self.what
            && t > now
        {
            return Err(WhenError::Future(t));
        }
        let (first, past, t) = self.what.bounds(ledger, site, end)?;
        if let Some(named) = self.what.number().filter(|number| *number >= end) {
            return Err(unknown(site, end, format!("event #{named}")));
        }
        match (self.before, t) {
            (false, Some(t)) => Ok(Point { events: past, t }),
            (true, Some(t)) => Ok(Point { events: first, t: t.minus_millis(1) }),
            // An event's own time is the clock's.
            (before, None) => Point::after(ledger, site, if before { first } else { past }),
        }
    }
}

impl Point {
    /// The moment of the last of so many events; of none, the beginning of time.
    pub fn after(ledger: &Ledger, site: &Site, events: u64) -> Result<Self, WhenError> {
        match events.checked_sub(1) {
            Some(last) => Ok(Self { events, t: super::record(ledger, site, last)?.t }),
            None => Ok(Self { events, t: Timestamp::default() }),
        }
    }
    /// The number of its last event.
    pub fn seq(self) -> Option<u64> {
        self.events.checked_sub(1)
    }
}

impl What {
    fn parse(text: &str, now: Timestamp) -> Option<Self> {
        match text {
            "now" => return Some(Self::At(now)),
            "boot" => return Some(Self::Boot),
            _ => {}
        }
        if let Some(ago) = text.strip_prefix('-') {
            return seconds(ago).map(|seconds| Self::At(now.minus_seconds(seconds)));
        }
        if let Some(size) = text.strip_prefix("checkpoint:") {
            return number(size).filter(|size| *size > 0).map(Self::Checkpoint);
        }
        if let Some(id) = text.strip_prefix("event:") {
            return id.parse().ok().map(Self::Event);
        }
        for (day, ago) in [("today ", 0), ("yesterday ", 86_400)] {
            if let Some(time) = text.strip_prefix(day) {
                return of_day(now.minus_seconds(ago), time).map(Self::At);
            }
        }
        number(text.strip_prefix('#').unwrap_or(text)).map(Self::Seq).or_else(|| text.parse().ok().map(Self::At))
    }

    /// The event's number that it names, where that needs no looking up.
    fn number(self) -> Option<u64> {
        match self {
            Self::Seq(seq) => Some(seq),
            Self::Checkpoint(size) => size.checked_sub(1),
            Self::At(_) | Self::Boot | Self::Event(_) => None,
        }
    }

    /// The number of the first of the first `end` events that is not before this, the number after the last one that is not after it,
    /// and the clock, unless it is that event's. Times never decrease within a site, so a few reads find it.
    fn bounds(self, ledger: &Ledger, site: &Site, end: u64) -> Result<(u64, u64, Option<Timestamp>), WhenError> {
        let around = |seq: u64| (seq.min(end), seq.saturating_add(1).min(end), None);
        let at = match self {
            Self::Seq(seq) => return Ok(around(seq)),
            Self::Checkpoint(size) => return Ok(around(size.saturating_sub(1))),
            Self::Event(id) => return Ok(around(number_of(ledger, site, end, id)?)),
            Self::Boot => boot(ledger, site)?,
            Self::At(at) => at,
        };
        Ok((partition(ledger, site, end, |t| t < at)?, partition(ledger, site, end, |t| t <= at)?, Some(at)))
    }
}

/// The event with this id. Its uuid v7 tells its time, so only the events of one millisecond are looked at.
fn number_of(ledger: &Ledger, site: &Site, end: u64, id: Uuid) -> Result<u64, WhenError> {
    let (seconds, nanos) = id.get_timestamp().map(|t| t.to_unix()).unwrap_or_default();
    let t = Timestamp::from_unix_millis(seconds.saturating_mul(1000).saturating_add(u64::from(nanos) / 1_000_000));
    let (first, past) = (partition(ledger, site, end, |at| at < t)?, partition(ledger, site, end, |at| at <= t)?);
    for seq in first..past {
        if super::record(ledger, site, seq)?.id == id {
            return Ok(seq);
        }
    }
    Err(unknown(site, end, format!("event {id}")))
}

/// When the server was last started.
fn boot(ledger: &Ledger, site: &Site) -> Result<Timestamp, WhenError> {
    let none = || unknown(site, site.durable().events, "start of the server: it was never started on this data directory".to_owned());
    let server = ledger.site(&SiteName::server()).ok_or_else(none)?;
    for seq in (0..server.durable().events).rev() {
        let record = super::record(ledger, &server, seq)?;
        if matches!(record.event, Event::Server(ServerEvent::Started { .. })) {
            return Ok(record.t);
        }
    }
    Err(none())
}

fn unknown(site: &Site, end: u64, what: String) -> WhenError {
    let last = end.checked_sub(1).map_or_else(|| "it has no events".to_owned(), |last| format!("its last event is #{last}"));
    WhenError::Unknown { site: site.name().clone(), what, last }
}

/// A number in digits alone.
fn number(text: &str) -> Option<u64> {
    text.bytes().all(|c| c.is_ascii_digit()).then(|| text.parse().ok()).flatten()
}

/// `09:00` or `09:00:30` of that instant's day in UTC.
fn of_day(day: Timestamp, time: &str) -> Option<Timestamp> {
    let day: String = day.to_string().chars().take(10).collect();
    let seconds = if time.len() == 5 { ":00" } else { "" };
    format!("{day}T{time}{seconds}Z").parse().ok()
}

/// Seconds of `90s`, `15m`, `2h` or `3d`.
fn seconds(text: &str) -> Option<u64> {
    let units = [('s', 1), ('m', 60), ('h', 3600), ('d', 86_400)];
    let (digits, unit) = units.into_iter().find_map(|(letter, unit)| Some((text.strip_suffix(letter)?, unit)))?;
    number(digits)?.checked_mul(unit)
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

    fn parse(text: &str) -> Result<When, ParseError> {
        When::parse(text, now())
    }
    /// 1970-01-12T13:46:40Z.
    fn now() -> Timestamp {
        Timestamp::from_unix_seconds(1_000_000)
    }
    fn of(what: What) -> Result<When, ParseError> {
        Ok(When { what, before: false })
    }

    #[test]
    fn a_point_in_time_is_a_number_a_time_or_a_while_ago() {
        assert_eq!(parse("48213"), of(What::Seq(48213)));
        assert_eq!(parse("#48213"), of(What::Seq(48213)));
        assert_eq!(parse("now"), of(What::At(now())));
        for (text, ago) in [("-90s", 90), ("-15m", 900), ("-2h", 7200), ("-3d", 259_200)] {
            assert_eq!(parse(text), of(What::At(now().minus_seconds(ago))), "{text}");
        }
        assert_eq!(parse("1970-01-12T13:46:40.000Z"), of(What::At(now())));
        for text in ["", "#", "-", "-2", "-2w", "--2h", "-+2h", "+7", "yesterday", "-99999999999999999999d"] {
            assert!(parse(text).is_err(), "{text}");
        }
    }

    #[test]
    fn a_point_in_time_is_also_a_time_of_day_a_start_a_checkpoint_an_event_or_before_one() {
        let midnight = Timestamp::from_unix_seconds(1_000_000 - 1_000_000 % 86_400);
        assert_eq!(parse("today 13:46:40"), of(What::At(now())));
        assert_eq!(parse("today 00:00"), of(What::At(midnight)));
        assert_eq!(parse("yesterday 09:30"), of(What::At(midnight.minus_seconds(86_400 - 34_200))));
        assert_eq!(parse("boot"), of(What::Boot));
        assert_eq!(parse("checkpoint:12"), of(What::Checkpoint(12)));
        let id = Uuid::from_u128(7);
        assert_eq!(parse(&format!("event:{id}")), of(What::Event(id)));
        assert_eq!(parse("before:5"), Ok(When { what: What::Seq(5), before: true }));
        assert_eq!(parse("before:boot"), Ok(When { what: What::Boot, before: true }));
        for text in ["before:", "before:before:5", "yesterday 25:00", "today 9:00", "checkpoint:0", "checkpoint:-1", "event:7", "Boot"] {
            assert!(parse(text).is_err(), "{text}");
        }
    }
}
