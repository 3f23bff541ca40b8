//! Reading the log is itself recorded.

use super::{Outcome, Severity};
use crate::terms::{Digest, Timestamp};
use serde::{Deserialize, Serialize};

/// Someone read the audit log.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[serde(tag = "type")]
pub enum AuditEvent {
    /// A query over the log was answered.
    #[serde(rename = "audit.read")]
    Read {
        /// What was asked for: `log`, `show` or `explain`.
        query: String,
        /// Digest of the query's filter; the filter itself may name people.
        filter: Digest,
        /// How many events the answer held.
        rows: u64,
    },
}

impl AuditEvent {
    pub(crate) fn weight(&self) -> (Outcome, Severity) {
        match self {
            Self::Read { .. } => (Outcome::Success, Severity::Info),
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
