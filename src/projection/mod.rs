//! State: the fold of a site's records, and nothing else. Folding is pure and total; an impossible record is [`Corrupt`].
//!
//! State holds no personal data: it points at the record whose sealed fields hold it. Forgetting is part of the fold and
//! driven by the records' `t` alone.

mod assertions;
mod clients;
mod consents;
mod digest;
mod expiry;
mod grants;
mod invitations;
mod keys;
mod liveness;
mod logins;
mod logouts;
mod sessions;
mod site;
mod table;
mod users;
mod view;

pub use assertions::{Assertions, UsedAssertion};
pub use clients::{Client, Clients, is_another_app};
pub use consents::{Consent, Consents};
pub use digest::FOLD_VERSION;
#[cfg(test)]
pub(crate) use digest::without_hashing;
pub use grants::{ANSWERABLE_SECONDS, Code, Ending, Grant, Grants, Token};
pub use invitations::{Invitation, Invitations};
pub use keys::{Key, Keys, LEEWAY_SECONDS, Standing};
pub use liveness::{Life, Liveness};
pub use logins::{Attempts, Logins};
pub use logouts::{Logouts, PendingLogout};
pub use sessions::{Session, Sessions};
pub use site::{Server, Site};
pub use users::{User, Users};
pub use view::Collection;

use crate::event::{Event, LogoutEvent, Record, RefreshEvent};
use crate::terms::{Digest, Seq, Timestamp};
use digest::Sum;
use expiry::Expiries;

/// Everything that one site's records add up to.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct State {
    /// How many records have been folded; the `seq` of the next one.
    pub head: Seq,
    /// The time of the last record.
    pub last_t: Timestamp,
    /// Issuer and settings; none before `site.created`.
    pub site: Option<Site>,
    /// The server's own log: none before `server.created`, and none for any other site.
    pub server: Option<Server>,
    /// Registered clients.
    pub clients: Clients,
    /// Initial access tokens.
    pub invitations: Invitations,
    /// Assertions that clients have used.
    pub assertions: Assertions,
    /// End-users.
    pub users: Users,
    /// Failed sign-ins by login.
    pub logins: Logins,
    /// Browser sessions.
    pub sessions: Sessions,
    /// What people allowed which client.
    pub consents: Consents,
    /// Grants with their codes and access tokens.
    pub grants: Grants,
    /// Clients that have yet to be told that a session is over.
    pub logouts: Logouts,
    /// Signing keys.
    pub keys: Keys,
    /// What whose log it is adds to the digest.
    owner_sum: Sum,
    expiries: Expiries,
}

/// A record that contradicts the ones before it: stop and say so.
#[derive(Debug, PartialEq, thiserror::Error)]
#[error("record {seq} contradicts the log before it: {why}")]
pub struct Corrupt {
    /// Which record.
    pub seq: Seq,
    /// What is wrong with it.
    pub why: &'static str,
}

impl State {
    /// The state after one more record.
    pub fn fold(&mut self, record: &Record) -> Result<(), Corrupt> {
        let corrupt = |why| Corrupt { seq: record.seq, why };
        if record.seq != self.head {
            return Err(corrupt("its seq is not the next one"));
        }
        if record.t < self.last_t {
            return Err(corrupt("its time is before the last record's"));
        }
        self.forget(record.t);
        self.fold_event(record).map_err(corrupt)?;
        self.head = record.seq.next();
        self.last_t = record.t;
        Ok(())
    }

    /// The vkey of this log's checkpoints; none before the log's first event.
    pub fn checkpoint_key(&self) -> Option<&str> {
        let of_site = self.site.as_ref().map(|site| site.checkpoint_key.as_str());
        of_site.or_else(|| self.server.as_ref().map(|server| server.checkpoint_key.as_str()))
    }

    /// The digest of everything that the state knows. `head` and `last_t` are not in it, nor is what follows from the rest: the
    /// indexes, and the order in which ends are waited for.
    pub fn digest(&self) -> Digest {
        let mut sum = self.owner_sum;
        self.sums().into_iter().for_each(|share| sum.add(share));
        sum.digest()
    }

    fn sums(&self) -> [Sum; 12] {
        [
            self.clients.table().sum(),
            self.invitations.table().sum(),
            self.assertions.table().sum(),
            self.users.table().sum(),
            self.logins.table().sum(),
            self.sessions.table().sum(),
            self.consents.table().sum(),
            self.grants.table().sum(),
            self.grants.codes_table().sum(),
            self.grants.tokens_table().sum(),
            self.logouts.table().sum(),
            self.keys.table().sum(),
        ]
    }

    /// The digest, worked out anew from every entity: takes as long as the state is large. It differs from [`State::digest`] only if a
    /// change was not counted.
    pub fn recounted_digest(&self) -> Digest {
        let mut sum = self.counted_owner();
        let shares = [
            self.clients.table().recount(),
            self.invitations.table().recount(),
            self.assertions.table().recount(),
            self.users.table().recount(),
            self.logins.table().recount(),
            self.sessions.table().recount(),
            self.consents.table().recount(),
            self.grants.table().recount(),
            self.grants.codes_table().recount(),
            self.grants.tokens_table().recount(),
            self.logouts.table().recount(),
            self.keys.table().recount(),
        ];
        shares.into_iter().for_each(|share| sum.add(share));
        sum.digest()
    }

    fn counted_owner(&self) -> Sum {
        let of_site = self.site.as_ref().map(|site| Sum::of(&site.issuer, site));
        of_site.or_else(|| self.server.as_ref().map(|server| Sum::of(&server.instance, server))).unwrap_or_default()
    }

    /// How many ends are waited for.
    #[cfg(test)]
    pub(crate) fn waiting(&self) -> usize {
        self.expiries.len()
    }

    fn fold_event(&mut self, record: &Record) -> Result<(), &'static str> {
        let (seq, t) = (record.seq, record.t);
        match &record.event {
            Event::Site(event) => {
                site::fold(&mut self.site, event, seq)?;
                self.owner_sum = self.counted_owner();
                Ok(())
            }
            Event::Client(event) => {
                self.assertions.fold(event, &mut self.expiries);
                self.invitations.fold(event, seq, t)?;
                self.clients.fold(event, &record.actor, seq, t)
            }
            Event::User(event) => {
                self.logins.fold_user(event, &self.users);
                self.users.fold(event, seq)
            }
            Event::Login(event) => self.logins.fold(event, t, &mut self.expiries),
            Event::Logout(event) => {
                if let LogoutEvent::Signed(signed) = event {
                    self.keys.note_signed(&signed.kid, signed.expires_at);
                }
                self.logouts.fold(event, seq)
            }
            Event::Session(event) => {
                let idle_seconds = self.site.as_ref().map_or(0, |site| site.settings.session_idle_seconds);
                self.sessions.fold(event, seq, t, idle_seconds, &mut self.expiries)
            }
            Event::Consent(event) => {
                self.consents.fold(event, seq);
                self.grants.fold_consent(event, seq, t);
                Ok(())
            }
            Event::Code(event) => {
                let idle_seconds = self.site.as_ref().map_or(0, |site| site.settings.session_idle_seconds);
                self.sessions.fold_code(event, t, idle_seconds);
                self.grants.fold_code(event, seq, &mut self.expiries)
            }
            Event::Grant(event) => self.grants.fold(event, seq, t),
            Event::Token(event) => {
                let idle_seconds = self.site.as_ref().map_or(0, |site| site.settings.session_idle_seconds);
                self.sessions.fold_token(event, t, idle_seconds);
                self.keys.fold_token(event);
                self.grants.fold_token(event, seq, &mut self.expiries)
            }
            Event::Refresh(event) => {
                if let RefreshEvent::Rotated(tokens) = event {
                    self.keys.fold_tokens(tokens);
                }
                self.grants.fold_refresh(event, seq, &mut self.expiries)
            }
            Event::Key(event) => self.keys.fold(event, seq, t),
            Event::Server(event) => {
                site::fold_server(&mut self.server, event, seq)?;
                self.owner_sum = self.counted_owner();
                Ok(())
            }
            Event::Audit(_) | Event::Request(_) => Ok(()),
        }
    }

    /// Drops what ended before `t`, in the order of the ends, so that in how many steps time passes makes no difference.
    ///
    /// Folding a record of that time does this first. Whoever decides at `t` does it before, lest an event be decided about a
    /// thing that its own fold has just forgotten.
    pub fn forget(&mut self, t: Timestamp) {
        while let Some(gone) = self.expiries.take_before(t) {
            match gone {
                expiry::Thing::Token(token) => self.grants.forget_token(&token),
                expiry::Thing::Grant(grant) => self.grants.forget_grant(&grant, t, &mut self.expiries),
                expiry::Thing::Session(session) => self.sessions.forget(&session, t, &self.grants, &mut self.expiries),
                expiry::Thing::Assertion(assertion) => self.assertions.forget(&assertion),
                expiry::Thing::Login(login) => self.logins.forget(&login, t, &mut self.expiries),
            }
        }
    }
}
