//! What led to an event, and what came of it.

use super::select::members;
use crate::event::{ClientEvent, Event, Record};
use crate::ledger::{Failure, Ledger, Most, Site};
use crate::log::StoredRecord;
use crate::terms::{ClientId, Seq};
use serde_json::{Map, Value};
use std::collections::BTreeSet;

/// An event between its causes and its effects.
pub struct Lineage {
    /// What led to it, the root first.
    pub causes: Vec<StoredRecord>,
    /// What came of it, directly or not, oldest first; at most [`EFFECTS_MAX`].
    pub effects: Vec<StoredRecord>,
    /// Whether there may be more effects than these.
    pub cut: bool,
}

/// So many effects are told.
pub const EFFECTS_MAX: usize = 100;
/// So many events are looked at for effects.
const CANDIDATES_MAX: usize = 2_000;
/// No chain of causes is followed further.
const CAUSES_MAX: usize = 1_000;

/// The members whose ids an effect shares with its cause.
const SHARED: [&str; 7] = ["client", "code", "consent", "corr", "grant", "session", "token"];

/// Causes and effects of this event.
pub fn lineage(ledger: &Ledger, site: &Site, stored: &StoredRecord) -> Result<Lineage, Failure> {
    let own = members(stored)?;
    let mut causes = causes(ledger, site, &own)?;
    causes.reverse();
    let (effects, cut) = effects(ledger, site, stored.seq, &own)?;
    Ok(Lineage { causes, effects, cut })
}

/// What led to the event with these members, the root last.
fn causes(ledger: &Ledger, site: &Site, own: &Map<String, Value>) -> Result<Vec<StoredRecord>, Failure> {
    let mut causes = Vec::new();
    let mut next = cause(own);
    while let Some(seq) = next.filter(|_| causes.len() < CAUSES_MAX) {
        let led = ledger.stored(site, seq)?;
        next = cause(&members(&led)?);
        causes.push(led);
    }
    Ok(causes)
}

/// An event and what led to it, the root last.
pub fn chain(ledger: &Ledger, site: &Site, seq: Seq) -> Result<Vec<Seq>, Failure> {
    let led = causes(ledger, site, &members(&ledger.stored(site, seq)?)?)?;
    Ok(std::iter::once(seq).chain(led.into_iter().map(|record| record.seq)).collect())
}

/// So many events that name a client are looked through for its end; hardly any comes after it.
const AFTER_DELETION: usize = 200;

/// The event among the first so many that deleted this client, which state does not remember.
pub fn deletion(ledger: &Ledger, site: &Site, client: &ClientId, events: u64) -> Result<Option<Record>, Failure> {
    for seq in site.events_of(client.as_str(), 0..events, Most::Newest(AFTER_DELETION)).into_iter().rev() {
        let record = ledger.record(site, seq)?;
        if matches!(record.event, Event::Client(ClientEvent::Deleted { .. })) {
            return Ok(Some(record));
        }
    }
    Ok(None)
}

/// What a leaf names as the event that led to it.
pub fn cause(members: &Map<String, Value>) -> Option<Seq> {
    members.get("cause").and_then(Value::as_u64).map(Seq)
}

fn effects(ledger: &Ledger, site: &Site, seq: Seq, own: &Map<String, Value>) -> Result<(Vec<StoredRecord>, bool), Failure> {
    let durable = site.durable().events;
    let ids = SHARED.iter().filter_map(|name| own.get(*name)).filter_map(Value::as_str);
    let after = seq.next().0..durable;
    let later: BTreeSet<Seq> = ids.flat_map(|id| site.events_of(id, after.clone(), Most::Oldest(CANDIDATES_MAX + 1))).collect();
    let mut family = BTreeSet::from([seq]);
    let mut effects = Vec::new();
    let cut = later.len() > CANDIDATES_MAX;
    for candidate in later.into_iter().take(CANDIDATES_MAX) {
        let stored = ledger.stored(site, candidate)?;
        if cause(&members(&stored)?).is_some_and(|cause| family.contains(&cause)) {
            if effects.len() == EFFECTS_MAX {
                return Ok((effects, true));
            }
            family.insert(candidate);
            effects.push(stored);
        }
    }
    Ok((effects, cut))
}
