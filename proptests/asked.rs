//! The law of `asked` (DESIGN.md §1): whatever happens, deciding again what the log says was asked gives what the log says happened.

use crate::story::{Step, Story, steps};
use crate::world::{World, decisions, records, states};
use crate::{async_test, laws};
use proptest::prelude::*;
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
    let mut world = World::with_sites(engine, &["default", "other"]).await;
    world.add_person("default", "bob").await;
    let mut story = Story::begin(world, &["default", "other"]).await;
    story.play(steps).await;
    story
}

/// Replays every site's log and decides every decision again; at the end the replayed state must be the live one.
#[track_caller]
pub fn holds(world: &World) {
    for site in world.all_sites() {
        let (records, live) = (records(world, &site), site.read(Clone::clone));
        let mut state = State::default();
        for decision in decisions(&records) {
            assert_eq!(decided_again(&state, decision), recorded(decision), "in decision {:#?}", decision[0]);
            for record in decision {
                state.fold(record).unwrap();
            }
        }
        assert_eq!(state, live, "the replayed state of {} is not the live one", site.name());
    }
}

/// What the log says of a decision's events: id, actor, cause and the event with all its ids.
type Told = Vec<(uuid::Uuid, String, Option<u64>, writ::event::Event)>;

fn recorded(decision: &[Record]) -> Told {
    decision.iter().map(|record| (record.id, record.actor.to_string(), record.cause.map(|seq| seq.0), record.event.clone())).collect()
}

fn decided_again(state: &State, decision: &[Record]) -> Told {
    let first = &decision[0];
    let seed: IdSeed = first.asked.as_ref().unwrap()["seed"].as_str().unwrap().parse().unwrap();
    let again = redecide(state, first).unwrap_or_else(|error| panic!("{error}: {first:#?}"));
    let told = again.events.into_iter().zip(0..).map(|(draft, n)| {
        (seed.event_id(n, first.t), draft.actor.to_string(), draft.cause.map(|seq| seq.0), draft.event)
    });
    told.collect()
}
