//! One request, written down before it is sent and after it is answered.

use super::Shared;
use crate::flows::wire::{Answer, Cargo, Wire};
use crate::history::{Acknowledged, Act, Expected, Object, Outcome, Ticket};
use serde_json::Value;

/// The server does not answer any more.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Gone;

/// A request under way.
pub struct Asked {
    /// Its entry.
    pub ticket: Ticket,
    /// What came back.
    pub answer: Answer,
}

/// Sends one request that may do these things.
pub async fn ask(history: &Shared, wire: &mut Wire, acts: &[(Object, Act)], path: &str, cargo: &Cargo<'_>) -> Result<Asked, Gone> {
    let ticket = history.lock().begin(acts);
    match wire.send(path, cargo).await {
        Ok(answer) => {
            history.lock().told(answer.request_id());
            Ok(Asked { ticket, answer })
        }
        Err(_) => Err(Gone),
    }
}

impl Asked {
    /// Everything was done, and the log has to say so.
    pub fn done(&self, history: &Shared, expected: Vec<Expected>) {
        let mut history = history.lock();
        history.end(self.ticket, Outcome::Done);
        history.acknowledge(Acknowledged { corr: self.answer.request_id().to_owned(), expected });
    }
    /// Some other things were done than might have been.
    pub fn done_as(&self, history: &Shared, acts: &[(Object, Act)], expected: Vec<Expected>) {
        let mut history = history.lock();
        history.end_as(self.ticket, acts, Outcome::Done);
        if !expected.is_empty() {
            history.acknowledge(Acknowledged { corr: self.answer.request_id().to_owned(), expected });
        }
    }
    /// It was refused; of a client that is known, the log has to say so too.
    pub fn refused(&self, history: &Shared) {
        history.lock().end(self.ticket, Outcome::Refused);
    }
    /// A question was answered.
    pub fn saw(&self, history: &Shared, seen: u32) {
        history.lock().end(self.ticket, Outcome::Saw(seen));
    }
    /// Nothing that may be answered.
    pub fn complain(&self, history: &Shared, what: &str) {
        let body: String = String::from_utf8_lossy(&self.answer.body).chars().take(200).collect();
        let mut history = history.lock();
        history.end(self.ticket, Outcome::Unknown);
        history.complain(format!("{what} was answered with {}: {body}", self.answer.status));
    }
}

/// An event with these members.
pub fn event(name: &'static str, members: Vec<(&'static str, Value)>) -> Expected {
    Expected { name: Some(name), members }
}
