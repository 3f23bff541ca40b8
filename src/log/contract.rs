//! The contract of [`EventLog`], run over every engine. The model is a `Vec` of frames.

use super::file::FileLog;
use super::sled::SledLog;
use super::{AppendError, Batch, EventLog, MemoryLog, Position};
use proptest::prelude::*;
use std::path::Path;
use std::sync::mpsc;
use std::time::Duration;

/// An engine that can be closed and opened again at the same place.
trait Engine: EventLog + Sized + 'static {
    fn create(directory: &Path) -> Self;
    fn reopen(self, directory: &Path) -> Self;
}
impl Engine for MemoryLog {
    fn create(_: &Path) -> Self {
        Self::new()
    }
    fn reopen(self, _: &Path) -> Self {
        MemoryLog::reopen(&self)
    }
}
impl Engine for FileLog {
    fn create(directory: &Path) -> Self {
        Self::open(&directory.join("segment")).unwrap()
    }
    fn reopen(self, directory: &Path) -> Self {
        drop(self);
        Self::create(directory)
    }
}
impl Engine for SledLog {
    fn create(directory: &Path) -> Self {
        Self::open(&directory.join("sled")).unwrap().0
    }
    fn reopen(self, directory: &Path) -> Self {
        drop(self);
        Self::create(directory)
    }
}

fn batch(frames: &[Vec<u8>]) -> Batch {
    Batch::new(frames.to_vec()).unwrap()
}
fn all(log: &dyn EventLog, from: u64) -> Vec<Vec<u8>> {
    let read: Vec<_> = log.read_from(Position(from)).map(Result::unwrap).collect();
    let positions: Vec<u64> = read.iter().map(|(position, _)| position.0).collect();
    assert_eq!(positions, (from..from + read.len() as u64).collect::<Vec<_>>());
    read.into_iter().map(|(_, frame)| frame).collect()
}

/// One step of a history.
#[derive(Clone, Debug)]
enum Step {
    Append(Vec<Vec<u8>>),
    /// With an `expected` so far behind the head.
    Stale(u64),
    /// With an `expected` so far ahead of the head.
    Ahead(u64),
    ReadFrom(u64),
    Reopen,
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let frame = prop_oneof![prop::collection::vec(any::<u8>(), 1..64), (1usize..=8192).prop_map(|length| vec![7; length])];
    let step = prop_oneof![
        6 => prop::collection::vec(frame, 1..12).prop_map(Step::Append),
        1 => (1u64..5).prop_map(Step::Stale),
        1 => (1u64..5).prop_map(Step::Ahead),
        3 => (0u64..60).prop_map(Step::ReadFrom),
        1 => Just(Step::Reopen),
    ];
    prop::collection::vec(step, 1..16)
}

/// Any history leaves what a `Vec` holds.
fn history<E: Engine>(steps: Vec<Step>) {
    let directory = tempfile::tempdir().unwrap();
    let mut log = E::create(directory.path());
    let mut model: Vec<Vec<u8>> = Vec::new();
    for step in steps {
        let head = model.len() as u64;
        match step {
            Step::Append(frames) => {
                let appended = log.append(Position(head), batch(&frames)).unwrap();
                model.extend(frames);
                assert_eq!(appended, Position(model.len() as u64));
            }
            Step::Stale(behind) if behind > head => {}
            Step::Stale(behind) => refused_as_conflict(&log, head, head - behind),
            Step::Ahead(ahead) => refused_as_conflict(&log, head, head + ahead),
            Step::ReadFrom(from) => assert_eq!(all(&log, from), model.get(from as usize..).unwrap_or(&[])),
            Step::Reopen => log = log.reopen(directory.path()),
        }
        assert_eq!(log.head(), Ok(Position(model.len() as u64)));
    }
    log = log.reopen(directory.path());
    assert_eq!(all(&log, 0), model);
}

fn refused_as_conflict(log: &dyn EventLog, head: u64, expected: u64) {
    let refused = log.append(Position(expected), batch(&[vec![0]]));
    assert_eq!(refused, Err(AppendError::Conflict { head: Position(head) }));
}

/// A read ends at the head seen at the call.
fn reads_end_at_the_head_seen<E: Engine>() {
    let directory = tempfile::tempdir().unwrap();
    let log = E::create(directory.path());
    log.append(Position(0), batch(&[vec![1], vec![2]])).unwrap();
    let mut reading = log.read_from(Position(0));
    assert_eq!(reading.next(), Some(Ok((Position(0), vec![1]))));
    log.append(Position(2), batch(&[vec![3]])).unwrap();
    assert_eq!(reading.map(Result::unwrap).collect::<Vec<_>>(), [(Position(1), vec![2])]);
    assert_eq!(log.read_from(Position(3)).count(), 0);
    assert_eq!(log.read_from(Position(99)).count(), 0);
}

/// A subscriber gets what is there and what comes, once each, in order, and ends with the log, not before its last frame.
fn subscribers_get_each_frame_once<E: Engine>() {
    let directory = tempfile::tempdir().unwrap();
    let log = E::create(directory.path());
    log.append(Position(0), batch(&[vec![0], vec![1], vec![2]])).unwrap();
    let follow = |from: u64| {
        let subscription = log.subscribe(Position(from));
        std::thread::spawn(move || subscription.map(Result::unwrap).collect::<Vec<_>>())
    };
    let (early, late, future) = (follow(0), follow(2), follow(5));
    let mut head = 3;
    for size in [1, 7, 600, 2, 1200] {
        let frames: Vec<Vec<u8>> = (head..head + size).map(|n: u64| n.to_be_bytes().to_vec()).collect();
        log.append(Position(head), batch(&frames)).unwrap();
        head += size;
    }
    let whole: Vec<_> = log.read_from(Position(0)).map(Result::unwrap).collect();
    log.close();
    assert_eq!(early.join().unwrap(), whole);
    assert_eq!(late.join().unwrap(), whole[2..]);
    assert_eq!(future.join().unwrap(), whole[5..]);
    assert!(matches!(log.append(Position(head), batch(&[vec![1]])), Err(AppendError::Unavailable(_))));
    assert_eq!(all(&log, 0).len() as u64, head);
}

/// A subscriber that waits is ended by its stopper, and by the log's end.
fn a_waiting_subscriber_can_be_ended<E: Engine>() {
    let directory = tempfile::tempdir().unwrap();
    let log = E::create(directory.path());
    let (ended, end) = mpsc::channel();
    let stoppers: Vec<_> = (0..2)
        .map(|n| {
            let (subscription, ended) = (log.subscribe(Position(0)), ended.clone());
            let stopper = subscription.stopper();
            std::thread::spawn(move || ended.send((n, subscription.count())));
            stopper
        })
        .collect();
    stoppers[0].stop();
    assert_eq!(end.recv_timeout(Duration::from_secs(20)), Ok((0, 0)));
    drop(log);
    assert_eq!(end.recv_timeout(Duration::from_secs(20)), Ok((1, 0)));
}

/// Of appends that race for one position, one succeeds, and nothing of the others is there.
fn one_of_racing_appends_succeeds<E: Engine>() {
    let directory = tempfile::tempdir().unwrap();
    let log = E::create(directory.path());
    for round in 0..5u64 {
        let outcomes: Vec<_> = std::thread::scope(|scope| {
            let racing: Vec<_> = (0..4u8)
                .map(|n| {
                    scope.spawn({
                        let log = &log;
                        move || (n, log.append(Position(round * 2), batch(&[vec![n], vec![n]])))
                    })
                })
                .collect();
            racing.into_iter().map(|thread| thread.join().unwrap()).collect()
        });
        let winners: Vec<u8> = outcomes.iter().filter(|(_, outcome)| outcome.is_ok()).map(|(n, _)| *n).collect();
        assert_eq!(winners.len(), 1, "{outcomes:?}");
        assert_eq!(all(&log, round * 2), vec![vec![winners[0]]; 2]);
    }
}

/// The largest batch of the largest frames is kept.
fn the_limits_are_kept<E: Engine>() {
    let directory = tempfile::tempdir().unwrap();
    let mut log = E::create(directory.path());
    let frames: Vec<Vec<u8>> = (0..4096u32).map(|n| [n.to_be_bytes().to_vec(), vec![9; 188]].concat()).collect();
    log.append(Position(0), batch(&frames)).unwrap();
    let long: Vec<Vec<u8>> = (0..40u8).map(|n| vec![n; 8192]).collect();
    log.append(Position(4096), batch(&long)).unwrap();
    log = log.reopen(directory.path());
    assert_eq!(all(&log, 0), [frames, long].concat());
}

macro_rules! contract {
    ($($name:ident: $engine:ty, $cases:literal;)*) => { $(
        mod $name {
            use super::*;

            proptest! {
                #![proptest_config(ProptestConfig::with_cases($cases))]
                #[test]
                fn any_history_leaves_what_a_vec_holds(steps in steps()) {
                    history::<$engine>(steps);
                }
            }
            #[test]
            fn a_read_ends_at_the_head_seen_at_the_call() {
                reads_end_at_the_head_seen::<$engine>();
            }
            #[test]
            fn a_subscriber_gets_each_frame_once_and_ends_with_the_log() {
                subscribers_get_each_frame_once::<$engine>();
            }
            #[test]
            fn a_waiting_subscriber_is_ended_by_its_stopper_and_by_the_log() {
                a_waiting_subscriber_can_be_ended::<$engine>();
            }
            #[test]
            fn of_appends_that_race_for_a_position_one_succeeds() {
                one_of_racing_appends_succeeds::<$engine>();
            }
            #[test]
            fn the_largest_batch_and_the_longest_frames_are_kept() {
                the_limits_are_kept::<$engine>();
            }
        }
    )* };
}
contract! {
    memory: MemoryLog, 200;
    file: FileLog, 60;
    sled: SledLog, 12;
}
