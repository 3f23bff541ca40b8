//! Requests that were refused before they became anything else.

use super::audit::Count;
use super::{Outcome, Refusal, Severity};
use crate::terms::ClientId;
use crate::terms::protocol::words;
use serde::{Deserialize, Serialize};

/// What happened to a request.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[serde(tag = "type")]
pub enum RequestEvent {
    /// A request was refused. Sealed: `net.ip`, `net.ua`. The first ten of an address, reason and minute are told one by
    /// one, the rest in one event with `count`, `first` and `last`.
    #[serde(rename = "request.refused")]
    Refused {
        endpoint: Endpoint,
        reason: Refusal,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        client: Option<ClientId>,
        #[serde(flatten, default, skip_serializing_if = "Option::is_none")]
        times: Option<Count>,
    },
}

impl RequestEvent {
    pub(crate) fn weight(&self) -> (Outcome, Severity) {
        match self {
            Self::Refused { .. } => (Outcome::Denied, Severity::Low),
        }
    }
}

words!(
    /// Where a request went.
    Endpoint, "endpoint", {
        /// RFC 6749 §3.1.
        Authorize = "authorize",
        /// RFC 7592 §2.
        ClientConfiguration = "client_configuration",
        /// The consent page.
        Consent = "consent",
        /// RFC 7662 §2.
        Introspect = "introspect",
        /// The sign-in page.
        Login = "login",
        /// OpenID Connect RP-Initiated Logout §2.
        Logout = "logout",
        /// RFC 7591 §3.
        Registration = "registration",
        /// RFC 7009 §2.
        Revoke = "revoke",
        /// RFC 6749 §3.2.
        Token = "token",
        /// OpenID Connect Core §5.3.
        Userinfo = "userinfo",
    }
);
