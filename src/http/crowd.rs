//! How many connections there are, in all and from each address (THREATS.md A93).

use super::peer::TrustedProxies;
use std::{
    collections::HashMap,
    net::{IpAddr, Ipv6Addr},
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};
use tokio::{
    sync::{OwnedSemaphorePermit, Semaphore},
    time::timeout,
};

/// Counts connections. All clones share the counts; the lock is held for one look-up.
#[derive(Clone)]
pub struct Crowd {
    room: Arc<Semaphore>,
    most: u32,
    most_per_address: usize,
    exempt: TrustedProxies,
    by_address: Arc<Mutex<HashMap<IpAddr, usize>>>,
}

impl Crowd {
    /// Room for so many in all and from each address; proxies may bring any number.
    pub fn new(most: u32, most_per_address: usize, exempt: TrustedProxies) -> Self {
        let room = Arc::new(Semaphore::new(usize::try_from(most).unwrap_or(Semaphore::MAX_PERMITS)));
        Self { room, most, most_per_address, exempt, by_address: Arc::default() }
    }
    /// Waits for room for one more. The listener's queue holds whoever comes meanwhile.
    pub async fn room_for_one(&self) -> Option<Room> {
        self.room.clone().acquire_owned().await.ok().map(Room)
    }
    /// A place for a connection from this address; `None` if it has too many.
    pub fn place(&self, room: Room, ip: IpAddr) -> Option<Place> {
        if self.exempt.trust(ip) {
            return Some(Place { _room: room, counted: None });
        }
        let (key, mut counts) = (whose(ip), self.by_address.lock().unwrap_or_else(PoisonError::into_inner));
        let count = counts.entry(key).or_default();
        if *count >= self.most_per_address {
            return None;
        }
        *count += 1;
        Some(Place { _room: room, counted: Some((self.clone(), key)) })
    }
    /// A place for a connection that has no address.
    pub fn local_place(room: Room) -> Place {
        Place { _room: room, counted: None }
    }
    /// Waits at most so long until nobody is left; whether nobody is.
    pub async fn is_gone_within(&self, patience: Duration) -> bool {
        timeout(patience, self.room.acquire_many(self.most)).await.is_ok_and(|all| all.is_ok())
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

/// One connection's place, given back when dropped.
pub struct Place {
    _room: Room,
    counted: Option<(Crowd, IpAddr)>,
}

impl Drop for Place {
    fn drop(&mut self) {
        let Some((crowd, key)) = &self.counted else { return };
        let mut counts = crowd.by_address.lock().unwrap_or_else(PoisonError::into_inner);
        match counts.get_mut(key) {
            Some(count) if *count > 1 => *count -= 1,
            Some(_) | None => drop(counts.remove(key)),
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
    async fn the_crowd_is_gone_when_the_last_has_left() {
        let crowd = Crowd::new(2, 2, TrustedProxies::default());
        let one = enter(&crowd, "192.0.2.1").await.unwrap();
        assert!(!crowd.is_gone_within(Duration::from_millis(20)).await);
        drop(one);
        assert!(crowd.is_gone_within(Duration::from_millis(20)).await);
        assert!(crowd.by_address.lock().unwrap().is_empty());
    }
}
