//! Which clients have to hear that a person has signed out, and what their pages have to (OpenID Connect Back-Channel Logout §2.1,
//! Front-Channel Logout §2).
//!
//! Only a client that got an ID token, or could have, knows the session or the person; so only grants of `openid` count, ended ones
//! too as long as state remembers them: that a client's tokens are dead does not sign anybody out at the client.

use super::Draft;
use crate::event::{Event, LogoutEvent};
use crate::projection::{Client, Session, State};
use crate::terms::{Actor, ClientId, LogoutId, Moment, NamedScope, RedirectUri, SessionId, UserId};
use std::collections::{BTreeMap, BTreeSet};

/// So long whoever signs somebody out has the first attempt to itself; then it is due for everybody.
const OWN_SECONDS: u64 = 2;
/// So many clients are told of one decision at most: a decision is one batch of the log. Beyond it a person has had hundreds of sessions
/// at once, and the tokens of all of them are dead anyway.
const LOGOUTS_MAX: usize = 512;

/// A page of a client's that the browser has to load.
#[derive(Clone, PartialEq, Debug)]
pub struct FrontChannel {
    /// The client's `frontchannel_logout_uri`.
    pub uri: RedirectUri,
    /// The session to name, if the client wants that.
    pub session: Option<SessionId>,
}

/// Who has to be told what: a session that is over, or without one that all is over.
#[derive(Default)]
pub(super) struct Untold(BTreeSet<(ClientId, Option<SessionId>)>);

impl Untold {
    /// Of one session: every client that knows it.
    pub(super) fn of_session(&mut self, state: &State, session: &Session) {
        let clients = clients_of(state, &session.id).filter(|client| client.metadata.backchannel_logout_uri.is_some());
        self.0.extend(clients.map(|client| (client.id.clone(), Some(session.id))));
    }

    /// Of all that a person has with one client: that client alone.
    pub(super) fn of_client(&mut self, state: &State, user: UserId, client: &ClientId) {
        let living = state.grants.of_consent(user, client).filter(|grant| state.nobody_signed_out_of(grant));
        let grants = living.filter(|grant| grant.scope.has(NamedScope::Openid));
        let sessions: BTreeSet<SessionId> = grants.filter_map(|grant| grant.session).collect();
        self.of_several(state, client, &sessions);
    }

    /// Of a person who may not be signed in any more: every client of every session that nobody signed out of.
    pub(super) fn of_user(&mut self, state: &State, user: &UserId) {
        let mut sessions: BTreeMap<ClientId, BTreeSet<SessionId>> = BTreeMap::new();
        for session in state.sessions.of_user(user).filter(|session| session.ended.is_none_or(|ending| !ending.ends_grants)) {
            for client in clients_of(state, &session.id) {
                sessions.entry(client.id.clone()).or_default().insert(session.id);
            }
        }
        sessions.iter().for_each(|(client, sessions)| self.of_several(state, client, sessions));
    }

    /// One token without a session says that all are over; a client that wants to know which gets one for each.
    fn of_several(&mut self, state: &State, client: &ClientId, sessions: &BTreeSet<SessionId>) {
        let Some(known) = state.clients.by_id(client).filter(|known| known.is_enabled() && !sessions.is_empty()) else { return };
        match (&known.metadata.backchannel_logout_uri, known.metadata.backchannel_logout_session_required) {
            (None, _) => {}
            (Some(_), false) => {
                self.0.retain(|(of, _)| of != client);
                self.0.insert((client.clone(), None));
            }
            (Some(_), true) => self.0.extend(sessions.iter().map(|session| (client.clone(), Some(*session)))),
        }
    }

    /// The events, all led to by the decision's first one, and the work's identifiers.
    pub(super) fn requested(self, state: &State, user: UserId, moment: &Moment) -> (Vec<Draft>, Vec<LogoutId>) {
        let next_at = moment.now.plus_seconds(OWN_SECONDS);
        let numbered = self.0.into_iter().take(LOGOUTS_MAX).zip(0_u64..);
        let requested = numbered.map(|((client, session), n)| {
            let logout = moment.seed.nth_id(n);
            let event = LogoutEvent::Requested { logout, client, user, session, next_at };
            (Draft::new(Actor::Server, Event::Logout(event)).caused_by(state.head), logout)
        });
        requested.unzip()
    }
}

/// The pages that the browser of this session has to load.
pub(super) fn front_channels(state: &State, session: &Session) -> Vec<FrontChannel> {
    let page = |client: &Client| {
        let uri = client.metadata.frontchannel_logout_uri.clone()?;
        Some(FrontChannel { uri, session: client.metadata.frontchannel_logout_session_required.then_some(session.id) })
    };
    clients_of(state, &session.id).filter_map(page).collect()
}

/// The clients that know this session, each once, by id.
fn clients_of<'a>(state: &'a State, session: &SessionId) -> impl Iterator<Item = &'a Client> {
    let grants = state.grants.of_session(session).filter(|grant| grant.scope.has(NamedScope::Openid));
    let ids: BTreeSet<&ClientId> = grants.map(|grant| &grant.client).collect();
    ids.into_iter().filter_map(|id| state.clients.by_id(id)).filter(|client| client.is_enabled())
}
