//! The events that a filter means, read one after the other.

use super::filter::Filter;
use crate::ledger::{Failure, Ledger, Site};
use crate::log::StoredRecord;
use crate::terms::Seq;
use serde_json::{Map, Value};
use std::collections::VecDeque;

/// Events that may be meant, in the order in which they are to be read; each is looked at when it is its turn.
pub struct Selection {
    candidates: Candidates,
    filter: Filter,
}

/// Where to look. Nothing is held in memory that the site's index does not hold anyway.
enum Candidates {
    Range { next: u64, end: u64, backwards: bool },
    Listed(VecDeque<Seq>),
}

/// The durable events that the filter means, oldest first unless it says otherwise.
pub fn select(ledger: &Ledger, site: &Site, filter: &Filter) -> Result<Selection, Failure> {
    let durable = site.durable().events;
    let first = filter.from.map_or(Ok(0), |from| from.first(ledger, site, durable))?;
    let past = filter.to.map_or(Ok(durable), |to| to.past(ledger, site, durable))?.max(first);
    let backwards = filter.reverse || filter.newest.is_some();
    let candidates = match filter.indexed_id() {
        None => Candidates::Range { next: first, end: past, backwards },
        Some(id) => {
            let meant = site.events_of(id).into_iter().filter(|seq| (first..past).contains(&seq.0));
            Candidates::Listed(if backwards { meant.rev().collect() } else { meant.collect() })
        }
    };
    let selection = Selection { candidates, filter: filter.clone() };
    match filter.newest {
        Some(newest) => selection.newest(ledger, site, newest),
        None => Ok(selection),
    }
}

impl Selection {
    /// The next event that is meant; none at the end.
    pub fn next(&mut self, ledger: &Ledger, site: &Site) -> Result<Option<StoredRecord>, Failure> {
        while let Some(seq) = self.candidates.next() {
            let stored = ledger.stored(site, seq)?;
            let members = members(&stored)?;
            if self.filter.matches(&members) {
                return Ok(Some(stored));
            }
        }
        Ok(None)
    }

    /// Whether an event that has just become durable is meant.
    pub fn means(&self, members: &Map<String, Value>) -> bool {
        self.filter.matches(members)
    }

    /// Only the newest ones, in the order asked for.
    fn newest(mut self, ledger: &Ledger, site: &Site, newest: usize) -> Result<Self, Failure> {
        let mut found = VecDeque::new();
        while found.len() < newest {
            let Some(stored) = self.next(ledger, site)? else { break };
            match self.filter.reverse {
                true => found.push_back(stored.seq),
                false => found.push_front(stored.seq),
            }
        }
        Ok(Self { candidates: Candidates::Listed(found), filter: self.filter })
    }
}

impl Candidates {
    fn next(&mut self) -> Option<Seq> {
        let (next, end, backwards) = match self {
            Self::Listed(seqs) => return seqs.pop_front(),
            Self::Range { next, end, backwards } => (next, end, *backwards),
        };
        if *next >= *end {
            return None;
        }
        if backwards {
            *end = end.saturating_sub(1);
            return Some(Seq(*end));
        }
        let seq = *next;
        *next = seq.saturating_add(1);
        Some(Seq(seq))
    }
}

/// The members of a record's leaf.
pub fn members(stored: &StoredRecord) -> Result<Map<String, Value>, Failure> {
    match serde_json::from_slice(&stored.leaf) {
        Ok(Value::Object(members)) => Ok(members),
        Ok(_) | Err(_) => Err(Failure::Unreadable(format!("event {} is not a JSON object", stored.seq))),
    }
}
