//! OpenID Connect Session Management 1.0, behind the site's flag `session_management`.

use crate::harness::{App, Browser, PASSWORD, Request, Server, Site, Stop, query_of};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use std::sync::Arc;
use url::Url;

async fn site() -> (Arc<Server>, Site) {
    let server = Server::alone().await;
    server.writ(&["site", "set", "default", "session_management=true"], "");
    let site = server.site("default");
    (server, site)
}

/// What the page in the frame reads.
fn state_of(browser: &Browser, site: &Site) -> String {
    browser.cookies.get(&format!("writ-{}_state", site.name)).cloned().unwrap_or_default()
}

/// What the page in the frame would answer (OpenID Connect Session Management §3.2).
fn is_unchanged(app: &App, browser: &Browser, session_state: &str) -> bool {
    let (told, salt) = session_state.split_once('.').unwrap();
    let text = format!("{} https://client.example.org {} {salt}", app.client_id, state_of(browser, &app.site));
    told == URL_SAFE_NO_PAD.encode(aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, text.as_bytes()))
}

/// Asks without a page; gives the answer's address.
async fn asked(app: &App, browser: &mut Browser) -> Url {
    browser.open_as_program(&app.authorization().with("prompt", "none").url()).await.left()
}

fn session_state(left: &Url) -> String {
    query_of(left, "session_state").unwrap_or_else(|| panic!("no session_state: {left}"))
}

#[tokio::test]
async fn a_site_without_the_flag_has_none_of_it() {
    let app = Site::standard().await.confidential().await;
    let mut browser = Browser::new();
    app.tokens(&mut browser).await;
    let left = asked(&app, &mut browser).await;
    assert!(query_of(&left, "code").is_some() && query_of(&left, "session_state").is_none(), "{left}");
    assert_eq!((state_of(&browser, &app.site), app.site.get("/check-session").await.status), (String::new(), 404));
    let discovery = app.site.get("/.well-known/openid-configuration").await.assert_ok();
    assert!(discovery.get("check_session_iframe").is_none());
}

#[tokio::test]
async fn the_page_is_named_by_discovery_and_may_be_framed_by_anybody() {
    let (_server, site) = site().await;
    let discovery = site.get("/.well-known/openid-configuration").await.assert_ok();
    assert_eq!(discovery["check_session_iframe"], site.url("/check-session"));
    let page = site.get("/check-session").await;
    assert_eq!((page.status, page.header("content-type")), (200, Some("text/html;charset=UTF-8")));
    let policy = page.header("content-security-policy").unwrap();
    assert!(policy.contains("frame-ancestors *") && policy.contains("script-src 'sha256-"), "{policy}");
    assert!(page.header("x-frame-options").is_none() && page.text().contains("data-cookie=\"writ-default_state\""));
    assert_eq!(site.post("/check-session", &[("a", "b")]).await.status, 405);
}

#[tokio::test]
async fn session_state_is_unchanged_until_the_person_signs_out_or_another_signs_in() {
    let (_server, site) = site().await;
    let app = site.confidential().await;
    let mut browser = Browser::new();
    app.tokens(&mut browser).await;
    let first = session_state(&asked(&app, &mut browser).await);
    let again = session_state(&asked(&app, &mut browser).await);
    assert!(first != again, "each answer has a salt of its own");
    assert!(is_unchanged(&app, &browser, &first) && is_unchanged(&app, &browser, &again));
    // The same person proves again who they are: nothing changed for the app.
    let login = app.authorization().with("prompt", "login");
    app.code_of(&mut browser, &login).await;
    assert!(is_unchanged(&app, &browser, &first));
    // Somebody else at the same browser.
    let other = app.authorization().with("prompt", "login");
    let page = browser.open(&other.url()).await.page();
    let consent = browser.sign_in(&page, "bruno", PASSWORD).await;
    assert!(matches!(&consent, Stop::Shown(page) if page.is_consent()));
    assert!(!is_unchanged(&app, &browser, &first), "already when they have signed in");
    let left = browser.press(&consent.page(), "primary", &[]).await.left();
    let theirs = session_state(&left);
    assert!(is_unchanged(&app, &browser, &theirs));
    // Out.
    let page = browser.open(&app.logout_url(&[])).await.page();
    browser.press(&page, "primary", &[]).await.page();
    assert_eq!(state_of(&browser, &site), "");
    assert!(!is_unchanged(&app, &browser, &theirs));
    let left = asked(&app, &mut browser).await;
    assert_eq!(query_of(&left, "error").as_deref(), Some("login_required"));
    assert!(is_unchanged(&app, &browser, &session_state(&left)), "of nobody signed in, until somebody is");
}

#[tokio::test]
async fn the_answer_that_signs_in_tells_the_session_it_began() {
    let (_server, site) = site().await;
    let app = site.confidential().await;
    let mut browser = Browser::new();
    app.tokens(&mut browser).await;
    let page = browser.open(&app.logout_url(&[])).await.page();
    browser.press(&page, "primary", &[]).await.page();
    // Consent is remembered, so the app is answered by the very answer that sets the cookies.
    let page = browser.open(&app.authorization().url()).await.page();
    let answer = browser.once(page.pressed("primary", &[("username", crate::harness::USERNAME), ("password", PASSWORD)])).await;
    let state = session_state(&answer.location().unwrap());
    assert_eq!(answer.headers.get_all("set-cookie").iter().count(), 2);
    assert!(is_unchanged(&app, &browser, &state));
}

#[tokio::test]
async fn a_cookie_that_is_lost_is_set_again_and_one_that_is_not_ours_is_replaced() {
    let (_server, site) = site().await;
    let app = site.confidential().await;
    let mut browser = Browser::new();
    app.tokens(&mut browser).await;
    let own = state_of(&browser, &site);
    for planted in [None, Some("planted")] {
        browser.cookies.remove("writ-default_state");
        browser.cookies.extend(planted.map(|value| ("writ-default_state".to_owned(), value.to_owned())));
        asked(&app, &mut browser).await;
        assert_eq!(state_of(&browser, &site), own);
    }
    let answer = browser.once(Request::get(&app.authorization().with("prompt", "none").url())).await;
    assert!(answer.header("set-cookie").is_none(), "what is known is not said again");
}
