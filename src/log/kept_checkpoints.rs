//! The newest checkpoint of each site, one small file a site, outside of the log: what was signed and shown is remembered even if the
//! log and its mark are set back together. A checkpoint is kept before anybody sees it.

use super::directory;
use super::{Cause, DataDirectory};
use crate::terms::SiteName;
use std::collections::BTreeMap;
use std::fs::{self, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

/// The folder of them, `checkpoints`.
pub struct KeptCheckpoints(PathBuf);

/// No site's name has this character, so an unfinished file is never taken for another site's.
const UNFINISHED: char = '~';

impl KeptCheckpoints {
    /// Those of a data directory. The folder is made when the first one is kept.
    pub fn of(directory: &DataDirectory) -> Self {
        Self(directory.path().join("checkpoints"))
    }
    /// Every note, by site. What is unfinished was shown to nobody.
    ///
    /// # Errors
    /// A file that cannot be read, or that bears no site's name.
    pub fn read(&self) -> Result<BTreeMap<SiteName, String>, Cause> {
        let entries = match fs::read_dir(&self.0) {
            Ok(entries) => entries,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(BTreeMap::new()),
            Err(error) => return Err(self.unreadable(&self.0, error)),
        };
        let mut notes = BTreeMap::new();
        for entry in entries {
            let path = entry.map_err(|error| self.unreadable(&self.0, error))?.path();
            let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
            if name.ends_with(UNFINISHED) {
                continue;
            }
            let site = name.parse().map_err(|error| self.unreadable(&path, error))?;
            let bytes = fs::read(&path).map_err(|error| self.unreadable(&path, error))?;
            // Bytes that are no text are no checkpoint either; the signature says so.
            notes.insert(site, String::from_utf8_lossy(&bytes).into_owned());
        }
        Ok(notes)
    }
    /// Keeps a site's newest note in place of the one before. On return it is durable, and there is never a moment without one.
    ///
    /// # Errors
    /// What the file system refuses. Then the one before, or this one, is kept.
    pub fn keep(&self, site: &SiteName, note: &str) -> Result<(), Cause> {
        let path = self.0.join(site.as_str());
        self.replace(&path, note).map_err(|error| Cause::of(&format!("keeping the checkpoint {}", path.display()), error))
    }

    fn replace(&self, path: &Path, note: &str) -> io::Result<()> {
        directory::create_synced(&self.0)?;
        let mut unfinished = path.as_os_str().to_owned();
        unfinished.push(UNFINISHED.to_string());
        let mut file = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&unfinished)?;
        file.write_all(note.as_bytes())?;
        file.sync_all()?;
        fs::rename(&unfinished, path)?;
        directory::sync_parent(path)
    }
    fn unreadable(&self, path: &Path, error: impl std::fmt::Display) -> Cause {
        Cause::of(&format!("reading {}", path.display()), error)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_newest_note_of_each_site_is_kept() {
        let temp = tempfile::tempdir().unwrap();
        let kept = KeptCheckpoints::of(&DataDirectory::open(temp.path()).unwrap());
        assert_eq!(kept.read(), Ok(BTreeMap::new()));
        let (default, server) = (SiteName::default_site(), SiteName::server());
        for (site, note) in [(&default, "one\n"), (&server, "two\n"), (&default, "three\n")] {
            kept.keep(site, note).unwrap();
        }
        let expected = BTreeMap::from([(default, "three\n".to_owned()), (server, "two\n".to_owned())]);
        assert_eq!(kept.read(), Ok(expected));
    }

    #[test]
    fn a_write_that_was_cut_off_leaves_the_note_before() {
        let temp = tempfile::tempdir().unwrap();
        let kept = KeptCheckpoints::of(&DataDirectory::open(temp.path()).unwrap());
        kept.keep(&SiteName::default_site(), "one\n").unwrap();
        fs::write(temp.path().join("checkpoints/default~"), "tw").unwrap();
        assert_eq!(kept.read().unwrap().into_values().collect::<Vec<_>>(), ["one\n"]);
        kept.keep(&SiteName::default_site(), "three\n").unwrap();
        assert_eq!(kept.read().unwrap().into_values().collect::<Vec<_>>(), ["three\n"]);
    }

    #[test]
    fn a_file_that_is_no_sites_is_not_passed_over() {
        let temp = tempfile::tempdir().unwrap();
        let kept = KeptCheckpoints::of(&DataDirectory::open(temp.path()).unwrap());
        kept.keep(&SiteName::default_site(), "one\n").unwrap();
        fs::write(temp.path().join("checkpoints/no site"), "one\n").unwrap();
        assert!(kept.read().is_err());
    }
}
