//! Checking, with nothing but bytes and a public key (AUDIT.md §6.4; docs/format.md has the order of the checks).
//!
//! | file | what it checks |
//! |---|---|
//! | [`bundle`](mod@bundle) | a bundle, while it is read |
//! | `events` | its events, one after the other |
//! | [`directory`](mod@directory) | a data directory |
//! | `leaf` | what one leaf says |

pub mod bundle;
pub mod directory;
mod events;
mod leaf;
#[cfg(test)]
#[expect(clippy::as_conversions, clippy::string_slice, reason = "small numbers and ASCII of a test")]
mod tests;

pub use bundle::{Since, Trust, Verified, bundle};
pub use directory::{DirectoryUnreadable, SiteFinding, SiteVerified, directory};

use crate::log::VerifyFailure;
use std::fmt;
use std::ops::Range;

/// The first thing that does not hold.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Finding {
    /// What it is.
    pub failure: VerifyFailure,
    /// At which event, if it is at one.
    pub at: Option<u64>,
    /// When that event was, if it says so.
    pub t: Option<String>,
    /// The smallest range of events that holds the fault, by the hashes that lead to the signed root. Everything before it is sound.
    pub within: Option<Range<u64>>,
    /// The file, if it is not the events.
    pub file: Option<String>,
}

impl Finding {
    fn of(failure: VerifyFailure) -> Self {
        Self { failure, at: None, t: None, within: None, file: None }
    }
    fn in_file(failure: VerifyFailure, file: &str) -> Self {
        Self { file: Some(file.to_owned()), ..Self::of(failure) }
    }
    fn at(failure: VerifyFailure, seq: u64) -> Self {
        Self { at: Some(seq), ..Self::of(failure) }
    }
}

impl From<VerifyFailure> for Finding {
    fn from(failure: VerifyFailure) -> Self {
        Self::of(failure)
    }
}

/// `E_LEAF at #40118 (2026-03-11T10:02:44.000Z): the event does not match its leaf hash`
impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.failure.code())?;
        if let Some(seq) = self.at {
            write!(f, " at #{seq}")?;
        }
        if let Some(t) = &self.t {
            write!(f, " ({t})")?;
        }
        write!(f, ": {}", self.failure.sentence())?;
        match &self.file {
            Some(file) => write!(f, " ({file})"),
            None => Ok(()),
        }
    }
}
