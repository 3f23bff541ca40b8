//! Faults on real directories (THREATS.md §B): refused with a sentence, or harmless; never a shorter history.

use super::directory::copy_tree;
use super::mark::{self, Marked};
use super::rehearsal::*;
use super::*;
use crate::terms::Digest;
use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

/// The same as a kill leaves it: copied while the log was open, so that sled has made no snapshot.
fn killed(kind: EngineKind) -> tempfile::TempDir {
    let (path, copy) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let directory = DataDirectory::open(path.path()).unwrap();
    let (committer, _) = start(LogStore::open(&directory, kind).unwrap());
    let lane = committer.lane(&crate::terms::SiteName::default_site());
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    for seq in 0..EVENTS {
        enqueue(&committer, &lane, records(seq..seq + 1));
        runtime.block_on(lane.wait_for(crate::terms::Seq(seq))).unwrap();
    }
    copy_tree(path.path(), &copy.path().join("data"), &|_| false).unwrap();
    copy
}
fn data_of(kind: EngineKind, path: &Path) -> PathBuf {
    match kind {
        EngineKind::Sled => path.join("sled/db"),
        EngineKind::File => path.join("segment"),
    }
}
/// Either everything is there or the start is refused with one sentence.
fn refused_or_whole(path: &Path, kind: EngineKind, what: &str) -> Option<OpenError> {
    match replay_directory(path, kind) {
        Ok(found) => {
            assert_eq!(found.len() as u64, EVENTS, "{kind:?}, {what}");
            None
        }
        Err(error) => Some(error),
    }
}

#[test]
fn a_log_closed_or_killed_is_found_whole() {
    for kind in KINDS {
        assert_eq!(replay_directory(written(kind).path(), kind).unwrap().len() as u64, EVENTS);
        assert_eq!(replay_directory(&killed(kind).path().join("data"), kind).unwrap().len() as u64, EVENTS);
    }
}

#[test]
fn a_log_goes_on_after_a_restart() {
    for kind in KINDS {
        let path = written(kind);
        write_directory(path.path(), kind, EVENTS..EVENTS + 3);
        assert_eq!(replay_directory(path.path(), kind).unwrap().len() as u64, EVENTS + 3);
    }
}

#[test]
fn f09_a_flipped_bit_is_refused_or_harmless() {
    for kind in KINDS {
        let killed = killed(kind);
        let sound = killed.path().join("data");
        let length = fs::metadata(data_of(kind, &sound)).unwrap().len();
        let last_used = fs::read(data_of(kind, &sound)).unwrap().iter().rposition(|byte| *byte != 0).unwrap() as u64;
        let spread = (0..24).map(|n| n * last_used / 24);
        let tail = (0..12).map(|n| last_used.saturating_sub(n * n * 7));
        let mut refused = 0;
        for at in spread.chain(tail).filter(|at| *at < length) {
            let trial = tempfile::tempdir().unwrap();
            let path = trial.path().join("data");
            copy_tree(&sound, &path, &|_| false).unwrap();
            let mut bytes = fs::read(data_of(kind, &path)).unwrap();
            bytes[at as usize] ^= 0x10;
            fs::write(data_of(kind, &path), bytes).unwrap();
            refused += u32::from(refused_or_whole(&path, kind, &format!("bit flipped in byte {at}")).is_some());
        }
        assert!(refused > 0, "no flipped bit met a frame");
    }
}

#[test]
fn f10_a_truncated_file_is_refused_without_a_panic() {
    for kind in KINDS {
        let sound = written(kind);
        let bytes = fs::read(data_of(kind, sound.path())).unwrap();
        let last_used = bytes.iter().rposition(|byte| *byte != 0).unwrap();
        for keep in [0, 1, 7, last_used / 4, last_used / 2, last_used - 3000, last_used - 100, last_used - 1] {
            let trial = tempfile::tempdir().unwrap();
            let path = trial.path().join("data");
            copy_tree(sound.path(), &path, &|_| false).unwrap();
            fs::write(data_of(kind, &path), &bytes[..keep]).unwrap();
            let refused = refused_or_whole(&path, kind, &format!("cut to {keep} bytes"));
            assert!(refused.is_some() || kind == EngineKind::Sled, "{kind:?} cut to {keep} bytes");
        }
    }
}

#[test]
fn f10_a_zeroed_page_is_refused_or_harmless() {
    for kind in KINDS {
        let sound = written(kind);
        let bytes = fs::read(data_of(kind, sound.path())).unwrap();
        for page in (0..bytes.len().min(40 * 4096) / 4096).step_by(4) {
            let trial = tempfile::tempdir().unwrap();
            let path = trial.path().join("data");
            copy_tree(sound.path(), &path, &|_| false).unwrap();
            let mut zeroed = bytes.clone();
            zeroed[page * 4096..(page + 1) * 4096].fill(0);
            fs::write(data_of(kind, &path), zeroed).unwrap();
            refused_or_whole(&path, kind, &format!("page {page} zeroed"));
        }
    }
}

#[test]
fn f10_an_old_copy_put_back_is_refused_by_the_mark() {
    for kind in KINDS {
        let (old, new) = (written(kind), tempfile::tempdir().unwrap());
        let path = new.path().join("data");
        copy_tree(old.path(), &path, &|_| false).unwrap();
        write_directory(&path, kind, EVENTS..EVENTS + 5);
        fs::copy(path.join("mark"), old.path().join("mark")).unwrap();
        let refused = replay_directory(old.path(), kind).err().unwrap();
        let expected = Damage::ShorterThanMark { position: Position(EVENTS), mark: Position(EVENTS + 5) };
        assert!(matches!(&refused, OpenError::Damaged(damage) if *damage == expected), "{refused}");
    }
}

#[test]
fn a_log_of_another_history_is_refused_by_the_mark() {
    for kind in KINDS {
        let path = written(kind);
        let head = mark::read(&path.path().join("mark")).unwrap().unwrap().head;
        mark::create(&path.path().join("mark"), Marked { head, chain: Digest::of(b"other") }).unwrap();
        let refused = replay_directory(path.path(), kind).err().unwrap();
        let expected = Damage::OtherThanMark { position: Position(head.0 - 1) };
        assert!(matches!(&refused, OpenError::Damaged(damage) if *damage == expected), "{refused}");
    }
}

#[test]
fn a_missing_mark_or_log_is_refused_and_nothing_is_made_anew() {
    for kind in KINDS {
        let path = written(kind);
        fs::remove_file(path.path().join("mark")).unwrap();
        assert!(matches!(replay_directory(path.path(), kind), Err(OpenError::MarkMissing { .. })));
        assert!(!path.path().join("mark").exists());
        let path = written(kind);
        let log = path.path().join(kind.name());
        directory::remove_tree(&log).unwrap();
        assert!(matches!(replay_directory(path.path(), kind), Err(OpenError::LogMissing { .. })));
        assert!(!log.exists());
    }
}

#[test]
fn the_other_engine_is_not_begun_beside_a_log() {
    let refused = replay_directory(written(EngineKind::File).path(), EngineKind::Sled);
    assert!(matches!(refused, Err(OpenError::OtherEngine { .. })));
    let refused = replay_directory(written(EngineKind::Sled).path(), EngineKind::File);
    assert!(matches!(refused, Err(OpenError::OtherEngine { .. })));
}

#[test]
fn a_half_written_snapshot_of_sled_is_moved_aside() {
    let path = written(EngineKind::Sled);
    let planted = path.path().join("sled/snap.00000000000FFFFF.generating");
    fs::write(&planted, b"half").unwrap();
    assert_eq!(replay_directory(path.path(), EngineKind::Sled).unwrap().len() as u64, EVENTS);
    assert!(!planted.exists());
    assert_eq!(fs::read(path.path().join("snap.00000000000FFFFF.generating.aside-1")).unwrap(), b"half");
}

#[test]
fn f11_a_damaged_snapshot_of_sled_is_done_without_and_kept() {
    let path = written(EngineKind::Sled);
    // sled writes a snapshot when it opens a log.
    replay_directory(path.path(), EngineKind::Sled).unwrap();
    let snapshots: Vec<PathBuf> = fs::read_dir(path.path().join("sled")).unwrap().map(|entry| entry.unwrap().path()).collect();
    let snapshot = snapshots.iter().find(|path| path.to_string_lossy().contains("snap.")).unwrap();
    let mut bytes = fs::read(snapshot).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    fs::write(snapshot, bytes).unwrap();
    let directory = DataDirectory::open(path.path()).unwrap();
    let store = LogStore::open(&directory, EngineKind::Sled).unwrap();
    let mut found = 0;
    let replayed = store
        .replay(|_| {
            found += 1;
            Ok::<(), std::convert::Infallible>(())
        })
        .unwrap();
    assert_eq!((found, replayed.notes().len()), (EVENTS, 1));
    assert!(path.path().join("sled.damaged-1").exists());
}

#[test]
fn blobs_of_sled_are_refused() {
    let path = written(EngineKind::Sled);
    fs::create_dir_all(path.path().join("sled/blobs")).unwrap();
    fs::write(path.path().join("sled/blobs/1"), b"blob").unwrap();
    let refused = replay_directory(path.path(), EngineKind::Sled).err().unwrap().to_string();
    assert!(refused.contains("blobs") && refused.contains("backup"), "{refused}");
}

#[test]
fn a_suspect_log_that_is_found_sound_is_written_anew_and_no_longer_suspect() {
    for kind in KINDS {
        let path = written(kind);
        let directory = DataDirectory::open(path.path()).unwrap();
        directory::mark_suspect(&directory.suspect(), "a sync failed").unwrap();
        assert!(directory.is_suspect());
        let replayed = LogStore::open(&directory, kind).unwrap().replay(|_| Ok::<(), std::convert::Infallible>(())).unwrap();
        assert_eq!((replayed.head(), replayed.notes().len()), (Position(EVENTS), 1));
        assert!(!directory.is_suspect());
    }
}

#[test]
fn a_suspect_log_that_is_not_sound_stays_suspect() {
    let path = written(EngineKind::File);
    let directory = DataDirectory::open(path.path()).unwrap();
    directory::mark_suspect(&directory.suspect(), "a sync failed").unwrap();
    let bytes = fs::read(path.path().join("segment")).unwrap();
    fs::write(path.path().join("segment"), &bytes[..bytes.len() / 2]).unwrap();
    assert!(replay(LogStore::open(&directory, EngineKind::File).unwrap()).is_err());
    assert!(directory.is_suspect());
}

#[test]
fn a_copy_opened_for_reading_is_read_whole_and_left_as_it_was() {
    let listing = |path: &Path| {
        let mut files: Vec<(PathBuf, Vec<u8>)> = walk(path).into_iter().map(|file| (file.clone(), fs::read(file).unwrap())).collect();
        files.sort();
        files
    };
    for kind in KINDS {
        let path = written(kind);
        let before = listing(path.path());
        let directory = DataDirectory::open_read_only(path.path()).unwrap();
        let replayed = LogStore::open(&directory, kind).unwrap().replay(|_| Ok::<(), std::convert::Infallible>(())).unwrap();
        assert_eq!(replayed.head(), Position(EVENTS));
        let started = Committer::start(replayed, std::sync::Arc::new(Ring), counting, Box::new(|_| {}));
        assert!(matches!(started, Err(OpenError::ReadOnly)));
        assert_eq!(listing(path.path()), before);
    }
}
fn walk(path: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(path).unwrap().map(|entry| entry.unwrap().path());
    entries.flat_map(|path| if path.is_dir() { walk(&path) } else { vec![path] }).collect()
}

#[test]
fn the_cut_off_end_of_a_segment_is_kept_aside_when_the_log_goes_on() {
    let path = written(EngineKind::File);
    let segment = path.path().join("segment");
    let whole = fs::read(&segment).unwrap();
    // What an append leaves that was cut off before its sync returned: never acknowledged.
    fs::write(&segment, [&whole[..], b"half a batch"].concat()).unwrap();
    write_directory(path.path(), EngineKind::File, EVENTS..EVENTS + 1);
    assert_eq!(replay_directory(path.path(), EngineKind::File).unwrap().len() as u64, EVENTS + 1);
    assert_eq!(fs::read(path.path().join(format!("segment.rest-{}", whole.len()))).unwrap(), b"half a batch");
}

#[test]
fn an_impossible_record_is_refused_with_its_position_and_nothing_is_written() {
    let path = written(EngineKind::File);
    let before = fs::read(path.path().join("mark")).unwrap();
    let directory = DataDirectory::open(path.path()).unwrap();
    let store = LogStore::open(&directory, EngineKind::File).unwrap();
    let refused = store.replay(|record| if record.seq.0 == 7 { Err("impossible") } else { Ok(()) }).err().unwrap();
    assert_eq!(refused.to_string(), "the record at position 7 cannot be taken in: impossible");
    assert_eq!(fs::read(path.path().join("mark")).unwrap(), before);
}

/// Runs one of the ignored tests below in a process of its own.
fn process(test: &str, path: &Path, kind: EngineKind) -> Child {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.args(["--exact", &format!("log::faults::{test}"), "--ignored", "--nocapture"]);
    command.env("WRIT_TEST_DATA", path).env("WRIT_TEST_ENGINE", kind.name()).stdout(Stdio::piped()).stderr(Stdio::null());
    command.spawn().unwrap()
}
fn process_arguments() -> (PathBuf, EngineKind) {
    let engine = std::env::var("WRIT_TEST_ENGINE").unwrap();
    (std::env::var_os("WRIT_TEST_DATA").unwrap().into(), KINDS.into_iter().find(|kind| kind.name() == engine).unwrap())
}

#[test]
#[ignore = "a process of f15_a_second_process_is_refused_naming_the_first"]
fn process_that_opens() {
    let (path, _) = process_arguments();
    let refused = DataDirectory::open(&path).err().unwrap();
    writeln!(std::io::stdout(), "{refused}").unwrap();
}

#[test]
fn f15_a_second_process_is_refused_naming_the_first() {
    let path = tempfile::tempdir().unwrap();
    let _first = DataDirectory::open(path.path()).unwrap();
    let output = process("process_that_opens", path.path(), EngineKind::File).wait_with_output().unwrap();
    let said = String::from_utf8(output.stdout).unwrap();
    assert!(said.contains(&format!("in use by process {}:", std::process::id())), "{said}");
}

#[test]
#[ignore = "a process of f01_what_a_killed_process_acknowledged_is_found"]
fn process_that_writes() {
    let (path, kind) = process_arguments();
    let directory = DataDirectory::open(&path).unwrap();
    let (committer, _) = start(LogStore::open(&directory, kind).unwrap());
    let lane = committer.lane(&crate::terms::SiteName::default_site());
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let mut next = lane.durable().events;
    loop {
        let size = 1 + next % 7;
        enqueue(&committer, &lane, records(next..next + size));
        next += size;
        runtime.block_on(lane.wait_for(crate::terms::Seq(next - 1))).unwrap();
        writeln!(std::io::stdout(), "\nacknowledged {next}").unwrap();
    }
}

#[test]
fn f01_what_a_killed_process_acknowledged_is_found() {
    for kind in KINDS {
        let path = tempfile::tempdir().unwrap();
        let mut acknowledged = 0;
        for round in 0..8u64 {
            let mut child = process("process_that_writes", path.path(), kind);
            let mut lines = BufReader::new(child.stdout.take().unwrap()).lines().map(Result::unwrap);
            let said = |line: String| line.strip_prefix("acknowledged ").map(|events| events.parse::<u64>().unwrap());
            let wanted = acknowledged + 1 + round * 9;
            let reached = lines.by_ref().filter_map(said).find(|events| *events >= wanted).unwrap();
            child.kill().unwrap();
            acknowledged = lines.filter_map(said).last().unwrap_or(reached);
            child.wait().unwrap();
            let found = replay_directory(path.path(), kind).unwrap().len() as u64;
            assert!(found >= acknowledged, "{kind:?}: {acknowledged} events were acknowledged, {found} found");
            acknowledged = found;
        }
    }
}
