//! What a log holds, read through the library after its server has gone.

use crate::history::Recorded;
use std::convert::Infallible;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use writ::log::directory::DirectoryError;
use writ::log::{DataDirectory, EngineKind, LogStore, StoredRecord};

/// Why a log was not read.
#[derive(Debug, thiserror::Error)]
pub enum RecordError {
    /// The directory cannot be used.
    #[error("{0}")]
    Directory(#[from] DirectoryError),
    /// The log is refused.
    #[error("{0}")]
    Open(#[from] writ::log::OpenError),
    /// The library panicked, which it never should.
    #[error("reading the log panicked")]
    Panicked,
}

/// Every record of the directory's log, in order, from a temporary copy: the directory is left as it is.
pub fn records(data: &Path) -> Result<Vec<StoredRecord>, RecordError> {
    guarded(|| DataDirectory::open_read_only(data))
}

/// Every record of the directory's log, opened as a server would, which may change its files.
pub fn records_in_place(data: &Path) -> Result<Vec<StoredRecord>, RecordError> {
    guarded(|| DataDirectory::open(data))
}

fn guarded(open: impl FnOnce() -> Result<DataDirectory, DirectoryError>) -> Result<Vec<StoredRecord>, RecordError> {
    let read = || {
        let directory = open()?;
        let mut records = Vec::new();
        LogStore::open(&directory, EngineKind::Sled)?.replay(|record| {
            records.push(record);
            Ok::<(), Infallible>(())
        })?;
        Ok(records)
    };
    catch_unwind(AssertUnwindSafe(read)).unwrap_or(Err(RecordError::Panicked))
}

/// The same, by the requests that caused the events.
pub fn recorded(data: &Path) -> Result<Recorded, RecordError> {
    let mut recorded = Recorded::default();
    for record in records(data)? {
        if let Ok(serde_json::Value::Object(event)) = serde_json::from_slice(&record.leaf) {
            recorded.add(event);
        }
    }
    Ok(recorded)
}
