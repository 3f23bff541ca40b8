//! Reading the log is itself recorded.

use super::{Outcome, Severity};
use crate::terms::{Digest, Timestamp};
use serde::{Deserialize, Serialize};

/// Someone read the audit log.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[serde(tag = "type")]
pub enum AuditEvent {
    /// A query over the log was answered. Sealed: `reason`, if people were shown by name.
    #[serde(rename = "audit.read")]
    Read {
        /// What was asked for: `log`, `show`, `explain`, `state`, `introspect` or `replay`.
        query: String,
        /// HMAC of the query's filter under a key of the site; the filter itself may name people.
        #[serde(rename = "filter_hmac")]
        filter: Digest,
        /// How many events the answer held.
        rows: u64,
        /// Whether people were shown by name.
        identified: bool,
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
