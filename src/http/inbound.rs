//! A request that has passed the front door.

use super::peer::Peer;
use crate::terms::RequestId;
use bytes::Bytes;
use http::{HeaderMap, HeaderName, Method};
use std::{fmt, sync::Arc};
use warp::{Filter, filters::BoxedFilter};

/// A whole request: head, body, who sent it and the id its events and its response carry.
pub struct Inbound {
    /// The method; never CONNECT or TRACE.
    pub method: Method,
    /// The path as sent, beginning with `/`; every segment decodes, none is `.`, `..` or hides a slash.
    pub path: String,
    /// What follows the `?`, as sent.
    pub query: Option<String>,
    /// The header fields.
    pub headers: HeaderMap,
    /// The whole body, at most the door's limit.
    pub body: Bytes,
    /// Who sent it.
    pub peer: Peer,
    /// Ties the request's events together; the `X-Request-Id` of its response.
    pub corr: RequestId,
}

impl Inbound {
    /// The one value of this header field; `None` if it is absent, repeated or not visible ASCII.
    pub fn header(&self, name: HeaderName) -> Option<&str> {
        let mut values = self.headers.get_all(name).iter();
        let first = values.next()?;
        values.next().is_none().then(|| first.to_str().ok()).flatten()
    }
}

impl fmt::Debug for Inbound {
    /// Method, path, peer and id only: query, header fields and body hold secrets (AUDIT.md §5).
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {} from {} as {}", self.method, self.path, self.peer.ip, self.corr)
    }
}

/// The request, for any route: the front door put it there. A route reached by another way is not found.
pub fn inbound() -> BoxedFilter<(Arc<Inbound>,)> {
    warp::ext::get::<Arc<Inbound>>().boxed()
}
