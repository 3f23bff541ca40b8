//! The site that is loaded: on this machine, or nowhere.

use super::FlowError;
use std::fmt;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use url::{Host, Url};

/// Where somebody of this machine listens.
#[derive(Clone, PartialEq, Debug)]
pub enum Place {
    /// On a loopback address.
    Loopback(SocketAddr),
    /// On a Unix socket, as the admin API does.
    Socket(PathBuf),
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Loopback(address) => address.fmt(f),
            Self::Socket(path) => path.display().fmt(f),
        }
    }
}

/// A site of a server on loopback.
#[derive(Clone, Debug)]
pub struct Target {
    /// The site's issuer.
    pub issuer: String,
    /// Where to connect.
    pub place: Place,
    /// The authority for `Host`.
    pub authority: String,
}

impl Target {
    /// Reads an issuer; only plain http on loopback is one.
    pub fn parse(issuer: &str) -> Result<Self, FlowError> {
        let refused = || FlowError::NotLoopback(issuer.to_owned());
        let url = Url::parse(issuer).map_err(|_| refused())?;
        let ip = match url.host() {
            Some(Host::Ipv4(ip)) => IpAddr::from(ip),
            Some(Host::Ipv6(ip)) => IpAddr::from(ip),
            Some(Host::Domain("localhost")) => IpAddr::from(Ipv4Addr::LOCALHOST),
            Some(Host::Domain(_)) | None => return Err(refused()),
        };
        if url.scheme() != "http" || !ip.is_loopback() {
            return Err(refused());
        }
        let port = url.port_or_known_default().ok_or_else(refused)?;
        let authority = url.port().map_or_else(|| url.host_str().map(str::to_owned), |port| Some(format!("{}:{port}", url.host_str()?)));
        let issuer = issuer.trim_end_matches('/').to_owned();
        Ok(Self { issuer, place: Place::Loopback(SocketAddr::new(ip, port)), authority: authority.ok_or_else(refused)? })
    }
    /// The admin API behind this socket.
    pub fn admin(socket: &Path) -> Self {
        let (issuer, authority) = ("http://localhost/admin/v1".to_owned(), "localhost".to_owned());
        Self { issuer, place: Place::Socket(socket.to_owned()), authority }
    }
    /// The path of one of the site's endpoints.
    pub fn path(&self, endpoint: &str) -> String {
        let path = Url::parse(&self.issuer).map(|url| url.path().trim_end_matches('/').to_owned()).unwrap_or_default();
        format!("{path}{endpoint}")
    }
}
