//! One refusal: what came back, and what the log says of it.

use crate::harness::{Answer, query_of};
use serde_json::Value;
use std::collections::BTreeMap;
use url::Url;

/// Where a refusal is told.
#[derive(Clone, Copy, PartialEq, Debug)]
pub enum Place {
    /// In a JSON body (RFC 6749 §5.2).
    Body,
    /// In the query of a redirect (RFC 6749 §4.1.2.1).
    Query,
    /// In the fragment of a redirect (RFC 6749 §4.2.2.1).
    Fragment,
    /// On a page of ours.
    Page,
    /// In a `WWW-Authenticate` header (RFC 6750 §3).
    Challenge,
    /// As a problem of the admin API (RFC 9457).
    Problem,
    /// Only in the log: what the client learns would be too much.
    Silence,
}

/// A refusal as it came back.
pub struct Case {
    /// Its name in the log.
    pub reason: &'static str,
    place: Place,
    status: u16,
    /// The error code, or what the page or problem says.
    error: &'static str,
    /// The type of the event; empty if there is none.
    event: &'static str,
    answer: Answer,
}

impl Case {
    pub fn new(reason: &'static str, place: Place, status: u16, error: &'static str, event: &'static str, answer: Answer) -> Self {
        Self { reason, place, status, error, event, answer }
    }

    /// What is wrong with how it was told.
    pub fn misheard(&self) -> Option<String> {
        let answer = &self.answer;
        let html = || answer.header("content-type").unwrap_or_default().starts_with("text/html");
        let error = match self.place {
            Place::Body => serde_json::from_slice::<Value>(&answer.body).ok().and_then(|body| body["error"].as_str().map(str::to_owned)),
            Place::Query => answer.location().and_then(|left| query_of(&left, "error")),
            Place::Fragment => answer.location().filter(|left| query_of(left, "error").is_none()).and_then(|left| in_fragment(&left)),
            Place::Challenge => {
                answer.header("www-authenticate").filter(|text| text.starts_with("Bearer ")).and_then(|text| self.found_in(text))
            }
            Place::Page => Some(answer.text()).filter(|_| html()).and_then(|text| self.found_in(&text)),
            Place::Problem => serde_json::from_slice::<Value>(&answer.body).ok().and_then(|body| self.found_in(body["detail"].as_str()?)),
            Place::Silence => self.found_in(&answer.text()),
        };
        let travels = matches!(self.place, Place::Query | Place::Fragment);
        let right = error.as_deref() == Some(self.error) && answer.status == self.status && answer.location().is_some() == travels;
        let came = || format!("{} {:?} {:?}: {}", answer.status, error, answer.location(), answer.text());
        (!right).then(|| format!("{} is not {} {:?} in {:?}, but {}", self.reason, self.status, self.error, self.place, came()))
    }

    fn found_in(&self, text: &str) -> Option<String> {
        text.contains(self.error).then(|| self.error.to_owned())
    }

    /// The request's own event says the reason; that of a replay says it by its type.
    pub fn unrecorded(&self, told: &BTreeMap<String, Vec<Value>>) -> Option<String> {
        if self.event.is_empty() {
            return None;
        }
        let events = self.answer.header("x-request-id").and_then(|id| told.get(id)).map(Vec::as_slice).unwrap_or_default();
        let own = events.iter().filter(|event| event["type"] == self.event);
        let mut reasons = own.map(|event| event.get("reason").and_then(Value::as_str).unwrap_or(self.reason));
        let recorded = reasons.any(|reason| reason == self.reason);
        (!recorded).then(|| format!("{} is not recorded as {}: {events:?}", self.reason, self.event))
    }
}

/// The error in a fragment (RFC 6749 §4.2.2.1).
fn in_fragment(left: &Url) -> Option<String> {
    let mut pairs = url::form_urlencoded::parse(left.fragment()?.as_bytes());
    pairs.find(|(name, _)| name == "error").map(|(_, error)| error.into_owned())
}
