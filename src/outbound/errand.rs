//! What somebody is sent out for.

/// What somebody is sent out for. Strangers can send us out for some of these and only clients for others, so each has places of its own.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Errand {
    /// Reading a client's keys (RFC 7517 §8.5).
    Keys,
    /// Reading a request object, which anybody can have us do (RFC 9101 §5.2.3).
    RequestObject,
    /// Reading the document of a sector, for whoever registers (OpenID Connect Registration §5).
    Sector,
    /// Telling a client of a sign-out (OpenID Connect Back-Channel Logout §2.5).
    Logout,
}

impl Errand {
    /// So many may be under way at once.
    pub(super) fn places(self) -> usize {
        match self {
            Self::Keys => 32,
            Self::RequestObject => 16,
            Self::Sector => 8,
            // As many as the ledger sends at once.
            Self::Logout => 48,
        }
    }
    /// What is asked for: the header field `Accept`.
    pub(super) fn accept(self) -> &'static str {
        match self {
            Self::Keys => "application/jwk-set+json, application/json",
            Self::RequestObject => "application/oauth-authz-req+jwt, application/jwt",
            Self::Sector => "application/json",
            Self::Logout => "*/*",
        }
    }
}
