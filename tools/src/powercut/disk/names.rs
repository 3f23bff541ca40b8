//! A directory: its names as they are seen, as they are durable, and what lies between.

use super::{Cut, Ino};
use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};

/// A directory.
#[derive(Default)]
pub struct Names {
    pub(super) now: BTreeMap<OsString, Ino>,
    pub(super) durable: BTreeMap<OsString, Ino>,
    pub(super) unsynced: Vec<(OsString, Option<Ino>)>,
}

impl Names {
    /// Gives a name to a node, or takes it away.
    pub(super) fn set(&mut self, name: &OsStr, ino: Option<Ino>) {
        set(&mut self.now, name, ino);
        self.unsynced.push((name.to_owned(), ino));
    }
    /// Changes of names reach a disk in their order.
    pub(super) fn after(&self, cut: &mut Cut<'_>) -> BTreeMap<OsString, Ino> {
        let mut left = self.durable.clone();
        let Cut::Torn(rng) = cut else { return left };
        let reached = rng.usize(0..=self.unsynced.len());
        self.unsynced.iter().take(reached).for_each(|(name, ino)| set(&mut left, name, *ino));
        left
    }
}

fn set(names: &mut BTreeMap<OsString, Ino>, name: &OsStr, ino: Option<Ino>) {
    match ino {
        Some(ino) => names.insert(name.to_owned(), ino),
        None => names.remove(name),
    };
}
