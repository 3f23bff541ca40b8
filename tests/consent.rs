//! What people allow, leave out and take back (SPEC.md a.4, e.4, k-13; THREATS.md A30, A32).

use crate::harness::{App, Browser, PASSWORD, Server, Site, Stop, Tokens, USERNAME, between};
use serde_json::json;

/// Signs in if asked to, and stops at the consent page.
async fn consent_page(app: &App, browser: &mut Browser, scope: &str, prompt: Option<&str>) -> (Stop, String) {
    let mut authorization = app.authorization().with("scope", scope);
    if let Some(prompt) = prompt {
        authorization = authorization.with("prompt", prompt);
    }
    let mut stop = browser.open(&authorization.url()).await;
    if matches!(&stop, Stop::Shown(page) if page.is_sign_in()) {
        stop = browser.sign_in(&stop.page(), USERNAME, PASSWORD).await;
    }
    (stop, authorization.verifier.unwrap())
}

async fn tokens_without(app: &App, scope: &str, left_out: &str, prompt: Option<&str>) -> Tokens {
    let mut browser = Browser::new();
    let (stop, verifier) = consent_page(app, &mut browser, scope, prompt).await;
    let page = stop.page().unticked("scope", left_out);
    let left = browser.press(&page, "primary", &[]).await.left();
    let code = crate::harness::query_of(&left, "code").unwrap();
    Tokens::of(&app.exchange(&code, &verifier).await)
}

#[tokio::test]
async fn who_refuses_access_while_away_gives_no_refresh_token() {
    let app = Site::standard().await.confidential().await;
    let tokens = tokens_without(&app, "openid profile offline_access", "offline_access", None).await;
    assert_eq!(tokens.body["scope"], "openid profile");
    assert_eq!(tokens.refresh, "", "a refresh token is access while away");
}

#[tokio::test]
async fn a_scope_that_was_left_out_does_not_come_back_by_itself() {
    let app = Site::standard().await.confidential().await;
    let scope = "openid profile email";
    app.tokens(&mut Browser::new()).await;
    tokens_without(&app, scope, "email", Some("consent")).await;
    let (stop, _) = consent_page(&app, &mut Browser::new(), scope, None).await;
    assert!(stop.page().is_consent(), "email was left out the last time, so the person is asked again");
    let (stop, _) = consent_page(&app, &mut Browser::new(), "openid profile", None).await;
    stop.left();
}

#[tokio::test]
async fn whoever_is_not_the_one_who_is_signed_in_can_say_so() {
    let server = Server::alone().await;
    server.writ(&["user", "add", "--username", "bob", "--password-stdin"], PASSWORD);
    let app = server.site("default").confidential().await;
    let mut browser = Browser::new();
    let (stop, verifier) = consent_page(&app, &mut browser, "openid", None).await;
    let amelias = stop.page().text();
    assert!(amelias.contains(&format!("Signed in as <strong>{USERNAME}</strong>")), "{amelias}");
    let elsewhere = between(&amelias, "<a href=\"", "\">Not you?</a>");
    let sign_in = browser.open(&format!("{}{elsewhere}", server.origin())).await.page();
    let bobs = browser.sign_in(&sign_in, "bob", PASSWORD).await.page();
    assert!(bobs.is_consent() && bobs.text().contains("Signed in as <strong>bob</strong>"), "{}", bobs.text());
    let code = crate::harness::query_of(&browser.press(&bobs, "primary", &[]).await.left(), "code").unwrap();
    let tokens = Tokens::of(&app.exchange(&code, &verifier).await);
    assert_eq!(app.introspect(&tokens.access).await.assert_ok()["username"], "bob");
}

#[tokio::test]
async fn a_browser_whose_person_was_switched_off_is_free_for_the_next() {
    let server = Server::alone().await;
    server.writ(&["user", "add", "--username", "bob", "--password-stdin"], PASSWORD);
    let (app, known) = (server.site("default").confidential().await, server.site("default").confidential().await);
    let mut browser = Browser::new();
    known.tokens(&mut browser).await;
    let asked = consent_page(&app, &mut browser, "openid", None).await.0.page();
    server.writ(&["user", "disable", USERNAME], "");
    let refused = browser.press(&asked, "primary", &[]).await.page();
    assert_eq!(refused.status(), 403, "{}", refused.text());
    for app in [&app, &known] {
        let silent = app.authorization().with("prompt", "none");
        let left = browser.open(&silent.url()).await;
        assert!(silent_error(left).contains("login_required"));
        assert!(browser.open(&app.authorization().url()).await.page().is_sign_in());
    }
    let again = between(&refused.text(), "class=\"button\" href=\"", "\"");
    let sign_in = browser.open(&format!("{}{again}", server.origin())).await.page();
    let bobs = browser.sign_in(&sign_in, "bob", PASSWORD).await.page();
    assert!(bobs.is_consent() && bobs.text().contains("Signed in as <strong>bob</strong>"), "the request goes on: {}", bobs.text());
    assert!(!server.writ(&["log", "-o", "ndjson"], "").contains("consent.denied"), "nobody was there to say no");
}

/// The error that a silent request came to: at the app, or on the page that asks before it leads there.
fn silent_error(stop: Stop) -> String {
    match stop {
        Stop::Left(url) => url.to_string(),
        Stop::Shown(page) => page.text(),
    }
}

#[tokio::test]
async fn two_interfaces_to_the_same_thing_are_allowed_or_left_out_together() {
    let visits = "patient/Encounter.rs patient/encounter.rs";
    let scope = format!("openid {visits} patient/Goal.rs");
    let app = Site::standard().await.app(json!({"scope": scope})).await;
    let left_out = tokens_without(&app, &scope, visits, None).await;
    assert_eq!(left_out.body["scope"], "openid patient/Goal.rs");
    let allowed = tokens_without(&app, &scope, "patient/Goal.rs", Some("consent")).await;
    assert_eq!(allowed.body["scope"], format!("openid {visits}"));
}

#[tokio::test]
async fn a_permission_taken_back_ends_every_token_under_it_and_is_asked_for_anew() {
    let server = Server::alone().await;
    let app = server.site("default").confidential().await;
    let other = server.site("default").confidential().await;
    let (first, second) = (app.tokens(&mut Browser::new()).await, app.tokens(&mut Browser::new()).await);
    let spared = other.tokens(&mut Browser::new()).await;
    server.writ(&["user", "withdraw", USERNAME, "--client", &app.client_id], "");
    app.assert_dead(&first).await;
    app.assert_dead(&second).await;
    assert!(other.is_active(&spared.access).await);
    let (stop, _) = consent_page(&app, &mut Browser::new(), "openid", None).await;
    assert!(stop.page().is_consent());
}

#[tokio::test]
async fn signing_out_reaches_the_tokens_of_a_session_that_somebody_else_took_over() {
    let server = Server::alone().await;
    server.writ(&["user", "add", "--username", "bob", "--password-stdin"], PASSWORD);
    let app = server.site("default").confidential().await;
    let mut browser = Browser::new();
    let amelias = app.tokens(&mut browser).await;
    let authorization = app.authorization().with("prompt", "login");
    let page = browser.open(&authorization.url()).await.page();
    browser.sign_in(&page, "bob", PASSWORD).await;
    assert!(app.is_active(&amelias.access).await, "somebody else at the browser ends no grant");
    browser.open(&app.logout_url(&[("id_token_hint", &amelias.id)])).await;
    app.assert_dead(&amelias).await;
}

#[tokio::test]
async fn signing_out_of_an_app_everywhere_ends_every_grant_in_one_event() {
    let server = Server::alone().await;
    let app = server.site("default").confidential().await;
    let mut browser = Browser::new();
    let many = [app.tokens(&mut browser).await, app.tokens(&mut Browser::new()).await, app.tokens(&mut Browser::new()).await];
    browser.open(&app.logout_url(&[("id_token_hint", &many[0].id), ("all_sessions", "true")])).await;
    for tokens in &many {
        app.assert_dead(tokens).await;
    }
    let log = server.writ(&["log", "--type", "grant.*", "-o", "ndjson"], "");
    assert_eq!(log.matches("grant.all_revoked").count(), 1, "{log}");
}

#[tokio::test]
async fn what_a_site_or_client_no_longer_has_is_not_refreshed() {
    let server = Server::alone().await;
    let app = server.site("default").confidential().await;
    let tokens = app.tokens(&mut Browser::new()).await;
    server.writ(&["site", "set", "default", "scopes=openid email offline_access"], "");
    let fresh = Tokens::of(&app.refresh(&tokens.refresh).await);
    assert_eq!(fresh.body["scope"], "openid email offline_access");
}

#[tokio::test]
async fn what_a_stranger_calls_itself_is_recorded_nowhere() {
    let server = Server::alone().await;
    let app = server.site("default").confidential().await;
    let typed = "jane.doe@hospital.org";
    let site = server.site("default");
    let pairs = [("grant_type", "authorization_code"), ("code", typed), ("client_id", typed), ("client_secret", typed)];
    assert_eq!(site.post("/token", &pairs).await.status, 401);
    assert_eq!(site.post("/introspect", &[("token", typed), ("client_id", typed)]).await.status, 401);
    assert_eq!(site.get(&format!("/authorize?client_id={typed}")).await.status, 400);
    app.post("/token", &[("grant_type", "authorization_code"), ("code", typed)]).await.assert_refused(400, "invalid_grant");
    let log = server.writ(&["log", "-o", "ndjson"], "");
    let digest = writ::terms::Digest::of(typed.as_bytes()).to_string();
    assert!(!log.contains(typed) && !log.contains(&digest), "{log}");
    assert!(log.contains("client_unknown"));
}

#[tokio::test]
async fn a_key_that_tokens_still_rest_on_is_not_retired_by_accident() {
    let server = Server::alone().await;
    let app = server.site("default").confidential().await;
    let tokens = app.tokens(&mut Browser::new()).await;
    let keys = server.writ(&["keys", "list", "-o", "json"], "");
    let keys: serde_json::Value = serde_json::from_str(&keys).unwrap();
    let old = keys.as_array().unwrap().iter().find(|key| key["alg"] == "RS256").unwrap()["kid"].as_str().unwrap();
    server.writ(&["keys", "rotate", "--now"], "");
    assert!(app.is_active(&tokens.access).await, "the key before goes on verifying");
    assert_eq!(server.writ_output(&["keys", "retire", old], "").status.code(), Some(1));
    assert!(app.is_active(&tokens.access).await);
    server.writ(&["keys", "retire", old, "--force"], "");
    assert!(!app.is_active(&tokens.access).await);
}

#[tokio::test]
async fn people_are_warned_of_an_app_until_somebody_has_looked_at_it() {
    let server = Server::alone().await;
    let app = server.site("default").confidential().await;
    let warning = "Nobody here has checked this app";
    let page = Browser::new().open(&app.authorization().url()).await.page();
    assert!(page.is_sign_in() && page.text().contains(warning), "{}", page.text());
    server.writ(&["client", "approve", &app.client_id], "");
    let page = Browser::new().open(&app.authorization().url()).await.page();
    assert!(page.is_sign_in() && !page.text().contains(warning), "{}", page.text());
    assert_eq!(server.writ_output(&["client", "approve", &app.client_id], "").status.code(), Some(1), "it is so already");
}
