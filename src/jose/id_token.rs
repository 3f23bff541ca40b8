//! The claims of ID tokens (OpenID Connect Core §2).

use super::{FurtherClaims, TYP_JWT, Verified, VerifyError};
use crate::terms::{Acr, ClientId, SessionId, SigningAlgorithm, SiteName};
use aws_lc_rs::digest::{SHA256, SHA512, digest};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use serde::{Deserialize, Serialize};

/// What an ID token says. Times are whole seconds since the Unix epoch. It has no `jti`: access tokens are known by theirs.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct IdTokenClaims {
    /// The issuer's URL.
    pub iss: String,
    /// The user.
    pub sub: String,
    /// The client it is for: always one string.
    pub aud: ClientId,
    /// Not to be accepted from this second on.
    pub exp: u64,
    /// When it was issued.
    pub iat: u64,
    /// When the user signed in.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub auth_time: Option<u64>,
    /// The request's `nonce`, unchanged.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub nonce: Option<String>,
    /// The browser session (OpenID Connect Front-Channel Logout §3).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sid: Option<SessionId>,
    /// The site, in tokens of the seed policy (SPEC.md e.2).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub site: Option<SiteName>,
    /// See [`at_hash`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub at_hash: Option<String>,
    /// The same of the code that came with it (OpenID Connect Core §3.3.2.11).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub c_hash: Option<String>,
    /// How strong the sign-in was.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub acr: Option<Acr>,
    /// What the sign-in consisted of (RFC 8176); left out when empty.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub amr: Vec<String>,
    /// The claims that scopes asked for, where the site's policy puts them here (SPEC.md k-37).
    #[serde(flatten)]
    pub further: FurtherClaims,
}

impl IdTokenClaims {
    /// Reads a verified token as an ID token, as for an `id_token_hint`. An access token is none (THREATS.md A49).
    ///
    /// # Errors
    /// [`VerifyError::ClaimsMalformed`] if a claim is missing, of another type, or belongs to another kind of token.
    pub fn read(verified: &Verified) -> Result<Self, VerifyError> {
        match verified.typ() {
            Some(TYP_JWT) => verified.read(),
            Some(_) | None => Err(VerifyError::ClaimsMalformed),
        }
    }
}

/// The `at_hash` of an access token, or the `c_hash` of a code, in an ID token of this algorithm: the left half of its digest, as
/// base64url (OpenID Connect Core §3.1.3.6, §3.3.2.11). RS256, PS256 and ES256 use SHA-256; Ed25519 hashes with SHA-512
/// (RFC 8032 §5.1), and so do the libraries that check it.
pub fn at_hash(algorithm: SigningAlgorithm, text: &str) -> String {
    match hashes_with_sha_512(algorithm) {
        false => left_half(digest(&SHA256, text.as_bytes()).as_ref()),
        true => left_half_of_sha_512(text),
    }
}

/// Whether hashes in ID tokens of this algorithm are halves of SHA-512.
pub fn hashes_with_sha_512(algorithm: SigningAlgorithm) -> bool {
    match algorithm {
        SigningAlgorithm::Rs256 | SigningAlgorithm::Ps256 | SigningAlgorithm::Es256 => false,
        SigningAlgorithm::EdDsa => true,
    }
}

/// The left half of a text's SHA-512, as base64url.
pub fn left_half_of_sha_512(text: &str) -> String {
    left_half(digest(&SHA512, text.as_bytes()).as_ref())
}

/// The left half of a digest, as base64url.
pub fn left_half(digest: &[u8]) -> String {
    let (left, _) = digest.split_at(digest.len() / 2);
    URL_SAFE_NO_PAD.encode(left)
}
