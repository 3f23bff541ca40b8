//! What a handler works with: the ledger, the request, who sent it, and the site it is about.

use super::problem::{Answer, Problem};
use crate::audit::Identify;
use crate::command::Noted;
use crate::http::json_body::{JsonBodyError, json_body};
use crate::http::params::{Params, Rules};
use crate::http::percent::decode_segment;
use crate::http::{AllowedHosts, Inbound, Response};
use crate::ledger::{Ledger, Site};
use crate::terms::{Actor, RequestFacts, SiteName};
use serde_json::{Map, Value};
use std::sync::Arc;
use tokio::sync::watch;

/// What the admin API stands on.
#[derive(Clone)]
pub struct Admin {
    /// The open ledger.
    pub ledger: Ledger,
    /// Learns the host of a new site; none where nothing is served.
    pub hosts: Option<AllowedHosts>,
    /// The URL under which alone the server serves; none if it serves every site under its own.
    pub public_url: Option<String>,
    /// Turns true when the server stops, so that streams end.
    pub stopping: watch::Receiver<bool>,
}

/// One call of the API.
pub(super) struct Call {
    pub(super) admin: Admin,
    pub(super) inbound: Arc<Inbound>,
    pub(super) params: Params,
    pub(super) actor: Actor,
}

/// `type` may stand several times in a filter.
const RULES: Rules = Rules { repeatable: &["type"], most: 64 };
/// The largest body that is read.
const BODY_BYTES: usize = 64 * 1024;
/// Parameters that every call may have; the rest is the resource's own.
pub(super) const COMMON: [&str; 3] = ["site", "identify", "reason"];

/// Answers a call: who is not known is turned away, and what went wrong is told as a problem.
pub(super) async fn answer<F, A>(admin: Admin, inbound: Arc<Inbound>, handler: F) -> Response
where
    F: FnOnce(Call) -> A,
    A: Future<Output = Answer>,
{
    let corr = inbound.corr;
    let answered = match Call::new(admin, inbound) {
        Ok(call) => handler(call).await,
        Err(problem) => Err(problem),
    };
    answered.unwrap_or_else(|problem| problem.response(corr))
}

/// A parameter of the path.
pub(super) fn decoded(segment: &str) -> Result<String, Problem> {
    decode_segment(segment).map_err(|error| Problem::malformed(error.to_string()))
}

impl Call {
    fn new(admin: Admin, inbound: Arc<Inbound>) -> Result<Self, Problem> {
        let uid = inbound.peer.local_uid.ok_or_else(Problem::not_permitted)?;
        let query = inbound.query.as_deref().unwrap_or_default();
        let params = Params::parse(query.as_bytes(), RULES).map_err(|error| Problem::malformed(error.to_string()))?;
        Ok(Self { admin, inbound, params, actor: Actor::Os(uid) })
    }

    pub(super) fn ledger(&self) -> &Ledger {
        &self.admin.ledger
    }

    /// The site that the call is about.
    pub(super) fn site(&self) -> Result<Arc<Site>, Problem> {
        self.site_named(self.params.get("site").unwrap_or("default"))
    }

    pub(super) fn site_named(&self, name: &str) -> Result<Arc<Site>, Problem> {
        let known = name.parse::<SiteName>().ok().and_then(|name| self.ledger().site(&name));
        known.ok_or_else(|| {
            let names: Vec<String> = self.ledger().sites().iter().map(|site| site.name().to_string()).collect();
            let there = if names.is_empty() { "writ site add makes one".to_owned() } else { format!("there is: {}", names.join(", ")) };
            Problem::unknown(format!("no site '{name}'; {there}"))
        })
    }

    /// What is recorded of the request beside its id.
    pub(super) fn facts(&self) -> RequestFacts {
        RequestFacts { corr: self.inbound.corr, ip: None, user_agent: None }
    }

    /// Whether sealed fields are to be opened: only for a reason.
    pub(super) fn identify(&self) -> Result<Identify, Problem> {
        match (self.params.get("identify"), self.reason()) {
            (Some("true"), Some(_)) => Ok(Identify::Open),
            (Some("true"), None) => Err(Problem::malformed("to see who people are, say why: --identify --reason TEXT".to_owned())),
            (_, _) => Ok(Identify::Withhold),
        }
    }

    /// Why people are to be shown. Blanks are no reason.
    pub(super) fn reason(&self) -> Option<&str> {
        self.params.get("reason").filter(|reason| !reason.trim().is_empty())
    }

    /// The body as a JSON object; an empty body is an empty object.
    pub(super) fn object(&self) -> Result<Map<String, Value>, Problem> {
        if self.inbound.body.is_empty() {
            return Ok(Map::new());
        }
        match json_body(&self.inbound, BODY_BYTES) {
            Ok(Value::Object(members)) => Ok(members),
            Ok(_) => Err(Problem::malformed(JsonBodyError::Malformed.to_string())),
            Err(error) => Err(Problem::malformed(error.to_string())),
        }
    }

    /// Records that the log or something about persons was read.
    pub(super) async fn note_read(&self, site: &Arc<Site>, reading: &Reading, rows: u64) -> Result<(), Problem> {
        let Reading { query, filter, reason } = reading.clone();
        let noted = Noted::AuditRead { query, filter: site.tag(&filter), rows, identified: reason.is_some(), reason };
        Ok(self.ledger().note_by(site, noted, self.actor.clone(), self.facts()).await?)
    }

    /// What the record of this read will say.
    pub(super) fn reading(&self, query: &str) -> Result<Reading, Problem> {
        let reason = match self.identify()? {
            Identify::Open => self.reason().map(str::to_owned),
            Identify::Withhold => None,
        };
        let filter = format!("{} {}", self.inbound.path, self.inbound.query.as_deref().unwrap_or_default());
        Ok(Reading { query: query.to_owned(), filter, reason })
    }
}

/// What was read: the query's name, everything that was asked, and why people were shown.
#[derive(Clone)]
pub(super) struct Reading {
    query: String,
    filter: String,
    reason: Option<String>,
}

/// A required text member of a body.
pub(super) fn text<'a>(members: &'a Map<String, Value>, name: &str) -> Result<&'a str, Problem> {
    let missing = || Problem::malformed(format!("the member '{name}' must be there and be a text"));
    members.get(name).and_then(Value::as_str).filter(|text| !text.is_empty()).ok_or_else(missing)
}

/// Refuses members that the resource does not know, so that a misspelt one is not lost.
pub(super) fn only(members: &Map<String, Value>, known: &[&str]) -> Result<(), Problem> {
    match members.keys().find(|name| !known.contains(&name.as_str())) {
        Some(name) => Err(Problem::malformed(format!("there is no member '{name}' here; there are: {}", known.join(", ")))),
        None => Ok(()),
    }
}

/// A word that switches something on or off.
pub(super) fn truth(word: &str) -> Option<bool> {
    match word {
        "true" | "on" => Some(true),
        "false" | "off" => Some(false),
        _ => None,
    }
}
