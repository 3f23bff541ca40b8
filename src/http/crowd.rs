//! How many connections there are, in all and from each address (THREATS.md A93).

use super::{
    peer::TrustedProxies,
    pulse::{Pulse, Waits},
};
use std::{
    collections::{BTreeMap, HashMap},
    net::{IpAddr, Ipv6Addr},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};
use tokio::{
    sync::{OwnedSemaphorePermit, Semaphore},
    time::timeout,
};

/// Counts connections. All clones share the counts; the lock is held for one look-up, and no other is taken but a pulse's.
#[derive(Clone)]
pub struct Crowd {
    room: Arc<Semaphore>,
    most: u32,
    most_per_address: usize,
    exempt: TrustedProxies,
    guests: Arc<Mutex<Guests>>,
}

/// Who is here, by address and in the order of coming.
#[derive(Default)]
struct Guests {
    next: u64,
    by_address: HashMap<IpAddr, BTreeMap<u64, Guest>>,
}

/// One connection. It has no pulse before its handshake is done.
#[derive(Default)]
struct Guest {
    pulse: Option<Pulse>,
    /// It was asked to leave, and may still end what it has begun meanwhile.
    leaving: bool,
}

impl Crowd {
    /// Room for so many in all and from each address; proxies may bring any number.
    pub fn new(most: u32, most_per_address: usize, exempt: TrustedProxies) -> Self {
        let room = Arc::new(Semaphore::new(usize::try_from(most).unwrap_or(Semaphore::MAX_PERMITS)));
        Self { room, most, most_per_address, exempt, guests: Arc::default() }
    }
    /// Waits for room for one more. The listener's queue holds whoever comes meanwhile.
    pub async fn room_for_one(&self) -> Option<Room> {
        self.room.clone().acquire_owned().await.ok().map(Room)
    }
    /// A place for a connection from this address. If it has too many, the one that has been idle longest goes: clients keep
    /// connections that they have forgotten, and many people may share an address. `None` if all are busy, or if as many are leaving.
    pub fn place(&self, room: Room, ip: IpAddr) -> Option<Place> {
        if self.exempt.trust(ip) {
            return Some(Place { _room: room, counted: None });
        }
        let (key, mut guests) = (whose(ip), self.guests());
        guests.next += 1;
        let id = guests.next;
        let own = guests.by_address.entry(key).or_default();
        let leaving = own.values().filter(|guest| guest.leaving).count();
        if own.len().saturating_sub(leaving) >= self.most_per_address {
            if leaving >= self.most_per_address {
                return None;
            }
            let idle = own.values_mut().filter(|guest| !guest.leaving);
            let idle = idle.filter_map(|guest| Some((guest.pulse.as_ref()?.idle_since()?, guest)));
            let (_, longest_idle) = idle.min_by_key(|(since, _)| *since)?;
            longest_idle.leaving = true;
            longest_idle.pulse.as_ref()?.ask_to_leave();
        }
        own.insert(id, Guest::default());
        Some(Place { _room: room, counted: Some((self.clone(), key, id)) })
    }
    /// A place for a connection that has no address.
    pub fn local_place(room: Room) -> Place {
        Place { _room: room, counted: None }
    }
    /// Waits at most so long until nobody is left; whether nobody is.
    pub async fn is_gone_within(&self, patience: Duration) -> bool {
        timeout(patience, self.room.acquire_many(self.most)).await.is_ok_and(|all| all.is_ok())
    }
    fn guests(&self) -> MutexGuard<'_, Guests> {
        self.guests.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A customer with IPv6 has a /64; counting single addresses of it would count nothing.
fn whose(ip: IpAddr) -> IpAddr {
    match ip.to_canonical() {
        v4 @ IpAddr::V4(_) => v4,
        IpAddr::V6(ip) => Ipv6Addr::from_bits(ip.to_bits() & (u128::MAX << 64)).into(),
    }
}

/// Room for one connection.
pub struct Room(#[expect(dead_code, reason = "held for its drop")] OwnedSemaphorePermit);

/// One connection's place, given back when dropped, or to another when it is idle and the address has no other.
pub struct Place {
    _room: Room,
    counted: Option<(Crowd, IpAddr, u64)>,
}

impl Place {
    /// The pulse of this connection, which begins to speak now.
    pub fn pulse(&self, waits: Waits, may_wait: bool) -> Pulse {
        let pulse = Pulse::new(waits, may_wait);
        if let Some((crowd, key, id)) = &self.counted {
            let mut guests = crowd.guests();
            if let Some(own) = guests.by_address.get_mut(key).and_then(|own| own.get_mut(id)) {
                own.pulse = Some(pulse.clone());
            }
        }
        pulse
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let Some((crowd, key, id)) = &self.counted else { return };
        let mut guests = crowd.guests();
        let Some(own) = guests.by_address.get_mut(key) else { return };
        own.remove(id);
        if own.is_empty() {
            guests.by_address.remove(key);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn enter(crowd: &Crowd, ip: &str) -> Option<Place> {
        crowd.place(crowd.room_for_one().await?, ip.parse().unwrap())
    }

    #[tokio::test]
    async fn an_address_has_its_places_and_gets_them_back() {
        let crowd = Crowd::new(100, 2, ["10.0.0.1".parse().unwrap()].into_iter().collect());
        let first = enter(&crowd, "192.0.2.1").await;
        let _second = enter(&crowd, "::ffff:192.0.2.1").await.unwrap();
        assert!(enter(&crowd, "192.0.2.1").await.is_none());
        assert!(enter(&crowd, "192.0.2.2").await.is_some());
        drop(first);
        assert!(enter(&crowd, "192.0.2.1").await.is_some());
        let _six = (enter(&crowd, "2001:db8::1").await.unwrap(), enter(&crowd, "2001:db8::2").await.unwrap());
        assert!(enter(&crowd, "2001:db8::3").await.is_none());
        let many: Vec<_> = [enter(&crowd, "10.0.0.1").await, enter(&crowd, "10.0.0.1").await, enter(&crowd, "10.0.0.1").await].into();
        assert!(many.iter().all(Option::is_some));
    }

    #[tokio::test]
    async fn the_one_that_has_been_idle_longest_makes_way_and_a_busy_one_never() {
        let long = Duration::from_secs(600);
        let waits = Waits { head: long, idle: long, write: long };
        let crowd = Crowd::new(100, 2, TrustedProxies::default());
        let (first, other) = (enter(&crowd, "192.0.2.1").await.unwrap(), enter(&crowd, "192.0.2.1").await.unwrap());
        assert!(enter(&crowd, "192.0.2.1").await.is_none(), "both may still be shaking hands");
        let (early, late) = (first.pulse(waits, true), other.pulse(waits, true));
        let request = early.request_begins();
        let third = enter(&crowd, "192.0.2.1").await.unwrap();
        let left = async |pulse: &Pulse| timeout(Duration::from_millis(50), pulse.expired()).await.is_ok();
        assert!(left(&late).await && !left(&early).await);
        assert!(enter(&crowd, "192.0.2.1").await.is_none());
        drop(request);
        let fourth = enter(&crowd, "192.0.2.1").await.unwrap();
        assert!(left(&early).await);
        let idle = (third.pulse(waits, true), fourth.pulse(waits, true));
        assert!(enter(&crowd, "192.0.2.1").await.is_none(), "as many are leaving as may stay");
        drop((first, other));
        let fifth = enter(&crowd, "192.0.2.1").await.unwrap();
        assert!(left(&idle.0).await && !left(&idle.1).await);
        drop((third, fourth, fifth));
        assert!(crowd.guests().by_address.is_empty());
    }

    #[tokio::test]
    async fn the_crowd_is_gone_when_the_last_has_left() {
        let crowd = Crowd::new(2, 2, TrustedProxies::default());
        let one = enter(&crowd, "192.0.2.1").await.unwrap();
        assert!(!crowd.is_gone_within(Duration::from_millis(20)).await);
        drop(one);
        assert!(crowd.is_gone_within(Duration::from_millis(20)).await);
        assert!(crowd.guests().by_address.is_empty());
    }
}
