//! Where a client wants to be told that a session is over (OpenID Connect Back-Channel Logout §2.2, Front-Channel Logout §2).

use super::metadata::unacceptable;
use super::reader::Reader;
use crate::command::Refused;
use crate::terms::{HttpsUrl, RedirectUri, RedirectUriRules};

/// What a client says of it.
pub(super) struct LogoutUris {
    pub(super) backchannel: Option<HttpsUrl>,
    pub(super) backchannel_session_required: bool,
    pub(super) frontchannel: Option<RedirectUri>,
    pub(super) frontchannel_session_required: bool,
}

/// The longest address.
const LENGTH_MAX: usize = 2000;

/// Reads the four members. A page that browsers load must be of the same scheme, host and port as a redirection URI.
pub(super) fn logout_uris(read: &Reader<'_>, redirect_uris: &[RedirectUri], rules: RedirectUriRules) -> Result<LogoutUris, Refused> {
    let backchannel = match read.text("backchannel_logout_uri", LENGTH_MAX)? {
        Some(text) => Some(text.parse().map_err(|_| unacceptable("backchannel_logout_uri is not a plain https URL"))?),
        None => None,
    };
    let frontchannel = match read.text("frontchannel_logout_uri", LENGTH_MAX)? {
        Some(text) => Some(page(&text, redirect_uris, rules)?),
        None => None,
    };
    Ok(LogoutUris {
        backchannel,
        backchannel_session_required: read.truth("backchannel_logout_session_required")?,
        frontchannel,
        frontchannel_session_required: read.truth("frontchannel_logout_session_required")?,
    })
}

fn page(text: &str, redirect_uris: &[RedirectUri], rules: RedirectUriRules) -> Result<RedirectUri, Refused> {
    let registered = RedirectUri::register(text, rules);
    let uri = registered.map_err(|error| unacceptable(format!("frontchannel_logout_uri {error}")))?;
    let origin = uri.origin().filter(|origin| redirect_uris.iter().any(|own| own.origin().as_ref() == Some(origin)));
    match origin {
        Some(_) => Ok(uri),
        None => Err(unacceptable("frontchannel_logout_uri must have the scheme, host and port of a redirect_uri")),
    }
}
