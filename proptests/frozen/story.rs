//! One story in which every event happens, each by way of the door or the ledger as it would in life.

use crate::world::{App, AppKind, Authorized, Browser, Person, Tokens, Wish, World, frozen};
use http::Method;
use serde::Serialize;
use serde_json::json;
use std::net::IpAddr;
use writ::command::{
    ChangeClient, ChangeUser, ClientChange, ConfigureClient, Decide, Decision, Draft, EndLogoutAttempt, InviteClient, Noted,
    RevokeInvitation, SignLogout, TakesOver, UserChange, WithdrawConsent,
};
use writ::event::{Edition, Event, Profile, UserEvent};
use writ::log::EngineKind;
use writ::projection::{Logouts, State};
use writ::terms::{Actor, Digest, Moment, Secret, Seq, SigningAlgorithm, SiteName, UserId};
use writ::vault::PasswordText;

pub const SITE: &str = "default";
const BY: Actor = Actor::Os(0);

/// Lives through everything and ends the server in order.
pub async fn told() -> World {
    let mut world = World::new(EngineKind::File, Some(frozen()));
    note(&world, &SiteName::server(), Noted::ServerStarted { version: "0.1.0".to_owned(), pid: 4711 }).await;
    world.add_site(SITE, Profile::Openemr).await;
    world.configure(SITE, &[("code_seconds", 120.into()), ("title", "Lakeside Family Practice".into())]).await;
    let alice = world.add_person(SITE, "alice").await;
    let bob = world.add_person(SITE, "bob").await;
    let mut browser = Browser::default();
    let app = registered(&world).await;
    let first = signed_in(&world, &app, &alice, &mut browser).await;
    used(&world, &app, first, &alice, &mut browser).await;
    refused(&world, &app, &alice, &mut browser).await;
    signed_out(&world, &app, (&alice, &bob), &mut browser).await;
    told_of_it(&world, &alice).await;
    at_front(&world, &alice).await;
    people(&world, &alice, &bob).await;
    keys(&world).await;
    asserted(&world).await;
    let own = by_themselves(&world).await;
    let carol = world.add_person(SITE, "carol").await;
    typed_in(&world, &own, &carol).await;
    invited(&world).await;
    unregistered(&world, app).await;
    time(&world).await;
    read(&world).await;
    world.ledger.tell_tallies(true).await.unwrap();
    note(&world, &SiteName::server(), Noted::ServerStopped {}).await;
    world
}

async fn note(world: &World, site: &SiteName, noted: Noted) {
    let site = world.ledger.site(site).unwrap();
    world.ledger.note_by(&site, noted, BY, world.ledger.own_request()).await.unwrap();
}

/// A client that waits for approval, is let in, and is changed in every way.
async fn registered(world: &World) -> App {
    let mut app = App::registered(world, SITE, AppKind::Basic, &format!("{} user/Patient.read", App::SCOPE)).await;
    let client = || app.id.parse().unwrap();
    for change in [ClientChange::Approve, ClientChange::Disable, ClientChange::Enable] {
        assert!(world.administer(SITE, ChangeClient { client: client(), change, by: BY, presented_token: None }).await);
    }
    let secret = "a secret from the administrator";
    let change = ClientChange::RotateSecret(Digest::of(secret.as_bytes()));
    assert!(world.administer(SITE, ChangeClient { client: client(), change, by: BY, presented_token: None }).await);
    app.secret = Some(secret.to_owned());
    let metadata = app.new_metadata(App::SCOPE, "Growth Chart");
    let reply = app.manage(world, Method::PUT, app.registration_tokens.last().unwrap(), metadata).await;
    app.registration_tokens.extend(reply.member("registration_access_token"));
    assert!(reply.is_ok(), "{}", reply.text());
    app
}

async fn signed_in(world: &World, app: &App, person: &Person, browser: &mut Browser) -> Tokens {
    let wrong = Wish { password: Some("a guess".to_owned()), ..Wish::default() };
    assert!(matches!(browser.authorize(world, app, person, &wrong).await, Authorized::Page(_)));
    let denied = browser.authorize(world, app, person, &Wish { allows: false, ..Wish::default() }).await;
    assert!(matches!(denied, Authorized::Error(_)));
    let wish = Wish { nonce: Some("n-0S6_WzA2Mj".to_owned()), ..Wish::default() };
    let code = browser.authorize(world, app, person, &wish).await.code();
    Tokens::of(&app.redeem(world, &code).await).unwrap()
}

/// What the tokens are used for: rotations, a retry, reads, and one access token revoked alone.
async fn used(world: &World, app: &App, first: Tokens, person: &Person, browser: &mut Browser) {
    world.advance(1800);
    assert!(App::userinfo(world, SITE, &first.access).await.is_ok());
    assert!(app.is_active(world, &first.access).await);
    let token = first.refresh.unwrap();
    let second = Tokens::of(&app.refresh(world, &token).await).unwrap();
    assert_eq!(Tokens::of(&app.refresh(world, &token).await).unwrap(), second, "a lost answer is given again");
    assert!(app.revoke(world, &second.access).await.is_ok());
    assert!(!app.is_active(world, &second.access).await);
    world.advance(60);
    assert_eq!(app.refresh(world, &token).await.status, 400);
    let other = browser.authorize(world, app, person, &Wish::default()).await.code();
    let other = Tokens::of(&app.redeem(world, &other).await).unwrap();
    assert!(app.revoke(world, &other.refresh.unwrap()).await.is_ok());
}

/// A code used twice, a wrong verifier, a wrong secret, and a stranger who asks too often.
async fn refused(world: &World, app: &App, person: &Person, browser: &mut Browser) {
    let code = browser.authorize(world, app, person, &Wish::default()).await.code();
    assert!(app.redeem(world, &code).await.is_ok());
    assert_eq!(app.redeem(world, &code).await.status, 400);
    let mut code = browser.authorize(world, app, person, &Wish::default()).await.code();
    code.verifier = Some("w".repeat(43));
    assert_eq!(app.redeem(world, &code).await.status, 400);
    let stranger = App { secret: Some("wrong".to_owned()), ..app.clone() };
    assert_eq!(stranger.introspect(world, "anything").await.status, 401);
    for _ in 0..13 {
        let reply = App::register_from(world, IpAddr::from([192, 0, 2, 99]), SITE, AppKind::Basic, "weather/Forecast.read").await;
        assert_eq!(reply.status, 400, "{}", reply.text());
    }
    world.advance(61);
    world.ledger.tell_tallies(true).await.unwrap();
    // Nobody can make such a token without the key, so only its discovery is told.
    let site = world.site(SITE);
    let kid = site.read(|state| state.keys.iter().next().unwrap().kid);
    note(world, site.name(), Noted::ForgeryDetected { token: writ::ledger::draw_id(), kid, times: None }).await;
}

/// A browser that changes hands, a new sign-in by the same person, and both ways out.
async fn signed_out(world: &World, app: &App, (alice, bob): (&Person, &Person), browser: &mut Browser) {
    let again = Wish { prompt: Some("login"), ..Wish::default() };
    let code = browser.authorize(world, app, alice, &again).await.code();
    let tokens = Tokens::of(&app.redeem(world, &code).await).unwrap();
    browser.sign_out(world, SITE, tokens.id.as_deref(), true).await;
    browser.authorize(world, app, alice, &Wish::default()).await.code();
    browser.authorize(world, app, bob, &again).await.code();
    browser.sign_out(world, SITE, None, false).await;
    let withdraw = WithdrawConsent { user: bob.user, client: app.id.parse().unwrap(), by: BY };
    assert!(world.administer(SITE, withdraw).await);
}

/// Clients that want to hear of it: one cannot be reached and is disabled at last, one is reached by and by.
async fn told_of_it(world: &World, person: &Person) {
    let app = App::registered(world, SITE, AppKind::Post, App::SCOPE).await;
    for _ in 0..2 {
        let mut browser = Browser::default();
        let code = browser.authorize(world, &app, person, &Wish::default()).await.code();
        let tokens = Tokens::of(&app.redeem(world, &code).await).unwrap();
        browser.sign_out(world, SITE, tokens.id.as_deref(), false).await;
    }
    world.advance(5);
    let site = world.site(SITE);
    let due = site.read(|state| state.logouts.due(world.ledger.now(), 1))[0].1;
    assert!(world.administer(SITE, SignLogout { logout: due, at_once: false }).await);
    assert!(world.administer(SITE, EndLogoutAttempt { logout: due, attempt: 2, failure: None, status: Some(204) }).await);
    let (client, change) = (app.id.parse().unwrap(), ClientChange::Disable);
    assert!(world.administer(SITE, ChangeClient { client, change, by: BY, presented_token: None }).await);
    world.ledger.deliver_due_logouts().await;
    assert!(site.read(|state| state.logouts == Logouts::default()));
}

/// An ID token straight from the authorization endpoint.
async fn at_front(world: &World, person: &Person) {
    world.configure(SITE, &[("authorize.implicit", true.into()), ("authorize.hybrid", true.into())]).await;
    let app = App::at_front(world, SITE, AppKind::Basic, "openid").await;
    let wish = Wish { scope: "openid".to_owned(), response_type: "id_token", nonce: Some("n".to_owned()), ..Wish::default() };
    assert!(matches!(Browser::default().authorize(world, &app, person, &wish).await, Authorized::Front(None, _)));
}

/// What administrators do with accounts, to the very end of one.
async fn people(world: &World, alice: &Person, bob: &Person) {
    for change in [UserChange::Disable, UserChange::Enable] {
        assert!(world.administer(SITE, ChangeUser { user: alice.user, change, by: BY }).await);
    }
    assert!(world.administer(SITE, Locked { user: alice.user }).await);
    assert!(world.administer(SITE, ChangeUser { user: alice.user, change: UserChange::Unlock, by: BY }).await);
    let site = world.site(SITE);
    let text = PasswordText::parse_new(&Secret::new("another password".to_owned())).unwrap();
    world.ledger.set_password(&site, alice.user, text, BY, world.ledger.own_request()).await.unwrap();
    world.ledger.erase_user(&site, bob.user, BY, world.ledger.own_request()).await.unwrap();
}

/// What a hundred wrong passwords in a row lead to, without the hundred.
#[derive(Serialize)]
struct Locked {
    user: UserId,
}

impl Decide for Locked {
    const NAME: &'static str = "planted";
    type Answer = ();
    fn decide(&self, _: &State, _: &Moment) -> Decision<()> {
        let event = UserEvent::Locked { user: self.user, failures: 100 };
        Decision::accepted((), vec![Draft::new(Actor::Server, Event::User(event))])
    }
}

async fn keys(world: &World) {
    let site = world.site(SITE);
    let old = site.read(|state| state.keys.youngest(SigningAlgorithm::EdDsa).unwrap().kid);
    world.ledger.generate_key(&site, SigningAlgorithm::EdDsa, TakesOver::AtOnce, BY, world.ledger.own_request()).await.unwrap();
    world.ledger.retire_key(&site, old, true, BY, world.ledger.own_request()).await.unwrap();
}

/// Two initial access tokens, of which one is used and the other taken back.
async fn invited(world: &World) {
    let address = IpAddr::from([192, 0, 2, 98]);
    for name in ["used", "taken back"] {
        let invite = InviteClient { token: Digest::of(name.as_bytes()), uses: 1, lifetime_seconds: 3600, by: BY };
        assert!(world.administer(SITE, invite).await);
    }
    assert_eq!(App::register_with(world, address, SITE, Some("used")).await.status, 201);
    let token = Digest::of(b"taken back");
    let invitation = world.site(SITE).read(|state| state.invitations.by_token(&token).unwrap().id);
    assert!(world.administer(SITE, RevokeInvitation { invitation, by: BY }).await);
}

/// A client that has a key instead of a secret.
async fn asserted(world: &World) {
    let app = App::registered(world, SITE, AppKind::Key, "openid").await;
    assert!(!app.is_active(world, "anything").await);
}

/// A client that gets a token for itself.
async fn by_themselves(world: &World) -> App {
    let app = App::registered(world, SITE, AppKind::Key, "openid system/Patient.rs").await;
    let client = app.id.parse().unwrap();
    assert!(world.administer(SITE, ChangeClient { client, change: ClientChange::Approve, by: BY, presented_token: None }).await);
    let reply = app.post(world, "token", &[("grant_type", "client_credentials"), ("scope", "system/Patient.rs")]).await;
    let token = Tokens::of(&reply).unwrap_or_else(|| panic!("{}", reply.text())).access;
    assert!(app.is_active(world, &token).await && app.revoke(world, &token).await.is_ok());
    app
}

/// A person types a name and a password into an app, which leaves out its own secret to refresh.
async fn typed_in(world: &World, other: &App, person: &Person) {
    world.configure(SITE, &[("password_grant", "users".into())]).await;
    let app = App::registered(world, SITE, AppKind::Post, App::SCOPE).await;
    let lets = |name: &str, value: serde_json::Value| {
        let change = [(name.to_owned(), value)].into_iter().collect();
        ConfigureClient { client: app.id.parse().unwrap(), change, edition: Edition::CURRENT, by: BY }
    };
    assert!(world.administer(SITE, lets("grant_types", json!(["authorization_code", "password"]))).await);
    assert!(world.administer(SITE, lets("legacy_secretless", json!(["refresh"]))).await);
    let sent = |password: &'static str| [("grant_type", "password"), ("username", "carol"), ("password", password)];
    assert_eq!(app.post(world, "token", &sent("a guess")).await.status, 400);
    assert_eq!(other.post(world, "token", &sent("a guess")).await.status, 400);
    let reply = app.post(world, "token", &[("grant_type", "password"), ("username", "carol"), ("password", &person.password)]).await;
    let first = Tokens::of(&reply).unwrap_or_else(|| panic!("{}", reply.text()));
    let bare = App { kind: AppKind::Public, ..app.clone() };
    assert!(bare.refresh(world, &first.refresh.unwrap()).await.is_ok());
}

async fn unregistered(world: &World, app: App) {
    let token = app.registration_tokens.last().unwrap();
    assert_eq!(app.manage(world, Method::DELETE, token, json!({})).await.status, 204);
}

/// The wall clock jumps and is accepted.
async fn time(world: &World) {
    let clock = world.clock.as_ref().unwrap();
    clock.set(clock.now().plus_seconds(3600));
    world.ledger.now();
    world.ledger.accept_clock(BY, world.ledger.own_request()).await.unwrap();
}

/// Somebody reads the log, and sees who people are.
async fn read(world: &World) {
    let site = world.site(SITE);
    let reason = Some("complaint 2026-114".to_owned());
    let noted = Noted::AuditRead { query: "log".to_owned(), filter: site.tag("user=alice"), rows: 12, identified: true, reason };
    note(world, site.name(), noted).await;
    let exported = Noted::AuditExported {
        format: "ndjson".to_owned(),
        from: Seq(0),
        to: Seq(40),
        events: 40,
        disclosed: 0,
        withheld: 0,
        bundle_digest: Digest::of(b"bundle"),
        checkpoint_size: 72,
        filter: site.tag(""),
        identified: false,
        purpose: Some("yearly review".to_owned()),
        basis: Some("45 CFR 164.312(b)".to_owned()),
        reason: None,
    };
    note(world, site.name(), exported).await;
}
