//! What people said to apps.

use super::{AskedClaims, Outcome, Severity};
use crate::terms::{ClientId, ConsentId, GrantId, ScopeSet, SessionId, UserId};
use serde::{Deserialize, Serialize};

/// A person's decision about an app's wishes.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[serde(tag = "type")]
pub enum ConsentEvent {
    /// The person allowed `scope` of what was asked for. What they left out is no longer allowed, even if it was before.
    #[serde(rename = "consent.granted")]
    Granted {
        consent: ConsentId,
        grant: GrantId,
        user: UserId,
        client: ClientId,
        session: SessionId,
        requested_scope: ScopeSet,
        scope: ScopeSet,
        /// The claims that were asked for by name (OpenID Connect Core §5.5).
        #[serde(default, skip_serializing_if = "AskedClaims::is_empty")]
        requested_claims: AskedClaims,
        /// What of these the person allowed.
        #[serde(default, skip_serializing_if = "AskedClaims::is_empty")]
        claims: AskedClaims,
    },
    /// The person refused.
    #[serde(rename = "consent.denied")]
    Denied { consent: ConsentId, user: UserId, client: ClientId, session: SessionId, requested_scope: ScopeSet },
    /// The person, or an administrator for them, took an earlier permission back. Every grant under it is dead.
    #[serde(rename = "consent.revoked")]
    Revoked { user: UserId, client: ClientId },
}

impl ConsentEvent {
    pub(crate) fn weight(&self) -> (Outcome, Severity) {
        match self {
            Self::Granted { .. } | Self::Revoked { .. } => (Outcome::Success, Severity::Info),
            Self::Denied { .. } => (Outcome::Denied, Severity::Low),
        }
    }
}
