//! Whether a replay adds up to what the server recorded while it ran, and to what it lives on now (AUDIT.md §8.2, §8.3).

use super::at::fold_until;
use super::watch::{ReplayError, Watch};
use crate::event::Record;
use crate::ledger::{Failure, Ledger, LiveDigest, RecordedDigest, Site};
use crate::projection::{Collection, FOLD_VERSION, State};
use crate::terms::{Digest, Seq};
use serde::Serialize;
use std::collections::BTreeMap;

/// What a replay is to do.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Asked {
    /// Fold only so many events; all, if none.
    pub until: Option<u64>,
    /// Whether the events are counted by type.
    pub counts_types: bool,
}

/// What a replay found.
#[derive(Clone, PartialEq, Debug, Serialize)]
pub struct Verified {
    /// How many events were folded.
    pub events: u64,
    /// The version of fold that did it.
    pub fold: u32,
    /// What their state adds up to.
    pub digest: Digest,
    /// How many recorded digests were compared.
    pub compared: u64,
    /// How many were not: another version of fold worked them out.
    pub skipped: u64,
    /// How many stand beyond the last event that was folded.
    pub beyond: u64,
    /// How many lines of the side table cannot be read.
    pub unreadable: usize,
    /// Whether the live state adds up to the same; none if the replay stopped before the live state's last event.
    pub live_is_equal: Option<bool>,
    /// Where a recorded digest is first not what the replay adds up to.
    pub differs: Option<Difference>,
    /// How many events there were of each type; empty unless asked for.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub types: BTreeMap<String, u64>,
    /// How many entities of each kind the state holds at the end.
    pub entities: BTreeMap<&'static str, usize>,
}

/// An interval in which state and log parted: after `last_good`, and at `first_bad` or before it.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize)]
pub struct Difference {
    /// The last event whose recorded digest was right; none if none was.
    pub last_good: Option<Seq>,
    /// The first event whose recorded digest was wrong.
    pub first_bad: Seq,
}

impl Verified {
    /// Whether everything that was compared is equal.
    pub fn is_equal(&self) -> bool {
        self.differs.is_none() && self.live_is_equal != Some(false)
    }
}

/// Folds the log up to so many events, or to where the live state stands, and compares with everything that was recorded. The live
/// state's events must be durable.
pub fn verify(ledger: &Ledger, site: &Site, asked: &Asked, live: LiveDigest, watch: &Watch) -> Result<Verified, ReplayError> {
    let recorded = ledger.recorded_digests(site).map_err(|error| Failure::Unreadable(format!("the side table of digests: {error}")))?;
    let events = asked.until.unwrap_or(live.head.0).min(live.head.0);
    let mut comparison = Comparison::of(recorded.digests);
    let mut types = BTreeMap::new();
    let mut state = State::default();
    fold_until(ledger, site, events, &mut state, watch, |record, state| {
        if asked.counts_types {
            count(&mut types, record);
        }
        comparison.take(record, state);
    })?;
    let live_is_equal = (events == live.head.0).then(|| {
        state.forget(live.t);
        state.digest() == live.digest && state.recounted_digest() == live.digest
    });
    Ok(Verified {
        events,
        fold: FOLD_VERSION,
        digest: state.digest(),
        compared: comparison.compared,
        skipped: comparison.skipped,
        beyond: comparison.left(),
        unreadable: recorded.damaged.len(),
        live_is_equal,
        differs: comparison.differs,
        types,
        entities: Collection::ALL.iter().map(|kind| (kind.as_str(), state.count(*kind))).collect(),
    })
}

fn count(types: &mut BTreeMap<String, u64>, record: &Record) {
    let times = types.entry(record.event.name()).or_insert(0);
    *times = times.saturating_add(1);
}

/// The recorded digests by their event, while the replay comes by.
struct Comparison {
    waiting: BTreeMap<Seq, Vec<RecordedDigest>>,
    compared: u64,
    skipped: u64,
    last_good: Option<Seq>,
    differs: Option<Difference>,
}

impl Comparison {
    fn of(recorded: Vec<RecordedDigest>) -> Self {
        let mut waiting = BTreeMap::<Seq, Vec<RecordedDigest>>::new();
        for digest in recorded {
            waiting.entry(digest.seq).or_default().push(digest);
        }
        Self { waiting, compared: 0, skipped: 0, last_good: None, differs: None }
    }

    fn take(&mut self, record: &Record, state: &State) {
        for recorded in self.waiting.remove(&record.seq).into_iter().flatten() {
            if recorded.fold != FOLD_VERSION {
                self.skipped = self.skipped.saturating_add(1);
                continue;
            }
            self.compared = self.compared.saturating_add(1);
            let is_good = recorded.t == record.t && recorded.digest == state.digest();
            match (is_good, self.differs) {
                (true, None) => self.last_good = Some(record.seq),
                (false, None) => self.differs = Some(Difference { last_good: self.last_good, first_bad: record.seq }),
                // What comes after the first difference says nothing new.
                (_, Some(_)) => {}
            }
        }
    }

    fn left(&self) -> u64 {
        self.waiting.values().map(|digests| u64::try_from(digests.len()).unwrap_or(u64::MAX)).sum()
    }
}
