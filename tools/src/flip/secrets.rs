//! What a vault holds, to be compared with what it held.

use std::collections::BTreeMap;
use std::path::Path;
use writ::terms::{Digest, SiteName};
use writ::vault::{Vault, VaultError};

/// The digests of all secrets, by site and name.
pub type Secrets = BTreeMap<String, Digest>;

/// Every secret of the sites. Opening a vault writes, so only ever of a copy.
pub fn secrets(data: &Path, sites: &[SiteName]) -> Result<Secrets, VaultError> {
    let vault = Vault::open(data, None)?;
    let mut secrets = Secrets::new();
    for site in sites {
        for credential in vault.credentials(site)? {
            if let Some(password) = readable(vault.password(site, credential))? {
                secrets.insert(format!("{site} {credential}"), Digest::of(password.as_bytes()));
            }
        }
        for kid in vault.signing_keys(site)? {
            if let Some(key) = readable(vault.signing_key(site, kid))? {
                secrets.insert(format!("{site} {kid}"), Digest::of(&key));
            }
        }
        for subject in vault.subjects(site)? {
            if let Some(key) = readable(vault.subject_key(site, &subject))? {
                secrets.insert(format!("{site} {subject}"), Digest::of(key.as_slice()));
            }
        }
    }
    Ok(secrets)
}

/// A damaged entry is one that is missing.
fn readable<T>(read: Result<Option<T>, VaultError>) -> Result<Option<T>, VaultError> {
    match read {
        Err(VaultError::EntryDamaged { .. }) => Ok(None),
        read => read,
    }
}
