//! Which events name an id: in memory, rebuilt from the log at will. It serves `explain`, `log`'s filters, and answers about
//! things that state has forgotten.
//!
//! Ids of requests (`corr`) are indexed like all others, for as long as the log is: whoever has the id from an error page may ask
//! years later. Most ids of requests, tokens and codes stand in one event or two, so the first stands in the entry itself.

use crate::terms::{ClientId, Digest, GrantId, Seq, TokenId, UserId};
use serde_json::{Map, Value};
use std::collections::HashMap;
use std::ops::Range;

/// The events of each id.
#[derive(Default)]
pub(super) struct Index {
    named: HashMap<Key, Seqs>,
    /// What ended a token, grant, session or permission: a thing that state has forgotten is judged without a walk through all that
    /// ever named it.
    ends: HashMap<Key, Seqs>,
    /// The events by which a grant handed out tokens.
    issued: HashMap<Key, Seqs>,
}

/// The first half of the id's SHA-256: ids have prefixes, so kinds do not meet.
type Key = [u8; 16];

/// Numbers of events, in order.
enum Seqs {
    One(Seq),
    Many(Vec<Seq>),
}

/// How many events of an id are wanted, and from which end.
#[derive(Clone, Copy, PartialEq, Debug)]
pub enum Most {
    /// The first ones.
    Oldest(usize),
    /// The last ones.
    Newest(usize),
}

/// The members of a leaf that hold ids.
const MEMBERS: [&str; 13] =
    ["asker", "client", "code", "consent", "corr", "grant", "invitation", "kid", "login", "logout", "session", "token", "user"];

impl Index {
    /// Takes in a record by its leaf's members.
    pub(super) fn add(&mut self, seq: Seq, members: &Map<String, Value>) {
        let text = |name: &str| members.get(name).and_then(Value::as_str);
        for id in MEMBERS.iter().filter_map(|name| text(name)) {
            add(&mut self.named, key(id), seq);
        }
        let ended = match text("type") {
            Some("token.revoked") => text("token").map(key),
            Some("grant.revoked") => text("grant").map(key),
            Some("session.ended") => text("session").map(key),
            Some("consent.revoked" | "grant.all_revoked") => {
                text("user").zip(text("client")).map(|(user, client)| permission(user, client))
            }
            Some("token.granted" | "refresh.rotated") => {
                text("grant").into_iter().for_each(|grant| add(&mut self.issued, key(grant), seq));
                None
            }
            Some(_) | None => None,
        };
        if let Some(ended) = ended {
            add(&mut self.ends, ended, seq);
        }
    }

    /// Of the events within this range that name this id, so many; in order.
    pub(super) fn of(&self, id: &str, within: Range<u64>, most: Most) -> Vec<Seq> {
        let all = self.within(id, within);
        let from = match most {
            Most::Oldest(_) => 0,
            Most::Newest(most) => all.len().saturating_sub(most),
        };
        let (Most::Oldest(most) | Most::Newest(most)) = most;
        all.iter().skip(from).take(most).copied().collect()
    }

    /// How many events within this range name this id.
    pub(super) fn count(&self, id: &str, within: Range<u64>) -> usize {
        self.within(id, within).len()
    }

    /// The first event that names this token.
    pub(super) fn first_of_token(&self, token: &TokenId) -> Option<Seq> {
        self.named.get(&key(&token.to_string())).and_then(|seqs| seqs.as_slice().first().copied())
    }
    /// The event that handed out the last tokens of this grant before `end`.
    pub(super) fn last_issue(&self, grant: &GrantId, end: Seq) -> Option<Seq> {
        let issued = self.issued.get(&key(&grant.to_string()))?.as_slice();
        issued.get(..issued.partition_point(|seq| *seq < end))?.last().copied()
    }
    /// The events that ended this thing, in order.
    pub(super) fn ends_of(&self, id: &str) -> &[Seq] {
        self.ends.get(&key(id)).map(Seqs::as_slice).unwrap_or_default()
    }
    /// The events that ended all that this person had allowed this client, in order.
    pub(super) fn withdrawals(&self, user: &UserId, client: &ClientId) -> &[Seq] {
        self.ends.get(&permission(&user.to_string(), client.as_str())).map(Seqs::as_slice).unwrap_or_default()
    }

    fn within(&self, id: &str, within: Range<u64>) -> &[Seq] {
        let all = self.named.get(&key(id)).map(Seqs::as_slice).unwrap_or_default();
        let (from, to) = (all.partition_point(|seq| seq.0 < within.start), all.partition_point(|seq| seq.0 < within.end));
        all.get(from..to).unwrap_or_default()
    }
}

impl Seqs {
    fn as_slice(&self) -> &[Seq] {
        match self {
            Self::One(seq) => std::slice::from_ref(seq),
            Self::Many(seqs) => seqs,
        }
    }
}

fn add(to: &mut HashMap<Key, Seqs>, key: Key, seq: Seq) {
    let seqs = to.entry(key).or_insert(Seqs::One(seq));
    match seqs {
        Seqs::One(first) if *first != seq => *seqs = Seqs::Many(vec![*first, seq]),
        Seqs::Many(all) if all.last() != Some(&seq) => all.push(seq),
        Seqs::One(_) | Seqs::Many(_) => {}
    }
}

fn key(id: &str) -> Key {
    let digest = Digest::of(id.as_bytes());
    digest.bytes().first_chunk::<16>().copied().unwrap_or_default()
}

/// A permission has no id of its own that outlives its renewal.
fn permission(user: &str, client: &str) -> Key {
    key(&format!("{user} {client}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn index(leaves: &[Value]) -> Index {
        let mut index = Index::default();
        (0..).zip(leaves).for_each(|(seq, leaf)| index.add(Seq(seq), leaf.as_object().unwrap()));
        index
    }

    #[test]
    fn so_many_events_of_an_id_are_given_as_are_wanted() {
        let leaves: Vec<Value> = (0..100).map(|n| json!({"client": if n % 2 == 0 { "even" } else { "odd" }, "user": "one"})).collect();
        let index = index(&leaves);
        let of = |id: &str, within: Range<u64>, most| index.of(id, within, most).iter().map(|seq| seq.0).collect::<Vec<_>>();
        assert_eq!(of("even", 0..100, Most::Oldest(3)), [0, 2, 4]);
        assert_eq!(of("even", 0..100, Most::Newest(3)), [94, 96, 98]);
        assert_eq!(of("odd", 10..16, Most::Newest(9)), [11, 13, 15]);
        assert_eq!(of("one", 98..u64::MAX, Most::Oldest(9)), [98, 99]);
        assert_eq!(of("nobody", 0..100, Most::Oldest(9)), [0; 0]);
        assert_eq!(of("even", Range { start: 50, end: 10 }, Most::Oldest(9)), [0; 0]);
        assert_eq!((index.count("even", 0..100), index.count("odd", 10..16)), (50, 3));
    }

    #[test]
    fn an_event_that_names_an_id_twice_counts_once() {
        let index =
            index(&[json!({"client": "a", "asker": "a"}), json!({"client": "a", "asker": "a"}), json!({"asker": "a", "client": "a"})]);
        assert_eq!(index.of("a", 0..9, Most::Oldest(9)), [Seq(0), Seq(1), Seq(2)]);
    }
}
