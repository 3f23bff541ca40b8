//! How many clients strangers may register. Each stays in the log for ever, so nobody is to fill it (THREATS.md A58).

use super::network::network;
use crate::terms::Timestamp;
use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Mutex, PoisonError};

/// So many registrations of one address and minute.
const OF_ADDRESS_MAX: u32 = 60;
/// So many of a minute in all.
const MAX: u32 = 600;
const MINUTE_MILLIS: u64 = 60_000;

/// The registrations of the running minute. Lost at a restart; locked for one look-up.
#[derive(Default)]
pub(super) struct Registrations(Mutex<Minute>);

#[derive(Default)]
struct Minute {
    since: Timestamp,
    all: u32,
    of: HashMap<IpAddr, u32>,
}

impl Registrations {
    /// Takes one registration from the budgets, if both have one. Loopback tells callers apart no more than a socket would (a proxy
    /// that is not listed stands there, or the machine itself), so it has only the budget of all.
    pub(super) fn take(&self, ip: IpAddr, now: Timestamp) -> bool {
        let mut minute = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if now.millis_since(minute.since) >= MINUTE_MILLIS {
            *minute = Minute { since: now, ..Minute::default() };
        }
        if minute.all >= MAX {
            return false;
        }
        let network = network(ip);
        if !network.is_loopback() && !ip.is_loopback() {
            let of = minute.of.entry(network).or_default();
            if *of >= OF_ADDRESS_MAX {
                return false;
            }
            *of = of.saturating_add(1);
        }
        minute.all = minute.all.saturating_add(1);
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: u64 = 1_790_000_000;

    fn taken(registrations: &Registrations, ip: &str, second: u64, times: u32) -> u32 {
        let now = Timestamp::from_unix_seconds(NOW + second);
        (0..times).map(|_| u32::from(registrations.take(ip.parse().unwrap(), now))).sum()
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
}
