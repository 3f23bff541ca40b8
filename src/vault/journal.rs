//! The rollback journal of the vault: it holds pages as they were, and with them what was erased since.

use super::VaultError;
use std::{
    fs::{File, OpenOptions},
    io::{self, ErrorKind, Write},
    path::{Path, PathBuf},
};

/// The journal beside a database file. SQLite writes it; between transactions its header is zeroed, and SQLite reads nothing of it.
pub(super) struct Journal(PathBuf);

impl Journal {
    /// The journal of this database.
    pub(super) fn of(database: &Path) -> Self {
        let mut path = database.as_os_str().to_owned();
        path.push("-journal");
        Self(path.into())
    }

    /// Overwrites what past transactions left. Only to be called between transactions, by the process that holds the database.
    pub(super) fn scrub(&self) -> Result<(), VaultError> {
        match OpenOptions::new().write(true).open(&self.0) {
            Ok(file) => overwrite_with_zeros(file).map_err(VaultError::io(&self.0)),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(()),
            Err(error) => Err(VaultError::io(&self.0)(error)),
        }
    }
}

fn overwrite_with_zeros(mut file: File) -> io::Result<()> {
    let length = file.metadata()?.len();
    io::copy(&mut io::Read::take(io::repeat(0), length), &mut file)?;
    file.flush()?;
    file.sync_all()
}
