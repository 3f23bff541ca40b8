//! Where a URL leads, and whether that is a place a client may send us to.

use super::FetchError;
use crate::terms::{Cidr, HttpsUrl};
use std::net::{IpAddr, SocketAddr};
use tokio_rustls::rustls::pki_types::ServerName;
use url::Host;

/// Where a URL leads.
pub(super) struct Destination {
    host: Host<String>,
    port: u16,
}

impl Destination {
    pub(super) fn of(url: &HttpsUrl) -> Result<Self, FetchError> {
        let host = url.url().host().map(|host| host.to_owned()).ok_or(FetchError::Unresolved)?;
        Ok(Self { host, port: url.url().port_or_known_default().unwrap_or(443) })
    }
    /// The host as it is counted.
    pub(super) fn name(&self) -> String {
        self.host.to_string()
    }
    pub(super) fn port(&self) -> u16 {
        self.port
    }
    /// The address, if the host is one.
    pub(super) fn literal(&self) -> Option<IpAddr> {
        match self.host {
            Host::Ipv4(ip) => Some(IpAddr::V4(ip)),
            Host::Ipv6(ip) => Some(IpAddr::V6(ip)),
            Host::Domain(_) => None,
        }
    }
    /// What its certificate must be for.
    pub(super) fn server_name(&self) -> Result<ServerName<'static>, FetchError> {
        match &self.host {
            Host::Ipv4(ip) => Ok(ServerName::from(IpAddr::V4(*ip))),
            Host::Ipv6(ip) => Ok(ServerName::from(IpAddr::V6(*ip))),
            Host::Domain(name) => ServerName::try_from(name.clone()).map_err(|_| FetchError::Unresolved),
        }
    }
}

/// The addresses among these that may be connected to.
pub(super) fn reachable(found: Vec<SocketAddr>, allow: &[Cidr]) -> Result<Vec<SocketAddr>, FetchError> {
    if found.is_empty() {
        return Err(FetchError::Unresolved);
    }
    let allowed = |to: &SocketAddr| is_public(to.ip()) || allow.iter().any(|range| range.contains(to.ip()));
    let reachable: Vec<SocketAddr> = found.into_iter().filter(allowed).collect();
    if reachable.is_empty() { Err(FetchError::NotPublic) } else { Ok(reachable) }
}

/// What the IANA registry of special-purpose IPv4 addresses keeps from the public Internet, and multicast.
const SPECIAL_V4: [Cidr; 16] = [
    Cidr::v4([0, 0, 0, 0], 8),
    Cidr::v4([10, 0, 0, 0], 8),
    Cidr::v4([100, 64, 0, 0], 10),
    Cidr::v4([127, 0, 0, 0], 8),
    Cidr::v4([169, 254, 0, 0], 16),
    Cidr::v4([172, 16, 0, 0], 12),
    Cidr::v4([192, 0, 0, 0], 24),
    Cidr::v4([192, 0, 2, 0], 24),
    Cidr::v4([192, 31, 196, 0], 24),
    Cidr::v4([192, 88, 99, 0], 24),
    Cidr::v4([192, 168, 0, 0], 16),
    Cidr::v4([198, 18, 0, 0], 15),
    Cidr::v4([198, 51, 100, 0], 24),
    Cidr::v4([203, 0, 113, 0], 24),
    Cidr::v4([224, 0, 0, 0], 4),
    Cidr::v4([240, 0, 0, 0], 4),
];
/// Global unicast (RFC 4291 §2.4): everything else of IPv6 is not public.
const GLOBAL_V6: Cidr = Cidr::v6(0x2000, 0, 3);
/// What of it is special, or leads on to an IPv4 address: protocol assignments with Teredo, documentation, 6to4, documentation.
const SPECIAL_V6: [Cidr; 4] = [Cidr::v6(0x2001, 0, 23), Cidr::v6(0x2001, 0xdb8, 32), Cidr::v6(0x2002, 0, 16), Cidr::v6(0x3fff, 0, 20)];

/// Whether this is an address of the public Internet. An IPv4-mapped IPv6 address is its IPv4 address.
pub(super) fn is_public(ip: IpAddr) -> bool {
    let ip = ip.to_canonical();
    match ip {
        IpAddr::V4(_) => !SPECIAL_V4.iter().any(|range| range.contains(ip)),
        IpAddr::V6(_) => GLOBAL_V6.contains(ip) && !SPECIAL_V6.iter().any(|range| range.contains(ip)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_addresses_of_the_public_internet_are_public() {
        let public =
            ["8.8.8.8", "1.1.1.1", "172.32.0.1", "100.128.0.1", "223.255.255.255", "2606:4700::1111", "2a00:1450::1", "::ffff:8.8.8.8"];
        for yes in public {
            assert!(is_public(yes.parse().unwrap()), "{yes}");
        }
        let special_v4 = [
            "0.0.0.0",
            "10.1.2.3",
            "100.64.0.1",
            "100.127.255.255",
            "127.0.0.1",
            "127.255.255.254",
            "169.254.169.254",
            "172.16.0.1",
            "172.31.255.255",
            "192.0.0.170",
            "192.0.2.1",
            "192.88.99.1",
            "192.168.1.1",
            "198.19.255.255",
            "198.51.100.1",
            "203.0.113.1",
            "224.0.0.1",
            "239.255.255.255",
            "240.0.0.1",
            "255.255.255.255",
        ];
        let special_v6 = [
            "::",
            "::1",
            "::127.0.0.1",
            "::ffff:127.0.0.1",
            "::ffff:169.254.169.254",
            "::ffff:10.0.0.1",
            "64:ff9b::7f00:1",
            "64:ff9b:1::1",
            "100::1",
            "fc00::1",
            "fd12:3456::1",
            "fe80::1",
            "fec0::1",
            "ff02::1",
            "2001::1",
            "2001:db8::1",
            "2002:7f00:1::1",
            "3fff::1",
            "5f00::1",
        ];
        for no in special_v4.into_iter().chain(special_v6) {
            assert!(!is_public(no.parse().unwrap()), "{no}");
        }
    }

    #[test]
    fn of_several_addresses_only_the_allowed_ones_are_left() {
        let at = |texts: &[&str]| -> Vec<SocketAddr> { texts.iter().map(|text| SocketAddr::new(text.parse().unwrap(), 443)).collect() };
        let loopback: [Cidr; 1] = ["127.0.0.0/8".parse().unwrap()];
        assert_eq!(reachable(at(&["10.0.0.1", "8.8.8.8", "::1"]), &[]), Ok(at(&["8.8.8.8"])));
        assert_eq!(reachable(at(&["127.0.0.1", "::1"]), &loopback), Ok(at(&["127.0.0.1"])));
        assert_eq!(reachable(at(&["::ffff:127.0.0.1"]), &loopback), Ok(at(&["::ffff:127.0.0.1"])));
        assert_eq!(reachable(at(&["127.0.0.1", "169.254.169.254"]), &[]), Err(FetchError::NotPublic));
        assert_eq!(reachable(vec![], &loopback), Err(FetchError::Unresolved));
    }

    #[test]
    fn an_address_in_disguise_is_an_address() {
        for text in ["https://127.1/", "https://2130706433/", "https://0x7f.0.0.1/", "https://0177.0.0.1/", "https://127.0.0.1./"] {
            let to = Destination::of(&text.parse().unwrap()).ok().and_then(|to| to.literal());
            assert_eq!(to, Some("127.0.0.1".parse().unwrap()), "{text}");
        }
    }
}
