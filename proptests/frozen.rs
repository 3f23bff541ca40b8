//! The record is for ever: `snapshots/log/v1.ndjson` holds a log with every event type, what it folds to and what it exports as,
//! and nothing here may change (DESIGN.md §4).

mod file;
mod story;

use crate::async_test;
use crate::world::records;
use std::collections::BTreeSet;

/// Every event that a program of this version can write.
fn known() -> BTreeSet<String> {
    let names = include_str!("../snapshots/event_names.txt");
    let events = names.split("[refusals]").next().unwrap();
    events.lines().filter(|line| line.contains('.')).map(str::to_owned).collect()
}

#[test]
fn the_story_tells_every_event_type() {
    async_test(async {
        let world = story::told().await.reopened();
        let leaves = world.all_sites().into_iter().flat_map(|site| records(&world, &site));
        let told = story::names(leaves.map(|record| record.members().unwrap().into()));
        let missing: Vec<_> = known().difference(&told).cloned().collect();
        assert_eq!(missing, Vec::<String>::new());
    });
}

#[test]
#[ignore = "shows leaves"]
fn show() {
    async_test(async {
        let world = story::told().await;
        let dir = world.directory().to_owned();
        world.ledger.shut_down();
        let keep = world;
        std::fs::copy(dir.join("segment"), "/tmp/segment").unwrap();
        drop(keep.ledger.clone());
        for t in file::told(
            &writ::log::EventLog::read_from(
                &writ::log::file::FileLog::open(std::path::Path::new("/tmp/segment")).unwrap(),
                writ::log::Position(0),
            )
            .map(|r| r.unwrap().1)
            .collect::<Vec<_>>(),
            &[],
        ) {
            eprintln!("{} {}", t.seq, t.leaf);
        }
    });
}
