//! A65–A68, A80: sign-in and sessions.

use crate::harness::{Answer, App, Browser, PASSWORD, Page, Request, Server, Site, USERNAME, query_of};

async fn sign_in_page(app: &App) -> (Browser, Page) {
    let mut browser = Browser::new();
    let page = browser.open(&app.authorization().url()).await.page();
    (browser, page)
}

#[tokio::test]
async fn a65_a_form_is_worth_nothing_without_its_browser_and_its_token() {
    let app = Site::standard().await.confidential().await;
    let (mut browser, page) = sign_in_page(&app).await;
    let press = page.pressed("primary", &[("username", USERNAME), ("password", PASSWORD)]);
    let refused = |answer: Answer, what: &str| assert_eq!((answer.status, answer.location()), (403, None), "{what}: {}", answer.text());
    refused(press.clone().send().await, "no cookie");
    let (mut other, _) = sign_in_page(&app).await;
    refused(other.once(press.clone()).await, "another browser's cookie");
    for name in ["csrf_token", "interaction"] {
        let value = page.fields.iter().find(|(own, _)| own == name).unwrap().1.clone();
        let altered = page.pressed("primary", &[("username", USERNAME), ("password", PASSWORD), (name, &format!("{value}x"))]);
        refused(browser.once(altered).await, name);
        let missing = page.pressed("primary", &[("username", USERNAME), ("password", PASSWORD), (name, "")]);
        refused(browser.once(missing).await, name);
    }
    for site in ["cross-site", "same-site"] {
        refused(browser.once(press.clone().header("sec-fetch-site", site)).await, site);
    }
    assert!(browser.follow(press.header("sec-fetch-site", "same-origin")).await.page().is_consent());
}

#[tokio::test]
async fn a65_consent_needs_the_browser_that_signed_in() {
    let app = Site::standard().await.confidential().await;
    let (mut browser, page) = sign_in_page(&app).await;
    let consent = browser.sign_in(&page, USERNAME, PASSWORD).await.page();
    let press = consent.pressed("primary", &[]);
    let (mut other, _) = sign_in_page(&app).await;
    for answer in [press.clone().send().await, other.once(press.clone()).await] {
        assert_eq!((answer.status, answer.location()), (403, None), "{}", answer.text());
    }
    let left = browser.follow(press.clone()).await.left();
    assert!(query_of(&left, "code").is_some());
    let again = browser.once(press).await;
    let second = again.location().and_then(|left| query_of(&left, "code"));
    assert_ne!(second, query_of(&left, "code"), "one consent, one code");
}

#[tokio::test]
async fn a66_nothing_may_be_framed() {
    let app = Site::standard().await.confidential().await;
    let (mut browser, page) = sign_in_page(&app).await;
    let consent = browser.sign_in(&page, USERNAME, PASSWORD).await.page();
    let lost = browser.open(&app.authorization().with("client_id", "x").url()).await.page();
    let logout = browser.open(&app.logout_url(&[])).await.page();
    let nowhere = Request::get(&format!("{}/nowhere", app.site.server.origin())).send().await;
    let answers = [page.answer, consent.answer, lost.answer, logout.answer, nowhere, app.site.get("/jwk").await, app.refresh("x").await];
    for answer in answers {
        let policy = answer.header("content-security-policy").unwrap_or_default();
        assert!(policy.contains("frame-ancestors 'none'"), "{} {}: {policy}", answer.status, answer.url.path());
    }
}

#[tokio::test]
async fn a67_signing_in_changes_the_session_and_signing_out_ends_it() {
    let app = Site::standard().await.confidential().await;
    let (mut browser, page) = sign_in_page(&app).await;
    let planted = browser.cookie(&app.site).unwrap().clone();
    browser.sign_in(&page, USERNAME, PASSWORD).await.page();
    let signed_in = browser.cookie(&app.site).unwrap().clone();
    assert_ne!(planted, signed_in);
    let silent = app.authorization().with("prompt", "none").url();
    let error = async |cookie: &str| {
        let mut other = Browser::new();
        other.cookies.insert("writ-default".to_owned(), cookie.to_owned());
        query_of(&other.open_as_program(&silent).await.left(), "error")
    };
    assert_eq!(error(&planted).await.as_deref(), Some("login_required"), "the cookie from before is worth nothing");
    assert_eq!(error(&signed_in).await.as_deref(), Some("consent_required"));
    let confirm = browser.open(&app.logout_url(&[])).await.page();
    browser.press(&confirm, "primary", &[]).await.page();
    assert_eq!(error(&signed_in).await.as_deref(), Some("login_required"), "the old cookie is dead in the log");
}

/// The page without what differs from request to request.
fn bare(page: &Page) -> String {
    let mut text = page.text();
    for (name, value) in &page.fields {
        if name == "csrf_token" || name == "interaction" {
            text = text.replace(value, "");
        }
    }
    text.replace(page.answer.header("x-request-id").unwrap_or("-"), "")
}

#[tokio::test]
async fn a68_a80_nobody_learns_who_has_an_account() {
    let server = Server::alone().await;
    server.writ(&["user", "disable", "bruno"], "");
    let app = server.site("default").confidential().await;
    let long = "p".repeat(129);
    let huge = "p".repeat(40_000);
    let tries = [
        ("a wrong password", USERNAME, "wrong"),
        ("nobody's name", "nobodyx", "wrong"),
        ("a disabled person, right password", "bruno", PASSWORD),
        ("a password of 129 characters", USERNAME, &long),
        ("a huge password", USERNAME, &huge),
    ];
    let mut seen: Option<(u16, String, Vec<String>)> = None;
    for (what, username, password) in tries {
        let (mut browser, page) = sign_in_page(&app).await;
        let shown = browser.sign_in(&page, username, password).await.page();
        assert!(shown.is_sign_in() && shown.text().contains("role=\"alert\""), "{what}: {}", shown.text());
        let names = shown.answer.headers.keys().map(|name| name.to_string()).collect();
        let this = (shown.status(), bare(&shown).replace(username, "NAME"), names);
        match &seen {
            None => seen = Some(this),
            Some(first) => assert_eq!(*first, this, "{what}"),
        }
    }
}

#[tokio::test]
async fn a80_a_password_of_128_characters_is_one() {
    let server = Server::alone().await;
    let password = "ü".repeat(128);
    server.writ(&["user", "add", "--username", "carla", "--password-stdin"], &password);
    let app = server.site("default").confidential().await;
    let (mut browser, page) = sign_in_page(&app).await;
    assert!(browser.sign_in(&page, "carla", &password).await.page().is_consent());
    let (mut browser, page) = sign_in_page(&app).await;
    assert!(browser.sign_in(&page, "carla", &format!("{password}ü")).await.page().is_sign_in());
}
