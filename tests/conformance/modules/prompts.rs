//! Who has to sign in again, and who is not to be asked.

use crate::conformance::checks::error_of;
use crate::conformance::plan::{PERSON, Plan};
use crate::harness::{App, Authorization, Browser, PASSWORD};
use serde_json::{Value, json};
use std::time::Duration;

/// Signs in once more, at the page that has to be shown, and gives the ID token.
async fn again(plan: &Plan, app: &App, browser: &mut Browser, request: &Authorization) -> Value {
    let page = plan.page(browser, request).await;
    assert!(page.is_sign_in(), "{}: {}", plan.name, page.text());
    let stop = browser.sign_in(&page, PERSON, PASSWORD).await;
    let callback = plan.answered(app, browser, request, stop).await;
    plan.finish(app, request, callback).await.id_token
}

fn auth_time(claims: &Value) -> u64 {
    claims["auth_time"].as_u64().unwrap()
}

pub async fn prompt_login(plan: Plan) {
    let app = plan.client(json!({})).await;
    let mut browser = Browser::new();
    let first = plan.outcome(&app, &mut browser, &plan.request(&app)).await.id_token;
    tokio::time::sleep(Duration::from_millis(1100)).await;
    let second = again(&plan, &app, &mut browser, &plan.request(&app).with("prompt", "login")).await;
    assert!(auth_time(&second) > auth_time(&first), "{}", plan.name);
    assert_eq!(first["sub"], second["sub"]);
}

pub async fn prompt_none_not_logged_in(plan: Plan) {
    let app = plan.client(json!({})).await;
    let state = format!("{}-._~", "aB3".repeat(41));
    let (request, callback) = plan.silently(&app, &mut Browser::new(), |request| request.with("state", &state)).await;
    assert_eq!(error_of(&app, &request, &callback), "login_required");
}

pub async fn prompt_none_logged_in(plan: Plan) {
    let app = plan.client(json!({})).await;
    let mut browser = Browser::new();
    let first = plan.outcome(&app, &mut browser, &plan.request(&app)).await.id_token;
    let (request, callback) = plan.silently(&app, &mut browser, |request| request).await;
    let second = plan.finish(&app, &request, callback).await.id_token;
    assert_eq!((&first["sub"], &first["auth_time"]), (&second["sub"], &second["auth_time"]));
}

pub async fn max_age_1(plan: Plan) {
    let app = plan.client(json!({})).await;
    let mut browser = Browser::new();
    let first = plan.outcome(&app, &mut browser, &plan.request(&app)).await.id_token;
    tokio::time::sleep(Duration::from_millis(2100)).await;
    let second = again(&plan, &app, &mut browser, &plan.request(&app).with("max_age", "1")).await;
    assert!(auth_time(&second) > auth_time(&first), "{}", plan.name);
}

pub async fn max_age_10000(plan: Plan) {
    let app = plan.client(json!({})).await;
    let mut browser = Browser::new();
    let first = plan.outcome(&app, &mut browser, &plan.request(&app).with("max_age", "15000")).await.id_token;
    let request = plan.request(&app).with("max_age", "10000");
    let stop = browser.open(&request.url()).await;
    let second = plan.finish(&app, &request, plan.read(&request, stop)).await.id_token;
    assert_eq!((&first["sub"], auth_time(&first)), (&second["sub"], auth_time(&second)));
}

pub async fn id_token_hint(plan: Plan) {
    let app = plan.client(json!({})).await;
    let mut browser = Browser::new();
    let first = plan.outcome(&app, &mut browser, &plan.request(&app)).await;
    let (request, callback) = plan.silently(&app, &mut browser, |request| request.with("id_token_hint", &first.raw_id_token)).await;
    let second = plan.finish(&app, &request, callback).await;
    for name in ["sub", "auth_time"] {
        assert_eq!(first.id_token[name], second.id_token[name], "{name}");
    }
}
