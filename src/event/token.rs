//! Access tokens, and reads that rest on them.

use super::audit::Count;
use super::{Outcome, Refusal, Severity};
use crate::terms::{
    Acr, ClientId, CodeId, GrantId, GrantType, InteractionId, KeyId, ScopeSet, Sector, Seq, SessionId, SigningAlgorithm, Timestamp,
    TokenId, UserId,
};
use serde::{Deserialize, Serialize};

/// What happened to an access token.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[serde(tag = "type")]
pub enum TokenEvent {
    /// Tokens were issued: for a code, or for what `begins` says.
    #[serde(rename = "token.granted")]
    Granted(Box<IssuedTokens>),
    /// An ID token was issued from the authorization endpoint and no access token with it. Sealed: `nonce`, unless a code's record
    /// holds it.
    #[serde(rename = "id_token.issued")]
    IdTokenIssued(Box<IssuedIdToken>),
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
    Revoked {
        token: TokenId,
        grant: GrantId,
        client: ClientId,
        /// None where the client acted for itself.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        user: Option<UserId>,
    },
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
            Self::Granted(_) | Self::IdTokenIssued(_) | Self::Introspected { .. } | Self::UserinfoRead { .. } => {
                (Outcome::Success, Severity::Info)
            }
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
    /// For whom; none where the client acts for itself (RFC 6749 §4.4).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub user: Option<UserId>,
    /// The browser's session that they rest on; none where no browser was there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub session: Option<SessionId>,
    /// What the grant rests on that begins with these tokens; none where a code began it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub begins: Option<Beginning>,
    pub scope: ScopeSet,
    /// Whether they were issued beside a code, which is good for tokens of its own (OpenID Connect Core §3.3).
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub beside_code: bool,
    /// The claims that userinfo tells besides those of the scope (OpenID Connect Core §5.5).
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub userinfo_claims: Vec<String>,
    /// The resource named by the authorization request; the access token's `aud`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub audience: Option<String>,
    /// The sector whose name for the person is the `sub`; none if that is the user's own id (OpenID Connect Core §8).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sector: Option<Sector>,
    /// The key that signs the access token.
    pub kid: KeyId,
    /// What the ID token rests on; none without `openid`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id_token: Option<IdTokenFacts>,
    /// The generation of the refresh token that goes with them; none if there is none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub generation: Option<u32>,
    /// When the refresh token stops working.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub refresh_expires_at: Option<Timestamp>,
    pub issued_at: Timestamp,
    pub expires_at: Timestamp,
}

/// All that is needed to mint an ID token again that came alone.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct IssuedIdToken {
    pub grant: GrantId,
    pub client: ClientId,
    pub user: UserId,
    pub session: SessionId,
    /// What the grant rests on that begins with it; none where a code began it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub begins: Option<Beginning>,
    pub scope: ScopeSet,
    /// As with [`IssuedTokens`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sector: Option<Sector>,
    pub id_token: IdTokenFacts,
    pub issued_at: Timestamp,
    pub expires_at: Timestamp,
}

/// How a grant began that had no code.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct Beginning {
    pub grant_type: GrantType,
    /// When the person proved who they are; none where there is nobody.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub auth_time: Option<Timestamp>,
    /// How they did (RFC 8176 §2).
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub amr: Vec<String>,
    /// The record by which an administrator let the client take people's passwords: it stands for the person's consent. None where there
    /// was no password.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub passwords_at: Option<Seq>,
    /// Which showing of our pages was answered by it; none if nobody was shown one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub interaction: Option<InteractionId>,
}

/// What an ID token rests on beside the access token it goes with.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct IdTokenFacts {
    /// The key that signs it.
    pub kid: KeyId,
    pub alg: SigningAlgorithm,
    /// When the person last proved who they are (OpenID Connect Core §2).
    pub auth_time: Timestamp,
    /// How they did (RFC 8176 §2).
    pub amr: Vec<String>,
    /// The record whose sealed `nonce` it repeats; none on refresh (OpenID Connect Core §12.2).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub nonce_at: Option<Seq>,
    /// The record whose sealed claims it shows, as far as the scope goes; none if they wait at userinfo (SPEC.md k-37).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub claims_at: Option<Seq>,
    /// Whether the thread's claims are in it: those of the scope, each `api:` scope, `site` (SPEC.md k-36, k-37).
    pub seed_policy: bool,
    /// Whether the claims of the scope are in it because there is no access token to read them with (OpenID Connect Core §5.4).
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub scope_claims: bool,
    /// The claims that are in it because they were asked for by name (OpenID Connect Core §5.5).
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub claims: Vec<String>,
    /// How strong the sign-in was, if that was asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub acr: Option<Acr>,
    /// The `c_hash` of the code beside it (OpenID Connect Core §3.3.2.11). It cannot be told from what the log knows of the code where the
    /// algorithm hashes with SHA-512.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub c_hash: Option<String>,
}
