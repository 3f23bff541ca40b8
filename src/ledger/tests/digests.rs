//! The side table of state digests, and what keeping the digest up costs.

use super::*;
use crate::ledger::{DIGEST_EVERY, RecordedDigest};
use crate::log::{DataDirectory, LogStore, MemoryLog};
use crate::projection::{FOLD_VERSION, without_hashing};

/// A ledger whose log is in memory.
fn in_memory(folder: &Path, clock: &FrozenClock) -> Ledger {
    let path = folder.join("data");
    let settings = OpenSettings {
        directory: path.clone(),
        engine: EngineKind::File,
        master_key_file: None,
        clock: Some(Clock::frozen(clock.clone())),
        outbound: Default::default(),
        on_fatal: Box::new(|fatal| panic!("{fatal}")),
    };
    Ledger::over(DataDirectory::open(&path).unwrap(), LogStore::in_memory(MemoryLog::new()), settings).unwrap()
}

async fn filled(ledger: &Ledger, site: &Arc<Site>, events: u64) {
    let mut writing = tokio::task::JoinSet::new();
    for _ in 0..8 {
        let (ledger, site) = (ledger.clone(), Arc::clone(site));
        writing.spawn(async move {
            while site.read(|state| state.head.0) < events {
                let (query, filter) = ("log".to_owned(), site.tag(""));
                let noted = Noted::AuditRead { query, filter, rows: 0, identified: false, reason: None };
                ledger.note(&site, noted, ledger.own_request()).await.unwrap();
            }
        });
    }
    writing.join_all().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_state_adds_up_to_is_recorded_at_every_10000th_event_and_at_the_end() {
    let (folder, clock) = (tempfile::tempdir().unwrap(), FrozenClock::at(at(0)));
    let ledger = in_memory(folder.path(), &clock);
    let issuer = "https://op.test/oauth2/default".to_owned();
    let by = Actor::Os(0);
    let site = ledger.create_site(&SiteName::default_site(), issuer, Profile::Standard, "Test".to_owned(), by).await.unwrap();
    filled(&ledger, &site, 2 * DIGEST_EVERY + 5).await;
    ledger.shut_down();
    let mut state = State::default();
    let mut expected = Vec::new();
    let last = Seq(site.durable().events - 1);
    for record in ledger.records(&site, Seq(0)..last.next()) {
        let record = record.unwrap();
        state.fold(&record).unwrap();
        if [Seq(9_999), Seq(19_999), last].contains(&record.seq) {
            expected.push(RecordedDigest { seq: record.seq, t: record.t, digest: state.digest(), fold: FOLD_VERSION });
        }
    }
    let recorded = ledger.recorded_digests(&site).unwrap();
    assert_eq!((recorded.digests, recorded.damaged), (expected, Vec::new()));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_damaged_side_table_prevents_no_start_and_goes_on() {
    let world = world(Profile::Openemr, "openid").await;
    let world = world.reopened();
    let path = world.folder.path().join("data/digests/default.ndjson");
    let before = world.ledger.recorded_digests(&world.site).unwrap();
    assert_eq!(before.digests.len(), 1);
    std::fs::write(&path, [0xff; 100]).unwrap();
    let world = world.reopened();
    world.anything().await;
    let world = world.reopened();
    let after = world.ledger.recorded_digests(&world.site).unwrap();
    assert_eq!((after.digests.len(), after.damaged), (1, vec![1]));
    std::fs::remove_file(&path).unwrap();
    std::fs::create_dir(&path).unwrap();
    let world = world.reopened();
    assert!(world.ledger.recorded_digests(&world.site).is_err());
    world.anything().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_is_unknown_before_it_is_handed_out_and_so_is_a_generation() {
    let world = world(Profile::Openemr, "openid offline_access").await;
    let first = world.tokens(world.sign_in(None, "jane").await, "openid offline_access").await;
    let rotated_at = world.site.read(|state| state.head);
    let second = world.refreshed(&first).await;
    let then = |end: Seq, name: &str| {
        let mut state = State::default();
        world.ledger.records(&world.site, Seq(0)..end).for_each(|record| state.fold(&record.unwrap()).unwrap());
        world.ledger.introspect_then(&world.site, &state, &name.parse().unwrap(), at(0)).unwrap().status
    };
    let (grant, now) = (first.grant.to_string(), world.site.read(|state| state.head));
    let cases = [
        (Seq(3), first.token.to_string(), Status::Unknown),
        (rotated_at, first.token.to_string(), Status::Active),
        (rotated_at, second.token.to_string(), Status::Unknown),
        (now, second.token.to_string(), Status::Active),
        (rotated_at, grant.clone(), Status::Active),
        (rotated_at, format!("{grant}#0"), Status::Active),
        (rotated_at, format!("{grant}#1"), Status::Unknown),
        (now, format!("{grant}#0"), Status::Revoked),
        (now, format!("{grant}#1"), Status::Active),
        (now, format!("{grant}#2"), Status::Unknown),
    ];
    for (end, name, status) in cases {
        assert_eq!(then(end, &name), status, "{name} before {end:?}");
    }
    world.clock.advance_seconds(400 * DAY);
    world.anything().await;
    let forgotten = world.site.read(|state| state.head);
    assert_eq!(then(forgotten, &format!("{grant}#2")), Status::Unknown);
    assert_eq!(then(forgotten, &format!("{grant}#0")), Status::Revoked);
    assert_eq!(then(forgotten, &grant), Status::Expired);
}

/// `cargo test --release --lib what_the_digest_costs -- --ignored --nocapture`
#[tokio::test(flavor = "multi_thread")]
#[ignore = "a measurement: it prints and judges nothing"]
#[expect(clippy::as_conversions, clippy::disallowed_methods, clippy::print_stderr, reason = "a stopwatch, and what it says")]
async fn what_the_digest_costs() {
    let world = world(Profile::Openemr, "openid email offline_access").await;
    for _ in 0..20 {
        let mut tokens = world.tokens(world.sign_in(None, "jane").await, "openid email offline_access").await;
        for _ in 0..20 {
            tokens = world.refreshed(&tokens).await;
        }
    }
    let stored: Vec<_> = (0..world.site.durable().events).map(|seq| world.ledger.stored(&world.site, Seq(seq)).unwrap().leaf).collect();
    let records = || stored.iter().map(|leaf| crate::event::Record::from_leaf(leaf).unwrap()).collect::<Vec<_>>();
    let folded = |records: &[crate::event::Record]| {
        let mut state = State::default();
        records.iter().for_each(|record| state.fold(record).unwrap());
    };
    let nanos = |work: &dyn Fn()| {
        let rounds = 50;
        let start = std::time::Instant::now();
        (0..rounds).for_each(|_| work());
        start.elapsed().as_nanos() / rounds / stored.len() as u128
    };
    let all = records();
    let (reading, with) = (nanos(&|| drop(records())), nanos(&|| folded(&all)));
    let without = nanos(&|| without_hashing(|| folded(&all)));
    eprintln!("{} events: reading {reading} ns, folding {with} ns with the digest, {without} ns without, each", stored.len());
    eprintln!(
        "ratio of folding {:.2}, of reading and folding {:.2}",
        with as f64 / without as f64,
        (reading + with) as f64 / (reading + without) as f64
    );
}
