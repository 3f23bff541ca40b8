//! Signed tokens: pure functions of claims and key.
//!
//! Tokens are minted from recorded facts, so an audit can mint the same token again: byte for byte with RS256 and EdDSA, whose
//! signatures are deterministic, and up to the signature with PS256 and ES256, whose are not.
//! Whether a token is alive is no question for this floor: it says who signed what, and the projection decides.

mod access_token;
mod assertion;
mod client_key;
mod error;
mod further_claims;
mod id_token;
mod jwks;
mod logout_token;
mod public_key;
mod request_object;
mod signing_key;
mod verify;

pub use access_token::{AccessTokenClaims, access_token_fits};
pub use assertion::{Assertion, AssertionClaims, AssertionError};
pub use client_key::{ClientKey, ClientKeySet, NoSuchKey};
pub use error::{JoseError, VerifyError};
pub use further_claims::FurtherClaims;
pub use id_token::{IdTokenClaims, at_hash, hashes_with_sha_512, left_half, left_half_of_sha_512};
pub use jwks::{Curve, EcCurve, Jwk, JwkSet, KeyMaterial, KeyUse};
pub use logout_token::{LogoutTokenClaims, backchannel_logout_event};
pub use public_key::PublicKey;
pub use request_object::{RequestObject, RequestObjectError};
pub use signing_key::SigningKey;
pub use verify::{COMPACT_LENGTH_MAX, Verified, verify};

/// The `typ` of ID tokens, and of access tokens without a named resource (SPEC.md k-24).
pub const TYP_JWT: &str = "JWT";
/// The `typ` of access tokens for a named resource (RFC 9068 §2.1).
pub const TYP_ACCESS_TOKEN: &str = "at+jwt";
/// The `typ` of logout tokens (OpenID Connect Back-Channel Logout §2.4).
pub const TYP_LOGOUT_TOKEN: &str = "logout+jwt";

#[cfg(test)]
mod assertion_tests;
#[cfg(test)]
mod tests;
