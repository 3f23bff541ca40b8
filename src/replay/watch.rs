//! A long replay, seen from outside.

use crate::ledger::Failure;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

/// How far a replay has come, and whether it is still wanted. Written by the replay and by whoever waits for it; nothing else depends on
/// the order of these writes.
#[derive(Debug, Default)]
pub struct Watch {
    folded: AtomicU64,
    is_stopped: AtomicBool,
}

/// Why a replay gave nothing.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum ReplayError {
    /// It was stopped.
    #[error("the replay was stopped before its end")]
    Stopped,
    /// The log cannot be read, or contradicts itself.
    #[error(transparent)]
    Failure(#[from] Failure),
}

impl Watch {
    /// How many events have been folded.
    pub fn folded(&self) -> u64 {
        self.folded.load(Ordering::Relaxed)
    }
    /// Nobody wants it any more: it ends at the next event.
    pub fn stop(&self) {
        self.is_stopped.store(true, Ordering::Relaxed);
    }
    /// One event more.
    pub(super) fn step(&self) -> Result<(), ReplayError> {
        self.folded.fetch_add(1, Ordering::Relaxed);
        match self.is_stopped.load(Ordering::Relaxed) {
            true => Err(ReplayError::Stopped),
            false => Ok(()),
        }
    }
}
