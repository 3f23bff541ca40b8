//! Secrets that never enter the log: site roots, signing keys, subject keys, password hashes.
//!
//! Small, mutable and erasable, so not in sled (DESIGN.md §4): one SQLite file, each entry encrypted under the master key.
//! The order of work is the caller's: creating, the vault is durable first, then the event; destroying, the event first, then the
//! vault. The listings of what it holds let the start-up compare both.

mod aead;
mod entropy;
mod error;
mod journal;
mod master_key;
mod password_pool;
mod password_text;
mod passwords;
mod signing_keys;
mod site_keys;
mod sites;
mod store;
mod subjects;

pub use error::VaultError;
pub use password_pool::{Busy, PasswordPool};
pub use password_text::{PasswordRefused, PasswordText};
pub use signing_keys::Pkcs8;
pub use site_keys::SiteKeys;
pub use subjects::SubjectKey;

use crate::terms::SiteName;
use std::{
    collections::HashMap,
    fs::DirBuilder,
    io::ErrorKind,
    os::unix::fs::DirBuilderExt,
    path::Path,
    sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock},
};
use store::Store;
use subjects::SubjectCache;

/// The vault's file in the data directory.
const VAULT_FILE: &str = "vault.sqlite";
/// The master key's file in the data directory, unless another was named.
const MASTER_KEY_FILE: &str = "master.key";

/// The open vault of a data directory. Share it as `Arc<Vault>`; every method may block for a few disk syncs.
pub struct Vault {
    /// The database and what must change together with it. Taken alone, or before `sites`; never the other way round.
    inner: Mutex<Inner>,
    /// Derived keys of the sites asked for so far. Roots never change, so readers need not wait for the database.
    sites: RwLock<HashMap<SiteName, Arc<SiteKeys>>>,
}

struct Inner {
    store: Store,
    subjects: SubjectCache,
}

impl Vault {
    /// Opens the vault of this data directory, or makes directory, master key and vault at the first start. The key is
    /// `master_key_file`, by default `master.key` in the directory.
    ///
    /// # Errors
    /// A vault without its key, a key that others may read, that is damaged or that belongs to another vault, a vault that another
    /// process holds: each refused in one sentence. A key is made only where there is no vault yet.
    pub fn open(dir: &Path, master_key_file: Option<&Path>) -> Result<Self, VaultError> {
        make_directory(dir)?;
        let vault_path = dir.join(VAULT_FILE);
        let default_key = dir.join(MASTER_KEY_FILE);
        let key_path = master_key_file.unwrap_or(&default_key);

        let vault_exists = vault_path.try_exists().map_err(VaultError::io(&vault_path))?;
        let key = match master_key::read(key_path)? {
            Some(key) => key,
            None if vault_exists => return Err(VaultError::KeyMissing { key: key_path.into(), vault: vault_path }),
            None => master_key::create(key_path)?,
        };
        let store = Store::open(&vault_path, key_path, &key)?;
        let inner = Inner { store, subjects: SubjectCache::default() };
        Ok(Self { inner: Mutex::new(inner), sites: RwLock::default() })
    }

    /// What is damaged, a sentence each: entries that do not open, pages that contradict each other. Reads the whole vault, some
    /// microseconds an entry; for the start.
    ///
    /// # Errors
    /// Damage that leaves nothing to read.
    pub fn faults(&self) -> Result<Vec<VaultError>, VaultError> {
        self.inner().store.faults()
    }

    /// A panic while holding the lock leaves no half-made state: SQLite rolls back, and the cache is only ever behind.
    fn inner(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn make_directory(dir: &Path) -> Result<(), VaultError> {
    match DirBuilder::new().mode(0o700).create(dir) {
        Ok(()) => Ok(()),
        Err(error) if error.kind() == ErrorKind::AlreadyExists => Ok(()),
        Err(error) => Err(VaultError::io(dir)(error)),
    }
}

#[cfg(test)]
mod tests;
