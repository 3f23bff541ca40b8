//! What answers promised, against what the log holds.

use serde_json::{Map, Value};
use std::collections::{BTreeMap, BTreeSet};

/// An answer, by the id that it carried, and what it makes true.
#[derive(Clone, Debug)]
pub struct Acknowledged {
    /// The `X-Request-Id`, which is `corr` in the log.
    pub corr: String,
    /// What must be in the log under it.
    pub expected: Vec<Expected>,
}

/// An event and some of its members.
#[derive(Clone, Debug)]
pub struct Expected {
    /// The event's name; none if any event will do.
    pub name: Option<&'static str>,
    /// Members and their values.
    pub members: Vec<(&'static str, Value)>,
}

/// A log's events, by the request that caused them.
#[derive(Default)]
pub struct Recorded {
    by_request: BTreeMap<String, Vec<Map<String, Value>>>,
    /// The number of events.
    pub events: usize,
}

impl Recorded {
    /// Takes in one event.
    pub fn add(&mut self, event: Map<String, Value>) {
        let corr = event.get("corr").and_then(Value::as_str).unwrap_or_default().to_owned();
        self.by_request.entry(corr).or_default().push(event);
        self.events += 1;
    }

    /// A sentence for each answer whose facts are not there.
    pub fn lost(&self, acknowledged: &[Acknowledged]) -> Vec<String> {
        let of = |answer: &Acknowledged| {
            let events = self.by_request.get(&answer.corr).map(Vec::as_slice).unwrap_or_default();
            let missing: Vec<&Expected> =
                answer.expected.iter().filter(|expected| !events.iter().any(|event| expected.is(event))).collect();
            let names: Vec<&str> = events.iter().filter_map(|event| event.get("type")?.as_str()).collect();
            (!missing.is_empty()).then(|| format!("acknowledged and not in the log: {} {missing:?}; there is {names:?}", answer.corr))
        };
        acknowledged.iter().filter_map(of).collect()
    }

    /// How many requests of clients and browsers are in the log that nobody was answered for.
    pub fn unanswered(&self, answered: &BTreeSet<String>) -> usize {
        let of_clients = |events: &Vec<Map<String, Value>>| {
            let mut actors = events.iter().filter_map(|event| event.get("actor")?.as_str());
            actors.any(|actor| actor == "anonymous" || actor.starts_with("client:") || actor.starts_with("user:"))
        };
        self.by_request.iter().filter(|(corr, events)| of_clients(events) && !answered.contains(*corr)).count()
    }

    /// A sentence for each code that was redeemed twice and each generation that was rotated twice.
    pub fn doubles(&self) -> Vec<String> {
        let mut seen: BTreeSet<(&str, &str, Option<u64>)> = BTreeSet::new();
        let mut doubles = Vec::new();
        for event in self.by_request.values().flatten() {
            let text = |name: &str| event.get(name).and_then(Value::as_str);
            let (key, generation) = match text("type") {
                Some("code.redeemed") => (text("code"), None),
                Some("refresh.rotated") => (text("grant"), event.get("generation").and_then(Value::as_u64)),
                Some(_) | None => continue,
            };
            let Some(key) = key else { continue };
            if !seen.insert((text("type").unwrap_or_default(), key, generation)) {
                doubles.push(format!("in the log twice: {} of {key} {generation:?}", text("type").unwrap_or_default()));
            }
        }
        doubles
    }
}

impl Expected {
    fn is(&self, event: &Map<String, Value>) -> bool {
        let is_named = self.name.is_none_or(|name| event.get("type").and_then(Value::as_str) == Some(name));
        is_named && self.members.iter().all(|(name, value)| event.get(*name) == Some(value))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn recorded(events: &[Value]) -> Recorded {
        let mut recorded = Recorded::default();
        events.iter().for_each(|event| recorded.add(event.as_object().unwrap().clone()));
        recorded
    }
    fn redeemed(corr: &str, token: &str) -> Value {
        json!({"corr": corr, "type": "token.granted", "token": token, "actor": "client:x"})
    }
    fn promised(corr: &str, token: &str) -> Acknowledged {
        Acknowledged { corr: corr.into(), expected: vec![Expected { name: Some("token.granted"), members: vec![("token", json!(token))] }] }
    }

    #[test]
    fn an_answer_is_lost_if_its_request_its_event_or_a_member_is_missing() {
        let log = recorded(&[redeemed("req_1", "tok_1"), json!({"corr": "req_2", "type": "token.denied"})]);
        assert!(log.lost(&[promised("req_1", "tok_1")]).is_empty());
        for lost in [promised("req_0", "tok_1"), promised("req_2", "tok_2"), promised("req_1", "tok_2")] {
            assert_eq!(log.lost(std::slice::from_ref(&lost)).len(), 1, "{lost:?}");
        }
    }

    #[test]
    fn what_nobody_was_answered_for_is_counted_but_not_the_servers_own() {
        let log = recorded(&[redeemed("req_1", "tok_1"), redeemed("req_2", "tok_2"), json!({"corr": "req_3", "actor": "server"})]);
        assert_eq!(log.unanswered(&BTreeSet::from(["req_1".to_owned()])), 1);
    }

    #[test]
    fn a_code_or_a_generation_that_is_used_twice_is_told() {
        let code = json!({"corr": "a", "type": "code.redeemed", "code": "cod_1"});
        let rotated = |generation: u32| json!({"corr": "b", "type": "refresh.rotated", "grant": "grt_1", "generation": generation});
        assert!(recorded(&[code.clone(), rotated(1), rotated(2)]).doubles().is_empty());
        assert_eq!(recorded(&[code.clone(), code]).doubles().len(), 1);
        assert_eq!(recorded(&[rotated(1), rotated(1)]).doubles().len(), 1);
    }
}
