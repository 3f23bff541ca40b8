//! What a connection is waiting for, and since when; from that, when it has waited long enough (THREATS.md A93).

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};
use tokio::{
    sync::Notify,
    time::{Instant, sleep_until},
};

/// How long each wait may be.
#[derive(Clone, Copy, Debug)]
pub struct Waits {
    /// From the first byte of a request's head to its last, and for the first byte of a fresh connection.
    pub head: Duration,
    /// Between requests.
    pub idle: Duration,
    /// For the other side to take more bytes of an answer.
    pub write: Duration,
}

/// Why a connection has come to its end.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Expiry {
    /// Nothing is under way: say goodbye.
    Idle,
    /// The other side is too slow: hang up.
    Slow,
}

/// The pulse of one connection, shared by its reader and writer ([`super::strict_io`]), its requests and its watcher. Each of
/// them holds the lock for a few instructions and never across an await.
#[derive(Clone)]
pub struct Pulse(Arc<Shared>);

struct Shared {
    waits: Waits,
    beat: Mutex<Beat>,
    /// Wakes the watcher when a deadline has come nearer.
    nearer: Notify,
}

struct Beat {
    requests: usize,
    quiet_since: Instant,
    /// A request's head has begun and is not whole.
    head_since: Option<Instant>,
    /// Bytes wait to be taken.
    blocked_since: Option<Instant>,
    /// When each answer last handed over a piece that the other side has not asked beyond. HTTP/2 has a window for each answer, so
    /// one may stand still while the connection does not.
    pieces: BTreeMap<u64, Instant>,
    next_request: u64,
    /// Its place is given to another: it ends as soon as nothing is under way.
    leaving: bool,
}

impl Beat {
    /// Since when nothing is under way and nobody waits for anything; `None` while something is.
    fn idle_since(&self) -> Option<Instant> {
        let busy = self.requests > 0 || self.head_since.is_some() || self.blocked_since.is_some() || !self.pieces.is_empty();
        (!busy).then_some(self.quiet_since)
    }
}

impl Pulse {
    /// The pulse of a connection accepted now. Its first head must come within `waits.head`, unless it `may_wait`: HTTP/2
    /// clients open connections ahead of need.
    pub fn new(waits: Waits, may_wait: bool) -> Self {
        let now = Instant::now();
        let beat = Beat {
            requests: 0,
            quiet_since: now,
            head_since: (!may_wait).then_some(now),
            blocked_since: None,
            pieces: BTreeMap::new(),
            next_request: 0,
            leaving: false,
        };
        Self(Arc::new(Shared { waits, beat: Mutex::new(beat), nearer: Notify::new() }))
    }
    /// How long each wait may be.
    pub fn waits(&self) -> Waits {
        self.0.waits
    }
    /// Since when the connection waits for nothing; `None` if it does.
    pub fn idle_since(&self) -> Option<Instant> {
        self.beat().idle_since()
    }
    /// Ends it now if it is idle, and else when it is.
    pub fn ask_to_leave(&self) {
        self.beat().leaving = true;
        self.0.nearer.notify_one();
    }
    /// The first byte of a head has come.
    pub fn head_begins(&self) {
        self.beat().head_since.get_or_insert_with(Instant::now);
        self.0.nearer.notify_one();
    }
    /// A request is under way as long as this guard lives.
    pub fn request_begins(&self) -> InFlight {
        let mut beat = self.beat();
        beat.requests += 1;
        beat.head_since = None;
        beat.next_request += 1;
        InFlight { pulse: self.clone(), request: beat.next_request }
    }
    /// The other side does or does not take bytes.
    pub fn writing(&self, blocked: bool) {
        let mut beat = self.beat();
        match (blocked, beat.blocked_since) {
            (false, _) => beat.blocked_since = None,
            (true, Some(_)) => {}
            (true, None) => {
                beat.blocked_since = Some(Instant::now());
                self.0.nearer.notify_one();
            }
        }
    }
    /// Waits until the connection has waited long enough.
    pub async fn expired(&self) -> Expiry {
        loop {
            let (deadline, expiry) = self.deadline();
            tokio::select! {
                () = sleep_until(deadline) => {
                    let (still, expiry_now) = self.deadline();
                    if still <= Instant::now() && expiry_now == expiry {
                        return expiry;
                    }
                }
                () = self.0.nearer.notified() => {}
            }
        }
    }
    /// The next instant at which something has lasted too long. A request under way has a deadline of its own, at the door.
    fn deadline(&self) -> (Instant, Expiry) {
        let (beat, waits) = (self.beat(), &self.0.waits);
        let head = beat.head_since.filter(|_| beat.requests == 0).map(|since| since + waits.head);
        let write = beat.blocked_since.iter().chain(beat.pieces.values()).min().map(|since| *since + waits.write);
        if let Some(slow) = [head, write].into_iter().flatten().min() {
            return (slow, Expiry::Slow);
        }
        match beat.idle_since() {
            Some(since) if beat.leaving => (since, Expiry::Idle),
            Some(since) => (since + waits.idle, Expiry::Idle),
            None => (Instant::now() + waits.idle, Expiry::Idle),
        }
    }
    fn beat(&self) -> MutexGuard<'_, Beat> {
        self.0.beat.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// One request under way, until its answer's last byte is handed over.
pub struct InFlight {
    pulse: Pulse,
    request: u64,
}

impl InFlight {
    /// A piece of the answer has been handed over (`true`), or the answer itself has nothing more to give just now (`false`), as
    /// a stream of events between two of them.
    pub fn handed_over(&self, piece: bool) {
        let mut beat = self.pulse.beat();
        if piece {
            beat.pieces.insert(self.request, Instant::now());
            self.pulse.0.nearer.notify_one();
        } else {
            beat.pieces.remove(&self.request);
        }
    }
}

impl Drop for InFlight {
    fn drop(&mut self) {
        let mut beat = self.pulse.beat();
        beat.requests = beat.requests.saturating_sub(1);
        beat.pieces.remove(&self.request);
        beat.quiet_since = Instant::now();
        // A pipelined head may have begun while this request was under way; its time counts from now.
        beat.head_since = beat.head_since.map(|_| Instant::now());
        self.pulse.0.nearer.notify_one();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::time::timeout;

    const SHORT: Duration = Duration::from_millis(20);
    const LONG: Duration = Duration::from_secs(600);

    async fn ends(pulse: &Pulse) -> Option<Expiry> {
        timeout(Duration::from_millis(300), pulse.expired()).await.ok()
    }

    #[tokio::test]
    async fn a_fresh_connection_must_say_something_unless_it_may_wait() {
        let waits = Waits { head: SHORT, idle: LONG, write: LONG };
        assert_eq!(ends(&Pulse::new(waits, false)).await, Some(Expiry::Slow));
        assert_eq!(ends(&Pulse::new(waits, true)).await, None);
    }

    #[tokio::test]
    async fn a_head_that_does_not_end_is_slow_and_a_request_under_way_is_not() {
        let pulse = Pulse::new(Waits { head: SHORT, idle: LONG, write: LONG }, true);
        let request = pulse.request_begins();
        pulse.head_begins();
        assert_eq!(ends(&pulse).await, None);
        drop(request);
        assert_eq!(ends(&pulse).await, Some(Expiry::Slow));
    }

    #[tokio::test]
    async fn quiet_ends_a_connection_and_a_request_keeps_it() {
        let pulse = Pulse::new(Waits { head: LONG, idle: SHORT, write: LONG }, true);
        let request = pulse.request_begins();
        assert_eq!(ends(&pulse).await, None);
        drop(request);
        assert_eq!(ends(&pulse).await, Some(Expiry::Idle));
    }

    #[tokio::test]
    async fn who_is_asked_to_leave_goes_when_nothing_is_under_way() {
        let waits = Waits { head: LONG, idle: LONG, write: LONG };
        let idle = Pulse::new(waits, true);
        assert!(idle.idle_since().is_some());
        idle.ask_to_leave();
        assert_eq!(ends(&idle).await, Some(Expiry::Idle));
        let busy = Pulse::new(waits, true);
        let request = busy.request_begins();
        busy.ask_to_leave();
        assert_eq!((busy.idle_since(), ends(&busy).await), (None, None));
        drop(request);
        assert_eq!(ends(&busy).await, Some(Expiry::Idle));
        let fresh = Pulse::new(waits, false);
        assert_eq!(fresh.idle_since(), None, "one that has said nothing yet may be about to");
    }

    #[tokio::test]
    async fn a_reader_that_takes_nothing_is_slow_even_during_a_request() {
        let pulse = Pulse::new(Waits { head: LONG, idle: LONG, write: SHORT }, true);
        let _request = pulse.request_begins();
        pulse.writing(true);
        pulse.writing(false);
        assert_eq!(ends(&pulse).await, None);
        pulse.writing(true);
        assert_eq!(ends(&pulse).await, Some(Expiry::Slow));
    }

    #[tokio::test]
    async fn an_answer_that_nobody_takes_is_slow_and_one_that_has_nothing_to_say_is_not() {
        let pulse = Pulse::new(Waits { head: LONG, idle: LONG, write: SHORT }, true);
        let request = pulse.request_begins();
        request.handed_over(true);
        request.handed_over(false);
        assert_eq!(ends(&pulse).await, None);
        request.handed_over(true);
        assert_eq!(ends(&pulse).await, Some(Expiry::Slow));
        drop(request);
        assert_eq!(ends(&pulse).await, None);
    }
}
