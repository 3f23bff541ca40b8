//! The SQLite file of the vault: entries by kind, site and name, each encrypted and bound to its place.

use super::{VaultError, aead::Aead, master_key::sync_directory_of};
use crate::terms::SiteName;
use rusqlite::{Connection, ErrorCode, OptionalExtension, params};
use std::{
    fs::{File, OpenOptions},
    io::{self, ErrorKind, Write},
    os::unix::fs::OpenOptionsExt,
    path::{Path, PathBuf},
    time::Duration,
};
use zeroize::Zeroizing;

/// The layout of the file, as `PRAGMA user_version`.
const LAYOUT: i64 = 1;
/// What the check entry holds, so that a wrong master key is told from damage.
const CHECK: &[u8] = b"this vault and this key belong together";

/// What an entry holds.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// One for the whole vault: whether the master key is the right one.
    Check,
    /// The root of a site's derived keys.
    SiteRoot,
    /// A private key for tokens, PKCS#8.
    SigningKey,
    /// The key of a subject's sealed fields.
    SubjectKey,
    /// A password hash as a PHC string.
    Password,
}

impl Kind {
    /// As stored, and as a person reads it in an error.
    fn as_str(self) -> &'static str {
        match self {
            Self::Check => "check entry",
            Self::SiteRoot => "site root",
            Self::SigningKey => "signing key",
            Self::SubjectKey => "subject key",
            Self::Password => "password",
        }
    }
}

/// The open database. It alone holds the file (exclusive locking), so what is cached above stays true.
pub(super) struct Store {
    connection: Connection,
    journal: PathBuf,
    aead: Aead,
}

impl Store {
    /// Opens or makes the file, and checks that the key belongs to it. `key_path` is only named in errors.
    pub(super) fn open(path: &Path, key_path: &Path, key: &[u8; 32]) -> Result<Self, VaultError> {
        // Made here and not by SQLite, so that it never exists with a wider mode; the journal takes over the mode.
        match OpenOptions::new().write(true).create_new(true).mode(0o600).open(path) {
            Ok(file) => file.sync_all().map_err(VaultError::io(path))?,
            Err(error) if error.kind() == ErrorKind::AlreadyExists => {}
            Err(error) => return Err(VaultError::io(path)(error)),
        }
        sync_directory_of(path)?;
        let connection = Connection::open(path)?;
        configure(&connection).map_err(|error| in_use_or(error, path))?;
        let mut journal = path.as_os_str().to_owned();
        journal.push("-journal");
        let mut store = Self { connection, journal: journal.into(), aead: Aead::new(key)? };
        store.check_layout()?;
        store.check_key(path, key_path)?;
        store.scrub_journal()?;
        Ok(store)
    }

    /// Stores an entry unless one of this name exists; says whether it did. Durable on return.
    pub(super) fn insert(&mut self, kind: Kind, site: &str, name: &str, secret: &[u8]) -> Result<bool, VaultError> {
        let sealed = self.aead.seal(&place(kind, site, name), secret)?;
        let sql = "INSERT INTO entries (kind, site, name, sealed) VALUES (?1, ?2, ?3, ?4) ON CONFLICT DO NOTHING";
        Ok(self.connection.prepare_cached(sql)?.execute(params![kind.as_str(), site, name, sealed])? == 1)
    }

    /// Like [`Self::insert`], for secrets whose name is only ever used once.
    pub(super) fn insert_new(&mut self, kind: Kind, site: &SiteName, name: &str, secret: &[u8]) -> Result<(), VaultError> {
        match self.insert(kind, site.as_str(), name, secret)? {
            true => Ok(()),
            false => Err(VaultError::AlreadyThere { kind: kind.as_str(), site: site.to_string(), name: name.to_owned() }),
        }
    }

    /// The entry's secret, if there is such an entry.
    pub(super) fn read(&self, kind: Kind, site: &str, name: &str) -> Result<Option<Zeroizing<Vec<u8>>>, VaultError> {
        let sql = "SELECT sealed FROM entries WHERE kind = ?1 AND site = ?2 AND name = ?3";
        let mut statement = self.connection.prepare_cached(sql)?;
        let sealed = statement.query_row(params![kind.as_str(), site, name], |row| row.get::<_, Vec<u8>>(0)).optional()?;
        let Some(sealed) = sealed else { return Ok(None) };
        self.aead.open(&place(kind, site, name), &sealed).map(Some).ok_or_else(|| damaged(kind, site, name))
    }

    /// Like [`Self::read`], for secrets of 32 bytes.
    pub(super) fn read_key(&self, kind: Kind, site: &str, name: &str) -> Result<Option<Zeroizing<[u8; 32]>>, VaultError> {
        let Some(bytes) = self.read(kind, site, name)? else { return Ok(None) };
        let mut key = Zeroizing::new([0; 32]);
        key.copy_from_slice(bytes.first_chunk::<32>().filter(|_| bytes.len() == 32).ok_or_else(|| damaged(kind, site, name))?);
        Ok(Some(key))
    }

    /// Erases an entry from the database and the journal; says whether there was one. Durable on return.
    pub(super) fn erase(&mut self, kind: Kind, site: &SiteName, name: &str) -> Result<bool, VaultError> {
        let sql = "DELETE FROM entries WHERE kind = ?1 AND site = ?2 AND name = ?3";
        let erased = self.connection.prepare_cached(sql)?.execute(params![kind.as_str(), site.as_str(), name])? == 1;
        self.scrub_journal()?;
        Ok(erased)
    }

    /// The names of a site's entries of this kind, sorted.
    pub(super) fn names(&self, kind: Kind, site: &SiteName) -> Result<Vec<String>, VaultError> {
        let sql = "SELECT name FROM entries WHERE kind = ?1 AND site = ?2 ORDER BY name";
        let mut statement = self.connection.prepare_cached(sql)?;
        let names = statement.query_map(params![kind.as_str(), site.as_str()], |row| row.get(0))?;
        Ok(names.collect::<Result<_, _>>()?)
    }

    /// The sites that have an entry of this kind, sorted.
    pub(super) fn sites(&self, kind: Kind) -> Result<Vec<String>, VaultError> {
        let mut statement = self.connection.prepare_cached("SELECT DISTINCT site FROM entries WHERE kind = ?1 ORDER BY site")?;
        let sites = statement.query_map(params![kind.as_str()], |row| row.get(0))?;
        Ok(sites.collect::<Result<_, _>>()?)
    }

    fn check_layout(&self) -> Result<(), VaultError> {
        let found: i64 = self.connection.query_row("PRAGMA user_version", [], |row| row.get(0))?;
        if found == LAYOUT {
            return Ok(());
        }
        if found != 0 {
            return Err(VaultError::ForeignLayout { found, expected: LAYOUT });
        }
        self.connection.execute_batch(&format!(
            "BEGIN EXCLUSIVE;
             CREATE TABLE entries (kind TEXT NOT NULL, site TEXT NOT NULL, name TEXT NOT NULL, sealed BLOB NOT NULL,
                                   PRIMARY KEY (kind, site, name)) STRICT;
             PRAGMA user_version = {LAYOUT};
             COMMIT;"
        ))?;
        Ok(())
    }

    fn check_key(&mut self, path: &Path, key_path: &Path) -> Result<(), VaultError> {
        let other_key = || VaultError::KeyOfAnotherVault { key: key_path.into(), vault: path.into() };
        match self.read(Kind::Check, "", "") {
            Ok(Some(text)) if text.as_slice() == CHECK => Ok(()),
            Ok(Some(_)) | Err(VaultError::EntryDamaged { .. }) => Err(other_key()),
            Ok(None) => self.insert(Kind::Check, "", "", CHECK).map(|_| ()),
            Err(error) => Err(error),
        }
    }

    /// Overwrites what past transactions left in the rollback journal: it holds pages as they were, with what was erased since.
    /// Only called outside transactions, when the journal's header is zeroed and SQLite reads nothing of it.
    fn scrub_journal(&self) -> Result<(), VaultError> {
        let scrub = || -> io::Result<()> {
            let mut file = match OpenOptions::new().write(true).open(&self.journal) {
                Ok(file) => file,
                Err(error) if error.kind() == ErrorKind::NotFound => return Ok(()),
                Err(error) => return Err(error),
            };
            overwrite_with_zeros(&mut file)
        };
        scrub().map_err(VaultError::io(&self.journal))
    }
}

fn overwrite_with_zeros(file: &mut File) -> io::Result<()> {
    let zeros = [0; 4096];
    let mut left = file.metadata()?.len();
    while left > 0 {
        let length = left.min(4096);
        let (chunk, _) = zeros.split_at(usize::try_from(length).unwrap_or(4096).min(4096));
        file.write_all(chunk)?;
        left -= length;
    }
    file.sync_all()
}

/// `secure_delete` zeroes erased entries in the database. The journal stays one file (PERSIST), so that we can zero it too; a
/// write-ahead log would keep old pages until chance overwrites them. EXTRA also makes the journal's end of life durable.
fn configure(connection: &Connection) -> Result<(), rusqlite::Error> {
    connection.busy_timeout(Duration::from_millis(500))?;
    connection.set_prepared_statement_cache_capacity(32);
    for (pragma, value) in [
        ("secure_delete", "ON"),
        ("locking_mode", "EXCLUSIVE"),
        ("journal_mode", "PERSIST"),
        ("synchronous", "EXTRA"),
        ("temp_store", "MEMORY"),
        ("trusted_schema", "OFF"),
        ("cell_size_check", "ON"),
    ] {
        connection.pragma_update_and_check(None, pragma, value, |_| Ok(())).or_else(|error| match error {
            rusqlite::Error::QueryReturnedNoRows => Ok(()),
            other => Err(other),
        })?;
    }
    // Takes the lock now, and rolls back what a crash left half done.
    connection.execute_batch("BEGIN EXCLUSIVE; COMMIT;")
}

fn in_use_or(error: rusqlite::Error, path: &Path) -> VaultError {
    match error.sqlite_error_code() {
        Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => VaultError::InUse { path: path.into() },
        Some(_) | None => VaultError::Database(error),
    }
}

fn place<'a>(kind: Kind, site: &'a str, name: &'a str) -> [&'a [u8]; 3] {
    [kind.as_str().as_bytes(), site.as_bytes(), name.as_bytes()]
}

fn damaged(kind: Kind, site: &str, name: &str) -> VaultError {
    VaultError::EntryDamaged { kind: kind.as_str(), site: site.to_owned(), name: name.to_owned() }
}

/// What a listing found, parsed; a name that is none of ours was put there by someone else.
pub(super) fn parse_names<T: std::str::FromStr>(kind: Kind, site: &SiteName, names: Vec<String>) -> Result<Vec<T>, VaultError> {
    names.into_iter().map(|name| name.parse().map_err(|_| damaged(kind, site.as_str(), &name))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::{
        collections::{BTreeSet, HashMap},
        fs,
    };

    fn store(dir: &Path) -> Store {
        Store::open(&dir.join("vault.sqlite"), Path::new("key"), &[7; 32]).unwrap()
    }

    fn sealed(store: &Store, name: &str) -> Vec<u8> {
        store.connection.query_row("SELECT sealed FROM entries WHERE name = ?1", [name], |row| row.get(0)).unwrap()
    }

    /// Which of these stand anywhere in the files of the directory, the journal included.
    fn found(dir: &Path, needles: &[(String, Vec<u8>)]) -> Vec<String> {
        let by_start: HashMap<&[u8], &String> = needles.iter().map(|(name, bytes)| (&bytes[..12], name)).collect();
        let files = fs::read_dir(dir).unwrap().map(|entry| fs::read(entry.unwrap().path()).unwrap());
        let hits = files.flat_map(|file| file.windows(12).filter_map(|window| by_start.get(window).copied().cloned()).collect::<Vec<_>>());
        hits.collect::<BTreeSet<_>>().into_iter().collect()
    }

    #[test]
    fn an_erased_entry_is_nowhere_in_the_files() {
        let dir = tempfile::tempdir().unwrap();
        let (mut store, site) = (store(dir.path()), SiteName::default_site());
        let name = |n: usize| format!("entry {}", (n * 7919) % 1009);
        // One transaction, because a thousand syncs would only make the test slow.
        store.connection.execute_batch("BEGIN").unwrap();
        for n in 0..300 {
            store.insert_new(Kind::SubjectKey, &site, &name(n), &vec![1; 32 + (n % 5) * 300]).unwrap();
        }
        store.connection.execute_batch("COMMIT").unwrap();
        let all: Vec<_> = (0..300).map(|n| (name(n), sealed(&store, &name(n)))).collect();
        assert_eq!(found(dir.path(), &all).len(), 300, "the search itself works");

        for n in (0..300).filter(|n| n % 3 != 0) {
            assert!(store.erase(Kind::SubjectKey, &site, &name(n)).unwrap());
        }
        let (kept, erased): (Vec<_>, Vec<_>) = all.into_iter().enumerate().partition(|(n, _)| n % 3 == 0);
        let only = |list: Vec<(usize, (String, Vec<u8>))>| list.into_iter().map(|(_, entry)| entry).collect::<Vec<_>>();
        assert_eq!(found(dir.path(), &only(erased)), Vec::<String>::new());
        assert_eq!(found(dir.path(), &only(kept)).len(), 100);
    }

    #[test]
    fn an_entry_moved_to_another_place_is_damaged() {
        let dir = tempfile::tempdir().unwrap();
        let (mut store, site) = (store(dir.path()), SiteName::default_site());
        store.insert_new(Kind::SubjectKey, &site, "ann", &[1; 32]).unwrap();
        store.connection.execute("UPDATE entries SET name = 'bob' WHERE name = 'ann'", []).unwrap();
        let read = store.read(Kind::SubjectKey, site.as_str(), "bob");
        assert!(matches!(read, Err(VaultError::EntryDamaged { kind: "subject key", .. })));
    }

    #[test]
    fn an_entry_is_never_overwritten() {
        let dir = tempfile::tempdir().unwrap();
        let (mut store, site) = (store(dir.path()), SiteName::default_site());
        store.insert_new(Kind::Password, &site, "ann", b"first").unwrap();
        assert!(matches!(store.insert_new(Kind::Password, &site, "ann", b"second"), Err(VaultError::AlreadyThere { .. })));
        assert_eq!(store.read(Kind::Password, site.as_str(), "ann").unwrap().unwrap().as_slice(), b"first");
    }

    #[test]
    fn a_layout_of_another_version_is_refused() {
        let dir = tempfile::tempdir().unwrap();
        store(dir.path()).connection.execute_batch("PRAGMA user_version = 9").unwrap();
        let opened = Store::open(&dir.path().join("vault.sqlite"), Path::new("key"), &[7; 32]);
        assert!(matches!(opened.err(), Some(VaultError::ForeignLayout { found: 9, expected: LAYOUT })));
    }

    #[test]
    fn every_setting_that_erasure_and_durability_rest_on_is_in_force() {
        let dir = tempfile::tempdir().unwrap();
        let store = store(dir.path());
        let setting =
            |pragma: &str| store.connection.query_row(&format!("PRAGMA {pragma}"), [], |row| row.get::<_, rusqlite::types::Value>(0));
        assert_eq!(setting("secure_delete").unwrap(), 1.into());
        assert_eq!(setting("synchronous").unwrap(), 3.into());
        assert_eq!(setting("journal_mode").unwrap(), "persist".to_owned().into());
        assert_eq!(setting("locking_mode").unwrap(), "exclusive".to_owned().into());
    }
}
