//! The only clock. A jump of the wall clock is not followed (DESIGN.md §4), and what the server takes for the time never goes back.
//!
//! The wall clock is held against a second one that counts from the start of the machine and goes on while it sleeps (Linux:
//! `CLOCK_BOOTTIME`), so a laptop that wakes up has not jumped. A virtual machine that was paused from outside has, and so has a
//! sleeper on a system whose second clock sleeps too: nothing is issued there until the wall clock is accepted.
//!
//! While the wall clock is behind what was told already, after a correction or an accepted step back, time goes on a tenth slower
//! than it passes: it neither stands still, which would keep everything alive for ever, nor stays ahead for good. All sites share
//! it, and every decision reads it under its site's lock, so a site's state never lives through an instant twice.

use crate::terms::Timestamp;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// The time of the server.
#[derive(Clone)]
pub struct Clock(Arc<Inner>);

struct Inner {
    source: Source,
    /// Locked for a reading; nothing else is locked meanwhile.
    watched: Mutex<Watched>,
}

enum Source {
    Machine,
    Frozen(FrozenClock),
}

/// A clock that stands still until it is moved; for tests and replays.
#[derive(Clone, Default)]
pub struct FrozenClock(Arc<Mutex<Sample>>);

/// What both clocks say at one moment.
#[derive(Clone, Copy, PartialEq, Debug, Default)]
struct Sample {
    wall: Timestamp,
    /// Milliseconds since whenever.
    uptime: u64,
}

/// What was seen before, so that a jump shows.
struct Watched {
    /// The last sample that was believed.
    believed: Sample,
    trusted: bool,
    /// From here time goes on, slowly, while the wall clock is behind.
    reached: Sample,
    untold: Vec<Turn>,
}

/// One reading.
#[derive(Clone, Copy, PartialEq, Debug)]
pub(super) struct Reading {
    /// What the server takes for the time.
    pub(super) now: Timestamp,
    /// Whether the wall clock is believed.
    pub(super) trusted: bool,
}

/// The wall clock jumped, or came back.
#[derive(Clone, Copy, PartialEq, Debug)]
pub(super) struct Turn {
    /// Whether it is believed since.
    pub(super) trusted: bool,
    /// What the wall clock said.
    pub(super) wall: Timestamp,
    /// What the server took for the time.
    pub(super) kept: Timestamp,
}

/// A larger jump is not followed.
const STEP_MILLIS: u64 = 60_000;
/// Of a clock that jumps more often before anything is told, the first jumps are.
const UNTOLD_MAX: usize = 16;

impl Clock {
    /// The machine's clock.
    pub fn system() -> Self {
        Self::of(Source::Machine)
    }
    /// A clock that stands still.
    pub fn frozen(clock: FrozenClock) -> Self {
        Self::of(Source::Frozen(clock))
    }
    fn of(source: Source) -> Self {
        let first = source.sample();
        let watched = Watched { believed: first, trusted: true, reached: first, untold: Vec::new() };
        Self(Arc::new(Inner { source, watched: Mutex::new(watched) }))
    }
    /// The time of the last event: no reading is before it, and a wall clock far behind it has stepped.
    pub(super) fn not_before(&self, last_t: Timestamp) {
        let mut watched = self.watched();
        watched.believed.wall = watched.believed.wall.max(last_t);
        watched.reached.wall = watched.reached.wall.max(last_t);
    }
    /// The time.
    pub(super) fn read(&self) -> Reading {
        let mut watched = self.watched();
        watched.follow(self.0.source.sample())
    }
    /// Whether there are turns that nobody has told yet.
    pub(super) fn has_turned(&self) -> bool {
        !self.watched().untold.is_empty()
    }
    /// Takes them out.
    pub(super) fn turns(&self) -> Vec<Turn> {
        std::mem::take(&mut self.watched().untold)
    }
    /// Puts back turns that could not be told.
    pub(super) fn put_back(&self, mut turns: Vec<Turn>) {
        let mut watched = self.watched();
        turns.append(&mut watched.untold);
        turns.truncate(UNTOLD_MAX);
        watched.untold = turns;
    }
    /// Takes the wall clock for right, whatever it says.
    pub(super) fn accept(&self) -> Timestamp {
        let mut watched = self.watched();
        let sample = self.0.source.sample();
        watched.follow(sample);
        (watched.believed, watched.trusted) = (sample, true);
        sample.wall
    }
    fn watched(&self) -> MutexGuard<'_, Watched> {
        // Whole after every statement that could panic.
        self.0.watched.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Source {
    fn sample(&self) -> Sample {
        match self {
            Self::Machine => machine(),
            Self::Frozen(clock) => *clock.sample(),
        }
    }
}

impl FrozenClock {
    /// A clock that stands at this instant.
    pub fn at(now: Timestamp) -> Self {
        Self(Arc::new(Mutex::new(Sample { wall: now, uptime: 0 })))
    }
    /// Lets this time pass.
    pub fn advance_seconds(&self, seconds: u64) {
        let mut sample = self.sample();
        sample.wall = sample.wall.plus_seconds(seconds);
        sample.uptime = sample.uptime.saturating_add(seconds.saturating_mul(1000));
    }
    /// Sets the wall clock without any time passing, as a person or a time server does.
    pub fn set(&self, wall: Timestamp) {
        self.sample().wall = wall;
    }
    /// Where its wall clock stands.
    pub fn now(&self) -> Timestamp {
        self.sample().wall
    }
    fn sample(&self) -> MutexGuard<'_, Sample> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Watched {
    fn follow(&mut self, sample: Sample) -> Reading {
        let expected = self.believed.wall.plus_millis(sample.uptime.saturating_sub(self.believed.uptime));
        let apart = sample.wall.millis_since(expected).max(expected.millis_since(sample.wall));
        let trusted = apart <= STEP_MILLIS;
        let turned = trusted != self.trusted;
        self.trusted = trusted;
        if trusted {
            self.believed = sample;
        }
        let now = self.never_back(if trusted { sample.wall } else { expected }, sample.uptime);
        if turned && self.untold.len() < UNTOLD_MAX {
            self.untold.push(Turn { trusted, wall: sample.wall, kept: now });
        }
        Reading { now, trusted }
    }

    fn never_back(&mut self, at: Timestamp, uptime: u64) -> Timestamp {
        let passed = uptime.saturating_sub(self.reached.uptime);
        let slowly = self.reached.wall.plus_millis(passed - passed / 10);
        if at >= slowly {
            self.reached = Sample { wall: at, uptime };
        }
        at.max(slowly)
    }
}

#[expect(clippy::disallowed_methods, reason = "the ledger is where the clock is read")]
fn machine() -> Sample {
    let since_epoch = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
    Sample { wall: Timestamp::from_unix_millis(u64::try_from(since_epoch.as_millis()).unwrap_or(u64::MAX)), uptime: uptime() }
}

#[cfg(target_os = "linux")]
fn uptime() -> u64 {
    let since_boot = rustix::time::clock_gettime(rustix::time::ClockId::Boottime);
    let (seconds, nanos) = (u64::try_from(since_boot.tv_sec), u64::try_from(since_boot.tv_nsec));
    seconds.unwrap_or_default().saturating_mul(1000).saturating_add(nanos.unwrap_or_default() / 1_000_000)
}

#[cfg(not(target_os = "linux"))]
fn uptime() -> u64 {
    use std::{sync::LazyLock, time::Instant};
    #[expect(clippy::disallowed_methods, reason = "the ledger is where the clock is read")]
    static START: LazyLock<Instant> = LazyLock::new(Instant::now);
    u64::try_from(START.elapsed().as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: u64) -> Timestamp {
        Timestamp::from_unix_seconds(1_000_000 + seconds)
    }

    /// A clock and how to say what it reads: the wall clock's seconds, after so many have passed.
    fn clock() -> (Clock, impl Fn(u64, u64) -> (Timestamp, bool)) {
        let frozen = FrozenClock::at(at(0));
        let clock = Clock::frozen(frozen.clone());
        let told = clock.clone();
        let read = move |wall: u64, uptime: u64| {
            *frozen.sample() = Sample { wall: at(wall), uptime: uptime * 1000 };
            let reading = told.read();
            (reading.now, reading.trusted)
        };
        (clock, read)
    }

    #[test]
    fn a_small_correction_is_followed_and_a_jump_is_not() {
        let (_, read) = clock();
        assert_eq!(read(31, 1), (at(31), true));
        assert_eq!(read(3600, 2), (at(32), false));
        assert_eq!(read(3601, 3), (at(33), false));
        assert_eq!(read(34, 4), (at(34), true));
    }

    #[test]
    fn time_never_goes_back_and_never_stands_still() {
        let (_, read) = clock();
        assert_eq!(read(100, 100), (at(100), true));
        assert_eq!(read(60, 110), (at(109), true), "a correction of 50 s");
        assert_eq!(read(61, 111), (Timestamp::from_unix_millis(1_000_109_900), true));
        assert_eq!(read(550, 600), (at(550), true), "the wall clock has caught up");
        assert_eq!(read(551, 601), (at(551), true));
    }

    #[test]
    fn a_turn_waits_until_somebody_tells_it() {
        let (clock, read) = clock();
        assert_eq!(read(3600, 1), (at(1), false));
        for passed in 2..10 {
            read(3600 + passed, passed);
        }
        assert_eq!(read(10, 10), (at(10), true));
        let turns = clock.turns();
        assert_eq!(
            turns.iter().map(|turn| (turn.trusted, turn.wall, turn.kept)).collect::<Vec<_>>(),
            [(false, at(3600), at(1)), (true, at(10), at(10))]
        );
        assert_eq!(clock.turns(), []);
        clock.put_back(turns.clone());
        assert_eq!(clock.turns(), turns);
    }

    #[test]
    fn a_clock_behind_the_last_event_has_stepped_and_when_accepted_time_goes_on_from_there() {
        let (clock, read) = clock();
        clock.not_before(at(86_400));
        assert_eq!(read(10, 10), (at(86_410), false));
        clock.accept();
        assert_eq!(read(20, 20), (at(86_419), true), "a tenth slower, from the last reading");
        assert_eq!(read(110, 110), (at(86_500), true));
    }

    #[test]
    fn a_step_that_nobody_has_seen_is_told_when_it_is_accepted() {
        let frozen = FrozenClock::at(at(0));
        let clock = Clock::frozen(frozen.clone());
        frozen.set(at(7200));
        assert_eq!(clock.accept(), at(7200));
        assert_eq!(clock.turns(), [Turn { trusted: false, wall: at(7200), kept: at(0) }]);
        assert_eq!(clock.read(), Reading { now: at(7200), trusted: true });
    }

    #[test]
    fn the_machines_clocks_agree() {
        let clock = Clock::system();
        let (first, second) = (clock.read(), clock.read());
        assert!(first.trusted && second.trusted && first.now <= second.now);
        assert_eq!(clock.turns(), []);
    }
}
