//! A15–A22: codes and PKCE.

use crate::harness::{App, Browser, Pkce, Server, Site, Tokens, s256};

#[tokio::test]
async fn a15_a_code_stays_used_after_a_crash_and_its_reuse_ends_the_grant() {
    let server = Server::alone().await;
    let app = server.site("default").confidential().await;
    let (code, verifier) = app.code(&mut Browser::new()).await;
    let tokens = Tokens::of(&app.exchange(&code, &verifier).await);
    server.kill_and_restart();
    assert_eq!(app.userinfo(&tokens.access).await.status, 200);
    app.exchange(&code, &verifier).await.assert_refused(400, "invalid_grant");
    app.assert_dead(&tokens).await;
    server.kill_and_restart();
    app.assert_dead(&tokens).await;
}

#[tokio::test]
async fn a15_a_code_that_was_refreshed_since_still_ends_everything_when_reused() {
    let app = Site::standard().await.confidential().await;
    let (code, verifier) = app.code(&mut Browser::new()).await;
    let first = Tokens::of(&app.exchange(&code, &verifier).await);
    let second = Tokens::of(&app.refresh(&first.refresh).await);
    app.exchange(&code, &verifier).await.assert_refused(400, "invalid_grant");
    app.assert_dead(&second).await;
}

#[tokio::test]
async fn a17_another_client_redeems_nothing() {
    let site = Site::standard().await;
    let (app, thief, public) = (site.confidential().await, site.confidential().await, site.public().await);
    let (code, verifier) = app.code(&mut Browser::new()).await;
    for other in [&thief, &public] {
        other.exchange(&code, &verifier).await.assert_refused(400, "invalid_grant");
    }
    Tokens::of(&app.exchange(&code, &verifier).await);
}

#[tokio::test]
async fn a19_a_verifier_may_not_be_left_out() {
    let site = Site::standard().await;
    for app in [site.confidential().await, site.public().await] {
        let (code, verifier) = app.code(&mut Browser::new()).await;
        let pairs = [("grant_type", "authorization_code"), ("code", code.as_str()), ("redirect_uri", App::REDIRECT_URI)];
        app.post("/token", &pairs).await.assert_refused(400, "invalid_request");
        app.post("/token", &[&pairs[..], &[("code_verifier", "")]].concat()).await.assert_refused(400, "invalid_request");
        Tokens::of(&app.exchange(&code, &verifier).await);
    }
}

#[tokio::test]
async fn a20_a_verifier_without_a_challenge_is_refused() {
    let app = Site::standard().await.confidential().await;
    let code = app.code_of(&mut Browser::new(), &app.authorization().without_pkce()).await;
    app.exchange(&code, &Pkce::new().verifier).await.assert_refused(400, "invalid_grant");
    let pairs = [("grant_type", "authorization_code"), ("code", code.as_str()), ("redirect_uri", App::REDIRECT_URI)];
    assert_eq!(app.post("/token", &pairs).await.status, 200);
}

#[tokio::test]
async fn a21_plain_is_not_a_method() {
    let app = Site::standard().await.public().await;
    let verifier = Pkce::new().verifier;
    for method in ["plain", "PLAIN", "none", ""] {
        let request = app.authorization().with("code_challenge", &verifier).with("code_challenge_method", method);
        let left = Browser::new().open_as_program(&request.url()).await.left();
        assert!(left.as_str().contains("error=invalid_request"), "{method}: {left}");
    }
    let (code, _) = {
        let request = app.authorization().with("code_challenge", &s256(&verifier));
        (app.code_of(&mut Browser::new(), &request).await, ())
    };
    app.exchange(&code, &s256(&verifier)).await.assert_refused(400, "invalid_grant");
}

#[tokio::test]
async fn a22_wrong_verifiers_do_not_burn_the_code_at_once_but_the_fifth_ends_it() {
    let app = Site::standard().await.public().await;
    let mut browser = Browser::new();
    let (code, verifier) = app.code(&mut browser).await;
    for _ in 0..4 {
        app.exchange(&code, &Pkce::new().verifier).await.assert_refused(400, "invalid_grant");
    }
    Tokens::of(&app.exchange(&code, &verifier).await);
    let (code, verifier) = app.code(&mut browser).await;
    for _ in 0..5 {
        app.exchange(&code, &Pkce::new().verifier).await.assert_refused(400, "invalid_grant");
    }
    app.exchange(&code, &verifier).await.assert_refused(400, "invalid_grant");
}
