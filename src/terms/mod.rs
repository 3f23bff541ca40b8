//! The nouns of the RFCs as types. A value that exists is valid: every type here is made by parsing.

mod actor;
mod cidr;
mod digest;
mod error_code;
mod https_url;
mod id;
mod moment;
mod pkce;
pub(crate) mod protocol;
mod redirect_uri;
mod response_type;
mod scope;
mod secret;
mod sector;
mod seq;
mod site_name;
mod strict_json;
mod subject;
mod time;
mod web_url;

pub use actor::Actor;
pub use cidr::Cidr;
pub use digest::Digest;
pub use error_code::ErrorCode;
pub use https_url::HttpsUrl;
pub use id::{
    ClientId, CodeId, ConsentId, CredentialId, GrantId, IdSeed, InstanceId, InvitationId, KeyId, LogoutId, Opaque, RegistrationPath,
    RequestId, SessionId, TokenId, UserId,
};
pub use moment::{Moment, RequestFacts};
pub use pkce::{CodeChallenge, CodeVerifier};
pub use protocol::{
    Acr, ApplicationType, ClientAlgorithm, GrantType, Prompt, RequestObjectAlgorithm, Role, SecretlessGrant, SigningAlgorithm, SubjectType,
    TokenEndpointAuthMethod, TokenKind,
};
pub use redirect_uri::{RedirectUri, RedirectUriError, RedirectUriRules};
pub use response_type::{ResponseMode, ResponseType};
pub use scope::{Act, CustomScope, Level, Meaning, NamedScope, Records, Resource, Rights, Scope, ScopeError, ScopeSet, Search};
pub use secret::Secret;
pub use sector::Sector;
pub use seq::Seq;
pub use site_name::SiteName;
pub use strict_json::{JSON_DEPTH, strict_json};
pub use subject::Subject;
pub use time::Timestamp;
pub use web_url::WebUrl;

/// Why a text is not a value of the type it was parsed as. The text itself is never repeated.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a valid {what}")]
pub struct ParseError {
    /// The type that the text should have had, in words.
    pub what: &'static str,
}

/// Serde by way of `Display` and `FromStr`, for types whose wire form is a string.
macro_rules! serde_as_text {
    ($type:ty) => {
        impl serde::Serialize for $type {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_str(self)
            }
        }
        impl<'de> serde::Deserialize<'de> for $type {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let text = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
                text.parse().map_err(serde::de::Error::custom)
            }
        }
    };
}
pub(crate) use serde_as_text;
