//! Counts of what would fill the log if it were told one by one: reads, and refusals of callers that proved nothing.
//! A crash loses at most a minute of them (DESIGN.md §4).

use super::{Failure, Ledger, Site};
use crate::command::{Note, Noted};
use crate::event::{Count, Endpoint, Refusal};
use crate::terms::{Actor, ClientId, RequestFacts, SiteName, Timestamp, TokenId};
use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// The counts of the running minute. Locked for one look-up at a time, after a site's lock if that is held.
#[derive(Default)]
pub(super) struct Tallies(Mutex<Counts>);

#[derive(Default)]
struct Counts {
    refusals: HashMap<RefusalKey, Refusals>,
    reads: HashMap<ReadKey, Reads>,
    wrong_passwords: HashMap<IpAddr, (Timestamp, u32)>,
}

#[derive(Clone, PartialEq, Eq, Hash)]
struct RefusalKey {
    site: SiteName,
    ip: IpAddr,
    endpoint: Endpoint,
    reason: Refusal,
}

struct Refusals {
    since: Timestamp,
    told: u32,
    client: Option<ClientId>,
    untold: Option<Count>,
}

#[derive(Clone, PartialEq, Eq, Hash)]
struct ReadKey {
    site: SiteName,
    token: TokenId,
    /// Who introspects; none for userinfo.
    asker: Option<ClientId>,
}

struct Reads {
    since: Timestamp,
    active: bool,
    untold: Option<Count>,
}

/// So many refusals of an address, reason and minute are told one by one.
const TOLD: u32 = 10;
const MINUTE_MILLIS: u64 = 60_000;
/// So many wrong passwords of one address and minute are looked at, whosever they are (THREATS.md A69).
const WRONG_PASSWORDS: u32 = 30;
/// More kinds are not counted apart; they are told.
const KINDS_MAX: usize = 65_536;

/// What is to be told now.
type Due = Vec<(SiteName, Noted)>;

impl Tallies {
    fn counts(&self) -> MutexGuard<'_, Counts> {
        // Counts are whole after every statement; a panic elsewhere cannot leave them torn.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether this refusal is to be told by itself. If not, it has been counted.
    pub(super) fn tell(
        &self,
        site: &SiteName,
        ip: IpAddr,
        endpoint: Endpoint,
        reason: Refusal,
        client: Option<ClientId>,
        now: Timestamp,
    ) -> bool {
        let mut counts = self.counts();
        let key = RefusalKey { site: site.clone(), ip, endpoint, reason };
        if counts.refusals.len() >= KINDS_MAX && !counts.refusals.contains_key(&key) {
            return true;
        }
        let refusals = counts.refusals.entry(key).or_insert(Refusals { since: now, told: 0, client, untold: None });
        if refusals.told < TOLD {
            refusals.told += 1;
            return true;
        }
        refusals.untold = Some(one_more(refusals.untold, now));
        false
    }

    /// Whether this read is to be told at once: it is the first of its minute, or its answer is another one. If not, it has been
    /// counted. Also gives the count of the answer before, if that has not been told.
    fn read(&self, key: ReadKey, active: bool, now: Timestamp) -> (bool, Option<(bool, Count)>) {
        let mut counts = self.counts();
        if counts.reads.len() >= KINDS_MAX && !counts.reads.contains_key(&key) {
            return (true, None);
        }
        match counts.reads.get_mut(&key) {
            Some(reads) if reads.active == active && now.millis_since(reads.since) < MINUTE_MILLIS => {
                reads.untold = Some(one_more(reads.untold, now));
                (false, None)
            }
            before => {
                let untold = before.and_then(|before| before.untold.map(|count| (before.active, count)));
                counts.reads.insert(key, Reads { since: now, active, untold: None });
                (true, untold)
            }
        }
    }

    /// Whether this address has sent too many wrong passwords in the last minute.
    pub(super) fn is_guessing(&self, ip: IpAddr, now: Timestamp) -> bool {
        let counts = self.counts();
        counts.wrong_passwords.get(&ip).is_some_and(|(since, wrong)| *wrong >= WRONG_PASSWORDS && now.millis_since(*since) < MINUTE_MILLIS)
    }

    /// Counts a wrong password of this address.
    pub(super) fn count_wrong_password(&self, ip: IpAddr, now: Timestamp) {
        let mut counts = self.counts();
        counts.wrong_passwords.retain(|_, (since, _)| now.millis_since(*since) < MINUTE_MILLIS);
        let (_, wrong) = counts.wrong_passwords.entry(ip).or_insert((now, 0));
        *wrong = wrong.saturating_add(1);
    }

    /// Takes out what is to be told now: everything older than a minute, or all of it.
    fn take(&self, all: bool, now: Timestamp) -> (Due, Due) {
        let mut counts = self.counts();
        let due = |since: Timestamp| all || now.millis_since(since) >= MINUTE_MILLIS;
        let refusals = counts.refusals.extract_if(|_, refusals| due(refusals.since));
        let refusals = refusals.filter_map(|(key, refusals)| {
            let noted =
                Noted::RequestRefused { endpoint: key.endpoint, reason: key.reason, client: refusals.client, times: refusals.untold };
            refusals.untold.map(|_| (key.site, noted))
        });
        let refusals = refusals.collect();
        let reads = counts.reads.extract_if(|_, reads| due(reads.since));
        let reads = reads.filter_map(|(key, reads)| reads.untold.map(|times| (key.site.clone(), key.noted(reads.active, times))));
        (refusals, reads.collect())
    }
}

impl ReadKey {
    fn noted(&self, active: bool, times: Count) -> Noted {
        match self.asker.clone() {
            Some(asker) => Noted::TokenIntrospected { token: self.token, asker, active, times },
            None => Noted::UserinfoRead { token: self.token, times },
        }
    }
}

fn one_more(count: Option<Count>, now: Timestamp) -> Count {
    match count {
        Some(Count { count, first, .. }) => Count { count: count.saturating_add(1), first, last: now },
        None => Count { count: 1, first: now, last: now },
    }
}

impl Ledger {
    /// Records that a token was read: by introspection (`asker`), or for userinfo.
    pub async fn tell_read(
        &self,
        site: &Arc<Site>,
        token: TokenId,
        asker: Option<ClientId>,
        active: bool,
        request: RequestFacts,
    ) -> Result<(), Failure> {
        let now = self.now();
        let key = ReadKey { site: site.name().clone(), token, asker };
        let (tell, before) = self.shared.tallies.read(key.clone(), active, now);
        if let Some((active, times)) = before {
            self.note(site, key.noted(active, times), request.clone()).await?;
        }
        if tell {
            self.note(site, key.noted(active, one_more(None, now)), request).await?;
        }
        Ok(())
    }

    /// Tells every count that is older than a minute, or all of them. To be called now and then, and before the end.
    pub async fn tell_tallies(&self, all: bool) -> Result<(), Failure> {
        let (refusals, reads) = self.shared.tallies.take(all, self.now());
        for (name, noted) in refusals.into_iter().chain(reads) {
            if let Some(site) = self.site(&name) {
                self.note(&site, noted, self.own_request()).await?;
            }
        }
        Ok(())
    }

    /// Records something that nothing is decided about, and waits until it is durable.
    pub async fn note(&self, site: &Arc<Site>, noted: Noted, request: RequestFacts) -> Result<(), Failure> {
        self.note_by(site, noted, Actor::Server, request).await
    }

    /// The same, done by someone.
    pub async fn note_by(&self, site: &Arc<Site>, noted: Noted, by: Actor, request: RequestFacts) -> Result<(), Failure> {
        let answer = self.submit(site, Note { noted, by }, request).await?.durable().await?;
        answer.map_err(|refused| Failure::Contradiction(refused.refusal.to_string()))
    }

    /// Records a refusal that was reached before anything could be decided: a malformed request, a page that has expired.
    pub async fn refuse(
        &self,
        site: &Arc<Site>,
        endpoint: Endpoint,
        reason: Refusal,
        client: Option<ClientId>,
        request: RequestFacts,
    ) -> Result<(), Failure> {
        let told = match request.ip {
            Some(ip) => self.shared.tallies.tell(site.name(), ip, endpoint, reason, client.clone(), self.now()),
            None => true,
        };
        match told {
            true => self.note_by(site, Noted::RequestRefused { endpoint, reason, client, times: None }, Actor::Anonymous, request).await,
            false => Ok(()),
        }
    }
}
