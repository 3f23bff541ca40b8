//! Opening: the budgets go on where they were. What strangers registered within the last hour stands in the log, and from where is
//! sealed there, so that a restart gives nobody a second hour.

use super::{Counted, HOUR_SECONDS};
use crate::event::{ClientEvent, Event, Record};
use crate::ledger::{Failure, Ledger};
use crate::projection::State;
use crate::terms::{Actor, ClientId, Digest, Seq, SiteName, Timestamp};
use std::collections::VecDeque;
use std::net::IpAddr;

/// The registrations of strangers, and the changes of clients, that the last hour of the log tells of. Whoever was invited has a budget of
/// their own.
#[derive(Default)]
pub(in crate::ledger) struct Recent(VecDeque<(Counted, SiteName, Seq, Timestamp)>);

impl Recent {
    /// Takes in one record, and the client that it changes as it was before. A use of a new registration access token is recorded as a
    /// change to that very token, and costs nothing.
    pub(in crate::ledger) fn note(&mut self, record: &Record, state: &State) {
        let has_token = |client: &ClientId, token: &Option<Digest>| {
            token.is_some_and(|token| state.clients.by_id(client).is_some_and(|client| client.registration_token == token))
        };
        let what = match (&record.event, &record.actor) {
            (Event::Client(ClientEvent::Registered { invitation: None, .. }), Actor::Anonymous) => Counted::Registration,
            (Event::Client(ClientEvent::Updated { client, registration_token, .. }), Actor::Client(_))
                if !has_token(client, registration_token) =>
            {
                Counted::Change
            }
            (_, _) => return,
        };
        while self.0.pop_front_if(|(_, _, _, t)| t.plus_seconds(HOUR_SECONDS) <= record.t).is_some() {}
        self.0.push_back((what, record.site.clone(), record.seq, record.t));
    }
}

impl Ledger {
    /// Takes these from the budgets again, each at its own time.
    pub(in crate::ledger) fn recall_registrations(&self, recent: Recent) {
        for (what, name, seq, t) in recent.0 {
            match self.registrant(&name, seq) {
                Ok(Some(ip)) => self.shared.registrations.recall(what, &name, ip, t),
                Ok(None) => {}
                Err(failure) => {
                    tracing::warn!(site = %name, %seq, %failure, "from where a client was registered or changed cannot be read")
                }
            }
        }
    }

    fn registrant(&self, name: &SiteName, seq: Seq) -> Result<Option<IpAddr>, Failure> {
        let Some(site) = self.site(name) else { return Ok(None) };
        let ip = self.disclosed(&site, seq)?.remove("net.ip");
        Ok(ip.and_then(|ip| ip.as_str()?.parse().ok()))
    }
}
