//! End-users. What is known of them as persons is sealed under their own key.

use super::{Outcome, Severity};
use crate::terms::{CredentialId, Digest, Role, UserId};
use serde::{Deserialize, Serialize};

/// What happened to an end-user.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[serde(tag = "type")]
pub enum UserEvent {
    /// The person exists. Sealed: `username` and one field `claim.…` for each claim.
    #[serde(rename = "user.created")]
    Created {
        user: UserId,
        /// HMAC of the normalized username under a key of the site.
        login: Digest,
        role: Role,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        credential: Option<CredentialId>,
    },
    /// Somebody else set the person's password.
    #[serde(rename = "user.password_reset")]
    PasswordReset {
        user: UserId,
        credential: CredentialId,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        before: Option<CredentialId>,
    },
    /// The person cannot sign in and their tokens are dead while this lasts.
    #[serde(rename = "user.disabled")]
    Disabled { user: UserId },
    /// They can again.
    #[serde(rename = "user.enabled")]
    Enabled { user: UserId },
    /// Too many wrong passwords in a row: an administrator has to unlock.
    #[serde(rename = "user.locked")]
    Locked { user: UserId, failures: u32 },
    /// The count of wrong passwords starts again.
    #[serde(rename = "user.unlocked")]
    Unlocked { user: UserId },
    /// The person's key is destroyed: every sealed field about them is unreadable for ever.
    #[serde(rename = "user.erased")]
    Erased { user: UserId },
}

impl UserEvent {
    pub(crate) fn weight(&self) -> (Outcome, Severity) {
        match self {
            Self::Created { .. } | Self::Enabled { .. } => (Outcome::Success, Severity::Info),
            Self::PasswordReset { .. } | Self::Disabled { .. } | Self::Unlocked { .. } => (Outcome::Success, Severity::Low),
            Self::Locked { .. } | Self::Erased { .. } => (Outcome::Success, Severity::Medium),
        }
    }
}
