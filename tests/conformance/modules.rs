//! The modules of the basic, implicit, hybrid and form-post plans.

use super::plan::Plan;
use crate::harness::{App, Browser, Callback, PASSWORD, Request, USERNAME, jwt_part};
use serde_json::{Value, json};
use std::pin::Pin;
use std::time::Duration;

type Running = Pin<Box<dyn Future<Output = ()> + Send>>;
/// A module's name, and what it checks.
pub type Module = (&'static str, fn(Plan) -> Running);

macro_rules! modules {
    ($($name:literal => $check:ident),* $(,)?) => { &[$(($name, |plan| Box::pin($check(plan)))),*] };
}

/// What each response type is tried with.
pub const EVERY_PLAN: &[Module] = modules! {
    "oidcc-server" => two_clients,
    "oidcc-response-type-missing" => response_type_missing,
    "oidcc-userinfo-get, oidcc-userinfo-post-header, oidcc-userinfo-post-body" => userinfo_in_three_ways,
    "oidcc-ensure-request-without-nonce" => nonce_or_not,
    "oidcc-scope-profile, -email, -address, -phone, -all" => claims_by_scope,
    "oidcc-alternate-happy-flow" => reversed,
    "oidcc-display-page, -popup, oidcc-login-hint, oidcc-ui-locales, oidcc-claims-locales, oidcc-ensure-request-with-acr-values-succeeds, oidcc-ensure-request-with-unknown-parameter-succeeds" => harmless_parameters,
    "oidcc-prompt-login" => prompt_login,
    "oidcc-prompt-none-not-logged-in" => prompt_none_not_logged_in,
    "oidcc-prompt-none-logged-in" => prompt_none_logged_in,
    "oidcc-max-age-1, oidcc-max-age-10000" => max_age,
    "oidcc-id-token-hint" => id_token_hint,
    "oidcc-ensure-registered-redirect-uri" => registered_redirect_uri,
    "oidcc-ensure-post-request-succeeds" => post_request,
    "oidcc-request-uri-unsigned, oidcc-unsigned-request-object (supported correctly or rejected)" => request_objects,
    "oidcc-claims-essential" => claims_essential,
};

/// What only a code can be tried with.
pub const NEED_A_CODE: &[Module] = modules! {
    "oidcc-codereuse, oidcc-codereuse-30seconds" => codereuse,
    "oidcc-server-client-secret-post" => client_secret_post,
    "oidcc-refresh-token" => refresh_token,
    "oidcc-ensure-request-with-valid-pkce-succeeds" => pkce,
};

async fn two_clients(plan: Plan) {
    for _ in 0..2 {
        let app = plan.client(json!({})).await;
        plan.outcome(&app, &mut Browser::new(), &plan.request(&app)).await;
    }
}

async fn response_type_missing(plan: Plan) {
    let app = plan.client(json!({})).await;
    let request = plan.request(&app).without("response_type");
    let text = match Browser::new().open(&request.url()).await {
        crate::harness::Stop::Left(left) => left.to_string(),
        crate::harness::Stop::Shown(page) => page.fields.iter().map(|(name, value)| format!("{name}={value}&")).collect(),
    };
    assert!(text.contains("error=invalid_request") || text.contains("error=unsupported_response_type"), "{text}");
    assert!(!text.contains("token="), "{text}");
}

async fn userinfo_in_three_ways(plan: Plan) {
    let app = plan.client(json!({})).await;
    let outcome = plan.outcome(&app, &mut Browser::new(), &plan.request(&app)).await;
    let Some(token) = &outcome.access_token else { return };
    let url = app.site.url("/userinfo");
    let in_header = Request::form(&url, &[("", ""); 0]).bearer(token);
    let in_body = Request::form(&url, &[("access_token", token.as_str())]);
    for request in [Request::get(&url).bearer(token), in_header, in_body] {
        assert_eq!(request.send().await.assert_ok()["sub"], outcome.id_token["sub"], "{}", plan.name);
    }
}

async fn nonce_or_not(plan: Plan) {
    let app = plan.client(json!({})).await;
    let request = plan.request(&app).without("nonce");
    if plan.is_id_token_in_front() {
        let stop = Browser::new().open(&request.url()).await;
        assert_eq!(plan.read(stop).must("error"), "invalid_request", "{}", plan.name);
        return;
    }
    plan.outcome(&app, &mut Browser::new(), &request).await;
}

async fn claims_by_scope(plan: Plan) {
    let app = plan.client(json!({})).await;
    let mut browser = Browser::new();
    let all = [("profile", "name"), ("email", "email")];
    for scope in ["profile", "email", "address", "phone", "profile email address phone"] {
        let outcome = plan.outcome(&app, &mut browser, &plan.request(&app).with("scope", &format!("openid {scope}"))).await;
        let shown = match &outcome.access_token {
            Some(token) => plan.userinfo(&app, token).await,
            // There is no access token, so the ID token has them (OpenID Connect Core §5.4).
            None => outcome.id_token.clone(),
        };
        for (of, claim) in all {
            assert_eq!(shown.get(claim).is_some(), scope.contains(of), "{} {scope}: {shown}", plan.response_type);
        }
    }
}

async fn reversed(plan: Plan) {
    let app = plan.client(json!({})).await;
    let mut request = plan.request(&app).with("scope", "address phone email profile openid");
    request.params.reverse();
    plan.outcome(&app, &mut Browser::new(), &request).await;
}

async fn harmless_parameters(plan: Plan) {
    let app = plan.client(json!({})).await;
    let mut browser = Browser::new();
    for (name, value) in [
        ("display", "page"),
        ("display", "popup"),
        ("login_hint", USERNAME),
        ("ui_locales", "se de"),
        ("claims_locales", "se"),
        ("acr_values", "1 2"),
        ("extra", "foobar"),
    ] {
        plan.outcome(&app, &mut browser, &plan.request(&app).with(name, value)).await;
    }
}

async fn prompt_login(plan: Plan) {
    let app = plan.client(json!({})).await;
    let mut browser = Browser::new();
    let first = plan.outcome(&app, &mut browser, &plan.request(&app)).await;
    tokio::time::sleep(Duration::from_millis(1100)).await;
    let request = plan.request(&app).with("prompt", "login");
    let page = plan.page(&mut browser, &request).await;
    assert!(page.is_sign_in(), "{}", plan.name);
    let stop = browser.sign_in(&page, USERNAME, PASSWORD).await;
    let callback = plan.answered(&app, &mut browser, &request, stop).await;
    let second = plan.finish(&app, &request, callback).await;
    assert!(second.id_token["auth_time"].as_u64() > first.id_token["auth_time"].as_u64(), "{}", plan.name);
}

async fn prompt_none_not_logged_in(plan: Plan) {
    let app = plan.client(json!({})).await;
    let (request, callback) = plan.silently(&app, &mut Browser::new(), |request| request).await;
    assert_eq!(callback.must("error"), "login_required");
    assert_eq!(callback.get("state"), request.get("state"));
}

async fn prompt_none_logged_in(plan: Plan) {
    let app = plan.client(json!({})).await;
    let mut browser = Browser::new();
    let first = plan.outcome(&app, &mut browser, &plan.request(&app)).await.id_token;
    let (request, callback) = plan.silently(&app, &mut browser, |request| request).await;
    let second = plan.finish(&app, &request, callback).await.id_token;
    assert_eq!((&first["sub"], &first["auth_time"]), (&second["sub"], &second["auth_time"]));
}

async fn max_age(plan: Plan) {
    let app = plan.client(json!({})).await;
    let mut browser = Browser::new();
    let first = plan.outcome(&app, &mut browser, &plan.request(&app)).await.id_token;
    tokio::time::sleep(Duration::from_millis(2100)).await;
    let relaxed = plan.request(&app).with("max_age", "10000");
    let stop = browser.open(&relaxed.url()).await;
    let callback = plan.read(stop);
    let second = plan.finish(&app, &relaxed, callback).await.id_token;
    assert_eq!(first["auth_time"], second["auth_time"]);
    let strict = plan.request(&app).with("max_age", "1");
    let page = plan.page(&mut browser, &strict).await;
    assert!(page.is_sign_in());
    let stop = browser.sign_in(&page, USERNAME, PASSWORD).await;
    let callback = plan.answered(&app, &mut browser, &strict, stop).await;
    let third = plan.finish(&app, &strict, callback).await.id_token;
    assert!(third["auth_time"].as_u64() > second["auth_time"].as_u64());
}

async fn id_token_hint(plan: Plan) {
    let app = plan.client(json!({})).await;
    let mut browser = Browser::new();
    let first = plan.outcome(&app, &mut browser, &plan.request(&app)).await;
    let (request, callback) = plan.silently(&app, &mut browser, |request| request.with("id_token_hint", &first.raw_id_token)).await;
    let second = plan.finish(&app, &request, callback).await;
    assert_eq!(first.id_token["sub"], second.id_token["sub"]);
}

async fn registered_redirect_uri(plan: Plan) {
    let app = plan.client(json!({})).await;
    let request = plan.request(&app).with("redirect_uri", "https://client.example.org/unregistered");
    let page = plan.page(&mut Browser::new(), &request).await;
    assert_eq!((page.status(), page.answer.location()), (400, None));
    assert!(page.action.is_none_or(|action| action.origin().ascii_serialization() == app.site.server.origin()));
}

async fn post_request(plan: Plan) {
    let app = plan.client(json!({})).await;
    let (mut browser, request) = (Browser::new(), plan.request(&app));
    let stop = browser.follow(Plan::posted(&request)).await;
    let callback = plan.answered(&app, &mut browser, &request, stop).await;
    plan.finish(&app, &request, callback).await;
}

async fn request_objects(plan: Plan) {
    let app = plan.client(json!({})).await;
    let claims = json!({ "client_id": app.client_id, "response_type": plan.response_type, "scope": "openid", "nonce": "inside" });
    use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
    let encoded = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
    let object = format!("{}.{}.", encoded(&json!({ "alg": "none" })), encoded(&claims));
    let request = plan.request(&app).with("request", &object);
    let callback = plan.callback(&app, &mut Browser::new(), &request).await;
    match callback.get("error") {
        Some(error) => assert!(["request_not_supported", "invalid_request_object"].contains(&error), "{error}"),
        // What stands inside goes before what stands outside (RFC 9101 §6.3).
        None => drop(plan.finish(&app, &request.with("nonce", "inside"), callback).await),
    }
    let request = plan.request(&app).with("request_uri", "https://client.example.org/unregistered.jwt");
    let callback: Callback = {
        let stop = Browser::new().open(&request.url()).await;
        plan.read(stop)
    };
    assert!(["request_uri_not_supported", "invalid_request_uri"].contains(&callback.must("error")));
}

async fn claims_essential(plan: Plan) {
    let app = plan.client(json!({})).await;
    let request = plan.request(&app).with("scope", "openid").with("claims", r#"{"userinfo":{"name":{"essential":true}}}"#);
    let outcome = plan.outcome(&app, &mut Browser::new(), &request).await;
    if let Some(token) = &outcome.access_token {
        assert_eq!(plan.userinfo(&app, token).await["name"], "Amelia Park", "{}", plan.name);
    }
}

async fn codereuse(plan: Plan) {
    let app = plan.client(json!({})).await;
    let request = plan.request(&app);
    let outcome = plan.outcome(&app, &mut Browser::new(), &request).await;
    let code = outcome.callback.must("code");
    app.exchange(code, request.verifier.as_ref().unwrap()).await.assert_refused(400, "invalid_grant");
    for token in [outcome.access_token.as_deref(), outcome.callback.get("access_token")].into_iter().flatten() {
        assert_eq!(app.userinfo(token).await.status, 401, "the token of a replayed code is dead");
    }
}

async fn client_secret_post(plan: Plan) {
    let app = plan.client(json!({ "token_endpoint_auth_method": "client_secret_post" })).await;
    plan.outcome(&app, &mut Browser::new(), &plan.request(&app)).await;
}

async fn refresh_token(plan: Plan) {
    let scope = json!({ "scope": format!("{} offline_access", plan.scope()) });
    let (app, other) = (plan.client(scope.clone()).await, plan.client(scope).await);
    let request = plan.request(&app).with("scope", "openid offline_access").with("prompt", "consent");
    let outcome = plan.outcome(&app, &mut Browser::new(), &request).await;
    let tokens = outcome.tokens.unwrap();
    let (status, error) = other.refresh(&tokens.refresh).await.refusal();
    assert!(status == 400 && error == "invalid_grant", "{status} {error}");
    let refreshed = app.refresh(&tokens.refresh).await.assert_ok();
    let again = jwt_part(refreshed["id_token"].as_str().unwrap(), 1);
    for name in ["iss", "sub", "aud", "auth_time"] {
        assert_eq!(again[name], outcome.id_token[name], "{name}");
    }
    assert!(again["iat"].as_u64() >= outcome.id_token["iat"].as_u64());
    let grants = app.site.get("/.well-known/openid-configuration").await.assert_ok()["grant_types_supported"].clone();
    assert!(grants.as_array().unwrap().contains(&"refresh_token".into()));
}

async fn pkce(plan: Plan) {
    let app = plan.client(json!({})).await;
    let request = plan.request(&app);
    assert!(request.verifier.is_some());
    plan.outcome(&app, &mut Browser::new(), &request).await;
    assert_eq!(app.registration["redirect_uris"][0], App::REDIRECT_URI);
}
