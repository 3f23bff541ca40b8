//! How much may be under way at once: in all, to one host, to one network, in looking up names. Nobody waits for a place: a client
//! whose keys come slowly would make others wait too.

use super::FetchError;
use std::collections::HashMap;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::{Arc, Mutex, PoisonError};

/// What is counted.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub(super) enum Lane {
    /// Everything.
    All,
    /// One host, by the name in the URL.
    Host(String),
    /// One network, however many names it has.
    Network(IpAddr),
    /// Looking up names: the system's resolver holds a thread until it gives up, long after we have.
    LookUp,
}

impl Lane {
    /// The lane of an address: of IPv6 its /48, which one customer may have whole.
    pub(super) fn of(ip: IpAddr) -> Self {
        Self::Network(match ip.to_canonical() {
            IpAddr::V4(ip) => IpAddr::V4(ip),
            IpAddr::V6(ip) => IpAddr::V6(Ipv6Addr::from_bits(ip.to_bits() >> 80 << 80)),
        })
    }
    fn places(&self) -> usize {
        match self {
            Self::All => 64,
            Self::Host(_) | Self::Network(_) => 8,
            Self::LookUp => 32,
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
        let host = |name: &str| limits.take(Lane::Host(name.to_owned()));
        let mut places: Vec<Place> = (0..8).map(|_| host("slow.example").unwrap()).collect();
        assert_eq!(host("slow.example").unwrap_err(), FetchError::Busy);
        host("other.example").unwrap();
        places.pop();
        host("slow.example").unwrap();
        drop(places);
        assert!(limits.0.lock().unwrap().is_empty(), "what is not taken is not remembered");
    }

    #[test]
    fn addresses_of_one_network_share_their_places() {
        assert_eq!(Lane::of("2001:db8:1:2::3".parse().unwrap()), Lane::of("2001:db8:1:ffff::4".parse().unwrap()));
        assert_ne!(Lane::of("2001:db8:1::".parse().unwrap()), Lane::of("2001:db8:2::".parse().unwrap()));
        assert_eq!(Lane::of("::ffff:192.0.2.1".parse().unwrap()), Lane::of("192.0.2.1".parse().unwrap()));
        assert_ne!(Lane::of("192.0.2.1".parse().unwrap()), Lane::of("192.0.2.2".parse().unwrap()));
    }
}
