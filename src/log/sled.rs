//! The sled engine, by the rules of DESIGN.md §5. The only file that knows sled.
//!
//! One tree, `frames`: key = position as 8 bytes big-endian, value = the frame. sled's own `flush` is not durable on Linux
//! (ENGINE.md §1.5), so each append ends with our own `fdatasync` of its file `db`.

use super::frames::{self, Gate, News, Source, Subscription};
use super::guarded::guarded;
use super::{AppendError, Batch, Cause, Damage, EventLog, Frames, LogError, Position, directory};
use ::sled::{Config, Db, Error, Tree};
use std::fs::{self, File};
use std::io;
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

const CACHE_BYTES: u64 = 32 * 1024 * 1024;
/// sled lets go of its lock a moment after the last handle is dropped.
const LOCK_ATTEMPTS: u32 = 100;
const LOCK_PAUSE: Duration = Duration::from_millis(20);

/// A log in a sled directory.
pub struct SledLog {
    inner: Arc<Inner>,
}

struct Inner {
    tree: Tree,
    /// sled's `db` file under a descriptor of our own: sled ignores sync errors (THREATS.md M5).
    file: File,
    news: Arc<News>,
    /// Held during an append.
    gate: Mutex<Gate>,
    /// Kept for its drop, which flushes. Last, so that the tree goes first.
    _db: Db,
}

impl SledLog {
    /// Opens or makes the directory. Also gives a sentence for each thing that had to be moved aside.
    pub fn open(path: &Path) -> Result<(Self, Vec<String>), Cause> {
        let failed = |doing: &'static str| move |error: io::Error| Cause::of(doing, error);
        let mut notes = Vec::new();
        directory::create_synced(path).map_err(failed("making the directory of the log"))?;
        move_half_snapshots_aside(path, &mut notes).map_err(failed("moving a half-written snapshot of sled aside"))?;
        refuse_blobs(path)?;
        let (db, tree, head) = match open_guarded(path) {
            Ok(opened) => opened,
            Err(cause) => open_without_snapshots(path, cause, &mut notes)?,
        };
        directory::sync_tree(path).map_err(failed("syncing the directory of the log"))?;
        let file = File::open(path.join("db")).map_err(failed("opening the file of the log"))?;
        let inner = Inner { tree, file, news: News::new(head), gate: Mutex::default(), _db: db };
        Ok((Self { inner: Arc::new(inner) }, notes))
    }
}

impl EventLog for SledLog {
    fn head(&self) -> Result<Position, LogError> {
        Ok(self.inner.news.head())
    }
    fn append(&self, expected: Position, batch: Batch) -> Result<Position, AppendError> {
        let mut gate = self.inner.gate();
        gate.check()?;
        if self.inner.news.is_closed() {
            return Err(AppendError::Unavailable(Cause("the log is closed".to_owned())));
        }
        let head = self.inner.news.head();
        if head != expected {
            return Err(AppendError::Conflict { head });
        }
        self.inner.write(head, &batch).inspect_err(|_| gate.shut(&Cause("an append failed".to_owned())))?;
        let head = head.plus(batch.frames().len());
        self.inner.news.publish(head);
        Ok(head)
    }
    fn read_from(&self, from: Position) -> Frames {
        frames::until(self.inner.clone(), from, self.inner.news.head())
    }
    fn subscribe(&self, from: Position) -> Subscription {
        let source: Arc<dyn Source> = self.inner.clone();
        Subscription::new(Arc::downgrade(&source), self.inner.news.clone(), from)
    }
    fn close(&self) {
        self.inner.news.close();
    }
}
impl Drop for SledLog {
    fn drop(&mut self) {
        self.inner.news.close();
    }
}

impl Inner {
    fn gate(&self) -> MutexGuard<'_, Gate> {
        self.gate.lock().unwrap_or_else(PoisonError::into_inner)
    }
    /// Commit point: the return of `sync_data`.
    fn write(&self, first: Position, batch: &Batch) -> Result<(), AppendError> {
        let mut inserts = ::sled::Batch::default();
        for (n, frame) in batch.frames().iter().enumerate() {
            inserts.insert(&first.plus(n).0.to_be_bytes(), frame.as_slice());
        }
        guard(|| self.tree.apply_batch(inserts).and_then(|()| self.tree.flush())).map_err(|failure| failure.on_append())?;
        self.file.sync_data().map_err(|error| Failure::Sled(Error::Io(error)).on_append())
    }
}
impl Source for Inner {
    fn read(&self, from: Position, to: Position) -> Result<Vec<Vec<u8>>, LogError> {
        let unreadable = |failure: Failure| Damage::Unreadable { position: from, why: failure.to_string() };
        let found =
            guard(|| self.tree.range(from.0.to_be_bytes()..to.0.to_be_bytes()).collect::<Result<Vec<_>, _>>()).map_err(unreadable)?;
        let mut frames = Vec::with_capacity(found.len());
        for (key, frame) in found {
            let position = from.plus(frames.len());
            if *key != position.0.to_be_bytes() {
                return Err(Damage::Missing { position }.into());
            }
            frames.push(frame.to_vec());
        }
        match from.plus(frames.len()) == to {
            true => Ok(frames),
            false => Err(Damage::Missing { position: from.plus(frames.len()) }.into()),
        }
    }
}

/// What may come of a call into sled: it reports some damage and panics at other (THREATS.md M7, M8).
#[derive(Debug, thiserror::Error)]
enum Failure {
    #[error("{}", sentence(.0))]
    Sled(Error),
    #[error("sled gave up over its files: {0}")]
    Panic(String),
}

impl Failure {
    fn on_append(&self) -> AppendError {
        match self {
            Self::Sled(Error::Io(error)) if matches!(error.kind(), io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded) => {
                AppendError::Full
            }
            Self::Sled(_) | Self::Panic(_) => AppendError::Unknown(Cause::of("writing the log", self)),
        }
    }
}

fn guard<T>(call: impl FnOnce() -> Result<T, Error>) -> Result<T, Failure> {
    guarded(call).map_err(Failure::Panic)?.map_err(Failure::Sled)
}

/// sled's own words, but for damage, of which it also tells how it was compiled.
fn sentence(error: &Error) -> String {
    match error {
        Error::Corruption { at: Some(at), .. } => format!("sled finds its files damaged at {at:?}"),
        Error::Corruption { at: None, .. } => "sled finds its files damaged".to_owned(),
        Error::CollectionNotFound(_) | Error::Unsupported(_) | Error::ReportableBug(_) | Error::Io(_) => error.to_string(),
    }
}

/// Opens and finds the head: one more than the last key.
fn open_guarded(path: &Path) -> Result<(Db, Tree, Position), Cause> {
    let mut attempts_left = LOCK_ATTEMPTS;
    loop {
        match guard(|| open_once(path)) {
            Ok((db, tree, Some(key))) => {
                let last =
                    <[u8; 8]>::try_from(&*key).map_err(|_| Cause("the log holds something that Writ did not put there".to_owned()))?;
                return Ok((db, tree, Position(u64::from_be_bytes(last)).plus(1)));
            }
            Ok((db, tree, None)) => return Ok((db, tree, Position(0))),
            Err(failure) if attempts_left > 0 && failure.to_string().contains("could not acquire lock") => {
                attempts_left -= 1;
                std::thread::sleep(LOCK_PAUSE);
            }
            Err(failure) => return Err(Cause::of("opening the log", failure)),
        }
    }
}

fn open_once(path: &Path) -> Result<(Db, Tree, Option<::sled::IVec>), Error> {
    let db = Config::new().path(path).flush_every_ms(None).cache_capacity(CACHE_BYTES).use_compression(false).open()?;
    let tree = db.open_tree("frames")?;
    let last = tree.last()?;
    Ok((db, tree, last.map(|(key, _)| key)))
}

/// The one retry: on a copy without `snap.*`, which sled can do without (THREATS.md M9). If that opens, it takes the place of the
/// original, which is kept beside it.
fn open_without_snapshots(path: &Path, first: Cause, notes: &mut Vec<String>) -> Result<(Db, Tree, Position), Cause> {
    let failed = |doing: &'static str| move |error: io::Error| Cause::of(doing, error);
    let copy = path.with_extension("retry");
    directory::remove_tree(&copy).map_err(failed("removing an earlier copy of the log"))?;
    directory::copy_tree(path, &copy, &|name| name.starts_with("snap.")).map_err(failed("copying the log"))?;
    let Ok(opened) = open_guarded(&copy) else {
        directory::remove_tree(&copy).map_err(failed("removing a copy of the log"))?;
        return Err(first);
    };
    drop(opened);
    let aside = directory::move_aside(path, "damaged").map_err(failed("moving the damaged log aside"))?;
    fs::rename(&copy, path).and_then(|()| directory::sync_parent(path)).map_err(failed("putting the copy of the log in place"))?;
    notes.push(format!("the log opened only without its snapshots ({first}); the original is kept as {}", aside.display()));
    open_guarded(path)
}

/// sled takes its own half-written temporary snapshot for the newest and then refuses to open for ever (ENGINE.md §1.3).
fn move_half_snapshots_aside(path: &Path, notes: &mut Vec<String>) -> io::Result<()> {
    for entry in fs::read_dir(path)? {
        let name = entry?.file_name().to_string_lossy().into_owned();
        if name.starts_with("snap.") && name.ends_with(".generating") {
            let beside = path.with_file_name(&name);
            fs::rename(path.join(&name), &beside)?;
            let aside = directory::move_aside(&beside, "aside")?;
            notes.push(format!("a half-written snapshot of sled was moved aside to {}", aside.display()));
        }
    }
    directory::sync_parent(&path.join("db"))
}

/// sled never syncs its blob files, and our frames are too short to need one.
fn refuse_blobs(path: &Path) -> Result<(), Cause> {
    let blobs = path.join("blobs");
    match fs::read_dir(&blobs).ok().and_then(|mut entries| entries.next()) {
        Some(_) => {
            Err(Cause(format!("{} is not empty, and Writ never puts anything there: restore the log from a backup", blobs.display())))
        }
        None => Ok(()),
    }
}
