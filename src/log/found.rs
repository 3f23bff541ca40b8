//! Directories as they may be found: a start cut off while it repaired, a file gone, random bytes (THREATS.md §B).

use super::directory::{copy_tree, mark_suspect};
use super::rehearsal::*;
use super::*;
use proptest::prelude::*;
use std::fs;
use std::path::Path;

fn found(path: &Path, kind: EngineKind) -> u64 {
    replay_directory(path, kind).unwrap().len() as u64
}

#[test]
fn f14_a_start_cut_off_while_it_repairs_is_repaired_by_the_next() {
    for kind in KINDS {
        for aside in ["suspect-1", "damaged-1", "damaged-12"] {
            let path = written(kind);
            let log = path.path().join(kind.name());
            // What a repair has made when it has moved the log aside, but nothing into its place yet.
            copy_tree(&log, &log.with_extension("anew"), &|_| false).unwrap();
            copy_tree(&log, &log.with_extension("retry"), &|name| name.starts_with("snap.")).unwrap();
            fs::rename(&log, path.path().join(format!("{}.{aside}", kind.name()))).unwrap();
            mark_suspect(&path.path().join("suspect"), "a sync failed").unwrap();
            for _ in 0..5 {
                assert_eq!(found(path.path(), kind), EVENTS, "{kind:?} {aside}");
            }
            assert!(!path.path().join("suspect").exists());
        }
    }
}

#[test]
fn f14_an_older_log_put_back_is_still_refused_by_the_mark() {
    for kind in KINDS {
        let path = written(kind);
        let log = path.path().join(kind.name());
        copy_tree(&log, &path.path().join(format!("{}.damaged-1", kind.name())), &|_| false).unwrap();
        write_directory(path.path(), kind, EVENTS..EVENTS + 3);
        directory::remove_tree(&log).unwrap();
        let refused = replay_directory(path.path(), kind).err().unwrap();
        assert!(matches!(refused, OpenError::Damaged(Damage::ShorterThanMark { .. })), "{refused}");
    }
}

#[test]
fn f10_a_missing_file_of_the_engine_is_refused_or_harmless() {
    let sound = written(EngineKind::Sled);
    let names: Vec<_> = fs::read_dir(sound.path().join("sled")).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert!(names.len() >= 3, "{names:?}");
    for name in names {
        let trial = tempfile::tempdir().unwrap();
        let path = trial.path().join("data");
        copy_tree(sound.path(), &path, &|_| false).unwrap();
        directory::remove_tree(&path.join("sled").join(&name)).unwrap();
        match replay_directory(&path, EngineKind::Sled) {
            Ok(found) => assert_eq!(found.len() as u64, EVENTS, "without {name:?}"),
            Err(refused) => assert!(!refused.to_string().contains('\n'), "{refused}"),
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]
    #[test]
    fn f34_random_bytes_as_a_data_directory_are_refused_or_nothing_and_never_a_panic(
        files in prop::collection::btree_map(
            prop::sample::select(vec![
                "sled/db", "sled/conf", "sled/snap.0000000000000010", "sled/blobs/1", "mark", "segment", "lock", "suspect",
            ]),
            prop::collection::vec(any::<u8>(), 0..5000),
            0..6,
        ),
        is_sled: bool,
    ) {
        let path = tempfile::tempdir().unwrap();
        for (name, bytes) in &files {
            let file = path.path().join(name);
            fs::create_dir_all(file.parent().unwrap()).unwrap();
            fs::write(file, bytes).unwrap();
        }
        let opened = replay_directory(path.path(), if is_sled { EngineKind::Sled } else { EngineKind::File });
        match opened {
            Ok(found) => prop_assert_eq!(found.len(), 0),
            Err(refused) => prop_assert!(!refused.to_string().contains('\n'), "{}", refused),
        }
    }
}
