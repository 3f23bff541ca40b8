//! A data directory, checked without changing anything in it and without the vault's key: frames, chain, checksums and mark as at
//! every start, then each site's leaves, and its tree against the checkpoints that were signed of it.

use super::Finding;
use super::leaf::Leaf;
use crate::log::directory::DirectoryError;
use crate::log::{
    Checkpoint, Damage, DataDirectory, Edge, EngineKind, Head, KeptCheckpoints, LogStore, OpenError, StoredRecord, VerifierKey,
    VerifyFailure, leaf_hash,
};
use crate::terms::SiteName;
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::fs::{File, TryLockError};
use std::path::{Path, PathBuf};

/// What was found to hold of one site.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct SiteVerified {
    /// Whose log.
    pub site: SiteName,
    /// Its size and root.
    pub head: Head,
    /// The key that its first event names.
    pub key: VerifierKey,
    /// The sizes of the signed checkpoints that it agrees with.
    pub checkpoints: BTreeSet<u64>,
    /// How many of those that whoever asks had given.
    pub earlier: usize,
}

/// What does not hold, and of which site if that is known.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct SiteFinding {
    /// Whose log.
    pub site: Option<SiteName>,
    /// What.
    pub finding: Box<Finding>,
    /// In more words.
    pub why: Option<String>,
}

/// Why a directory is not checked.
#[derive(Debug, thiserror::Error)]
pub enum DirectoryUnreadable {
    /// It cannot be used.
    #[error(transparent)]
    Directory(#[from] DirectoryError),
    /// A server has it.
    #[error("a server has this data directory: verify it live (writ audit verify live), or verify a copy")]
    InUse,
    /// No site has an event in it.
    #[error("there is no log in {}, so there is nothing to verify: name a data directory, or restore it from a backup", .0.display())]
    NoLog(PathBuf),
    /// The system refused.
    #[error("the data directory cannot be read: {0}")]
    Io(#[from] std::io::Error),
}

/// Checks all sites, of which there is at least one. `trusted` are keys that whoever asks has from elsewhere: each of them must be that
/// of a log. `earlier` are signed checkpoints that the logs have to continue, beside those that the directory keeps.
///
/// # Errors
/// A directory that a server has, that cannot be read or that holds no log.
pub fn directory(
    path: &Path,
    trusted: &[VerifierKey],
    earlier: &[String],
) -> Result<Result<Vec<SiteVerified>, SiteFinding>, DirectoryUnreadable> {
    let _lock = lock(path)?;
    let directory = DataDirectory::open_read_only(path)?;
    match check(&directory, trusted, earlier) {
        Ok(sites) if sites.is_empty() => Err(DirectoryUnreadable::NoLog(path.to_owned())),
        checked => Ok(checked),
    }
}

/// Keeps servers away meanwhile. A copy may have no lock file.
fn lock(path: &Path) -> Result<Option<File>, DirectoryUnreadable> {
    let lock = match File::open(path.join("lock")) {
        Ok(lock) => lock,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error.into()),
    };
    match lock.try_lock_shared() {
        Ok(()) => Ok(Some(lock)),
        Err(TryLockError::WouldBlock) => Err(DirectoryUnreadable::InUse),
        Err(TryLockError::Error(error)) => Err(error.into()),
    }
}

fn check(directory: &DataDirectory, trusted: &[VerifierKey], earlier: &[String]) -> Result<Vec<SiteVerified>, SiteFinding> {
    let kept = KeptCheckpoints::of(directory).read();
    let kept =
        kept.map_err(|cause| SiteFinding { site: None, finding: Box::new(VerifyFailure::File.into()), why: Some(cause.to_string()) })?;
    let sizes: BTreeSet<u64> = kept.values().chain(earlier).filter_map(|note| told_size(note)).collect();
    let engine = if directory.path().join("segment").exists() { EngineKind::File } else { EngineKind::Sled };
    let mut sites: BTreeMap<SiteName, Growing> = BTreeMap::new();
    let replayed = LogStore::open(directory, engine).and_then(|store| {
        store.replay(|record| {
            let growing = sites.entry(record.site.clone()).or_default();
            growing.take(&record, &sizes).map_err(|finding| SiteFault(SiteFinding::of(&record.site, finding)))
        })
    });
    if let Err(error) = replayed {
        return Err(refused(error));
    }
    let known: Vec<SiteName> = sites.keys().cloned().collect();
    if let Some(site) = kept.keys().find(|site| !known.contains(site)) {
        return Err(SiteFinding::of(site, VerifyFailure::Consistency.into()));
    }
    let verified = sites.into_iter().map(|(site, growing)| {
        let given: Vec<&String> = earlier.iter().filter(|note| growing.signs(note)).collect();
        growing.end(site.clone(), trusted, kept.get(&site), &given).map_err(|failure| SiteFinding::of(&site, failure.into()))
    });
    let verified: Vec<SiteVerified> = verified.collect::<Result<_, _>>()?;
    let has = |key: &VerifierKey| verified.iter().any(|site| site.key == *key);
    match trusted.iter().find(|key| !has(key)).filter(|_| !verified.is_empty()) {
        Some(key) => {
            let why = Some(format!("no log in this directory has the key {key}"));
            Err(SiteFinding { site: None, finding: Box::new(VerifyFailure::Key.into()), why })
        }
        None => Ok(verified),
    }
}

/// What a note says its size is; nothing rests on it but what is remembered on the way.
fn told_size(note: &str) -> Option<u64> {
    note.lines().nth(1)?.parse().ok()
}

impl SiteFinding {
    fn of(site: &SiteName, finding: Finding) -> Self {
        Self { site: Some(site.clone()), finding: Box::new(finding), why: None }
    }
}

/// A finding on its way through the replay.
#[derive(Debug, thiserror::Error)]
#[error("{}", .0.finding)]
struct SiteFault(SiteFinding);

/// A site's log while it is read.
#[derive(Default)]
struct Growing {
    edge: Edge,
    last_t: Option<String>,
    vkey: Option<String>,
    /// The heads of the sizes that were asked for.
    heads: BTreeMap<u64, Head>,
}

impl Growing {
    fn take(&mut self, record: &StoredRecord, sizes: &BTreeSet<u64>) -> Result<(), Finding> {
        let seq = self.edge.size();
        let here = |failure| Finding::at(failure, seq);
        let text = std::str::from_utf8(&record.leaf).map_err(|_| here(VerifyFailure::Leaf))?;
        let leaf = Leaf::read(text).map_err(here)?;
        let t = leaf.t().ok_or_else(|| here(VerifyFailure::Leaf))?;
        if leaf.seq() != Some(seq) {
            return Err(here(VerifyFailure::Gap));
        }
        if leaf.site() != Some(record.site.as_str()) {
            return Err(here(VerifyFailure::Leaf));
        }
        if self.last_t.as_deref().is_some_and(|last| t < last) {
            return Err(here(VerifyFailure::Order));
        }
        if seq == 0 {
            self.vkey = leaf.member("checkpoint_key").and_then(Value::as_str).map(str::to_owned);
        }
        self.last_t = Some(t.to_owned());
        self.edge.append(leaf_hash(&record.leaf));
        if sizes.contains(&self.edge.size()) {
            self.heads.insert(self.edge.size(), self.edge.head());
        }
        Ok(())
    }

    /// Whether a note is of this site's log, by its own words.
    fn signs(&self, note: &str) -> bool {
        let name = self.vkey.as_deref().and_then(|vkey| vkey.split('+').next());
        note.lines().next().is_some_and(|origin| Some(origin) == name)
    }

    /// After the last event: key and checkpoints.
    fn end(self, site: SiteName, trusted: &[VerifierKey], kept: Option<&String>, given: &[&String]) -> Result<SiteVerified, VerifyFailure> {
        let key: VerifierKey = self.vkey.as_deref().unwrap_or_default().parse()?;
        let is_other = trusted.iter().any(|trusted| trusted.name() == key.name() && *trusted != key);
        if is_other || !key.name().ends_with(&format!("/writ/{site}")) {
            return Err(VerifyFailure::Key);
        }
        let mut checkpoints = BTreeSet::new();
        for note in kept.iter().chain(given) {
            let signed = Checkpoint::verify(note, std::slice::from_ref(&key))?.head;
            if self.heads.get(&signed.size) != Some(&signed) {
                return Err(VerifyFailure::Consistency);
            }
            checkpoints.insert(signed.size);
        }
        Ok(SiteVerified { site, head: self.edge.head(), key, checkpoints, earlier: given.len() })
    }
}

/// What the log's own opening found.
fn refused(error: OpenError) -> SiteFinding {
    let why = error.to_string();
    let failure = match error {
        OpenError::Refused { why, .. } => match why.downcast::<SiteFault>() {
            Ok(fault) => return fault.0,
            Err(_) => VerifyFailure::Leaf,
        },
        OpenError::Damaged(damage) => of_damage(&damage),
        OpenError::LogMissing { .. } => VerifyFailure::Truncated,
        OpenError::Engine(_)
        | OpenError::OtherEngine { .. }
        | OpenError::MarkMissing { .. }
        | OpenError::Mark(_)
        | OpenError::Unreadable(_)
        | OpenError::ReadOnly
        | OpenError::Thread(_) => VerifyFailure::File,
    };
    SiteFinding { site: None, finding: Box::new(failure.into()), why: Some(why) }
}

fn of_damage(damage: &Damage) -> VerifyFailure {
    match damage {
        Damage::CutOff { .. } | Damage::ShorterThanMark { .. } => VerifyFailure::Truncated,
        Damage::Missing { .. } | Damage::Seq { .. } => VerifyFailure::Gap,
        Damage::OtherThanMark { .. } | Damage::Chain { .. } | Damage::Tree { .. } => VerifyFailure::Consistency,
        Damage::Unreadable { .. }
        | Damage::Shape { .. }
        | Damage::Version { .. }
        | Damage::Checksum { .. }
        | Damage::Displaced { .. }
        | Damage::Parts { .. }
        | Damage::Site { .. }
        | Damage::Body { .. } => VerifyFailure::File,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::Profile;
    use crate::ledger::{Ledger, OpenSettings};
    use crate::log::CheckpointKey;
    use crate::terms::{Actor, Digest};

    /// A data directory with a site, at rest; and a checkpoint of the site before its last events.
    fn at_rest(folder: &Path) -> (PathBuf, String) {
        let path = folder.join("data");
        let settings = OpenSettings {
            directory: path.clone(),
            engine: EngineKind::File,
            master_key_file: None,
            clock: None,
            outbound: Default::default(),
            on_fatal: Box::new(|fatal| panic!("{fatal}")),
        };
        let ledger = Ledger::open(settings).unwrap();
        let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
        let note = runtime.block_on(async {
            let issuer = "https://op.test/oauth2/default".to_owned();
            let site = ledger.create_site(&SiteName::default_site(), issuer, Profile::Standard, "Test".into(), Actor::Os(0)).await.unwrap();
            let note = ledger.checkpoint(&site).await.unwrap().note.clone();
            let claims = serde_json::Map::from_iter([("name".to_owned(), "Alice Doe".into())]);
            let request = ledger.own_request();
            ledger.create_user(&site, "alice", None, crate::terms::Role::Users, claims, Actor::Os(0), request).await.unwrap();
            note
        });
        drop(runtime);
        ledger.shut_down();
        drop(ledger);
        (path, note)
    }

    fn failure(path: &Path, trusted: &[VerifierKey], earlier: &[String]) -> Option<VerifyFailure> {
        directory(path, trusted, earlier).unwrap().err().map(|found| found.finding.failure)
    }

    #[test]
    fn a_directory_at_rest_is_verified_with_its_kept_and_earlier_checkpoints() {
        let folder = tempfile::tempdir().unwrap();
        let (path, note) = at_rest(folder.path());
        let sites = directory(&path, &[], std::slice::from_ref(&note)).unwrap().unwrap();
        let names: Vec<&str> = sites.iter().map(|site| site.site.as_str()).collect();
        assert_eq!(names, ["_server", "default"]);
        let default = &sites[1];
        assert_eq!((default.earlier, default.checkpoints.len()), (1, 2));
        assert_eq!(default.checkpoints.last(), Some(&default.head.size));
        assert_eq!(failure(&path, std::slice::from_ref(&default.key), &[]), None);
        let stranger = CheckpointKey::new("op.test/writ/default", &[9; 32]).unwrap();
        assert_eq!(failure(&path, &[stranger.verifier()], &[]), Some(VerifyFailure::Key));
        let forked = stranger.sign(Head { size: 2, root: Digest::of(b"") });
        assert_eq!(failure(&path, &[], &[forked]), Some(VerifyFailure::Key));
        let longer = note.replacen(|c: char| c.is_ascii_digit(), "9", 1);
        assert_eq!(failure(&path, &[], &[longer]), Some(VerifyFailure::Signature));
    }

    #[test]
    fn every_key_that_is_trusted_must_be_that_of_a_log() {
        let folder = tempfile::tempdir().unwrap();
        let (path, _) = at_rest(folder.path());
        let own: Vec<VerifierKey> = directory(&path, &[], &[]).unwrap().unwrap().into_iter().map(|site| site.key).collect();
        assert_eq!(failure(&path, &own, &[]), None);
        for name in ["elsewhere.test/writ/default", "op.test/writ/other"] {
            let stranger = CheckpointKey::new(name, &[9; 32]).unwrap().verifier();
            assert_eq!(failure(&path, std::slice::from_ref(&stranger), &[]), Some(VerifyFailure::Key), "{name}");
            assert_eq!(failure(&path, &[&own[..], &[stranger]].concat(), &[]), Some(VerifyFailure::Key), "{name} beside our own");
        }
    }

    #[test]
    fn a_directory_without_a_log_is_not_verified() {
        let folder = tempfile::tempdir().unwrap();
        let (path, _) = at_rest(folder.path());
        let is_without = |path: &Path, trusted: &[VerifierKey]| matches!(directory(path, trusted, &[]), Err(DirectoryUnreadable::NoLog(_)));
        let stranger = CheckpointKey::new("op.test/writ/default", &[9; 32]).unwrap().verifier();
        let empty = folder.path().join("empty");
        std::fs::create_dir(&empty).unwrap();
        for path in [&empty, folder.path()] {
            assert!(is_without(path, &[]) && is_without(path, std::slice::from_ref(&stranger)), "{}", path.display());
        }
        assert_eq!(std::fs::read_dir(&empty).unwrap().count(), 0, "nothing is made there");
        for name in ["segment", "mark"] {
            std::fs::remove_file(path.join(name)).unwrap();
        }
        assert_eq!(failure(&path, &[], &[]), Some(VerifyFailure::Consistency), "the checkpoints that it keeps tell of a log");
        std::fs::remove_dir_all(path.join("checkpoints")).unwrap();
        assert!(is_without(&path, &[]));
    }

    #[test]
    fn every_changed_byte_of_the_log_is_found() {
        let folder = tempfile::tempdir().unwrap();
        let (path, _) = at_rest(folder.path());
        let segment = path.join("segment");
        let genuine = std::fs::read(&segment).unwrap();
        for at in (0..genuine.len()).step_by(genuine.len() / 150) {
            let mut changed = genuine.clone();
            changed[at] ^= 1 << (at % 8);
            std::fs::write(&segment, changed).unwrap();
            assert!(failure(&path, &[], &[]).is_some(), "byte {at}");
        }
        for length in [0, 8, genuine.len() / 2, genuine.len() - 1] {
            std::fs::write(&segment, &genuine[..length]).unwrap();
            assert!(failure(&path, &[], &[]).is_some(), "cut at {length}");
        }
        std::fs::write(&segment, &genuine).unwrap();
        assert_eq!(failure(&path, &[], &[]), None);
    }

    #[test]
    fn a_log_put_back_with_its_mark_contradicts_the_kept_checkpoint() {
        let folder = tempfile::tempdir().unwrap();
        let (path, _) = at_rest(folder.path());
        let other = tempfile::tempdir().unwrap();
        let (older, _) = at_rest(other.path());
        for name in ["segment", "mark"] {
            std::fs::copy(older.join(name), path.join(name)).unwrap();
        }
        assert!(matches!(failure(&path, &[], &[]), Some(VerifyFailure::Consistency | VerifyFailure::Key)));
        std::fs::remove_file(path.join("segment")).unwrap();
        assert_eq!(failure(&path, &[], &[]), Some(VerifyFailure::Truncated));
    }
}
