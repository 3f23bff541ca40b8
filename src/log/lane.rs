//! How far the events of one site are durable.

use super::merkle::Edge;
use super::tile::TileRoots;
use super::{Position, StoredRecord, leaf_hash};
use crate::terms::{Digest, Seq, SiteName};
use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::{Mutex, MutexGuard, PoisonError};
use tokio::sync::{oneshot, watch};

/// One site's way through the commit thread.
///
/// `durable` is raised by the commit thread alone, after `kept` has grown; so whoever sees an event as durable finds it.
pub struct Lane {
    site: SiteName,
    durable: watch::Sender<Durable>,
    /// Who waits for which event: each is called once, and not at every batch. Whoever enters looks at `durable` while holding this, and
    /// whoever raises `durable` takes this afterwards, so nobody is missed.
    waiting: Mutex<Waiting>,
    /// Locked for single reads and by the commit thread once a batch; never during I/O.
    kept: Mutex<Kept>,
}

type Waiting = BTreeMap<Seq, Vec<oneshot::Sender<()>>>;

/// How many events are durable, and whether more will come.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Durable {
    /// Their number: every event below this `seq`.
    pub events: u64,
    /// Why no more will come.
    pub end: Option<End>,
}

/// Why nothing more becomes durable.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum End {
    /// Shut down after everything queued was durable.
    ShutDown,
    /// A write failed; nothing more is acknowledged, not even what is durable.
    Failed,
}

/// The event will not become durable, or must not be answered for.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[error("the log has stopped")]
pub struct Stopped;

#[derive(Default)]
pub(super) struct Kept {
    pub positions: Vec<Position>,
    pub edge: Edge,
    pub tile_roots: TileRoots,
}

impl Kept {
    pub fn add(&mut self, position: Position, leaf_hash: Digest) {
        self.positions.push(position);
        self.edge.append_and_tell(leaf_hash, |height, root| self.tile_roots.add(height, root));
    }
    pub fn add_record(&mut self, record: &StoredRecord) {
        self.add(record.position, leaf_hash(&record.leaf));
    }
}

impl Lane {
    pub(super) fn new(site: SiteName, kept: Kept, end: Option<End>) -> Self {
        let durable = Durable { events: kept.edge.size(), end };
        Self { site, durable: watch::Sender::new(durable), waiting: Mutex::default(), kept: Mutex::new(kept) }
    }
    /// Whose lane.
    pub fn site(&self) -> &SiteName {
        &self.site
    }
    /// How many events are durable now.
    pub fn durable(&self) -> Durable {
        *self.durable.borrow()
    }
    /// To follow how many are.
    pub fn watch(&self) -> watch::Receiver<Durable> {
        self.durable.subscribe()
    }
    /// Waits until the event is durable.
    pub async fn wait_for(&self, seq: Seq) -> Result<(), Stopped> {
        if let Some(called) = self.queue_for(seq) {
            // An error is a stop: nobody is called any more.
            let _ = called.await;
        }
        match self.durable() {
            Durable { end: Some(End::Failed), .. } => Err(Stopped),
            Durable { events, .. } if events > seq.0 => Ok(()),
            Durable { .. } => Err(Stopped),
        }
    }
    /// None if there is nothing to wait for.
    fn queue_for(&self, seq: Seq) -> Option<oneshot::Receiver<()>> {
        let mut waiting = self.waiting();
        let Durable { events, end } = self.durable();
        if events > seq.0 || end.is_some() {
            return None;
        }
        let (call, called) = oneshot::channel();
        waiting.entry(seq).or_default().push(call);
        Some(called)
    }
    /// Size and root of the tree over the durable events.
    pub fn edge(&self) -> Edge {
        self.kept().edge.clone()
    }
    /// The roots of these full tiles of a level; none if one of them is not full yet.
    pub(super) fn tile_roots(&self, level: u8, tiles: &Range<u64>) -> Option<Vec<Digest>> {
        self.kept().tile_roots.of(level, tiles)
    }
    pub(super) fn position(&self, seq: Seq) -> Option<Position> {
        let index = usize::try_from(seq.0).ok()?;
        self.kept().positions.get(index).copied()
    }
    /// Commit point for everyone who waits: these records are durable.
    pub(super) fn raise(&self, records: &[(Position, Digest)]) {
        let mut kept = self.kept();
        records.iter().for_each(|(position, leaf_hash)| kept.add(*position, *leaf_hash));
        let events = kept.edge.size();
        drop(kept);
        self.durable.send_modify(|durable| durable.events = events);
        let mut waiting = self.waiting();
        let later = waiting.split_off(&Seq(events));
        let reached = std::mem::replace(&mut *waiting, later);
        drop(waiting);
        for call in reached.into_values().flatten() {
            // Who waits may have gone.
            let _ = call.send(());
        }
    }
    pub(super) fn stop(&self, end: End) {
        self.durable.send_modify(|durable| durable.end = Some(end));
        self.waiting().clear();
    }
    fn waiting(&self) -> MutexGuard<'_, Waiting> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
    fn kept(&self) -> MutexGuard<'_, Kept> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::pin::pin;
    use std::task::{Context, Poll, Waker};

    fn records(positions: Range<u64>) -> Vec<(Position, Digest)> {
        positions.map(|position| (Position(position), Digest::from_bytes([0; 32]))).collect()
    }

    #[test]
    fn who_waits_is_called_for_its_own_event_and_all_at_a_stop() {
        let lane = Lane::new(SiteName::default_site(), Kept::default(), None);
        let mut cx = Context::from_waker(Waker::noop());
        let (mut first, mut same, mut second, mut last) =
            (pin!(lane.wait_for(Seq(0))), pin!(lane.wait_for(Seq(0))), pin!(lane.wait_for(Seq(1))), pin!(lane.wait_for(Seq(9))));
        assert!(first.as_mut().poll(&mut cx).is_pending() && same.as_mut().poll(&mut cx).is_pending());
        assert!(second.as_mut().poll(&mut cx).is_pending() && last.as_mut().poll(&mut cx).is_pending());
        lane.raise(&records(0..1));
        assert_eq!(first.poll(&mut cx), Poll::Ready(Ok(())));
        assert_eq!(same.poll(&mut cx), Poll::Ready(Ok(())));
        assert!(second.as_mut().poll(&mut cx).is_pending());
        lane.raise(&records(1..3));
        assert_eq!(second.poll(&mut cx), Poll::Ready(Ok(())));
        assert!(last.as_mut().poll(&mut cx).is_pending());
        lane.stop(End::ShutDown);
        assert_eq!(last.poll(&mut cx), Poll::Ready(Err(Stopped)));
        assert!(lane.waiting().is_empty(), "nobody is kept who was called or cannot be");
        assert_eq!(pin!(lane.wait_for(Seq(2))).poll(&mut cx), Poll::Ready(Ok(())), "it was durable before the stop");
        assert_eq!(pin!(lane.wait_for(Seq(3))).poll(&mut cx), Poll::Ready(Err(Stopped)));
    }

    #[test]
    fn after_a_failed_write_not_even_what_is_durable_is_answered_for() {
        let lane = Lane::new(SiteName::default_site(), Kept::default(), None);
        let mut cx = Context::from_waker(Waker::noop());
        let mut called = pin!(lane.wait_for(Seq(0)));
        assert!(called.as_mut().poll(&mut cx).is_pending());
        lane.raise(&records(0..1));
        lane.stop(End::Failed);
        assert_eq!(called.poll(&mut cx), Poll::Ready(Err(Stopped)));
        assert_eq!(pin!(lane.wait_for(Seq(0))).poll(&mut cx), Poll::Ready(Err(Stopped)));
    }
}
