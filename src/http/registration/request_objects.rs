//! What a client says of its request objects (RFC 9101 §10.5, OpenID Connect Registration §2). Nothing is fetched at registration.

use super::metadata::unacceptable;
use super::reader::Reader;
use crate::command::Refused;
use crate::event::Settings;
use crate::terms::{HttpsUrl, RequestObjectAlgorithm};

/// `request_object_signing_alg`.
pub(super) fn signing_alg(read: &Reader<'_>, settings: &Settings) -> Result<Option<RequestObjectAlgorithm>, Refused> {
    let alg = read.word("request_object_signing_alg")?;
    match alg.is_some() && !settings.authorize_request_objects {
        true => Err(unacceptable("request_object_signing_alg is not supported")),
        false => Ok(alg),
    }
}

/// `request_uris`. A fragment, the digest of what stands there, may follow (OpenID Connect Core §6.2).
pub(super) fn uris(read: &Reader<'_>, settings: &Settings) -> Result<Vec<String>, Refused> {
    let uris = read.list("request_uris")?.unwrap_or_default();
    if !uris.is_empty() && !settings.authorize_request_objects {
        return Err(unacceptable("request_uris is not supported"));
    }
    let is_good = |uri: &String| {
        let (place, fragment) = uri.split_once('#').unwrap_or((uri.as_str(), ""));
        place.parse::<HttpsUrl>().is_ok() && fragment.bytes().all(|c| c.is_ascii_graphic() && c != b'#')
    };
    match uris.iter().all(is_good) {
        true => Ok(uris),
        false => Err(unacceptable("a request_uri is not an https URL")),
    }
}
