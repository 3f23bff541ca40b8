//! How many clients strangers may register. Each stays in the log for ever, so nobody is to fill it (THREATS.md A58).

mod recall;

pub(super) use recall::Recent;

use super::network::network;
use crate::terms::{SiteName, Timestamp};
use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Mutex, PoisonError};

/// So many registrations of one address and minute, at all sites together.
const OF_ADDRESS_MAX: u64 = 60;
/// So many of a minute in all.
const MAX: u64 = 600;
const MINUTE_SECONDS: u64 = 60;
const HOUR_SECONDS: u64 = 3600;

/// The registrations of the running minute and of each address's hour. Recalled from the log at a start; locked for one look-up.
#[derive(Default)]
pub(super) struct Registrations(Mutex<Taken>);

/// At most as many addresses as registrations in all: those of an hour.
#[derive(Default)]
struct Taken {
    all: Span,
    of_address: HashMap<IpAddr, Span>,
    of_address_at_site: HashMap<(SiteName, IpAddr), Span>,
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

impl Registrations {
    /// Takes one registration from the budgets, if all have one. `rate` is how many the site takes from one address in an hour. Loopback
    /// tells callers apart no more than a socket would (a proxy that is not listed stands there, or the machine itself), so it has only
    /// the budget of all.
    pub(super) fn take(&self, site: &SiteName, ip: IpAddr, rate: u64, now: Timestamp) -> bool {
        let mut taken = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if taken.pause(site, ip, rate, now) > 0 {
            return false;
        }
        taken.take(site, ip, now);
        true
    }

    /// Takes one that was granted then, before the server started.
    pub(super) fn recall(&self, site: &SiteName, ip: IpAddr, then: Timestamp) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).take(site, ip, then);
    }

    /// After how many seconds there is room again; 0 is now.
    pub(super) fn pause(&self, site: &SiteName, ip: IpAddr, rate: u64, now: Timestamp) -> u64 {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).pause(site, ip, rate, now)
    }
}

impl Taken {
    fn take(&mut self, site: &SiteName, ip: IpAddr, now: Timestamp) {
        if self.all.is_over(now, MINUTE_SECONDS) {
            self.of_address.retain(|_, span| !span.is_over(now, MINUTE_SECONDS));
            self.of_address_at_site.retain(|_, span| !span.is_over(now, HOUR_SECONDS));
        }
        self.all.take(now, MINUTE_SECONDS);
        if let Some(network) = counted(ip) {
            self.of_address.entry(network).or_default().take(now, MINUTE_SECONDS);
            self.of_address_at_site.entry((site.clone(), network)).or_default().take(now, HOUR_SECONDS);
        }
    }
    fn pause(&self, site: &SiteName, ip: IpAddr, rate: u64, now: Timestamp) -> u64 {
        let of_all = self.all.pause(MAX, now, MINUTE_SECONDS);
        let Some(network) = counted(ip) else { return of_all };
        let minute = self.of_address.get(&network).copied().unwrap_or_default();
        let hour = self.of_address_at_site.get(&(site.clone(), network)).copied().unwrap_or_default();
        of_all.max(minute.pause(OF_ADDRESS_MAX, now, MINUTE_SECONDS)).max(hour.pause(rate, now, HOUR_SECONDS))
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
        let (site, ip, now) = (site.parse().unwrap(), ip.parse().unwrap(), Timestamp::from_unix_seconds(NOW + second));
        let pause = registrations.pause(&site, ip, rate, now);
        assert_eq!(registrations.take(&site, ip, rate, now), pause == 0);
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
    fn the_addresses_of_hours_that_are_over_are_not_kept() {
        let registrations = Registrations::default();
        for n in 0..200 {
            assert_eq!(taken(&registrations, &format!("192.0.2.{n}"), 0, 1), 1);
        }
        assert_eq!(taken(&registrations, "198.51.100.1", 3600, 1), 1);
        assert_eq!(registrations.0.lock().unwrap().of_address_at_site.len(), 1);
    }
}
