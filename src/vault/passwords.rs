//! Password hashes. A changed password is a new credential, so a hash is stored once and never changed.

use super::{
    Vault, VaultError,
    store::{Kind, parse_names},
};
use crate::terms::{CredentialId, SiteName};
use zeroize::Zeroizing;

impl Vault {
    /// Keeps a password hash, as the PHC string that [`super::PasswordPool::hash`] made.
    ///
    /// # Errors
    /// [`VaultError::AlreadyThere`] if the credential has one; any failure of the file.
    pub fn store_password(&self, site: &SiteName, credential: CredentialId, phc: &str) -> Result<(), VaultError> {
        self.inner().store.insert_new(Kind::Password, site, &credential.to_string(), phc.as_bytes())
    }

    /// The credential's PHC string; nothing if the vault does not have it.
    ///
    /// # Errors
    /// A damaged entry or a failing file.
    pub fn password(&self, site: &SiteName, credential: CredentialId) -> Result<Option<Zeroizing<String>>, VaultError> {
        let bytes = self.inner().store.read(Kind::Password, site.as_str(), &credential.to_string())?;
        Ok(bytes.map(|bytes| Zeroizing::new(String::from_utf8_lossy(&bytes).into_owned())))
    }

    /// Destroys the credential's hash; says whether there was one.
    ///
    /// # Errors
    /// A failing file; then the hash may still exist.
    pub fn destroy_password(&self, site: &SiteName, credential: CredentialId) -> Result<bool, VaultError> {
        self.inner().store.erase(Kind::Password, site, &credential.to_string())
    }

    /// The site's credentials that have a hash, for the comparison at start.
    ///
    /// # Errors
    /// A damaged entry or a failing file.
    pub fn credentials(&self, site: &SiteName) -> Result<Vec<CredentialId>, VaultError> {
        let names = self.inner().store.names(Kind::Password, site)?;
        parse_names(Kind::Password, site, names)
    }
}
