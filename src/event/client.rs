//! Clients (RFC 7591, RFC 7592).

use super::{Endpoint, Outcome, Refusal, Severity};
use crate::terms::protocol::words;
use crate::terms::{
    ApplicationType, ClientAlgorithm, ClientId, Digest, GrantType, HttpsUrl, InvitationId, RedirectUri, RegistrationPath,
    RequestObjectAlgorithm, ResponseType, ScopeSet, SecretlessGrant, Sector, SigningAlgorithm, SubjectType, Timestamp,
    TokenEndpointAuthMethod,
};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// What happened to a client.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[serde(tag = "type")]
pub enum ClientEvent {
    /// A client registered itself, or was registered by an administrator. Sealed: `contacts`.
    #[serde(rename = "client.registered")]
    Registered {
        client: ClientId,
        metadata: Box<ClientMetadata>,
        status: ClientStatus,
        /// Digest of the `client_secret`; none for a public client.
        #[serde(rename = "secret_digest", default, skip_serializing_if = "Option::is_none")]
        secret: Option<Digest>,
        /// Digest of the `registration_access_token`.
        #[serde(rename = "registration_token_digest")]
        registration_token: Digest,
        registration_path: RegistrationPath,
        /// What let it register, if anything was needed.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        invitation: Option<InvitationId>,
    },
    /// Metadata was replaced (RFC 7592 §2.2): the members that changed, as they were and as they are. Sealed: `contacts`.
    /// With the current `registration_token` again, and nothing changed: the client has that token, so the one before is dead.
    #[serde(rename = "client.updated")]
    Updated {
        client: ClientId,
        before: Map<String, Value>,
        after: Map<String, Value>,
        status: ClientStatus,
        /// Digest of the new `registration_access_token`; none when an administrator made the change.
        #[serde(rename = "registration_token_digest", default, skip_serializing_if = "Option::is_none")]
        registration_token: Option<Digest>,
    },
    /// An administrator handed out an initial access token (RFC 7591 §3).
    #[serde(rename = "client.invited")]
    Invited {
        invitation: InvitationId,
        #[serde(rename = "initial_token_digest")]
        token: Digest,
        /// How many clients may register with it.
        uses: u32,
        expires_at: Timestamp,
    },
    /// The initial access token opens nothing any more; what registered with it stays.
    #[serde(rename = "client.invitation_revoked")]
    InvitationRevoked { invitation: InvitationId },
    /// The old `client_secret` stopped working.
    #[serde(rename = "client.secret_rotated")]
    SecretRotated {
        client: ClientId,
        #[serde(rename = "secret_digest")]
        secret: Digest,
    },
    /// An administrator let a waiting client in; one that is disabled stays so, and waits no longer when it is enabled again.
    #[serde(rename = "client.approved")]
    Approved { client: ClientId },
    /// The client may do nothing any more; its tokens are dead while this lasts.
    #[serde(rename = "client.disabled")]
    Disabled { client: ClientId },
    /// A disabled client was let in again; one that had waited for approval waits again.
    #[serde(rename = "client.enabled")]
    Enabled { client: ClientId },
    /// The client is gone for ever (RFC 7592 §2.3).
    #[serde(rename = "client.deleted")]
    Deleted { client: ClientId },
    /// An administrator changed what the client may do beside its metadata: the members of [`ClientPrivileges`] that changed, as they
    /// were and as they are.
    #[serde(rename = "client.configured")]
    Configured { client: ClientId, before: Map<String, Value>, after: Map<String, Value> },
    /// Somebody failed to prove to be this client. Sealed: `net.ip`, `net.ua`.
    #[serde(rename = "client.auth_failed")]
    AuthFailed {
        #[serde(default, skip_serializing_if = "Option::is_none")]
        client: Option<ClientId>,
        endpoint: Endpoint,
        reason: Refusal,
    },
    /// The client proved who it is by an assertion, which is spent until its time is over (RFC 7523 §3). Sealed: `net.ip`, `net.ua`.
    #[serde(rename = "client.assertion_used")]
    AssertionUsed {
        client: ClientId,
        endpoint: Endpoint,
        alg: ClientAlgorithm,
        /// The thumbprint of the key that signed it (RFC 7638).
        #[serde(rename = "key_digest")]
        key: Digest,
        /// A tag of client and `jti`, under a key of the site: a `jti` is whatever the client likes.
        #[serde(rename = "jti_hmac")]
        jti: Digest,
        expires_at: Timestamp,
    },
}

impl ClientEvent {
    pub(crate) fn weight(&self) -> (Outcome, Severity) {
        match self {
            Self::Registered { .. }
            | Self::Updated { .. }
            | Self::Invited { .. }
            | Self::SecretRotated { .. }
            | Self::Approved { .. }
            | Self::Enabled { .. }
            | Self::AssertionUsed { .. } => (Outcome::Success, Severity::Info),
            Self::Disabled { .. } | Self::Deleted { .. } | Self::InvitationRevoked { .. } => (Outcome::Success, Severity::Low),
            // Somebody may now act as the client without being able to prove it, or the client see what is not its own.
            Self::Configured { after, .. } => match after.get("legacy_secretless").and_then(Value::as_array) {
                Some(grants) if !grants.is_empty() => (Outcome::Success, Severity::High),
                _ if after.get("introspect_any") == Some(&Value::Bool(true)) => (Outcome::Success, Severity::Medium),
                Some(_) | None => (Outcome::Success, Severity::Low),
            },
            Self::AuthFailed { .. } => (Outcome::Failure, Severity::Medium),
        }
    }
}

words!(
    /// Whether a client may act.
    ClientStatus, "client_status", {
        /// It may.
        Enabled = "enabled",
        /// An administrator has to approve it first.
        PendingApproval = "pending_approval",
        /// An administrator disabled it.
        Disabled = "disabled",
    }
);

/// What an administrator lets a client do, and the client cannot ask for itself.
#[derive(Clone, PartialEq, Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ClientPrivileges {
    /// The grants for which it may leave its secret out although it has one (SPEC.md k-15).
    #[serde(default)]
    pub legacy_secretless: Vec<SecretlessGrant>,
    /// It may ask about the tokens of every client of its site: it is a resource server (SPEC.md h).
    #[serde(default)]
    pub introspect_any: bool,
}

/// A client's public metadata, with every default filled in (RFC 7591 §2, OpenID Connect Registration §2).
/// Contacts are sealed beside the event.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct ClientMetadata {
    pub application_type: ApplicationType,
    pub redirect_uris: Vec<RedirectUri>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub post_logout_redirect_uris: Vec<RedirectUri>,
    /// Where it wants to be told that a session is over (OpenID Connect Back-Channel Logout §2.2).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub backchannel_logout_uri: Option<HttpsUrl>,
    /// It wants to be told which session, always.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub backchannel_logout_session_required: bool,
    /// What the browser loads when a session is over (OpenID Connect Front-Channel Logout §2).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub frontchannel_logout_uri: Option<RedirectUri>,
    /// It wants to be told which session, always.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub frontchannel_logout_session_required: bool,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub client_name: Option<String>,
    pub token_endpoint_auth_method: TokenEndpointAuthMethod,
    /// What its assertions are signed with; any that we know, if it is not there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub token_endpoint_auth_signing_alg: Option<ClientAlgorithm>,
    /// Its public keys; never beside `jwks_uri`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub jwks: Option<ClientJwks>,
    /// Where its public keys are.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub jwks_uri: Option<HttpsUrl>,
    pub grant_types: Vec<GrantType>,
    /// Each a set of words, in the order in which they were sent.
    pub response_types: Vec<String>,
    pub scope: ScopeSet,
    pub id_token_signed_response_alg: SigningAlgorithm,
    /// What userinfo is signed with; plain JSON, if it is not there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub userinfo_signed_response_alg: Option<SigningAlgorithm>,
    /// What its request objects are signed with; none is as good as any, if it is not there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub request_object_signing_alg: Option<RequestObjectAlgorithm>,
    /// Where its request objects may be (OpenID Connect Core §6.2).
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub request_uris: Vec<String>,
    /// What it knows people by.
    #[serde(default = "SubjectType::unsaid", skip_serializing_if = "SubjectType::is_public")]
    pub subject_type: SubjectType,
    /// Where it is written which redirection URIs share a sector with its own (OpenID Connect Core §8.1).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sector_identifier_uri: Option<HttpsUrl>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub client_uri: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub logo_uri: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub policy_uri: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tos_uri: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub initiate_login_uri: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub software_id: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub software_version: Option<String>,
    /// Seconds (OpenID Connect Registration §2).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub default_max_age: Option<u64>,
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub require_auth_time: bool,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub default_acr_values: Vec<String>,
    /// Origins whose scripts are the client, besides those of `redirect_uris` (SPEC.md a.13).
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub allowed_origins: Vec<String>,
    /// What the reference's clients say of their decision support, which means nothing here (SPEC.md b.1).
    #[serde(default, skip_serializing_if = "Map::is_empty")]
    pub dsi: Map<String, Value>,
    /// `client_name#lang` and the like, as sent (OpenID Connect Registration §2.1).
    #[serde(default, skip_serializing_if = "Map::is_empty")]
    pub localized: Map<String, Value>,
}

/// Public keys as a client registered them (RFC 7517 §5).
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct ClientJwks {
    pub keys: Vec<ClientJwk>,
}

/// The members of a client's JWK that are read here (RFC 7517 §4, RFC 7518 §6, RFC 8037 §2). Whether it is a key at all is for the
/// reader to find out.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct ClientJwk {
    pub kty: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kid: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub alg: Option<String>,
    #[serde(rename = "use", default, skip_serializing_if = "Option::is_none")]
    pub key_use: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key_ops: Option<Vec<String>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub crv: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub x: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub y: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub n: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub e: Option<String>,
}

impl ClientMetadata {
    /// Whether the client keeps no secret (RFC 6749 §2.1).
    pub fn is_public(&self) -> bool {
        self.token_endpoint_auth_method == TokenEndpointAuthMethod::None
    }
    /// Whether the client and the server share a secret.
    pub fn has_secret(&self) -> bool {
        self.token_endpoint_auth_method.uses_secret()
    }
    /// Whose name for a person it knows; none if it knows people by their own id. Of a client that may be, all redirection URIs have one
    /// host, or a `sector_identifier_uri` lists them all.
    pub fn sector(&self) -> Option<Sector> {
        let uri = match (self.subject_type, &self.sector_identifier_uri, self.redirect_uris.first()) {
            (SubjectType::Public, _, _) | (SubjectType::Pairwise, None, None) => return None,
            (SubjectType::Pairwise, Some(uri), _) => uri.as_str(),
            (SubjectType::Pairwise, None, Some(uri)) => uri.as_str(),
        };
        Sector::of(uri)
    }
    /// Whether the client registered this response type, in whatever order of words.
    pub fn has_response_type(&self, response_type: ResponseType) -> bool {
        self.response_types.iter().any(|own| ResponseType::read(own) == Some(response_type))
    }
    /// Whether scripts of this origin are the client (SPEC.md a.13).
    pub fn is_at(&self, origin: &str) -> bool {
        let redirects_there = || self.redirect_uris.iter().any(|uri| uri.origin().as_deref() == Some(origin));
        self.allowed_origins.iter().any(|own| own == origin) || redirects_there()
    }
    /// Whether the client runs on the person's device (RFC 8252).
    pub fn is_native(&self) -> bool {
        self.application_type == ApplicationType::Native
    }
}
