//! Proofs as the API gives them, and as whoever gets them checks them.

use super::super::tests::{World, ask, offline, text, world};
use crate::log::verify::verify_disclosures;
use crate::log::{Checkpoint, Disclosure, InclusionProof, VerifierKey, VerifyFailure, leaf_hash, merkle};
use crate::terms::{Seq, SiteName};
use http::Method;
use serde_json::{Value, json};

async fn get(world: &World, target: &str) -> (u16, String) {
    text(&offline(&world.ledger), Method::GET, target, None).await
}
async fn problem(world: &World, target: &str) -> (u16, String, String) {
    let (status, body) = get(world, target).await;
    let body: Value = serde_json::from_str(&body).unwrap();
    (status, body["code"].as_str().unwrap().to_owned(), body["detail"].as_str().unwrap().to_owned())
}
async fn key(world: &World) -> VerifierKey {
    let site = ask(&offline(&world.ledger), Method::GET, "/sites/default", None).await.1;
    site["checkpoint_key"].as_str().unwrap().parse().unwrap()
}
fn leaf(world: &World, seq: u64) -> Vec<u8> {
    world.ledger.stored(&world.ledger.site(&SiteName::default_site()).unwrap(), Seq(seq)).unwrap().leaf
}
fn events(world: &World) -> u64 {
    world.ledger.site(&SiteName::default_site()).unwrap().durable().events
}

#[tokio::test(flavor = "multi_thread")]
async fn every_event_has_a_proof_that_its_leaf_and_the_key_check() {
    let world = world().await;
    let (keys, events) = ([key(&world).await], events(&world));
    for seq in 0..events {
        let (status, proof) = get(&world, &format!("/events/{seq}/proof")).await;
        assert_eq!(status, 200, "{proof}");
        let proof: InclusionProof = proof.parse().unwrap();
        assert_eq!(proof.index, seq);
        proof.verify(leaf_hash(&leaf(&world, seq)), &keys).unwrap();
        assert_eq!(proof.verify(leaf_hash(b"{}"), &keys), Err(VerifyFailure::Proof));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn asking_for_a_proof_is_recorded_as_reading() {
    let world = world().await;
    let events = events(&world);
    get(&world, "/events/0/proof").await;
    let read: Value = serde_json::from_slice(&leaf(&world, events)).unwrap();
    assert_eq!(
        (&read["type"], &read["query"], &read["rows"], &read["identified"]),
        (&json!("audit.read"), &json!("prove"), &json!(1), &json!(false))
    );
    get(&world, "/events/0/proof?disclose=username&identify=true&reason=court").await;
    assert_eq!(self::events(&world), events + 1, "there is no such field, so nothing was read");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_proof_by_an_older_checkpoint_is_by_that_very_checkpoint() {
    let world = world().await;
    let client = offline(&world.ledger);
    let (status, early) = text(&client, Method::POST, "/checkpoint", None).await;
    let size = Checkpoint::verify(&early, &[key(&world).await]).unwrap().head.size;
    assert_eq!((status, size), (200, events(&world)));
    for _ in 0..5 {
        get(&world, "/events?n=1").await;
    }
    text(&client, Method::POST, "/checkpoint", None).await;
    let (_, proof) = get(&world, &format!("/events/2/proof?checkpoint={size}")).await;
    assert!(proof.ends_with(&early), "{proof}\n{early}");
    let (status, code, detail) = problem(&world, "/events/2/proof?checkpoint=2").await;
    assert_eq!((status, code.as_str(), detail.as_str()), (409, "conflict", "a checkpoint over 2 events does not cover event #2"));
    for (target, expected) in [("/events/2/proof?checkpoint=9999", "unknown"), ("/events/2/proof?checkpoint=x", "malformed")] {
        assert_eq!(problem(&world, target).await.1, expected, "{target}");
    }
    for (target, expected) in [("/events/9999/proof", "unknown"), ("/events/x/proof", "malformed")] {
        assert_eq!(problem(&world, target).await.1, expected, "{target}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_log_is_shown_to_continue_an_older_one() {
    let world = world().await;
    let client = offline(&world.ledger);
    let keys = [key(&world).await];
    let (_, early) = text(&client, Method::POST, "/checkpoint", None).await;
    let old = Checkpoint::verify(&early, &keys).unwrap().head;
    for _ in 0..3 {
        get(&world, "/events?n=1").await;
    }
    text(&client, Method::POST, "/checkpoint", None).await;
    let (status, proof) = get(&world, &format!("/consistency?old={}", old.size)).await;
    assert_eq!(status, 200);
    let (proof, checkpoint) = proof.split_once("\n\n").unwrap();
    let mut lines = proof.lines();
    assert_eq!(lines.next(), Some(format!("old {}", old.size).as_str()));
    let hashes: Vec<_> = lines.map(|line| crate::log::checkpoint::parse_hash(line).unwrap()).collect();
    let new = Checkpoint::verify(checkpoint, &keys).unwrap().head;
    assert!(new.size > old.size);
    merkle::verify_consistency(&old, &new, &hashes).unwrap();
    assert_eq!(problem(&world, "/consistency").await.1, "malformed");
    assert_eq!(problem(&world, "/consistency?old=9999").await.1, "unknown");
    assert_eq!(problem(&world, "/consistency?old=9&checkpoint=8").await.1, "unknown");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_event_goes_with_its_proof_and_shows_only_what_was_chosen() {
    let world = world().await;
    let failed = (0..events(&world)).find(|seq| String::from_utf8_lossy(&leaf(&world, *seq)).contains("\"client.registered\"")).unwrap();
    let (status, whole) = get(&world, &format!("/events/{failed}/proof?leaf=true")).await;
    let whole: Value = serde_json::from_str(&whole).unwrap();
    assert_eq!((status, &whole["seq"], &whole["dis"]), (200, &json!(failed), &json!([])));
    assert_eq!(whole["leaf"].as_str().unwrap().as_bytes(), leaf(&world, failed));

    let sign_in = (0..events(&world)).find(|seq| String::from_utf8_lossy(&leaf(&world, *seq)).contains("\"login.succeeded\"")).unwrap();
    let target = format!("/events/{sign_in}/proof?disclose=net.ip");
    assert_eq!(problem(&world, &target).await.1, "malformed");
    let (status, whole) = get(&world, &format!("{target}&identify=true&reason=court")).await;
    assert_eq!(status, 200, "{whole}");
    let whole: Value = serde_json::from_str(&whole).unwrap();
    let [shown] = whole["dis"].as_array().unwrap().as_slice() else { panic!("{whole}") };
    let shown = Disclosure::decode(shown.as_str().unwrap()).unwrap();
    assert_eq!((shown.name(), shown.value()), ("net.ip", &json!("203.0.113.9")));
    let leaf = whole["leaf"].as_str().unwrap().as_bytes();
    assert_eq!(verify_disclosures(leaf, &[shown]), Ok(()));
    let proof: InclusionProof = whole["proof"].as_str().unwrap().parse().unwrap();
    proof.verify(leaf_hash(leaf), &[key(&world).await]).unwrap();
    let (_, code, detail) = problem(&world, &format!("/events/{sign_in}/proof?disclose=phone&identify=true&reason=court")).await;
    assert_eq!(code, "malformed");
    assert!(detail.contains("it has: net.ip"), "{detail}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_erased_is_not_shown_and_still_provable() {
    let world = world().await;
    let site = world.ledger.site(&SiteName::default_site()).unwrap();
    let created = (0..events(&world)).find(|seq| String::from_utf8_lossy(&leaf(&world, *seq)).contains("\"user.created\"")).unwrap();
    let user = site.read(|state| state.users.iter().next().unwrap().id);
    let target = format!("/events/{created}/proof?disclose=username&identify=true&reason=court");
    assert_eq!(get(&world, &target).await.0, 200);
    world.ledger.erase_user(&site, user, crate::terms::Actor::Os(1), world.ledger.own_request()).await.unwrap();
    let (status, code, _) = problem(&world, &target).await;
    assert_eq!((status, code.as_str()), (410, "incomplete"));
    let proof: InclusionProof = get(&world, &format!("/events/{created}/proof")).await.1.parse().unwrap();
    proof.verify(leaf_hash(&leaf(&world, created)), &[key(&world).await]).unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn the_servers_own_log_is_proved_too() {
    let world = world().await;
    let server = world.ledger.site(&SiteName::server()).unwrap();
    let vkey: VerifierKey = server.read(|state| state.checkpoint_key().unwrap().parse().unwrap());
    let (status, proof) = get(&world, "/events/0/proof?site=_server").await;
    assert_eq!(status, 200, "{proof}");
    let leaf = world.ledger.stored(&server, Seq(0)).unwrap().leaf;
    proof.parse::<InclusionProof>().unwrap().verify(leaf_hash(&leaf), &[vkey]).unwrap();
}
