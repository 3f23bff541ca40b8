//! The SQLite file of the vault: entries by kind, site and name, each encrypted and bound to its place.
//!
//! A secret never moves within the file. `slots` only grows at its end, where SQLite splits no page, and an erased secret is
//! overwritten with zeros of the same length where it stands; the row stays. Deleting rows instead leaves copies behind, even with
//! `secure_delete`: when SQLite merges half-empty pages it moves rows and does not clear where they were (measured: after 13,333
//! of 20,000 rows were deleted, some of them could still be read; they were not counted to the end).

use super::{VaultError, aead::Aead, journal::Journal, master_key::sync_directory_of};
use crate::terms::SiteName;
use rusqlite::{Connection, ErrorCode, OptionalExtension, params};
use std::{fs::OpenOptions, io::ErrorKind, os::unix::fs::OpenOptionsExt, path::Path, time::Duration};
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
    pub(super) fn as_str(self) -> &'static str {
        match self {
            Self::Check => "check entry",
            Self::SiteRoot => "site root",
            Self::SigningKey => "signing key",
            Self::SubjectKey => "subject key",
            Self::Password => "password",
        }
    }
    /// What is stored under this word.
    fn described(word: &str) -> &'static str {
        let all = [Self::Check, Self::SiteRoot, Self::SigningKey, Self::SubjectKey, Self::Password];
        all.into_iter().map(Self::as_str).find(|known| *known == word).unwrap_or("entry of an unknown kind")
    }
}

/// The open database. It alone holds the file (exclusive locking), so what is cached above stays true.
pub(super) struct Store {
    connection: Connection,
    journal: Journal,
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
        let mut store = Self { connection, journal: Journal::of(path), aead: Aead::new(key)? };
        store.check_layout()?;
        store.check_key(path, key_path)?;
        store.journal.scrub()?;
        Ok(store)
    }

    /// Stores an entry unless one of this name exists; says whether it did. Durable on return.
    pub(super) fn insert(&mut self, kind: Kind, site: &str, name: &str, secret: &[u8]) -> Result<bool, VaultError> {
        let sealed = self.aead.seal(&place(kind, site, name), secret)?;
        let transaction = self.connection.transaction()?;
        transaction.prepare_cached("INSERT INTO slots (sealed) VALUES (?1)")?.execute(params![sealed])?;
        let sql = "INSERT INTO entries (kind, site, name, slot) VALUES (?1, ?2, ?3, last_insert_rowid()) ON CONFLICT DO NOTHING";
        let is_new = transaction.prepare_cached(sql)?.execute(params![kind.as_str(), site, name])? == 1;
        match is_new {
            true => transaction.commit()?,
            false => transaction.rollback()?,
        }
        Ok(is_new)
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
        let sql = "SELECT sealed FROM slots JOIN entries USING (slot) WHERE kind = ?1 AND site = ?2 AND name = ?3";
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
        let place = params![kind.as_str(), site.as_str(), name];
        let transaction = self.connection.transaction()?;
        let sql = "UPDATE slots SET sealed = zeroblob(length(sealed))
                   WHERE slot = (SELECT slot FROM entries WHERE kind = ?1 AND site = ?2 AND name = ?3)";
        transaction.prepare_cached(sql)?.execute(place)?;
        let sql = "DELETE FROM entries WHERE kind = ?1 AND site = ?2 AND name = ?3";
        let erased = transaction.prepare_cached(sql)?.execute(place)? == 1;
        transaction.commit()?;
        self.journal.scrub()?;
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

    /// Everything that is not as it was written: each entry that its key does not open, and each thing that SQLite finds wrong.
    pub(super) fn faults(&self) -> Result<Vec<VaultError>, VaultError> {
        let mut faults = Vec::new();
        let found: String = self.connection.query_row("PRAGMA quick_check(1)", [], |row| row.get(0))?;
        if found != "ok" {
            faults.push(VaultError::Inconsistent { found });
        }
        let sql = "SELECT kind, site, name, sealed FROM entries LEFT JOIN slots USING (slot)";
        let mut statement = self.connection.prepare(sql)?;
        let mut rows = statement.query([])?;
        while let Some(row) = rows.next()? {
            let (kind, site, name): (String, String, String) = (row.get(0)?, row.get(1)?, row.get(2)?);
            let sealed: Option<Vec<u8>> = row.get(3)?;
            let place = [kind.as_bytes(), site.as_bytes(), name.as_bytes()];
            if sealed.and_then(|sealed| self.aead.open(&place, &sealed)).is_none() {
                faults.push(VaultError::EntryDamaged { kind: Kind::described(&kind), site, name });
            }
        }
        Ok(faults)
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
             CREATE TABLE slots (slot INTEGER PRIMARY KEY, sealed BLOB NOT NULL) STRICT;
             CREATE TABLE entries (kind TEXT NOT NULL, site TEXT NOT NULL, name TEXT NOT NULL, slot INTEGER NOT NULL,
                                   PRIMARY KEY (kind, site, name)) STRICT, WITHOUT ROWID;
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
}

/// The journal stays one file (PERSIST), so that it can be scrubbed; a write-ahead log would keep old pages until chance overwrites
/// them. `secure_delete` is a second net under the slots, and clears the names.
fn configure(connection: &Connection) -> Result<(), rusqlite::Error> {
    connection.busy_timeout(Duration::from_millis(500))?;
    connection.set_prepared_statement_cache_capacity(32);
    connection.execute_batch(
        "PRAGMA secure_delete = ON;
         PRAGMA locking_mode = EXCLUSIVE;
         PRAGMA journal_mode = PERSIST;
         PRAGMA synchronous = FULL;
         PRAGMA temp_store = MEMORY;
         PRAGMA trusted_schema = OFF;
         PRAGMA cell_size_check = ON;",
    )?;
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
        store.connection.query_row("SELECT sealed FROM slots JOIN entries USING (slot) WHERE name = ?1", [name], |row| row.get(0)).unwrap()
    }

    /// Which of these stand anywhere in the files of the directory, the journal included.
    fn found(dir: &Path, needles: &[(String, Vec<u8>)]) -> Vec<String> {
        let by_start: HashMap<&[u8], &String> = needles.iter().map(|(name, bytes)| (&bytes[..12], name)).collect();
        let files = fs::read_dir(dir).unwrap().map(|entry| fs::read(entry.unwrap().path()).unwrap());
        let hits = files.flat_map(|file| file.windows(12).filter_map(|window| by_start.get(window).copied().cloned()).collect::<Vec<_>>());
        hits.collect::<BTreeSet<_>>().into_iter().collect()
    }

    /// Enough for many pages of each size, so that rows would be moved if anything moved rows.
    const ENTRIES: usize = 3000;

    #[test]
    fn an_erased_entry_is_nowhere_in_the_files() {
        let dir = tempfile::tempdir().unwrap();
        let (mut store, site) = (store(dir.path()), SiteName::default_site());
        let name = |n: usize| format!("entry {}", (n * 7919) % 20_011);
        // What is written where is the same without syncs; only the test is faster.
        store.connection.execute_batch("PRAGMA synchronous = OFF").unwrap();
        for n in 0..ENTRIES {
            store.insert_new(Kind::SubjectKey, &site, &name(n), &vec![1; 32 + (n % 3) * 10]).unwrap();
        }
        let all: Vec<_> = (0..ENTRIES).map(|n| (name(n), sealed(&store, &name(n)))).collect();
        assert_eq!(found(dir.path(), &all).len(), ENTRIES, "the search itself works");

        for n in (0..ENTRIES).filter(|n| n % 3 != 0) {
            assert!(store.erase(Kind::SubjectKey, &site, &name(n)).unwrap());
        }
        let (kept, erased): (Vec<_>, Vec<_>) = all.into_iter().enumerate().partition(|(n, _)| n % 3 == 0);
        let only = |list: Vec<(usize, (String, Vec<u8>))>| list.into_iter().map(|(_, entry)| entry).collect::<Vec<_>>();
        assert_eq!(found(dir.path(), &only(erased)), Vec::<String>::new());
        assert_eq!(found(dir.path(), &only(kept)).len(), ENTRIES / 3);
    }

    #[test]
    fn a_crash_in_the_middle_of_a_change_loses_nothing_that_was_there() {
        let (dir, crashed, without_journal) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let (mut store, site) = (store(dir.path()), SiteName::default_site());
        store.connection.execute_batch("PRAGMA synchronous = OFF; PRAGMA cache_size = 1").unwrap();
        for n in 0..500 {
            store.insert_new(Kind::SubjectKey, &site, &n.to_string(), &[1; 32]).unwrap();
        }
        // A tiny cache: pages of the open transaction are already in the file when the machine stops.
        store.connection.execute_batch("BEGIN; UPDATE slots SET sealed = zeroblob(length(sealed))").unwrap();
        let copy = |name: &str, to: &Path| assert!(fs::copy(dir.path().join(name), to.join(name)).unwrap() > 0);
        copy("vault.sqlite", crashed.path());
        copy("vault.sqlite-journal", crashed.path());
        copy("vault.sqlite", without_journal.path());

        let open = |dir: &Path| Store::open(&dir.join("vault.sqlite"), Path::new("key"), &[7; 32]);
        assert!(open(without_journal.path()).is_err(), "the change had reached the file");
        let reopened = open(crashed.path()).unwrap();
        for n in 0..500 {
            assert_eq!(reopened.read_key(Kind::SubjectKey, site.as_str(), &n.to_string()).unwrap().unwrap().as_slice(), [1; 32]);
        }
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
    fn every_entry_that_its_key_does_not_open_is_a_fault() {
        let dir = tempfile::tempdir().unwrap();
        let (mut store, site) = (store(dir.path()), SiteName::default_site());
        for name in ["ann", "bob", "cat"] {
            store.insert_new(Kind::Password, &site, name, b"secret").unwrap();
        }
        assert!(store.faults().unwrap().is_empty());
        store.connection.execute("UPDATE entries SET name = 'bill' WHERE name = 'bob'", []).unwrap();
        store.connection.execute("DELETE FROM slots WHERE slot = (SELECT slot FROM entries WHERE name = 'cat')", []).unwrap();
        let said: Vec<String> = store.faults().unwrap().iter().map(ToString::to_string).collect();
        assert_eq!(said, ["bill", "cat"].map(|name| format!("the password {name} of site default in the vault is damaged")));
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
        assert_eq!(setting("synchronous").unwrap(), 2.into());
        assert_eq!(setting("journal_mode").unwrap(), "persist".to_owned().into());
        assert_eq!(setting("locking_mode").unwrap(), "exclusive".to_owned().into());
    }
}
