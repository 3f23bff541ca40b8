//! What a client knows a person by: `sub` (OpenID Connect Core §8, docs/decisions/0019).
//!
//! Every `sub` that leaves the server comes from [`Site::subject`]: ID tokens, access tokens, userinfo, introspection, logout tokens.
//! What was issued says in its event which sector it was for, so that the same is minted again however the client fares.

use super::index::Most;
use super::{Ledger, Site};
use crate::event::{Event, SessionEvent};
use crate::jose::IdTokenClaims;
use crate::terms::{ClientId, Sector, SessionId, UserId};

impl Site {
    /// The `sub` of what this client is told: in a sector a name for the person that nobody outside can connect with another one, and
    /// everywhere else the user's id. It rests on a key of the site that is never rotated, so it stays the same for ever. The client's
    /// own id where it acts for itself (RFC 9068 §2.2, SPEC.md e.4).
    pub fn subject(&self, user: Option<UserId>, client: &ClientId, sector: Option<&Sector>) -> String {
        match (user, sector) {
            (Some(user), Some(sector)) => self.keys.pairwise(sector.as_str(), &user.bytes()).to_string(),
            (Some(user), None) => user.to_string(),
            (None, _) => client.to_string(),
        }
    }
}

impl Ledger {
    /// The person whom an ID token of ours is about. A pairwise `sub` cannot be turned back: the token's session says who signed in,
    /// and the `sub` must be that person's.
    pub fn user_of_hint(&self, site: &Site, claims: &IdTokenClaims) -> Option<UserId> {
        let sector = site.read(|state| state.clients.by_id(&claims.aud).map(|client| client.metadata.sector()));
        let Some(sector) = sector.flatten() else { return claims.sub.parse().ok() };
        let user = self.user_of_session(site, &claims.sid?)?;
        (site.subject(Some(user), &claims.aud, Some(&sector)) == claims.sub).then_some(user)
    }

    /// Who signed in: state forgets sessions, the log does not.
    fn user_of_session(&self, site: &Site, session: &SessionId) -> Option<UserId> {
        if let Some(user) = site.read(|state| state.sessions.by_id(session).map(|session| session.user)) {
            return Some(user);
        }
        let first = site.events_of(&session.to_string(), 0..site.durable().events, Most::Oldest(1));
        let record = self.record(site, *first.first()?).ok()?;
        let Event::Session(SessionEvent::Started { user, .. }) = record.event else { return None };
        Some(user)
    }
}
