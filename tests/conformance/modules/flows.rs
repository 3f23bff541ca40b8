//! The flow itself: with what it must have, without what it need not have, and with what changes nothing.

use crate::conformance::checks::{about_the_person, error_of};
use crate::conformance::plan::Plan;
use crate::harness::Browser;
use serde_json::json;

pub async fn two_clients(plan: Plan) {
    for _ in 0..2 {
        let app = plan.client(json!({})).await;
        let outcome = plan.outcome(&app, &mut Browser::new(), &plan.request(&app)).await;
        assert!(about_the_person(&outcome.id_token).is_empty(), "nobody asked: {}", outcome.id_token);
    }
}

pub async fn rs256_by_registration(plan: Plan) {
    let app = plan.client(json!({ "id_token_signed_response_alg": "RS256" })).await;
    plan.outcome(&app, &mut Browser::new(), &plan.request(&app)).await;
}

pub async fn response_type_missing(plan: Plan) {
    let app = plan.client(json!({})).await;
    let request = plan.request(&app).without("response_type");
    let stop = Browser::new().open(&request.url()).await;
    let error = error_of(&app, &request, &plan.read(&request, stop));
    assert!(["invalid_request", "unsupported_response_type"].contains(&error.as_str()), "{error}");
}

pub async fn nonce_or_not(plan: Plan) {
    let app = plan.client(json!({})).await;
    let request = plan.request(&app).without("nonce");
    if plan.is_id_token_in_front() {
        let stop = Browser::new().open(&request.url()).await;
        assert_eq!(error_of(&app, &request, &plan.read(&request, stop)), "invalid_request", "{}", plan.name);
        return;
    }
    plan.outcome(&app, &mut Browser::new(), &request).await;
}

pub async fn reversed(plan: Plan) {
    let app = plan.client(json!({})).await;
    let mut request = plan.request(&app).with("scope", "email openid");
    request.params.sort_by(|one, other| other.cmp(one));
    let outcome = plan.outcome(&app, &mut Browser::new(), &request).await;
    if let Some(token) = &outcome.access_token {
        let shown = plan.userinfo(&app, token).await;
        assert_eq!((shown["email"].as_str(), shown.get("name")), (Some("mel@example.org"), None), "{shown}");
    }
}

pub async fn harmless_parameters(plan: Plan) {
    let app = plan.client(json!({})).await;
    for (name, value) in [
        ("display", "page"),
        ("display", "popup"),
        ("login_hint", "buffy@127.0.0.1"),
        ("ui_locales", "se"),
        ("claims_locales", "se"),
        ("extra", "foobar"),
    ] {
        plan.outcome(&app, &mut Browser::new(), &plan.request(&app).with(name, value)).await;
    }
}

/// Every value that discovery tells is wished for, and one of them is what the ID token says.
pub async fn acr_values(plan: Plan) {
    let app = plan.client(json!({})).await;
    let document = plan.site.get("/.well-known/openid-configuration").await.assert_ok();
    let told: Vec<&str> = document["acr_values_supported"].as_array().unwrap().iter().map(|acr| acr.as_str().unwrap()).collect();
    let outcome = plan.outcome(&app, &mut Browser::new(), &plan.request(&app).with("acr_values", &told.join(" "))).await;
    assert!(told.contains(&outcome.id_token["acr"].as_str().unwrap()), "{}", outcome.id_token);
}

pub async fn post_request(plan: Plan) {
    let app = plan.client(json!({})).await;
    let (mut browser, request) = (Browser::new(), plan.request(&app));
    let stop = browser.follow(Plan::posted(&request)).await;
    let callback = plan.answered(&app, &mut browser, &request, stop).await;
    plan.finish(&app, &request, callback).await;
}
