//! The keys of sealed fields. Destroying one makes everything sealed for its subject unreadable, in every copy of the log.

use super::{
    Vault, VaultError, entropy,
    store::{Kind, parse_names},
};
use crate::terms::{SiteName, Subject};
use std::collections::HashMap;
use zeroize::Zeroizing;

/// The key of one subject's sealed fields.
pub type SubjectKey = Zeroizing<[u8; 32]>;

/// Subject keys in use. It lives under the database's lock, so that a key read before a destruction cannot be put back after it.
#[derive(Default)]
pub(super) struct SubjectCache(HashMap<(SiteName, Subject), SubjectKey>);

/// About 2 MB; then the cache starts again, which costs one read a subject.
const CACHED_MAX: usize = 16_384;

impl SubjectCache {
    fn insert(&mut self, place: (SiteName, Subject), key: SubjectKey) {
        if self.0.len() >= CACHED_MAX {
            self.0.clear();
        }
        self.0.insert(place, key);
    }
}

impl Vault {
    /// The subject's key, made now if there is none. Durable on return. Never call it for a subject that was erased.
    ///
    /// # Errors
    /// Any failure of file or entropy.
    pub fn ensure_subject(&self, site: &SiteName, subject: &Subject) -> Result<SubjectKey, VaultError> {
        if let Some(key) = self.subject_key(site, subject)? {
            return Ok(key);
        }
        let (name, fresh) = (subject.to_string(), entropy::draw::<32>()?);
        let mut inner = self.inner();
        inner.store.insert(Kind::SubjectKey, site.as_str(), &name, fresh.as_slice())?;
        let key = inner.store.read_key(Kind::SubjectKey, site.as_str(), &name)?.unwrap_or(fresh);
        inner.subjects.insert((site.clone(), subject.clone()), key.clone());
        Ok(key)
    }

    /// The subject's key; nothing if it was destroyed or never made.
    ///
    /// # Errors
    /// A damaged entry or a failing file.
    pub fn subject_key(&self, site: &SiteName, subject: &Subject) -> Result<Option<SubjectKey>, VaultError> {
        let place = (site.clone(), subject.clone());
        let mut inner = self.inner();
        if let Some(key) = inner.subjects.0.get(&place) {
            return Ok(Some(key.clone()));
        }
        let Some(key) = inner.store.read_key(Kind::SubjectKey, site.as_str(), &subject.to_string())? else { return Ok(None) };
        inner.subjects.insert(place, key.clone());
        Ok(Some(key))
    }

    /// Destroys the subject's key, in memory and in the bytes of the file; says whether there was one.
    ///
    /// # Errors
    /// A failing file; then the key may still exist there.
    pub fn destroy_subject(&self, site: &SiteName, subject: &Subject) -> Result<bool, VaultError> {
        let mut inner = self.inner();
        inner.subjects.0.remove(&(site.clone(), subject.clone()));
        inner.store.erase(Kind::SubjectKey, site, &subject.to_string())
    }

    /// The site's subjects that have a key, for the comparison at start.
    ///
    /// # Errors
    /// A damaged entry or a failing file.
    pub fn subjects(&self, site: &SiteName) -> Result<Vec<Subject>, VaultError> {
        let names = self.inner().store.names(Kind::SubjectKey, site)?;
        parse_names(Kind::SubjectKey, site, names)
    }
}
