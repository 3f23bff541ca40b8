//! The command handler: the only room with a clock and with entropy.
//!
//! [`Ledger::submit`] takes a command the whole way: place in the queue, lock, [`Moment`], `decide`, fold, queue, unlock; and
//! [`Submitted::durable`] lets the answer go only after the commit point. Reads ask [`Site::wait`] to hold them back until what
//! they rest on is durable.

mod assertions;
mod boot;
mod checkpoints;
mod client_keys;
mod clock;
#[cfg(test)]
mod commit_path;
mod digests;
mod disclose;
mod documents;
mod entropy;
mod failure;
mod forgotten;
mod index;
mod introspect;
mod keyring;
mod known_tokens;
mod log_key;
mod logouts;
mod mint;
mod network;
mod operate;
mod passwords;
mod present;
mod prove;
mod refresh_token;
mod registrations;
mod request_objects;
mod rotation;
mod sectors;
mod signed_claims;
mod site;
mod subjects;
mod submit;
mod tallies;
mod turns;
mod vault_check;

pub use boot::{OpenSettings, StartError};
pub use checkpoints::SignedHead;
pub use clock::{Clock, FrozenClock};
pub use digests::{DIGEST_EVERY, LiveDigest, RecordedDigest, RecordedDigests};
pub use entropy::{draw_bytes, draw_id, draw_secret};
pub use failure::Failure;
pub use index::Most;
pub use known_tokens::SignedToken;
pub use mint::MintedTokens;
pub use operate::SiteError;
pub use present::Presented;
pub use prove::ConsistencyProof;
pub use registrations::Counted;
pub use request_objects::SentObject;
pub use site::Site;
pub use submit::Submitted;

use crate::log::{Committer, DataDirectory, KeptCheckpoints};
use crate::outbound::Outbound;
use crate::terms::{RequestId, SiteName};
use crate::vault::{PasswordPool, Vault};
use std::collections::BTreeMap;
use std::sync::{Arc, PoisonError, RwLock};

/// The open ledger of a data directory. Cheap to clone.
#[derive(Clone)]
pub struct Ledger {
    shared: Arc<Shared>,
}

struct Shared {
    /// Takes what was decided to the disk. Its queue is filled under a site's lock, so that places in the log follow decisions.
    committer: Committer,
    vault: Arc<Vault>,
    /// What was found damaged in it at the start.
    damage: vault_check::Damage,
    passwords: PasswordPool,
    clock: Clock,
    /// Written only when a site is added; a reader keeps the `Arc` and lets the lock go.
    sites: RwLock<BTreeMap<SiteName, Arc<Site>>>,
    known_tokens: known_tokens::KnownTokens,
    tallies: tallies::Tallies,
    registrations: registrations::Registrations,
    logouts: logouts::Attempts,
    outbound: Outbound,
    kept_checkpoints: KeptCheckpoints,
    directory: DataDirectory,
}

impl Ledger {
    /// The site of this name.
    pub fn site(&self, name: &SiteName) -> Option<Arc<Site>> {
        self.shared.sites.read().unwrap_or_else(PoisonError::into_inner).get(name).cloned()
    }
    /// Every site but the server's own, by name.
    pub fn sites(&self) -> Vec<Arc<Site>> {
        let sites = self.shared.sites.read().unwrap_or_else(PoisonError::into_inner);
        sites.values().filter(|site| *site.name() != SiteName::server()).cloned().collect()
    }
    /// The data directory.
    pub fn directory(&self) -> &std::path::Path {
        self.shared.directory.path()
    }
    /// The id of a new request.
    pub fn request_id(&self) -> RequestId {
        draw_id()
    }
    /// Waits until everything queued is durable, ends the commit thread, signs what every log has come to, and records what each
    /// site's state added up to.
    pub fn shut_down(&self) {
        match self.shared.committer.shut_down() {
            Ok(()) => {
                self.sign_at_the_end();
                self.record_last_digests();
            }
            Err(fatal) => tracing::error!(%fatal, "the log had stopped before it was shut down"),
        }
    }
}

#[cfg(test)]
mod tests;
