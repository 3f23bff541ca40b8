//! What holds in every log, whatever the story was.

use crate::asked::told;
use crate::story::steps;
use crate::world::{World, decisions, records};
use crate::{async_test, laws};
use proptest::prelude::*;
use std::collections::{BTreeMap, BTreeSet};
use writ::command::redecide;
use writ::event::{ClientEvent, CodeEvent, Event, GrantEnd, GrantEvent, IssuedTokens, Record, RefreshEvent, TokenEvent, UserEvent};
use writ::log::EngineKind;
use writ::projection::{Grant, Life, State};
use writ::terms::{GrantId, Level, Meaning, Scope, Timestamp, TokenId};

/// A story's server and the log of each of its sites.
fn logs(steps: &[crate::story::Step], check: impl Fn(&[Record])) {
    async_test(async {
        let story = told(EngineKind::File, steps).await;
        let world: &World = &story.world;
        world.all_sites().iter().for_each(|site| check(&records(world, site)));
    });
}

/// Walks through a log: each record with the state before it, which is folded on afterwards.
fn walk(records: &[Record], mut see: impl FnMut(&State, &Record)) -> State {
    let mut state = State::default();
    for record in records {
        state.forget(record.t);
        see(&state, record);
        state.fold(record).unwrap();
    }
    state
}

proptest! {
    #![proptest_config(laws(8))]

    #[test]
    fn law_2_a_refused_command_brings_nothing_to_life(story in steps(20..60)) {
        logs(&story, |records| {
            let mut state = State::default();
            for decision in decisions(records) {
                let refused = redecide(&mut state, &decision[0]).unwrap().answer.is_err();
                let before = alive(&state, decision[0].t);
                decision.iter().for_each(|record| state.fold(record).unwrap());
                let after = alive(&state, decision[0].t);
                assert!(!refused || after.is_subset(&before), "refused, and yet: {decision:#?}");
            }
        });
    }

    #[test]
    fn law_3_in_how_many_steps_time_passes_makes_no_difference(story in steps(20..60), parts in 2..5_u64) {
        logs(&story, |records| {
            let straight = walk(records, |_, _| {});
            let mut slowly = State::default();
            for record in records {
                let (from, gap) = (slowly.last_t, record.t.millis_since(slowly.last_t));
                (1..parts).for_each(|n| slowly.forget(from.plus_millis(gap / parts * n)));
                slowly.fold(record).unwrap();
            }
            assert_eq!(slowly, straight);
        });
    }

    #[test]
    fn law_8_a_record_is_read_back_as_it_was_written(story in steps(20..60)) {
        logs(&story, |records| {
            for record in records {
                let leaf = writ::log::jcs(&serde_json::Value::Object(record.members().unwrap())).unwrap();
                assert_eq!(Record::from_leaf(&leaf).as_ref(), Ok(record));
            }
        });
    }

    #[test]
    fn law_10_a_code_is_redeemed_at_most_once(story in steps(20..60)) {
        logs(&story, |records| {
            let mut redeemed = BTreeSet::new();
            for record in records {
                if let Event::Code(CodeEvent::Redeemed { code, .. }) = &record.event {
                    assert!(redeemed.insert(*code), "{code} was redeemed twice");
                }
            }
        });
    }

    #[test]
    fn law_13_scope_never_grows_from_site_to_registration_to_consent_to_grant_to_token(story in steps(20..60)) {
        logs(&story, |records| drop(walk(records, |state, record| match &record.event {
            Event::Client(ClientEvent::Registered { metadata, .. }) => {
                assert!(metadata.scope.is_within(&state.site.as_ref().unwrap().settings.scopes));
            }
            Event::Code(CodeEvent::Issued { client, user, scope, .. }) => {
                assert!(scope.is_within(&state.clients.by_id(client).unwrap().metadata.scope));
                assert!(scope.is_within(&state.consents.of(*user, client).unwrap().scope));
                assert_eq!(scope, &scope.of_role(state.users.by_id(user).unwrap().role));
            }
            event => if let Some(tokens) = issued(event) {
                let within_its_grant = state.grants.by_id(&tokens.grant).map(|grant| tokens.scope.is_within(&grant.scope));
                assert!(within_its_grant.unwrap_or(tokens.begins.is_some()));
                assert!(tokens.scope.is_within(&state.clients.by_id(&tokens.client).unwrap().metadata.scope));
                assert!(tokens.scope.is_within(&state.site.as_ref().unwrap().settings.scopes));
                match tokens.user {
                    Some(user) => assert_eq!(tokens.scope, tokens.scope.of_role(state.users.by_id(&user).unwrap().role)),
                    None => assert!(tokens.scope.iter().all(is_nobodys), "{}", tokens.scope),
                }
            },
        })));
    }

    #[test]
    fn law_15_a_reuse_or_revocation_ends_its_own_grant_and_touches_no_other(story in steps(20..60)) {
        logs(&story, |records| {
            let mut state = State::default();
            for decision in decisions(records) {
                state.forget(decision[0].t);
                let before = grants(&state);
                decision.iter().for_each(|record| state.fold(record).unwrap());
                let Some(own) = reused(&decision[0].event) else { continue };
                assert!(state.grants.by_id(&own).is_none_or(|grant| grant.ended.is_some()), "{own} lives on after a reuse");
                let mut after = grants(&state);
                after.insert(own, before[&own].clone());
                assert_eq!(after, before);
            }
        });
    }

    #[test]
    fn laws_17_and_20_what_is_dead_stays_dead_unless_an_administrator_lets_it_in_again(story in steps(20..60)) {
        logs(&story, |records| {
            let mut dead = BTreeSet::new();
            let mut ever = BTreeSet::new();
            let mut state = State::default();
            for record in records {
                state.fold(record).unwrap();
                let alive = alive(&state, record.t);
                match &record.event {
                    Event::Client(ClientEvent::Enabled { .. } | ClientEvent::Approved { .. }) | Event::User(UserEvent::Enabled { .. }) => {}
                    _ => assert!(alive.is_disjoint(&dead), "{record:#?} brought {:?} back", alive.intersection(&dead)),
                }
                ever.extend(alive.iter().copied());
                dead = ever.difference(&alive).copied().collect();
            }
        });
    }

    #[test]
    fn law_21_no_rotation_outlasts_the_absolute_end_of_its_grant(story in steps(20..60)) {
        logs(&story, |records| drop(walk(records, |state, record| {
            let Some(tokens) = issued(&record.event) else { return };
            let began = state.grants.by_id(&tokens.grant).and_then(|grant| grant.redeemed_at).unwrap_or(record.t);
            let end = began.plus_seconds(state.site.as_ref().unwrap().settings.refresh_absolute_seconds);
            assert!(tokens.refresh_expires_at.is_none_or(|expires_at| expires_at <= end));
        })));
    }

    #[test]
    fn an_answer_about_a_token_rests_on_the_event_that_changed_it(story in steps(20..60)) {
        logs(&story, |records| drop(walk(records, |state, record| {
            let mut after = state.clone();
            after.fold(record).unwrap();
            for id in after.grants.tokens().map(|(id, _)| *id) {
                let (was, is) = (state.token_liveness(&id, record.t), after.token_liveness(&id, record.t));
                assert!(was.life == is.life || is.rests_on >= record.seq, "{record:#?} made {was:?} into {is:?}");
            }
        })));
    }

    #[test]
    fn every_cause_is_an_earlier_record_of_the_same_site(story in steps(20..60)) {
        logs(&story, |records| for record in records {
            assert!(record.cause.is_none_or(|cause| cause < record.seq), "{record:#?}");
            assert!(record.asked.is_some() || record.cause.is_some(), "a later event of a decision without a cause: {record:#?}");
        });
    }
}

fn issued(event: &Event) -> Option<&IssuedTokens> {
    match event {
        Event::Token(TokenEvent::Granted(tokens)) | Event::Refresh(RefreshEvent::Rotated(tokens)) => Some(tokens),
        _ => None,
    }
}

fn reused(event: &Event) -> Option<GrantId> {
    match event {
        Event::Refresh(RefreshEvent::ReuseDetected { grant, .. })
        | Event::Code(CodeEvent::Replayed { grant, .. })
        | Event::Grant(GrantEvent::Revoked { grant, reason: GrantEnd::RevokedByClient, .. }) => Some(*grant),
        _ => None,
    }
}

fn grants(state: &State) -> BTreeMap<GrantId, Grant> {
    state.grants.iter().map(|grant| (grant.id, grant.clone())).collect()
}

/// The access tokens that are good at this time.
fn alive(state: &State, now: Timestamp) -> BTreeSet<TokenId> {
    let tokens = state.grants.tokens().map(|(id, _)| *id);
    tokens.filter(|id| state.token_liveness(id, now).life == Life::Active).collect()
}

/// Whether a client may have it for itself, without a person.
fn is_nobodys(scope: &Scope) -> bool {
    scope.level() == Some(Level::System) || matches!(scope.meaning(), Meaning::Custom(_))
}
