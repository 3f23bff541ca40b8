//! The story of an id: every event that belongs to it as a tree by cause, its state now, and why (AUDIT.md §8.4).
//! The answer is JSON with stable names; the command line prints this very JSON.

use super::facts::{client_words, facts};
use super::gather::{Gathered, gather};
use super::standing::{Standing, is_use, issued, standing};
use super::view::Identify;
use crate::event::{Event, Record, SessionEvent};
use crate::ledger::{Failure, Ledger, Site};
use crate::log::StoredRecord;
use crate::terms::protocol::words;
use crate::terms::{Seq, Timestamp};
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;

words!(
    /// What has a story.
    Kind, "kind", {
        /// A registered client.
        Client = "client",
        /// An authorization code, by its id.
        Code = "code",
        /// A person's decision.
        Consent = "consent",
        /// A grant with its codes and tokens.
        Grant = "grant",
        /// A request, by its `X-Request-Id`.
        Request = "request",
        /// A browser session.
        Session = "session",
        /// An access token, by its `jti`.
        Token = "token",
        /// An end-user.
        User = "user",
    }
);

impl Kind {
    /// The kind that an id's prefix tells; none for clients and users.
    pub fn of_id(id: &str) -> Option<Self> {
        let prefixes = [
            ("cod_", Self::Code),
            ("con_", Self::Consent),
            ("grt_", Self::Grant),
            ("req_", Self::Request),
            ("ses_", Self::Session),
            ("tok_", Self::Token),
        ];
        prefixes.into_iter().find(|(prefix, _)| id.starts_with(prefix)).map(|(_, kind)| kind)
    }

    /// The option of `writ log` that finds what names such an id; codes and consents are found by their grant.
    pub fn log_option(self) -> Option<&'static str> {
        match self {
            Self::Code | Self::Consent => None,
            Self::Request => Some("corr"),
            Self::Client | Self::Grant | Self::Session | Self::Token | Self::User => Some(self.as_str()),
        }
    }
}

/// Why there is no story: one sentence that names the next step.
#[derive(Clone, PartialEq, Debug, thiserror::Error)]
pub enum StoryError {
    /// The log names no such id.
    #[error("no {kind} with that id in site {site} ({events}){hint}")]
    Unknown {
        /// What was asked for.
        kind: Kind,
        /// Where.
        site: String,
        /// How many events the site has, in words.
        events: String,
        /// What to try instead.
        hint: &'static str,
    },
    /// The id is one of another kind.
    #[error("that is the id of a {found}: writ explain {found} {id}")]
    OtherKind {
        /// What the id's prefix says.
        found: Kind,
        /// The id.
        id: String,
    },
    /// The log could not be read.
    #[error(transparent)]
    Failure(#[from] Failure),
}

/// The story of this id. A user may be named by username.
pub fn story(ledger: &Ledger, site: &Site, kind: Kind, named: &str, identify: Identify) -> Result<Map<String, Value>, StoryError> {
    if let Some(found) = Kind::of_id(named).filter(|found| *found != kind) {
        return Err(StoryError::OtherKind { found, id: named.to_owned() });
    }
    let id = match kind {
        Kind::User => super::filter::find_user(ledger, site, named).map_or_else(|| named.to_owned(), |user| user.to_string()),
        Kind::Client | Kind::Code | Kind::Consent | Kind::Grant | Kind::Request | Kind::Session | Kind::Token => named.to_owned(),
    };
    let mut gathered = gather(ledger, site, kind, &id)?;
    if gathered.records.is_empty() {
        return Err(unknown(site, kind));
    }
    let now = ledger.now();
    let standing = standing(ledger, site, kind, &id, &gathered, now)?;
    if let Some(by) = standing.by.filter(|by| by.0 < site.durable().events) {
        gathered.add(ledger, site, by)?;
    }
    let teller = Teller { ledger, site, gathered: &gathered, identify, of: None };
    let subject = teller.subject(kind, &id);
    let of = subject.get("client_name").and_then(Value::as_str).filter(|_| kind != Kind::Client);
    let teller = Teller { of, ..teller };
    let events = teller.events()?;
    let count = |name: &str| events.iter().filter_map(|event| event.get(name).and_then(Value::as_array)).map(Vec::len).sum::<usize>();
    let (withheld, erased) = (count("withheld"), count("erased"));
    let story = json!({
        "kind": kind,
        "id": id,
        "site": site.name(),
        "at": { "seq": site.durable().events.saturating_sub(1), "t": now },
        "subject": subject,
        "state": teller.state(&standing, now),
        "because": standing.by.and_then(|by| teller.because(by)),
        "events": events,
        "omitted": gathered.omitted,
        "withheld": withheld,
        "erased": erased,
        "next": teller.next_steps(kind, &id, &standing),
    });
    match story {
        Value::Object(story) => Ok(story),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Array(_) => Ok(Map::new()),
    }
}

fn unknown(site: &Site, kind: Kind) -> StoryError {
    let events = grouped(site.durable().events) + " events";
    let hint = match kind {
        Kind::Token => ". If you have the token itself: writ explain token -",
        Kind::User => ". Who there is: writ user list",
        Kind::Client => ". Which there are: writ client list",
        Kind::Request => ". The id stands in the X-Request-Id of the response and on its error page",
        Kind::Code | Kind::Consent | Kind::Grant | Kind::Session => ". Another site's log is not searched: --site",
    };
    StoryError::Unknown { kind, site: site.name().to_string(), events, hint }
}

/// A number with its thousands apart.
pub fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let apart = |(n, digit): (usize, char)| [(n > 0 && (digits.len() - n).is_multiple_of(3)).then_some(' '), Some(digit)];
    digits.chars().enumerate().flat_map(apart).flatten().collect()
}

struct Teller<'a> {
    ledger: &'a Ledger,
    site: &'a Site,
    gathered: &'a Gathered,
    identify: Identify,
    /// The client that every event of the story is about.
    of: Option<&'a str>,
}

impl Teller<'_> {
    fn record(&self, seq: Seq) -> Option<&Record> {
        self.gathered.records.get(&seq).map(|(record, _)| record)
    }

    fn disclosed(&self, stored: &StoredRecord) -> Result<Map<String, Value>, Failure> {
        match self.identify {
            Identify::Withhold => Ok(Map::new()),
            Identify::Open => self.ledger.open_fields(self.site, stored),
        }
    }

    /// One line an event, in their order, each with its distance from the root and from its cause.
    fn events(&self) -> Result<Vec<Value>, Failure> {
        let mut depths = BTreeMap::<Seq, u64>::new();
        let mut lines = Vec::new();
        for (seq, (record, stored)) in &self.gathered.records {
            let led = record.cause.and_then(|cause| self.record(cause));
            let depth = led.and_then(|led| depths.get(&led.seq)).map_or(0, |depth| depth.saturating_add(1));
            depths.insert(*seq, depth);
            let (outcome, sev) = record.event.weight();
            let disclosed = self.disclosed(stored)?;
            let mut line = json!({
                "seq": seq,
                "t": record.t,
                "type": record.event.name(),
                "outcome": outcome,
                "sev": sev,
                "cause": record.cause,
                "delta_ms": led.map(|led| record.t.millis_since(led.t)),
                "depth": depth,
                "actor": record.actor,
                "corr": record.corr,
                "facts": facts(record, &disclosed, self.site, self.of),
            });
            let hidden: Vec<&str> =
                stored.sealed.iter().map(|field| field.name.as_str()).filter(|name| !disclosed.contains_key(*name)).collect();
            let under = if self.identify == Identify::Open { "erased" } else { "withheld" };
            if let Some(line) = line.as_object_mut().filter(|_| !hidden.is_empty()) {
                line.insert(under.to_owned(), json!(hidden));
            }
            lines.push(line);
        }
        Ok(lines)
    }

    /// What the thing is and what it belongs to.
    fn subject(&self, kind: Kind, id: &str) -> Value {
        let mut records = self.gathered.records.values().map(|(record, _)| record);
        match kind {
            Kind::Token | Kind::Grant | Kind::Code | Kind::Consent => {
                let mut tokens = records.filter_map(|record| issued(&record.event));
                let of_id = tokens.rfind(|tokens| kind != Kind::Token || tokens.token.to_string() == id);
                of_id.map_or(Value::Null, |tokens| {
                    let refreshes = tokens.generation.is_some();
                    let client = client_words(self.site, &tokens.client);
                    json!({
                        "grant": tokens.grant, "session": tokens.session, "user": tokens.user, "client": tokens.client,
                        "client_name": client, "scope": tokens.scope, "refreshes": refreshes,
                        "generation": tokens.generation,
                    })
                })
            }
            Kind::Session => records
                .find_map(|record| {
                    let Event::Session(SessionEvent::Started { user, auth_time, .. }) = &record.event else { return None };
                    Some(json!({ "user": user, "auth_time": auth_time }))
                })
                .unwrap_or(Value::Null),
            Kind::Client => id.parse().map_or(Value::Null, |client| json!({ "client_name": client_words(self.site, &client) })),
            Kind::User => id.parse().map_or(Value::Null, |user| {
                self.site.read(|state| state.users.by_id(&user).map_or(Value::Null, |user| json!({ "role": user.role })))
            }),
            Kind::Request => Value::Null,
        }
    }

    fn state(&self, standing: &Standing, now: Timestamp) -> Value {
        let by = standing.by.and_then(|by| self.record(by));
        let since = by.map(|by| by.t).or(standing.expires_at.filter(|end| *end <= now));
        let last_use = by.and_then(|by| {
            let before = self.gathered.records.values().map(|(record, _)| record).take_while(|record| record.seq < by.seq);
            before.filter(|record| is_use(&record.event)).last().map(|last| by.t.millis_since(last.t))
        });
        json!({
            "word": standing.word,
            "since": since,
            "by": standing.by,
            "until": standing.expires_at.filter(|end| *end > now && by.is_none()),
            "after_last_use_ms": last_use,
        })
    }

    /// The event that made it so, and what led to that within the same request.
    fn because(&self, by: Seq) -> Option<Value> {
        let ended = self.record(by)?;
        let mut chain = vec![ended];
        let mut next = ended.cause.and_then(|cause| self.record(cause));
        while let Some(led) = next.filter(|led| led.corr == ended.corr && chain.len() < 8) {
            chain.push(led);
            next = led.cause.and_then(|cause| self.record(cause));
        }
        let named: Vec<String> = chain.iter().map(|record| format!("#{} {}", record.seq, record.event.name())).collect();
        let stored = chain.last().and_then(|record| self.gathered.records.get(&record.seq));
        let said = stored
            .map(|(record, stored)| facts(record, &self.disclosed(stored).unwrap_or_default(), self.site, self.of))
            .unwrap_or_default();
        let colon = if said.is_empty() { "" } else { ": " };
        let seqs: Vec<Seq> = chain.iter().map(|record| record.seq).collect();
        Some(json!({ "chain": seqs, "sentence": format!("{}{colon}{said}", named.join(" ← ")) }))
    }

    /// Commands that go on from here.
    fn next_steps(&self, kind: Kind, id: &str, standing: &Standing) -> Vec<String> {
        let mut steps: Vec<String> = Vec::new();
        steps.extend(standing.by.and_then(|by| self.record(by)).map(|by| format!("writ show {}", by.cause.unwrap_or(by.seq))));
        if let Some(grant) = self.subject(kind, id).get("grant").and_then(Value::as_str).filter(|_| kind != Kind::Grant) {
            steps.push(format!("writ explain grant {grant}"));
        }
        let whole = kind.log_option().filter(|_| self.gathered.omitted > 0);
        steps.extend(whole.map(|option| format!("writ log --{option} {id}")));
        if matches!(kind, Kind::Client | Kind::User) {
            steps.push(format!("writ log --{kind} {id} -f"));
        }
        steps
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn thousands_stand_apart() {
        for (number, text) in [(0, "0"), (999, "999"), (1000, "1 000"), (48_211, "48 211"), (1_234_567, "1 234 567")] {
            assert_eq!(grouped(number), text);
        }
    }

    #[test]
    fn a_prefix_tells_the_kind() {
        assert_eq!(Kind::of_id("tok_8Rn3"), Some(Kind::Token));
        assert_eq!(Kind::of_id("9b2f"), None);
    }
}
