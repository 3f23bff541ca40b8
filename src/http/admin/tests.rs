//! The whole way: a ledger with a story in it, asked in process and over the socket.

mod changed;
mod explained;
mod past;
mod reached;
mod read;

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
    world_after(true).await
}

/// The same before the refresh token came back: its grant is good.
async fn living_world() -> World {
    world_after(false).await
}

async fn world_after(refresh_token_came_back: bool) -> World {
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
        interaction: None,
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
    if refresh_token_came_back {
        assert!(ledger.carry_out(&site, rotate(), facts(&ledger)).await.is_err());
    }
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
    let admin = Admin { ledger: world.ledger.clone(), hosts: None, public_url: None, stopping: stopping.subscribe() };
    let ids = world.ledger.clone();
    let settings = DoorSettings::new(AllowedHosts::default(), TrustedProxies::default(), Arc::new(move || ids.request_id()));
    let path = world.folder.path().join("admin.sock");
    let door = Door::new(settings, routes(admin));
    let server = Server::bind(Listen::Unix { path: path.clone() }, ServerSettings::default(), door).await.unwrap();
    (server, AdminClient::over_socket(&path).await.unwrap(), stopping)
}
