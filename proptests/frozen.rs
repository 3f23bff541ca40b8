//! The record is for ever: `snapshots/log/v1.ndjson` holds a log with every event type, what it folds to and what it exports as,
//! and nothing of that may change (DESIGN.md §4). New events and fields make a `v2.ndjson` beside it; no line of the old one goes.
//!
//! To freeze a further version: `WRIT_FREEZE=snapshots/log/v2.ndjson cargo test --test proptests frozen::freeze -- --ignored`. A file
//! that is there is never written again.

mod export;
mod file;
mod story;

use crate::async_test;
use crate::world::records;
use export::Export;
use file::Frozen;
use serde_json::Value;
use std::collections::BTreeSet;
use writ::audit::verify::{Trust, bundle};
use writ::event::Record;
use writ::log::Framer;
use writ::projection::State;

fn frozen() -> Frozen {
    Frozen::parse(include_str!("../snapshots/log/v1.ndjson"))
}

/// Every event that a program of this version can write.
fn known() -> BTreeSet<String> {
    let names = include_str!("../snapshots/event_names.txt");
    let events = names.split("[refusals]").next().unwrap();
    events.lines().filter(|line| line.contains('.')).map(str::to_owned).collect()
}

fn names(leaves: impl Iterator<Item = Value>) -> BTreeSet<String> {
    leaves.map(|leaf| leaf["type"].as_str().unwrap().to_owned()).collect()
}

#[test]
fn the_story_tells_every_event_type() {
    async_test(async {
        let world = story::told().await.reopened();
        let leaves = world.all_sites().into_iter().flat_map(|site| records(&world, &site));
        let told = names(leaves.map(|record| record.members().unwrap().into()));
        let missing: Vec<_> = known().difference(&told).cloned().collect();
        assert_eq!(missing, Vec::<String>::new());
    });
}

#[test]
#[ignore = "writes a file that is there for ever"]
fn freeze() {
    let path = std::env::var_os("WRIT_FREEZE").expect("WRIT_FREEZE names the file to be written");
    let path = std::path::absolute(path).unwrap();
    assert!(!path.exists(), "what is frozen is never written again");
    let (exports, directory, _world) = async_test(async {
        let world = story::told().await;
        let mut exports = Vec::new();
        for site in world.all_sites() {
            exports.push(export::exported(&world, &site).await);
        }
        let directory = tempfile::tempdir().unwrap();
        world.ledger.shut_down();
        copy(world.directory(), directory.path());
        (exports, directory, world)
    });
    let frozen = Frozen { exports, ..Frozen::of(directory.path()) };
    std::fs::write(path, frozen.text()).unwrap();
}

/// The running server holds its directory as long as it is there.
fn copy(from: &std::path::Path, to: &std::path::Path) {
    for entry in std::fs::read_dir(from).unwrap().map(Result::unwrap).filter(|entry| entry.file_type().unwrap().is_file()) {
        std::fs::copy(entry.path(), to.join(entry.file_name())).unwrap();
    }
}

#[test]
fn the_frozen_log_tells_every_event_type_of_its_version() {
    let told = names(frozen().records.iter().map(|record| serde_json::from_str(&record.leaf).unwrap()));
    let version_1 = include_str!("../snapshots/log/v1.names.txt");
    assert_eq!(told, version_1.lines().map(str::to_owned).collect());
    assert!(told.is_subset(&known()), "an event that was released is known for ever");
}

#[test]
fn frozen_frames_say_what_they_said_and_are_framed_alike() {
    let frozen = frozen();
    assert_eq!(file::told(&frozen.frames, &frozen.keys), frozen.records);
    let mut framer = Framer::new();
    let again = file::stored(&frozen.frames)
        .into_iter()
        .flat_map(|record| framer.frames(&record.site, record.seq, &record.leaf, &record.sealed).unwrap());
    assert_eq!(again.collect::<Vec<_>>(), frozen.frames);
}

#[test]
fn frozen_leaves_are_read_and_written_alike() {
    for told in frozen().records {
        let read = Record::from_leaf(told.leaf.as_bytes()).unwrap();
        let members: serde_json::Map<String, Value> = serde_json::from_str(&told.leaf).unwrap();
        let (written, sealed): (serde_json::Map<_, _>, serde_json::Map<_, _>) =
            members.into_iter().partition(|(name, _)| !name.starts_with("_sd"));
        let read = read.members().unwrap();
        assert!(file::still_says(&read.into(), &written.clone().into()), "{}", told.leaf);
        let dis: Vec<_> = told.dis.iter().map(|encoded| writ::log::Disclosure::decode(encoded).unwrap()).collect();
        for disclosure in &dis {
            let digest = Value::from(disclosure.digest().to_string());
            assert!(sealed["_sd"].as_array().unwrap().contains(&digest), "{}", told.leaf);
        }
        if dis.len() == sealed.get("_sd").and_then(Value::as_array).map_or(0, Vec::len) {
            assert_eq!(writ::log::leaf_bytes(written, &dis).unwrap(), told.leaf.as_bytes());
        }
    }
}

#[test]
fn the_frozen_log_folds_to_what_it_folded_to() {
    let frozen = frozen();
    for (now, then) in file::folded(&frozen.frames).iter().zip(&frozen.states) {
        assert_eq!(now.site, then.site);
        assert!(file::still_says(&now.folded, &then.folded), "{:#} is not what {} folded to: {:#}", now.folded, now.site, then.folded);
        assert!(now.version != then.version || now == then, "the fold has changed, but not its version");
    }
    assert_eq!(frozen.states.len(), 2);
}

#[test]
fn what_was_asked_in_the_frozen_log_is_decided_alike() {
    let records: Vec<Record> = frozen().records.iter().map(|told| Record::from_leaf(told.leaf.as_bytes()).unwrap()).collect();
    let sites: BTreeSet<_> = records.iter().map(|record| record.site.clone()).collect();
    for site in sites {
        let own: Vec<Record> = records.iter().filter(|record| record.site == site).cloned().collect();
        let mut state = State::default();
        for decision in crate::world::decisions(&own) {
            // One event of the story has no decision of its own.
            if decision[0].asked.as_ref().unwrap()["command"] != "planted" {
                crate::asked::is_decided_alike(&mut state, decision);
            }
            decision.iter().for_each(|record| state.fold(record).unwrap());
        }
    }
}

#[test]
fn the_frozen_log_exports_as_it_did_and_the_export_proves_itself() {
    let frozen = frozen();
    let stored = file::stored(&frozen.frames);
    assert!(!frozen.exports.is_empty());
    for export in &frozen.exports {
        let leaf: Value =
            frozen.records.iter().find(|told| told.site == export.site).map(|told| serde_json::from_str(&told.leaf).unwrap()).unwrap();
        let key = leaf["checkpoint_key"].as_str().unwrap().parse().unwrap();
        let verified = bundle(export.bundle.as_bytes(), &Trust::Keys(vec![key]), &[]).unwrap().unwrap();
        let of_site = stored.iter().filter(|record| record.site == export.site).count();
        assert_eq!(verified.counts.events, u64::try_from(of_site).unwrap());
        assert_eq!(Export::made_again(export, &stored, &frozen.records), Export::frozen(export));
    }
}
