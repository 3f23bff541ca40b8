//! How much may be under way at once: for one errand, and of that to one host, to one network, in looking up names. Nobody waits for a
//! place: a client whose keys come slowly would make others wait too.

use super::{Errand, FetchError};
use std::collections::HashMap;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::{Arc, Mutex, PoisonError};

/// What is counted. Each errand is counted on its own: whoever fills the places of one, in all or at somebody else's host, leaves the
/// others theirs.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub(super) enum Lane {
    /// Everything for this errand.
    All(Errand),
    /// One host, by the name in the URL.
    Host(Errand, String),
    /// One network, however many names it has.
    Network(Errand, IpAddr),
    /// Looking up names: the system's resolver holds a thread until it gives up, long after we have.
    LookUp(Errand),
}

impl Lane {
    /// The lane of an address: of IPv6 its /48, which one customer may have whole.
    pub(super) fn of(errand: Errand, ip: IpAddr) -> Self {
        let network = match ip.to_canonical() {
            IpAddr::V4(ip) => IpAddr::V4(ip),
            IpAddr::V6(ip) => IpAddr::V6(Ipv6Addr::from_bits(ip.to_bits() >> 80 << 80)),
        };
        Self::Network(errand, network)
    }
    fn places(&self) -> usize {
        match self {
            Self::All(errand) => errand.places(),
            Self::Host(_, _) | Self::Network(_, _) => 8,
            Self::LookUp(errand) => errand.places() / 2,
        }
    }
}

/// The places taken.
#[derive(Clone, Default)]
pub(super) struct Limits(Arc<Mutex<HashMap<Lane, usize>>>);

/// A place in a lane, until it is dropped.
#[derive(Debug)]
pub(super) struct Place {
    lane: Lane,
    taken: Arc<Mutex<HashMap<Lane, usize>>>,
}

impl Limits {
    /// A place in this lane.
    pub(super) fn take(&self, lane: Lane) -> Result<Place, FetchError> {
        let mut taken = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let count = taken.get(&lane).copied().unwrap_or_default();
        if count >= lane.places() {
            return Err(FetchError::Busy);
        }
        taken.insert(lane.clone(), count.saturating_add(1));
        Ok(Place { lane, taken: Arc::clone(&self.0) })
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut taken = self.taken.lock().unwrap_or_else(PoisonError::into_inner);
        let left = taken.get(&self.lane).map_or(0, |count| count.saturating_sub(1));
        match left {
            0 => drop(taken.remove(&self.lane)),
            left => drop(taken.insert(self.lane.clone(), left)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_host_has_eight_places_and_leaves_the_others_theirs() {
        let limits = Limits::default();
        let host = |name: &str| limits.take(Lane::Host(Errand::Keys, name.to_owned()));
        let mut places: Vec<Place> = (0..8).map(|_| host("slow.example").unwrap()).collect();
        assert_eq!(host("slow.example").unwrap_err(), FetchError::Busy);
        host("other.example").unwrap();
        limits.take(Lane::Host(Errand::Logout, "slow.example".to_owned())).unwrap();
        places.pop();
        host("slow.example").unwrap();
        drop(places);
        assert!(limits.0.lock().unwrap().is_empty(), "what is not taken is not remembered");
    }

    #[test]
    fn addresses_of_one_network_share_their_places() {
        let lane = |ip: &str| Lane::of(Errand::Keys, ip.parse().unwrap());
        assert_eq!(lane("2001:db8:1:2::3"), lane("2001:db8:1:ffff::4"));
        assert_ne!(lane("2001:db8:1::"), lane("2001:db8:2::"));
        assert_eq!(lane("::ffff:192.0.2.1"), lane("192.0.2.1"));
        assert_ne!(lane("192.0.2.1"), lane("192.0.2.2"));
    }

    #[test]
    fn a_full_errand_leaves_the_others_their_places() {
        const ALL: [Errand; 4] = [Errand::Keys, Errand::RequestObject, Errand::Sector, Errand::Logout];
        let limits = Limits::default();
        for errand in ALL {
            let places: Result<Vec<Place>, _> = (0..errand.places()).map(|_| limits.take(Lane::All(errand))).collect();
            std::mem::forget(places.unwrap());
            assert_eq!(limits.take(Lane::All(errand)).unwrap_err(), FetchError::Busy, "{errand:?}");
        }
    }
}
