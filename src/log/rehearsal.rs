//! What the tests of commit point and faults share: a ring of keys, entropy that is none, records, a log begun and ended.

use super::{
    AppendError, Batch, Committer, DataDirectory, EngineKind, EventLog, Fatal, Frames, KeyError, Lane, LogError, LogStore, MemoryLog,
    OpenError, PersonalField, Position, StoredRecord, SubjectKey, SubjectKeys, Subscription, UnsealedRecord,
};
use crate::terms::{Seq, SiteName, Subject};
use serde_json::json;
use std::convert::Infallible;
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex};

/// Every user has the same key; months have none, as if erased.
pub struct Ring;

impl SubjectKeys for Ring {
    fn subject_key(&self, _: &SiteName, subject: &Subject) -> Result<Option<SubjectKey>, KeyError> {
        Ok(matches!(subject, Subject::User(_)).then(|| SubjectKey::new([3; 32])))
    }
}

/// Never the same bytes twice, which is all that a test needs.
pub fn counting(bytes: &mut [u8]) {
    static COUNT: AtomicU64 = AtomicU64::new(0);
    let count = COUNT.fetch_add(1, Ordering::Relaxed).to_be_bytes();
    bytes.iter_mut().zip(count.iter().cycle()).for_each(|(to, from)| *to = *from);
}

pub fn user() -> Subject {
    Subject::User("6d0f7c1e-3c2a-4e0b-9f55-0a1b2c3d4e5f".parse().unwrap())
}

/// A record with an e-mail address that opens and a network address that does not.
pub fn record(seq: u64) -> UnsealedRecord {
    let members = json!({ "seq": seq, "type": "user.created", "note": format!("event {seq}") });
    let email = PersonalField { subject: user(), name: "email".to_owned(), value: json!("a@example.org") };
    let ip = PersonalField { subject: Subject::Month("2026-11".to_owned()), name: "ip".to_owned(), value: json!("10.0.4.7") };
    UnsealedRecord { seq: Seq(seq), members: members.as_object().unwrap().clone(), personal: vec![email, ip] }
}
pub fn records(seqs: std::ops::Range<u64>) -> Vec<UnsealedRecord> {
    seqs.map(record).collect()
}

/// A committer and what it called `on_fatal` with.
pub fn start(store: LogStore) -> (Committer, Arc<Mutex<Vec<Fatal>>>) {
    start_with(store, Arc::new(Ring))
}
pub fn start_with(store: LogStore, keys: Arc<dyn SubjectKeys>) -> (Committer, Arc<Mutex<Vec<Fatal>>>) {
    let fatal: Arc<Mutex<Vec<Fatal>>> = Arc::default();
    let noted = fatal.clone();
    let replayed = store.replay(|_| Ok::<(), Infallible>(())).unwrap();
    let on_fatal = Box::new(move |error: &Fatal| noted.lock().unwrap().push(error.clone()));
    (Committer::start(replayed, keys, counting, on_fatal).unwrap(), fatal)
}

/// Queues the records of one decision.
pub fn enqueue(committer: &Committer, lane: &Arc<Lane>, records: Vec<UnsealedRecord>) {
    let place = committer.reserve(records.len() as u32).unwrap();
    committer.enqueue(place, lane, records);
}

/// Everything that a start finds.
pub fn replay(store: LogStore) -> Result<Vec<StoredRecord>, OpenError> {
    let mut found = Vec::new();
    store.replay(|record| {
        found.push(record);
        Ok::<(), Infallible>(())
    })?;
    Ok(found)
}
pub fn replay_directory(path: &Path, kind: EngineKind) -> Result<Vec<StoredRecord>, OpenError> {
    let directory = DataDirectory::open(path).unwrap();
    replay(LogStore::open(&directory, kind)?)
}
pub fn replay_engine(path: &Path, engine: Arc<dyn EventLog>) -> Result<Vec<StoredRecord>, OpenError> {
    let directory = DataDirectory::open(path).unwrap();
    replay(LogStore::over(&directory, engine)?)
}

/// Writes so many records of the default site, one batch each, and closes the log.
pub fn write_directory(path: &Path, kind: EngineKind, seqs: std::ops::Range<u64>) {
    let directory = DataDirectory::open(path).unwrap();
    let (committer, _) = start(LogStore::open(&directory, kind).unwrap());
    let lane = committer.lane(&SiteName::default_site());
    let mut durable = lane.watch();
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    for seq in seqs {
        enqueue(&committer, &lane, records(seq..seq + 1));
        runtime.block_on(durable.wait_for(|durable| durable.events > seq)).unwrap();
    }
    committer.shut_down().unwrap();
}

/// An engine whose appends wait until it is opened.
pub struct Gate {
    log: MemoryLog,
    appends: AtomicU64,
    opened: (Mutex<bool>, Condvar),
}

impl Gate {
    pub fn new() -> Self {
        Self { log: MemoryLog::new(), appends: AtomicU64::new(0), opened: Default::default() }
    }
    pub fn appends(&self) -> u64 {
        self.appends.load(Ordering::SeqCst)
    }
    pub fn wait_for_an_append(&self) {
        while self.appends() == 0 {
            std::thread::yield_now();
        }
    }
    pub fn open(&self) {
        *self.opened.0.lock().unwrap() = true;
        self.opened.1.notify_all();
    }
}

impl EventLog for Gate {
    fn head(&self) -> Result<Position, LogError> {
        self.log.head()
    }
    fn append(&self, expected: Position, batch: Batch) -> Result<Position, AppendError> {
        self.appends.fetch_add(1, Ordering::SeqCst);
        let mut open = self.opened.0.lock().unwrap();
        while !*open {
            open = self.opened.1.wait(open).unwrap();
        }
        self.log.append(expected, batch)
    }
    fn read_from(&self, from: Position) -> Frames {
        self.log.read_from(from)
    }
    fn subscribe(&self, from: Position) -> Subscription {
        self.log.subscribe(from)
    }
    fn close(&self) {
        self.log.close();
    }
}

/// The engines that keep a log on the disk.
pub const KINDS: [EngineKind; 2] = [EngineKind::Sled, EngineKind::File];
/// So many records has a log of [`written`].
pub const EVENTS: u64 = 40;

/// A log of 40 records, closed properly, and the directory that removes it.
pub fn written(kind: EngineKind) -> tempfile::TempDir {
    let path = tempfile::tempdir().unwrap();
    write_directory(path.path(), kind, 0..EVENTS);
    path
}
