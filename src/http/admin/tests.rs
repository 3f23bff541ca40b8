//! The whole way: a ledger with a story in it, asked in process and over the socket.

mod past;

use super::*;
use crate::command::{ClientProof, ConsentFact, IssueCode, PasswordFact, RedeemCode, RefreshFact, RotateRefresh, SecretFact, SignIn, Via};
use crate::event::Profile;
use crate::http::peer::TrustedProxies;
use crate::http::{AllowedHosts, Door, DoorSettings, Listen, Server, ServerSettings};
use crate::ledger::{Clock, FrozenClock, Ledger, OpenSettings, Presented};
use crate::log::EngineKind;
use crate::terms::{Actor, ClientId, CodeVerifier, Digest, RequestFacts, Role, ScopeSet, Secret, SiteName, Timestamp};
use crate::vault::PasswordText;
use bytes::Bytes;
use http::{Method, StatusCode};
use serde_json::{Value, json};
use tokio::sync::watch;

/// A server's ledger in which a refresh token has come back.
pub(super) struct World {
    folder: tempfile::TempDir,
    pub(super) ledger: Ledger,
    clock: FrozenClock,
    /// The first and the second access token's id, and the refresh token that came back.
    tokens: [String; 2],
    refresh_token: Secret,
    access_token: Secret,
    client: ClientId,
}

fn facts(ledger: &Ledger) -> RequestFacts {
    RequestFacts { corr: ledger.request_id(), ip: Some("203.0.113.9".parse().unwrap()), user_agent: None }
}

pub(super) async fn world() -> World {
    let folder = tempfile::tempdir().unwrap();
    let clock = FrozenClock::at("2026-03-14T08:01:12.004Z".parse::<Timestamp>().unwrap());
    let settings = OpenSettings {
        directory: folder.path().to_owned(),
        engine: EngineKind::Sled,
        master_key_file: None,
        clock: Some(Clock::frozen(clock.clone())),
        outbound: Default::default(),
        on_fatal: Box::new(|fatal| panic!("{fatal}")),
    };
    let ledger = Ledger::open(settings).unwrap();
    let by = Actor::Os(1000);
    let issuer = "https://op.test/oauth2/default".to_owned();
    let site = ledger.create_site(&SiteName::default_site(), issuer, Profile::Standard, "Test".into(), by.clone()).await.unwrap();
    let password = Secret::new("correct horse".into());
    let new = PasswordText::parse_new(&password).unwrap();
    let claims = json!({ "name": "Alice Doe" }).as_object().unwrap().clone();
    ledger.create_user(&site, "alice", Some(new), Role::Users, claims, by, facts(&ledger)).await.unwrap();
    let registered = ask(
        &offline(&ledger),
        Method::POST,
        "/clients",
        Some(json!({
            "client_name": "Growth Chart", "redirect_uris": ["https://app.test/cb"], "scope": "openid offline_access",
        })),
    )
    .await;
    assert_eq!(registered.0, 201, "{}", registered.1);
    let client: ClientId = registered.1["client_id"].as_str().unwrap().parse().unwrap();
    let secret = Secret::new(registered.1["client_secret"].as_str().unwrap().to_owned());

    let login = ledger.login_of(&site, "Alice");
    let fact = ledger.check_password(&site, &login, &password, None).await.unwrap();
    assert!(matches!(fact, PasswordFact::Ok(_)));
    let cookie = Digest::of(b"cookie");
    let sign_in = SignIn { login, role: None, password: fact, cookie, session: None, client: Some(client.clone()) };
    let signed_in = ledger.carry_out(&site, sign_in, facts(&ledger)).await.unwrap();
    clock.advance_seconds(7);
    let verifier = CodeVerifier::parse(&"v".repeat(43)).unwrap();
    let issue = IssueCode {
        session: signed_in.session,
        client: client.clone(),
        requested_scope: ScopeSet::parse("openid offline_access").unwrap(),
        scope: ScopeSet::parse("openid offline_access").unwrap(),
        consent: ConsentFact::Given,
        code: Some(Digest::of(b"code")),
        redirect_uri: None,
        code_challenge: Some(verifier.challenge()),
        audience: None,
        has_nonce: false,
        nonce: None,
        wishes: Default::default(),
    };
    ledger.carry_out(&site, issue, facts(&ledger)).await.unwrap();
    clock.advance_seconds(1);
    let proof = || ClientProof {
        client: Some(client.clone()),
        via: Via::Basic,
        secret: ledger.check_secret(&site, &client, Some(&secret)),
        assertion: None,
    };
    assert!(matches!(proof().secret, SecretFact::Verified(_)));
    let redeem =
        RedeemCode { code: Some(Digest::of(b"code")), redirect_uri: None, verifier: Some(verifier.challenge()), client_auth: proof() };
    let first = ledger.carry_out(&site, redeem, facts(&ledger)).await.unwrap();
    let refresh_token = ledger.mint(&site, &first).unwrap().refresh_token.unwrap();
    let Presented::Refresh(fact @ RefreshFact::Genuine { .. }) = ledger.present(&site, refresh_token.expose()) else { panic!() };
    let rotate = || RotateRefresh { refresh_token: fact, scope: None, client_auth: proof() };
    clock.advance_seconds(600);
    let second = ledger.carry_out(&site, rotate(), facts(&ledger)).await.unwrap().tokens;
    let access_token = ledger.mint(&site, &second).unwrap().access_token;
    clock.advance_seconds(1_533);
    assert!(ledger.carry_out(&site, rotate(), facts(&ledger)).await.is_err());
    let tokens = [first.token.to_string(), second.token.to_string()];
    drop(site);
    World { folder, clock, tokens, refresh_token, access_token, client, ledger }
}

pub(super) fn offline(ledger: &Ledger) -> AdminClient {
    AdminClient::in_process(ledger.clone(), 1000)
}

pub(super) async fn text(client: &AdminClient, method: Method, target: &str, body: Option<Value>) -> (u16, String) {
    let body = body.map(|body| Bytes::from(body.to_string())).unwrap_or_default();
    let answer = client.ask(method, &format!("/admin/v1{target}"), "application/json", body).await.unwrap();
    let status = answer.status.as_u16();
    (status, String::from_utf8(answer.whole().await.unwrap().to_vec()).unwrap())
}

pub(super) async fn ask(client: &AdminClient, method: Method, target: &str, body: Option<Value>) -> (u16, Value) {
    let (status, text) = text(client, method, target, body).await;
    (status, serde_json::from_str(&text).unwrap())
}

async fn get(world: &World, target: &str) -> (u16, Value) {
    ask(&offline(&world.ledger), Method::GET, target, None).await
}

/// The events that a query of the log answers.
async fn log(world: &World, query: &str) -> Vec<Value> {
    let (status, text) = text(&offline(&world.ledger), Method::GET, &format!("/events?{query}"), None).await;
    assert_eq!(status, 200, "{text}");
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

fn types(events: &[Value]) -> Vec<&str> {
    events.iter().map(|event| event["type"].as_str().unwrap()).collect()
}

async fn serve(world: &World) -> (Server, AdminClient, watch::Sender<bool>) {
    let stopping = watch::Sender::new(false);
    let admin = Admin { ledger: world.ledger.clone(), hosts: None, stopping: stopping.subscribe() };
    let ids = world.ledger.clone();
    let settings = DoorSettings::new(AllowedHosts::default(), TrustedProxies::default(), Arc::new(move || ids.request_id()));
    let path = world.folder.path().join("admin.sock");
    let door = Door::new(settings, routes(admin));
    let server = Server::bind(Listen::Unix { path: path.clone() }, ServerSettings::default(), door).await.unwrap();
    (server, AdminClient::over_socket(&path).await.unwrap(), stopping)
}

#[tokio::test]
async fn a_dead_token_says_who_killed_it_and_when() {
    let world = world().await;
    let (status, story) = get(&world, &format!("/explain/token/{}", world.tokens[1])).await;
    assert_eq!(status, 200, "{story}");
    let expected = [
        "login.succeeded",
        "session.started",
        "consent.granted",
        "code.issued",
        "code.redeemed",
        "token.granted",
        "refresh.rotated",
        "refresh.reuse_detected",
        "grant.revoked",
    ];
    let events = story["events"].as_array().unwrap();
    assert_eq!(types(events), expected);
    let depths: Vec<u64> = events.iter().map(|event| event["depth"].as_u64().unwrap()).collect();
    assert_eq!(depths, [0, 1, 2, 3, 4, 5, 6, 7, 8]);
    assert_eq!(events[6]["delta_ms"], 600_000);
    let end = events[8]["seq"].as_u64().unwrap();
    assert_eq!((&story["state"]["word"], &story["state"]["by"]), (&json!("REVOKED"), &json!(end)));
    assert_eq!(story["state"]["after_last_use_ms"], 1_533_000);
    assert_eq!(story["because"]["chain"], json!([end, end - 1]));
    let sentence = story["because"]["sentence"].as_str().unwrap();
    assert!(
        sentence.contains(&format!("#{end} grant.revoked ← #{} refresh.reuse_detected: generation 0 came back", end - 1)),
        "{sentence}"
    );
    assert_eq!(story["subject"]["client_name"], "Growth Chart");
}

#[tokio::test]
async fn a_token_that_state_has_forgotten_is_still_explained() {
    let world = world().await;
    world.clock.advance_seconds(400 * 86_400);
    // A record makes the fold forget.
    assert_eq!(get(&world, "/users").await.0, 200);
    let site = world.ledger.site(&SiteName::default_site()).unwrap();
    assert!(site.read(|state| state.grants.token(&world.tokens[1].parse().unwrap()).is_none()));
    let words = |story: Value| (story["state"]["word"].clone(), story["state"]["by"].clone());
    let (status, second) = get(&world, &format!("/explain/token/{}", world.tokens[1])).await;
    let end = second["events"].as_array().unwrap().last().unwrap()["seq"].clone();
    assert_eq!((status, words(second)), (200, (json!("REVOKED"), end)));
}

#[tokio::test]
async fn the_token_itself_is_explained_by_what_it_is() {
    let world = world().await;
    let client = offline(&world.ledger);
    let present = |token: &Secret| {
        let body = Bytes::copy_from_slice(token.expose().as_bytes());
        let client = &client;
        async move {
            let answer = client.ask(Method::POST, "/admin/v1/explain/token", "text/plain", body).await.unwrap();
            let status = answer.status;
            (status, serde_json::from_slice::<Value>(&answer.whole().await.unwrap()).unwrap())
        }
    };
    let (status, story) = present(&world.access_token).await;
    assert_eq!((status, &story["id"]), (StatusCode::OK, &json!(world.tokens[1])));
    let (status, story) = present(&world.refresh_token).await;
    assert_eq!((status, &story["kind"]), (StatusCode::OK, &json!("grant")));
    assert_eq!(story["presented"], json!({ "as": "refresh token", "generation": 0, "current": 1 }));
    let (status, _) = present(&Secret::new("nonsense".into())).await;
    assert_eq!(status, StatusCode::BAD_REQUEST);
    let forged = format!("{}A", world.access_token.expose());
    assert_eq!(present(&Secret::new(forged)).await.0, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn every_kind_has_a_story() {
    let world = world().await;
    let (_, story) = get(&world, &format!("/explain/token/{}", world.tokens[0])).await;
    let of = |name: &str| story["subject"][name].as_str().unwrap().to_owned();
    let code = log(&world, "type=code.issued").await[0]["code"].as_str().unwrap().to_owned();
    let consent = log(&world, "type=consent.granted").await[0]["consent"].as_str().unwrap().to_owned();
    let reuse = log(&world, "type=refresh.reuse_detected").await[0]["corr"].as_str().unwrap().to_owned();
    let cases = [
        ("grant", of("grant"), "REVOKED"),
        ("session", of("session"), "ACTIVE"),
        ("client", of("client"), "ENABLED"),
        ("user", of("user"), "ENABLED"),
        ("user", "alice".to_owned(), "ENABLED"),
        ("code", code, "REDEEMED"),
        ("consent", consent, "GRANTED"),
        ("request", reuse, "REFUSED"),
    ];
    for (kind, id, word) in cases {
        let (status, story) = get(&world, &format!("/explain/{kind}/{id}")).await;
        assert_eq!((status, &story["state"]["word"]), (200, &json!(word)), "{kind} {story}");
        assert!(!story["events"].as_array().unwrap().is_empty(), "{kind}");
    }
}

#[tokio::test]
async fn an_unknown_id_is_told_with_the_next_step() {
    let world = world().await;
    let (status, problem) = get(&world, "/explain/token/tok_AAAAAAAAAAAAAAAAAAAAAA").await;
    assert_eq!((status, &problem["code"]), (404, &json!("unknown")));
    assert!(problem["detail"].as_str().unwrap().ends_with("If you have the token itself: writ explain token -"), "{problem}");
    assert!(problem["corr"].as_str().unwrap().starts_with("req_"));
    let (status, problem) = get(&world, &format!("/explain/grant/{}", world.tokens[0])).await;
    assert_eq!((status, &problem["code"]), (400, &json!("malformed")));
    for target in ["/explain/planet/x", "/events/x", "/events?colour=red", "/events?from=later"] {
        assert_eq!(get(&world, target).await.0, 400, "{target}");
    }
    for target in ["/events/99999", "/nothing", "/events?site=other", "/events?user=bob", "/clients/x", "/users/bob", "/sites/x"] {
        assert_eq!(get(&world, target).await.0, 404, "{target}");
    }
}

#[tokio::test]
async fn filters_find_what_they_name() {
    let world = world().await;
    assert_eq!(types(&log(&world, "type=refresh.*").await), ["refresh.rotated", "refresh.reuse_detected"]);
    assert_eq!(types(&log(&world, "type=login.*&type=consent.*").await), ["login.succeeded", "consent.granted"]);
    assert_eq!(types(&log(&world, "sev=high").await), ["refresh.reuse_detected", "grant.revoked"]);
    assert_eq!(types(&log(&world, "outcome=failure").await), ["refresh.reuse_detected"]);
    assert_eq!(types(&log(&world, &format!("token={}", world.tokens[1])).await), ["refresh.rotated"]);
    let of_alice = log(&world, "user=alice").await;
    assert_eq!((of_alice[0]["type"].as_str(), of_alice.len()), (Some("user.created"), 9));
    assert_eq!(types(&log(&world, "user=alice&n=2").await), ["refresh.reuse_detected", "grant.revoked"]);
    assert_eq!(types(&log(&world, "user=alice&n=2&reverse=true").await), ["grant.revoked", "refresh.reuse_detected"]);
    assert_eq!(types(&log(&world, "from=%230&to=2").await), ["site.created", "key.generated", "key.generated"]);
    assert_eq!(types(&log(&world, "from=2026-03-14T08:11:20.000Z&to=2026-03-14T08:11:21.000Z").await), ["refresh.rotated"]);
    assert_eq!(types(&log(&world, "client=x").await), Vec::<&str>::new());
    let of_client = log(&world, &format!("client={}&type=client.*", world.client)).await;
    assert_eq!(types(&of_client), ["client.registered"]);
}

#[tokio::test]
async fn every_read_is_recorded_with_what_it_found_and_never_what_it_sought() {
    let world = world().await;
    assert_eq!(log(&world, "type=refresh.*&user=alice").await.len(), 2);
    let reads = log(&world, "type=audit.read").await;
    let last = reads.last().unwrap();
    assert_eq!((&last["query"], &last["rows"], &last["actor"]), (&json!("log"), &json!(2), &json!("os:1000")));
    assert!(!last.to_string().contains("alice"));
    get(&world, &format!("/explain/token/{}", world.tokens[0])).await;
    get(&world, "/events/3").await;
    let reads = log(&world, "type=audit.read").await;
    let queries: Vec<&str> = reads.iter().rev().take(3).map(|read| read["query"].as_str().unwrap()).collect();
    assert_eq!(queries, ["show", "explain token", "log"]);
}

#[tokio::test]
async fn who_people_are_is_shown_only_for_a_reason_and_that_is_recorded() {
    let world = world().await;
    let (_, users) = get(&world, "/users").await;
    assert!(!users.to_string().contains("alice") && !users.to_string().contains("Alice"), "{users}");
    assert_eq!(get(&world, "/users?identify=true").await.0, 400);
    let (_, users) = get(&world, "/users?identify=true&reason=audit").await;
    assert_eq!(users["users"][0]["claims"]["username"], "alice");
    let hidden = &log(&world, "type=refresh.reuse_detected&facts=true").await[0];
    assert_eq!(hidden["withheld"], json!(["net.ip"]));
    assert!(!hidden.to_string().contains("203.0.113.9"));
    let shown = &log(&world, "type=refresh.reuse_detected&facts=true&identify=true&reason=audit").await[0];
    assert_eq!(shown["disclosed"], json!({ "net.ip": "203.0.113.9" }));
    assert!(shown["facts"].as_str().unwrap().ends_with("from 203.0.113.9") && shown.get("withheld").is_none());
    let read = log(&world, "type=audit.read").await.pop().unwrap();
    assert_eq!((&read["query"], &read["identified"]), (&json!("log"), &json!(true)));
    let read = &log(&world, "type=audit.read&identify=true&reason=again").await;
    assert!(read.iter().any(|read| read["disclosed"]["reason"] == "audit"), "why people were shown is sealed beside it: {read:?}");
}

#[tokio::test]
async fn an_erased_person_stays_in_the_story_without_a_name() {
    let world = world().await;
    let (status, erased) = ask(&offline(&world.ledger), Method::POST, "/users/alice/erase", None).await;
    assert_eq!((status, &erased["state"]), (200, &json!("erased")));
    let created = &log(&world, "type=user.created&identify=true&reason=audit").await[0];
    assert_eq!(created["erased"].as_array().unwrap().len(), 2, "{created}");
    assert!(!created.to_string().contains("Alice"));
}

#[tokio::test]
async fn an_event_is_shown_between_its_causes_and_its_effects() {
    let world = world().await;
    let issued = log(&world, "type=code.issued").await[0]["seq"].as_u64().unwrap();
    let (status, shown) = get(&world, &format!("/events/{issued}")).await;
    assert_eq!((status, &shown["event"]["type"]), (200, &json!("code.issued")));
    assert_eq!(types(shown["causes"].as_array().unwrap()), ["login.succeeded", "session.started", "consent.granted"]);
    let effects = ["code.redeemed", "token.granted", "refresh.rotated", "refresh.reuse_detected", "grant.revoked"];
    assert_eq!(types(shown["effects"].as_array().unwrap()), effects);
    assert!(shown["event"].get("_sd").is_none());
}

#[tokio::test]
async fn a_running_and_a_stopped_server_give_the_same_answers() {
    let world = world().await;
    let (_server, served, _stopping) = serve(&world).await;
    let unserved = offline(&world.ledger);
    for target in
        ["/events?type=token.*&type=refresh.*&facts=true", "/events/3", "/sites/default", "/clients", "/keys", "/users", "/nothing/else"]
    {
        let mut answers = Vec::new();
        for client in [&served, &unserved] {
            let (status, text) = text(client, Method::GET, target, None).await;
            let values: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).unwrap()).map(without_the_moment).collect();
            answers.push((status, values));
        }
        assert_eq!(answers[0], answers[1], "{target}");
    }
    let target = format!("/explain/token/{}", world.tokens[1]);
    let one = without_the_moment(ask(&served, Method::GET, &target, None).await.1);
    let other = without_the_moment(ask(&unserved, Method::GET, &target, None).await.1);
    assert_eq!(one, other);
}

/// The same without what differs from one reading to the next: each reading is itself an event, and each problem has its request.
fn without_the_moment(mut value: Value) -> Value {
    if let Some(members) = value.as_object_mut() {
        members.remove("at");
        if members.contains_key("detail") {
            members.remove("corr");
        }
        if members.contains_key("issuer") {
            members.remove("events");
        }
    }
    value
}

#[tokio::test]
async fn whoever_follows_sees_what_comes_and_is_let_go_at_the_end() {
    let world = world().await;
    let (_server, served, stopping) = serve(&world).await;
    let target = "/admin/v1/events?type=user.*&n=1&follow=true";
    let mut answer = served.ask(Method::GET, target, "application/json", Bytes::new()).await.unwrap();
    let first = answer.piece().await.unwrap().unwrap();
    assert!(std::str::from_utf8(&first).unwrap().contains("user.created"));
    let (status, _) = ask(&offline(&world.ledger), Method::POST, "/users/alice/disable", None).await;
    assert_eq!(status, 200);
    let second = answer.piece().await.unwrap().unwrap();
    assert!(std::str::from_utf8(&second).unwrap().contains("user.disabled"));
    stopping.send_replace(true);
    assert!(answer.piece().await.unwrap().is_none());
}

#[tokio::test]
async fn nobody_is_answered_from_the_network() {
    let world = world().await;
    let admin = Admin { ledger: world.ledger.clone(), hosts: None, stopping: watch::Sender::new(false).subscribe() };
    let ids = world.ledger.clone();
    let settings = DoorSettings::new(AllowedHosts::from_iter(["op.test"]), TrustedProxies::default(), Arc::new(move || ids.request_id()));
    let door = Door::new(settings, routes(admin));
    let from = crate::http::peer::Connection::Tcp { remote: "127.0.0.1".parse().unwrap(), tls: true, loopback_listener: true };
    let request = http::Request::get("/admin/v1/sites").header("host", "op.test").body(http_body_util::Full::<Bytes>::default()).unwrap();
    assert_eq!(door.answer(from, request).await.unwrap().status(), StatusCode::FORBIDDEN);
}

#[tokio::test]
async fn a_client_goes_through_its_life() {
    let world = world().await;
    let api = offline(&world.ledger);
    let at = format!("/clients/{}", world.client);
    let post = |act: &'static str| {
        let (api, target) = (&api, format!("{at}/{act}"));
        async move { text(api, Method::POST, &target, None).await }
    };
    assert_eq!(post("approve").await.0, 409);
    assert_eq!(post("disable").await.0, 200);
    assert_eq!(get(&world, &at).await.1["client_status"], "disabled");
    assert_eq!(post("enable").await.0, 200);
    let rotated: Value = serde_json::from_str(&post("rotate-secret").await.1).unwrap();
    assert_eq!(rotated["client_secret"].as_str().unwrap().len(), 86);
    assert!(get(&world, &at).await.1.get("client_secret").is_none());
    assert_eq!(ask(&api, Method::DELETE, &at, None).await.0, 200);
    assert_eq!(get(&world, &at).await.0, 404);
    let (_, story) = get(&world, &format!("/explain/client/{}", world.client)).await;
    assert_eq!(story["state"]["word"], "DELETED");
}

#[tokio::test]
async fn a_site_is_made_and_configured_once_and_with_care() {
    let world = world().await;
    let api = offline(&world.ledger);
    let make = |name: &str| json!({ "name": name, "public_url": "https://op.test", "profile": "openemr" });
    assert_eq!(ask(&api, Method::POST, "/sites", Some(make("token"))).await.0, 400);
    let (status, made) = ask(&api, Method::POST, "/sites", Some(make("clinic"))).await;
    assert_eq!((status, &made["issuer"]), (201, &json!("https://op.test/oauth2/clinic")));
    assert_eq!(ask(&api, Method::POST, "/sites", Some(make("clinic"))).await.0, 409);
    let (status, set) = ask(&api, Method::PATCH, "/sites/clinic", Some(json!({ "access_seconds": "600" }))).await;
    assert_eq!((status, &set["settings"]["access_seconds"]), (200, &json!(600)));
    for wrong in [json!({ "access_seconds": "soon" }), json!({ "acces_seconds": "600" }), json!({ "code_seconds": "301" })] {
        assert_eq!(ask(&api, Method::PATCH, "/sites/clinic", Some(wrong.clone())).await.0, 400, "{wrong}");
    }
    assert_eq!(ask(&api, Method::PATCH, "/sites/clinic", Some(json!({ "access_seconds": 600 }))).await.0, 409);
    let detail = async |wrong: Value| ask(&api, Method::PATCH, "/sites/clinic", Some(wrong)).await.1["detail"].clone();
    let beginning = "There is no such setting, or it cannot have this value";
    assert_eq!(detail(json!({ "dcr.mode": "ajar" })).await, format!("{beginning}: dcr.mode is one of open, token, disabled"));
    assert_eq!(detail(json!({ "profile": "best" })).await, format!("{beginning}: profile is one of standard, openemr, iehr"));
    assert_eq!(detail(json!({ "acces_seconds": 600 })).await, format!("{beginning}: there is no acces_seconds"));
    let costs = get(&world, "/sites/clinic").await.1["costs"].clone();
    assert!(costs["code_seconds"].as_str().is_some_and(|sentence| sentence.contains("longer than a minute")), "{costs}");
    assert_eq!(costs.get("access_seconds"), None);
    let (_, after) = ask(&api, Method::PATCH, "/sites/clinic", Some(json!({ "profile": "standard", "title": "T" }))).await;
    assert_eq!(after["costs"], json!({}));
}

#[tokio::test]
async fn a_key_takes_over_and_the_one_that_signs_is_not_retired() {
    let world = world().await;
    let api = offline(&world.ledger);
    let first = get(&world, "/keys").await.1["keys"][0]["kid"].as_str().unwrap().to_owned();
    assert_eq!(ask(&api, Method::DELETE, &format!("/keys/{first}"), None).await.0, 409);
    let (status, shown) = ask(&api, Method::POST, "/keys", Some(json!({ "alg": "RS256" }))).await;
    assert_eq!((status, &shown["state"]), (201, &json!("published")));
    assert!(shown["until"].as_str() > shown["since"].as_str(), "{shown}");
    assert_eq!(ask(&api, Method::DELETE, &format!("/keys/{first}"), None).await.0, 409, "the one before still signs");
    let (status, signs) = ask(&api, Method::POST, "/keys", Some(json!({ "alg": "RS256", "now": true }))).await;
    assert_eq!((status, &signs["state"]), (201, &json!("signing")));
    assert_eq!(ask(&api, Method::POST, "/keys", Some(json!({ "alg": "RS256", "now": "yes" }))).await.0, 400);
    assert_eq!(ask(&api, Method::DELETE, &format!("/keys/{first}"), None).await.0, 409, "tokens that are good were signed with it");
    assert_eq!(ask(&api, Method::DELETE, &format!("/keys/{first}"), Some(json!({ "force": true }))).await.0, 200);
    assert_eq!(ask(&api, Method::POST, "/keys", Some(json!({ "alg": "none" }))).await.0, 400);
}
