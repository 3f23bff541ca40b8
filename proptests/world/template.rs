//! Data directories that are made once and copied for every story: making keys and hashing passwords is what takes long.

use super::{Person, World, frozen};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use tempfile::TempDir;
use tokio::sync::Mutex;
use writ::event::Profile;
use writ::log::EngineKind;

static TEMPLATES: Mutex<BTreeMap<String, (TempDir, Vec<Person>)>> = Mutex::const_new(BTreeMap::new());

/// A server with these sites that was shut down in order, and its people.
pub async fn of(engine: EngineKind, names: &[&str]) -> (PathBuf, Vec<Person>) {
    let mut templates = TEMPLATES.lock().await;
    let key = format!("{engine:?} {names:?}");
    if !templates.contains_key(&key) {
        templates.insert(key.clone(), make(engine, names).await);
    }
    let (directory, people) = &templates[&key];
    (directory.path().to_owned(), people.clone())
}

async fn make(engine: EngineKind, names: &[&str]) -> (TempDir, Vec<Person>) {
    let directory = tempfile::tempdir().unwrap();
    let mut world = World::at(directory.path(), engine, Some(frozen()));
    for name in names {
        world.add_site(name, Profile::Openemr).await;
        world.add_person(name, &format!("alice.{name}")).await;
    }
    world.add_person(names[0], "bob").await;
    world.ledger.shut_down();
    (directory, world.people.clone())
}

/// Copies a directory into an empty one.
pub fn copy(from: &Path, to: &Path) {
    for entry in std::fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let target = to.join(entry.file_name());
        match entry.path().is_dir() {
            true => {
                std::fs::create_dir(&target).unwrap();
                copy(&entry.path(), &target);
            }
            false => drop(std::fs::copy(entry.path(), target).unwrap()),
        }
    }
}
