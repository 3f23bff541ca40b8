//! The events that a filter means, read one after the other.

use super::filter::Filter;
use super::when::WhenError;
use crate::ledger::{Failure, Ledger, Most, Site};
use crate::log::StoredRecord;
use crate::terms::Seq;
use serde_json::{Map, Value};
use std::collections::VecDeque;
use std::ops::Range;

/// Events that may be meant, in the order in which they are to be read; each is looked at when it is its turn.
pub struct Selection {
    candidates: Candidates,
    filter: Filter,
}

/// Where to look. Nothing is held in memory that the site's index does not hold anyway.
enum Candidates {
    Range {
        next: u64,
        end: u64,
        backwards: bool,
    },
    /// Those that name an id, a page at a time.
    Named {
        id: String,
        rest: Range<u64>,
        backwards: bool,
        page: VecDeque<Seq>,
    },
    Listed(VecDeque<Seq>),
}

/// So many numbers of events are taken out of the index at a time.
const PAGE: usize = 1_024;

/// The durable events that the filter means, oldest first unless it says otherwise.
pub fn select(ledger: &Ledger, site: &Site, filter: &Filter) -> Result<Selection, WhenError> {
    let durable = site.durable().events;
    let first = filter.from.map_or(Ok(0), |from| from.first(ledger, site, durable))?;
    let past = filter.to.map_or(Ok(durable), |to| to.past(ledger, site, durable))?.max(first);
    let backwards = filter.reverse || filter.newest.is_some();
    let candidates = match filter.indexed_id() {
        None => Candidates::Range { next: first, end: past, backwards },
        Some(id) => Candidates::Named { id: id.to_owned(), rest: first..past, backwards, page: VecDeque::new() },
    };
    let selection = Selection { candidates, filter: filter.clone() };
    match filter.newest {
        Some(newest) => Ok(selection.newest(ledger, site, newest)?),
        None => Ok(selection),
    }
}

impl Selection {
    /// The next event that is meant; none at the end.
    pub fn next(&mut self, ledger: &Ledger, site: &Site) -> Result<Option<StoredRecord>, Failure> {
        while let Some(seq) = self.candidates.next(site) {
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
    fn next(&mut self, site: &Site) -> Option<Seq> {
        let (next, end, backwards) = match self {
            Self::Listed(seqs) => return seqs.pop_front(),
            Self::Named { id, rest, backwards, page } => {
                if page.is_empty() {
                    *page = turn_over(site, id, rest, *backwards);
                }
                return page.pop_front();
            }
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

/// The next page of the events that name an id; `rest` is what remains after it.
fn turn_over(site: &Site, id: &str, rest: &mut Range<u64>, backwards: bool) -> VecDeque<Seq> {
    let most = if backwards { Most::Newest(PAGE) } else { Most::Oldest(PAGE) };
    let mut page = site.events_of(id, rest.clone(), most);
    match (backwards, page.first(), page.last()) {
        (true, Some(first), _) => rest.end = first.0,
        (false, _, Some(last)) => rest.start = last.next().0,
        (_, _, _) => rest.end = rest.start,
    }
    if backwards {
        page.reverse();
    }
    page.into()
}

/// The members of a record's leaf.
pub fn members(stored: &StoredRecord) -> Result<Map<String, Value>, Failure> {
    match serde_json::from_slice(&stored.leaf) {
        Ok(Value::Object(members)) => Ok(members),
        Ok(_) | Err(_) => Err(Failure::Unreadable(format!("event {} is not a JSON object", stored.seq))),
    }
}
