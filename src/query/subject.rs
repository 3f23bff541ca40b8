//! Whom a token is about.

use crate::terms::{ClientId, UserId};

/// The `sub` of a token: the person's; the client's own id where it acts for itself (RFC 9068 §2.2, SPEC.md e.4).
pub fn subject(user: Option<UserId>, client: &ClientId) -> String {
    user.map_or_else(|| client.to_string(), |user| user.to_string())
}
