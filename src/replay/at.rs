//! The state of a site at a point of its history.

use super::watch::{ReplayError, Watch};
use crate::event::Record;
use crate::ledger::{Failure, Ledger, Site};
use crate::projection::State;
use crate::terms::{Seq, Timestamp};

/// The state after the first `events` records, with the clock at `t` (AUDIT.md §8.2): what ended before then is forgotten. Only durable
/// records are read.
pub fn state_at(ledger: &Ledger, site: &Site, events: u64, t: Timestamp, watch: &Watch) -> Result<State, ReplayError> {
    let mut state = State::default();
    fold_until(ledger, site, events, &mut state, watch, |_, _| {})?;
    state.forget(t);
    Ok(state)
}

/// Folds the records up to so many; `each` sees every record with the state after it.
pub(super) fn fold_until(
    ledger: &Ledger,
    site: &Site,
    events: u64,
    state: &mut State,
    watch: &Watch,
    mut each: impl FnMut(&Record, &State),
) -> Result<(), ReplayError> {
    let folded = state.head;
    for record in ledger.records(site, folded..Seq(events)) {
        let record = record?;
        watch.step()?;
        state.fold(&record).map_err(|corrupt| Failure::Contradiction(corrupt.to_string()))?;
        each(&record, state);
    }
    match state.head.0 == events {
        true => Ok(()),
        false => Err(Failure::Unreadable(format!("only {} of {events} events are durable", state.head)).into()),
    }
}
