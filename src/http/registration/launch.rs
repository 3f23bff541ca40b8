//! Where somebody else may start a sign-in: `initiate_login_uri` (OpenID Connect Core §4), the launch URL of SMART (SPEC.md b.1).

use super::metadata::unacceptable;
use super::reader::Reader;
use crate::command::Refused;

/// The reference's documents call it `launch_uris`, a list; of several it would be anybody's guess which one is meant.
pub(super) fn initiate_login_uri(read: &Reader<'_>) -> Result<Option<String>, Refused> {
    let own = read.link("initiate_login_uri")?;
    match (own, read.links("launch_uris")?.as_slice()) {
        (own, []) => Ok(own),
        (None, [launch]) => Ok(Some(launch.clone())),
        (Some(own), [launch]) if own == *launch => Ok(Some(own)),
        (_, _) => Err(unacceptable("launch_uris and initiate_login_uri must name one place")),
    }
}
