//! Access tokens, and reads that rest on them.

use super::audit::Count;
use super::{Outcome, Refusal, Severity};
use crate::terms::{ClientId, CodeId, GrantId, GrantType, KeyId, ScopeSet, Seq, SessionId, SigningAlgorithm, Timestamp, TokenId, UserId};
use serde::{Deserialize, Serialize};

/// What happened to an access token.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[serde(tag = "type")]
pub enum TokenEvent {
    /// Tokens were issued for a code.
    #[serde(rename = "token.granted")]
    Granted(Box<IssuedTokens>),
    /// A token request of a known client was refused. Sealed: `net.ip`, `net.ua`.
    #[serde(rename = "token.denied")]
    Denied {
        client: ClientId,
        grant_type: GrantType,
        reason: Refusal,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        grant: Option<GrantId>,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        code: Option<CodeId>,
    },
    /// One access token is dead; its grant lives on.
    #[serde(rename = "token.revoked")]
    Revoked { token: TokenId, grant: GrantId, client: ClientId, user: UserId },
    /// A client asked about the token; reads of one minute with one answer are told together.
    #[serde(rename = "token.introspected")]
    Introspected {
        token: TokenId,
        grant: GrantId,
        /// Who asked.
        asker: ClientId,
        active: bool,
        #[serde(flatten)]
        times: Count,
    },
    /// The token was used to read its person's claims; told by the minute.
    #[serde(rename = "userinfo.read")]
    UserinfoRead {
        token: TokenId,
        grant: GrantId,
        client: ClientId,
        user: UserId,
        #[serde(flatten)]
        times: Count,
    },
    /// A signature of ours verifies over a `jti` that the log does not know: a key has leaked, or the log has lost its end. The first
    /// time is an event, further times are told by the minute.
    #[serde(rename = "token.forgery_detected")]
    ForgeryDetected {
        token: TokenId,
        /// The key whose signature it is.
        kid: KeyId,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        times: Option<Count>,
    },
}

impl TokenEvent {
    pub(crate) fn weight(&self) -> (Outcome, Severity) {
        match self {
            Self::Granted(_) | Self::Introspected { .. } | Self::UserinfoRead { .. } => (Outcome::Success, Severity::Info),
            Self::Revoked { .. } => (Outcome::Success, Severity::Low),
            Self::Denied { .. } => (Outcome::Denied, Severity::Medium),
            Self::ForgeryDetected { .. } => (Outcome::Failure, Severity::Critical),
        }
    }
}

/// All that is needed to mint a response's tokens again, byte for byte, from log and key.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct IssuedTokens {
    /// The access token's `jti`.
    pub token: TokenId,
    pub grant: GrantId,
    pub client: ClientId,
    pub user: UserId,
    pub session: SessionId,
    pub scope: ScopeSet,
    /// The resource named by the authorization request; the access token's `aud`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub audience: Option<String>,
    /// The key that signs the access token.
    pub kid: KeyId,
    /// The key and algorithm that sign the ID token; none without `openid`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id_token: Option<IdTokenKey>,
    /// The generation of the refresh token that goes with them; none if there is none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub generation: Option<u32>,
    /// When the refresh token stops working.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub refresh_expires_at: Option<Timestamp>,
    pub issued_at: Timestamp,
    pub expires_at: Timestamp,
    /// When the person last proved who they are (OpenID Connect Core §2).
    pub auth_time: Timestamp,
    /// The record whose sealed `nonce` the ID token repeats; none on refresh (OpenID Connect Core §12.2).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub nonce_at: Option<Seq>,
}

/// Which key signs an ID token.
#[derive(Clone, Copy, PartialEq, Debug, Serialize, Deserialize)]
pub struct IdTokenKey {
    pub kid: KeyId,
    pub alg: SigningAlgorithm,
}
