//! Browser sessions.

use super::{Outcome, Severity};
use crate::terms::protocol::words;
use crate::terms::{Digest, SessionId, Timestamp, UserId};
use serde::{Deserialize, Serialize};

/// What happened to a browser's session.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[serde(tag = "type")]
pub enum SessionEvent {
    /// A session began.
    #[serde(rename = "session.started")]
    Started {
        session: SessionId,
        user: UserId,
        /// Digest of the cookie's secret.
        #[serde(rename = "cookie_digest")]
        cookie: Digest,
        auth_time: Timestamp,
        /// How the person proved who they are (RFC 8176 §2).
        amr: Vec<String>,
    },
    /// The same person proved themselves again in the same browser; the cookie is new (THREATS.md A67).
    #[serde(rename = "session.renewed")]
    Renewed {
        session: SessionId,
        user: UserId,
        /// Digest of the new cookie's secret.
        #[serde(rename = "cookie_digest")]
        cookie: Digest,
        auth_time: Timestamp,
        /// How the person proved who they are (RFC 8176 §2).
        amr: Vec<String>,
    },
    /// The session is over.
    #[serde(rename = "session.ended")]
    Ended { session: SessionId, user: UserId, reason: SessionEnd },
}

impl SessionEvent {
    pub(crate) fn weight(&self) -> (Outcome, Severity) {
        match self {
            Self::Started { .. } | Self::Renewed { .. } | Self::Ended { .. } => (Outcome::Success, Severity::Info),
        }
    }
}

words!(
    /// Why a session ended.
    SessionEnd, "session end", {
        /// The person signed out: every grant of the session ends with it.
        Logout = "logout",
        /// An administrator signed the person out: every grant of the session ends with it.
        Administrator = "administrator",
        /// Somebody else signed in with the same browser; grants live on.
        Replaced = "replaced",
    }
);

impl SessionEnd {
    /// Whether the session's grants end with it.
    pub fn ends_grants(self) -> bool {
        match self {
            Self::Logout | Self::Administrator => true,
            Self::Replaced => false,
        }
    }
}
