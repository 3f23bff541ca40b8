//! Browser sessions.

use super::Grants;
use super::digest::Entity;
use super::expiry::{Expiries, Thing};
use super::grants::Ending;
use super::table::Table;
use crate::event::{Beginning, CodeEvent, SessionEvent, TokenEvent};
use crate::terms::{Digest, GrantType, Seq, SessionId, Timestamp, UserId};
use serde::Serialize;
use std::collections::{BTreeSet, HashMap};

/// A person at a browser.
#[derive(Clone, PartialEq, Debug, Serialize)]
pub struct Session {
    /// The `sid`.
    pub id: SessionId,
    /// Who signed in.
    pub user: UserId,
    /// Digest of the cookie's secret.
    pub cookie: Digest,
    /// When they last proved who they are.
    pub auth_time: Timestamp,
    /// How they did.
    pub amr: Vec<String>,
    /// The end, if no further browser event comes.
    pub expires_at: Timestamp,
    /// The end that an event put to it: the last one, for a session that was left to somebody else may be signed out of later.
    pub ended: Option<Ending>,
    /// The first of its ends.
    pub left: Option<Ending>,
    /// The event that began it.
    pub started: Seq,
    /// The event that last changed it.
    pub changed: Seq,
}

impl Entity for Session {
    const KIND: &'static str = "session";
}

/// The sessions of a site.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct Sessions {
    by_id: Table<SessionId, Session>,
    by_cookie: HashMap<Digest, SessionId>,
    by_user: HashMap<UserId, BTreeSet<SessionId>>,
}

impl Sessions {
    /// The session with this `sid`.
    pub fn by_id(&self, id: &SessionId) -> Option<&Session> {
        self.by_id.get(id)
    }
    /// The live session of this cookie.
    pub fn live_by_cookie(&self, cookie: &Digest, now: Timestamp) -> Option<&Session> {
        let session = self.by_cookie.get(cookie).and_then(|id| self.by_id.get(id))?;
        (session.ended.is_none() && now < session.expires_at).then_some(session)
    }
    /// Every session of this person that is remembered, in the order of their ids.
    pub fn of_user(&self, user: &UserId) -> impl Iterator<Item = &Session> {
        self.by_user.get(user).into_iter().flatten().filter_map(|id| self.by_id.get(id))
    }
    /// Every session that is remembered, in no order.
    pub fn iter(&self) -> impl Iterator<Item = &Session> {
        self.by_id.values()
    }

    pub(super) fn table(&self) -> &Table<SessionId, Session> {
        &self.by_id
    }

    pub(super) fn fold(
        &mut self,
        event: &SessionEvent,
        seq: Seq,
        t: Timestamp,
        idle_seconds: u64,
        expiries: &mut Expiries,
    ) -> Result<(), &'static str> {
        match event {
            SessionEvent::Started { session, user, cookie, auth_time, amr }
            | SessionEvent::Renewed { session, user, cookie, auth_time, amr } => {
                let expires_at = t.plus_seconds(idle_seconds);
                let before = self.by_id.remove(session);
                let started = before.as_ref().map_or(seq, |before| before.started);
                match before {
                    Some(before) => drop(self.by_cookie.remove(&before.cookie)),
                    None => expiries.add(expires_at, Thing::Session(*session)),
                }
                let new = Session {
                    id: *session,
                    user: *user,
                    cookie: *cookie,
                    auth_time: *auth_time,
                    amr: amr.clone(),
                    expires_at,
                    ended: None,
                    left: None,
                    started,
                    changed: seq,
                };
                self.by_cookie.insert(*cookie, *session);
                self.by_user.entry(*user).or_default().insert(*session);
                self.by_id.insert(*session, new);
                Ok(())
            }
            SessionEvent::Ended { session, reason, .. } => {
                let ended = self.by_id.change(session, |found| {
                    let ending = Ending { by: seq, at: t, ends_grants: reason.ends_grants() };
                    found.left = found.left.or(Some(ending));
                    found.ended = Some(ending);
                    found.changed = seq;
                    found.cookie
                });
                self.by_cookie.remove(&ended.ok_or("the session is unknown")?);
                Ok(())
            }
        }
    }

    /// A code was issued: the browser was there.
    pub(super) fn fold_code(&mut self, event: &CodeEvent, t: Timestamp, idle_seconds: u64) {
        if let CodeEvent::Issued { session, .. } = event {
            self.was_there(session, t, idle_seconds);
        }
    }

    /// So it was if tokens were issued to it.
    pub(super) fn fold_token(&mut self, event: &TokenEvent, t: Timestamp, idle_seconds: u64) {
        let at_front = |begins: &Option<Beginning>| begins.as_ref().is_some_and(|begins| begins.grant_type == GrantType::Implicit);
        let session = match event {
            TokenEvent::Granted(tokens) if at_front(&tokens.begins) => tokens.session,
            TokenEvent::IdTokenIssued(issued) if at_front(&issued.begins) => Some(issued.session),
            TokenEvent::Granted(_)
            | TokenEvent::IdTokenIssued(_)
            | TokenEvent::Denied { .. }
            | TokenEvent::Revoked { .. }
            | TokenEvent::Introspected { .. }
            | TokenEvent::UserinfoRead { .. }
            | TokenEvent::ForgeryDetected { .. } => None,
        };
        if let Some(session) = session {
            self.was_there(&session, t, idle_seconds);
        }
    }

    fn was_there(&mut self, session: &SessionId, t: Timestamp, idle_seconds: u64) {
        self.by_id.change(session, |found| found.expires_at = t.plus_seconds(idle_seconds));
    }

    /// Forgets a session that is over and that no grant rests on. A grant's own end stands ahead of the session's new one.
    pub(super) fn forget(&mut self, id: &SessionId, t: Timestamp, grants: &Grants, expiries: &mut Expiries) {
        let Some(session) = self.by_id.get(id) else { return };
        if session.expires_at >= t {
            return expiries.add(session.expires_at, Thing::Session(*id));
        }
        if let Some(until) = grants.needs_session_until(id) {
            return expiries.add(until, Thing::Session(*id));
        }
        self.by_cookie.remove(&session.cookie);
        if let Some(own) = self.by_user.get_mut(&session.user) {
            own.remove(id);
            if own.is_empty() {
                self.by_user.remove(&session.user);
            }
        }
        self.by_id.remove(id);
    }
}
