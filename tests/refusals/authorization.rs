//! The authorization endpoint and its pages (SPEC.md a.3, d).

use super::Court;
use super::case::Case;
use super::case::Place::{Body, Fragment, Page, Query};
use crate::harness::{Answer, App, Authorization, Browser, ClientKey, PASSWORD, Request, USERNAME};
use serde_json::json;

type Bend = fn(Authorization) -> Authorization;

/// What goes back to the client.
const TRAVELLING: &[(&str, &str, Bend)] = &[
    ("parameter_repeated", "invalid_request", |r| r.also("scope", "openid")),
    ("parameter_malformed", "invalid_request", |r| r.with("max_age", "soon")),
    ("parameter_too_long", "invalid_request", |r| r.with("nonce", &"n".repeat(1025))),
    ("response_type_missing", "invalid_request", |r| r.without("response_type")),
    ("response_type_unsupported", "unsupported_response_type", |r| r.with("response_type", "cod")),
    ("response_mode_unsupported", "invalid_request", |r| r.with("response_mode", "smoke")),
    ("scope_unknown", "invalid_scope", |r| r.with("scope", "openid no:such")),
    ("scope_empty", "invalid_scope", |r| r.with("scope", "phone")),
    ("challenge_missing", "invalid_request", |r| r.without("code_challenge")),
    ("challenge_malformed", "invalid_request", |r| r.with("code_challenge", &"a".repeat(42))),
    ("challenge_method_unsupported", "invalid_request", |r| r.with("code_challenge_method", "plain")),
    ("audience_unknown", "invalid_request", |r| r.with("aud", "https://elsewhere.example/fhir")),
    ("resource_unknown", "invalid_target", |r| r.with("resource", "https://elsewhere.example/fhir")),
    ("request_object_unsupported", "request_not_supported", |r| r.with("request", "eyJhbGciOiJub25lIn0.e30.")),
    ("request_uri_unsupported", "request_uri_not_supported", |r| r.with("request_uri", "https://client.example.org/request")),
    ("login_required", "login_required", |r| r.with("prompt", "none")),
    ("acr_unmet", "unmet_authentication_requirements", |r| r.with("claims", r#"{"id_token":{"acr":{"essential":true,"value":"9"}}}"#)),
];

/// What a client that asks for an ID token hears in the fragment.
const IN_FRAGMENT: &[(&str, &str, Bend)] = &[
    ("nonce_missing", "invalid_request", |r| r.without("nonce")),
    ("response_type_needs_openid", "invalid_request", |r| r.with("scope", "profile")),
    ("response_mode_unsupported", "invalid_request", |r| r.with("response_mode", "query")),
    ("scope_unknown", "invalid_scope", |r| r.with("scope", "openid no:such")),
];

/// What is shown to the person.
const SHOWN: &[(&str, &str, Bend)] = &[
    ("client_missing", "not registered at this site", |r| r.without("client_id")),
    ("client_unknown", "not registered at this site", |r| r.with("client_id", "LnjqojEEjFYe5j2Jp9m9UnmuxOnMg4VodEJj3yE8_OA")),
    ("redirect_uri_mismatch", "redirect_uri", |r| r.with("redirect_uri", "https://client.example.org/other")),
];

pub async fn cases(court: &Court) -> Vec<Case> {
    let app = court.site.confidential().await;
    let mut cases = vec![];
    for (reason, error, bend) in TRAVELLING {
        let answer = Request::get(&bend(app.authorization()).url()).send().await;
        cases.push(Case::new(reason, Query, 302, error, "request.refused", answer));
    }
    for (reason, words, bend) in SHOWN {
        let event = if *reason == "redirect_uri_mismatch" { "request.refused" } else { "client.auth_failed" };
        let answer = asked(&bend(app.authorization())).send().await;
        cases.push(Case::new(reason, Page, 400, words, event, answer));
        let answer = Request::get(&bend(app.authorization()).url()).header("accept", "application/json").send().await;
        let (status, error) = if *reason == "redirect_uri_mismatch" { (400, "invalid_request") } else { (400, "invalid_client") };
        cases.push(Case::new(reason, Body, status, error, event, answer));
    }
    let waiting = court.site.app(json!({"scope": "openid user/Patient.read"})).await;
    let answer = asked(&waiting.authorization()).send().await;
    cases.push(Case::new("client_pending", Page, 400, "not registered at this site", "client.auth_failed", answer));
    let disabled = court.site.confidential().await;
    court.server.writ(&["client", "disable", &disabled.client_id], "");
    let answer = asked(&disabled.authorization()).send().await;
    cases.push(Case::new("client_disabled", Page, 400, "not registered at this site", "client.auth_failed", answer));
    cases.push(Case::new("response_type_not_allowed", Fragment, 302, "unauthorized_client", "request.refused", other_type(&app).await));
    cases.extend(of_people(&app).await);
    cases.extend(at_front(court).await);
    cases.extend(of_objects(court).await);
    cases
}

async fn at_front(court: &Court) -> Vec<Case> {
    let grants = ["authorization_code", "implicit", "refresh_token"];
    let app = court.open.app(json!({ "response_types": ["id_token", "code id_token"], "grant_types": grants })).await;
    let mut cases = vec![];
    for (reason, error, bend) in IN_FRAGMENT {
        for response_type in ["id_token", "id_token code"] {
            let answer = Request::get(&bend(app.authorization().with("response_type", response_type)).url()).send().await;
            cases.push(Case::new(reason, Fragment, 302, error, "request.refused", answer));
        }
    }
    cases
}

/// Each way in which a request object can be wrong; `tests/request_objects.rs` has more of each.
async fn of_objects(court: &Court) -> Vec<Case> {
    let (key, other) = (ClientKey::new("ES256", "own"), ClientKey::new("ES256", "own"));
    let address = "https://127.0.0.2:1/request";
    let app = court.open.app(json!({ "jwks": { "keys": [key.jwk()] }, "request_uris": [address] })).await;
    let signed = |key: &ClientKey, claims| key.sign(&json!({ "alg": key.alg, "kid": key.kid }), &claims);
    let object = "invalid_request_object";
    let wrong: [(&str, &str, &str, String); 9] = [
        ("request_object_malformed", object, "request", "x".into()),
        ("request_object_algorithm_refused", object, "request", key.sign(&json!({ "alg": "HS256" }), &json!({}))),
        ("request_object_key_unknown", object, "request", signed(&key.called("another"), json!({}))),
        ("request_object_signature_wrong", object, "request", signed(&other, json!({}))),
        ("request_object_expired", object, "request", signed(&key, json!({ "exp": 1 }))),
        ("request_object_mismatch", object, "request", signed(&key, json!({ "aud": "https://elsewhere.example" }))),
        ("request_uri_unregistered", "invalid_request_uri", "request_uri", "https://127.0.0.2:1/other".into()),
        ("request_uri_unreachable", "invalid_request_uri", "request_uri", address.into()),
        ("request_object_twice", "invalid_request", "request_uri", address.into()),
    ];
    let mut cases = vec![];
    for (reason, error, name, value) in wrong {
        let request = app.authorization().with(name, &value);
        let request = if reason == "request_object_twice" { request.with("request", "x") } else { request };
        let answer = Request::get(&request.url()).send().await;
        cases.push(Case::new(reason, Query, 302, error, "request.refused", answer));
    }
    cases
}

fn asked(authorization: &Authorization) -> Request {
    Request::get(&authorization.url()).header("accept", "text/html")
}

async fn other_type(app: &App) -> Answer {
    Request::get(&app.authorization().with("response_type", "id_token").url()).send().await
}

/// What depends on what the person does.
async fn of_people(app: &App) -> Vec<Case> {
    let mut browser = Browser::new();
    let sign_in = browser.open(&app.authorization().url()).await.page();
    let consent = browser.sign_in(&sign_in, USERNAME, PASSWORD).await.page();
    let silent = browser.once(asked(&app.authorization().with("prompt", "none"))).await;
    let denied = browser.once(consent.pressed("deny", &[])).await;
    let foreign = consent.pressed("deny", &[]).send().await;
    vec![
        Case::new("consent_required", Query, 302, "consent_required", "request.refused", silent),
        Case::new("consent_denied", Query, 302, "access_denied", "consent.denied", denied),
        Case::new("interaction_invalid", Page, 403, "expired", "request.refused", foreign),
        Case::new("interaction_answered", Page, 409, "answered this before", "request.refused", answered_again(app).await),
    ]
}

/// Pressed once more after the app has redeemed the code.
async fn answered_again(app: &App) -> Answer {
    let (request, mut browser) = (app.authorization().with("prompt", "consent"), Browser::new());
    let sign_in = browser.open(&request.url()).await.page();
    let consent = browser.sign_in(&sign_in, USERNAME, PASSWORD).await.page();
    let left = browser.press(&consent, "primary", &[]).await.left();
    let code = crate::harness::query_of(&left, "code").unwrap();
    app.exchange(&code, request.verifier.as_deref().unwrap()).await.assert_ok();
    browser.once(consent.pressed("primary", &[])).await
}
