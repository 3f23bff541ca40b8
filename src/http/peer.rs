//! Who is at the other end, and which proxies are believed when they say so (THREATS.md A82).

use crate::terms::Cidr;
use http::HeaderMap;
use std::net::{IpAddr, Ipv4Addr};

/// Who sent a request.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Peer {
    /// The address of the client; the loopback address for the Unix socket.
    pub ip: IpAddr,
    /// Whether the request came over TLS, by a trusted proxy's word over TLS, or over the Unix socket. Decides the cookies' flags.
    pub secure: bool,
    /// The operating-system user at the other end of the Unix socket; `None` over TCP.
    pub local_uid: Option<u32>,
}

/// A connection as the server accepted it, before any header field is believed.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Connection {
    /// Over TCP.
    Tcp {
        /// The address of whoever connected.
        remote: IpAddr,
        /// Whether TLS was spoken.
        tls: bool,
        /// Whether the listener is bound to a loopback address.
        loopback_listener: bool,
    },
    /// Over the Unix socket.
    Local {
        /// The operating-system user that connected.
        uid: u32,
    },
}

/// The request came in clear over a network.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[error("this server speaks HTTPS only")]
pub struct PlainHttpRefused;

impl Peer {
    /// Who sent the request with these header fields on this connection. `X-Forwarded-For` and `X-Forwarded-Proto` count only from
    /// a trusted proxy: the right-most address that is not itself a trusted proxy wins, and an unparsable list means the
    /// connection's own address.
    pub fn of(connection: Connection, headers: &HeaderMap, proxies: &TrustedProxies) -> Result<Self, PlainHttpRefused> {
        let (remote, tls, loopback) = match connection {
            Connection::Local { uid } => return Ok(Self { ip: Ipv4Addr::LOCALHOST.into(), secure: true, local_uid: Some(uid) }),
            Connection::Tcp { remote, tls, loopback_listener } => (remote.to_canonical(), tls, loopback_listener),
        };
        if !proxies.trust(remote) {
            return if tls || loopback { Ok(Self { ip: remote, secure: tls, local_uid: None }) } else { Err(PlainHttpRefused) };
        }
        let ip = forwarded_for(headers, proxies).unwrap_or(remote);
        match forwarded_proto(headers) {
            Some("https") => Ok(Self { ip, secure: true, local_uid: None }),
            Some(_) => Err(PlainHttpRefused),
            None if tls || loopback => Ok(Self { ip, secure: tls, local_uid: None }),
            None => Err(PlainHttpRefused),
        }
    }
}

fn forwarded_for(headers: &HeaderMap, proxies: &TrustedProxies) -> Option<IpAddr> {
    let lines: Option<Vec<&str>> = headers.get_all("x-forwarded-for").iter().map(|value| value.to_str().ok()).collect();
    let hops: Option<Vec<IpAddr>> = lines?.join(",").split(',').map(|hop| hop.trim().parse().ok()).collect();
    let hops: Vec<IpAddr> = hops?.into_iter().map(|hop| hop.to_canonical()).collect();
    hops.iter().rev().find(|hop| !proxies.trust(**hop)).or(hops.first()).copied()
}

/// The nearest proxy's word, which is the last one. A value that is not text is a word too, and not `https`.
fn forwarded_proto(headers: &HeaderMap) -> Option<&str> {
    let last = headers.get_all("x-forwarded-proto").iter().next_back()?;
    Some(last.to_str().unwrap_or_default().rsplit(',').next().unwrap_or_default().trim())
}

/// The proxies whose forwarding headers are believed, and which may open any number of connections.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct TrustedProxies(Vec<Cidr>);

impl TrustedProxies {
    /// Whether this address is a trusted proxy's.
    pub fn trust(&self, ip: IpAddr) -> bool {
        self.0.iter().any(|range| range.contains(ip))
    }
}
impl FromIterator<Cidr> for TrustedProxies {
    fn from_iter<I: IntoIterator<Item = Cidr>>(ranges: I) -> Self {
        Self(ranges.into_iter().collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PROXY: &str = "10.1.2.3";

    fn of(remote: &str, tls: bool, loopback_listener: bool, fields: &[(&'static str, &str)]) -> Result<Peer, PlainHttpRefused> {
        let mut headers = HeaderMap::new();
        for (name, value) in fields {
            headers.append(*name, value.parse().unwrap());
        }
        let proxies = ["10.0.0.0/8", "::1"].iter().map(|range| range.parse::<Cidr>().unwrap()).collect();
        Peer::of(Connection::Tcp { remote: remote.parse().unwrap(), tls, loopback_listener }, &headers, &proxies)
    }
    fn ip(remote: &str, fields: &[(&'static str, &str)]) -> String {
        of(remote, true, false, fields).unwrap().ip.to_string()
    }

    #[test]
    fn forwarding_headers_count_only_from_a_trusted_proxy() {
        let forged = [("x-forwarded-for", "192.0.2.1"), ("x-forwarded-proto", "https")];
        assert_eq!(ip("198.51.100.7", &forged), "198.51.100.7");
        assert_eq!(of("198.51.100.7", false, false, &forged), Err(PlainHttpRefused));
        assert_eq!(of(PROXY, false, false, &forged).map(|peer| (peer.ip.to_string(), peer.secure)), Ok(("192.0.2.1".into(), true)));
    }

    #[test]
    fn the_right_most_address_that_is_no_proxy_wins() {
        assert_eq!(ip(PROXY, &[("x-forwarded-for", "192.0.2.66, 192.0.2.1, 10.9.9.9")]), "192.0.2.1");
        assert_eq!(ip(PROXY, &[("x-forwarded-for", "192.0.2.66"), ("x-forwarded-for", "192.0.2.1")]), "192.0.2.1");
        assert_eq!(ip(PROXY, &[("x-forwarded-for", "10.0.0.7, 10.0.0.8")]), "10.0.0.7");
        assert_eq!(ip("::ffff:10.1.2.3", &[("x-forwarded-for", "::ffff:192.0.2.1")]), "192.0.2.1");
    }

    #[test]
    fn an_unparsable_list_means_the_connections_own_address() {
        for list in ["", "unknown", "192.0.2.1, _hidden", "192.0.2.1:80", "192.0.2.1,,10.0.0.1", "\"192.0.2.1\""] {
            assert_eq!(ip(PROXY, &[("x-forwarded-for", list)]), PROXY, "{list}");
        }
        assert_eq!(ip(PROXY, &[("x_forwarded_for", "192.0.2.1")]), PROXY);
    }

    #[test]
    fn plain_http_is_refused_off_loopback_and_when_a_proxy_says_so() {
        assert_eq!(of("127.0.0.1", false, true, &[]).map(|peer| peer.secure), Ok(false));
        assert_eq!(of("192.0.2.1", false, false, &[]), Err(PlainHttpRefused));
        assert_eq!(of(PROXY, false, false, &[]), Err(PlainHttpRefused));
        assert_eq!(of(PROXY, false, true, &[("x-forwarded-proto", "http")]), Err(PlainHttpRefused));
        assert_eq!(of(PROXY, false, true, &[("x-forwarded-proto", "https, http")]), Err(PlainHttpRefused));
        assert_eq!(of(PROXY, false, true, &[("x-forwarded-proto", "https")]).map(|peer| peer.secure), Ok(true));
    }

    #[test]
    fn the_unix_socket_is_secure_and_knows_its_user() {
        let peer = Peer::of(Connection::Local { uid: 1000 }, &HeaderMap::new(), &TrustedProxies::default()).unwrap();
        assert_eq!((peer.secure, peer.local_uid), (true, Some(1000)));
    }
}
