//! Telling clients that a person has signed out (OpenID Connect Back-Channel Logout 1.0).

use super::{Outcome, Severity};
use crate::terms::protocol::words;
use crate::terms::{ClientId, KeyId, LogoutId, Sector, SessionId, SigningAlgorithm, Timestamp, UserId};
use serde::{Deserialize, Serialize};

/// What became of telling one client. From `requested` to `delivered` or `abandoned` it is work to be done, whatever happens to the
/// process meanwhile.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[serde(tag = "type")]
pub enum LogoutEvent {
    /// The client has to be told.
    #[serde(rename = "logout.requested")]
    Requested {
        logout: LogoutId,
        client: ClientId,
        user: UserId,
        /// The session that is over; none if all that the person has with the client is.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        session: Option<SessionId>,
        /// When it is done if nobody has done it by then.
        next_at: Timestamp,
    },
    /// A logout token is good from now on, and about to be sent.
    #[serde(rename = "logout.signed")]
    Signed(SignedLogout),
    /// The client said that it has understood.
    #[serde(rename = "logout.delivered")]
    Delivered {
        logout: LogoutId,
        client: ClientId,
        attempt: u32,
        /// What it answered.
        status: u16,
    },
    /// It did not; this will be tried again.
    #[serde(rename = "logout.failed")]
    Failed {
        logout: LogoutId,
        client: ClientId,
        attempt: u32,
        reason: LogoutFailure,
        /// What it answered, if it did.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        status: Option<u16>,
        /// When it is tried again.
        next_at: Timestamp,
    },
    /// It did not, and nothing more is tried.
    #[serde(rename = "logout.abandoned")]
    Abandoned {
        logout: LogoutId,
        client: ClientId,
        /// How many attempts there were.
        attempt: u32,
        reason: LogoutFailure,
        /// What it answered last, if it did.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        status: Option<u16>,
    },
}

/// All that a logout token says, so that the same one can be made again (OpenID Connect Back-Channel Logout §2.4).
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct SignedLogout {
    pub logout: LogoutId,
    pub client: ClientId,
    pub user: UserId,
    /// The session that is over; none if all that the person has with the client is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub session: Option<SessionId>,
    /// The sector whose name for the person is the `sub`; none if that is the user's own id.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sector: Option<Sector>,
    /// Counts from 1.
    pub attempt: u32,
    pub alg: SigningAlgorithm,
    pub kid: KeyId,
    pub issued_at: Timestamp,
    pub expires_at: Timestamp,
    /// When it is tried again if nothing is heard of this attempt.
    pub next_at: Timestamp,
}

words!(
    /// Why a client could not be told.
    LogoutFailure, "logout failure", {
        /// It answered 400: it did not want to or could not (OpenID Connect Back-Channel Logout §2.8).
        Refused = "refused",
        /// It answered something else that is no success.
        Status = "status",
        /// It answered that it is somewhere else; nothing is followed.
        Redirected = "redirected",
        /// It gave no whole answer in time.
        Slow = "slow",
        /// Its name has no address.
        Unresolved = "unresolved",
        /// Its address is not one that may be reached.
        NotPublic = "not_public",
        /// Nobody listens there.
        Unreachable = "unreachable",
        /// Its certificate is not trusted here, or it speaks no TLS.
        Tls = "tls",
        /// It does not speak HTTP as it should.
        Broken = "broken",
        /// We had no room to ask.
        Busy = "busy",
        /// The server ended before it heard.
        Unheard = "unheard",
        /// The client is gone, disabled, or has no address for this any more.
        ClientGone = "client_gone",
    }
);

impl LogoutEvent {
    pub(crate) fn weight(&self) -> (Outcome, Severity) {
        match self {
            Self::Requested { .. } | Self::Signed(_) | Self::Delivered { .. } => (Outcome::Success, Severity::Info),
            Self::Failed { .. } => (Outcome::Failure, Severity::Low),
            Self::Abandoned { .. } => (Outcome::Failure, Severity::Medium),
        }
    }
}
