//! Why the vault cannot do what was asked.

use super::store::Kind;
use std::{
    io,
    path::{Path, PathBuf},
};

/// A failure of the vault. None of them repeats a secret.
#[derive(Debug, thiserror::Error)]
pub enum VaultError {
    /// There is a vault, but not the key that opens it.
    #[error("{} is encrypted, and its key {} is missing; bring the key back, a new one would open nothing", vault.display(), key.display())]
    KeyMissing {
        /// Where the key was looked for.
        key: PathBuf,
        /// The vault it would open.
        vault: PathBuf,
    },
    /// The key file can be read or changed by others than its owner.
    #[error("the master key {} has mode {mode:04o}; only its owner may read it (chmod 600)", path.display())]
    KeyOpenToOthers {
        /// The key file.
        path: PathBuf,
        /// Its permission bits.
        mode: u32,
    },
    /// The key file is not what was once written.
    #[error("the master key {} is damaged or not a Writ master key; restore it from the backup of keys", path.display())]
    KeyDamaged {
        /// The key file.
        path: PathBuf,
    },
    /// The key is sound but another vault's.
    #[error("the master key {} is not the key of {}", key.display(), vault.display())]
    KeyOfAnotherVault {
        /// The key file.
        key: PathBuf,
        /// The vault.
        vault: PathBuf,
    },
    /// Another process holds the vault.
    #[error("the vault {} is in use by another process", path.display())]
    InUse {
        /// The vault.
        path: PathBuf,
    },
    /// The vault was written by a version of Writ with another layout.
    #[error("the vault has layout {found}, and this version of Writ reads layout {expected}")]
    ForeignLayout {
        /// What the file says.
        found: i64,
        /// What this version reads.
        expected: i64,
    },
    /// An entry was changed, moved or damaged outside Writ.
    #[error("the {kind} {name} of site {site} in the vault is damaged")]
    EntryDamaged {
        /// What the entry holds, in words.
        kind: &'static str,
        /// The entry's site.
        site: String,
        /// The entry's name.
        name: String,
    },
    /// The database's own check of its pages.
    #[error("the vault's database contradicts itself: {found}")]
    Inconsistent {
        /// What it found first.
        found: String,
    },
    /// An entry of this name exists; secrets are never overwritten.
    #[error("the {kind} {name} of site {site} is already in the vault")]
    AlreadyThere {
        /// What the entry holds, in words.
        kind: &'static str,
        /// The entry's site.
        site: String,
        /// The entry's name.
        name: String,
    },
    /// The operating system gave no entropy, or the cryptographic library refused to work.
    #[error("no key could be made or used: the cryptographic library refused")]
    Crypto,
    /// The operating system gave no thread.
    #[error("the threads that hash passwords cannot be started")]
    Threads(#[source] io::Error),
    /// The database failed.
    #[error("the vault's database failed: {0}")]
    Database(#[from] rusqlite::Error),
    /// A file could not be read or written.
    #[error("{} cannot be read or written", path.display())]
    File {
        /// The file or directory.
        path: PathBuf,
        /// What the operating system said.
        source: io::Error,
    },
}

impl VaultError {
    /// Says which file an error of the operating system is about.
    pub(super) fn io(path: &Path) -> impl Fn(io::Error) -> Self + '_ {
        |source| Self::File { path: path.into(), source }
    }
    /// Whose key of sealed fields is damaged, if it is one: the site and the subject.
    pub fn of_subject(&self) -> Option<(&str, &str)> {
        if let Self::EntryDamaged { kind, site, name } = self
            && *kind == Kind::SubjectKey.as_str()
        {
            return Some((site, name));
        }
        None
    }
}

impl From<aws_lc_rs::error::Unspecified> for VaultError {
    fn from(_: aws_lc_rs::error::Unspecified) -> Self {
        Self::Crypto
    }
}
