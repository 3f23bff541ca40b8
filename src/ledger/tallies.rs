//! Counts of what would fill the log if it were told one by one: reads, and refusals of callers that proved nothing.
//! A crash loses at most a minute of them (DESIGN.md §4).

use super::network::network;
use super::{Failure, Ledger, Site};
use crate::command::{Note, Noted};
use crate::event::{Count, Endpoint, Refusal};
use crate::terms::{Actor, ClientId, KeyId, RequestFacts, SiteName, Timestamp, TokenId};
use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// The counts of the running minute. Locked for one look-up at a time, after a site's lock if that is held.
#[derive(Default)]
pub(super) struct Tallies(Mutex<Counts>);

#[derive(Default)]
struct Counts {
    refusals: HashMap<RefusalKey, Refusals>,
    reads: HashMap<ReadKey, Reads>,
    forgeries: HashMap<ForgeryKey, Forgeries>,
    wrong_passwords: HashMap<IpAddr, (Timestamp, u32)>,
}

#[derive(Clone, PartialEq, Eq, Hash)]
struct RefusalKey {
    site: SiteName,
    /// None for all addresses beyond [`KINDS_MAX`].
    network: Option<IpAddr>,
    endpoint: Endpoint,
    reason: Refusal,
}

struct Refusals {
    since: Timestamp,
    told: u32,
    untold: Option<Untold>,
}

/// What is counted and not yet told.
#[derive(Clone)]
struct Untold {
    times: Count,
    /// Whom all of them named; a count must not name a client that others caused.
    client: Option<ClientId>,
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

#[derive(Clone, PartialEq, Eq, Hash)]
struct ForgeryKey {
    site: SiteName,
    token: TokenId,
    kid: KeyId,
}

struct Forgeries {
    since: Timestamp,
    untold: Option<Count>,
}

/// So many refusals of an address, reason and minute are told one by one.
const TOLD: u32 = 10;
const MINUTE_MILLIS: u64 = 60_000;
/// So many wrong passwords of one address and minute are looked at, whosever they are (THREATS.md A69).
const WRONG_PASSWORDS: u32 = 30;
/// So many kinds are counted apart. Beyond, refusals of a reason are counted together and told only as a count; reads, which need a
/// token of ours, are told; further forgeries stand in the trace alone.
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
        let mut key = RefusalKey { site: site.clone(), network: Some(network(ip)), endpoint, reason };
        let mut told = 0;
        if counts.refusals.len() >= KINDS_MAX && !counts.refusals.contains_key(&key) {
            (key.network, told) = (None, TOLD);
        }
        let refusals = counts.refusals.entry(key).or_insert(Refusals { since: now, told, untold: None });
        if refusals.told < TOLD {
            refusals.told += 1;
            return true;
        }
        refusals.untold = Some(match refusals.untold.take() {
            Some(before) => {
                Untold { times: one_more(Some(before.times), now), client: before.client.filter(|of| Some(of) == client.as_ref()) }
            }
            None => Untold { times: one_more(None, now), client },
        });
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

    /// Whether this forgery is to be told by itself: nobody has ever told it. If not, it has been counted.
    pub(super) fn tell_forgery(&self, site: &SiteName, token: TokenId, kid: KeyId, is_known: bool, now: Timestamp) -> bool {
        let mut counts = self.counts();
        let key = ForgeryKey { site: site.clone(), token, kid };
        if counts.forgeries.len() >= KINDS_MAX && !counts.forgeries.contains_key(&key) {
            return false;
        }
        match counts.forgeries.entry(key) {
            Entry::Vacant(vacant) => {
                let untold = is_known.then(|| one_more(None, now));
                vacant.insert(Forgeries { since: now, untold });
                !is_known
            }
            Entry::Occupied(mut counted) => {
                let forgeries = counted.get_mut();
                forgeries.untold = Some(one_more(forgeries.untold, now));
                false
            }
        }
    }

    /// Whether this address has sent too many wrong passwords in the last minute.
    pub(super) fn is_guessing(&self, ip: IpAddr, now: Timestamp) -> bool {
        let counts = self.counts();
        let of = counts.wrong_passwords.get(&network(ip));
        of.is_some_and(|(since, wrong)| *wrong >= WRONG_PASSWORDS && now.millis_since(*since) < MINUTE_MILLIS)
    }

    /// Counts a wrong password of this address. Of more addresses than can be counted apart within a minute (more than passwords can
    /// be checked in it) the rest is not: one count for all would let an attacker keep everybody out, and the pauses hold anyway.
    pub(super) fn count_wrong_password(&self, ip: IpAddr, now: Timestamp) {
        let mut counts = self.counts();
        let counted = &mut counts.wrong_passwords;
        let (network, is_old) = (network(ip), |since: Timestamp| now.millis_since(since) >= MINUTE_MILLIS);
        if counted.len() >= KINDS_MAX && !counted.contains_key(&network) {
            counted.retain(|_, (since, _)| !is_old(*since));
            if counted.len() >= KINDS_MAX {
                return;
            }
        }
        let of = counted.entry(network).or_insert((now, 0));
        if is_old(of.0) {
            *of = (now, 0);
        }
        of.1 = of.1.saturating_add(1);
    }

    /// Takes out what is to be told now: everything older than a minute, or all of it.
    fn take(&self, all: bool, now: Timestamp) -> Due {
        let mut counts = self.counts();
        let due = |since: Timestamp| all || now.millis_since(since) >= MINUTE_MILLIS;
        counts.wrong_passwords.retain(|_, (since, _)| now.millis_since(*since) < MINUTE_MILLIS);
        let refusals = counts.refusals.extract_if(|_, refusals| due(refusals.since));
        let refusals = refusals.filter_map(|(key, refusals)| {
            let Untold { times, client } = refusals.untold?;
            Some((key.site, Noted::RequestRefused { endpoint: key.endpoint, reason: key.reason, client, times: Some(times) }))
        });
        let mut noted: Due = refusals.collect();
        let reads = counts.reads.extract_if(|_, reads| due(reads.since));
        noted.extend(reads.filter_map(|(key, reads)| reads.untold.map(|times| (key.site.clone(), key.noted(reads.active, times)))));
        let forgeries = counts.forgeries.extract_if(|_, forgeries| due(forgeries.since));
        noted.extend(forgeries.filter_map(|(key, forgeries)| {
            let ForgeryKey { site, token, kid } = key;
            forgeries.untold.map(|times| (site, Noted::ForgeryDetected { token, kid, times: Some(times) }))
        }));
        noted
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
        self.tell_turns().await?;
        for (name, noted) in self.shared.tallies.take(all, self.now()) {
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::terms::Opaque;

    const NOW: u64 = 1_790_000_000;

    fn at(second: u64) -> Timestamp {
        Timestamp::from_unix_seconds(NOW + second)
    }

    fn refused(tallies: &Tallies, ip: IpAddr, client: Option<&str>) -> bool {
        let client = client.map(|id| id.parse().unwrap());
        tallies.tell(&SiteName::default_site(), ip, Endpoint::Token, Refusal::ClientUnknown, client, at(0))
    }

    fn counted(tallies: &Tallies) -> Vec<(Option<ClientId>, u64)> {
        let due = tallies.take(true, at(0)).into_iter();
        due.map(|(_, noted)| {
            let Noted::RequestRefused { client, times: Some(times), .. } = noted else { panic!("{noted:?}") };
            (client, times.count)
        })
        .collect()
    }

    #[test]
    fn a_count_names_a_client_only_if_all_of_it_did() {
        let (tallies, here) = (Tallies::default(), "192.0.2.1".parse().unwrap());
        assert!((0..10).all(|_| refused(&tallies, here, Some("victim"))));
        assert!(!(0..5).any(|_| refused(&tallies, here, Some("other"))));
        assert_eq!(counted(&tallies), [(Some("other".parse().unwrap()), 5)]);
        (0..10).for_each(|_| assert!(refused(&tallies, here, Some("victim"))));
        for client in [Some("victim"), Some("other"), None, Some("victim")] {
            assert!(!refused(&tallies, here, client));
        }
        assert_eq!(counted(&tallies), [(None, 4)]);
    }

    #[test]
    fn a_household_is_counted_as_one() {
        let tallies = Tallies::default();
        let told = (0..100_u16).filter(|n| refused(&tallies, format!("2001:db8::{n:x}").parse().unwrap(), None)).count();
        assert_eq!(told, 10);
        assert!(refused(&tallies, "2001:db8:0:1::1".parse().unwrap(), None));
        for n in 0..30 {
            tallies.count_wrong_password(format!("2001:db8::{n:x}").parse().unwrap(), at(0));
        }
        assert!(tallies.is_guessing("2001:db8::ffff".parse().unwrap(), at(59)));
        assert!(!tallies.is_guessing("2001:db8::ffff".parse().unwrap(), at(60)));
        assert!(!tallies.is_guessing("2001:db8:0:1::1".parse().unwrap(), at(0)));
    }

    #[test]
    fn beyond_the_kinds_that_are_counted_apart_refusals_are_counted_together_and_none_is_told() {
        let tallies = Tallies::default();
        let ip = |n: u32| IpAddr::from(n.to_be_bytes());
        let kinds = u32::try_from(KINDS_MAX).unwrap();
        assert!((0..kinds).all(|n| refused(&tallies, ip(n), None)));
        assert!(!(kinds..kinds + 50).any(|n| refused(&tallies, ip(n), None)));
        assert_eq!(tallies.counts().refusals.len(), KINDS_MAX + 1);
        assert!(refused(&tallies, ip(0), None), "an address that is counted already is told as before");
        assert_eq!(counted(&tallies), [(None, 50)]);
    }

    #[test]
    fn wrong_passwords_are_forgotten_after_a_minute() {
        let tallies = Tallies::default();
        let ip = |n: u32| IpAddr::from(n.to_be_bytes());
        (0..100).for_each(|n| tallies.count_wrong_password(ip(n), at(0)));
        tallies.take(false, at(59));
        assert_eq!(tallies.counts().wrong_passwords.len(), 100);
        tallies.take(false, at(60));
        assert_eq!(tallies.counts().wrong_passwords.len(), 0);
    }

    #[test]
    fn a_forgery_is_told_once_and_then_counted() {
        let (tallies, site) = (Tallies::default(), SiteName::default_site());
        let (token, kid) = (TokenId::from_bytes([1; 16]), KeyId::from_bytes([2; 16]));
        let tell = |is_known| tallies.tell_forgery(&site, token, kid, is_known, at(0));
        assert_eq!([tell(false), tell(false), tell(true)], [true, false, false]);
        let count = |noted: &Noted| {
            let Noted::ForgeryDetected { times, .. } = noted else { panic!("{noted:?}") };
            times.map(|times| times.count)
        };
        assert_eq!(tallies.take(true, at(0)).iter().map(|(_, noted)| count(noted)).collect::<Vec<_>>(), [Some(2)]);
        assert!(!tell(true));
        assert_eq!(tallies.take(true, at(0)).iter().map(|(_, noted)| count(noted)).collect::<Vec<_>>(), [Some(1)]);
    }
}
