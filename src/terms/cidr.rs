//! Ranges of addresses.

use super::ParseError;
use std::{
    fmt,
    net::{IpAddr, Ipv4Addr, Ipv6Addr},
    str::FromStr,
};

/// A range of addresses, as `10.0.0.0/8`, `2001:db8::/32` or a single address (RFC 4632 §3.1).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Cidr {
    network: IpAddr,
    length: u8,
}

impl Cidr {
    /// A range of IPv4 that the source itself names; a length beyond 32 is 32.
    pub(crate) const fn v4(network: [u8; 4], length: u8) -> Self {
        let [a, b, c, d] = network;
        Self { network: IpAddr::V4(Ipv4Addr::new(a, b, c, d)), length: if length > 32 { 32 } else { length } }
    }
    /// A range of IPv6 that the source itself names by its first two groups; a length beyond 32 is 32.
    pub(crate) const fn v6(first: u16, second: u16, length: u8) -> Self {
        let network = Ipv6Addr::new(first, second, 0, 0, 0, 0, 0, 0);
        Self { network: IpAddr::V6(network), length: if length > 32 { 32 } else { length } }
    }
    /// Whether the address lies in the range. An IPv4-mapped IPv6 address is its IPv4 address.
    pub fn contains(&self, ip: IpAddr) -> bool {
        match (self.network, ip.to_canonical()) {
            (IpAddr::V4(own), IpAddr::V4(other)) => {
                let mask = u32::MAX.checked_shl(u32::from(32 - self.length)).unwrap_or(0);
                own.to_bits() & mask == other.to_bits() & mask
            }
            (IpAddr::V6(own), IpAddr::V6(other)) => {
                let mask = u128::MAX.checked_shl(u32::from(128 - self.length)).unwrap_or(0);
                own.to_bits() & mask == other.to_bits() & mask
            }
            (IpAddr::V4(_), IpAddr::V6(_)) | (IpAddr::V6(_), IpAddr::V4(_)) => false,
        }
    }
}
impl FromStr for Cidr {
    type Err = ParseError;
    fn from_str(text: &str) -> Result<Self, ParseError> {
        let error = ParseError { what: "address range" };
        let (network, length) = match text.split_once('/') {
            Some((network, length)) => (network, Some(length)),
            None => (text, None),
        };
        let network: IpAddr = network.parse().map_err(|_| error)?;
        let longest = if network.is_ipv4() { 32 } else { 128 };
        let length = match length {
            None => longest,
            Some(digits) if digits.bytes().all(|c| c.is_ascii_digit()) => digits.parse().map_err(|_| error)?,
            Some(_) => return Err(error),
        };
        if length > longest {
            return Err(error);
        }
        Ok(Self { network, length })
    }
}
impl fmt::Display for Cidr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.network, self.length)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_range_holds_its_own_addresses_only() {
        let holds = |range: &str, ip: &str| range.parse::<Cidr>().unwrap().contains(ip.parse().unwrap());
        assert!(holds("192.0.2.128/25", "192.0.2.129") && !holds("192.0.2.128/25", "192.0.2.127"));
        assert!(holds("0.0.0.0/0", "203.0.113.1") && !holds("0.0.0.0/0", "::1") && holds("::/0", "::1"));
        assert!(holds("2001:db8::/33", "2001:db8:7fff::1") && !holds("2001:db8::/33", "2001:db8:8000::1"));
        for broken in ["", "10.0.0.0/33", "::/129", "10.0.0.0/", "10.0.0.0/+8", "10.0.0/8", "10.0.0.0/8/8"] {
            assert!(broken.parse::<Cidr>().is_err(), "{broken}");
        }
    }
}
