//! The names of what may be wrong with a log.

use super::Position;
use crate::terms::{Seq, SiteName};

/// How the log contradicts itself, and where first.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[expect(missing_docs, reason = "each message says what the variant and its fields are")]
pub enum Damage {
    #[error("there is no frame at position {position}")]
    Missing { position: Position },
    #[error("the frame at position {position} cannot be read: {why}")]
    Unreadable { position: Position, why: String },
    #[error("the frame at position {position} is not laid out as one")]
    Shape { position: Position },
    #[error("the frame at position {position} has version {version}, which this program does not know: a newer one wrote it")]
    Version { position: Position, version: u8 },
    #[error("the frame at position {position} does not match its checksum")]
    Checksum { position: Position },
    #[error("the frame at position {position} says that it is at {found}")]
    Displaced { position: Position, found: Position },
    #[error("the frame at position {position} does not continue the frame before it")]
    Chain { position: Position },
    #[error("the frame at position {position} is not the next part of its record")]
    Parts { position: Position },
    #[error("the record at position {position} is event {found} of site {site}, but event {expected} is due")]
    Seq { position: Position, site: SiteName, expected: Seq, found: Seq },
    #[error("the record at position {position} is of site {found}, but one of site {expected} should be there")]
    Site { position: Position, expected: SiteName, found: SiteName },
    #[error("the record at position {position} is not laid out as one")]
    Body { position: Position },
    #[error("the log ends at position {position}, inside a record")]
    CutOff { position: Position },
    #[error("the log ends at position {position}, but it was already {mark} frames long")]
    ShorterThanMark { position: Position, mark: Position },
    #[error("the frame at position {position} is another than the one acknowledged")]
    OtherThanMark { position: Position },
    #[error("the tree over the first {size} events of site {site}, the last at position {position}, is not the one that was signed")]
    Tree { position: Position, site: SiteName, size: u64 },
}
