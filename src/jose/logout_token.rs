//! The claims of logout tokens (OpenID Connect Back-Channel Logout §2.4).

use crate::terms::{ClientId, SessionId};
use serde::Serialize;
use serde_json::{Map, Value};

/// What a logout token says: that a session, or without `sid` every session of the person, is over. Times are whole seconds since the
/// Unix epoch. There is never a `nonce`, so that it cannot pass for an ID token.
#[derive(Clone, PartialEq, Debug, Serialize)]
pub struct LogoutTokenClaims {
    /// The issuer's URL.
    pub iss: String,
    /// The client it is for: always one string.
    pub aud: ClientId,
    /// When it was issued.
    pub iat: u64,
    /// Not to be accepted from this second on.
    pub exp: u64,
    /// Of this token and no other, later attempts' included.
    pub jti: String,
    /// See [`backchannel_logout_event`].
    pub events: Map<String, Value>,
    /// The user, as ID tokens for this client name them.
    pub sub: String,
    /// The session that is over.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sid: Option<SessionId>,
}

/// The one event that a logout token tells.
pub fn backchannel_logout_event() -> Map<String, Value> {
    const NAME: &str = "http://schemas.openid.net/event/backchannel-logout";
    Map::from_iter([(NAME.to_owned(), Value::Object(Map::new()))])
}
