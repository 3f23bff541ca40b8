//! Tokens presented at userinfo, introspection and revocation (RFC 6750 §3.1, SPEC.md a.6, a.11, h).

use super::Court;
use super::case::Case;
use super::case::Place::{Body, Challenge, Silence};
use crate::harness::{App, Browser, Request};
use serde_json::json;
use std::time::Duration;

const REFUSED: &str = "request.refused";

pub async fn cases(court: &Court) -> Vec<Case> {
    let app = court.site.confidential().await;
    let mut cases = at_userinfo(court, &app).await;
    let other = court.site.confidential().await;
    let tokens = app.tokens(&mut Browser::new()).await;
    cases.push(Case::new("token_of_another_client", Silence, 200, "", REFUSED, other.revoke(&tokens.access).await));
    let seed = court.seed.app(json!({"token_endpoint_auth_method": "client_secret_post"})).await;
    let mine = seed.tokens(&mut Browser::new()).await;
    let (head, signature) = mine.access.rsplit_once('.').unwrap();
    let other_first = if signature.starts_with('A') { "B" } else { "A" };
    let forged = format!("{head}.{other_first}{}", &signature[1..]);
    cases.extend([
        Case::new("token_signature_wrong", Body, 401, "invalid_token", REFUSED, seed.introspect(&forged).await),
        Case::new("parameter_malformed", Body, 400, "invalid_request", REFUSED, seed.introspect("mangled").await),
        Case::new(
            "token_hint_unsupported",
            Body,
            400,
            "invalid_request",
            REFUSED,
            seed.post("/introspect", &[("token", &mine.access), ("token_type_hint", "id_token")]).await,
        ),
    ]);
    cases
}

async fn at_userinfo(court: &Court, app: &App) -> Vec<Case> {
    let mut browser = Browser::new();
    let revoked = app.tokens(&mut browser).await;
    app.revoke(&revoked.access).await;
    let hasty = court.hasty.confidential().await;
    let expired = hasty.tokens(&mut Browser::new()).await;
    tokio::time::sleep(Duration::from_millis(2500)).await;
    let bare = app.authorization().with("scope", "profile");
    let code = app.code_of(&mut browser, &bare).await;
    let without = app.exchange(&code, bare.verifier.as_ref().unwrap()).await.member("access_token");
    let both = Request::form(&app.site.url("/userinfo"), &[("access_token", &without)]).bearer(&without).send().await;
    vec![
        Case::new("token_missing", Challenge, 401, "Bearer", REFUSED, app.site.get("/userinfo").await),
        Case::new("token_invalid", Challenge, 401, r#"error="invalid_token""#, REFUSED, app.userinfo("x").await),
        Case::new("token_expired", Challenge, 401, r#"error="invalid_token""#, REFUSED, hasty.userinfo(&expired.access).await),
        Case::new("token_revoked", Challenge, 401, r#"error="invalid_token""#, REFUSED, app.userinfo(&revoked.access).await),
        Case::new("openid_scope_missing", Challenge, 403, r#"error="insufficient_scope""#, REFUSED, app.userinfo(&without).await),
        Case::new("credentials_repeated", Challenge, 400, r#"error="invalid_request""#, REFUSED, both),
    ]
}
