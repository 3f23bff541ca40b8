//! What was answered and what the log says of it.

use crate::asked::told;
use crate::story::{Story, steps};
use crate::world::{Reply, records};
use crate::{async_test, laws};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use proptest::prelude::*;
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use writ::event::{Event, Record, RefreshEvent, RequestEvent, TokenEvent};
use writ::log::EngineKind;
use writ::terms::RequestId;

fn all_records(story: &Story) -> Vec<Record> {
    story.world.all_sites().iter().flat_map(|site| records(&story.world, site)).collect()
}

proptest! {
    #![proptest_config(laws(8))]

    #[test]
    fn law_12_no_secret_is_in_the_log_or_its_files(story in steps(20..50)) {
        async_test(async {
            let story = told(EngineKind::File, &story).await;
            let secrets = secrets(&story);
            let text: String = all_records(&story).iter().map(|record| format!("{:?}", record.members())).collect();
            let files = bytes_below(story.world.directory());
            for secret in secrets {
                assert!(!text.contains(&secret), "a record holds the secret {secret}");
                assert!(!files.windows(secret.len()).any(|window| window == secret.as_bytes()), "a file holds the secret {secret}");
            }
        });
    }

    #[test]
    fn law_16_a_grant_has_at_most_one_active_refresh_token(story in steps(20..60)) {
        async_test(async {
            let story = told(EngineKind::File, &story).await;
            let mut active = BTreeMap::<Vec<u8>, BTreeSet<&String>>::new();
            for (owner, tokens) in &story.tokens {
                let Some(refresh) = &tokens.refresh else { continue };
                let reply = story.apps[*owner].introspect(&story.world, refresh).await;
                if reply.json()["active"] == true {
                    let grant = URL_SAFE_NO_PAD.decode(refresh).unwrap()[4..20].to_vec();
                    active.entry(grant).or_default().insert(refresh);
                }
            }
            assert!(active.values().all(|tokens| tokens.len() == 1), "{active:?}");
        });
    }

    #[test]
    fn law_26_every_answer_with_tokens_has_one_decision_and_every_decision_one_answer(story in steps(20..60)) {
        async_test(async {
            let story = told(EngineKind::File, &story).await;
            let granted: BTreeSet<RequestId> = {
                let corrs: Vec<_> = all_records(&story).iter().filter(|record| gives(&record.event)).map(|record| record.corr).collect();
                let once: BTreeSet<_> = corrs.iter().copied().collect();
                assert_eq!(once.len(), corrs.len(), "one request granted twice");
                once
            };
            let answers = story.world.answers();
            let gave = |path: &str, reply: &Reply| path.ends_with("/token") && reply.is_ok() || has_front_token(reply);
            let answered = answers.iter().filter(|(path, reply)| gave(path, reply)).map(|(_, reply)| reply.corr());
            assert_eq!(answered.collect::<BTreeSet<_>>(), granted);
        });
    }

    #[test]
    fn law_27_every_denial_is_in_the_log_by_itself_or_in_a_count(story in steps(20..60)) {
        async_test(async {
            let story = told(EngineKind::File, &story).await;
            story.world.ledger.tell_tallies(true).await.unwrap();
            let records = all_records(&story);
            let told: BTreeSet<RequestId> = records.iter().map(|record| record.corr).collect();
            let denied = |reply: &Reply| (400..500).contains(&reply.status);
            let answers = story.world.answers();
            let untold: Vec<_> = answers.iter().filter(|(_, reply)| denied(reply) && !told.contains(&reply.corr())).collect();
            let counted: u64 = records.iter().filter_map(count).sum();
            let what: Vec<_> = untold.iter().map(|(path, reply)| (path, reply.status, reply.text())).collect();
            assert_eq!(u64::try_from(untold.len()).unwrap(), counted, "{what:#?}");
        });
    }
}

/// Whether it sends the browser on with an access token (RFC 6749 §4.2.2).
fn has_front_token(reply: &Reply) -> bool {
    reply.location().is_some_and(|url| url.fragment().is_some_and(|fragment| fragment.contains("access_token=")))
}

fn gives(event: &Event) -> bool {
    matches!(event, Event::Token(TokenEvent::Granted(_)) | Event::Refresh(RefreshEvent::Rotated(_) | RefreshEvent::Retried { .. }))
}

fn count(record: &Record) -> Option<u64> {
    match &record.event {
        Event::Request(RequestEvent::Refused { times: Some(times), .. }) => Some(times.count),
        _ => None,
    }
}

fn secrets(story: &Story) -> Vec<String> {
    let tokens = story.tokens.iter().flat_map(|(_, tokens)| [Some(tokens.access.clone()), tokens.refresh.clone(), tokens.id.clone()]);
    let tokens = tokens.flatten().map(|token| token.rsplit('.').next().unwrap().to_owned());
    let codes = story.codes.iter().flat_map(|(_, code)| [Some(code.code.clone()), code.verifier.clone()]).flatten();
    let apps = story.apps.iter().flat_map(|app| app.secret.iter().chain(&app.registration_tokens).cloned());
    let people = story.world.people.iter().map(|person| person.password.clone());
    tokens.chain(codes).chain(apps).chain(people).chain(story.guesses.iter().cloned()).collect()
}

/// Every byte of every file below the directory.
fn bytes_below(directory: &Path) -> Vec<u8> {
    let mut bytes = Vec::new();
    for entry in std::fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        match path.is_dir() {
            true => bytes.extend(bytes_below(&path)),
            false => bytes.extend(std::fs::read(&path).unwrap_or_default()),
        }
    }
    bytes
}
