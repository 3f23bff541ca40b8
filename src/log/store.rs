//! Opening the log: engine, mark, and the one replay that checks everything before anything is answered from it.

use super::directory::{self, DataDirectory};
use super::file::FileLog;
use super::frame;
use super::lane::Kept;
use super::mark::{self, Mark, MarkError, Marked};
use super::sled::SledLog;
use super::{Assembler, Cause, Damage, EventLog, Framer, LogError, MemoryLog, Position, StoredRecord};
use crate::terms::SiteName;
use std::collections::HashMap;
use std::error::Error;
use std::fs::{DirBuilder, File};
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Which engine keeps the log.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum EngineKind {
    /// sled, in the directory `sled`.
    #[default]
    Sled,
    /// One plain file, `segment`.
    File,
}

impl EngineKind {
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Sled => "sled",
            Self::File => "segment",
        }
    }
}

/// Why the log is not opened. Each message is one sentence for a person.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// The engine cannot be opened.
    #[error("the log cannot be opened, {0}: if that persists, restore it from a backup")]
    Engine(Cause),
    /// The directory was begun with the other engine.
    #[error("the log in {path} was written by another engine: name that one")]
    OtherEngine {
        /// What the other engine left.
        path: PathBuf,
    },
    /// The log's files are gone, but the mark says that there were some.
    #[error("the log in {path} is missing, but the mark says that it held {head} frames: restore it from a backup")]
    LogMissing {
        /// Where it should be.
        path: PathBuf,
        /// How many.
        head: Position,
    },
    /// The mark is gone, but there is a log.
    #[error("the mark {path} is missing, so nobody can tell whether the log is whole: restore log and mark from a backup")]
    MarkMissing {
        /// Where it should be.
        path: PathBuf,
    },
    /// The mark is of no use.
    #[error("{0}")]
    Mark(#[from] MarkError),
    /// The log contradicts itself or the mark.
    #[error("{0}: nothing is served from it; restore log and mark from a backup")]
    Damaged(#[from] Damage),
    /// The log cannot be read.
    #[error("{0}")]
    Unreadable(LogError),
    /// Whoever reads the records found one impossible.
    #[error("the record at position {position} cannot be taken in: {why}")]
    Refused {
        /// The record's first frame.
        position: Position,
        /// What was found.
        why: Box<dyn Error + Send + Sync>,
    },
    /// A log opened for reading was to be written.
    #[error("the log was opened for reading only")]
    ReadOnly,
    /// No thread could be started.
    #[error("the commit thread could not be started: {0}")]
    Thread(std::io::Error),
}

/// A log that is open but not yet believed.
pub struct LogStore(Parts);

/// A log of which every record was checked: positions, chain, checksums, numbering, and the mark.
pub struct ReplayedLog {
    pub(super) parts: Parts,
    pub(super) framer: Framer,
    pub(super) lanes: HashMap<SiteName, Kept>,
}

pub(super) struct Parts {
    pub engine: Arc<dyn EventLog>,
    /// None: in memory, or for reading only.
    pub mark: Option<Mark>,
    pub marked: Marked,
    pub suspect: Option<PathBuf>,
    pub notes: Vec<String>,
    pub is_read_only: bool,
    /// Behind the engine, so that these go after the engine is closed.
    pub scratch: Option<Scratch>,
    pub lock: Option<Arc<File>>,
}

/// A copy made for reading, removed at the end.
pub(super) struct Scratch(PathBuf);

impl Drop for Scratch {
    fn drop(&mut self) {
        if let Err(error) = directory::remove_tree(&self.0) {
            tracing::warn!(path = %self.0.display(), %error, "a temporary copy of the log was left behind");
        }
    }
}

impl LogStore {
    /// Opens the log of a data directory, or begins one. Of a directory opened for reading, a temporary copy is opened.
    pub fn open(directory: &DataDirectory, kind: EngineKind) -> Result<Self, OpenError> {
        let path = directory.path().join(kind.name());
        refuse_other_engine(directory.path(), kind)?;
        let marked = mark::read(&mark_path(directory))?;
        let mut notes = Vec::new();
        if !directory.is_read_only() && marked.is_some_and(|marked| marked.head > Position(0)) {
            let put_back = directory::put_back(&path, &["suspect", "damaged"]);
            let put_back =
                put_back.map_err(|error| OpenError::Engine(Cause::of("putting it back after a repair that was cut off", error)))?;
            notes.extend(
                put_back.map(|from| format!("the log was put back from {}, where a repair that was cut off had it", from.display())),
            );
        }
        if let Some(Marked { head, .. }) = marked.filter(|marked| marked.head > Position(0) && !path.exists()) {
            return Err(OpenError::LogMissing { path, head });
        }
        let (path, scratch) = if directory.is_read_only() {
            let copy = scratch_copy(&path).map_err(|error| OpenError::Engine(Cause::of("copying it", error)))?;
            (copy.0.join(kind.name()), Some(copy))
        } else {
            if directory.is_suspect() && path.exists() {
                rewrite(&path).map_err(|error| OpenError::Engine(Cause::of("writing it anew after a failed sync", error)))?;
                notes.push("the log was written anew, because a sync had failed before".to_owned());
            }
            (path, None)
        };
        let engine: Arc<dyn EventLog> = match kind {
            EngineKind::Sled => {
                let (engine, more) = SledLog::open(&path).map_err(OpenError::Engine)?;
                notes.extend(more);
                Arc::new(engine)
            }
            EngineKind::File => Arc::new(FileLog::open(&path).map_err(|error| OpenError::Engine(Cause::of("opening the segment", error)))?),
        };
        let mut store = Self::over(directory, engine)?;
        store.0.notes = notes;
        store.0.scratch = scratch;
        Ok(store)
    }

    /// A log in an engine made elsewhere, with the mark of a data directory.
    pub fn over(directory: &DataDirectory, engine: Arc<dyn EventLog>) -> Result<Self, OpenError> {
        let path = mark_path(directory);
        let head = engine.head().map_err(OpenError::Unreadable)?;
        let marked = match mark::read(&path)? {
            Some(marked) => marked,
            None if head > Position(0) => return Err(OpenError::MarkMissing { path }),
            None => Marked::start(),
        };
        let is_read_only = directory.is_read_only();
        if !is_read_only && !path.exists() {
            mark::create(&path, marked)?;
        }
        let mark = if is_read_only { None } else { Some(Mark::open(&path)?) };
        let suspect = (!is_read_only).then(|| directory.suspect());
        Ok(Self(Parts { engine, mark, marked, suspect, notes: Vec::new(), is_read_only, scratch: None, lock: directory.lock() }))
    }

    /// A log without a directory or a mark, for tests and throw-away servers.
    pub fn in_memory(engine: MemoryLog) -> Self {
        Self(Parts {
            engine: Arc::new(engine),
            mark: None,
            marked: Marked::start(),
            suspect: None,
            notes: Vec::new(),
            is_read_only: false,
            scratch: None,
            lock: None,
        })
    }

    /// Reads the whole log once, checks it and hands each record over, in order. Nothing is written before all of it was found sound.
    pub fn replay<E>(self, mut each: impl FnMut(StoredRecord) -> Result<(), E>) -> Result<ReplayedLog, OpenError>
    where
        E: Into<Box<dyn Error + Send + Sync>>,
    {
        let marked = self.0.marked;
        let mut assembler = Assembler::new();
        let mut lanes: HashMap<SiteName, Kept> = HashMap::new();
        for frame in self.0.engine.read_from(Position(0)) {
            let (position, frame) = frame.map_err(unreadable)?;
            let record = assembler.push(position, &frame)?;
            if assembler.next() == marked.head && assembler.chain() != Some(marked.chain) {
                return Err(Damage::OtherThanMark { position }.into());
            }
            let Some(record) = record else { continue };
            let position = record.position;
            lanes.entry(record.site.clone()).or_default().add_record(&record);
            each(record).map_err(|why| OpenError::Refused { position, why: why.into() })?;
        }
        if assembler.next() < marked.head {
            return Err(Damage::ShorterThanMark { position: assembler.next(), mark: marked.head }.into());
        }
        assembler.finish()?;
        let framer = Framer::resume(assembler.next(), assembler.chain().unwrap_or_else(frame::chain_start));
        let replayed = ReplayedLog { parts: self.0, framer, lanes };
        replayed.settle()?;
        Ok(replayed)
    }
}

impl ReplayedLog {
    /// How many frames there are.
    pub fn head(&self) -> Position {
        self.framer.next()
    }
    /// What was moved aside at opening, a sentence each: to be recorded as warnings.
    pub fn notes(&self) -> &[String] {
        &self.parts.notes
    }
    /// What was found beyond the mark is served from here on, so the mark moves; and what was suspect has been found sound.
    fn settle(&self) -> Result<(), OpenError> {
        if let Some(mark) = &self.parts.mark {
            mark.write(Marked { head: self.framer.next(), chain: self.framer.chain() })?;
            mark.sync()?;
        }
        if let Some(suspect) = &self.parts.suspect {
            let cleared = directory::remove_tree(suspect).and_then(|()| directory::sync_parent(suspect));
            cleared.map_err(|error| OpenError::Engine(Cause::of("removing the file `suspect`", error)))?;
        }
        Ok(())
    }
}

fn mark_path(directory: &DataDirectory) -> PathBuf {
    directory.path().join("mark")
}

fn unreadable(error: LogError) -> OpenError {
    match error {
        LogError::Damaged(damage) => OpenError::Damaged(damage),
        LogError::NoSuchRecord => OpenError::Unreadable(error),
    }
}

fn refuse_other_engine(directory: &Path, kind: EngineKind) -> Result<(), OpenError> {
    let others = [EngineKind::Sled, EngineKind::File].into_iter().filter(|other| *other != kind);
    match others.map(|other| directory.join(other.name())).find(|path| path.exists()) {
        Some(path) => Err(OpenError::OtherEngine { path }),
        None => Ok(()),
    }
}

/// After a failed sync the pages in memory may never reach the disk, although they read well (THREATS.md §B, F-06). Copied to new files,
/// what is read is what is kept.
fn rewrite(path: &Path) -> std::io::Result<()> {
    let copy = path.with_extension("anew");
    directory::remove_tree(&copy)?;
    directory::copy_tree(path, &copy, &|_| false)?;
    let aside = directory::move_aside(path, "suspect")?;
    std::fs::rename(&copy, path)?;
    directory::sync_parent(path)?;
    directory::remove_tree(&aside)
}

fn scratch_copy(path: &Path) -> std::io::Result<Scratch> {
    let scratch = Scratch(scratch_directory()?);
    if let Some(name) = path.file_name().filter(|_| path.exists()) {
        directory::copy_tree(path, &scratch.0.join(name), &|_| false)?;
    }
    Ok(scratch)
}

/// A new directory. It is made under a name that was free at that very moment, for others may look for one too.
fn scratch_directory() -> std::io::Result<PathBuf> {
    let parent = std::env::temp_dir();
    directory::create_synced(&parent)?;
    for n in 0..=u32::MAX {
        let path = parent.join(format!("writ-{}-{n}", std::process::id()));
        match DirBuilder::new().mode(0o700).create(&path) {
            Ok(()) => return Ok(path),
            Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => {}
            Err(error) => return Err(error),
        }
    }
    Err(std::io::ErrorKind::AlreadyExists.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn copies_for_reading_that_are_made_at_once_are_apart() {
        for _ in 0..20 {
            let making: Vec<_> = (0..8).map(|_| std::thread::spawn(|| scratch_copy(Path::new("/nowhere/segment")).unwrap())).collect();
            let made: Vec<Scratch> = making.into_iter().map(|one| one.join().unwrap()).collect();
            let apart: std::collections::BTreeSet<&PathBuf> = made.iter().map(|scratch| &scratch.0).collect();
            assert_eq!(apart.len(), 8);
        }
    }
}
