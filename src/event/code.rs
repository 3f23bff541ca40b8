//! Authorization codes (RFC 6749 §4.1).

use super::{AskedClaims, Outcome, Severity};
use crate::terms::{
    Acr, ClientId, CodeChallenge, CodeId, ConsentId, Digest, GrantId, InteractionId, ScopeSet, SessionId, Timestamp, UserId,
};
use serde::{Deserialize, Serialize};

/// What happened to a code.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[serde(tag = "type")]
#[expect(clippy::large_enum_variant, reason = "most codes are issued once and redeemed once, and an event does not live long")]
pub enum CodeEvent {
    /// A code was handed to the browser; its grant begins here. Sealed: `nonce`.
    #[serde(rename = "code.issued")]
    Issued {
        code: CodeId,
        /// What the code is looked up by.
        #[serde(rename = "code_digest")]
        digest: Digest,
        grant: GrantId,
        consent: ConsentId,
        /// Which showing of our pages was answered by it; none if nobody was shown one.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        interaction: Option<InteractionId>,
        client: ClientId,
        user: UserId,
        session: SessionId,
        scope: ScopeSet,
        /// Digest of the request's `redirect_uri`; none if the request had none (SPEC.md k-6).
        #[serde(rename = "redirect_uri_digest", default, skip_serializing_if = "Option::is_none")]
        redirect_uri: Option<Digest>,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        code_challenge: Option<CodeChallenge>,
        /// The resource named by `aud` (SPEC.md k-24).
        #[serde(default, skip_serializing_if = "Option::is_none")]
        audience: Option<String>,
        /// Whether the request had a `nonce`, which is sealed in this record.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        has_nonce: bool,
        auth_time: Timestamp,
        /// How the person had proved who they are (RFC 8176 §2).
        amr: Vec<String>,
        /// How strong that was, if it was asked for.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        acr: Option<Acr>,
        /// The claims that were asked for by name and allowed (OpenID Connect Core §5.5).
        #[serde(default, skip_serializing_if = "AskedClaims::is_empty")]
        claims: AskedClaims,
        /// Whether a refresh token goes with the access token (SPEC.md k-13).
        refresh: bool,
        expires_at: Timestamp,
    },
    /// The code was exchanged for tokens.
    #[serde(rename = "code.redeemed")]
    Redeemed { code: CodeId, grant: GrantId, client: ClientId },
    /// A code that had been redeemed came back.
    #[serde(rename = "code.replayed")]
    Replayed { code: CodeId, grant: GrantId, client: ClientId },
}

impl CodeEvent {
    pub(crate) fn weight(&self) -> (Outcome, Severity) {
        match self {
            Self::Issued { .. } | Self::Redeemed { .. } => (Outcome::Success, Severity::Info),
            Self::Replayed { .. } => (Outcome::Failure, Severity::High),
        }
    }
}
