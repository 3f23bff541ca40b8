//! What clients asked of a server that dies, and what they were told: kept as it happens, and checked afterwards (THREATS.md §C.3).
//!
//! Each operation has a beginning, an end and an outcome; one that was cut off is *unknown* and may have happened or not. Objects
//! are checked one by one: there must be an order of their operations, within the times they took, that the object's model allows.

mod acknowledged;
mod model;
#[cfg(test)]
mod planted;
mod search;

pub use acknowledged::{Acknowledged, Expected, Recorded};
pub use model::{Act, Kind, Outcome};
pub use search::Operation;

use model::State;
use std::collections::{BTreeMap, BTreeSet};

/// A grant, a client or a session, by its number.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Object {
    /// What it is.
    pub kind: Kind,
    number: usize,
}

/// One request: its operations on objects, begun together.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Ticket(usize);

/// Everything asked and told.
#[derive(Default, Debug)]
pub struct History {
    clock: u64,
    objects: usize,
    requests: Vec<Request>,
    acknowledged: Vec<Acknowledged>,
    complaints: Vec<String>,
    answered: u64,
    told: BTreeSet<String>,
}

#[derive(Debug)]
struct Request {
    start: u64,
    end: Option<u64>,
    acts: Vec<(Object, Act, Outcome)>,
}

impl History {
    /// A new object, of which nothing has been asked.
    pub fn object(&mut self, kind: Kind) -> Object {
        self.objects += 1;
        Object { kind, number: self.objects }
    }
    /// A request is about to be sent, that may do these things.
    pub fn begin(&mut self, acts: &[(Object, Act)]) -> Ticket {
        self.clock += 1;
        let acts = acts.iter().map(|(object, act)| (*object, *act, Outcome::Unknown)).collect();
        self.requests.push(Request { start: self.clock, end: None, acts });
        Ticket(self.requests.len() - 1)
    }
    /// It was answered, and this is what the answer says of each of its acts.
    pub fn end(&mut self, ticket: Ticket, outcome: Outcome) {
        self.clock += 1;
        self.answered += 1;
        let Some(request) = self.requests.get_mut(ticket.0) else { return };
        request.end = Some(self.clock);
        request.acts.iter_mut().for_each(|(_, _, of)| *of = outcome);
    }
    /// It was answered, but what was done turned out only now.
    pub fn end_as(&mut self, ticket: Ticket, acts: &[(Object, Act)], outcome: Outcome) {
        if let Some(request) = self.requests.get_mut(ticket.0) {
            request.acts = acts.iter().map(|(object, act)| (*object, *act, outcome)).collect();
        }
        self.end(ticket, outcome);
    }
    /// What an answer promised: to be found in the log.
    pub fn acknowledge(&mut self, acknowledged: Acknowledged) {
        self.acknowledged.push(acknowledged);
    }
    /// An answer came, with this id.
    pub fn told(&mut self, corr: &str) {
        self.told.insert(corr.to_owned());
    }
    /// The ids of all answers.
    pub fn all_told(&self) -> &BTreeSet<String> {
        &self.told
    }
    /// An answer that no rule explains.
    pub fn complain(&mut self, complaint: String) {
        self.complaints.push(complaint);
    }
    /// The server is dead: what was not answered until now can no longer happen.
    pub fn died(&mut self) {
        self.clock += 1;
        let now = self.clock;
        for request in self.requests.iter_mut().filter(|request| request.end.is_none()) {
            request.end = Some(now);
        }
    }
    /// How many requests were answered.
    pub fn answered(&self) -> u64 {
        self.answered
    }
    /// What the answers promised.
    pub fn acknowledged(&self) -> &[Acknowledged] {
        &self.acknowledged
    }
    /// How many requests were cut off.
    pub fn cut_off(&self) -> usize {
        usize::try_from(self.answered).map_or(0, |answered| self.requests.len().saturating_sub(answered))
    }
    /// A sentence for each answer that nothing explains.
    pub fn unexplained(&self) -> Vec<String> {
        let mut of: BTreeMap<Object, Vec<Operation>> = BTreeMap::new();
        for request in &self.requests {
            let end = request.end.unwrap_or(u64::MAX);
            for (object, act, outcome) in &request.acts {
                of.entry(*object).or_default().push(Operation { act: *act, outcome: *outcome, start: request.start, end });
            }
        }
        let told = of.iter().filter_map(|(object, operations)| {
            search::explain(State::begin(object.kind), operations).err().map(|why| format!("{:?} {}: {why}", object.kind, object.number))
        });
        self.complaints.iter().cloned().chain(told).collect()
    }
}
