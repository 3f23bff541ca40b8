//! The engine in memory, with faults to order: for tests and simulations.

use super::frames::{self, Gate, News, Source, Subscription};
use super::{AppendError, Batch, Cause, Damage, EventLog, Frames, LogError, Position};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// What goes wrong with one append. Every fault is final, as with the other engines.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Fault {
    /// Nothing is kept; the outcome is reported as unknown.
    Lost,
    /// Everything is kept; the outcome is reported as unknown.
    KeptButReportedLost,
    /// The first half of the frames is kept, which a sound engine never does; the outcome is reported as unknown.
    Torn,
    /// The engine stops before it writes.
    Stopped,
}

/// A log in memory. Clones are the same log.
#[derive(Clone)]
pub struct MemoryLog {
    inner: Arc<Inner>,
}

struct Inner {
    news: Arc<News>,
    kept: Mutex<Kept>,
}

#[derive(Default)]
struct Kept {
    frames: Vec<Vec<u8>>,
    gate: Gate,
    appends: u64,
    armed: Option<(u64, Fault)>,
}

impl MemoryLog {
    /// An empty log.
    pub fn new() -> Self {
        Self::holding(Vec::new())
    }
    /// A log of these frames.
    pub fn holding(frames: Vec<Vec<u8>>) -> Self {
        let news = News::new(Position(0).plus(frames.len()));
        Self { inner: Arc::new(Inner { news, kept: Mutex::new(Kept { frames, ..Kept::default() }) }) }
    }
    /// Orders a fault for the `nth` append from now on, counted from 1.
    pub fn arm(&self, nth: u64, fault: Fault) {
        let mut kept = self.inner.kept();
        kept.armed = Some((kept.appends.saturating_add(nth), fault));
    }
    /// What a restart would find.
    pub fn reopen(&self) -> Self {
        Self::holding(self.inner.kept().frames.clone())
    }
}
impl Default for MemoryLog {
    fn default() -> Self {
        Self::new()
    }
}

impl EventLog for MemoryLog {
    fn head(&self) -> Result<Position, LogError> {
        Ok(self.inner.news.head())
    }
    fn append(&self, expected: Position, batch: Batch) -> Result<Position, AppendError> {
        let news = &self.inner.news;
        let mut kept = self.inner.kept();
        kept.gate.check()?;
        if news.is_closed() {
            return Err(AppendError::Unavailable(Cause("the log is closed".to_owned())));
        }
        let head = news.head();
        if head != expected {
            return Err(AppendError::Conflict { head });
        }
        kept.appends = kept.appends.saturating_add(1);
        if let Some((_, fault)) = kept.armed.filter(|(nth, _)| *nth == kept.appends) {
            return Err(kept.fail(fault, batch));
        }
        kept.frames.extend(batch.into_frames());
        let head = Position(0).plus(kept.frames.len());
        news.publish(head);
        Ok(head)
    }
    fn read_from(&self, from: Position) -> Frames {
        frames::until(self.inner.clone(), from, self.inner.news.head())
    }
    fn subscribe(&self, from: Position) -> Subscription {
        let source: Arc<dyn Source> = self.inner.clone();
        Subscription::new(Arc::downgrade(&source), self.inner.news.clone(), from)
    }
    fn close(&self) {
        self.inner.news.close();
    }
}

impl Inner {
    fn kept(&self) -> MutexGuard<'_, Kept> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
impl Drop for Inner {
    fn drop(&mut self) {
        self.news.close();
    }
}
impl Kept {
    fn fail(&mut self, fault: Fault, batch: Batch) -> AppendError {
        let cause = Cause(format!("ordered fault: {fault:?}"));
        self.gate.shut(&cause);
        let frames = batch.into_frames();
        let kept = match fault {
            Fault::Stopped => return AppendError::Unavailable(cause),
            Fault::Lost => 0,
            Fault::KeptButReportedLost => frames.len(),
            Fault::Torn => frames.len() / 2,
        };
        self.frames.extend(frames.into_iter().take(kept));
        AppendError::Unknown(cause)
    }
}
impl Source for Inner {
    fn read(&self, from: Position, to: Position) -> Result<Vec<Vec<u8>>, LogError> {
        let start = from.since(Position(0));
        let kept = self.kept();
        let range = kept.frames.get(start..start.saturating_add(to.since(from)));
        range.map(<[_]>::to_vec).ok_or(LogError::Damaged(Damage::Missing { position: from }))
    }
}
