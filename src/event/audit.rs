//! Reading the log is itself recorded.

use super::{Outcome, Severity};
use crate::terms::{Digest, Seq, Timestamp};
use serde::{Deserialize, Serialize};

/// Someone read the audit log.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[serde(tag = "type")]
pub enum AuditEvent {
    /// A query over the log was answered. Sealed: `reason`, if people were shown by name.
    #[serde(rename = "audit.read")]
    Read {
        /// What was asked for: `log`, `show`, `explain`, `prove`, `state`, `introspect` or `replay`.
        query: String,
        /// HMAC of the query's filter under a key of the site; the filter itself may name people.
        #[serde(rename = "filter_hmac")]
        filter: Digest,
        /// How many events the answer held.
        rows: u64,
        /// Whether people were shown by name.
        identified: bool,
    },
    /// A part of the log is about to leave the server: recorded before the first byte does (AUDIT.md §6.6). Sealed: `purpose` and
    /// `basis`, and `reason` if people are shown by name.
    #[serde(rename = "audit.exported")]
    Exported {
        /// The renderings that leave, as `ndjson`.
        format: String,
        /// The first event.
        from: Seq,
        /// The event after the last.
        to: Seq,
        /// How many events leave, withheld ones among them.
        events: u64,
        /// How many sealed fields leave opened.
        disclosed: u64,
        /// Of how many events only the leaf hash leaves.
        withheld: u64,
        /// SHA-256 of the bytes that leave.
        bundle_digest: Digest,
        /// How many events the checkpoint covers that leaves with them.
        checkpoint_size: u64,
        /// HMAC of the export's filter under a key of the site; the filter itself may name people.
        #[serde(rename = "filter_hmac")]
        filter: Digest,
        /// Whether people are shown by name.
        identified: bool,
    },
}

impl AuditEvent {
    pub(crate) fn weight(&self) -> (Outcome, Severity) {
        match self {
            Self::Read { .. } => (Outcome::Success, Severity::Info),
            Self::Exported { .. } => (Outcome::Success, Severity::Low),
        }
    }
}

/// How often the same thing happened, and when: what one event tells of many reads or refusals.
#[derive(Clone, Copy, PartialEq, Debug, Serialize, Deserialize)]
pub struct Count {
    /// How many times, at least 1.
    pub count: u64,
    /// The first time.
    pub first: Timestamp,
    /// The last time.
    pub last: Timestamp,
}
