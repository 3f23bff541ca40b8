//! The keys of clients: registered with them, or read from their `jwks_uri`.

use super::documents::{Documents, NoDocument, Published};
use super::{Ledger, Site};
use crate::event::ClientMetadata;
use crate::jose::{ClientKeySet, NoSuchKey};
use crate::outbound::Errand;
use crate::terms::ClientAlgorithm;
use std::sync::Arc;

/// The key sets read for a site's clients.
pub(super) type ClientKeys = Documents<Arc<ClientKeySet>>;

/// So many of them are kept.
pub(super) const KEY_SETS_MAX: usize = 1024;
/// One that does not say for how long it may be kept is kept this long.
const KEPT_SECONDS: u64 = 300;

/// What is known of a key from what it signed.
#[derive(Clone, Copy)]
pub(super) struct WantedKey<'a> {
    pub(super) kid: Option<&'a str>,
    pub(super) algorithm: ClientAlgorithm,
}

impl Ledger {
    /// The key set in which the key is to be found.
    pub(super) async fn keys_for(
        &self,
        site: &Site,
        client: &ClientMetadata,
        wanted: WantedKey<'_>,
    ) -> Result<Arc<ClientKeySet>, NoDocument> {
        if let Some(jwks) = &client.jwks {
            return Ok(Arc::new(ClientKeySet::of(&jwks.keys)));
        }
        let url = client.jwks_uri.as_ref().ok_or(NoDocument::Unavailable)?;
        let published = Published {
            url,
            address: url.as_str(),
            errand: Errand::Keys,
            unsaid_seconds: KEPT_SECONDS,
            what: "key set",
            parse: |body| ClientKeySet::parse(body).map(Arc::new),
        };
        self.document(&site.client_keys, &published, |keys| lacks_key(keys, wanted)).await
    }
}

fn lacks_key(keys: &ClientKeySet, wanted: WantedKey<'_>) -> bool {
    matches!(keys.find(wanted.kid, wanted.algorithm), Err(NoSuchKey::Unknown))
}
