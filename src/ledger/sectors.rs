//! Reading the document at a `sector_identifier_uri` (OpenID Connect Registration §5): when a client registers or changes, never later.

use super::{Counted, Failure, Ledger, Site, SiteError};
use crate::command::{SectorFact, UpdateClient, needs_sector_document};
use crate::event::{ClientMetadata, ClientStatus};
use crate::outbound::{Errand, FetchError};
use crate::terms::RequestFacts;
use std::sync::Arc;

impl Ledger {
    /// A client replaces its metadata. As when it registers, nothing is read for who is refused even if the document is good, and what
    /// would be recorded has a budget.
    pub async fn update_client(
        &self,
        site: &Arc<Site>,
        mut command: UpdateClient,
        request: RequestFacts,
    ) -> Result<ClientStatus, SiteError> {
        let at_best = command.metadata.sector_identifier_uri.as_ref().map(|_| SectorFact::Complete);
        if !self.would_accept(site, &UpdateClient { sector_document: at_best, ..command.clone() }, &request) {
            return self.carry_out(site, command, request).await;
        }
        if let Some(ip) = request.ip {
            self.take_registration(site, Counted::Change, ip, Some(command.client.clone()), &request).await?;
        }
        let before = site.read(|state| state.clients.by_id(&command.client).map(|client| client.metadata.clone()));
        command.sector_document = self.read_sector(&command.metadata, before.as_ref()).await?;
        self.carry_out(site, command, request).await
    }

    /// What the client's document turns out to be, if it must be read.
    ///
    /// # Errors
    /// [`Failure::Busy`] if there is no room for reading it now.
    pub(super) async fn read_sector(
        &self,
        metadata: &ClientMetadata,
        before: Option<&ClientMetadata>,
    ) -> Result<Option<SectorFact>, Failure> {
        let Some(uri) = metadata.sector_identifier_uri.as_ref().filter(|_| needs_sector_document(metadata, before)) else {
            return Ok(None);
        };
        match self.shared.outbound.get(Errand::Sector, uri).await {
            Ok(fetched) => Ok(Some(judged(&fetched.body, metadata))),
            Err(FetchError::Busy) => Err(Failure::Busy),
            Err(error) => {
                tracing::info!(host = uri.url().host_str(), %error, "a client's sector_identifier_uri could not be read");
                Ok(Some(SectorFact::Unreadable))
            }
        }
    }
}

/// A list of strings in JSON; compared byte by byte, as redirection URIs always are.
fn judged(document: &[u8], metadata: &ClientMetadata) -> SectorFact {
    let Ok(listed) = serde_json::from_slice::<Vec<String>>(document) else { return SectorFact::Unreadable };
    let is_listed = |uri: &crate::terms::RedirectUri| listed.iter().any(|listed| listed == uri.as_str());
    match metadata.redirect_uris.iter().all(is_listed) {
        true => SectorFact::Complete,
        false => SectorFact::Incomplete,
    }
}
