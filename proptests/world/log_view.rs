//! The log, read back.

use super::World;
use std::collections::BTreeMap;
use std::sync::Arc;
use writ::event::Record;
use writ::ledger::Site;
use writ::projection::State;
use writ::terms::{Seq, SiteName, Timestamp};

impl World {
    /// Every site, the server's own too.
    pub fn all_sites(&self) -> Vec<Arc<Site>> {
        self.ledger.sites().into_iter().chain(self.ledger.site(&SiteName::server())).collect()
    }
}

/// Every durable record of a site, in order.
pub fn records(world: &World, site: &Site) -> Vec<Record> {
    (0..site.durable().events).map(|seq| world.ledger.record(site, Seq(seq)).unwrap()).collect()
}

/// The records of a site, decision by decision: each begins with the record that has `asked`.
pub fn decisions(records: &[Record]) -> Vec<&[Record]> {
    records.chunk_by(|_, next| next.asked.is_none()).collect()
}

/// The state of every site as the running server has it, at this time.
pub fn states(world: &World, now: Timestamp) -> BTreeMap<SiteName, State> {
    let state = |site: &Arc<Site>| {
        let mut state = site.read(Clone::clone);
        state.forget(now);
        (site.name().clone(), state)
    };
    world.all_sites().iter().map(state).collect()
}
