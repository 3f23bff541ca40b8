//! Signing in and signing out. The page tells nobody whether it was the name, the password or the person (THREATS.md A68).

use super::Court;
use super::case::Case;
use super::case::Place::{Body, Page};
use crate::harness::{App, Browser, PASSWORD, Request};

const WRONG: &str = "do not match";
const FAILED: &str = "login.failed";
const REFUSED: &str = "request.refused";

pub async fn cases(court: &Court) -> Vec<Case> {
    let app = court.site.confidential().await;
    court.server.writ(&["user", "disable", "bruno"], "");
    let mut browser = Browser::new();
    let page = browser.open(&app.authorization().url()).await.page();
    let mut attempt = async |username: &str, password: &str| {
        browser.once(page.pressed("primary", &[("username", username), ("password", password)])).await
    };
    let mut cases = vec![
        Case::new("password_wrong", Page, 200, WRONG, FAILED, attempt("nobody", PASSWORD).await),
        Case::new("user_disabled", Page, 200, WRONG, FAILED, attempt("bruno", PASSWORD).await),
    ];
    let mut last = attempt("impatient", "x").await;
    while last.status == 200 {
        last = attempt("impatient", "x").await;
    }
    cases.push(Case::new("sign_in_delayed", Page, 429, "wait a moment", REFUSED, last));
    cases.extend(of_sign_out(&app).await);
    cases
}

async fn of_sign_out(app: &App) -> Vec<Case> {
    let hint = app.tokens(&mut Browser::new()).await.id;
    let unregistered = app.logout_url(&[("id_token_hint", &hint), ("post_logout_redirect_uri", "https://evil.example/")]);
    let ask = |url: &str, accept: &str| Request::get(url).header("accept", accept);
    vec![
        Case::new(
            "hint_invalid",
            Page,
            400,
            "id_token_hint",
            REFUSED,
            ask(&app.logout_url(&[("id_token_hint", "x")]), "text/html").send().await,
        ),
        Case::new("hint_invalid", Body, 400, "invalid_request", REFUSED, ask(&app.logout_url(&[]), "application/json").send().await),
        Case::new("logout_uri_mismatch", Body, 400, "invalid_request", REFUSED, ask(&unregistered, "application/json").send().await),
    ]
}
