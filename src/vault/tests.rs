//! The vault as a whole: what is kept, what is refused, what is erased.

use super::*;
use crate::terms::{ClientId, CredentialId, KeyId, Opaque, SigningAlgorithm, Subject, UserId};
use std::{
    fs::{self, Permissions},
    os::unix::fs::PermissionsExt,
};
use tempfile::{TempDir, tempdir};

fn site(name: &str) -> SiteName {
    name.parse().unwrap()
}

fn user(n: u8) -> Subject {
    Subject::User(UserId::from_bytes([n; 16]))
}

/// A data directory whose vault was made and closed again.
fn closed() -> TempDir {
    let dir = tempdir().unwrap();
    Vault::open(dir.path(), None).unwrap().create_site(&site("default")).unwrap();
    dir
}

fn refusal(dir: &TempDir) -> VaultError {
    Vault::open(dir.path(), None).err().expect("the vault must be refused")
}

#[test]
fn the_first_start_makes_key_and_vault_for_the_owner_alone() {
    let parent = tempdir().unwrap();
    let dir = parent.path().join("data");
    let vault = Vault::open(&dir, None).unwrap();
    vault.create_site(&site("default")).unwrap();
    let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(&dir), 0o700);
    for entry in fs::read_dir(&dir).unwrap() {
        assert_eq!(mode(&entry.unwrap().path()), 0o600);
    }
    let mut names: Vec<_> = fs::read_dir(&dir).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    assert_eq!(names, ["master.key", "vault.sqlite", "vault.sqlite-journal"]);
}

#[test]
fn everything_is_still_there_after_a_restart() {
    let dir = tempdir().unwrap();
    let (site, ann, crd) = (site("default"), user(1), CredentialId::from_bytes([2; 16]));
    let (login, key) = {
        let vault = Vault::open(dir.path(), None).unwrap();
        vault.store_password(&site, crd, "$argon2id$…").unwrap();
        (vault.create_site(&site).unwrap().login("ann"), vault.ensure_subject(&site, &ann).unwrap())
    };
    let vault = Vault::open(dir.path(), None).unwrap();
    assert_eq!(vault.site_keys(&site).unwrap().unwrap().login("ann"), login);
    assert_eq!(vault.subject_key(&site, &ann).unwrap().unwrap(), key);
    assert_eq!(vault.password(&site, crd).unwrap().unwrap().as_str(), "$argon2id$…");
}

#[test]
fn a_vault_without_its_key_is_refused_and_no_key_is_minted() {
    let dir = closed();
    fs::remove_file(dir.path().join("master.key")).unwrap();
    assert!(matches!(refusal(&dir), VaultError::KeyMissing { .. }));
    assert!(!dir.path().join("master.key").exists());
}

#[test]
fn the_key_of_another_vault_is_refused() {
    let (dir, other) = (closed(), closed());
    fs::copy(other.path().join("master.key"), dir.path().join("master.key")).unwrap();
    assert!(matches!(refusal(&dir), VaultError::KeyOfAnotherVault { .. }));
}

#[test]
fn a_key_that_others_can_read_is_refused() {
    for mode in [0o640, 0o604, 0o660, 0o644, 0o620] {
        let dir = closed();
        fs::set_permissions(dir.path().join("master.key"), Permissions::from_mode(mode)).unwrap();
        assert!(matches!(refusal(&dir), VaultError::KeyOpenToOthers { .. }), "{mode:o}");
        fs::set_permissions(dir.path().join("master.key"), Permissions::from_mode(0o400)).unwrap();
        assert!(Vault::open(dir.path(), None).is_ok());
    }
}

#[test]
fn a_damaged_key_is_refused_and_left_as_it_is() {
    for damage in ["", "writ-master-key-1", "0123456789abcdef", &"x".repeat(100_000)] {
        let dir = closed();
        fs::write(dir.path().join("master.key"), damage).unwrap();
        assert!(matches!(refusal(&dir), VaultError::KeyDamaged { .. }));
        assert_eq!(fs::read_to_string(dir.path().join("master.key")).unwrap(), damage);
    }
}

#[test]
fn a_key_that_cannot_be_read_is_refused() {
    let dir = closed();
    fs::remove_file(dir.path().join("master.key")).unwrap();
    fs::create_dir(dir.path().join("master.key")).unwrap();
    fs::set_permissions(dir.path().join("master.key"), Permissions::from_mode(0o700)).unwrap();
    assert!(matches!(refusal(&dir), VaultError::File { .. }));
}

#[test]
fn a_named_key_file_is_used_instead_of_the_default() {
    let (dir, elsewhere) = (tempdir().unwrap(), tempdir().unwrap());
    let key = elsewhere.path().join("writ.key");
    drop(Vault::open(dir.path(), Some(&key)).unwrap());
    assert!(key.exists() && !dir.path().join("master.key").exists());
    assert!(Vault::open(dir.path(), Some(&key)).is_ok());
    assert!(matches!(refusal(&dir), VaultError::KeyMissing { .. }));
}

#[test]
fn a_start_cut_short_between_key_and_vault_goes_on_with_that_key() {
    let dir = closed();
    let key = fs::read(dir.path().join("master.key")).unwrap();
    fs::remove_file(dir.path().join("vault.sqlite")).unwrap();
    fs::write(dir.path().join("master.key.new"), "half a dra").unwrap();
    drop(Vault::open(dir.path(), None).unwrap());
    assert_eq!(fs::read(dir.path().join("master.key")).unwrap(), key);
}

#[test]
fn a_file_that_is_no_vault_is_refused() {
    let dir = closed();
    fs::write(dir.path().join("vault.sqlite"), "this is not a database at all, it is a sentence".repeat(100)).unwrap();
    assert!(matches!(refusal(&dir), VaultError::Database(_)));
}

#[test]
fn a_vault_in_use_is_refused_to_a_second_process() {
    let dir = tempdir().unwrap();
    let vault = Vault::open(dir.path(), None).unwrap();
    assert!(matches!(refusal(&dir), VaultError::InUse { .. }));
    drop(vault);
    assert!(Vault::open(dir.path(), None).is_ok());
}

#[test]
fn a_site_has_one_root_for_ever() {
    let dir = tempdir().unwrap();
    let vault = Vault::open(dir.path(), None).unwrap();
    assert!(vault.site_keys(&site("one")).unwrap().is_none());
    let first = vault.create_site(&site("one")).unwrap().refresh_mac(b"m");
    assert_eq!(vault.create_site(&site("one")).unwrap().refresh_mac(b"m"), first);
    assert_eq!(vault.site_keys(&site("one")).unwrap().unwrap().refresh_mac(b"m"), first);
    assert_ne!(vault.create_site(&site("two")).unwrap().refresh_mac(b"m"), first);
    vault.create_site(&SiteName::server()).unwrap();
    assert_eq!(vault.sites().unwrap(), [SiteName::server(), site("one"), site("two")]);
}

#[test]
fn a_signing_key_lives_until_it_is_destroyed() {
    let dir = tempdir().unwrap();
    let vault = Vault::open(dir.path(), None).unwrap();
    let (here, kids) = (site("default"), [KeyId::from_bytes([1; 16]), KeyId::from_bytes([2; 16])]);
    let rsa = vault.create_signing_key(&here, kids[0], SigningAlgorithm::Rs256).unwrap();
    let ed = vault.create_signing_key(&here, kids[1], SigningAlgorithm::EdDsa).unwrap();
    assert!(matches!(vault.create_signing_key(&here, kids[1], SigningAlgorithm::EdDsa), Err(VaultError::AlreadyThere { .. })));
    assert_eq!(vault.signing_key(&here, kids[0]).unwrap().unwrap(), rsa);
    assert_eq!(vault.signing_key(&here, kids[1]).unwrap().unwrap(), ed);
    assert!(vault.signing_key(&site("other"), kids[0]).unwrap().is_none());
    assert_eq!(vault.signing_keys(&here).unwrap(), kids);
    assert!(vault.destroy_signing_key(&here, kids[0]).unwrap());
    assert!(!vault.destroy_signing_key(&here, kids[0]).unwrap());
    assert!(vault.signing_key(&here, kids[0]).unwrap().is_none());
    assert_eq!(vault.signing_keys(&here).unwrap(), [kids[1]]);
}

#[test]
fn a_destroyed_subject_is_gone_from_memory_and_file() {
    let dir = tempdir().unwrap();
    let here = site("default");
    let subjects = [Subject::Client(ClientId::from_bytes([3; 32])), Subject::Month("2026-11".into()), user(1), user(2)];
    let vault = Vault::open(dir.path(), None).unwrap();
    let keys: Vec<_> = subjects.iter().map(|subject| vault.ensure_subject(&here, subject).unwrap()).collect();
    assert_eq!(vault.ensure_subject(&here, &subjects[2]).unwrap(), keys[2]);
    assert_eq!(vault.subjects(&here).unwrap(), subjects);
    assert!(vault.subject_key(&site("other"), &subjects[2]).unwrap().is_none());

    assert!(vault.destroy_subject(&here, &subjects[2]).unwrap());
    assert!(!vault.destroy_subject(&here, &subjects[2]).unwrap());
    assert!(vault.subject_key(&here, &subjects[2]).unwrap().is_none());
    assert_eq!(vault.subject_key(&here, &subjects[3]).unwrap().unwrap(), keys[3]);
    drop(vault);
    let vault = Vault::open(dir.path(), None).unwrap();
    assert!(vault.subject_key(&here, &subjects[2]).unwrap().is_none());
    assert_ne!(vault.ensure_subject(&here, &subjects[2]).unwrap(), keys[2]);
}

#[test]
fn a_password_is_stored_once_and_destroyed() {
    let dir = tempdir().unwrap();
    let vault = Vault::open(dir.path(), None).unwrap();
    let (here, crd) = (site("default"), CredentialId::from_bytes([4; 16]));
    vault.store_password(&here, crd, "first").unwrap();
    assert!(matches!(vault.store_password(&here, crd, "second"), Err(VaultError::AlreadyThere { .. })));
    assert_eq!(vault.credentials(&here).unwrap(), [crd]);
    assert_eq!(vault.password(&here, crd).unwrap().unwrap().as_str(), "first");
    assert!(vault.destroy_password(&here, crd).unwrap());
    assert!(vault.password(&here, crd).unwrap().is_none());
    assert!(vault.credentials(&here).unwrap().is_empty());
}

#[test]
fn no_secret_stands_in_clear_in_any_file() {
    let dir = tempdir().unwrap();
    let vault = Vault::open(dir.path(), None).unwrap();
    let here = site("default");
    let subject = vault.ensure_subject(&here, &user(1)).unwrap();
    let signing = vault.create_signing_key(&here, KeyId::from_bytes([1; 16]), SigningAlgorithm::EdDsa).unwrap();
    vault.store_password(&here, CredentialId::from_bytes([2; 16]), "$argon2id$in clear").unwrap();
    for entry in fs::read_dir(dir.path()).unwrap() {
        let file = fs::read(entry.unwrap().path()).unwrap();
        for secret in [subject.as_slice(), &signing[16..], b"$argon2id$in clear"] {
            assert!(!file.windows(16).any(|window| secret.starts_with(window)));
        }
    }
}

#[test]
fn threads_that_ask_for_the_same_subject_at_once_get_one_key() {
    let dir = tempdir().unwrap();
    let vault = Vault::open(dir.path(), None).unwrap();
    let keys: Vec<_> = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..8).map(|_| scope.spawn(|| vault.ensure_subject(&site("default"), &user(1)).unwrap())).collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).collect()
    });
    assert!(keys.iter().all(|key| *key == keys[0]));
}
