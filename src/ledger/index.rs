//! Which events name an id: in memory, rebuilt from the log at will. It serves `explain`, `log`'s filters, and answers about
//! things that state has forgotten.

use crate::terms::{Digest, Seq};
use serde_json::{Map, Value};
use std::collections::HashMap;

/// The events of each id.
#[derive(Default)]
pub(super) struct Index(HashMap<Key, Vec<Seq>>);

/// The first half of the id's SHA-256: ids have prefixes, so kinds do not meet.
type Key = [u8; 16];

/// The members of a leaf that hold ids.
const MEMBERS: [&str; 11] = ["asker", "client", "code", "consent", "corr", "grant", "kid", "login", "session", "token", "user"];

impl Index {
    /// Takes in a record by its leaf's members.
    pub(super) fn add(&mut self, seq: Seq, members: &Map<String, Value>) {
        for id in MEMBERS.iter().filter_map(|name| members.get(*name)).filter_map(Value::as_str) {
            let seqs = self.0.entry(key(id)).or_default();
            if seqs.last() != Some(&seq) {
                seqs.push(seq);
            }
        }
    }

    /// The events that name this id, in order.
    pub(super) fn of(&self, id: &str) -> Vec<Seq> {
        self.0.get(&key(id)).cloned().unwrap_or_default()
    }
}

fn key(id: &str) -> Key {
    let digest = Digest::of(id.as_bytes());
    digest.bytes().first_chunk::<16>().copied().unwrap_or_default()
}
