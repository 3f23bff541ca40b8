//! The commit thread: from queued records to durable, provable ones.
//!
//! The commit point is the return of [`EventLog::append`] inside `Writer::write`; after it come the mark and then, only then, the
//! lanes. The first error ends everything: no lane moves any more, and the process is expected to end.

use super::framer::RecordTooLong;
use super::lane::{End, Kept};
use super::leaf::{LEAF_BYTES_MAX, jcs_length, members_length};
use super::mark::MarkError;
use super::writer::{Group, Message, Writer};
use super::{AppendError, Assembler, BatchError, Damage, EventLog, KeyError, Lane, LeafError, LogError, OpenError, ReplayedLog, SealError};
use super::{StoredRecord, SubjectKeys, directory};
use crate::terms::{Seq, SiteName, Subject};
use serde_json::{Map, Value};
use std::collections::HashMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::mpsc::{self, Receiver, Sender};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// How many records may be queued or being written at once.
pub const QUEUE_RECORDS_MAX: usize = 4096;

/// An event on its way into the log.
#[derive(Clone, PartialEq, Debug)]
pub struct UnsealedRecord {
    /// Its number in the site's log: each exactly one more than the last.
    pub seq: Seq,
    /// The public members of its leaf.
    pub members: Map<String, Value>,
    /// What names or locates a person.
    pub personal: Vec<PersonalField>,
}

/// One field of personal data. Its digest stands in the leaf; the field itself is stored sealed under its subject's key. If the subject
/// has no key (it was erased), the field is digested all the same but not stored: nobody can open it ever.
#[derive(Clone, PartialEq, Debug)]
pub struct PersonalField {
    /// Whom it is about.
    pub subject: Subject,
    /// Its name.
    pub name: String,
    /// Its value.
    pub value: Value,
}

impl UnsealedRecord {
    /// Whether the record can be written: its values are fit for a leaf and not too long. To be asked before it is enqueued, because a
    /// record that cannot be written is fatal. Errs on the safe side.
    pub fn check(&self) -> Result<(), LeafError> {
        if self.members.contains_key("_sd") || self.members.contains_key("_sd_alg") {
            return Err(LeafError::Reserved);
        }
        let mut leaf = members_length(&self.members)? + 64;
        let mut sealed = 0;
        for field in &self.personal {
            leaf += 46;
            sealed += (jcs_length(&field.value)? + field.name.len() + 64) * 4 / 3 + field.name.len() + 320;
        }
        match leaf <= LEAF_BYTES_MAX && leaf + sealed <= 15 * 8000 {
            true => Ok(()),
            false => Err(LeafError::TooLong),
        }
    }
}

/// Room in the queue for a number of records. Given back when they are durable, or when it is dropped unused.
pub struct Place {
    _permit: OwnedSemaphorePermit,
}

/// Why the commit thread stopped for good.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[expect(missing_docs, reason = "each message says what the variant and its fields are")]
pub enum Fatal {
    #[error("the log could not be written: {0}")]
    Append(#[from] AppendError),
    #[error("{0}")]
    Mark(#[from] MarkError),
    #[error("{0}")]
    Keys(#[from] KeyError),
    #[error("event {seq} of site {site} cannot be recorded: {error}")]
    Leaf { site: SiteName, seq: Seq, error: LeafError },
    #[error("event {seq} of site {site} cannot be sealed: {error}")]
    Seal { site: SiteName, seq: Seq, error: SealError },
    #[error("{0}")]
    TooLong(#[from] RecordTooLong),
    #[error("one decision has too many events: {0}")]
    TooMany(#[from] BatchError),
    #[error("event {found} of site {site} was queued, but event {expected} is due")]
    Seq { site: SiteName, expected: Seq, found: Seq },
    #[error("the commit thread panicked")]
    Panicked,
}

impl Fatal {
    /// Whether the fault may lie in the storage, so that the data directory is suspect.
    fn is_of_storage(&self) -> bool {
        match self {
            Self::Append(_) | Self::Mark(_) | Self::Panicked => true,
            Self::Keys(_) | Self::Leaf { .. } | Self::Seal { .. } | Self::TooLong(_) | Self::TooMany(_) | Self::Seq { .. } => false,
        }
    }
}

/// The queue into the log and the way back to its records.
pub struct Committer {
    engine: Arc<dyn EventLog>,
    lanes: Arc<Lanes>,
    queue: Sender<Message>,
    places: Arc<Semaphore>,
    thread: Mutex<Option<JoinHandle<Result<(), Fatal>>>>,
    /// The data directory's, behind the engine, so that it goes after the engine is closed.
    _lock: Option<Arc<std::fs::File>>,
}

/// Called once, from the commit thread, when it stops for good.
pub type OnFatal = Box<dyn Fn(&Fatal) + Send + Sync>;

impl Committer {
    /// Starts the commit thread. `entropy` fills salts and nonces. `on_fatal` is called after every lane was stopped and the directory
    /// marked suspect; it should end the process.
    pub fn start(log: ReplayedLog, keys: Arc<dyn SubjectKeys>, entropy: fn(&mut [u8]), on_fatal: OnFatal) -> Result<Self, OpenError> {
        if log.parts.is_read_only {
            return Err(OpenError::ReadOnly);
        }
        let engine = log.parts.engine.clone();
        let due = log.lanes.iter().map(|(site, kept)| (site.clone(), Seq(kept.edge.size()))).collect();
        let lanes = Arc::new(Lanes::new(log.lanes));
        let writer = Writer { engine: engine.clone(), mark: log.parts.mark, framer: log.framer, keys, entropy, due };
        let places = Arc::new(Semaphore::new(QUEUE_RECORDS_MAX));
        let (queue, queued) = mpsc::channel();
        let thread = Thread { writer, queued, lanes: lanes.clone(), places: places.clone(), suspect: log.parts.suspect, on_fatal };
        let spawned = std::thread::Builder::new().name("writ-commit".to_owned()).spawn(move || thread.run());
        let thread = Mutex::new(Some(spawned.map_err(OpenError::Thread)?));
        Ok(Self { engine, lanes, queue, places, thread, _lock: log.parts.lock })
    }
    /// The lane of a site, new if it has none.
    pub fn lane(&self, site: &SiteName) -> Arc<Lane> {
        self.lanes.lane(site)
    }
    /// Room for `n` records at once, or none.
    pub fn reserve(&self, n: u32) -> Option<Place> {
        self.places.clone().try_acquire_many_owned(n).ok().map(|permit| Place { _permit: permit })
    }
    /// Waits for room for `n` records, at most so long. None also if the log has stopped or `n` is beyond the queue.
    pub async fn reserve_within(&self, n: u32, wait: Duration) -> Option<Place> {
        if usize::try_from(n).is_ok_and(|n| n > QUEUE_RECORDS_MAX) {
            return None;
        }
        let permit = tokio::time::timeout(wait, self.places.clone().acquire_many_owned(n)).await;
        permit.ok()?.ok().map(|permit| Place { _permit: permit })
    }
    /// Queues the records of one decision, which become durable together. Never blocks on I/O. Records are written in the order of the
    /// calls, so whoever gives out `seq` must call under the same lock. After a stop nothing is queued; waiting on the lane says so.
    pub fn enqueue(&self, place: Place, lane: &Arc<Lane>, records: Vec<UnsealedRecord>) {
        if !records.is_empty() {
            // An error means that the thread is gone, and then the lane is stopped already.
            let _ = self.queue.send(Message::Group(Group { place, lane: lane.clone(), records }));
        }
    }
    /// Reads one durable record back. What is found must be what was asked for: another site's record is damage, and never shown.
    pub fn record(&self, lane: &Lane, seq: Seq) -> Result<StoredRecord, LogError> {
        let position = lane.position(seq).ok_or(LogError::NoSuchRecord)?;
        let mut assembler = Assembler::amid(position);
        for frame in self.engine.read_from(position) {
            let (position, frame) = frame?;
            if let Some(record) = assembler.push(position, &frame)? {
                return asked_for(lane.site(), seq, record);
            }
        }
        assembler.finish()?;
        Err(LogError::NoSuchRecord)
    }
    /// The durable records of a lane from a number on; ends at the last that is durable at the call, and after an error.
    pub fn records<'a>(&'a self, lane: &'a Lane, from: Seq) -> impl Iterator<Item = Result<StoredRecord, LogError>> + 'a {
        let mut has_failed = false;
        let records = (from.0..lane.durable().events).map(move |seq| self.record(lane, Seq(seq)));
        records.take_while(move |record| !std::mem::replace(&mut has_failed, record.is_err()))
    }
    /// Writes everything queued, syncs the mark and ends the thread. Later calls do nothing. The error is the fatal one, if there was any.
    pub fn shut_down(&self) -> Result<(), Fatal> {
        let _ = self.queue.send(Message::ShutDown);
        let thread = self.thread.lock().unwrap_or_else(PoisonError::into_inner).take();
        thread.map_or(Ok(()), |thread| thread.join().unwrap_or(Err(Fatal::Panicked)))
    }
}
impl Drop for Committer {
    fn drop(&mut self) {
        if let Err(fatal) = self.shut_down() {
            tracing::error!(%fatal, "the log had stopped before it was shut down");
        }
    }
}

struct Thread {
    writer: Writer,
    queued: Receiver<Message>,
    lanes: Arc<Lanes>,
    places: Arc<Semaphore>,
    suspect: Option<std::path::PathBuf>,
    on_fatal: OnFatal,
}

impl Thread {
    fn run(mut self) -> Result<(), Fatal> {
        let outcome = catch_unwind(AssertUnwindSafe(|| self.writer.run(&self.queued))).unwrap_or(Err(Fatal::Panicked));
        self.places.close();
        self.lanes.stop(if outcome.is_ok() { End::ShutDown } else { End::Failed });
        self.writer.engine.close();
        if let Err(fatal) = &outcome {
            self.report(fatal);
        }
        outcome
    }
    fn report(&self, fatal: &Fatal) {
        if let Some(suspect) = self.suspect.as_ref().filter(|_| fatal.is_of_storage())
            && let Err(error) = directory::mark_suspect(suspect, &fatal.to_string())
        {
            tracing::error!(%error, "the data directory could not be marked suspect");
        }
        (self.on_fatal)(fatal);
    }
}

fn asked_for(site: &SiteName, seq: Seq, record: StoredRecord) -> Result<StoredRecord, LogError> {
    let position = record.position;
    if record.site != *site {
        return Err(Damage::Site { position, expected: site.clone(), found: record.site }.into());
    }
    if record.seq != seq {
        return Err(Damage::Seq { position, site: record.site, expected: seq, found: record.seq }.into());
    }
    Ok(record)
}

/// All lanes. The lock is held for a look-up, and while stopping, so that no lane can be made that misses the end.
struct Lanes(Mutex<AllLanes>);

struct AllLanes {
    by_site: HashMap<SiteName, Arc<Lane>>,
    end: Option<End>,
}

impl Lanes {
    fn new(kept: HashMap<SiteName, Kept>) -> Self {
        let lanes = kept.into_iter().map(|(site, kept)| (site.clone(), Arc::new(Lane::new(site, kept, None))));
        Self(Mutex::new(AllLanes { by_site: lanes.collect(), end: None }))
    }
    fn lane(&self, site: &SiteName) -> Arc<Lane> {
        let mut all = self.lock();
        let end = all.end;
        let lane = all.by_site.entry(site.clone());
        lane.or_insert_with(|| Arc::new(Lane::new(site.clone(), Kept::default(), end))).clone()
    }
    fn stop(&self, end: End) {
        let mut all = self.lock();
        all.end = Some(end);
        all.by_site.values().for_each(|lane| lane.stop(end));
    }
    fn lock(&self) -> MutexGuard<'_, AllLanes> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
