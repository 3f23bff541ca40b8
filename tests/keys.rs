//! Signing keys: shown before they sign, retired when nothing rests on them, every site's apart (SPEC.md a.7, g, h, k-38, k-39).

use crate::harness::{App, Browser, Request, Server, Site, Tokens, jwt_part};
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};
use writ::jose::{JwkSet, PublicKey, verify};

/// A server whose only site shows new keys for so long, in seconds.
async fn showing(publish_seconds: u64) -> (Arc<Server>, Site) {
    let server = Server::alone().await;
    server.writ(&["site", "set", "default", &format!("keys.publish_seconds={publish_seconds}")], "");
    let site = server.site("default");
    (server, site)
}

/// The JWK Set, as published.
async fn set(site: &Site) -> Vec<Value> {
    site.get("/jwk").await.assert_ok()["keys"].as_array().unwrap().clone()
}

async fn kids(site: &Site) -> BTreeSet<String> {
    set(site).await.iter().map(|key| key["kid"].as_str().unwrap().to_owned()).collect()
}

fn kid_of(token: &str) -> String {
    jwt_part(token, 0)["kid"].as_str().unwrap().to_owned()
}

/// The `kid` and state of every key of this algorithm, oldest first.
fn listed(server: &Server, alg: &str) -> Vec<(String, String)> {
    let keys: Value = serde_json::from_str(&server.writ(&["keys", "list", "-o", "json"], "")).unwrap();
    let own = keys.as_array().unwrap().iter().filter(|key| key["alg"] == alg);
    own.map(|key| (key["kid"].as_str().unwrap().to_owned(), key["state"].as_str().unwrap().to_owned())).collect()
}

/// Makes a key and gives its `kid`.
fn rotated(server: &Server, options: &[&str]) -> String {
    let told: Value = serde_json::from_str(&server.writ(&[&["keys", "rotate", "-o", "json"], options].concat(), "")).unwrap();
    told["kid"].as_str().unwrap().to_owned()
}

/// Waits until this is so, at most as long as a slow machine may need.
async fn until(is_so: impl AsyncFn() -> bool) {
    for _ in 0..600 {
        if is_so().await {
            return;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    panic!("it never came to be");
}

async fn refreshed(app: &App, tokens: &Tokens) -> Tokens {
    Tokens::of(&app.refresh(&tokens.refresh).await)
}

#[tokio::test]
async fn a_new_key_is_shown_before_it_signs_and_no_cached_set_is_ever_surprised() {
    let (server, site) = showing(3).await;
    let app = site.confidential().await;
    let first = app.tokens(&mut Browser::new()).await;
    let old = kid_of(&first.id);
    let answer = site.get("/jwk").await;
    let kept: u64 = answer.header("cache-control").unwrap().strip_prefix("public, max-age=").unwrap().parse().unwrap();
    assert!(kept < 3, "a set that is kept longer than a key is shown misses it: {kept}");
    let new = rotated(&server, &[]);
    assert_eq!(listed(&server, "RS256"), [(old.clone(), "signing".to_owned()), (new.clone(), "published".to_owned())]);
    assert!(kids(&site).await.is_superset(&[old.clone(), new.clone()].into()), "shown at once");
    assert_eq!(set(&site).await[0]["kid"], old.as_str(), "k-38: the RS256 key that signs stands first");
    let second = refreshed(&app, &first).await;
    assert_eq!((kid_of(&second.id), kid_of(&second.access)), (old.clone(), old.clone()), "it does not sign yet");
    until(async || set(&site).await[0]["kid"] == new.as_str()).await;
    let third = refreshed(&app, &second).await;
    assert_eq!((kid_of(&third.id), kid_of(&third.access)), (new.clone(), new.clone()));
    assert!(kids(&site).await.contains(&old), "what it signed is still good");
    assert!(app.is_active(&second.access).await && app.is_active(&third.access).await);
    assert_eq!(listed(&server, "RS256"), [(old, "verifying".to_owned()), (new, "signing".to_owned())]);
}

#[tokio::test]
async fn in_an_emergency_a_key_signs_at_once_and_the_old_one_is_gone() {
    let (server, site) = showing(300).await;
    let app = site.confidential().await;
    let tokens = app.tokens(&mut Browser::new()).await;
    let (old, new) = (kid_of(&tokens.id), rotated(&server, &["--now"]));
    let fresh = refreshed(&app, &tokens).await;
    assert_eq!(kid_of(&fresh.id), new);
    server.writ(&["keys", "retire", &old, "--force"], "");
    assert!(!kids(&site).await.contains(&old));
    assert!(!app.is_active(&tokens.access).await && app.userinfo(&tokens.access).await.status == 401);
    assert!(app.is_active(&fresh.access).await);
}

#[tokio::test]
async fn a_key_that_is_only_shown_can_be_taken_back() {
    let (server, site) = showing(300).await;
    let (old, new) = (listed(&server, "RS256")[0].0.clone(), rotated(&server, &[]));
    server.writ(&["keys", "retire", &new], "");
    assert!(!kids(&site).await.contains(&new));
    assert_eq!(server.writ_output(&["keys", "retire", &old], "").status.code(), Some(1), "it is the one that signs");
    let app = site.confidential().await;
    assert_eq!(kid_of(&app.tokens(&mut Browser::new()).await.id), old);
}

#[tokio::test]
async fn keys_rotate_by_the_sites_schedule_also_after_a_restart() {
    let (server, site) = showing(1).await;
    let app = site.confidential().await;
    let tokens = app.tokens(&mut Browser::new()).await;
    let first = kid_of(&tokens.id);
    server.writ(&["site", "set", "default", "keys.rotate_seconds=5"], "");
    until(async || set(&site).await[0]["kid"] != first.as_str()).await;
    let tokens = refreshed(&app, &tokens).await;
    assert_ne!(kid_of(&tokens.id), first);
    server.kill_and_restart();
    let second = set(&site).await[0]["kid"].as_str().unwrap().to_owned();
    until(async || set(&site).await[0]["kid"] != second.as_str()).await;
    server.writ(&["site", "set", "default", "keys.rotate_seconds=0"], "");
    assert!(app.is_active(&tokens.access).await, "what an older key signed is good until it expires");
    let log = server.writ(&["log", "--type", "key.rotated", "-o", "ndjson"], "");
    let acts: Vec<Value> = log.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert!(acts.len() >= 5, "four algorithms rotate: {log}");
    for act in acts {
        assert_eq!(act["actor"], "server", "{act}");
        assert!(act["signs_from"].as_str() > act["t"].as_str(), "{act}");
    }
}

#[tokio::test]
async fn the_keys_of_every_site_are_apart() {
    let (here, there) = (Site::standard().await, Site::other().await);
    assert!(kids(&here).await.is_disjoint(&kids(&there).await));
    let tokens = here.confidential().await.tokens(&mut Browser::new()).await;
    assert!(kids(&here).await.contains(&kid_of(&tokens.access)) && !kids(&there).await.contains(&kid_of(&tokens.access)));
    let app = there.confidential().await;
    assert_eq!((app.is_active(&tokens.access).await, app.userinfo(&tokens.access).await.status), (false, 401));
}

#[tokio::test]
async fn rotating_one_sites_keys_leaves_another_sites_alone() {
    let server = Server::with(&[("default", "standard"), ("other", "standard")]).await;
    let before = kids(&server.site("other")).await;
    rotated(&server, &["--now"]);
    assert_eq!(kids(&server.site("other")).await, before);
}

#[tokio::test]
async fn a_sign_out_by_the_hint_of_a_retired_key_still_works() {
    let (server, site) = showing(0).await;
    let app = site.confidential().await;
    let mut browser = Browser::new();
    let tokens = app.tokens(&mut browser).await;
    let old = kid_of(&tokens.id);
    rotated(&server, &[]);
    let fresh = refreshed(&app, &tokens).await;
    server.writ(&["keys", "retire", &old, "--force"], "");
    let pairs = [("id_token_hint", tokens.id.as_str()), ("post_logout_redirect_uri", App::LOGOUT_URI), ("state", "s")];
    let left = browser.open(&app.logout_url(&pairs)).await.left();
    assert_eq!(left.as_str(), format!("{}?state=s", App::LOGOUT_URI), "SPEC.md g: retired keys are kept for this");
    assert!(!app.is_active(&fresh.access).await);
}

#[tokio::test]
async fn a_key_of_each_algorithm_is_published_with_its_name_and_use() {
    let set = set(&Site::standard().await).await;
    let algs: BTreeSet<&str> = set.iter().map(|key| key["alg"].as_str().unwrap()).collect();
    assert_eq!(algs, ["RS256", "PS256", "ES256", "EdDSA"].into());
    assert_eq!(set[0]["alg"], "RS256");
    for key in &set {
        assert!(key["use"] == "sig" && key["kid"].as_str().is_some_and(|kid| !kid.is_empty()), "{key}");
        for private in ["d", "p", "q", "dp", "dq", "qi", "k"] {
            assert!(key.get(private).is_none(), "{private}");
        }
    }
    let alias = Request::get(&Site::standard().await.url("/jwks")).send().await;
    assert_eq!(alias.assert_ok()["keys"].as_array().unwrap(), &set, "k-38: /jwks is another name");
    assert_eq!(alias.header("cache-control"), Some("public, max-age=300"));
}

/// Somebody who keeps the JWK Set for exactly as long as the answer allows, and never fetches it sooner.
struct Verifier {
    site: Site,
    kept: Option<(Instant, Vec<PublicKey>)>,
}

impl Verifier {
    async fn verify(&mut self, token: &str) -> String {
        if self.kept.as_ref().is_none_or(|(until, _)| Instant::now() >= *until) {
            // From before it was asked for: nobody may keep it longer than from when it was told.
            let asked = Instant::now();
            let answer = self.site.get("/jwk").await;
            let seconds = answer.header("cache-control").unwrap().strip_prefix("public, max-age=").unwrap().parse().unwrap();
            let set: JwkSet = serde_json::from_value(answer.assert_ok()).unwrap();
            let keys = set.keys().iter().map(|jwk| PublicKey::from_jwk(jwk).unwrap()).collect();
            self.kept = Some((asked + Duration::from_secs(seconds), keys));
        }
        let (_, keys) = self.kept.as_ref().unwrap();
        verify(token, |kid| keys.iter().find(|key| key.kid() == *kid)).unwrap().kid().to_string()
    }
}

/// Refreshes, verifies, introspects and asks for userinfo until it is over; gives the keys that signed.
async fn used_until(over: Arc<AtomicBool>, app: App) -> BTreeSet<String> {
    let mut verifier = Verifier { site: app.site.clone(), kept: None };
    let mut tokens = app.tokens(&mut Browser::new()).await;
    let mut signers = BTreeSet::new();
    while !over.load(Ordering::Relaxed) {
        tokens = refreshed(&app, &tokens).await;
        signers.insert(verifier.verify(&tokens.access).await);
        verifier.verify(&tokens.id).await;
        assert!(app.is_active(&tokens.access).await);
        assert_eq!(app.userinfo(&tokens.access).await.status, 200);
    }
    signers
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_fails_while_keys_rotate_by_hand_and_by_schedule() {
    let (server, site) = showing(3).await;
    let over = Arc::new(AtomicBool::new(false));
    let mut users = tokio::task::JoinSet::new();
    for alg in ["RS256", "EdDSA"] {
        users.spawn(used_until(over.clone(), site.app(json!({ "id_token_signed_response_alg": alg })).await));
    }
    let first = set(&site).await[0]["kid"].clone();
    let second = rotated(&server, &[]);
    until(async || set(&site).await[0]["kid"] == second.as_str()).await;
    server.writ(&["site", "set", "default", "keys.rotate_seconds=5"], "");
    until(async || set(&site).await[0]["kid"] != second.as_str()).await;
    tokio::time::sleep(Duration::from_secs(1)).await;
    over.store(true, Ordering::Relaxed);
    for signers in users.join_all().await {
        assert!(signers.len() >= 3 && signers.contains(first.as_str().unwrap()) && signers.contains(&second), "{signers:?}");
    }
}
