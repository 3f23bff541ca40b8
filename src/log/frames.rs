//! Reading and following a log, alike for all engines.

use super::{Cause, LogError, Position};
use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError, Weak};

/// Frames in order. After an error nothing more comes.
pub type Frames = Box<dyn Iterator<Item = Result<(Position, Vec<u8>), LogError>> + Send>;

/// Frames read at once: one first, because most reads want a single record, then more.
const CHUNK_MIN: usize = 1;
const CHUNK_MAX: usize = 512;

/// What an engine does for reading: exactly the frames of `from..to`, all of them below the head, or an error.
pub(super) trait Source: Send + Sync {
    fn read(&self, from: Position, to: Position) -> Result<Vec<Vec<u8>>, LogError>;
}

/// The frames from a position to a head.
pub(super) fn until(source: Arc<dyn Source>, from: Position, head: Position) -> Frames {
    let mut reader = Reader::new(from);
    Box::new(std::iter::from_fn(move || reader.next(&*source, head)))
}

struct Reader {
    next: Position,
    ready: VecDeque<Vec<u8>>,
    chunk: usize,
    has_failed: bool,
}

impl Reader {
    fn new(next: Position) -> Self {
        Self { next, ready: VecDeque::new(), chunk: CHUNK_MIN, has_failed: false }
    }
    fn next(&mut self, source: &dyn Source, head: Position) -> Option<Result<(Position, Vec<u8>), LogError>> {
        if self.has_failed {
            return None;
        }
        if self.ready.is_empty() && self.next < head {
            let to = self.next.plus(self.chunk).min(head);
            match source.read(self.next, to) {
                Ok(frames) => self.ready = frames.into(),
                Err(error) => {
                    self.has_failed = true;
                    return Some(Err(error));
                }
            }
            self.chunk = (self.chunk * 4).min(CHUNK_MAX);
        }
        let frame = self.ready.pop_front()?;
        let position = self.next;
        self.next = position.plus(1);
        Some(Ok((position, frame)))
    }
}

/// The head of a log and whether it goes on. Written by the engine after a batch is durable; subscribers wait on it.
/// The lock is held for the length of a comparison only.
#[derive(Default)]
pub(super) struct News {
    heard: Mutex<Heard>,
    change: Condvar,
}

#[derive(Clone, Copy, Default)]
struct Heard {
    head: Position,
    is_closed: bool,
}

impl News {
    pub fn new(head: Position) -> Arc<Self> {
        Arc::new(Self { heard: Mutex::new(Heard { head, is_closed: false }), change: Condvar::new() })
    }
    pub fn head(&self) -> Position {
        self.lock().head
    }
    pub fn is_closed(&self) -> bool {
        self.lock().is_closed
    }
    /// Commit point for readers: from here on the frames below `head` are given out.
    pub fn publish(&self, head: Position) {
        self.lock().head = head;
        self.change.notify_all();
    }
    pub fn close(&self) {
        self.lock().is_closed = true;
        self.change.notify_all();
    }
    fn lock(&self) -> MutexGuard<'_, Heard> {
        self.heard.lock().unwrap_or_else(PoisonError::into_inner)
    }
    /// The head once it is beyond `seen`; none if the log is closed or the subscriber stopped before.
    fn wait_beyond(&self, seen: Position, is_stopped: &AtomicBool) -> Option<Position> {
        let is_idle = |heard: &mut Heard| heard.head <= seen && !heard.is_closed && !is_stopped.load(Ordering::Acquire);
        let heard = self.change.wait_while(self.lock(), is_idle).unwrap_or_else(PoisonError::into_inner);
        (heard.head > seen && !is_stopped.load(Ordering::Acquire)).then_some(heard.head)
    }
}

/// The frames of a log and then each new one, once, when it is durable. Blocks for news. Ends when the log is closed or dropped, or
/// when stopped.
pub struct Subscription {
    /// Weak, so that a forgotten subscriber does not keep the engine's files open.
    source: Weak<dyn Source>,
    news: Arc<News>,
    reader: Reader,
    is_stopped: Arc<AtomicBool>,
}

/// Ends a subscription from another thread.
#[derive(Clone)]
pub struct Stopper {
    news: Arc<News>,
    is_stopped: Arc<AtomicBool>,
}

impl Subscription {
    pub(super) fn new(source: Weak<dyn Source>, news: Arc<News>, from: Position) -> Self {
        Self { source, news, reader: Reader::new(from), is_stopped: Arc::default() }
    }
    /// What ends this subscription.
    pub fn stopper(&self) -> Stopper {
        Stopper { news: self.news.clone(), is_stopped: self.is_stopped.clone() }
    }
}
impl Iterator for Subscription {
    type Item = Result<(Position, Vec<u8>), LogError>;
    fn next(&mut self) -> Option<Self::Item> {
        if self.reader.has_failed {
            return None;
        }
        let head = self.news.wait_beyond(self.reader.next, &self.is_stopped)?;
        let source = self.source.upgrade()?;
        self.reader.next(&*source, head)
    }
}
impl Stopper {
    /// The subscription's iterator ends, also one that is blocked.
    pub fn stop(&self) {
        // Stored under the lock: otherwise a subscriber between its check and its wait would miss it.
        let heard = self.news.lock();
        self.is_stopped.store(true, Ordering::Release);
        drop(heard);
        self.news.change.notify_all();
    }
}

/// Whether an engine still accepts appends. The first error closes the gate for good.
#[derive(Default)]
pub(super) struct Gate(Option<Cause>);

impl Gate {
    pub fn check(&self) -> Result<(), super::AppendError> {
        match &self.0 {
            None => Ok(()),
            Some(cause) => Err(super::AppendError::Unavailable(Cause::of("nothing is appended after an error", cause))),
        }
    }
    pub fn shut(&mut self, cause: &Cause) {
        self.0.get_or_insert_with(|| cause.clone());
    }
}
