//! The only clock. A jump of the wall clock against the monotonic one is not followed (DESIGN.md §4).

use crate::terms::Timestamp;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Instant, SystemTime, UNIX_EPOCH};

/// The time of the server.
#[derive(Clone)]
pub struct Clock(Arc<Inner>);

enum Inner {
    System(Mutex<Watched>),
    Frozen(FrozenClock),
}

/// What the wall clock said when, so that a jump shows.
struct Watched {
    wall: Timestamp,
    since: Instant,
    trusted: bool,
}

/// A clock that stands still until it is moved; for tests and replays.
#[derive(Clone, Default)]
pub struct FrozenClock(Arc<AtomicU64>);

/// One reading.
#[derive(Clone, Copy, PartialEq, Debug)]
pub(super) struct Reading {
    /// What the server takes for the time.
    pub(super) now: Timestamp,
    /// What the wall clock says.
    pub(super) wall: Timestamp,
    /// Whether the two agree.
    pub(super) trusted: bool,
    /// Whether that has just changed.
    pub(super) turned: bool,
}

/// A larger jump is not followed.
const STEP_SECONDS: u64 = 60;

impl Clock {
    /// The machine's clock. `not_before` is the time of the last event: a clock behind it has stepped.
    pub fn system(not_before: Timestamp) -> Self {
        let (wall, since) = read();
        Self(Arc::new(Inner::System(Mutex::new(Watched { wall: wall.max(not_before), since, trusted: true }))))
    }
    /// A clock that stands still.
    pub fn frozen(clock: FrozenClock) -> Self {
        Self(Arc::new(Inner::Frozen(clock)))
    }
    /// The time.
    pub(super) fn read(&self) -> Reading {
        match &*self.0 {
            Inner::System(watched) => {
                let (wall, instant) = read();
                watched.lock().unwrap_or_else(PoisonError::into_inner).follow(wall, instant)
            }
            Inner::Frozen(clock) => Reading { now: clock.now(), wall: clock.now(), trusted: true, turned: false },
        }
    }
    /// Takes the wall clock for right, whatever it says.
    pub(super) fn accept(&self) -> Timestamp {
        let (wall, since) = read();
        if let Inner::System(watched) = &*self.0 {
            *watched.lock().unwrap_or_else(PoisonError::into_inner) = Watched { wall, since, trusted: true };
        }
        wall
    }
}

impl FrozenClock {
    /// A clock that stands at this instant.
    pub fn at(now: Timestamp) -> Self {
        Self(Arc::new(AtomicU64::new(now.unix_millis())))
    }
    /// Moves it forward.
    pub fn advance_seconds(&self, seconds: u64) {
        self.0.fetch_add(seconds.saturating_mul(1000), Ordering::SeqCst);
    }
    /// Where it stands.
    pub fn now(&self) -> Timestamp {
        Timestamp::from_unix_millis(self.0.load(Ordering::SeqCst))
    }
}

impl Watched {
    fn follow(&mut self, wall: Timestamp, instant: Instant) -> Reading {
        let passed = u64::try_from(instant.saturating_duration_since(self.since).as_millis()).unwrap_or(u64::MAX);
        let expected = self.wall.plus_millis(passed);
        let apart = wall.millis_since(expected).max(expected.millis_since(wall));
        let trusted = apart <= STEP_SECONDS * 1000;
        let turned = trusted != self.trusted;
        self.trusted = trusted;
        if trusted {
            (self.wall, self.since) = (wall, instant);
        }
        Reading { now: if trusted { wall } else { expected }, wall, trusted, turned }
    }
}

#[expect(clippy::disallowed_methods, reason = "the ledger is where the clock is read")]
fn read() -> (Timestamp, Instant) {
    let since_epoch = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    (Timestamp::from_unix_millis(u64::try_from(since_epoch.as_millis()).unwrap_or(u64::MAX)), Instant::now())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    #[test]
    fn a_small_correction_is_followed_and_a_jump_is_not() {
        let (_, start) = read();
        let at = Timestamp::from_unix_seconds(1_000_000);
        let mut watched = Watched { wall: at, since: start, trusted: true };
        let after = |seconds: u64| start + Duration::from_secs(seconds);
        let corrected = watched.follow(at.plus_seconds(31), after(1));
        assert_eq!((corrected.now, corrected.trusted), (at.plus_seconds(31), true));
        let jumped = watched.follow(at.plus_seconds(3600), after(2));
        assert_eq!((jumped.now, jumped.trusted, jumped.turned), (at.plus_seconds(32), false, true));
        let still = watched.follow(at.plus_seconds(3601), after(3));
        assert_eq!((still.now, still.trusted, still.turned), (at.plus_seconds(33), false, false));
        let back = watched.follow(at.plus_seconds(34), after(4));
        assert_eq!((back.now, back.trusted, back.turned), (at.plus_seconds(34), true, true));
    }
}
