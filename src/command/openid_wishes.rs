//! What an authorization request of OpenID asks for beyond a code and a scope.

use crate::event::AskedClaims;
use crate::terms::ResponseType;
use serde::{Deserialize, Serialize};

/// The wishes; none of them by default.
#[derive(Clone, PartialEq, Debug, Default, Serialize, Deserialize)]
pub struct OpenidWishes {
    /// What the answer is to consist of.
    #[serde(default, skip_serializing_if = "ResponseType::is_code")]
    pub response_type: ResponseType,
    /// The left half of the code's SHA-512, as base64url: the `c_hash` for algorithms that hash so. None where the answer is to have no
    /// code, or no ID token beside it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub code_half_sha512: Option<String>,
    /// The claims that were asked for by name (OpenID Connect Core §5.5).
    #[serde(default, skip_serializing_if = "AskedClaims::is_empty")]
    pub requested_claims: AskedClaims,
    /// What the person allows of them.
    #[serde(default, skip_serializing_if = "AskedClaims::is_empty")]
    pub claims: AskedClaims,
    /// Whether ID tokens are to tell how strong the sign-in was.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub acr: bool,
}
