//! Refresh tokens (RFC 6749 §6, RFC 9700 §4.14). Generations order rotations, never times.

use super::token::IssuedTokens;
use super::{Outcome, Severity};
use crate::terms::{ClientId, GrantId, TokenId, UserId};
use serde::{Deserialize, Serialize};

/// What happened to a grant's refresh token.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[serde(tag = "type")]
pub enum RefreshEvent {
    /// A new generation was issued with a new access token; the one before is used up.
    #[serde(rename = "refresh.rotated")]
    Rotated(Box<IssuedTokens>),
    /// The response of the last rotation was lost and asked for again: the same tokens were handed out.
    #[serde(rename = "refresh.retried")]
    Retried {
        grant: GrantId,
        client: ClientId,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        user: Option<UserId>,
        /// The generation that came back.
        generation: u32,
        /// The generation that was handed out again.
        current: u32,
        token: TokenId,
    },
    /// A refresh token that had been rotated came back.
    #[serde(rename = "refresh.reuse_detected")]
    ReuseDetected {
        grant: GrantId,
        client: ClientId,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        user: Option<UserId>,
        /// The generation that came back.
        generation: u32,
        /// The generation that is current.
        current: u32,
    },
}

impl RefreshEvent {
    pub(crate) fn weight(&self) -> (Outcome, Severity) {
        match self {
            Self::Rotated(_) | Self::Retried { .. } => (Outcome::Success, Severity::Info),
            Self::ReuseDetected { .. } => (Outcome::Failure, Severity::High),
        }
    }
}
