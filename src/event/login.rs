//! Sign-in attempts.

use super::{Outcome, Refusal, Severity};
use crate::terms::{ClientId, Digest, SessionId, UserId};
use serde::{Deserialize, Serialize};

/// Somebody tried to sign in. Sealed: `net.ip`, `net.ua`.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[serde(tag = "type")]
pub enum LoginEvent {
    /// The person proved who they are.
    #[serde(rename = "login.succeeded")]
    Succeeded {
        user: UserId,
        /// The session that began or went on; none where no browser was there.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        session: Option<SessionId>,
        /// HMAC of the normalized name under a key of the site.
        login: Digest,
        /// Authentication methods (RFC 8176 §2).
        amr: Vec<String>,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        client: Option<ClientId>,
    },
    /// They did not. The name they typed is nowhere: people type passwords there.
    #[serde(rename = "login.failed")]
    Failed {
        #[serde(default, skip_serializing_if = "Option::is_none")]
        user: Option<UserId>,
        login: Digest,
        reason: Refusal,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        client: Option<ClientId>,
    },
}

impl LoginEvent {
    pub(crate) fn weight(&self) -> (Outcome, Severity) {
        match self {
            Self::Succeeded { .. } => (Outcome::Success, Severity::Info),
            Self::Failed { .. } => (Outcome::Failure, Severity::Low),
        }
    }
}
