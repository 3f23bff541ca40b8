//! A site in memory: its state, its place in the log, its keys.

use super::Failure;
use super::checkpoints::Checkpoints;
use super::client_keys::{ClientKeys, KEY_SETS_MAX};
use super::digests::{Digests, RecordedDigest};
use super::index::{Index, Most};
use super::keyring::Keyring;
use super::request_objects::{OBJECTS_MAX, RequestObjects};
use crate::log::Lane;
use crate::projection::State;
use crate::terms::{Digest, Seq, SiteName, Timestamp};
use crate::vault::SiteKeys;
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use std::ops::Range;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};
use zeroize::Zeroizing;

/// A tenant. Nothing of one is ever seen by another.
pub struct Site {
    name: SiteName,
    pub(super) lane: Arc<Lane>,
    pub(super) keys: Arc<SiteKeys>,
    pub(super) keyring: Keyring,
    pub(super) client_keys: ClientKeys,
    pub(super) request_objects: RequestObjects,
    pub(super) checkpoints: Checkpoints,
    pub(super) digests: Digests,
    /// Up to this millisecond there are keys for what is sealed when nobody is known, so that not every request asks the vault.
    months_until: AtomicU64,
    /// Held for a decision and its fold, never over I/O or cryptography. Taken before the committer's queue, never after.
    inner: Mutex<Inner>,
}

/// What the lock guards.
pub(super) struct Inner {
    pub(super) state: State,
    pub(super) index: Index,
    /// What the state added up to after its last event, before more time passed for it.
    pub(super) settled: Option<RecordedDigest>,
}

impl Site {
    pub(super) fn new(lane: Arc<Lane>, keys: Arc<SiteKeys>, digests: Digests, state: State, index: Index) -> Self {
        let name = lane.site().clone();
        digests.open(&name);
        let inner = Inner { settled: RecordedDigest::of(&state), state, index };
        Self {
            name,
            lane,
            keys,
            keyring: Keyring::default(),
            client_keys: ClientKeys::at_most(KEY_SETS_MAX),
            request_objects: RequestObjects::at_most(OBJECTS_MAX),
            checkpoints: Checkpoints::default(),
            digests,
            months_until: AtomicU64::new(0),
            inner: Mutex::new(inner),
        }
    }
    /// Its name.
    pub fn name(&self) -> &SiteName {
        &self.name
    }
    /// Reads the state. The closure must be short: every request of the site waits for it.
    pub fn read<T>(&self, read: impl FnOnce(&State) -> T) -> T {
        read(&self.inner().state)
    }
    /// The issuer; empty for the server's own site.
    pub fn issuer(&self) -> String {
        self.read(|state| state.site.as_ref().map(|site| site.issuer.clone()).unwrap_or_default())
    }
    /// Waits until this event, and all before it, are durable.
    pub async fn wait(&self, seq: Seq) -> Result<(), Failure> {
        Ok(self.lane.wait_for(seq).await?)
    }
    /// Of the events within this range of numbers that name this id, so many; in order. A client is named by millions: take few at a
    /// time, for the site waits meanwhile.
    pub fn events_of(&self, id: &str, within: Range<u64>, most: Most) -> Vec<Seq> {
        self.inner().index.of(id, within, most)
    }
    /// How many events within this range name this id.
    pub fn count_of(&self, id: &str, within: Range<u64>) -> usize {
        self.inner().index.count(id, within)
    }
    pub(super) fn index<T>(&self, read: impl FnOnce(&Index) -> T) -> T {
        read(&self.inner().index)
    }
    /// Whether there are keys for the months from now on to then.
    pub(super) fn has_months_until(&self, then: Timestamp) -> bool {
        then.unix_millis() <= self.months_until.load(Ordering::Acquire)
    }
    pub(super) fn set_months_until(&self, then: Timestamp) {
        self.months_until.fetch_max(then.unix_millis(), Ordering::AcqRel);
    }
    /// How many of its events are durable.
    pub fn durable(&self) -> crate::log::Durable {
        self.lane.durable()
    }
    /// Tells of every advance of the durable end.
    pub fn watch(&self) -> tokio::sync::watch::Receiver<crate::log::Durable> {
        self.lane.watch()
    }

    pub(super) fn inner(&self) -> MutexGuard<'_, Inner> {
        // After a panic under the lock state may be half-folded: nothing more may be answered from it.
        self.inner.lock().unwrap_or_else(|_| std::process::abort())
    }
}

impl Site {
    /// Seals something that travels with a browser: an interaction, a page's token. Bound to its purpose and to the browser.
    pub fn seal(&self, purpose: &'static str, plaintext: &[u8], bound_to: &[u8]) -> Result<String, Failure> {
        Ok(URL_SAFE_NO_PAD.encode(self.keys.seal(purpose, plaintext, bound_to)?))
    }
    /// Opens it again; nothing if it is not ours, for another purpose, or another browser's.
    pub fn open(&self, purpose: &'static str, sealed: &str, bound_to: &[u8]) -> Option<Zeroizing<Vec<u8>>> {
        self.keys.open(purpose, &URL_SAFE_NO_PAD.decode(sealed).ok()?, bound_to)
    }
    /// A tag of a text that may name people: equal texts have equal tags, and nobody without the site's keys can guess them.
    pub fn tag(&self, text: &str) -> Digest {
        self.keys.login(&format!("tag\n{text}"))
    }
    /// Whether the site exists for clients: it was created and is not the server's own.
    pub fn is_open(&self) -> bool {
        self.read(|state| state.site.is_some())
    }
}
