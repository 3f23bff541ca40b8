//! Looking up names.

use super::address::Destination;
use super::limits::{Lane, Limits};
use super::{Errand, FetchError};
use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;

/// What a look-up gives.
pub(super) type Found = Pin<Box<dyn Future<Output = io::Result<Vec<SocketAddr>>> + Send>>;
/// Looks up a name and a port.
pub(super) type Resolver = Arc<dyn Fn(String, u16) -> Found + Send + Sync>;

/// So many addresses of a name are looked at.
const ADDRESSES_MAX: usize = 16;

/// The system's resolver.
pub(super) fn system() -> Resolver {
    Arc::new(|name, port| Box::pin(async move { Ok(tokio::net::lookup_host((name, port)).await?.take(ADDRESSES_MAX).collect()) }))
}

/// The addresses of a destination; the name is looked up once.
pub(super) async fn addresses(
    resolver: &Resolver,
    limits: &Limits,
    errand: Errand,
    to: &Destination,
) -> Result<Vec<SocketAddr>, FetchError> {
    if let Some(ip) = to.literal() {
        return Ok(vec![SocketAddr::new(ip, to.port())]);
    }
    let place = limits.take(Lane::LookUp(errand))?;
    let found = resolver(to.name(), to.port());
    // The system's look-up cannot be called off, so its place is given back when it ends, not when nobody waits for it any more.
    let looked_up = tokio::spawn(async move {
        let found = found.await;
        drop(place);
        found
    });
    looked_up.await.ok().and_then(Result::ok).ok_or(FetchError::Unresolved)
}
