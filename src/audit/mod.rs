//! Stories told from the log: why a token is dead, who ended it, what led to what; and the log handed on with its proofs.
//!
//! | file | what it answers |
//! |---|---|
//! | [`filter`], [`select`] | which events are meant, and which those are |
//! | [`view`] | one event, for people and for programs |
//! | [`lineage`] | what led to an event, and what came of it |
//! | [`prove`] | what goes with a proof of an event |
//! | [`story`] | everything that belongs to an id, its state now and why |

pub mod bundle;
pub mod export;
pub mod facts;
pub mod filter;
mod gather;
pub mod lineage;
pub mod prove;
pub mod select;
mod standing;
pub mod story;
pub mod verify;
pub mod view;
pub mod when;

pub use filter::{Filter, FilterError};
pub use lineage::{chain, deletion, lineage};
pub use prove::{EvidenceError, evidence};
pub use select::{Selection, select};
pub use story::{Kind, StoryError, story};
pub use view::{Identify, Viewer};
pub use when::{Point, When, WhenError};

use crate::event::Record;
use crate::ledger::{Failure, Ledger, Site};
use crate::terms::Seq;

/// Reads a durable record, for the modules of this floor.
fn record(ledger: &Ledger, site: &Site, seq: u64) -> Result<Record, Failure> {
    ledger.record(site, Seq(seq))
}
