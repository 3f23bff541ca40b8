//! The document that says which redirection URIs share a sector (OpenID Connect Registration §5): what was found out of it before.

use crate::event::{ClientMetadata, Refusal};
use crate::terms::protocol::words;

words!(
    /// What the document at a client's `sector_identifier_uri` turned out to be.
    SectorFact, "sector document", {
        /// It lists every redirection URI.
        Complete = "complete",
        /// It lacks one.
        Incomplete = "incomplete",
        /// It cannot be read, or is no list of URIs.
        Unreadable = "unreadable",
    }
);

/// Whether a client with this metadata must show that its redirection URIs are of its sector.
pub fn needs_sector_document(metadata: &ClientMetadata, before: Option<&ClientMetadata>) -> bool {
    let was_shown = before.is_some_and(|before| {
        let is_listed = |uri| before.redirect_uris.contains(uri);
        before.sector_identifier_uri == metadata.sector_identifier_uri && metadata.redirect_uris.iter().all(is_listed)
    });
    metadata.sector_identifier_uri.is_some() && !was_shown
}

/// Whether it has shown it, if it must.
pub(super) fn has_its_sector(
    metadata: &ClientMetadata,
    before: Option<&ClientMetadata>,
    document: Option<SectorFact>,
) -> Result<(), Refusal> {
    match document {
        _ if !needs_sector_document(metadata, before) => Ok(()),
        Some(SectorFact::Complete) => Ok(()),
        Some(SectorFact::Incomplete) => Err(Refusal::SectorIncomplete),
        Some(SectorFact::Unreadable) | None => Err(Refusal::SectorUnreadable),
    }
}
