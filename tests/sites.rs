//! Two sites on one server never exchange anything (THREATS.md A88).

use crate::harness::{App, Browser, PASSWORD, Request, Server, Site, Tokens, USERNAME, query_of};
use serde_json::json;

#[tokio::test]
async fn a_client_of_one_site_is_unknown_at_the_other() {
    let app = Site::standard().await.confidential().await;
    let abroad = App { site: Site::other().await, ..app.clone() };
    assert_eq!(Browser::new().open(&abroad.authorization().url()).await.page().status(), 400);
    abroad.refresh("x").await.assert_refused(401, "invalid_client");
    abroad.introspect("x").await.assert_refused(401, "invalid_client");
    abroad.revoke("x").await.assert_refused(401, "invalid_client");
    let uri = app.registration["registration_client_uri"].as_str().unwrap().replace("/oauth2/default/", "/oauth2/other/");
    let token = app.registration["registration_access_token"].as_str().unwrap();
    assert_eq!(Request::get(&uri).bearer(token).send().await.status, 401);
}

#[tokio::test]
async fn a_code_of_one_site_is_worth_nothing_at_the_other() {
    let (app, other) = (Site::standard().await.confidential().await, Site::other().await.confidential().await);
    let (code, verifier) = app.code(&mut Browser::new()).await;
    other.exchange(&code, &verifier).await.assert_refused(400, "invalid_grant");
    Tokens::of(&app.exchange(&code, &verifier).await);
}

#[tokio::test]
async fn tokens_of_one_site_are_worth_nothing_at_the_other() {
    let (app, other) = (Site::standard().await.confidential().await, Site::other().await.confidential().await);
    let tokens = app.tokens(&mut Browser::new()).await;
    for token in [&tokens.access, &tokens.id, &tokens.refresh] {
        assert_eq!(other.userinfo(token).await.status, 401);
        assert_eq!(other.introspect(token).await.assert_ok(), json!({"active": false}));
        assert_eq!(other.revoke(token).await.status, 200);
    }
    other.refresh(&tokens.refresh).await.assert_refused(400, "invalid_grant");
    let answer = Request::get(&other.logout_url(&[("id_token_hint", &tokens.id)])).header("accept", "application/json").send().await;
    answer.assert_refused(400, "invalid_request");
    assert_eq!(app.userinfo(&tokens.access).await.status, 200);
    assert!(app.is_active(&tokens.refresh).await);
}

#[tokio::test]
async fn a_session_at_one_site_is_none_at_the_other() {
    let (here, there) = (Site::standard().await, Site::other().await);
    let (app, other) = (here.confidential().await, there.confidential().await);
    let mut browser = Browser::new();
    app.tokens(&mut browser).await;
    let cookie = browser.cookie(&here).unwrap().clone();
    assert_eq!(browser.cookie(&there), None);
    browser.cookies.insert("writ-other".to_owned(), cookie);
    let left = browser.open_as_program(&other.authorization().with("prompt", "none").url()).await.left();
    assert_eq!(query_of(&left, "error").as_deref(), Some("login_required"));
}

#[tokio::test]
async fn a_page_begun_at_one_site_cannot_be_finished_at_the_other() {
    let (app, there) = (Site::standard().await.confidential().await, Site::other().await);
    let mut browser = Browser::new();
    let page = browser.open(&app.authorization().url()).await.page();
    let mut press = page.pressed("primary", &[("username", USERNAME), ("password", PASSWORD)]);
    press.url = url::Url::parse(&press.url.as_str().replace("/oauth2/default/", "/oauth2/other/")).unwrap();
    let cookie = browser.cookie(&app.site).unwrap().clone();
    browser.cookies.insert("writ-other".to_owned(), cookie);
    let answer = browser.once(press).await;
    assert_eq!((answer.status, answer.location()), (403, None), "{}", answer.text());
    assert_eq!(there.get("/jwk").await.status, 200);
}

#[tokio::test]
async fn each_site_has_its_own_keys_issuer_and_people() {
    let server = Server::shared().await;
    let mut kids = std::collections::BTreeSet::new();
    for name in ["default", "other", "seed", "reference"] {
        let site = server.site(name);
        let keys = site.get("/jwk").await.assert_ok();
        for key in keys["keys"].as_array().unwrap() {
            assert!(kids.insert(key["kid"].as_str().unwrap().to_owned()), "a key of two sites");
            assert!(key.get("d").is_none() && key.get("p").is_none(), "only public members");
        }
        assert_eq!(site.get("/.well-known/openid-configuration").await.assert_ok()["issuer"], json!(site.issuer()));
    }
    let (a, b) = (Site::standard().await.confidential().await, Site::other().await.confidential().await);
    let (a, b) = (a.tokens(&mut Browser::new()).await, b.tokens(&mut Browser::new()).await);
    assert_ne!(crate::harness::jwt_part(&a.id, 1)["sub"], crate::harness::jwt_part(&b.id, 1)["sub"]);
}

#[tokio::test]
async fn a_site_that_is_switched_off_answers_nothing_but_its_log_and_its_administrators_work_on() {
    let server = Server::with(&[("default", "standard"), ("other", "standard")]).await;
    let (site, other) = (server.site("default"), server.site("other"));
    let app = site.confidential().await;
    let tokens = app.tokens(&mut Browser::new()).await;
    server.writ(&["site", "set", "default", "api.enabled=false"], "");
    for path in ["/.well-known/openid-configuration", "/jwk", "/jwks"] {
        assert_eq!((site.get(path).await.status, other.get(path).await.status), (404, 200), "{path}");
    }
    let rfc_8414 = format!("{}/.well-known/oauth-authorization-server/oauth2/default", server.origin());
    assert_eq!(Request::get(&rfc_8414).send().await.status, 404);
    assert_eq!(app.userinfo(&tokens.access).await.status, 404);
    assert_eq!(app.refresh(&tokens.refresh).await.status, 404);
    assert_eq!(Request::get(&format!("{}/writ/default/checkpoint", server.origin())).send().await.status, 200, "anybody may audit it");
    assert!(server.writ(&["log", "-o", "ndjson"], "").contains("site_disabled"));
    let word = "api.enabled=true";
    server.writ(&["client", "disable", &app.client_id], "");
    server.writ(&["client", "enable", &app.client_id], "");
    server.writ(&["site", "set", "default", "profile=standard", "access_seconds=600"], "");
    assert_eq!(site.get("/jwk").await.status, 404, "a profile says nothing about whether the site is on");
    server.writ(&["site", "set", "default", word], "");
    assert!(app.is_active(&tokens.access).await, "nothing was lost meanwhile");
    assert_eq!(site.get("/.well-known/openid-configuration").await.status, 200);
}

#[tokio::test]
async fn a_site_says_what_its_settings_cost_in_safety() {
    let server = Server::with(&[("default", "standard"), ("seed", "openemr")]).await;
    let shown = |site: &str| server.writ(&["site", "show", site, "-o", "table"], "");
    assert!(shown("default").contains("No setting is less safe"), "{}", shown("default"));
    let seed = shown("seed");
    assert!(seed.contains("code_seconds=300") && seed.contains("longer than a minute to redeem"), "{seed}");
    server.writ(&["site", "set", "default", "redirect.allow_http=true"], "");
    assert!(shown("default").contains("redirect.allow_http=true") && shown("default").contains("unencrypted"), "{}", shown("default"));
    let wrong = server.writ_output(&["site", "set", "default", "code_seconds=301"], "");
    let told = String::from_utf8(wrong.stderr).unwrap();
    assert!(!wrong.status.success() && told.contains("code_seconds is a whole number from 1 to 300"), "{told}");
}

#[tokio::test]
async fn a_site_that_the_next_start_would_refuse_is_not_made() {
    let server = Server::alone().await;
    for elsewhere in ["https://other.example", &server.origin().replace("127.0.0.1", "localhost")] {
        let output = server.writ_output(&["site", "add", "second", "--public-url", elsewhere], "");
        let told = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(1), "{told}");
        assert!(told.contains(&format!("serves only what lies under {}", server.origin())), "{told}");
    }
    assert!(!server.writ(&["site", "list"], "").contains("second"));
    server.kill_and_restart();
    server.writ(&["site", "add", "second", "--public-url", &server.origin()], "");
    server.kill_and_restart();
}
