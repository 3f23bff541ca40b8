//! Grants: the authorization given by one consent, parent of its codes and tokens.

use super::{Outcome, Severity};
use crate::terms::protocol::words;
use crate::terms::{ClientId, GrantId, UserId};
use serde::{Deserialize, Serialize};

/// What happened to a grant. It begins with the first event that names it.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[serde(tag = "type")]
pub enum GrantEvent {
    /// The grant ended; every code and token of it is dead for ever.
    #[serde(rename = "grant.revoked")]
    Revoked {
        grant: GrantId,
        client: ClientId,
        /// None where the client acted for itself.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        user: Option<UserId>,
        reason: GrantEnd,
    },
    /// Every grant of this person to this client ended.
    #[serde(rename = "grant.all_revoked")]
    AllRevoked { client: ClientId, user: UserId, reason: GrantEnd },
}

impl GrantEvent {
    pub(crate) fn weight(&self) -> (Outcome, Severity) {
        match self {
            Self::Revoked { reason, .. } | Self::AllRevoked { reason, .. } => match reason {
                GrantEnd::Logout | GrantEnd::RevokedByClient | GrantEnd::AnsweredAgain => (Outcome::Success, Severity::Low),
                GrantEnd::CodeReplayed | GrantEnd::RefreshReused | GrantEnd::VerifierGuessed => (Outcome::Success, Severity::High),
            },
        }
    }
}

words!(
    /// Why a grant ended.
    GrantEnd, "grant end", {
        /// Its code was used twice (RFC 6749 §4.1.2).
        CodeReplayed = "code_replayed",
        /// A rotated refresh token came back (RFC 9700 §4.14.2).
        RefreshReused = "refresh_reused",
        /// Five wrong code verifiers (THREATS.md A22).
        VerifierGuessed = "verifier_guessed",
        /// The client revoked its refresh token (RFC 7009 §2).
        RevokedByClient = "revoked_by_client",
        /// The person answered the same page again before the app had made anything of the first answer.
        AnsweredAgain = "answered_again",
        /// The person signed out of this app everywhere.
        Logout = "logout",
    }
);
