//! Clients that have yet to be told that a session is over: work that outlives the process (OpenID Connect Back-Channel Logout 1.0).

use super::digest::Entity;
use super::table::Table;
use crate::event::{LogoutEvent, SignedLogout};
use crate::terms::{ClientId, LogoutId, Seq, SessionId, Timestamp, UserId};
use serde::Serialize;
use std::collections::{BTreeMap, BTreeSet};

/// A client that has to be told.
#[derive(Clone, PartialEq, Debug, Serialize)]
pub struct PendingLogout {
    /// Its identifier.
    pub id: LogoutId,
    /// Who has to be told.
    pub client: ClientId,
    /// Whose sign-out it is.
    pub user: UserId,
    /// Which session is over; none if all that the person has with the client is.
    pub session: Option<SessionId>,
    /// How many attempts were begun.
    pub attempts: u32,
    /// Whether the last of them has no outcome yet.
    pub under_way: bool,
    /// When it is tried next.
    pub next_at: Timestamp,
    /// The event that last changed it.
    pub changed: Seq,
}

impl Entity for PendingLogout {
    const KIND: &'static str = "logout";
}

/// The logouts of a site that are not done.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct Logouts {
    by_id: Table<LogoutId, PendingLogout>,
    /// Each client's in the order in which they are due: however many one of them leaves unanswered, the next client's are at hand.
    waiting: BTreeMap<ClientId, BTreeSet<(Timestamp, LogoutId)>>,
}

impl Logouts {
    /// The one with this identifier, if it is not done.
    pub fn by_id(&self, id: &LogoutId) -> Option<&PendingLogout> {
        self.by_id.get(id)
    }
    /// What is due at `now`: of each client at most so many, the longest due first.
    pub fn due(&self, now: Timestamp, of_each: usize) -> Vec<(ClientId, LogoutId)> {
        let of_client = |(client, waiting): (&ClientId, &BTreeSet<(Timestamp, LogoutId)>)| {
            let due = waiting.iter().take_while(|(at, _)| *at <= now).take(of_each);
            due.map(|(_, id)| (client.clone(), *id)).collect::<Vec<_>>()
        };
        self.waiting.iter().flat_map(of_client).collect()
    }
    pub(super) fn table(&self) -> &Table<LogoutId, PendingLogout> {
        &self.by_id
    }

    pub(super) fn fold(&mut self, event: &LogoutEvent, seq: Seq) -> Result<(), &'static str> {
        match event {
            LogoutEvent::Requested { logout, client, user, session, next_at } => {
                self.waiting.entry(client.clone()).or_default().insert((*next_at, *logout));
                let new = PendingLogout {
                    id: *logout,
                    client: client.clone(),
                    user: *user,
                    session: *session,
                    attempts: 0,
                    under_way: false,
                    next_at: *next_at,
                    changed: seq,
                };
                self.by_id.insert(*logout, new).map_or(Ok(()), |_| Err("the logout was requested before"))
            }
            LogoutEvent::Signed(SignedLogout { logout, attempt, next_at, .. }) => self.tried(logout, *next_at, seq, |pending| {
                pending.attempts = *attempt;
                pending.under_way = true;
            }),
            LogoutEvent::Failed { logout, next_at, .. } => self.tried(logout, *next_at, seq, |pending| pending.under_way = false),
            LogoutEvent::Delivered { logout, .. } | LogoutEvent::Abandoned { logout, .. } => {
                let done = self.by_id.remove(logout).ok_or("the logout is not pending")?;
                self.leave(&done.client, (done.next_at, done.id));
                Ok(())
            }
        }
    }

    fn tried(&mut self, id: &LogoutId, next_at: Timestamp, seq: Seq, change: impl FnOnce(&mut PendingLogout)) -> Result<(), &'static str> {
        let changed = self.by_id.change(id, |pending| {
            let before = pending.next_at;
            change(pending);
            pending.next_at = next_at;
            pending.changed = seq;
            (pending.client.clone(), before)
        });
        let (client, before) = changed.ok_or("the logout is not pending")?;
        self.leave(&client, (before, *id));
        self.waiting.entry(client).or_default().insert((next_at, *id));
        Ok(())
    }

    fn leave(&mut self, client: &ClientId, place: (Timestamp, LogoutId)) {
        if let Some(waiting) = self.waiting.get_mut(client) {
            waiting.remove(&place);
            if waiting.is_empty() {
                self.waiting.remove(client);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::LogoutFailure;
    use crate::terms::IdSeed;

    fn id(n: u64) -> LogoutId {
        IdSeed::from_bytes([1; 16]).nth_id(n)
    }
    fn client(n: u8) -> ClientId {
        ClientId::from_bytes([n; 32])
    }
    fn at(seconds: u64) -> Timestamp {
        Timestamp::from_unix_seconds(seconds)
    }
    fn requested(n: u64, of: u8, due: u64) -> LogoutEvent {
        let user = IdSeed::from_bytes([2; 16]).id();
        LogoutEvent::Requested { logout: id(n), client: client(of), user, session: None, next_at: at(due) }
    }

    #[test]
    fn a_client_that_leaves_many_unanswered_takes_no_place_of_anothers() {
        let mut logouts = Logouts::default();
        for n in 0..100 {
            logouts.fold(&requested(n, 1, 10), Seq(n)).unwrap();
        }
        logouts.fold(&requested(100, 2, 20), Seq(100)).unwrap();
        assert_eq!(logouts.due(at(9), 4), []);
        assert_eq!(logouts.due(at(10), 4).len(), 4);
        assert_eq!(logouts.due(at(20), 4).iter().filter(|(of, _)| *of == client(2)).count(), 1);
    }

    #[test]
    fn what_failed_is_due_again_later_and_what_is_done_never() {
        let mut logouts = Logouts::default();
        logouts.fold(&requested(1, 1, 10), Seq(0)).unwrap();
        let (reason, next_at) = (LogoutFailure::Slow, at(15));
        let failed = LogoutEvent::Failed { logout: id(1), client: client(1), attempt: 1, reason, status: None, next_at };
        logouts.fold(&failed, Seq(1)).unwrap();
        assert_eq!((logouts.due(at(14), 4), logouts.due(at(15), 4)), (vec![], vec![(client(1), id(1))]));
        let delivered = LogoutEvent::Delivered { logout: id(1), client: client(1), attempt: 2, status: 200 };
        logouts.fold(&delivered, Seq(2)).unwrap();
        assert_eq!(logouts, Logouts::default());
        assert!(logouts.fold(&delivered, Seq(3)).is_err() && logouts.fold(&failed, Seq(3)).is_err());
    }
}
