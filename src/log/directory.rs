//! The data directory: made, locked, marked suspect, copied.

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, Read, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

const LOCK_ATTEMPTS: u32 = 10;
const LOCK_PAUSE: Duration = Duration::from_millis(20);

/// The directory that holds a server's log, vault and keys. Locked as long as this value or a log opened in it lives.
pub struct DataDirectory {
    path: PathBuf,
    lock: Option<Arc<File>>,
}

/// Why a data directory cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum DirectoryError {
    /// Another server, or a command of one, has it.
    #[error("the data directory {path} is in use by process {pid}: stop that one first")]
    InUse {
        /// The directory.
        path: PathBuf,
        /// What the holder wrote into its lock file.
        pid: String,
    },
    /// The file system refused.
    #[error("the data directory {path} cannot be used, {doing} failed: {error}")]
    Io {
        /// The directory.
        path: PathBuf,
        /// What was being done.
        doing: &'static str,
        /// What the system said.
        error: io::Error,
    },
}

impl DataDirectory {
    /// Opens the directory and locks it; makes it (mode 0700) if it is not there. Refused within a second if another process, or this
    /// one, has the lock.
    pub fn open(path: &Path) -> Result<Self, DirectoryError> {
        let failed = |doing| move |error| DirectoryError::Io { path: path.to_owned(), doing, error };
        create_synced(path).map_err(failed("making it"))?;
        let name = path.join("lock");
        let lock = OpenOptions::new().read(true).write(true).create(true).truncate(false).mode(0o600).open(name);
        let mut lock = lock.map_err(failed("opening its lock file"))?;
        match try_lock(&lock) {
            Ok(()) => {}
            Err(fs::TryLockError::WouldBlock) => return Err(DirectoryError::InUse { path: path.to_owned(), pid: holder(&mut lock) }),
            Err(fs::TryLockError::Error(error)) => return Err(failed("locking it")(error)),
        }
        let noted = lock.set_len(0).and_then(|()| lock.write_all(std::process::id().to_string().as_bytes()));
        noted.map_err(failed("writing its lock file"))?;
        Ok(Self { path: path.to_owned(), lock: Some(Arc::new(lock)) })
    }
    /// Opens a copy for reading: it must be there, is not locked and not written to.
    pub fn open_read_only(path: &Path) -> Result<Self, DirectoryError> {
        match fs::read_dir(path) {
            Ok(_) => Ok(Self { path: path.to_owned(), lock: None }),
            Err(error) => Err(DirectoryError::Io { path: path.to_owned(), doing: "reading it", error }),
        }
    }
    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }
    /// Whether nothing in it may be written.
    pub fn is_read_only(&self) -> bool {
        self.lock.is_none()
    }
    /// Whether a write or sync failed here and no start since has found everything sound.
    pub fn is_suspect(&self) -> bool {
        self.suspect().exists()
    }
    /// The lock, to be held by whoever writes here. None if nothing may be written.
    pub(super) fn lock(&self) -> Option<Arc<File>> {
        self.lock.clone()
    }
    /// Where the suspicion is written.
    pub(super) fn suspect(&self) -> PathBuf {
        self.path.join("suspect")
    }
}

/// Notes that a write or sync failed. As much as possible is done; the caller is stopping anyway.
pub(super) fn mark_suspect(suspect: &Path, why: &str) -> io::Result<()> {
    let mut file = OpenOptions::new().append(true).create(true).mode(0o600).open(suspect)?;
    writeln!(file, "{why}")?;
    file.sync_all()?;
    sync_parent(suspect)
}

/// Tries for a fifth of a second: a process that is just ending, or a child between fork and exec, may still hold the lock.
fn try_lock(lock: &File) -> Result<(), fs::TryLockError> {
    for _ in 0..LOCK_ATTEMPTS {
        match lock.try_lock() {
            Err(fs::TryLockError::WouldBlock) => std::thread::sleep(LOCK_PAUSE),
            outcome => return outcome,
        }
    }
    lock.try_lock()
}

fn holder(lock: &mut File) -> String {
    let mut pid = String::new();
    match lock.take(20).read_to_string(&mut pid) {
        Ok(_) if !pid.is_empty() => pid,
        Ok(_) | Err(_) => "unknown".to_owned(),
    }
}

/// Makes a directory and its parents, each synced into its own parent.
pub(super) fn create_synced(path: &Path) -> io::Result<()> {
    if path.is_dir() {
        return Ok(());
    }
    if let Some(parent) = path.parent().filter(|parent| !parent.as_os_str().is_empty()) {
        create_synced(parent)?;
    }
    DirBuilder::new().mode(0o700).create(path)?;
    sync_parent(path)
}

/// Makes the names in a path's directory durable.
pub(super) fn sync_parent(path: &Path) -> io::Result<()> {
    let parent = path.parent().filter(|parent| !parent.as_os_str().is_empty());
    File::open(parent.unwrap_or(Path::new(".")))?.sync_all()
}

/// Syncs every file and directory below a path, and the path.
pub(super) fn sync_tree(path: &Path) -> io::Result<()> {
    if path.is_dir() {
        for entry in fs::read_dir(path)? {
            sync_tree(&entry?.path())?;
        }
    }
    File::open(path)?.sync_all()
}

/// Copies a file or directory, without the files that `leave_out` names, and syncs the copy.
pub(super) fn copy_tree(from: &Path, to: &Path, leave_out: &dyn Fn(&str) -> bool) -> io::Result<()> {
    if !from.is_dir() {
        fs::copy(from, to)?;
        return File::open(to)?.sync_all();
    }
    DirBuilder::new().mode(0o700).create(to)?;
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        if !entry.file_name().to_str().is_some_and(leave_out) {
            copy_tree(&entry.path(), &to.join(entry.file_name()), leave_out)?;
        }
    }
    File::open(to)?.sync_all()
}

/// Removes a file or directory, if it is there.
pub(super) fn remove_tree(path: &Path) -> io::Result<()> {
    match path.symlink_metadata() {
        Ok(metadata) if metadata.is_dir() => fs::remove_dir_all(path),
        Ok(_) => fs::remove_file(path),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        Err(error) => Err(error),
    }
}

/// Gives a file or directory a free name `{name}.{why}-{n}` beside its own, and says which.
pub(super) fn move_aside(path: &Path, why: &str) -> io::Result<PathBuf> {
    let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let free = (1u32..).map(|n| path.with_file_name(format!("{name}.{why}-{n}"))).find(|aside| !aside.exists());
    let aside = free.ok_or(io::ErrorKind::AlreadyExists)?;
    fs::rename(path, &aside)?;
    sync_parent(path)?;
    Ok(aside)
}

/// Puts back what a repair had moved aside when it was cut off: nothing stands in its place, so it is still the whole. Gives where it
/// was, if there was something.
pub(super) fn put_back(path: &Path, reasons: &[&str]) -> io::Result<Option<PathBuf>> {
    let (Some(parent), Some(name), false) = (path.parent(), path.file_name().and_then(|name| name.to_str()), path.exists()) else {
        return Ok(None);
    };
    let mut newest: Option<(u32, PathBuf)> = None;
    for entry in fs::read_dir(parent)? {
        let entry = entry?;
        let other = entry.file_name().to_string_lossy().into_owned();
        let reason = other.strip_prefix(name).and_then(|rest| rest.strip_prefix('.')).and_then(|rest| rest.rsplit_once('-'));
        let Some((reason, number)) = reason else { continue };
        let Some(number) = number.parse::<u32>().ok().filter(|_| reasons.contains(&reason)) else { continue };
        if newest.as_ref().is_none_or(|(newest, _)| *newest < number) {
            newest = Some((number, entry.path()));
        }
    }
    let Some((_, aside)) = newest else { return Ok(None) };
    fs::rename(&aside, path)?;
    sync_parent(path)?;
    Ok(Some(aside))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt;

    #[test]
    fn a_directory_is_made_for_its_owner_only() {
        let parent = tempfile::tempdir().unwrap();
        let directory = DataDirectory::open(&parent.path().join("a/b")).unwrap();
        assert_eq!(fs::metadata(directory.path()).unwrap().permissions().mode() & 0o777, 0o700);
        assert!(!directory.is_read_only() && !directory.is_suspect());
    }

    #[test]
    fn a_second_holder_is_refused_naming_the_first_until_it_is_gone() {
        let parent = tempfile::tempdir().unwrap();
        let first = DataDirectory::open(parent.path()).unwrap();
        let refused = DataDirectory::open(parent.path()).err().unwrap().to_string();
        assert!(refused.contains(&format!("in use by process {}", std::process::id())), "{refused}");
        drop(first);
        assert!(DataDirectory::open(parent.path()).is_ok());
    }

    #[test]
    fn a_copy_opened_for_reading_is_not_written_to() {
        let parent = tempfile::tempdir().unwrap();
        let directory = DataDirectory::open_read_only(parent.path()).unwrap();
        assert!(directory.is_read_only());
        assert_eq!(fs::read_dir(parent.path()).unwrap().count(), 0);
        assert!(DataDirectory::open_read_only(&parent.path().join("none")).is_err());
    }

    #[test]
    fn a_directory_below_a_file_is_refused_with_a_sentence() {
        let parent = tempfile::tempdir().unwrap();
        fs::write(parent.path().join("file"), "").unwrap();
        let refused = DataDirectory::open(&parent.path().join("file/data")).err().unwrap();
        assert!(matches!(refused, DirectoryError::Io { .. }), "{refused}");
    }
}
