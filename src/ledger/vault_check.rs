//! The comparison of vault and log at opening: what is only in the vault was never promised to anyone and is swept, and so are retired
//! keys; what is only in the log is said, and what is damaged is said.

use crate::log::StoredRecord;
use crate::projection::State;
use crate::terms::{SiteName, Subject};
use crate::vault::{Vault, VaultError};
use std::collections::{HashMap, HashSet};

/// For whom something is sealed in the log, by site.
#[derive(Default)]
pub(super) struct Sealed(HashMap<SiteName, HashSet<Subject>>);

impl Sealed {
    /// Takes in one record.
    pub(super) fn note(&mut self, stored: &StoredRecord) {
        for field in &stored.sealed {
            let subjects = self.0.entry(stored.site.clone()).or_default();
            if !subjects.contains(&field.subject) {
                subjects.insert(field.subject.clone());
            }
        }
    }
}

/// What is damaged in the vault.
#[derive(Default)]
pub(super) struct Damage {
    faults: usize,
    /// Whose keys cannot be read: nothing can be sealed for them.
    subjects: HashSet<(String, String)>,
}

impl Damage {
    /// Looks for it, and says it.
    pub(super) fn of(vault: &Vault) -> Result<Self, VaultError> {
        let mut damage = Self::default();
        for fault in vault.faults()? {
            tracing::error!(%fault, "the vault is damaged: whoever needs this cannot use it until the vault is restored from a backup");
            damage.faults = damage.faults.saturating_add(1);
            if let Some((site, subject)) = fault.of_subject() {
                damage.subjects.insert((site.to_owned(), subject.to_owned()));
            }
        }
        Ok(damage)
    }
    /// Whether there is none.
    pub(super) fn is_none(&self) -> bool {
        self.faults == 0
    }
    /// The first of these people whose key cannot be read. Asked before anything is decided: an event that cannot be sealed would end the
    /// process, and with it everybody else's.
    pub(super) fn among<'a>(&self, site: &SiteName, mut subjects: impl Iterator<Item = &'a Subject>) -> Option<&'a Subject> {
        if self.subjects.is_empty() {
            return None;
        }
        subjects.find(|subject| self.subjects.contains(&(site.to_string(), subject.to_string())))
    }
}

/// Says what the log needs and the vault lacks. Sweeps what the log does not know, but only from a vault that is sound and whole:
/// of a damaged one, what looks superfluous may be what is missing.
pub(super) fn compare(vault: &Vault, name: &SiteName, state: &State, sealed: &Sealed, is_sound: bool) -> Result<(), VaultError> {
    let needed: HashSet<_> = state.users.iter().filter_map(|user| user.credential).collect();
    let credentials: HashSet<_> = vault.credentials(name)?.into_iter().collect();
    let (keys, subjects) = (vault.signing_keys(name)?, vault.subjects(name)?);
    let mut is_whole = is_sound;
    for missing in needed.iter().filter(|credential| !credentials.contains(credential)) {
        is_whole = false;
        tracing::error!(site = %name, credential = %missing, "a password is missing in the vault: its user cannot sign in");
    }
    for missing in state.keys.iter().filter(|key| !key.retired && !keys.contains(&key.kid)) {
        is_whole = false;
        tracing::error!(site = %name, kid = %missing.kid, "a signing key is missing in the vault: nothing can be signed with it");
    }
    let known: HashSet<&Subject> = subjects.iter().collect();
    let sealed = sealed.0.get(name).into_iter().flatten();
    for missing in sealed.filter(|subject| !is_orphan(subject, state) && !known.contains(subject)) {
        is_whole = false;
        tracing::error!(site = %name, subject = %missing, "a subject's key is missing in the vault: what is sealed under it cannot be read");
    }
    if !is_whole {
        tracing::warn!(site = %name, "nothing is swept from the vault, so that a repair finds all that is left");
        return Ok(());
    }
    for orphan in credentials.iter().filter(|credential| !needed.contains(credential)) {
        vault.destroy_password(name, *orphan)?;
    }
    for orphan in keys.iter().filter(|kid| state.keys.by_id(kid).is_none_or(|key| key.retired)) {
        vault.destroy_signing_key(name, *orphan)?;
    }
    for orphan in subjects.iter().filter(|subject| is_orphan(subject, state)) {
        vault.destroy_subject(name, orphan)?;
    }
    Ok(())
}

/// Whether nobody is behind a subject's key: they were refused, erased or deleted. A month has always been.
fn is_orphan(subject: &Subject, state: &State) -> bool {
    match subject {
        Subject::User(id) => state.users.by_id(id).is_none_or(|user| user.erased),
        Subject::Client(id) => state.clients.by_id(id).is_none(),
        Subject::Month(_) => false,
    }
}
