//! When checkpoints are signed, what they say, and which logs they refuse.

use super::*;
use crate::command::Noted;
use crate::event::Profile;
use crate::ledger::{Clock, ConsistencyProof, FrozenClock, OpenSettings};
use crate::log::rehearsal::Gate;
use crate::log::{Checkpoint, DataDirectory, EngineKind, Fault, InclusionProof, LogStore, MemoryLog, Tile, leaf_hash, merkle};
use crate::terms::{Actor, Digest, Seq};
use std::fs;
use std::path::{Path, PathBuf};
use tlog_tiles::tlog;

struct World {
    ledger: Ledger,
    site: Arc<Site>,
    clock: FrozenClock,
    folder: tempfile::TempDir,
}

fn settings(path: &Path, clock: &FrozenClock) -> OpenSettings {
    let clock = Some(Clock::frozen(clock.clone()));
    OpenSettings {
        directory: path.to_owned(),
        engine: EngineKind::File,
        master_key_file: None,
        clock,
        outbound: Default::default(),
        on_fatal: Box::new(|_| ()),
    }
}

async fn created(ledger: &Ledger) -> Result<Arc<Site>, crate::ledger::SiteError> {
    let issuer = "https://op.test:8443/oauth2/default".to_owned();
    ledger.create_site(&SiteName::default_site(), issuer, Profile::Standard, "Test".to_owned(), Actor::Os(0)).await
}

async fn world() -> World {
    let (folder, clock) = (tempfile::tempdir().unwrap(), FrozenClock::at(Timestamp::from_unix_seconds(1_790_000_000)));
    let ledger = Ledger::open(settings(&folder.path().join("data"), &clock)).unwrap();
    let site = created(&ledger).await.unwrap();
    World { ledger, site, clock, folder }
}

/// Records so many events at the site.
async fn grow(ledger: &Ledger, site: &Arc<Site>, events: u64) {
    let last = site.durable().events + events - 1;
    for n in 0..events {
        let noted = Noted::AuditRead { query: "log".to_owned(), filter: Digest::of(b""), rows: n, identified: false, reason: None };
        let note = crate::command::Note { noted, by: Actor::Os(7) };
        drop(ledger.submit(site, note, ledger.own_request()).await.unwrap());
    }
    site.wait(Seq(last)).await.unwrap();
}

impl World {
    fn data(&self) -> PathBuf {
        self.folder.path().join("data")
    }
    async fn grow(&self, events: u64) {
        grow(&self.ledger, &self.site, events).await;
    }
    /// How many events the newest checkpoint covers.
    fn signed(&self) -> u64 {
        self.site.checkpoint().map_or(0, |newest| newest.head.size)
    }
    fn vkey(&self) -> String {
        self.site.read(|state| state.checkpoint_key().unwrap().to_owned())
    }
    /// Ends the ledger in order; its folder stays.
    fn ended(self) -> (tempfile::TempDir, FrozenClock) {
        self.ledger.shut_down();
        (self.folder, self.clock)
    }
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        match entry.file_type().unwrap().is_dir() {
            true => copy(&entry.path(), &to.join(entry.file_name())),
            false => drop(fs::copy(entry.path(), to.join(entry.file_name())).unwrap()),
        }
    }
}

fn refusal(path: &Path, clock: &FrozenClock) -> String {
    match Ledger::open(settings(path, clock)) {
        Ok(_) => "opened".to_owned(),
        Err(error) => error.to_string(),
    }
}

/// Size and root that another program reads from a note signed by this vkey.
fn read_by_others(note: &str, vkey: &str) -> (String, u64, tlog::Hash) {
    let verifier = signed_note::StandardVerifier::new(vkey).unwrap();
    let note = signed_note::Note::from_bytes(note.as_bytes()).unwrap();
    let (valid, unknown) = note.verify(&signed_note::VerifierList::new(vec![Box::new(verifier)])).unwrap();
    assert_eq!((valid.len(), unknown.len()), (1, 0));
    let read = tlog_tiles::Checkpoint::from_bytes(note.text()).unwrap();
    assert_eq!(read.extension(), "");
    (read.origin().to_owned(), read.size(), *read.hash())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_checkpoint_is_due_ten_seconds_after_the_last_if_the_log_has_moved() {
    let world = world().await;
    assert_eq!(world.signed(), 0);
    world.ledger.sign_due().await;
    let first = world.signed();
    assert_eq!(first, world.site.durable().events);
    world.clock.advance_seconds(60);
    let newest = world.site.checkpoint().unwrap();
    world.ledger.sign_due().await;
    assert!(Arc::ptr_eq(&newest, &world.site.checkpoint().unwrap()), "nothing has moved");
    world.grow(1).await;
    world.ledger.sign_due().await;
    assert_eq!(world.signed(), first + 1, "the last one was long ago");
    world.grow(1).await;
    world.clock.advance_seconds(9);
    world.ledger.sign_due().await;
    assert_eq!(world.signed(), first + 1, "9 s");
    world.clock.advance_seconds(1);
    world.ledger.sign_due().await;
    assert_eq!(world.signed(), first + 2, "10 s");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_checkpoint_is_due_after_a_thousand_events() {
    let world = world().await;
    world.ledger.sign_due().await;
    let first = world.signed();
    world.grow(999).await;
    world.ledger.sign_due().await;
    assert_eq!(world.signed(), first, "999");
    world.grow(1).await;
    world.ledger.sign_due().await;
    assert_eq!(world.signed(), first + 1000);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_end_of_a_server_leaves_checkpoints_that_others_verify() {
    let world = world().await;
    world.grow(300).await;
    let server = world.ledger.site(&SiteName::server()).unwrap();
    let (vkey, events, server_events) = (world.vkey(), world.site.durable().events, server.durable().events);
    let own = server.read(|state| state.server.clone().unwrap());
    let leaves: Vec<Digest> = (0..events).map(|seq| leaf_hash(&world.ledger.stored(&world.site, Seq(seq)).unwrap().leaf)).collect();
    let (folder, clock) = world.ended();
    let kept = |site: &str| fs::read_to_string(folder.path().join("data/checkpoints").join(site)).unwrap();
    let read = read_by_others(&kept("default"), &vkey);
    assert_eq!(read, ("op.test:8443/writ/default".to_owned(), events, tlog::Hash(*merkle::root(&leaves).bytes())));
    let (origin, size, _) = read_by_others(&kept("_server"), &own.checkpoint_key);
    assert_eq!((origin, size), (format!("{}/writ/_server", own.instance), server_events));
    let again = Ledger::open(settings(&folder.path().join("data"), &clock)).unwrap();
    let newest = again.site(&SiteName::default_site()).unwrap().checkpoint().unwrap();
    assert_eq!((newest.head.size, newest.note.as_str()), (events, kept("default").as_str()));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_proof_covers_its_event_and_an_older_checkpoint_is_the_same_bytes_again() {
    let world = world().await;
    let early = world.ledger.checkpoint(&world.site).await.unwrap();
    world.grow(270).await;
    let keys = [world.vkey().parse().unwrap()];
    let events = world.site.durable().events;
    let leaf = |seq| leaf_hash(&world.ledger.stored(&world.site, Seq(seq)).unwrap().leaf);
    let prove = async |seq, size| world.ledger.prove(&world.site, Seq(seq), size).await.unwrap();

    let proof: InclusionProof = prove(0, None).await.unwrap();
    assert_eq!(proof.verify(leaf(0), &keys).unwrap().head, early.head, "the newest checkpoint covers it");
    let proof = prove(events - 1, None).await.unwrap();
    assert_eq!(proof.verify(leaf(events - 1), &keys).unwrap().head.size, events, "a new one was signed");
    let proof = prove(1, Some(early.head.size)).await.unwrap();
    assert_eq!(proof.checkpoint, early.note);
    assert_eq!(proof.verify(leaf(1), &keys).unwrap().head, early.head);
    let proof = prove(100, Some(200)).await.unwrap();
    assert_eq!(proof.verify(leaf(100), &keys).unwrap().head.size, 200);
    assert_eq!(world.signed(), events, "an older head never takes the newest one's place");

    assert_eq!(prove(events, None).await, None);
    assert_eq!(prove(100, Some(100)).await, None);
    assert_eq!(prove(0, Some(events + 1)).await, None);
    assert_eq!(prove(0, Some(0)).await, None);

    let ConsistencyProof { old_size, hashes, checkpoint } =
        world.ledger.prove_continuation(&world.site, early.head.size, None).await.unwrap().unwrap();
    let new = Checkpoint::verify(&checkpoint, &keys).unwrap().head;
    assert_eq!((old_size, merkle::verify_consistency(&early.head, &new, &hashes)), (early.head.size, Ok(())));
    assert_eq!(world.ledger.prove_continuation(&world.site, 9, Some(8)).await, Ok(None));
}

#[tokio::test(flavor = "multi_thread")]
async fn tiles_end_where_the_newest_checkpoint_does() {
    let world = world().await;
    let tile = async |path: &str| world.ledger.tile(&world.site, path.parse::<Tile>().unwrap()).await.unwrap();
    assert_eq!(tile("0/000.p/1").await, None, "nothing is signed yet");
    let signed = world.ledger.checkpoint(&world.site).await.unwrap().head.size;
    world.grow(300).await;
    let bytes = tile(&format!("0/000.p/{signed}")).await.unwrap();
    assert_eq!(u64::try_from(bytes.len()).unwrap(), signed * 32);
    assert_eq!(tile(&format!("0/000.p/{}", signed + 1)).await, None, "durable, but not signed");
    world.ledger.checkpoint(&world.site).await.unwrap();
    assert_eq!(tile("0/000").await.unwrap().len(), 256 * 32);
    assert_eq!(tile("1/000.p/1").await.unwrap().len(), 32);
    assert_eq!(tile("1/000.p/2").await, None);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_kept_checkpoint_that_was_tampered_with_refuses_the_opening() {
    let (folder, clock) = world().await.ended();
    let (data, file) = (folder.path().join("data"), folder.path().join("data/checkpoints/default"));
    let sound = fs::read(&file).unwrap();
    for at in [0, 30, sound.len() / 3, sound.len() / 2, sound.len() - 2] {
        let mut damaged = sound.clone();
        damaged[at] ^= 1;
        fs::write(&file, &damaged).unwrap();
        let refused = refusal(&data, &clock);
        assert!(refused.contains("E_SIGNATURE") || refused.contains("E_KEY"), "byte {at}: {refused}");
        assert!(refused.contains("site default"), "{refused}");
    }
    for short in [0, 1, sound.len() - 1] {
        fs::write(&file, &sound[..short]).unwrap();
        assert!(refusal(&data, &clock).contains("E_SIGNATURE"), "{short} bytes");
    }
    // Another site's is signed by another key.
    fs::copy(data.join("checkpoints/_server"), &file).unwrap();
    assert!(refusal(&data, &clock).contains("E_KEY"));
    fs::write(&file, &sound).unwrap();
    assert_eq!(refusal(&data, &clock), "opened");
    fs::write(data.join("checkpoints/gone"), &sound).unwrap();
    let refused = refusal(&data, &clock);
    assert!(refused.contains("E_CONSISTENCY") && refused.contains("no such site"), "{refused}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_log_set_back_together_with_its_mark_is_refused() {
    let (folder, clock) = world().await.ended();
    let (data, early) = (folder.path().join("data"), folder.path().join("early"));
    copy(&data, &early);
    let ledger = Ledger::open(settings(&data, &clock)).unwrap();
    grow(&ledger, &ledger.site(&SiteName::default_site()).unwrap(), 5).await;
    ledger.shut_down();
    let newest = fs::read(data.join("checkpoints/default")).unwrap();
    drop(ledger);
    for name in ["segment", "mark"] {
        fs::copy(early.join(name), data.join(name)).unwrap();
    }
    let refused = refusal(&data, &clock);
    assert!(refused.contains("E_CONSISTENCY") && refused.contains("events were signed, the log has"), "{refused}");
    // A checkpoint as old as the log fits it: then only whoever has the newer one can tell.
    copy(&early.join("checkpoints"), &data.join("checkpoints"));
    assert_eq!(refusal(&data, &clock), "opened");
    fs::write(data.join("checkpoints/default"), newest).unwrap();
    fs::remove_file(data.join("segment")).unwrap();
    fs::remove_file(data.join("mark")).unwrap();
    let refused = refusal(&data, &clock);
    assert!(refused.contains("E_CONSISTENCY"), "a log that is gone with its mark: {refused}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_log_that_went_on_elsewhere_is_refused() {
    let (folder, clock) = world().await.ended();
    let (data, fork) = (folder.path().join("data"), folder.path().join("fork"));
    copy(&data, &fork);
    for (path, events) in [(&data, 3), (&fork, 8)] {
        let ledger = Ledger::open(settings(path, &clock)).unwrap();
        grow(&ledger, &ledger.site(&SiteName::default_site()).unwrap(), events).await;
        ledger.shut_down();
    }
    copy(&data.join("checkpoints"), &fork.join("checkpoints"));
    let refused = refusal(&fork, &clock);
    assert!(refused.contains("E_CONSISTENCY") && refused.contains("not the ones that were signed"), "{refused}");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_older_checkpoint_fits_and_a_missing_one_is_signed_anew() {
    let world = world().await;
    world.ledger.checkpoint(&world.site).await.unwrap();
    let older = fs::read(world.data().join("checkpoints/default")).unwrap();
    world.grow(5).await;
    let (folder, clock) = world.ended();
    let (data, file) = (folder.path().join("data"), folder.path().join("data/checkpoints/default"));
    let newer = fs::read(&file).unwrap();
    assert_ne!(older, newer);
    fs::write(&file, older).unwrap();
    Ledger::open(settings(&data, &clock)).unwrap().shut_down();
    assert_eq!(fs::read(&file).unwrap(), newer);
    fs::remove_file(&file).unwrap();
    Ledger::open(settings(&data, &clock)).unwrap().shut_down();
    assert_eq!(fs::read(&file).unwrap(), newer);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_checkpoint_that_cannot_be_kept_is_shown_to_nobody() {
    let world = world().await;
    fs::write(world.data().join("checkpoints"), "in the way").unwrap();
    assert!(matches!(world.ledger.checkpoint(&world.site).await, Err(Failure::Checkpoint(_))));
    assert_eq!(world.site.checkpoint(), None);
    assert!(matches!(world.ledger.prove(&world.site, Seq(0), None).await, Err(Failure::Checkpoint(_))));
    fs::remove_file(world.data().join("checkpoints")).unwrap();
    assert!(world.ledger.checkpoint(&world.site).await.is_ok());
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_not_durable_is_not_signed() {
    let (folder, clock) = (tempfile::tempdir().unwrap(), FrozenClock::default());
    let (path, gate) = (folder.path().join("data"), Arc::new(Gate::new()));
    let directory = DataDirectory::open(&path).unwrap();
    let store = LogStore::over(&directory, gate.clone()).unwrap();
    let ledger = Ledger::over(directory, store, settings(&path, &clock)).unwrap();
    let server = ledger.site(&SiteName::server()).unwrap();
    gate.wait_for_an_append();
    ledger.sign_due().await;
    assert!(ledger.checkpoint(&server).await.is_err());
    assert!(server.checkpoint().is_none() && !path.join("checkpoints").exists());
    gate.open();
    server.wait(Seq(0)).await.unwrap();
    assert_eq!(ledger.checkpoint(&server).await.unwrap().head.size, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_log_that_could_not_be_written_is_not_signed() {
    for fault in [Fault::Lost, Fault::KeptButReportedLost, Fault::Torn, Fault::Stopped] {
        let (folder, clock) = (tempfile::tempdir().unwrap(), FrozenClock::default());
        let (path, log) = (folder.path().join("data"), MemoryLog::new());
        log.arm(2, fault);
        let ledger = Ledger::over(DataDirectory::open(&path).unwrap(), LogStore::in_memory(log), settings(&path, &clock)).unwrap();
        let server = ledger.site(&SiteName::server()).unwrap();
        server.wait(Seq(0)).await.unwrap();
        assert!(created(&ledger).await.is_err(), "{fault:?}");
        ledger.shut_down();
        assert!(ledger.checkpoint(&server).await.is_err(), "{fault:?}");
        assert!(!path.join("checkpoints").exists(), "{fault:?}");
    }
}
