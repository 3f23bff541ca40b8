//! What deciding gives.

use crate::event::{Event, Personal, Refusal};
use crate::projection::State;
use crate::terms::{Actor, Moment, Seq, Subject};
use serde::Serialize;

/// A request that can be decided.
pub trait Decide: Serialize {
    /// The command's name in `asked`.
    const NAME: &'static str;
    /// Whether it gives somebody something. What only takes away works even when the clock is not trusted or space is short.
    const ISSUES: bool = false;
    /// What the endpoint needs for its response.
    type Answer;
    /// Decides. The same state, command and moment give the same events and the same answer.
    fn decide(&self, state: &State, moment: &Moment) -> Decision<Self::Answer>;
}

/// Events and an answer: a refusal too may change things.
#[derive(Debug)]
pub struct Decision<A> {
    /// What happened, in order. Empty only where nothing is worth recording.
    pub events: Vec<Draft>,
    /// What to say.
    pub answer: Result<A, Refused>,
}

/// An event before it has a place and a time.
#[derive(Clone, PartialEq, Debug)]
pub struct Draft {
    /// Who did it.
    pub actor: Actor,
    /// What led to it.
    pub cause: Option<Seq>,
    /// The fact.
    pub event: Event,
    /// What is sealed beside it.
    pub personal: Vec<Personal>,
}

/// A refusal and, where a person can act on it, which parameter or value it is about.
#[derive(Clone, PartialEq, Debug)]
pub struct Refused {
    /// What is wrong.
    pub refusal: Refusal,
    /// The parameter, member or scope that it is about; only ever our own words or checked tokens.
    pub detail: Option<String>,
}

impl From<Refusal> for Refused {
    fn from(refusal: Refusal) -> Self {
        Self { refusal, detail: None }
    }
}

impl Refused {
    /// A refusal about this parameter, member or scope.
    pub fn about(refusal: Refusal, detail: impl Into<String>) -> Self {
        Self { refusal, detail: Some(detail.into()) }
    }
}

impl<A> Decision<A> {
    /// A good answer and its events.
    pub fn accepted(answer: A, events: Vec<Draft>) -> Self {
        Self { events, answer: Ok(answer) }
    }
    /// A refusal and the events that tell of it.
    pub fn refused(refused: impl Into<Refused>, events: Vec<Draft>) -> Self {
        Self { events, answer: Err(refused.into()) }
    }
    /// The same events without the answer.
    pub fn events_only(self) -> Decision<()> {
        Decision { events: self.events, answer: self.answer.map(|_| ()) }
    }
}

impl Draft {
    /// An event of this actor.
    pub fn new(actor: Actor, event: Event) -> Self {
        Self { actor, cause: None, event, personal: Vec::new() }
    }
    /// What led to it.
    pub fn caused_by(mut self, cause: Seq) -> Self {
        self.cause = Some(cause);
        self
    }
    /// Seals a member under this subject's key.
    pub fn sealing(mut self, subject: Subject, name: impl Into<String>, value: impl Into<serde_json::Value>) -> Self {
        self.personal.push(Personal { subject, name: name.into(), value: value.into() });
        self
    }
    /// Seals where the request came from: under the subject's key, or the month's when nobody is known.
    pub fn seen(mut self, moment: &Moment, subject: Option<Subject>) -> Self {
        let subject = subject.unwrap_or_else(|| Subject::Month(moment.now.month()));
        if let Some(ip) = moment.request.ip {
            self = self.sealing(subject.clone(), "net.ip", ip.to_string());
        }
        if let Some(user_agent) = &moment.request.user_agent {
            self = self.sealing(subject, "net.ua", user_agent.clone());
        }
        self
    }
}
