//! The append-only log: frames, leaves, engines, proofs. It does not know what events mean.
//!
//! ```text
//! UnsealedRecord ──► commit ──► leaf (JCS) + seal (AES-256-GCM) ──► frame (chain, checksum) ──► EventLog::append ──► mark ──► Lane
//! ```
//!
//! | file | what lives there |
//! |---|---|
//! | [`directory`] | the data directory: made, locked, marked suspect |
//! | [`store`] | opening and the one replay at start |
//! | [`commit`], `writer` | the commit thread, the commit point; [`lane`]: how far each site is durable |
//! | [`record`], [`frame`], [`framer`] | the bytes of a record, of a frame, and the way between them |
//! | [`leaf`], [`seal`] | what is proven, and what only a subject's key opens |
//! | [`merkle`], [`checkpoint`], [`proof`], [`range`], [`verify`] | RFC 6962 trees, C2SP checkpoints and proofs, names of their failures |
//! | [`tile`], [`tree`] | a site's tree in tiles of 256 hashes; roots and proofs of any size from them |
//! | [`kept_checkpoints`] | the newest checkpoint of each site, kept outside of the log |
//! | [`sled`](mod@sled), [`file`](mod@file), [`memory`] | the engines behind [`EventLog`]; [`frames`]: reading and following, alike for all |
//! | [`mark`] | how long the log must at least be |
//! | [`damage`] | the names of what may be wrong with a log |

pub mod checkpoint;
pub mod commit;
#[cfg(test)]
#[expect(clippy::as_conversions, reason = "small numbers of a test")]
mod commit_point;
#[cfg(test)]
#[expect(clippy::as_conversions, reason = "small numbers of a test")]
mod contract;
pub mod damage;
pub mod directory;
#[cfg(test)]
#[expect(clippy::as_conversions, reason = "small numbers of a test")]
mod faults;
pub mod file;
#[cfg(test)]
#[expect(clippy::as_conversions, reason = "small numbers of a test")]
mod found;
pub mod frame;
pub mod framer;
pub mod frames;
pub mod guarded;
pub mod kept_checkpoints;
pub mod lane;
pub mod leaf;
pub mod mark;
pub mod memory;
pub mod merkle;
pub mod proof;
pub mod range;
pub mod record;
#[cfg(test)]
#[expect(clippy::as_conversions, reason = "small numbers of a test")]
pub(crate) mod rehearsal;
pub mod seal;
pub mod sled;
pub mod store;
pub mod tile;
pub mod tree;
#[cfg(test)]
#[expect(clippy::as_conversions, reason = "small numbers of a test")]
mod tree_tests;
#[cfg(test)]
#[expect(clippy::as_conversions, clippy::string_slice, reason = "small numbers and ASCII of a test")]
mod vectors;
pub mod verify;
mod writer;

pub use checkpoint::{Checkpoint, CheckpointKey, VerifierKey};
pub use commit::{Committer, Fatal, PersonalField, Place, UnsealedRecord};
pub use damage::Damage;
pub use directory::DataDirectory;
pub use framer::{Assembler, Framer};
pub use frames::{Frames, Stopper, Subscription};
pub use kept_checkpoints::KeptCheckpoints;
pub use lane::{Durable, Lane, Stopped};
pub use leaf::{Disclosure, LeafError, jcs, leaf_bytes, leaf_hash};
pub use memory::{Fault, MemoryLog};
pub use merkle::{Edge, Head};
pub use proof::InclusionProof;
pub use range::RangeProof;
pub use record::{SealedField, StoredRecord};
pub use seal::{KeyError, SealError, SubjectKey, SubjectKeys};
pub use store::{EngineKind, LogStore, OpenError, ReplayedLog};
pub use tile::Tile;
pub use tree::{Leaves, Tree};
pub use verify::VerifyFailure;

use std::fmt;

/// The place of a frame in the physical log: dense, from 0. As a head, the number of frames.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Position(pub u64);

impl Position {
    /// The position `n` frames later.
    pub fn plus(self, n: usize) -> Self {
        Self(self.0.saturating_add(u64::try_from(n).unwrap_or(u64::MAX)))
    }
    /// How many frames lie from `earlier` to this position; 0 if it is not earlier.
    pub fn since(self, earlier: Self) -> usize {
        usize::try_from(self.0.saturating_sub(earlier.0)).unwrap_or(usize::MAX)
    }
}
impl fmt::Display for Position {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)
    }
}
impl fmt::Debug for Position {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "@{}", self.0)
    }
}

/// The longest frame in bytes: sled puts larger values into blob files that it never syncs (ENGINE.md §1.6).
pub const FRAME_BYTES_MAX: usize = 8192;
/// The most frames of one batch.
pub const BATCH_FRAMES_MAX: usize = 4096;

/// Frames that become durable together or not at all: 1 to 4,096 of 1 to 8,192 bytes each.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Batch(Vec<Vec<u8>>);

/// Why frames are not a batch.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum BatchError {
    /// No frame, or too many.
    #[error("a batch has 1 to {BATCH_FRAMES_MAX} frames, not {frames}")]
    Frames {
        /// How many there were.
        frames: usize,
    },
    /// An empty frame, or one too long.
    #[error("a frame has 1 to {FRAME_BYTES_MAX} bytes, not {bytes}")]
    FrameBytes {
        /// How long it was.
        bytes: usize,
    },
}

impl Batch {
    /// Checks the limits.
    pub fn new(frames: Vec<Vec<u8>>) -> Result<Self, BatchError> {
        if !(1..=BATCH_FRAMES_MAX).contains(&frames.len()) {
            return Err(BatchError::Frames { frames: frames.len() });
        }
        match frames.iter().map(Vec::len).find(|bytes| !(1..=FRAME_BYTES_MAX).contains(bytes)) {
            Some(bytes) => Err(BatchError::FrameBytes { bytes }),
            None => Ok(Self(frames)),
        }
    }
    /// The frames in order.
    pub fn frames(&self) -> &[Vec<u8>] {
        &self.0
    }
    /// The frames in order, owned.
    pub fn into_frames(self) -> Vec<Vec<u8>> {
        self.0
    }
}

/// What went wrong outside the log, as a sentence for a person.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[error("{0}")]
pub struct Cause(pub String);

impl Cause {
    /// The cause with what was being done.
    pub fn of(doing: &str, error: impl fmt::Display) -> Self {
        Self(format!("{doing}: {error}"))
    }
}

/// Why the log cannot be read.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum LogError {
    /// The log contradicts itself.
    #[error("the log is damaged: {0}")]
    Damaged(#[from] Damage),
    /// The site has no durable event of this number.
    #[error("the log has no such record")]
    NoSuchRecord,
}

/// Why a batch was not appended, or may not have been.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum AppendError {
    /// The head is not the expected one; nothing was written.
    #[error("the log's head is {head}, not the expected one")]
    Conflict {
        /// The head found.
        head: Position,
    },
    /// No space; the engine accepts nothing more until it is opened again.
    #[error("no space is left for the log")]
    Full,
    /// Whether the batch is there is not known: read again and compare before anything else.
    #[error("it is not known whether the last batch was written: {0}")]
    Unknown(Cause),
    /// The log contradicts itself.
    #[error("the log is damaged: {0}")]
    Damaged(#[from] Damage),
    /// The log cannot be reached, now or any more; nothing was written.
    #[error("the log is unavailable: {0}")]
    Unavailable(Cause),
}

/// Ordered, durable, gap-free. One contract suite runs on all implementations.
///
/// The first write or sync error is final: the engine refuses every later append until it is opened again.
pub trait EventLog: Send + Sync {
    /// The number of frames so far; never older than an acknowledged append.
    fn head(&self) -> Result<Position, LogError>;
    /// All or nothing; durable on return; succeeds if and only if `head() == expected`. Returns the new head.
    fn append(&self, expected: Position, batch: Batch) -> Result<Position, AppendError>;
    /// The frames from a position on; ends at the head seen at the call. An error is an error, never the end.
    fn read_from(&self, from: Position) -> Frames;
    /// The same and then live: each position once, only after it is durable. The iterator blocks for news and ends when the log
    /// is closed or dropped, or its [`Stopper`] is used.
    fn subscribe(&self, from: Position) -> Subscription;
    /// Ends all subscriptions and refuses further appends. Reading goes on.
    fn close(&self);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_batch_has_1_to_4096_frames_of_1_to_8192_bytes() {
        assert_eq!(Batch::new(vec![]), Err(BatchError::Frames { frames: 0 }));
        assert_eq!(Batch::new(vec![vec![1]; 4096]).map(|batch| batch.frames().len()), Ok(4096));
        assert_eq!(Batch::new(vec![vec![1]; 4097]), Err(BatchError::Frames { frames: 4097 }));
        assert_eq!(Batch::new(vec![vec![1], vec![]]), Err(BatchError::FrameBytes { bytes: 0 }));
        assert!(Batch::new(vec![vec![1; 8192]]).is_ok());
        assert_eq!(Batch::new(vec![vec![1; 8193]]), Err(BatchError::FrameBytes { bytes: 8193 }));
    }
}
