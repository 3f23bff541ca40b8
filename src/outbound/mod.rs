//! The way out: the one that fetches what a client's metadata points at, and posts to it (THREATS.md A53, docs/decisions/0013).
//!
//! https only, at public addresses unless the process settings allow others, 3 s in all, 64 KiB, no redirects, no cookies, no proxy.
//! A name is looked up once, and the very address that was checked is connected to: an answer that changes meanwhile changes
//! nothing. What is fetched, how often, and for how long it is kept is the ledger's business.

mod address;
mod errand;
mod error;
mod exchange;
mod freshness;
mod limits;
mod resolve;
mod roots;

pub use errand::Errand;
pub use error::{FetchError, RootsError};
pub use freshness::Freshness;

use crate::terms::{Cidr, HttpsUrl};
use bytes::Bytes;
use limits::{Limits, Place};
use resolve::Resolver;
use roots::Roots;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::TcpStream;
use tokio_rustls::client::TlsStream;

/// What the process settings say of the way out.
#[derive(Clone, Default, Debug)]
pub struct OutboundSettings {
    /// Ranges that may be reached besides public addresses.
    pub allow: Vec<Cidr>,
    /// Certificates (PEM) that are trusted besides the system's.
    pub ca_file: Option<PathBuf>,
}

/// The fetcher. Cheap to clone; its limits are shared by all clones.
#[derive(Clone)]
pub struct Outbound(Arc<Inner>);

struct Inner {
    allow: Vec<Cidr>,
    roots: Roots,
    resolver: Resolver,
    limits: Limits,
}

/// A document that was fetched with status 200.
#[derive(Debug)]
pub struct Fetched {
    /// The body, of at most 64 KiB.
    pub body: Bytes,
    /// For how long it may be kept.
    pub freshness: Freshness,
}

/// For everything together: the name's look-up, the connection, TLS, the whole answer.
const PATIENCE: Duration = Duration::from_secs(3);

impl Outbound {
    /// A fetcher with these settings.
    ///
    /// # Errors
    /// `ca_file` cannot be read or holds no certificate.
    pub fn new(settings: OutboundSettings) -> Result<Self, RootsError> {
        Ok(Self::with(settings.allow, Roots::with(settings.ca_file.as_deref())?, resolve::system()))
    }

    fn with(allow: Vec<Cidr>, roots: Roots, resolver: Resolver) -> Self {
        Self(Arc::new(Inner { allow, roots, resolver, limits: Limits::default() }))
    }

    /// Fetches a document.
    ///
    /// # Errors
    /// See [`FetchError`]; all of them are the other side's fault, but for [`FetchError::Busy`].
    pub async fn get(&self, errand: Errand, url: &HttpsUrl) -> Result<Fetched, FetchError> {
        let fetched = tokio::time::timeout(PATIENCE, self.get_patiently(errand, url)).await;
        fetched.unwrap_or(Err(FetchError::Slow))
    }

    /// Posts a form; gives the status, which is one of success (2xx). What else is answered is not looked at.
    ///
    /// # Errors
    /// See [`FetchError`]; all of them are the other side's fault, but for [`FetchError::Busy`].
    pub async fn post_form(&self, errand: Errand, url: &HttpsUrl, form: String) -> Result<u16, FetchError> {
        let posted = tokio::time::timeout(PATIENCE, self.post_patiently(errand, url, form)).await;
        posted.unwrap_or(Err(FetchError::Slow))
    }

    async fn get_patiently(&self, errand: Errand, url: &HttpsUrl) -> Result<Fetched, FetchError> {
        let way = self.open(errand, url).await?;
        exchange::get(way.stream, url, errand.accept()).await
    }

    async fn post_patiently(&self, errand: Errand, url: &HttpsUrl, form: String) -> Result<u16, FetchError> {
        let way = self.open(errand, url).await?;
        exchange::post_form(way.stream, url, form).await
    }

    async fn open(&self, errand: Errand, url: &HttpsUrl) -> Result<Way, FetchError> {
        let inner = &*self.0;
        let to = address::Destination::of(url)?;
        let place = inner.limits.take(limits::Lane::All(errand))?;
        let place_at_host = inner.limits.take(limits::Lane::Host(errand, to.name()))?;
        let found = resolve::addresses(&inner.resolver, &inner.limits, errand, &to).await?;
        let reachable = address::reachable(found, &inner.allow)?;
        let (stream, place_at_address) = exchange::connect(&reachable, &inner.limits, errand).await?;
        let stream = exchange::secure(inner.roots.config().await?, &to, stream).await?;
        Ok(Way { stream, _places: [place, place_at_host, place_at_address] })
    }
}

/// An open connection, and the places it takes as long as it is used.
struct Way {
    stream: TlsStream<TcpStream>,
    _places: [Place; 3],
}

impl Default for Outbound {
    /// Public addresses, and the system's certificates.
    fn default() -> Self {
        Self::with(Vec::new(), Roots::of_the_system(), resolve::system())
    }
}

#[cfg(test)]
mod tests;
