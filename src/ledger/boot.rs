//! Opening a data directory: lock, vault, log, replay, and the comparison of vault and log.

use super::digests::Digests;
use super::index::Index;
use super::registrations::Recent;
use super::vault_check::{self, Damage, Sealed};
use super::{Clock, Failure, Ledger, Shared, Site, draw_id, entropy, log_key, tallies};
use crate::command::CreateServer;
use crate::event::{Record, RecordError};
use crate::log::{self, Cause, Committer, DataDirectory, EngineKind, Fatal, KeptCheckpoints, LogStore, StoredRecord, VerifyFailure};
use crate::outbound::Outbound;
use crate::projection::{Corrupt, State};
use crate::terms::{Seq, SiteName, Subject};
use crate::vault::{PasswordPool, Vault, VaultError};
use std::collections::BTreeMap;
use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::sync::{Arc, RwLock};

/// What to open, and how.
pub struct OpenSettings {
    /// The data directory; made if it does not exist.
    pub directory: PathBuf,
    /// Which engine keeps the log.
    pub engine: EngineKind,
    /// Where the vault's master key is, if not in the data directory.
    pub master_key_file: Option<PathBuf>,
    /// Tells the time; the machine's clock unless a test says otherwise.
    pub clock: Option<Clock>,
    /// The way to what clients point at.
    pub outbound: Outbound,
    /// Called once when the log can take nothing any more: it should end the process.
    pub on_fatal: Box<dyn Fn(&Fatal) + Send + Sync>,
}

/// Why a data directory was not opened: one sentence for a person.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The directory is locked, missing or not ours.
    #[error(transparent)]
    Directory(#[from] log::directory::DirectoryError),
    /// The vault cannot be opened.
    #[error(transparent)]
    Vault(#[from] VaultError),
    /// The log is damaged or cannot be opened.
    #[error(transparent)]
    Log(#[from] log::OpenError),
    /// A site of the log has no keys in the vault.
    #[error("the vault has no keys for site {0}: restore the vault and its master key from a backup")]
    KeysMissing(SiteName),
    /// A kept checkpoint is not of this log.
    #[error("the checkpoint kept of site {site} does not fit its log, {failure} ({why}): restore log, mark and checkpoints from a backup")]
    Checkpoint {
        /// Whose.
        site: SiteName,
        /// What is wrong, by its public name.
        failure: VerifyFailure,
        /// What was found.
        why: String,
    },
    /// Nobody can tell whether the log continues what was signed.
    #[error("the kept checkpoints cannot be read, {0}: restore them from a backup")]
    CheckpointsUnreadable(Cause),
    /// The first event could not be written.
    #[error(transparent)]
    Failure(#[from] Failure),
}

/// Why a record could not be taken in.
#[derive(Debug, thiserror::Error)]
enum Untaken {
    #[error(transparent)]
    Record(#[from] RecordError),
    #[error(transparent)]
    Corrupt(#[from] Corrupt),
}

type Folded = BTreeMap<SiteName, (State, Index)>;

impl Ledger {
    /// Opens a data directory.
    pub fn open(settings: OpenSettings) -> Result<Self, StartError> {
        let directory = DataDirectory::open(&settings.directory)?;
        let store = LogStore::open(&directory, settings.engine)?;
        Self::over(directory, store, settings)
    }

    /// The same, over a log that was opened elsewhere.
    pub fn over(directory: DataDirectory, store: LogStore, settings: OpenSettings) -> Result<Self, StartError> {
        let vault = Arc::new(Vault::open(&settings.directory, settings.master_key_file.as_deref())?);
        let mut folded = Folded::new();
        let (mut sealed, mut recent) = (Sealed::default(), Recent::default());
        let replayed = store.replay(|stored| {
            sealed.note(&stored);
            take_in(&mut folded, &mut recent, &stored)
        })?;
        for note in replayed.notes() {
            tracing::warn!("{note}");
        }
        let last_t = folded.values().map(|(state, _)| state.last_t).max().unwrap_or_default();
        let keys = Arc::new(SubjectKeys(Arc::clone(&vault)));
        let committer = Committer::start(replayed, keys, entropy::fill, settings.on_fatal)?;
        // A server that has a log had keys: new ones would open nothing of it.
        if !folded.contains_key(&SiteName::server()) && vault.site_keys(&SiteName::server())?.is_none() {
            vault.create_site(&SiteName::server())?;
        }
        let damage = Damage::of(&vault)?;
        folded.entry(SiteName::server()).or_default();
        let mut sites = BTreeMap::new();
        for (name, (state, index)) in folded {
            let keys = vault.site_keys(&name)?.ok_or_else(|| StartError::KeysMissing(name.clone()))?;
            vault_check::compare(&vault, &name, &state, &sealed, damage.is_none())?;
            let lane = committer.lane(&name);
            let digests = Digests::of(directory.path(), &name);
            sites.insert(name, Arc::new(Site::new(lane, keys, digests, state, index)));
        }
        let clock = settings.clock.unwrap_or_else(Clock::system);
        clock.not_before(last_t);
        let threads = std::thread::available_parallelism().unwrap_or(NonZeroUsize::MIN);
        let shared = Shared {
            committer,
            vault,
            damage,
            passwords: PasswordPool::start(threads)?,
            clock,
            sites: RwLock::new(sites),
            known_tokens: Default::default(),
            tallies: tallies::Tallies::default(),
            registrations: Default::default(),
            logouts: Default::default(),
            outbound: settings.outbound,
            kept_checkpoints: KeptCheckpoints::of(&directory),
            directory,
        };
        let ledger = Self { shared: Arc::new(shared) };
        ledger.recall_checkpoints()?;
        ledger.recall_registrations(recent);
        ledger.begin_own_log()?;
        Ok(ledger)
    }

    /// A new data directory's log begins with who the server is.
    fn begin_own_log(&self) -> Result<(), Failure> {
        let Some(server) = self.site(&SiteName::server()).filter(|server| server.read(|state| state.head) == Seq(0)) else {
            return Ok(());
        };
        let instance = draw_id();
        let checkpoint_key = log_key::of_instance(&server.keys, &instance)?.verifier().to_string();
        self.decide_at_opening(&server, &CreateServer { instance, checkpoint_key })
    }
}

fn take_in(folded: &mut Folded, recent: &mut Recent, stored: &StoredRecord) -> Result<(), Untaken> {
    let Ok(serde_json::Value::Object(members)) = serde_json::from_slice(&stored.leaf) else {
        return Err(Untaken::Record(RecordError::NotAnObject));
    };
    let (state, index) = folded.entry(stored.site.clone()).or_default();
    let seq = state.head;
    index.add(seq, &members);
    let record = Record::from_members(members)?;
    recent.note(&record, state);
    Ok(state.fold(&record)?)
}

/// The vault's subject keys, as the log wants them.
struct SubjectKeys(Arc<Vault>);

impl log::SubjectKeys for SubjectKeys {
    fn subject_key(&self, site: &SiteName, subject: &Subject) -> Result<Option<log::SubjectKey>, log::KeyError> {
        let key = self.0.subject_key(site, subject).map_err(|error| log::KeyError(error.to_string()))?;
        Ok(key.map(|key| log::SubjectKey::new(*key)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::{Event, Profile, ServerEvent, SiteEvent};
    use crate::log::rehearsal::Gate;
    use crate::log::{EventLog, Fault, MemoryLog};
    use crate::terms::Actor;
    use std::sync::Mutex;
    use std::time::Duration;

    fn settings(directory: PathBuf, fatal: &Arc<Mutex<Vec<String>>>) -> OpenSettings {
        let told = Arc::clone(fatal);
        let on_fatal = Box::new(move |fatal: &Fatal| told.lock().unwrap().push(fatal.to_string()));
        OpenSettings { directory, engine: EngineKind::File, master_key_file: None, clock: None, outbound: Outbound::default(), on_fatal }
    }

    async fn create_site(ledger: Ledger) -> Result<Arc<Site>, crate::ledger::SiteError> {
        let issuer = "https://auth.example.org/oauth2/default".to_owned();
        ledger.create_site(&SiteName::default_site(), issuer, Profile::Standard, "Test".to_owned(), Actor::Os(0)).await
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn an_answer_waits_for_the_sync_of_its_events() {
        let temp = tempfile::tempdir().unwrap();
        let (path, gate): (PathBuf, _) = (temp.path().join("data"), Arc::new(Gate::new()));
        let directory = DataDirectory::open(&path).unwrap();
        let engine: Arc<dyn EventLog> = gate.clone();
        let store = LogStore::over(&directory, engine).unwrap();
        let ledger = Ledger::over(directory, store, settings(path, &Arc::default())).unwrap();
        let mut asked = tokio::spawn(create_site(ledger.clone()));
        gate.wait_for_an_append();
        let early = tokio::time::timeout(Duration::from_millis(50), &mut asked).await;
        assert!(early.is_err(), "answered before its events were durable");
        gate.open();
        asked.await.unwrap().unwrap();
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn the_first_event_of_a_directory_says_who_the_server_is_and_no_later_one_does() {
        let temp = tempfile::tempdir().unwrap();
        let path: PathBuf = temp.path().join("data");
        let mut seen = Vec::new();
        for _ in 0..2 {
            let ledger = Ledger::open(settings(path.clone(), &Arc::default())).unwrap();
            let server = ledger.site(&SiteName::server()).unwrap();
            server.wait(Seq(0)).await.unwrap();
            assert_eq!(server.durable().events, 1);
            let Event::Server(ServerEvent::Created { instance, checkpoint_key }) = ledger.record(&server, Seq(0)).unwrap().event else {
                panic!()
            };
            assert!(checkpoint_key.starts_with(&format!("{instance}/writ/_server+")), "{checkpoint_key}");
            seen.push((instance, log_key::recorded(&server).unwrap().verifier().to_string()));
            assert_eq!(seen[0], (instance, checkpoint_key));
            ledger.shut_down();
        }
        let other = temp.path().join("other");
        let other = Ledger::open(settings(other, &Arc::default())).unwrap();
        let server = other.site(&SiteName::server()).unwrap();
        assert_ne!(server.read(|state| state.server.clone()).unwrap().instance, seen[0].0);
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn a_sites_first_event_names_the_key_of_its_checkpoints() {
        let temp = tempfile::tempdir().unwrap();
        let ledger = Ledger::open(settings(temp.path().join("data"), &Arc::default())).unwrap();
        let site = create_site(ledger.clone()).await.unwrap();
        let Event::Site(SiteEvent::Created { checkpoint_key, .. }) = ledger.record(&site, Seq(0)).unwrap().event else { panic!() };
        assert!(checkpoint_key.starts_with("auth.example.org/writ/default+"), "{checkpoint_key}");
        assert_eq!(log_key::recorded(&site).unwrap().verifier().to_string(), checkpoint_key);
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn after_a_failed_write_nothing_is_acknowledged_and_the_process_is_told_to_end() {
        for fault in [Fault::Lost, Fault::KeptButReportedLost, Fault::Torn, Fault::Stopped] {
            let temp = tempfile::tempdir().unwrap();
            let (path, fatal) = (temp.path().join("data"), Arc::default());
            let directory = DataDirectory::open(&path).unwrap();
            let log = MemoryLog::new();
            log.arm(1, fault);
            let ledger = Ledger::over(directory, LogStore::in_memory(log), settings(path, &fatal)).unwrap();
            assert!(create_site(ledger.clone()).await.is_err(), "{fault:?}");
            assert!(create_site(ledger.clone()).await.is_err(), "{fault:?}: nothing is answered afterwards");
            // Whoever waits hears of it first; the thread has told it when it has ended.
            ledger.shut_down();
            assert_eq!(fatal.lock().unwrap().len(), 1, "{fault:?}");
        }
    }
}
