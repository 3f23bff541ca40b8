//! How many clients strangers may register, and how often those may change. All of it stays in the log for ever, so nobody is to fill it
//! (THREATS.md A58).

mod recall;

pub(super) use recall::Recent;

use super::network::network;
use super::{Ledger, Site, SiteError};
use crate::event::{Endpoint, Refusal};
use crate::terms::{ClientId, RequestFacts, SiteName, Timestamp};
use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError};

/// What is counted.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Counted {
    /// A new client.
    Registration,
    /// New metadata of a client that registered itself or was registered (RFC 7592 §2.2).
    Change,
}

impl Counted {
    /// How many of an address and hour, where so many registrations are taken.
    fn most(self, rate: u64) -> u64 {
        match self {
            Self::Registration => rate,
            Self::Change => rate.saturating_mul(CHANGES_FOR_A_REGISTRATION),
        }
    }
}

/// A client changes more often than new ones come, and whoever runs several changes them together.
const CHANGES_FOR_A_REGISTRATION: u64 = 10;
/// So many registrations and changes of one address and minute, at all sites together.
const OF_ADDRESS_MAX: u64 = 60;
/// So many of a minute in all.
const MAX: u64 = 600;
const MINUTE_SECONDS: u64 = 60;
const HOUR_SECONDS: u64 = 3600;

/// The registrations and changes of the running minute and of each address's hour. Recalled from the log at a start; locked for one
/// look-up.
#[derive(Default)]
pub(super) struct Registrations(Mutex<Taken>);

/// At most as many addresses as registrations and changes in all: those of an hour.
#[derive(Default)]
struct Taken {
    all: Span,
    of_address: HashMap<IpAddr, Span>,
    of_address_at_site: HashMap<(Counted, SiteName, IpAddr), Span>,
}

/// What was taken since then.
#[derive(Clone, Copy, Default)]
struct Span {
    since: Timestamp,
    taken: u64,
}

impl Span {
    /// One more, in this time or in the next one.
    fn take(&mut self, now: Timestamp, seconds: u64) {
        if self.is_over(now, seconds) {
            *self = Self { since: now, taken: 0 };
        }
        self.taken = self.taken.saturating_add(1);
    }
    fn is_over(&self, now: Timestamp, seconds: u64) -> bool {
        now >= self.since.plus_seconds(seconds)
    }
    /// After how many seconds there is room again.
    fn pause(&self, most: u64, now: Timestamp, seconds: u64) -> u64 {
        match self.is_over(now, seconds) {
            _ if most == 0 => seconds,
            false if self.taken >= most => self.since.plus_seconds(seconds).seconds_since(now).max(1),
            true | false => 0,
        }
    }
}

impl Ledger {
    /// Takes one from the budgets of this address, or refuses.
    pub(super) async fn take_registration(
        &self,
        site: &Arc<Site>,
        what: Counted,
        ip: IpAddr,
        client: Option<ClientId>,
        request: &RequestFacts,
    ) -> Result<(), SiteError> {
        let rate = registration_rate(site);
        if self.shared.registrations.take(what, site.name(), ip, rate, self.now()) {
            return Ok(());
        }
        let endpoint = match what {
            Counted::Registration => Endpoint::Registration,
            Counted::Change => Endpoint::ClientConfiguration,
        };
        self.refuse(site, endpoint, Refusal::RegistrationTooFrequent, client, request.clone()).await?;
        Err(SiteError::Refused(Refusal::RegistrationTooFrequent.into()))
    }

    /// After how many seconds a stranger at this address may register a client again, or change one; 0 is now.
    pub fn registration_pause(&self, site: &Site, what: Counted, ip: IpAddr) -> u64 {
        self.shared.registrations.pause(what, site.name(), ip, registration_rate(site), self.now())
    }
}

/// How many clients the site takes from one address in an hour.
fn registration_rate(site: &Site) -> u64 {
    site.read(|state| state.site.as_ref().map_or(0, |site| site.settings.dcr_rate))
}

impl Registrations {
    /// Takes one from the budgets, if all have one. `rate` is how many the site takes from one address in an hour. Loopback
    /// tells callers apart no more than a socket would (a proxy that is not listed stands there, or the machine itself), so it has only
    /// the budget of all.
    pub(super) fn take(&self, what: Counted, site: &SiteName, ip: IpAddr, rate: u64, now: Timestamp) -> bool {
        let mut taken = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if taken.pause(what, site, ip, rate, now) > 0 {
            return false;
        }
        taken.take(what, site, ip, now);
        true
    }

    /// Takes one that was granted then, before the server started.
    pub(super) fn recall(&self, what: Counted, site: &SiteName, ip: IpAddr, then: Timestamp) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).take(what, site, ip, then);
    }

    /// After how many seconds there is room again; 0 is now.
    pub(super) fn pause(&self, what: Counted, site: &SiteName, ip: IpAddr, rate: u64, now: Timestamp) -> u64 {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).pause(what, site, ip, rate, now)
    }
}

impl Taken {
    fn take(&mut self, what: Counted, site: &SiteName, ip: IpAddr, now: Timestamp) {
        if self.all.is_over(now, MINUTE_SECONDS) {
            self.of_address.retain(|_, span| !span.is_over(now, MINUTE_SECONDS));
            self.of_address_at_site.retain(|_, span| !span.is_over(now, HOUR_SECONDS));
        }
        self.all.take(now, MINUTE_SECONDS);
        if let Some(network) = counted(ip) {
            self.of_address.entry(network).or_default().take(now, MINUTE_SECONDS);
            self.of_address_at_site.entry((what, site.clone(), network)).or_default().take(now, HOUR_SECONDS);
        }
    }
    fn pause(&self, what: Counted, site: &SiteName, ip: IpAddr, rate: u64, now: Timestamp) -> u64 {
        let of_all = self.all.pause(MAX, now, MINUTE_SECONDS);
        let Some(network) = counted(ip) else { return of_all };
        let minute = self.of_address.get(&network).copied().unwrap_or_default();
        let hour = self.of_address_at_site.get(&(what, site.clone(), network)).copied().unwrap_or_default();
        of_all.max(minute.pause(OF_ADDRESS_MAX, now, MINUTE_SECONDS)).max(hour.pause(what.most(rate), now, HOUR_SECONDS))
    }
}

/// The address that is counted, if this one is.
fn counted(ip: IpAddr) -> Option<IpAddr> {
    let network = network(ip);
    (!network.is_loopback() && !ip.is_loopback()).then_some(network)
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: u64 = 1_790_000_000;

    /// Nothing if it was taken, else the pause.
    fn tried(registrations: &Registrations, site: &str, ip: &str, rate: u64, second: u64) -> Result<(), u64> {
        tried_to(Counted::Registration, registrations, site, ip, rate, second)
    }

    fn tried_to(what: Counted, registrations: &Registrations, site: &str, ip: &str, rate: u64, second: u64) -> Result<(), u64> {
        let (site, ip, now) = (site.parse().unwrap(), ip.parse().unwrap(), Timestamp::from_unix_seconds(NOW + second));
        let pause = registrations.pause(what, &site, ip, rate, now);
        assert_eq!(registrations.take(what, &site, ip, rate, now), pause == 0);
        if pause == 0 { Ok(()) } else { Err(pause) }
    }

    fn taken(registrations: &Registrations, ip: &str, second: u64, times: u32) -> u32 {
        (0..times).map(|_| u32::from(tried(registrations, "default", ip, 3600, second).is_ok())).sum()
    }

    #[test]
    fn an_address_registers_sixty_clients_a_minute() {
        let registrations = Registrations::default();
        assert_eq!(taken(&registrations, "192.0.2.1", 0, 61), 60);
        assert_eq!(taken(&registrations, "192.0.2.2", 0, 1), 1);
        assert_eq!(taken(&registrations, "2001:db8::1", 1, 30) + taken(&registrations, "2001:db8::2", 1, 31), 60);
        assert_eq!(taken(&registrations, "192.0.2.1", 59, 1), 0);
        assert_eq!(taken(&registrations, "192.0.2.1", 60, 61), 60);
    }

    #[test]
    fn all_together_register_six_hundred_a_minute() {
        let registrations = Registrations::default();
        assert_eq!((1..=9).map(|n| taken(&registrations, &format!("192.0.2.{n}"), 0, 60)).sum::<u32>(), 540);
        assert_eq!(taken(&registrations, "127.0.0.1", 0, 100), 60);
        assert_eq!(taken(&registrations, "::1", 0, 1) + taken(&registrations, "198.51.100.1", 0, 1), 0);
        assert_eq!(taken(&registrations, "127.0.0.1", 60, 601), 600);
    }

    #[test]
    fn an_address_registers_as_many_an_hour_as_the_site_says_and_is_told_when_to_come_back() {
        let registrations = Registrations::default();
        let at = |site: &str, ip: &str, second| tried(&registrations, site, ip, 3, second);
        assert_eq!([0, 10, 100].map(|second| at("default", "192.0.2.1", second)), [Ok(()); 3]);
        assert_eq!(at("default", "192.0.2.1", 100), Err(3500));
        assert_eq!(at("default", "192.0.2.1", 3599), Err(1));
        assert_eq!(
            (at("other", "192.0.2.1", 200), at("default", "192.0.2.2", 200), at("default", "127.0.0.1", 200)),
            (Ok(()), Ok(()), Ok(()))
        );
        assert_eq!([3600, 3601, 3602].map(|second| at("default", "192.0.2.1", second)), [Ok(()); 3]);
        assert_eq!(at("default", "192.0.2.1", 3603), Err(3597));
        assert_eq!(tried(&registrations, "default", "192.0.2.9", 0, 0), Err(3600));
    }

    #[test]
    fn for_each_registration_an_address_may_change_ten_times_and_one_is_not_counted_as_the_other() {
        let registrations = Registrations::default();
        let change = |second| tried_to(Counted::Change, &registrations, "default", "192.0.2.1", 2, second);
        assert_eq!(tried(&registrations, "default", "192.0.2.1", 2, 0), Ok(()));
        assert!((0..20).all(|n| change(n) == Ok(())));
        assert_eq!((change(20), change(3600)), (Err(3580), Ok(())));
        assert_eq!(tried(&registrations, "default", "192.0.2.1", 2, 21), Ok(()));
    }

    #[test]
    fn the_addresses_of_hours_that_are_over_are_not_kept() {
        let registrations = Registrations::default();
        for n in 0..200 {
            assert_eq!(taken(&registrations, &format!("192.0.2.{n}"), 0, 1), 1);
        }
        assert_eq!(taken(&registrations, "198.51.100.1", 3600, 1), 1);
        assert_eq!(registrations.0.lock().unwrap().of_address_at_site.len(), 1);
    }
}
