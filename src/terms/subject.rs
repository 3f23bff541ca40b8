//! Whose a sealed field is.

use super::{ClientId, ParseError, UserId, serde_as_text};
use std::{fmt, str::FromStr};

/// Whom a sealed field is about. Its key opens the field; destroying the key erases every field of the subject at once.
#[derive(Clone, PartialEq, Eq, Hash, Debug, PartialOrd, Ord)]
pub enum Subject {
    /// An end-user.
    User(UserId),
    /// The people behind a client: its contacts.
    Client(ClientId),
    /// Nobody known: the site's month, as `2026-11`.
    Month(String),
}

impl fmt::Display for Subject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::User(user) => write!(f, "user:{user}"),
            Self::Client(client) => write!(f, "client:{client}"),
            Self::Month(month) => write!(f, "month:{month}"),
        }
    }
}
impl FromStr for Subject {
    type Err = ParseError;
    fn from_str(text: &str) -> Result<Self, ParseError> {
        let error = ParseError { what: "subject" };
        match text.split_once(':') {
            Some(("user", id)) => id.parse().map(Self::User),
            Some(("client", id)) => id.parse().map(Self::Client),
            Some(("month", month)) if month.len() == 7 => Ok(Self::Month(month.to_owned())),
            Some(_) | None => Err(error),
        }
    }
}
serde_as_text!(Subject);
