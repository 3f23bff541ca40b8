//! An event with its envelope: what a leaf says.

use super::Event;
use crate::terms::protocol::words;
use crate::terms::{Actor, RequestId, Seq, SiteName, Subject, Timestamp};
use serde_json::{Map, Value};

/// One event of a site's log. Everything here is public; what is personal is sealed beside it.
#[derive(Clone, PartialEq, Debug)]
pub struct Record {
    /// Its place in the site's log.
    pub seq: Seq,
    /// A uuid v7.
    pub id: uuid::Uuid,
    /// When; never before the event ahead of it.
    pub t: Timestamp,
    /// Whose log.
    pub site: SiteName,
    /// Ties all events of one request.
    pub corr: RequestId,
    /// The event that led to this one; none for roots.
    pub cause: Option<Seq>,
    /// Who did it.
    pub actor: Actor,
    /// On the first event of a decision: the command, its public parameters and verified facts as words.
    pub asked: Option<Value>,
    /// The fact.
    pub event: Event,
}

/// A member that names or locates a person: sealed under its subject's key, one disclosure a field.
#[derive(Clone, PartialEq, Debug)]
pub struct Personal {
    /// Whose it is.
    pub subject: Subject,
    /// The member's name, as `net.ip`.
    pub name: String,
    /// Its value.
    pub value: Value,
}

words!(
    /// How it went.
    Outcome, "outcome", {
        /// It went well.
        Success = "success",
        /// It went wrong.
        Failure = "failure",
        /// It was not allowed.
        Denied = "denied",
    }
);

words!(
    /// How much it matters (AUDIT.md §3.1).
    Severity, "severity", {
        /// Everyday.
        Info = "info",
        /// Worth a look.
        Low = "low",
        /// Worth a question.
        Medium = "medium",
        /// Worth an alert.
        High = "high",
        /// Worth waking someone.
        Critical = "critical",
    }
);

/// Why a leaf is not a record of this version.
#[derive(Debug, PartialEq, thiserror::Error)]
pub enum RecordError {
    /// Not a JSON object.
    #[error("the leaf is not a JSON object")]
    NotAnObject,
    /// A version that this program does not know.
    #[error("the leaf has version {0}, this program knows version 1")]
    Version(u64),
    /// A member of the envelope is missing or malformed.
    #[error("the leaf's member '{0}' is missing or malformed")]
    Envelope(&'static str),
    /// An event type that this program does not know.
    #[error("the leaf has the unknown event type '{0}'")]
    UnknownType(String),
    /// The event's own members are not what its type needs.
    #[error("the members of '{kind}' cannot be read: {why}")]
    Members {
        /// The event's type.
        kind: String,
        /// What the reader says.
        why: String,
    },
}

/// The version of the leaf.
const VERSION: u64 = 1;

impl Event {
    /// How it went and how much it matters: a property of the event alone.
    pub fn weight(&self) -> (Outcome, Severity) {
        match self {
            Self::Audit(event) => event.weight(),
            Self::Client(event) => event.weight(),
            Self::Code(event) => event.weight(),
            Self::Consent(event) => event.weight(),
            Self::Grant(event) => event.weight(),
            Self::Key(event) => event.weight(),
            Self::Login(event) => event.weight(),
            Self::Logout(event) => event.weight(),
            Self::Refresh(event) => event.weight(),
            Self::Request(event) => event.weight(),
            Self::Server(event) => event.weight(),
            Self::Session(event) => event.weight(),
            Self::Site(event) => event.weight(),
            Self::Token(event) => event.weight(),
            Self::User(event) => event.weight(),
        }
    }
}

impl Record {
    /// The leaf's members without the digests of what is sealed.
    pub fn members(&self) -> Result<Map<String, Value>, RecordError> {
        let unwritable = |error: serde_json::Error| RecordError::Members { kind: String::new(), why: error.to_string() };
        let (outcome, severity) = self.event.weight();
        let mut members = self.event.members().map_err(unwritable)?;
        members.insert("v".into(), VERSION.into());
        members.insert("seq".into(), self.seq.0.into());
        members.insert("id".into(), self.id.hyphenated().to_string().into());
        members.insert("t".into(), self.t.to_string().into());
        members.insert("site".into(), self.site.as_str().into());
        members.insert("outcome".into(), outcome.as_str().into());
        members.insert("sev".into(), severity.as_str().into());
        members.insert("corr".into(), self.corr.to_string().into());
        members.insert("actor".into(), self.actor.to_string().into());
        if let Some(cause) = self.cause {
            members.insert("cause".into(), cause.0.into());
        }
        if let Some(asked) = &self.asked {
            members.insert("asked".into(), asked.clone());
        }
        Ok(members)
    }

    /// Reads a leaf.
    pub fn from_leaf(leaf: &[u8]) -> Result<Self, RecordError> {
        let Ok(Value::Object(members)) = serde_json::from_slice(leaf) else { return Err(RecordError::NotAnObject) };
        Self::from_members(members)
    }

    /// Reads a leaf's members.
    pub fn from_members(members: Map<String, Value>) -> Result<Self, RecordError> {
        match members.get("v").and_then(Value::as_u64) {
            Some(VERSION) => {}
            Some(other) => return Err(RecordError::Version(other)),
            None => return Err(RecordError::Envelope("v")),
        }
        let number = |name: &'static str| members.get(name).and_then(Value::as_u64).ok_or(RecordError::Envelope(name));
        Ok(Self {
            seq: Seq(number("seq")?),
            id: parsed(&members, "id")?,
            t: parsed(&members, "t")?,
            site: parsed(&members, "site")?,
            corr: parsed(&members, "corr")?,
            actor: parsed(&members, "actor")?,
            cause: members.contains_key("cause").then(|| number("cause")).transpose()?.map(Seq),
            asked: members.get("asked").cloned(),
            event: Event::from_members(members)?,
        })
    }
}

fn parsed<T: std::str::FromStr>(members: &Map<String, Value>, name: &'static str) -> Result<T, RecordError> {
    members.get(name).and_then(Value::as_str).and_then(|text| text.parse().ok()).ok_or(RecordError::Envelope(name))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::{SessionEnd, SessionEvent};
    use crate::terms::{IdSeed, UserId};

    fn record() -> Record {
        let seed = IdSeed::from_bytes([3; 16]);
        let now = Timestamp::from_unix_millis(1_773_475_272_004);
        let user = seed.id::<UserId>();
        Record {
            seq: Seq(7),
            id: seed.event_id(0, now),
            t: now,
            site: SiteName::default_site(),
            corr: seed.id(),
            cause: Some(Seq(3)),
            actor: Actor::User(user),
            asked: Some(serde_json::json!({"command": "end_session"})),
            event: Event::Session(SessionEvent::Ended { session: seed.id(), user, reason: SessionEnd::Logout }),
        }
    }

    #[test]
    fn a_record_reads_back_equal_from_its_members() {
        let members = record().members().unwrap();
        assert_eq!(members.get("type"), Some(&Value::from("session.ended")));
        assert_eq!(Record::from_members(members), Ok(record()));
    }

    #[test]
    fn an_unknown_type_is_refused_and_an_unknown_member_is_not() {
        let mut members = record().members().unwrap();
        members.insert("later".into(), "news".into());
        assert_eq!(Record::from_members(members.clone()), Ok(record()));
        members.insert("type".into(), "session.paused".into());
        assert!(matches!(Record::from_members(members.clone()), Err(RecordError::Members { .. })));
        members.insert("type".into(), "weather.changed".into());
        assert_eq!(Record::from_members(members.clone()), Err(RecordError::UnknownType("weather.changed".into())));
        members.insert("v".into(), 2.into());
        assert_eq!(Record::from_members(members), Err(RecordError::Version(2)));
    }
}
