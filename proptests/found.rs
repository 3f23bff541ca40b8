//! What the stories found, each as the shortest story that shows it.

use crate::asked::holds;
use crate::async_test;
use crate::world::{App, AppKind, Browser, Tokens, Wish, World};
use writ::log::EngineKind;

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
