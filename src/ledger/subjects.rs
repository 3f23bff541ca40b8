//! What a client knows a person by: `sub` (OpenID Connect Core §8, docs/decisions/0019).
//!
//! Every `sub` that leaves the server comes from [`Site::subject`]: ID tokens, access tokens, userinfo, introspection, logout tokens.
//! What was issued says in its event which sector it was for, so that the same is minted again however the client fares.

use super::index::Most;
use super::{Ledger, Site};
use crate::event::{ClientMetadata, Event, SessionEvent};
use crate::jose::IdTokenClaims;
use crate::terms::{Sector, SessionId, UserId};

impl Site {
    /// The person's `sub`: in a sector a name that nobody outside can connect with another one, and everywhere else the user's id.
    /// It rests on a key of the site that is never rotated, so it stays the same for ever.
    pub fn subject(&self, user: &UserId, sector: Option<&Sector>) -> String {
        match sector {
            Some(sector) => self.keys.pairwise(sector.as_str(), &user.bytes()).to_string(),
            None => user.to_string(),
        }
    }

    /// The person's `sub` in what this client is told now.
    pub fn subject_for(&self, client: &ClientMetadata, user: &UserId) -> String {
        self.subject(user, client.sector().as_ref())
    }
}

impl Ledger {
    /// The person whom an ID token of ours is about. A pairwise `sub` cannot be turned back: the token's session says who signed in,
    /// and the `sub` must be that person's.
    pub fn user_of_hint(&self, site: &Site, claims: &IdTokenClaims) -> Option<UserId> {
        let sector = site.read(|state| state.clients.by_id(&claims.aud).map(|client| client.metadata.sector()));
        let Some(sector) = sector.flatten() else { return claims.sub.parse().ok() };
        let user = self.user_of_session(site, &claims.sid?)?;
        (site.subject(&user, Some(&sector)) == claims.sub).then_some(user)
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
