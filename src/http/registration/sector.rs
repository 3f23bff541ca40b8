//! What a client will know people by (OpenID Connect Core §8, OpenID Connect Registration §5).

use super::metadata::unacceptable;
use super::reader::Reader;
use crate::command::Refused;
use crate::terms::{HttpsUrl, RedirectUri, Sector, SubjectType};

/// `subject_type` and `sector_identifier_uri`. Whether that document lists every redirection URI is found out later, by reading it.
pub(super) fn sector(read: &Reader<'_>, redirect_uris: &[RedirectUri]) -> Result<(SubjectType, Option<HttpsUrl>), Refused> {
    let subject_type = read.word("subject_type")?.unwrap_or(SubjectType::unsaid());
    let uri = read.text("sector_identifier_uri", 2000)?;
    let uri: Option<HttpsUrl> =
        uri.map(|uri| uri.parse().map_err(|_| unacceptable("sector_identifier_uri is not an https URL"))).transpose()?;
    let has_sector = match (&uri, subject_type) {
        (_, SubjectType::Public) => true,
        (Some(uri), SubjectType::Pairwise) => Sector::of(uri.as_str()).is_some(),
        (None, SubjectType::Pairwise) => have_one_sector(redirect_uris),
    };
    match has_sector {
        true => Ok((subject_type, uri)),
        false => Err(unacceptable("pairwise needs a sector_identifier_uri, or redirect_uris that all have one host")),
    }
}

fn have_one_sector(redirect_uris: &[RedirectUri]) -> bool {
    let mut sectors = redirect_uris.iter().map(|uri| Sector::of(uri.as_str()));
    let first = sectors.next().flatten().filter(|sector| !sector.is_loopback());
    first.is_some() && sectors.all(|sector| sector == first)
}
