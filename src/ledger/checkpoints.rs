//! Signing checkpoints: for a durable head that has moved, every 1,000 events or 10 s, at the end, and when somebody asks.
//!
//! Commit point: [`KeptCheckpoints::keep`](crate::log::KeptCheckpoints) has returned. Before it a signature is seen by nobody; after
//! it the log never signs anything that does not continue what is kept, for that is checked at each signature and at each opening.

mod recall;

use super::{Failure, Ledger, Site, log_key};
use crate::log::lane::End;
use crate::log::{Damage, Head, LogError};
use crate::terms::{SiteName, Timestamp};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock, TryLockError};
use std::time::Duration;

/// A tree head and the signed note (C2SP tlog-checkpoint) that states it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct SignedHead {
    /// Size and root.
    pub head: Head,
    /// The note, verbatim.
    pub note: String,
}

/// A site's checkpoints.
#[derive(Default)]
pub(super) struct Checkpoints {
    /// The newest one that is kept and may be shown. Locked for a look.
    newest: RwLock<Option<Arc<SignedHead>>>,
    /// Held by whoever signs, while leaves are read and the note is kept; only threads that may wait take it. When, and at which
    /// size, that was last tried.
    signing: Mutex<Option<(u64, Timestamp)>>,
}

/// A checkpoint is due after so many events,
const EVENTS: u64 = 1000;
/// or after so long, if there is any event.
const MILLIS: u64 = 10_000;
/// So often it is looked whether one is due.
const LOOK_EVERY: Duration = Duration::from_secs(1);

impl Checkpoints {
    fn newest(&self) -> Option<Arc<SignedHead>> {
        self.newest.read().unwrap_or_else(PoisonError::into_inner).clone()
    }
    fn publish(&self, signed: SignedHead) -> Arc<SignedHead> {
        let signed = Arc::new(signed);
        *self.newest.write().unwrap_or_else(PoisonError::into_inner) = Some(Arc::clone(&signed));
        signed
    }
    /// When signing was last tried, if nobody is about it.
    fn tried(&self) -> Option<Option<(u64, Timestamp)>> {
        match self.signing.try_lock() {
            Ok(tried) => Some(*tried),
            Err(TryLockError::Poisoned(tried)) => Some(*tried.into_inner()),
            Err(TryLockError::WouldBlock) => None,
        }
    }
    fn signing(&self) -> MutexGuard<'_, Option<(u64, Timestamp)>> {
        self.signing.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Site {
    /// The newest checkpoint that anybody may see; none before the first.
    pub fn checkpoint(&self) -> Option<Arc<SignedHead>> {
        self.checkpoints.newest()
    }

    /// Whether a checkpoint is due, given what was tried last.
    fn is_due(&self, tried: Option<(u64, Timestamp)>, now: Timestamp) -> bool {
        let events = self.durable().events;
        let has_moved = events > self.checkpoint().map_or(0, |newest| newest.head.size);
        has_moved && tried.is_none_or(|(size, at)| events.saturating_sub(size) >= EVENTS || now.millis_since(at) >= MILLIS)
    }
}

impl Ledger {
    /// A checkpoint over every event that is durable now: the newest one, or a new one if the log has moved.
    ///
    /// # Errors
    /// A log that has stopped or has no event yet, a leaf that cannot be read, a note that cannot be kept.
    pub async fn checkpoint(&self, site: &Arc<Site>) -> Result<Arc<SignedHead>, Failure> {
        self.blocking(site, Self::sign).await
    }

    /// The checkpoint over the first `size` events, signed anew: the same bytes as ever, for Ed25519 is deterministic. What is kept is
    /// made to cover it first (docs/decisions/0011). None if the site has not so many durable events, or the size is 0.
    ///
    /// # Errors
    /// As for [`Self::checkpoint`].
    pub async fn checkpoint_of(&self, site: &Arc<Site>, size: u64) -> Result<Option<Arc<SignedHead>>, Failure> {
        if size == 0 || size > site.durable().events {
            return Ok(None);
        }
        self.blocking(site, move |ledger, site| ledger.sign_beginning(site, size).map(Some)).await
    }

    /// Signs what is due at every site, for ever. To be run beside the server.
    pub async fn keep_checkpoints(self) {
        let mut look = tokio::time::interval(LOOK_EVERY);
        loop {
            look.tick().await;
            self.sign_due().await;
        }
    }

    /// Signs what is due at every site. What fails is said, and tried again when that is due.
    pub async fn sign_due(&self) {
        let now = self.now();
        for site in self.all_sites() {
            let is_due = site.checkpoints.tried().is_some_and(|tried| site.is_due(tried, now));
            if is_due && let Err(failure) = self.checkpoint(&site).await {
                tracing::error!(site = %site.name(), %failure, "no checkpoint could be signed");
            }
        }
    }

    /// Signs the head of every site: nothing more becomes durable.
    pub(super) fn sign_at_the_end(&self) {
        for site in self.all_sites().iter().filter(|site| site.durable().events > 0) {
            if let Err(failure) = self.sign(site) {
                tracing::error!(site = %site.name(), %failure, "the last checkpoint could not be signed");
            }
        }
    }

    /// Reads and writes files: not for threads that serve requests.
    fn sign(&self, site: &Site) -> Result<Arc<SignedHead>, Failure> {
        let mut tried = site.checkpoints.signing();
        if site.durable().end == Some(End::Failed) {
            return Err(Failure::Stopped);
        }
        let (newest, mut tree) = (site.checkpoint(), self.tree(site));
        if tree.size() == 0 {
            return Err(Failure::Checkpoint("the log has no events yet".to_owned()));
        }
        if let Some(newest) = newest.as_ref().filter(|newest| newest.head.size == tree.size()) {
            return Ok(Arc::clone(newest));
        }
        *tried = Some((tree.size(), self.now()));
        let head = tree.head_at(tree.size())?;
        if let Some(newest) = newest {
            tree.consistency_proof(&newest.head, &head)?;
        }
        let note = log_key::recorded(site)?.sign(head);
        // The commit point: what is kept from here on may be shown, and is never contradicted.
        self.shared.kept_checkpoints.keep(site.name(), &note).map_err(|cause| Failure::Checkpoint(cause.to_string()))?;
        Ok(site.checkpoints.publish(SignedHead { head, note }))
    }

    fn sign_beginning(&self, site: &Site, size: u64) -> Result<Arc<SignedHead>, Failure> {
        let newest = match site.checkpoint().filter(|newest| newest.head.size >= size) {
            Some(newest) => newest,
            None => self.sign(site)?,
        };
        if newest.head.size == size {
            return Ok(newest);
        }
        let mut tree = self.tree(site);
        let head = tree.head_at(size)?;
        tree.consistency_proof(&head, &newest.head)?;
        Ok(Arc::new(SignedHead { head, note: log_key::recorded(site)?.sign(head) }))
    }

    pub(super) async fn blocking<T: Send + 'static>(
        &self,
        site: &Arc<Site>,
        work: impl FnOnce(&Self, &Site) -> Result<T, Failure> + Send + 'static,
    ) -> Result<T, Failure> {
        let (ledger, site) = (self.clone(), Arc::clone(site));
        tokio::task::spawn_blocking(move || work(&ledger, &site)).await.map_err(|_| Failure::Stopped)?
    }

    fn all_sites(&self) -> Vec<Arc<Site>> {
        self.site(&SiteName::server()).into_iter().chain(self.sites()).collect()
    }
}

impl From<LogError> for Failure {
    fn from(error: LogError) -> Self {
        Self::Unreadable(error.to_string())
    }
}
impl From<Damage> for Failure {
    fn from(damage: Damage) -> Self {
        Self::Unreadable(damage.to_string())
    }
}

#[cfg(test)]
mod tests;
