//! Every refusal that exists, provoked through HTTP: its status, its error, the place where it is told, and the event that records it.

mod administration;
mod authentication;
mod authorization;
mod case;
mod presented;
mod registration;
mod sign_in;
mod site;
mod token;

use crate::harness::{Server, Site};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use writ::event::Refusal;

/// What no request can provoke in the time of a test, and the test beside the code that decides it.
const OUT_OF_REACH: &[(&str, &str)] = &[
    ("client_exists", "an identifier of 256 bits would have to be drawn twice"),
    ("credential_stale", "a password would have to change while it is being checked"),
    ("key_missing", "a site would have to lose all keys of an algorithm that a client is registered for"),
    ("registration_too_frequent", "loopback has no budget: proptests::found::a_stranger_who_registers_without_end_is_told_to_wait"),
    ("user_locked", "a hundred failures, between which up to a quarter of an hour has to pass"),
];

/// Where refusals are provoked: a server with a site for each temper.
pub struct Court {
    pub server: Arc<Server>,
    /// Profile `standard`.
    pub site: Site,
    /// Profile `openemr`.
    pub seed: Site,
    /// Codes and access tokens live for a second.
    pub hasty: Site,
    /// Takes no registrations; it took some before.
    pub closed: Site,
    /// Answers every response type, and takes request objects.
    pub open: Site,
    /// Takes registrations with an initial access token.
    pub inviting: Site,
    /// Was switched off after everybody had come.
    pub off: Site,
}

impl Court {
    async fn open() -> Self {
        let server = Server::with(&[
            ("default", "standard"),
            ("seed", "openemr"),
            ("hasty", "standard"),
            ("closed", "standard"),
            ("inviting", "standard"),
            ("off", "standard"),
            ("open", "standard"),
        ])
        .await;
        let set = |site: &str, flags: &[&str]| server.writ(&[&["site", "set", site], flags].concat(), "");
        set("hasty", &["code_seconds=1", "access_seconds=1", "refresh_seconds=60"]);
        set("closed", &["dcr.mode=disabled"]);
        set("inviting", &["dcr.mode=token"]);
        set("off", &["api.enabled=false"]);
        set("open", &["authorize.implicit=true", "authorize.hybrid=true", "authorize.request_objects=true"]);
        let site = |name| server.site(name);
        let [closed, inviting, off, open] = ["closed", "inviting", "off", "open"].map(site);
        Self { site: site("default"), seed: site("seed"), hasty: site("hasty"), closed, inviting, off, open, server }
    }
    /// Every event of every site, by the request that it tells of.
    fn told(&self) -> BTreeMap<String, Vec<Value>> {
        let mut told: BTreeMap<String, Vec<Value>> = BTreeMap::new();
        for site in [&self.site, &self.seed, &self.hasty, &self.closed, &self.inviting, &self.off, &self.open] {
            let log = self.server.writ(&["--site", &site.name, "log", "-o", "ndjson", "-n", "5000"], "");
            for event in log.lines().map(|line| serde_json::from_str::<Value>(line).unwrap()) {
                told.entry(event["corr"].as_str().unwrap_or_default().to_owned()).or_default().push(event);
            }
        }
        told
    }
}

#[tokio::test]
async fn every_refusal_is_told_in_its_place_and_recorded_with_its_reason() {
    let court = Court::open().await;
    let slow = token::after_a_minute(&court);
    let mut cases = authorization::cases(&court).await;
    cases.extend(authentication::cases(&court).await);
    cases.extend(registration::cases(&court).await);
    cases.extend(sign_in::cases(&court).await);
    cases.extend(token::cases(&court).await);
    cases.extend(presented::cases(&court).await);
    cases.extend(administration::cases(&court).await);
    cases.extend(site::cases(&court).await);
    cases.push(slow.await.unwrap());
    let told = court.told();
    let wrong: Vec<String> = cases.iter().flat_map(|case| [case.misheard(), case.unrecorded(&told)]).flatten().collect();
    assert!(wrong.is_empty(), "{} of {}:\n{}", wrong.len(), cases.len(), wrong.join("\n"));
    let provoked: BTreeSet<&str> = cases.iter().map(|case| case.reason).collect();
    let unreached: BTreeSet<&str> = OUT_OF_REACH.iter().map(|(reason, _)| *reason).collect();
    let all: BTreeSet<&str> = Refusal::ALL.iter().map(|refusal| refusal.as_str()).collect();
    assert_eq!(provoked.intersection(&unreached).collect::<Vec<_>>(), [&""; 0], "what is provoked is not out of reach");
    let reached: BTreeSet<&str> = provoked.union(&unreached).copied().collect();
    assert_eq!(all.difference(&reached).collect::<Vec<_>>(), [&""; 0], "nothing provokes these");
    assert!(reached.is_subset(&all), "{:?} are no refusals", reached.difference(&all).collect::<Vec<_>>());
}
