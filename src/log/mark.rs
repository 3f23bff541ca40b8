//! The mark: how long the log was at the last acknowledgement, and what it hashed to, in a small file outside the engine.
//!
//! ```text
//! slot  = "WRITMARK", u64 generation, u64 head, 32 bytes chain hash of the last frame, u32 CRC-32C of these 56 bytes, zeros
//! file  = slot at offset 0, slot at offset 512; 1,024 bytes
//! ```
//!
//! Numbers are big-endian. The slot of the higher generation counts. It is written before each acknowledgement and synced within
//! 100 ms by a thread of its own. Between two syncs only one slot is written, so the other is always a synced one.

use super::record::Bytes;
use super::{Position, directory, frame};
use crate::terms::Digest;
use std::fs::{File, OpenOptions};
use std::io;
use std::os::unix::fs::{FileExt, OpenOptionsExt};
use std::path::Path;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

const MAGIC: &[u8; 8] = b"WRITMARK";
const SLOT_BYTES: usize = 512;
const SLOT_OFFSETS: [u64; 2] = [0, 512];
/// With the sync itself, below the 100 ms of DESIGN.md §5.
const SYNC_WITHIN: Duration = Duration::from_millis(50);

/// Where the log must at least reach.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Marked {
    /// The number of frames.
    pub head: Position,
    /// The chain hash of the last of them.
    pub chain: Digest,
}

impl Marked {
    /// The mark of an empty log.
    pub fn start() -> Self {
        Self { head: Position(0), chain: frame::chain_start() }
    }
}

/// Why the mark is of no use.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum MarkError {
    /// Neither slot holds.
    #[error("both halves of the mark are damaged, so nobody can tell whether the log is whole: restore log and mark from a backup")]
    Damaged,
    /// The file system refused.
    #[error("the mark cannot be kept: {0}")]
    Io(String),
}
impl From<io::Error> for MarkError {
    fn from(error: io::Error) -> Self {
        Self::Io(error.to_string())
    }
}

/// The open file and the thread that syncs it.
pub struct Mark {
    shared: Arc<Shared>,
    syncing: Option<JoinHandle<()>>,
}

struct Shared {
    /// Held while writing and while syncing: a write may wait for a sync, which is short beside the log's own.
    slots: Mutex<Slots>,
    change: Condvar,
}

struct Slots {
    file: File,
    generation: u64,
    /// Which slot may be written; the other is synced.
    writable: usize,
    is_unsynced: bool,
    is_ending: bool,
    failure: Option<MarkError>,
}

/// The mark in a file; none if there is no such file.
pub fn read(path: &Path) -> Result<Option<Marked>, MarkError> {
    match File::open(path) {
        Ok(file) => latest(&file).map(|(_, marked, _)| Some(marked)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error.into()),
    }
}

/// Makes a mark file that appears whole or not at all.
pub fn create(path: &Path, marked: Marked) -> Result<(), MarkError> {
    let unfinished = path.with_extension("new");
    let file = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&unfinished)?;
    for (offset, generation) in SLOT_OFFSETS.into_iter().zip([1, 0]) {
        file.write_all_at(&encode(generation, marked), offset)?;
    }
    file.sync_all()?;
    std::fs::rename(&unfinished, path)?;
    Ok(directory::sync_parent(path)?)
}

impl Mark {
    /// Opens the file for writing and starts the thread that syncs it.
    pub fn open(path: &Path) -> Result<Self, MarkError> {
        let file = OpenOptions::new().read(true).write(true).open(path)?;
        // What a killed process wrote may be in memory only; from here on the newest slot is a synced one.
        file.sync_data()?;
        let (generation, _, slot) = latest(&file)?;
        let slots = Slots { file, generation, writable: 1 - slot, is_unsynced: false, is_ending: false, failure: None };
        let shared = Arc::new(Shared { slots: Mutex::new(slots), change: Condvar::new() });
        let own = shared.clone();
        let syncing = std::thread::Builder::new().name("writ-mark".to_owned()).spawn(move || own.keep_synced())?;
        Ok(Self { shared, syncing: Some(syncing) })
    }
    /// Writes the mark; it is durable at the latest 100 ms later. An error, also of an earlier sync, is final.
    pub fn write(&self, marked: Marked) -> Result<(), MarkError> {
        let mut slots = self.shared.slots();
        if let Some(failure) = &slots.failure {
            return Err(failure.clone());
        }
        slots.generation = slots.generation.saturating_add(1);
        let offset = SLOT_OFFSETS.get(slots.writable).copied().unwrap_or_default();
        let bytes = encode(slots.generation, marked);
        let written = slots.file.write_all_at(&bytes, offset).map_err(MarkError::from);
        slots.settle(written)?;
        slots.is_unsynced = true;
        self.shared.change.notify_all();
        Ok(())
    }
    /// Makes the mark durable now.
    pub fn sync(&self) -> Result<(), MarkError> {
        self.shared.slots().sync()
    }
}
impl Drop for Mark {
    fn drop(&mut self) {
        self.shared.slots().is_ending = true;
        self.shared.change.notify_all();
        if let Some(thread) = self.syncing.take() {
            // A panic there has been reported by the panic itself.
            drop(thread.join());
        }
    }
}

impl Shared {
    fn slots(&self) -> MutexGuard<'_, Slots> {
        self.slots.lock().unwrap_or_else(PoisonError::into_inner)
    }
    fn keep_synced(&self) {
        let mut slots = self.slots();
        while !slots.is_ending && slots.failure.is_none() {
            let is_idle = |slots: &mut Slots| !slots.is_unsynced && !slots.is_ending;
            slots = self.change.wait_while(slots, is_idle).unwrap_or_else(PoisonError::into_inner);
            let waited = self.change.wait_timeout_while(slots, SYNC_WITHIN, |slots| !slots.is_ending);
            slots = waited.unwrap_or_else(PoisonError::into_inner).0;
            if let Err(error) = slots.sync() {
                tracing::error!(%error, "the mark could not be synced; nothing more will be acknowledged");
            }
        }
    }
}

impl Slots {
    fn sync(&mut self) -> Result<(), MarkError> {
        if let Some(failure) = &self.failure {
            return Err(failure.clone());
        }
        if !self.is_unsynced {
            return Ok(());
        }
        let synced = self.file.sync_data().map_err(MarkError::from);
        self.settle(synced)?;
        self.is_unsynced = false;
        self.writable = 1 - self.writable;
        Ok(())
    }
    fn settle(&mut self, outcome: Result<(), MarkError>) -> Result<(), MarkError> {
        if let Err(error) = &outcome {
            self.failure = Some(error.clone());
        }
        outcome
    }
}

/// Generation, mark and slot number of the newest sound slot.
fn latest(file: &File) -> Result<(u64, Marked, usize), MarkError> {
    let mut newest = None;
    for (slot, offset) in SLOT_OFFSETS.into_iter().enumerate() {
        let mut bytes = [0; SLOT_BYTES];
        let found = match file.read_exact_at(&mut bytes, offset) {
            Ok(()) => decode(&bytes).map(|(generation, marked)| (generation, marked, slot)),
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => None,
            Err(error) => return Err(error.into()),
        };
        newest = newest.into_iter().chain(found).max_by_key(|(generation, ..)| *generation);
    }
    newest.ok_or(MarkError::Damaged)
}

fn encode(generation: u64, marked: Marked) -> Vec<u8> {
    let mut bytes = MAGIC.to_vec();
    bytes.extend(generation.to_be_bytes());
    bytes.extend(marked.head.0.to_be_bytes());
    bytes.extend(marked.chain.bytes());
    bytes.extend(crc32c::crc32c(&bytes).to_be_bytes());
    bytes.resize(SLOT_BYTES, 0);
    bytes
}

fn decode(slot: &[u8]) -> Option<(u64, Marked)> {
    let mut rest = Bytes(slot);
    let covered = rest.take(56)?;
    if rest.u32()? != crc32c::crc32c(covered) {
        return None;
    }
    let mut fields = Bytes(covered.strip_prefix(MAGIC)?);
    let generation = fields.u64()?;
    Some((generation, Marked { head: Position(fields.u64()?), chain: Digest::from_bytes(fields.array()?) }))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(head: u64) -> Marked {
        Marked { head: Position(head), chain: Digest::of(&head.to_be_bytes()) }
    }

    #[test]
    fn the_mark_read_is_the_last_one_written() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("mark");
        assert_eq!(read(&path), Ok(None));
        create(&path, Marked::start()).unwrap();
        assert_eq!(read(&path), Ok(Some(Marked::start())));
        let mut head = 0;
        for sync_every in [1, 2, 3] {
            let mark = Mark::open(&path).unwrap();
            for n in 0..7 {
                head += 1;
                mark.write(at(head)).unwrap();
                assert_eq!(read(&path), Ok(Some(at(head))));
                if n % sync_every == 0 {
                    mark.sync().unwrap();
                }
            }
        }
        assert_eq!(read(&path), Ok(Some(at(head))));
    }

    #[test]
    fn a_mark_is_synced_without_being_asked() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("mark");
        create(&path, Marked::start()).unwrap();
        let mark = Mark::open(&path).unwrap();
        for head in 1..4 {
            let writable = mark.shared.slots().writable;
            mark.write(at(head)).unwrap();
            let is_synced = || !mark.shared.slots().is_unsynced;
            assert!((0..2000).any(|_| is_synced() || {
                std::thread::sleep(Duration::from_millis(10));
                false
            }));
            assert_ne!(mark.shared.slots().writable, writable);
        }
    }

    #[test]
    fn a_torn_write_leaves_the_last_synced_mark() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("mark");
        create(&path, Marked::start()).unwrap();
        let mark = Mark::open(&path).unwrap();
        mark.write(at(1)).unwrap();
        mark.sync().unwrap();
        let synced = std::fs::read(&path).unwrap();
        mark.write(at(2)).unwrap();
        mark.write(at(3)).unwrap();
        drop(mark);
        let written = std::fs::read(&path).unwrap();
        for cut in 0..SLOT_BYTES * 2 {
            let torn = [&written[..cut], &synced[cut..]].concat();
            std::fs::write(&path, torn).unwrap();
            let found = read(&path).unwrap().unwrap();
            assert!([at(1), at(3)].contains(&found), "cut at {cut}: {found:?}");
        }
    }

    #[test]
    fn a_mark_with_both_slots_damaged_is_no_mark() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("mark");
        create(&path, at(5)).unwrap();
        let sound = std::fs::read(&path).unwrap();
        for at_byte in [0, 9, 20, 40, 58] {
            let mut damaged = sound.clone();
            damaged[at_byte] ^= 1;
            std::fs::write(&path, &damaged).unwrap();
            assert_eq!(read(&path), Ok(Some(at(5))));
            damaged[512 + at_byte] ^= 1;
            std::fs::write(&path, &damaged).unwrap();
            assert_eq!(read(&path), Err(MarkError::Damaged));
        }
        std::fs::write(&path, []).unwrap();
        assert_eq!(read(&path), Err(MarkError::Damaged));
    }
}
