//! What may happen to the files of a data directory, one thing at a time.

use fastrand::Rng;
use std::fmt;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

/// One damage. Files are named from the data directory.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Damage {
    /// One bit is another.
    Bit { file: PathBuf, at: usize, bit: u8 },
    /// The file ends here.
    CutOff { file: PathBuf, at: usize },
    /// This page of 4,096 bytes is all zeros.
    Zeroed { file: PathBuf, page: usize },
    /// The file is gone.
    Missing { file: PathBuf },
    /// The file is as it was some time ago.
    Old { file: PathBuf },
}

/// The kinds, for the table.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Class {
    BitNearTheTail,
    BitAnywhere,
    CutOff,
    Zeroed,
    Missing,
    Old,
}

const PAGE: usize = 4096;
/// The newest end of the log's file, which a kill leaves outside of sled's snapshot.
const TAIL: usize = 256 * 1024;
const LOG_FILE: &str = "sled/db";

/// A directory that is damaged in copies.
pub struct Sound {
    /// Where it is.
    pub path: PathBuf,
    /// The same, some time before.
    pub old: PathBuf,
    /// Every regular file, and how long it is.
    files: Vec<(PathBuf, usize)>,
    /// How much of the log's file is used.
    used: usize,
}

impl Sound {
    /// Reads what there is.
    pub fn at(path: PathBuf, old: PathBuf) -> io::Result<Self> {
        let mut files = Vec::new();
        list(&path, Path::new(""), &mut files)?;
        files.sort();
        let log = fs::read(path.join(LOG_FILE))?;
        let used = log.iter().rposition(|byte| *byte != 0).map_or(0, |last| last + 1);
        Ok(Self { path, old, files, used })
    }
    /// Something of this class; none if there is no such thing here.
    pub fn damage(&self, class: Class, rng: &mut Rng) -> Option<Damage> {
        let mut file = self.files.get(rng.usize(..self.files.len().max(1)))?.clone();
        match class {
            Class::BitNearTheTail => {
                let tail = *rng.choice(&[TAIL, TAIL, TAIL / 16, 2048])?;
                let at = rng.usize(self.used.saturating_sub(tail)..self.used);
                Some(Damage::Bit { file: LOG_FILE.into(), at, bit: rng.u8(..8) })
            }
            Class::BitAnywhere if file.1 > 0 => Some(Damage::Bit { file: file.0, at: rng.usize(..file.1), bit: rng.u8(..8) }),
            Class::CutOff if file.1 > 0 => Some(Damage::CutOff { file: file.0, at: rng.usize(..file.1) }),
            Class::Zeroed => {
                // Most files have one page; the log has most pages.
                if rng.bool() {
                    file = self.files.iter().find(|(path, _)| path == Path::new(LOG_FILE))?.clone();
                }
                Some(Damage::Zeroed { file: file.0, page: rng.usize(..file.1.div_ceil(PAGE).max(1)) })
            }
            Class::Missing => Some(Damage::Missing { file: file.0 }),
            Class::Old if self.old.join(&file.0).is_file() => Some(Damage::Old { file: file.0 }),
            Class::BitAnywhere | Class::CutOff | Class::Old => None,
        }
    }
    /// Copies the directory and does the damage to the copy. Whether a byte is another one than before.
    pub fn copy_damaged(&self, damage: &Damage, to: &Path) -> io::Result<bool> {
        copy(&self.path, to)?;
        let path = to.join(damage.file());
        let before = fs::read(&path)?;
        let mut bytes = before.clone();
        match damage {
            Damage::Bit { at, bit, .. } => bytes.iter_mut().skip(*at).take(1).for_each(|byte| *byte ^= 1 << bit),
            Damage::CutOff { at, .. } => bytes.truncate(*at),
            Damage::Zeroed { page, .. } => bytes.iter_mut().skip(page * PAGE).take(PAGE).for_each(|byte| *byte = 0),
            Damage::Old { file } => bytes = fs::read(self.old.join(file))?,
            Damage::Missing { .. } => {
                fs::remove_file(&path)?;
                return Ok(true);
            }
        }
        // Written over, not anew: the mode is not part of the damage.
        fs::write(&path, &bytes)?;
        Ok(bytes != before)
    }
}

impl Damage {
    /// Whom it befalls.
    pub fn file(&self) -> &Path {
        match self {
            Self::Bit { file, .. }
            | Self::CutOff { file, .. }
            | Self::Zeroed { file, .. }
            | Self::Missing { file }
            | Self::Old { file } => file,
        }
    }
}

impl fmt::Display for Damage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let file = self.file().display();
        match self {
            Self::Bit { at, bit, .. } => write!(f, "bit {bit} of byte {at} of {file} flipped"),
            Self::CutOff { at, .. } => write!(f, "{file} cut off at {at}"),
            Self::Zeroed { page, .. } => write!(f, "page {page} of {file} zeroed"),
            Self::Missing { .. } => write!(f, "{file} missing"),
            Self::Old { .. } => write!(f, "an old copy of {file} put back"),
        }
    }
}

/// Copies a directory's files and directories; sockets are left out.
pub fn copy(from: &Path, to: &Path) -> io::Result<()> {
    fs::create_dir(to)?;
    fs::set_permissions(to, fs::metadata(from)?.permissions())?;
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        let kind = entry.file_type()?;
        if kind.is_dir() {
            copy(&entry.path(), &to.join(entry.file_name()))?;
        } else if kind.is_file() {
            fs::copy(entry.path(), to.join(entry.file_name()))?;
        }
    }
    Ok(())
}

fn list(root: &Path, below: &Path, files: &mut Vec<(PathBuf, usize)>) -> io::Result<()> {
    for entry in fs::read_dir(root.join(below))? {
        let entry = entry?;
        let path = below.join(entry.file_name());
        let kind = entry.file_type()?;
        if kind.is_dir() {
            list(root, &path, files)?;
        } else if kind.is_file() {
            files.push((path, usize::try_from(entry.metadata()?.len()).unwrap_or(usize::MAX)));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A directory of three files, one of them empty, and its old copy that lacks one.
    fn sound(root: &Path) -> Sound {
        let (path, old) = (root.join("now"), root.join("old"));
        fs::create_dir_all(path.join("sled")).unwrap();
        fs::write(path.join(LOG_FILE), [[7; 9000].as_slice(), &[0; 1000]].concat()).unwrap();
        fs::write(path.join("mark"), "new").unwrap();
        copy(&path, &old).unwrap();
        fs::write(old.join("mark"), "old").unwrap();
        fs::write(path.join("lock"), "").unwrap();
        Sound::at(path, old).unwrap()
    }

    #[test]
    fn every_class_damages_one_file_of_a_copy_and_nothing_else() {
        let root = tempfile::tempdir().unwrap();
        let sound = sound(root.path());
        let mut rng = Rng::with_seed(1);
        for class in [Class::BitNearTheTail, Class::BitAnywhere, Class::CutOff, Class::Zeroed, Class::Missing, Class::Old] {
            let damages: Vec<Damage> = std::iter::repeat_with(|| sound.damage(class, &mut rng)).take(40).flatten().collect();
            assert!(!damages.is_empty(), "{class:?}");
            for (n, damage) in damages.into_iter().enumerate() {
                let to = root.path().join(format!("{class:?}-{n}"));
                let is_other = sound.copy_damaged(&damage, &to).unwrap();
                let differing: Vec<&PathBuf> = sound
                    .files
                    .iter()
                    .map(|(file, _)| file)
                    .filter(|file| fs::read(to.join(file)).ok() != fs::read(sound.path.join(file)).ok())
                    .collect();
                assert!(differing.iter().all(|file| *file == damage.file()), "{damage}");
                assert_eq!(is_other, !differing.is_empty(), "{damage}");
            }
        }
    }

    #[test]
    fn the_tail_is_where_the_log_is_used() {
        let root = tempfile::tempdir().unwrap();
        let sound = sound(root.path());
        let mut rng = Rng::with_seed(2);
        for _ in 0..100 {
            let Some(Damage::Bit { at, .. }) = sound.damage(Class::BitNearTheTail, &mut rng) else { panic!("no damage") };
            assert!(at < 9000);
        }
    }
}
