//! What the stories found, each as the shortest story that shows it.

use crate::asked::holds;
use crate::async_test;
use crate::world::{App, AppKind, Browser, Tokens, Wish, World, records};
use writ::command::{ConsentFact, EndSession, EndedBy, InviteClient, IssueCode, WithdrawConsent};
use writ::log::EngineKind;
use writ::terms::{Actor, Digest};

const SITE: &str = "default";

/// A server, an app, and a browser that has been through sign-in, consent and exchange.
async fn served(scope: &str) -> (World, App, Browser, Tokens) {
    let world = World::with_sites(EngineKind::File, &[SITE]).await;
    let app = App::registered(&world, SITE, AppKind::Basic, App::SCOPE).await;
    let mut browser = Browser::default();
    let tokens = tokens(&world, &app, &mut browser, scope).await;
    (world, app, browser, tokens)
}

async fn tokens(world: &World, app: &App, browser: &mut Browser, scope: &str) -> Tokens {
    let wish = Wish { scope: scope.to_owned(), ..Wish::default() };
    let code = browser.authorize(world, app, &world.people[0].clone(), &wish).await.code();
    Tokens::of(&app.redeem(world, &code).await).unwrap()
}

#[test]
fn a_new_site_can_be_read_back() {
    async_test(async {
        let world = World::with_sites(EngineKind::File, &[SITE]).await.reopened();
        assert!(world.site(SITE).is_open());
    });
}

#[test]
fn a_session_that_has_run_out_can_be_signed_out_of() {
    async_test(async {
        let (world, _, mut browser, tokens) = served("openid").await;
        world.advance(400 * 86_400);
        let reply = browser.sign_out(&world, SITE, tokens.id.as_deref(), false).await;
        assert_eq!(reply.status, 200, "{}", reply.text());
        holds(&world);
    });
}

#[test]
fn a_code_that_comes_back_after_everything_of_it_ended_is_refused() {
    async_test(async {
        let world = World::with_sites(EngineKind::File, &[SITE]).await;
        let app = App::registered(&world, SITE, AppKind::Basic, App::SCOPE).await;
        let code = Browser::default().authorize(&world, &app, &world.people[0], &Wish::default()).await.code();
        assert!(app.redeem(&world, &code).await.is_ok());
        world.advance(400 * 86_400);
        let reply = app.redeem(&world, &code).await;
        assert_eq!((reply.status, reply.member("error").as_deref()), (400, Some("invalid_grant")));
        holds(&world);
    });
}

#[test]
fn signing_out_ends_the_grants_of_a_session_that_somebody_else_replaced() {
    async_test(async {
        let (world, app, mut browser, tokens) = served(App::SCOPE).await;
        let bob = world.people[1].clone();
        let wish = Wish { prompt: Some("login"), ..Wish::default() };
        browser.authorize(&world, &app, &bob, &wish).await.code();
        assert!(app.is_active(&world, &tokens.access).await, "somebody else at the browser ends no grant");
        browser.sign_out(&world, SITE, tokens.id.as_deref(), false).await;
        assert!(!app.is_active(&world, &tokens.access).await, "the first person signed out and the token is still active");
    });
}

#[test]
fn what_was_revoked_is_not_called_expired_when_its_time_is_over() {
    async_test(async {
        let (world, app, _, tokens) = served("openid").await;
        let post = App { kind: AppKind::Post, ..app.clone() };
        let by = Actor::Os(0);
        let (user, client) = (world.people[0].user, app.id.parse().unwrap());
        assert!(world.administer(SITE, WithdrawConsent { user, client, by }).await);
        assert_eq!(post.introspect(&world, &tokens.access).await.json()["status"], "revoked");
        world.advance(400 * 86_400);
        assert_eq!(post.introspect(&world, &tokens.access).await.json()["status"], "revoked");
        // The next event lets state forget.
        world.configure(SITE, &[("title", "Another name".into())]).await;
        assert_eq!(post.introspect(&world, &tokens.access).await.json()["status"], "revoked");
    });
}

#[test]
fn signing_out_everywhere_ends_any_number_of_grants() {
    async_test(async {
        let (world, app, _, tokens) = served("openid").await;
        let site = world.site(SITE);
        let session = site.read(|state| state.sessions.iter().next().unwrap().id);
        for n in 0..4200_u32 {
            let command = IssueCode {
                session,
                interaction: None,
                client: app.id.parse().unwrap(),
                requested_scope: "openid".to_owned().try_into().unwrap(),
                scope: "openid".to_owned().try_into().unwrap(),
                consent: ConsentFact::Remembered,
                code: Some(Digest::of(&n.to_be_bytes())),
                redirect_uri: None,
                code_challenge: None,
                audience: None,
                has_nonce: false,
                nonce: None,
                wishes: Default::default(),
            };
            assert!(world.ledger.submit(&site, command, world.ledger.own_request()).await.unwrap().answer().is_ok());
        }
        let everywhere = Some((world.people[0].user, app.id.parse().unwrap()));
        assert!(world.administer(SITE, EndSession { session: None, everywhere, by: EndedBy::Hint }).await);
        assert!(!app.is_active(&world, &tokens.access).await);
        assert!(site.read(|state| state.grants.iter().all(|grant| grant.ended.is_some())));
        holds(&world);
    });
}

#[test]
fn an_answer_about_a_deleted_clients_token_rests_on_the_deletion() {
    async_test(async {
        let (world, app, _, _) = served("openid").await;
        let deleted = app.manage(&world, http::Method::DELETE, &app.registration_tokens[0], serde_json::Value::Null).await;
        assert_eq!(deleted.status, 204);
        let rests_on = world.site(SITE).read(|state| {
            let (token, _) = state.grants.tokens().next().unwrap();
            (state.token_liveness(token, world.ledger.now()).rests_on, state.head)
        });
        assert_eq!(rests_on.0.next(), rests_on.1);
    });
}

#[test]
fn a_stranger_who_registers_without_end_is_told_to_wait() {
    async_test(async {
        let world = World::with_sites(EngineKind::File, &[SITE]).await;
        let register = async |last| App::register_from(&world, [198, 51, 100, last].into(), SITE, AppKind::Public, "openid").await;
        for _ in 0..10 {
            assert_eq!(register(1).await.status, 201);
        }
        let before = world.site(SITE).durable().events;
        for n in 0..20 {
            let refused = register(1).await;
            assert_eq!((refused.status, refused.member("error").as_deref()), (429, Some("temporarily_unavailable")), "{n}");
            assert_eq!(refused.headers["retry-after"], "3600");
        }
        assert_eq!(world.site(SITE).durable().events, before + 10, "the rest is counted");
        assert_eq!(register(2).await.status, 201);
        world.advance(3599);
        assert_eq!(register(1).await.headers["retry-after"], "1");
        world.advance(1);
        assert_eq!(register(1).await.status, 201);
        world.configure(SITE, &[("dcr.rate", 3.into())]).await;
        for _ in 0..2 {
            assert_eq!(register(1).await.status, 201);
        }
        assert_eq!(register(1).await.status, 429);
        holds(&world);
    });
}

#[test]
fn a_client_that_changes_without_end_is_told_to_wait() {
    async_test(async {
        let (world, app, _, _) = served("openid").await;
        world.configure(SITE, &[("dcr.rate", 1.into())]).await;
        let mut token = app.registration_tokens[0].clone();
        for n in 0..10 {
            let changed = app.manage(&world, http::Method::PUT, &token, app.new_metadata("openid", &format!("Name {n}"))).await;
            assert_eq!(changed.status, 200, "{n}");
            token = changed.member("registration_access_token").unwrap();
        }
        let before = world.site(SITE).durable().events;
        for n in 0..20 {
            let refused = app.manage(&world, http::Method::PUT, &token, app.new_metadata("openid", &format!("Further {n}"))).await;
            assert_eq!((refused.status, refused.member("error").as_deref()), (429, Some("temporarily_unavailable")), "{n}");
            assert_eq!(refused.headers["retry-after"], "3600");
        }
        assert_eq!(world.site(SITE).durable().events, before + 10, "the rest is counted");
        assert_eq!(app.manage(&world, http::Method::GET, &token, serde_json::Value::Null).await.status, 200, "looking costs nothing");
        world.advance(3600);
        let changed = app.manage(&world, http::Method::PUT, &token, app.new_metadata("openid", "Later")).await;
        assert_eq!(changed.status, 200);
        holds(&world);
    });
}

#[test]
fn who_is_invited_registers_beyond_the_rate_as_often_as_the_invitation_says() {
    async_test(async {
        let world = World::with_sites(EngineKind::File, &[SITE]).await;
        world.configure(SITE, &[("dcr.rate", 1.into())]).await;
        let invite = InviteClient { token: Digest::of(b"an-initial-access-token"), uses: 3, lifetime_seconds: 600, by: Actor::Os(0) };
        assert!(world.administer(SITE, invite).await);
        let register = async |token: Option<&str>| App::register_with(&world, [198, 51, 100, 1].into(), SITE, token).await;
        assert_eq!(register(None).await.status, 201);
        assert_eq!(register(None).await.status, 429);
        for _ in 0..3 {
            assert_eq!(register(Some("an-initial-access-token")).await.status, 201);
        }
        assert_eq!(register(Some("an-initial-access-token")).await.status, 401);
        assert_eq!(register(Some("another")).await.status, 401, "what is presented must be good even where nothing is needed");
        holds(&world);
    });
}

#[test]
fn an_initial_access_token_is_good_until_its_time_is_over() {
    async_test(async {
        let world = World::with_sites(EngineKind::File, &[SITE]).await;
        world.configure(SITE, &[("dcr.mode", "token".into())]).await;
        let invite = InviteClient { token: Digest::of(b"an-initial-access-token"), uses: 3, lifetime_seconds: 600, by: Actor::Os(0) };
        assert!(world.administer(SITE, invite).await);
        let register = async || App::register_with(&world, [198, 51, 100, 1].into(), SITE, Some("an-initial-access-token")).await;
        world.advance(599);
        assert_eq!(register().await.status, 201);
        world.advance(1);
        let refused = register().await;
        assert_eq!((refused.status, refused.member("error").as_deref()), (401, Some("invalid_token")));
        assert!(refused.headers["www-authenticate"].to_str().unwrap().starts_with("Bearer "));
        let last = records(&world, &world.site(SITE)).pop().unwrap();
        assert_eq!(last.members().unwrap()["reason"], "initial_token_expired");
        holds(&world);
    });
}
