//! The roots of sites.

use super::{
    SiteKeys, Vault, VaultError, entropy,
    store::{Kind, parse_names},
};
use crate::terms::SiteName;
use std::sync::{Arc, PoisonError};

impl Vault {
    /// Gives the site its root, unless it has one: roots are never replaced, so a creation that a crash cut short can be repeated.
    ///
    /// # Errors
    /// Any failure of file or entropy; then the site has no root or the one of an earlier call.
    pub fn create_site(&self, site: &SiteName) -> Result<Arc<SiteKeys>, VaultError> {
        let root = entropy::draw::<32>()?;
        let stored = {
            let mut inner = self.inner();
            inner.store.insert(Kind::SiteRoot, site.as_str(), "", root.as_slice())?;
            inner.store.read_key(Kind::SiteRoot, site.as_str(), "")?
        };
        self.remember(site, &stored.unwrap_or(root))
    }

    /// The site's derived keys; nothing if the vault does not know the site.
    ///
    /// # Errors
    /// A damaged entry or a failing file.
    pub fn site_keys(&self, site: &SiteName) -> Result<Option<Arc<SiteKeys>>, VaultError> {
        if let Some(keys) = self.sites.read().unwrap_or_else(PoisonError::into_inner).get(site) {
            return Ok(Some(keys.clone()));
        }
        let root = self.inner().store.read_key(Kind::SiteRoot, site.as_str(), "")?;
        root.map(|root| self.remember(site, &root)).transpose()
    }

    /// The sites that have a root, for the comparison at start.
    ///
    /// # Errors
    /// A damaged entry or a failing file.
    pub fn sites(&self) -> Result<Vec<SiteName>, VaultError> {
        let names = self.inner().store.sites(Kind::SiteRoot)?;
        parse_names(Kind::SiteRoot, &SiteName::server(), names)
    }

    fn remember(&self, site: &SiteName, root: &[u8; 32]) -> Result<Arc<SiteKeys>, VaultError> {
        let keys = Arc::new(SiteKeys::derive(root)?);
        self.sites.write().unwrap_or_else(PoisonError::into_inner).insert(site.clone(), keys.clone());
        Ok(keys)
    }
}
