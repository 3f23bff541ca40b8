//! The laws of the commit point, with faults to order: what was acknowledged is there after a restart; after a fault nothing is.

use super::lane::{End, Stopped};
use super::merkle;
use super::rehearsal::*;
use super::seal::open_field;
use super::verify::verify_disclosures;
use super::*;
use crate::terms::{Seq, SiteName};
use proptest::prelude::*;
use serde_json::json;
use std::sync::Arc;
use std::time::Duration;

fn site(name: &str) -> SiteName {
    name.parse().unwrap()
}
fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap()
}

#[tokio::test]
async fn records_become_durable_and_are_read_back() {
    let (committer, _) = start(LogStore::in_memory(MemoryLog::new()));
    let (ours, theirs) = (committer.lane(&site("ours")), committer.lane(&site("theirs")));
    enqueue(&committer, &ours, records(0..2));
    enqueue(&committer, &theirs, records(0..1));
    enqueue(&committer, &ours, records(2..3));
    ours.wait_for(Seq(2)).await.unwrap();
    theirs.wait_for(Seq(0)).await.unwrap();
    let read: Vec<StoredRecord> = committer.records(&ours, Seq(0)).map(Result::unwrap).collect();
    assert_eq!(read.iter().map(|record| record.seq).collect::<Vec<_>>(), [Seq(0), Seq(1), Seq(2)]);
    assert_eq!(committer.record(&theirs, Seq(0)).unwrap().site, site("theirs"));
    assert_eq!(committer.record(&theirs, Seq(1)), Err(LogError::NoSuchRecord));
    let hashes: Vec<_> = read.iter().map(|record| leaf_hash(&record.leaf)).collect();
    assert_eq!((ours.edge().size(), ours.edge().root()), (3, merkle::root(&hashes)));
}

#[tokio::test]
async fn personal_data_is_sealed_and_that_of_an_erased_subject_is_digested_only() {
    let (committer, _) = start(LogStore::in_memory(MemoryLog::new()));
    let lane = committer.lane(&site("ours"));
    enqueue(&committer, &lane, records(0..1));
    lane.wait_for(Seq(0)).await.unwrap();
    let read = committer.record(&lane, Seq(0)).unwrap();
    let leaf: serde_json::Value = serde_json::from_slice(&read.leaf).unwrap();
    assert_eq!(leaf["_sd"].as_array().unwrap().len(), 2);
    assert!(!String::from_utf8_lossy(&read.leaf).contains("example.org"));
    let [email] = &read.sealed[..] else { panic!("{:?}", read.sealed) };
    assert_eq!((&email.subject, email.name.as_str()), (&user(), "email"));
    let opened = open_field(&SubjectKey::new([3; 32]), &read, email).unwrap();
    assert_eq!((opened.name(), opened.value()), ("email", &json!("a@example.org")));
    assert_eq!(verify_disclosures(&read.leaf, &[opened]), Ok(()));
    let moved = StoredRecord { seq: Seq(1), ..read.clone() };
    assert_eq!(open_field(&SubjectKey::new([3; 32]), &moved, email), Err(SealError::NotOpened));
}

#[test]
fn a_shut_down_makes_everything_queued_durable_first() {
    let engine = MemoryLog::new();
    let (committer, fatal) = start(LogStore::in_memory(engine.clone()));
    let lane = committer.lane(&site("ours"));
    (0..30).for_each(|n| enqueue(&committer, &lane, records(n * 100..n * 100 + 100)));
    committer.shut_down().unwrap();
    assert_eq!(lane.durable(), Durable { events: 3000, end: Some(End::ShutDown) });
    assert_eq!(replay(LogStore::in_memory(engine.reopen())).unwrap().len(), 3000);
    assert_eq!(runtime().block_on(lane.wait_for(Seq(2999))), Ok(()));
    assert_eq!(runtime().block_on(lane.wait_for(Seq(3000))), Err(Stopped));
    assert_eq!(runtime().block_on(committer.lane(&site("late")).wait_for(Seq(0))), Err(Stopped));
    assert!(committer.reserve(1).is_none() && fatal.lock().unwrap().is_empty());
    assert_eq!(committer.shut_down(), Ok(()));
}

/// What a run with one fault left behind.
struct Outcome {
    /// Per group: how many records it had, and whether one waiting for its last was told that it is durable.
    groups: Vec<(u64, bool)>,
    fatal: Vec<Fatal>,
    found: Result<Vec<StoredRecord>, OpenError>,
    was_suspect: bool,
}

/// Queues each group when the one before is settled, so that each is one append.
fn run(sizes: &[u64], nth: u64, fault: Fault) -> Outcome {
    let path = tempfile::tempdir().unwrap();
    let (engine, directory) = (MemoryLog::new(), DataDirectory::open(path.path()).unwrap());
    engine.arm(nth, fault);
    let (committer, fatal) = start(LogStore::over(&directory, Arc::new(engine.clone())).unwrap());
    let lane = committer.lane(&site("ours"));
    let (mut groups, mut next) = (Vec::new(), 0);
    for size in sizes {
        if let Some(place) = committer.reserve(*size as u32) {
            committer.enqueue(place, &lane, records(next..next + size));
        }
        next += size;
        groups.push((*size, runtime().block_on(lane.wait_for(Seq(next - 1))).is_ok()));
    }
    let _ = committer.shut_down();
    let was_suspect = directory.is_suspect();
    drop((committer, directory));
    let fatal = fatal.lock().unwrap().clone();
    Outcome { groups, fatal, found: replay_engine(path.path(), Arc::new(engine.reopen())), was_suspect }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(60))]
    #[test]
    fn nothing_acknowledged_is_missing_and_nothing_is_acknowledged_after_a_fault(
        sizes in prop::collection::vec(1u64..6, 1..8),
        nth in 1u64..9,
        fault in prop::sample::select(vec![Fault::Lost, Fault::KeptButReportedLost, Fault::Torn, Fault::Stopped]),
    ) {
        let outcome = run(&sizes, nth, fault);
        let faulty = usize::try_from(nth - 1).unwrap();
        let expected: Vec<(u64, bool)> = sizes.iter().enumerate().map(|(n, size)| (*size, n < faulty)).collect();
        prop_assert_eq!(&outcome.groups, &expected);
        let happened = faulty < sizes.len();
        prop_assert_eq!(outcome.fatal.len(), usize::from(happened));
        prop_assert_eq!(outcome.was_suspect, happened);
        let acknowledged: u64 = sizes.iter().take(faulty).sum();
        let kept = match (fault, sizes.get(faulty)) {
            (Fault::KeptButReportedLost, Some(size)) => acknowledged + size,
            (Fault::Torn, Some(size)) => acknowledged + size / 2,
            _ => acknowledged,
        };
        let found: Vec<u64> = outcome.found.unwrap().iter().map(|record| record.seq.0).collect();
        prop_assert_eq!(found, (0..kept).collect::<Vec<_>>());
    }
}

#[test]
fn a_record_torn_in_two_is_refused_by_name() {
    let engine = MemoryLog::new();
    engine.arm(1, Fault::Torn);
    let (committer, _) = start(LogStore::in_memory(engine.clone()));
    let lane = committer.lane(&site("ours"));
    let mut long = record(0);
    long.members.insert("text".to_owned(), "x".repeat(20_000).into());
    enqueue(&committer, &lane, vec![long]);
    assert!(committer.shut_down().is_err());
    let refused = replay(LogStore::in_memory(engine.reopen()));
    assert!(matches!(refused, Err(OpenError::Damaged(Damage::CutOff { position: Position(1) }))), "{refused:?}");
}

#[test]
fn after_a_fault_not_even_a_durable_event_is_answered_for() {
    let engine = MemoryLog::new();
    engine.arm(2, Fault::Lost);
    let (committer, _) = start(LogStore::in_memory(engine));
    let lane = committer.lane(&site("ours"));
    enqueue(&committer, &lane, records(0..1));
    assert_eq!(runtime().block_on(lane.wait_for(Seq(0))), Ok(()));
    enqueue(&committer, &lane, records(1..2));
    assert_eq!(runtime().block_on(lane.wait_for(Seq(1))), Err(Stopped));
    assert_eq!(runtime().block_on(lane.wait_for(Seq(0))), Err(Stopped));
    assert_eq!(runtime().block_on(committer.lane(&site("other")).wait_for(Seq(0))), Err(Stopped));
    assert!(runtime().block_on(committer.reserve_within(1, Duration::from_secs(20))).is_none());
}

#[test]
fn a_decision_is_never_split_over_two_batches() {
    let engine = MemoryLog::new();
    engine.arm(2, Fault::Lost);
    let (committer, _) = start(LogStore::in_memory(engine.clone()));
    let lane = committer.lane(&site("ours"));
    // Each group alone has less than 4,096 frames, two of them more.
    let long = |seq: u64| {
        let mut record = record(seq);
        record.members.insert("text".to_owned(), "x".repeat(60_000).into());
        record
    };
    enqueue(&committer, &lane, (0..300).map(long).collect());
    enqueue(&committer, &lane, (300..600).map(long).collect());
    assert!(committer.shut_down().is_err());
    assert_eq!(replay(LogStore::in_memory(engine.reopen())).unwrap().len(), 300);
}

#[test]
fn the_queue_is_bounded_and_places_come_back() {
    let (committer, _) = start(LogStore::in_memory(MemoryLog::new()));
    let whole = committer.reserve(4096).unwrap();
    assert!(committer.reserve(1).is_none());
    assert!(runtime().block_on(committer.reserve_within(1, Duration::from_millis(5))).is_none());
    assert!(runtime().block_on(committer.reserve_within(4097, Duration::from_secs(20))).is_none());
    committer.enqueue(whole, &committer.lane(&site("ours")), records(0..3));
    assert!(runtime().block_on(committer.reserve_within(4096, Duration::from_secs(20))).is_some());
    drop(committer.reserve(4096).unwrap());
    assert!(committer.reserve(4096).is_some());
}

fn fatal_of(keys: Arc<dyn SubjectKeys>, queued: Vec<UnsealedRecord>) -> Fatal {
    let path = tempfile::tempdir().unwrap();
    let directory = DataDirectory::open(path.path()).unwrap();
    let (committer, fatal) = start_with(LogStore::over(&directory, Arc::new(MemoryLog::new())).unwrap(), keys);
    let lane = committer.lane(&site("ours"));
    enqueue(&committer, &lane, queued);
    assert_eq!(runtime().block_on(lane.wait_for(Seq(0))), Err(Stopped));
    let error = committer.shut_down().unwrap_err();
    assert_eq!(*fatal.lock().unwrap(), std::slice::from_ref(&error));
    error
}

#[test]
fn a_record_that_cannot_be_written_is_fatal_and_known_beforehand() {
    let with = |name: &str, value: serde_json::Value| {
        let mut unfit = record(0);
        unfit.members.insert(name.to_owned(), value);
        unfit
    };
    for unfit in [with("half", json!(0.5)), with("long", json!("x".repeat(70_000))), with("_sd", json!([]))] {
        assert!(unfit.check().is_err(), "{:?}", unfit.members.keys());
        assert!(matches!(fatal_of(Arc::new(Ring), vec![unfit]), Fatal::Leaf { .. }));
    }
    assert_eq!(record(0).check(), Ok(()));
    assert_eq!(with("long", json!("x".repeat(60_000))).check(), Ok(()));
}

#[test]
fn an_event_number_that_is_not_due_is_fatal() {
    let fatal = fatal_of(Arc::new(Ring), records(1..2));
    assert_eq!(fatal, Fatal::Seq { site: site("ours"), expected: Seq(0), found: Seq(1) });
}

#[test]
fn a_vault_that_cannot_be_asked_is_fatal() {
    struct Broken;
    impl SubjectKeys for Broken {
        fn subject_key(&self, _: &SiteName, _: &crate::terms::Subject) -> Result<Option<SubjectKey>, KeyError> {
            Err(KeyError("locked".to_owned()))
        }
    }
    assert_eq!(fatal_of(Arc::new(Broken), records(0..1)), Fatal::Keys(KeyError("locked".to_owned())));
}

#[test]
fn a_panic_in_the_commit_thread_stops_every_lane() {
    struct Panicking;
    impl SubjectKeys for Panicking {
        fn subject_key(&self, _: &SiteName, _: &crate::terms::Subject) -> Result<Option<SubjectKey>, KeyError> {
            panic!("ordered")
        }
    }
    assert_eq!(fatal_of(Arc::new(Panicking), records(0..1)), Fatal::Panicked);
}

#[test]
fn a_restart_goes_on_where_the_log_ended() {
    let engine = MemoryLog::new();
    let (committer, _) = start(LogStore::in_memory(engine.clone()));
    enqueue(&committer, &committer.lane(&site("ours")), records(0..5));
    committer.shut_down().unwrap();
    let (committer, fatal) = start(LogStore::in_memory(engine.reopen()));
    let lane = committer.lane(&site("ours"));
    assert_eq!(lane.durable(), Durable { events: 5, end: None });
    enqueue(&committer, &lane, records(5..7));
    assert_eq!(runtime().block_on(lane.wait_for(Seq(6))), Ok(()));
    assert_eq!(committer.records(&lane, Seq(0)).map(|record| record.unwrap().seq.0).collect::<Vec<_>>(), (0..7).collect::<Vec<_>>());
    assert!(fatal.lock().unwrap().is_empty());
}

#[test]
fn what_queues_up_during_a_sync_shares_the_next_one() {
    let gate = Arc::new(Gate::new());
    let directory = tempfile::tempdir().unwrap();
    let data = DataDirectory::open(&directory.path().join("data")).unwrap();
    let engine: Arc<dyn EventLog> = gate.clone();
    let (committer, _) = start(LogStore::over(&data, engine).unwrap());
    let lane = committer.lane(&site("default"));
    enqueue(&committer, &lane, records(0..1));
    gate.wait_for_an_append();
    for seq in 1..101 {
        enqueue(&committer, &lane, records(seq..seq + 1));
    }
    assert_eq!(lane.durable().events, 0, "nothing is acknowledged before its sync returns");
    gate.open();
    runtime().block_on(lane.wait_for(Seq(100))).unwrap();
    assert_eq!(gate.appends(), 2, "a hundred decisions, one more sync");
}

#[tokio::test]
async fn a_record_that_is_not_the_one_asked_for_is_damage() {
    let (committer, _) = start(LogStore::in_memory(MemoryLog::new()));
    let (ours, theirs) = (committer.lane(&site("ours")), committer.lane(&site("theirs")));
    enqueue(&committer, &ours, records(0..2));
    enqueue(&committer, &theirs, records(0..1));
    ours.wait_for(Seq(1)).await.unwrap();
    theirs.wait_for(Seq(0)).await.unwrap();
    let at = |lane: &Lane, seq: u64| lane.position(Seq(seq)).unwrap();
    let wrong = Lane::new(site("ours"), Default::default(), None);
    let digest = leaf_hash(b"");
    wrong.raise(&[(at(&theirs, 0), digest), (at(&ours, 0), digest), (at(&ours, 1), digest)]);
    let (position, expected, found) = (at(&theirs, 0), site("ours"), site("theirs"));
    assert_eq!(committer.record(&wrong, Seq(0)), Err(Damage::Site { position, expected, found }.into()));
    let (position, expected, found) = (at(&ours, 0), Seq(1), Seq(0));
    assert_eq!(committer.record(&wrong, Seq(1)), Err(Damage::Seq { position, site: site("ours"), expected, found }.into()));
}
