//! Who acts.

use super::{ClientId, ParseError, UserId, serde_as_text};
use std::{fmt, str::FromStr};

/// Who did what an event tells.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Actor {
    /// Nobody that proved who it is.
    Anonymous,
    /// A signed-in end-user.
    User(UserId),
    /// An authenticated client, or a public one that named itself.
    Client(ClientId),
    /// Whoever can reach the data directory: an operating-system user id.
    Os(u32),
    /// The server itself: boot, timers.
    Server,
}

impl fmt::Display for Actor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Anonymous => f.write_str("anonymous"),
            Self::User(user) => write!(f, "user:{user}"),
            Self::Client(client) => write!(f, "client:{client}"),
            Self::Os(uid) => write!(f, "os:{uid}"),
            Self::Server => f.write_str("server"),
        }
    }
}
impl FromStr for Actor {
    type Err = ParseError;
    fn from_str(text: &str) -> Result<Self, ParseError> {
        let error = ParseError { what: "actor" };
        match text.split_once(':') {
            None if text == "anonymous" => Ok(Self::Anonymous),
            None if text == "server" => Ok(Self::Server),
            Some(("user", id)) => id.parse().map(Self::User),
            Some(("client", id)) => id.parse().map(Self::Client),
            Some(("os", uid)) => uid.parse().map(Self::Os).map_err(|_| error),
            Some(_) | None => Err(error),
        }
    }
}
serde_as_text!(Actor);
