//! The law of `asked` (DESIGN.md §1): whatever happens, deciding again what the log says was asked gives what the log says happened.

use crate::story::{Step, Story, steps};
use crate::world::{World, decisions, records, states};
use crate::{async_test, laws};
use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::TestRunner;
use std::collections::BTreeMap;
use writ::command::redecide;
use writ::event::Record;
use writ::log::EngineKind;
use writ::projection::State;
use writ::terms::IdSeed;

proptest! {
    #![proptest_config(laws(24))]

    #[test]
    fn every_decision_of_a_story_is_decided_alike_from_the_log(story in steps(10..60)) {
        async_test(async {
            let story = told(EngineKind::File, &story).await;
            holds(&story.world);
        });
    }
}

/// Two sites, three people, and what happens to them.
pub async fn told(engine: EngineKind, steps: &[Step]) -> Story {
    let world = World::with_sites(engine, &["default", "other"]).await;
    let mut story = Story::begin(world, &["default", "other"]).await;
    story.play(steps).await;
    story
}

/// Replays every site's log and decides every decision again; at the end the replayed state must be the live one.
#[track_caller]
pub fn holds(world: &World) {
    for site in world.all_sites() {
        let (records, mut live) = (records(world, &site), site.read(Clone::clone));
        let mut state = State::default();
        for decision in decisions(&records) {
            is_decided_alike(&mut state, decision);
            for record in decision {
                state.fold(record).unwrap();
            }
        }
        // A decision without events leaves no record, but time has passed for it.
        for state in [&mut state, &mut live] {
            state.forget(world.ledger.now());
        }
        assert_eq!(state, live, "the replayed state of {} is not the live one", site.name());
    }
}

/// Decides again what the first record of these says was asked.
#[track_caller]
pub fn is_decided_alike(state: &mut State, decision: &[Record]) {
    assert_eq!(decided_again(state, decision), recorded(decision), "in decision {:#?}", decision[0]);
}

/// What the log says of a decision's events: id, actor, cause and the event with all its ids.
type Told = Vec<(uuid::Uuid, String, Option<u64>, writ::event::Event)>;

fn recorded(decision: &[Record]) -> Told {
    decision.iter().map(|record| (record.id, record.actor.to_string(), record.cause.map(|seq| seq.0), record.event.clone())).collect()
}

fn decided_again(state: &mut State, decision: &[Record]) -> Told {
    let first = &decision[0];
    let seed: IdSeed = first.asked.as_ref().unwrap()["seed"].as_str().unwrap().parse().unwrap();
    let again = redecide(state, first).unwrap_or_else(|error| panic!("{error}: {first:#?}"));
    let told = again
        .events
        .into_iter()
        .zip(0..)
        .map(|(draft, n)| (seed.event_id(n, first.t), draft.actor.to_string(), draft.cause.map(|seq| seq.0), draft.event));
    told.collect()
}

proptest! {
    #![proptest_config(laws(12))]

    #[test]
    fn a_server_started_again_knows_what_it_knew(story in steps(5..30), sled in any::<bool>()) {
        async_test(async {
            let story = told(if sled { EngineKind::Sled } else { EngineKind::File }, &story).await;
            // A wall clock that was set back may have the new server begin a little earlier than the old one ended.
            let now = story.world.ledger.now();
            let before = states(&story.world, now);
            let again = story.world.reopened();
            holds(&again);
            assert_eq!(states(&again, now), before);
        });
    }
}

const TO_BE_REACHED: [&str; 26] = [
    "client.assertion_used",
    "client.auth_failed client_secret_wrong",
    "client.deleted",
    "client.updated",
    "code.redeemed",
    "code.replayed",
    "consent.denied",
    "consent.revoked",
    "grant.revoked code_replayed",
    "grant.revoked refresh_reused",
    "grant.revoked revoked_by_client",
    "id_token.issued",
    "key.rotated",
    "login.failed password_wrong",
    "refresh.retried",
    "refresh.reuse_detected",
    "refresh.rotated",
    "session.ended logout",
    "token.denied code_of_another_client",
    "token.denied grant_ended",
    "token.denied verifier_mismatch",
    "token.denied verifier_missing",
    "token.introspected",
    "token.revoked",
    "user.disabled",
    "userinfo.read",
];

/// Guards the other laws against stories in which nothing happens.
#[test]
fn stories_reach_every_event_and_refusal_that_they_are_about() {
    let mut runner = TestRunner::deterministic();
    let mut reached = BTreeMap::<String, usize>::new();
    async_test(async {
        for _ in 0..80 {
            let steps = steps(40..80).new_tree(&mut runner).unwrap().current();
            let story = told(EngineKind::File, &steps).await;
            for site in story.world.all_sites() {
                for record in records(&story.world, &site) {
                    let members = record.members().unwrap();
                    let reason = members.get("reason").and_then(serde_json::Value::as_str).unwrap_or_default();
                    *reached.entry(format!("{} {reason}", members["type"].as_str().unwrap()).trim_end().to_owned()).or_default() += 1;
                }
            }
        }
    });
    let missing: Vec<_> = TO_BE_REACHED.iter().filter(|name| !reached.contains_key(**name)).collect();
    assert!(missing.is_empty(), "no story reached {missing:?}, only {reached:#?}");
}
