//! The token endpoint (RFC 6749 §5.2, SPEC.md a.5).

use super::Court;
use super::case::Case;
use super::case::Place::Body;
use crate::harness::{App, Browser, PASSWORD, Request, USERNAME};
use serde_json::json;
use std::time::Duration;

const DENIED: &str = "token.denied";
const REFUSED: &str = "request.refused";
const GRANT: &str = "invalid_grant";
const REQUEST: &str = "invalid_request";

pub async fn cases(court: &Court) -> Vec<Case> {
    let (app, other) = (court.site.confidential().await, court.site.confidential().await);
    let mut cases = of_requests(&app).await;
    cases.extend(of_codes(court, &app, &other).await);
    cases.extend(of_refreshes(&app, &other).await);
    cases.extend(of_passwords(court, &app).await);
    cases
}

async fn of_requests(app: &App) -> Vec<Case> {
    let many: Vec<(String, String)> = (0..65).map(|n| (format!("p{n}"), "x".to_owned())).collect();
    let raw = |kind: &str, body: &str| Request::new(http::Method::POST, &app.site.url("/token")).body(kind, body);
    let form = "application/x-www-form-urlencoded";
    vec![
        Case::new("parameter_missing", Body, 400, REQUEST, REFUSED, app.post("/token", &[("code", "x")]).await),
        Case::new(
            "parameter_repeated",
            Body,
            400,
            REQUEST,
            REFUSED,
            app.post("/token", &[("grant_type", "refresh_token"), ("grant_type", "refresh_token")]).await,
        ),
        Case::new("parameter_malformed", Body, 400, REQUEST, REFUSED, raw(form, "grant_type=%zz").send().await),
        Case::new("parameter_too_long", Body, 400, REQUEST, REFUSED, Request::form(&app.site.url("/token"), &many).send().await),
        Case::new("content_type_unsupported", Body, 400, REQUEST, REFUSED, raw("application/json", "{}").send().await),
        Case::new("grant_type_unsupported", Body, 400, "unsupported_grant_type", REFUSED, app.post("/token", &[("grant_type", "x")]).await),
    ]
}

async fn of_codes(court: &Court, app: &App, other: &App) -> Vec<Case> {
    let mut browser = Browser::new();
    let right = |code: &str, verifier: &str| {
        let pairs =
            [("grant_type", "authorization_code"), ("redirect_uri", App::REDIRECT_URI), ("code", code), ("code_verifier", verifier)];
        pairs.map(|(name, value)| (name.to_owned(), value.to_owned())).to_vec()
    };
    let post = async |app: &App, pairs: &[(String, String)], without: &str| {
        let pairs: Vec<(&str, &str)> =
            pairs.iter().filter(|(name, _)| name != without).map(|(name, value)| (name.as_str(), value.as_str())).collect();
        app.post("/token", &pairs).await
    };
    let (code, verifier) = app.code(&mut browser).await;
    let fine = right(&code, &verifier);
    let wrong = right(&code, &"w".repeat(43));
    let mut cases = vec![
        Case::new("code_unknown", Body, 400, GRANT, DENIED, app.exchange(&"c".repeat(43), &verifier).await),
        Case::new("code_of_another_client", Body, 400, GRANT, DENIED, post(other, &fine, "").await),
        Case::new("code_redirect_uri_mismatch", Body, 400, GRANT, DENIED, post(app, &fine, "redirect_uri").await),
        Case::new("verifier_missing", Body, 400, REQUEST, DENIED, post(app, &fine, "code_verifier").await),
        Case::new("verifier_malformed", Body, 400, REQUEST, REFUSED, post(app, &right(&code, "short"), "").await),
        Case::new("verifier_mismatch", Body, 400, GRANT, DENIED, post(app, &wrong, "").await),
    ];
    post(app, &fine, "").await.assert_ok();
    cases.push(Case::new("code_replayed", Body, 400, GRANT, "code.replayed", post(app, &fine, "").await));
    let plain = app.code_of(&mut browser, &app.authorization().without_pkce()).await;
    cases.push(Case::new("verifier_unexpected", Body, 400, GRANT, DENIED, post(app, &right(&plain, &verifier), "").await));
    let hasty = court.hasty.confidential().await;
    let (late, verifier) = hasty.code(&mut browser).await;
    tokio::time::sleep(Duration::from_millis(1500)).await;
    cases.push(Case::new("code_expired", Body, 400, GRANT, DENIED, hasty.exchange(&late, &verifier).await));
    cases
}

async fn of_refreshes(app: &App, other: &App) -> Vec<Case> {
    let mut browser = Browser::new();
    let tokens = app.tokens(&mut browser).await;
    let wider = [("grant_type", "refresh_token"), ("refresh_token", tokens.refresh.as_str()), ("scope", "openid phone")];
    let unreadable = [("grant_type", "refresh_token"), ("refresh_token", tokens.refresh.as_str()), ("scope", "a\"b")];
    let mut cases = vec![
        Case::new("refresh_unknown", Body, 400, GRANT, DENIED, app.refresh("none").await),
        Case::new("refresh_of_another_client", Body, 400, GRANT, DENIED, other.refresh(&tokens.refresh).await),
        Case::new("scope_exceeds_grant", Body, 400, "invalid_scope", DENIED, app.post("/token", &wider).await),
        Case::new("scope_unknown", Body, 400, "invalid_scope", REFUSED, app.post("/token", &unreadable).await),
    ];
    let public = app.site.app(json!({"token_endpoint_auth_method": "none"})).await;
    let first = public.tokens(&mut browser).await;
    public.refresh(&first.refresh).await.assert_ok();
    cases.push(Case::new("refresh_reused", Body, 400, GRANT, "refresh.reuse_detected", public.refresh(&first.refresh).await));
    app.revoke(&tokens.refresh).await;
    cases.push(Case::new("grant_ended", Body, 400, GRANT, DENIED, app.refresh(&tokens.refresh).await));
    cases
}

/// Site `seed` takes passwords of patients alone.
async fn of_passwords(court: &Court, app: &App) -> Vec<Case> {
    let writ = |arguments: &[&str], input: &str| court.server.writ(&[&["--site", "seed"], arguments].concat(), input);
    court.server.writ(&["site", "set", "seed", "password_grant=patient"], "");
    let claims = ["--claim", "email=phil@example.org", "--password-stdin"];
    writ(&[&["user", "add", "--username", "phil", "--role", "patient"], &claims[..]].concat(), PASSWORD);
    let registered = writ(&["client", "add", "--grant-type", "password", "-o", "ndjson"], "");
    let takes = App::registered(&court.seed, serde_json::from_str(&registered).unwrap());
    let sent = async |role: &str, username: &str, password: &str| {
        let person = [("username", username), ("password", password), ("user_role", role), ("email", "other@example.org")];
        takes.post("/token", &[&[("grant_type", "password")], &person[..]].concat()).await
    };
    let failed = "login.failed";
    vec![
        Case::new("role_not_allowed", Body, 400, GRANT, DENIED, sent("users", USERNAME, PASSWORD).await),
        Case::new("email_wrong", Body, 400, GRANT, failed, sent("patient", "phil", PASSWORD).await),
        Case::new("password_wrong", Body, 400, GRANT, failed, sent("patient", "phil", "guess").await),
        Case::new(
            "grant_type_not_allowed",
            Body,
            400,
            "unauthorized_client",
            DENIED,
            app.post("/token", &[("grant_type", "client_credentials")]).await,
        ),
        Case::new(
            "scope_empty",
            Body,
            400,
            "invalid_scope",
            DENIED,
            takes
                .post(
                    "/token",
                    &[("grant_type", "password"), ("username", "phil"), ("password", "x"), ("email", "x"), ("scope", "api:oemr")],
                )
                .await,
        ),
    ]
}

/// A refresh token lives at least a minute: what waits for its end begins first.
pub fn after_a_minute(court: &Court) -> tokio::task::JoinHandle<Case> {
    let site = court.hasty.clone();
    tokio::spawn(async move {
        let app = site.confidential().await;
        let tokens = app.tokens(&mut Browser::new()).await;
        tokio::time::sleep(Duration::from_secs(61)).await;
        Case::new("refresh_expired", Body, 400, GRANT, DENIED, app.refresh(&tokens.refresh).await)
    })
}
