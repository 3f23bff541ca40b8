//! Browser sessions.

use super::{Outcome, Severity};
use crate::terms::protocol::words;
use crate::terms::{Digest, SessionId, Timestamp, UserId};
use serde::{Deserialize, Serialize};

/// What happened to a browser's session.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[serde(tag = "type")]
pub enum SessionEvent {
    /// A session began, or the same person proved themselves again: either way the cookie is new (THREATS.md A67).
    #[serde(rename = "session.started")]
    Started {
        session: SessionId,
        user: UserId,
        /// Digest of the cookie's secret.
        cookie: Digest,
        auth_time: Timestamp,
    },
    /// The session is over.
    #[serde(rename = "session.ended")]
    Ended { session: SessionId, user: UserId, reason: SessionEnd },
}

impl SessionEvent {
    pub(crate) fn weight(&self) -> (Outcome, Severity) {
        match self {
            Self::Started { .. } | Self::Ended { .. } => (Outcome::Success, Severity::Info),
        }
    }
}

words!(
    /// Why a session ended.
    SessionEnd, "session end", {
        /// The person signed out: every grant of the session ends with it.
        Logout = "logout",
        /// An administrator ended it: every grant of the session ends with it.
        Revoked = "revoked",
        /// Somebody else signed in with the same browser; grants live on.
        Replaced = "replaced",
    }
);

impl SessionEnd {
    /// Whether the session's grants end with it.
    pub fn ends_grants(self) -> bool {
        match self {
            Self::Logout | Self::Revoked => true,
            Self::Replaced => false,
        }
    }
}
