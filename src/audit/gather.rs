//! Which events belong to an id: those that name it, those of its grants, and what led to them.

use super::story::Kind;
use crate::event::{Event, Record};
use crate::ledger::{Failure, Ledger, Most, Site};
use crate::log::StoredRecord;
use crate::terms::Seq;
use serde_json::{Map, Value};
use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, BTreeSet};

/// The events of a story by their number, and how many were left out.
pub(super) struct Gathered {
    pub(super) records: BTreeMap<Seq, (Record, StoredRecord)>,
    pub(super) omitted: usize,
}

/// A story has so many events; of longer ones the first [`FIRST`] and the newest are told.
const EVENTS_MAX: usize = 400;
const FIRST: usize = 50;
/// So many events of an id, from its beginning and up to its end, are looked at.
const READ_MAX: usize = 500;

/// The events that belong to this id. Empty if the log does not know it.
pub(super) fn gather(ledger: &Ledger, site: &Site, kind: Kind, id: &str) -> Result<Gathered, Failure> {
    let durable = site.durable().events;
    let named = |id: &str| {
        let mut seqs = site.events_of(id, 0..durable, Most::Oldest(READ_MAX));
        let after = seqs.last().map_or(0, |last| last.next().0)..durable;
        let unread = site.count_of(id, after.clone()).saturating_sub(READ_MAX);
        seqs.extend(site.events_of(id, after, Most::Newest(READ_MAX)));
        (seqs, unread)
    };
    let mut reader = Reader { ledger, site, records: BTreeMap::new() };
    let (own, unread) = named(id);
    let mut unread = BTreeMap::from([(id.to_owned(), unread)]);
    let mut seqs: BTreeSet<Seq> = own.iter().copied().collect();
    for grant in reader.grants(kind, id, &own)? {
        let (of_grant, unread_of_grant) = named(&grant);
        for session in reader.values(&of_grant, "session")? {
            let (of_session, _) = named(&session);
            seqs.extend(reader.only_session_events(&of_session)?);
        }
        seqs.extend(of_grant);
        unread.insert(grant, unread_of_grant);
    }
    let omitted = shorten(&mut seqs) + unread.values().sum::<usize>();
    match kind {
        Kind::Client | Kind::User => {}
        Kind::Code | Kind::Consent | Kind::Grant | Kind::Request | Kind::Session | Kind::Token => reader.add_causes(&mut seqs)?,
    }
    let mut records = BTreeMap::new();
    for seq in seqs {
        records.insert(seq, reader.take(seq)?);
    }
    Ok(Gathered { records, omitted })
}

impl Gathered {
    /// Takes in one event more, whatever the limit.
    pub(super) fn add(&mut self, ledger: &Ledger, site: &Site, seq: Seq) -> Result<(), Failure> {
        if let Entry::Vacant(vacant) = self.records.entry(seq) {
            vacant.insert(Reader { ledger, site, records: BTreeMap::new() }.take(seq)?);
        }
        Ok(())
    }
}

/// Reads each record once.
struct Reader<'a> {
    ledger: &'a Ledger,
    site: &'a Site,
    records: BTreeMap<Seq, (Record, StoredRecord)>,
}

impl Reader<'_> {
    fn read(&mut self, seq: Seq) -> Result<&(Record, StoredRecord), Failure> {
        if !self.records.contains_key(&seq) {
            let stored = self.ledger.stored(self.site, seq)?;
            let record = Record::from_leaf(&stored.leaf).map_err(|error| Failure::Unreadable(error.to_string()))?;
            self.records.insert(seq, (record, stored));
        }
        self.records.get(&seq).ok_or_else(|| Failure::Contradiction(format!("event {seq} was read and is gone")))
    }

    fn take(&mut self, seq: Seq) -> Result<(Record, StoredRecord), Failure> {
        self.read(seq)?;
        self.records.remove(&seq).ok_or_else(|| Failure::Contradiction(format!("event {seq} was read and is gone")))
    }

    /// The grants whose events belong to the story too.
    fn grants(&mut self, kind: Kind, id: &str, own: &[Seq]) -> Result<BTreeSet<String>, Failure> {
        match kind {
            Kind::Grant => Ok(BTreeSet::from([id.to_owned()])),
            Kind::Code | Kind::Consent | Kind::Session | Kind::Token => self.values(own, "grant"),
            Kind::Client | Kind::Request | Kind::User => Ok(BTreeSet::new()),
        }
    }

    /// What these events say under this member.
    fn values(&mut self, seqs: &[Seq], member: &str) -> Result<BTreeSet<String>, Failure> {
        let mut values = BTreeSet::new();
        for seq in seqs {
            let members: Map<String, Value> = super::select::members(&self.read(*seq)?.1)?;
            values.extend(members.get(member).and_then(Value::as_str).map(str::to_owned));
        }
        Ok(values)
    }

    /// Of a session that is shared with other grants only its own beginning and end.
    fn only_session_events(&mut self, seqs: &[Seq]) -> Result<Vec<Seq>, Failure> {
        let mut kept = Vec::new();
        for seq in seqs {
            if matches!(self.read(*seq)?.0.event, Event::Session(_)) {
                kept.push(*seq);
            }
        }
        Ok(kept)
    }

    fn add_causes(&mut self, seqs: &mut BTreeSet<Seq>) -> Result<(), Failure> {
        let mut waiting: Vec<Seq> = seqs.iter().copied().collect();
        while let Some(seq) = waiting.pop() {
            let cause = self.read(seq)?.0.cause;
            if let Some(cause) = cause.filter(|cause| seqs.insert(*cause)) {
                waiting.push(cause);
            }
        }
        Ok(())
    }
}

/// Leaves out the middle of a story that is too long; says how many events that are.
fn shorten(seqs: &mut BTreeSet<Seq>) -> usize {
    let omitted = seqs.len().saturating_sub(EVENTS_MAX);
    if omitted > 0 {
        let middle: Vec<Seq> = seqs.iter().copied().skip(FIRST).take(omitted).collect();
        seqs.retain(|seq| !middle.contains(seq));
    }
    omitted
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_story_that_is_too_long_keeps_its_beginning_and_its_end() {
        let mut seqs: BTreeSet<Seq> = (0..500).map(Seq).collect();
        assert_eq!(shorten(&mut seqs), 100);
        assert_eq!(seqs.len(), EVENTS_MAX);
        assert!(seqs.contains(&Seq(49)) && !seqs.contains(&Seq(50)) && !seqs.contains(&Seq(149)) && seqs.contains(&Seq(150)));
        assert_eq!(shorten(&mut seqs), 0);
    }
}
