//! The claims of access tokens (RFC 9068 §2.2, SPEC.md k-24): both the standard's and the thread's.

use super::{COMPACT_LENGTH_MAX, FurtherClaims, TYP_ACCESS_TOKEN, TYP_JWT, Verified, VerifyError};
use crate::terms::{ClientId, Scope, ScopeSet, SessionId, SiteName, TokenId};
use serde::{Deserialize, Serialize};

/// What an access token says. Times are whole seconds since the Unix epoch.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[serde(into = "Wire", try_from = "Wire")]
pub struct AccessTokenClaims {
    /// The issuer's URL.
    pub iss: String,
    /// The user, or the client itself when no user is involved (RFC 9068 §2.2).
    pub sub: String,
    /// The client id, or the resource that the request named: always one string.
    pub aud: String,
    /// Whose token it is.
    pub client_id: ClientId,
    /// The token's name in the log.
    pub jti: TokenId,
    /// When it was issued.
    pub iat: u64,
    /// Not to be used before.
    pub nbf: u64,
    /// Not to be used from this second on.
    pub exp: u64,
    /// What it allows; written as `scope`, a string, and as `scopes`, an array.
    pub scope: ScopeSet,
    /// The site that issued it.
    pub site: SiteName,
    /// The browser session it came from.
    pub sid: Option<SessionId>,
    /// What else it says.
    pub further: FurtherClaims,
}

impl AccessTokenClaims {
    /// The `typ` to sign it with: `at+jwt` only when `aud` is a named resource, not the client (SPEC.md k-24).
    pub fn typ(&self) -> &'static str {
        match self.aud == self.client_id.as_str() {
            true => TYP_JWT,
            false => TYP_ACCESS_TOKEN,
        }
    }
    /// Reads a verified token as an access token. An ID token is none (THREATS.md A49).
    ///
    /// # Errors
    /// [`VerifyError::ClaimsMalformed`] if a claim is missing, of another type or contradicts another, or `typ` is not the one its
    /// claims call for.
    pub fn read(verified: &Verified) -> Result<Self, VerifyError> {
        let claims: Self = verified.read()?;
        match verified.typ() == Some(claims.typ()) {
            true => Ok(claims),
            false => Err(VerifyError::ClaimsMalformed),
        }
    }
}

/// Whether an access token with this scope can be presented again: a longer one would be read by nobody (THREATS.md A46). The
/// estimate is never too low.
pub fn access_token_fits(scope: &ScopeSet, issuer: &str, audience: Option<&str>) -> bool {
    // Header and signature with their dots, encoded.
    const AROUND: usize = 512;
    // The members with their names, ids, times and the site's name, at their longest.
    const MEMBERS: usize = 600;
    // Each scope stands there twice: in a text, and in a list with quotation marks and commas.
    let scopes: usize = scope.spelt().iter().map(|scope| 2 * scope.len() + 4).sum();
    let claims = MEMBERS + issuer.len() + audience.map_or(0, str::len) + scopes;
    claims.div_ceil(3) * 4 + AROUND <= COMPACT_LENGTH_MAX
}

/// The members as they stand in the token, in this order.
#[derive(Clone, Serialize, Deserialize)]
struct Wire {
    iss: String,
    sub: String,
    aud: String,
    client_id: ClientId,
    jti: TokenId,
    iat: u64,
    nbf: u64,
    exp: u64,
    scope: ScopeSet,
    scopes: Vec<Scope>,
    site: SiteName,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    sid: Option<SessionId>,
    #[serde(flatten)]
    further: FurtherClaims,
}

impl From<AccessTokenClaims> for Wire {
    fn from(claims: AccessTokenClaims) -> Self {
        let AccessTokenClaims { iss, sub, aud, client_id, jti, iat, nbf, exp, scope, site, sid, further } = claims;
        // In the order of their letters: the same token can be minted again from its record.
        let mut scopes: Vec<Scope> = scope.iter().cloned().collect();
        scopes.sort_by_cached_key(ToString::to_string);
        Self { iss, sub, aud, client_id, jti, iat, nbf, exp, scope, scopes, site, sid, further }
    }
}

impl TryFrom<Wire> for AccessTokenClaims {
    type Error = VerifyError;
    fn try_from(wire: Wire) -> Result<Self, VerifyError> {
        let Wire { iss, sub, aud, client_id, jti, iat, nbf, exp, scope, scopes, site, sid, further } = wire;
        let agree = scopes.into_iter().collect::<ScopeSet>() == scope;
        match agree {
            true => Ok(Self { iss, sub, aud, client_id, jti, iat, nbf, exp, scope, site, sid, further }),
            false => Err(VerifyError::ClaimsMalformed),
        }
    }
}
