//! Whose scripts may read answers meant for the client, besides those of its redirection URIs (SPEC.md a.13).

use super::metadata::unacceptable;
use super::reader::Reader;
use crate::command::Refused;
use crate::http::cors;
use url::Host;

/// `allowed_origins`: each as the browser sends it (RFC 6454 §6.2), https or loopback. Neither `*` nor `null` is one (THREATS.md A85).
pub(super) fn allowed_origins(read: &Reader<'_>) -> Result<Vec<String>, Refused> {
    let origins = read.list("allowed_origins")?.unwrap_or_default();
    match origins.iter().all(|origin| cors::origin_of(origin).as_ref() == Some(origin) && is_safe(origin)) {
        true => Ok(origins),
        false => Err(unacceptable("an allowed_origin is not an https origin, as https://app.example")),
    }
}

fn is_safe(origin: &str) -> bool {
    let Ok(url) = url::Url::parse(origin) else { return false };
    let is_loopback = match url.host() {
        Some(Host::Domain(name)) => name == "localhost",
        Some(Host::Ipv4(ip)) => ip.is_loopback(),
        Some(Host::Ipv6(ip)) => ip.is_loopback(),
        None => false,
    };
    url.scheme() == "https" || url.scheme() == "http" && is_loopback
}
