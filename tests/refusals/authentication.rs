//! Who the client is (RFC 6749 §2.3, RFC 7523 §3, SPEC.md a.5, k-46).

use super::Court;
use super::case::Case;
use super::case::Place::{Body, Silence};
use crate::harness::{Answer, App, JWT_BEARER, Request, Signer, now};
use serde_json::{Value, json};

const FAILED: &str = "client.auth_failed";
const REFUSED: &str = "request.refused";

pub async fn cases(court: &Court) -> Vec<Case> {
    let mut cases = of_secrets(court).await;
    cases.extend(of_assertions(court).await);
    cases.extend(at_introspection(court).await);
    cases
}

/// A refresh with a token that is none: only a believed client gets as far as `invalid_grant`.
async fn knock(app: &App, pairs: &[(&str, &str)], basic: Option<(&str, &str)>) -> Answer {
    let grant = [("grant_type", "refresh_token"), ("refresh_token", "none")];
    let request = Request::form(&app.site.url("/token"), &grant.iter().chain(pairs).copied().collect::<Vec<_>>());
    match basic {
        Some((id, secret)) => request.basic(id, secret).send().await,
        None => request.send().await,
    }
}

async fn of_secrets(court: &Court) -> Vec<Case> {
    let (app, disabled) = (court.site.confidential().await, court.site.confidential().await);
    let waiting = court.site.app(json!({"scope": "openid user/Patient.read"})).await;
    court.server.writ(&["client", "disable", &disabled.client_id], "");
    let (id, secret) = (app.client_id.as_str(), app.secret.as_deref().unwrap());
    let unknown = "LnjqojEEjFYe5j2Jp9m9UnmuxOnMg4VodEJj3yE8_OA";
    let bearer = Request::form(&app.site.url("/token"), &[("grant_type", "refresh_token"), ("refresh_token", "none")]).bearer("x");
    let invalid = "invalid_client";
    vec![
        Case::new("client_missing", Body, 401, invalid, FAILED, knock(&app, &[("code", "x")], None).await),
        Case::new("client_unknown", Body, 401, invalid, FAILED, knock(&app, &[], Some((unknown, "x"))).await),
        Case::new("client_secret_wrong", Body, 401, invalid, FAILED, knock(&app, &[], Some((id, "x"))).await),
        Case::new("client_secret_missing", Body, 401, invalid, FAILED, knock(&app, &[("client_id", id)], None).await),
        Case::new("client_pending", Body, 401, invalid, FAILED, waiting.refresh("none").await),
        Case::new("client_disabled", Body, 401, invalid, FAILED, disabled.refresh("none").await),
        Case::new("credentials_malformed", Body, 401, invalid, FAILED, bearer.send().await),
        Case::new(
            "credentials_repeated",
            Body,
            400,
            "invalid_request",
            REFUSED,
            knock(&app, &[("client_secret", secret)], Some((id, secret))).await,
        ),
    ]
}

/// What the thread's dialect says of credentials that fail is nothing at all (SPEC.md h, rows 4 and 5).
async fn at_introspection(court: &Court) -> Vec<Case> {
    let app = court.seed.confidential().await;
    let ask =
        |secret: &'static str| [("client_id", app.client_id.clone()), ("client_secret", secret.to_owned()), ("token", "x".to_owned())];
    let answer = Request::form(&app.site.url("/introspect"), &ask("wrong")).send().await;
    vec![Case::new("client_secret_wrong", Silence, 200, r#""status":"invalid""#, FAILED, answer)]
}

async fn of_assertions(court: &Court) -> Vec<Case> {
    let site = &court.site;
    let signer = Signer::inline(site, "ES256").await;
    let other = Signer::inline(site, "ES256").await;
    let with_header = |member: &str, value: Value| {
        let mut header = signer.header();
        header[member] = value;
        signer.key.sign(&header, &signer.claims(json!({})))
    };
    let app = site.confidential().await;
    let foreign = Signer { app: app.clone(), key: signer.key.clone() };
    let closed_port = Signer::published(site, signer.key.clone(), "https://127.0.0.1:9/keys").await;
    let used = signer.assertion();
    Signer::assert_believed(&signer.knock(&used).await);
    let bad = |reason, answer| Case::new(reason, Body, 400, "invalid_client", FAILED, answer);
    let with = |claims: Value| signer.assertion_with(claims);
    let untyped = [("client_assertion_type", "x"), ("client_assertion", used.as_str())];
    let by_name = [("client_id", signer.app.client_id.as_str())];
    let unexpected = [("client_assertion_type", JWT_BEARER), ("client_assertion", &foreign.assertion())];
    vec![
        bad("assertion_type_unsupported", knock(&app, &untyped, None).await),
        bad("assertion_missing", knock(&app, &by_name, None).await),
        bad("assertion_unexpected", knock(&app, &unexpected, None).await),
        bad("assertion_malformed", signer.knock("gibberish").await),
        bad("assertion_header_refused", signer.knock(&with_header("crit", json!(["exp"]))).await),
        bad("assertion_algorithm_refused", signer.knock(&with_header("alg", "HS256".into())).await),
        bad("assertion_subject_wrong", signer.knock(&with(json!({ "iss": other.app.client_id }))).await),
        bad("assertion_audience_wrong", signer.knock(&with(json!({ "aud": "https://elsewhere.example" }))).await),
        bad("assertion_expired", signer.knock(&with(json!({ "exp": now() - 60 }))).await),
        bad("assertion_too_early", signer.knock(&with(json!({ "nbf": now() + 120 }))).await),
        bad("assertion_too_long", signer.knock(&with(json!({ "exp": now() + 3600, "iat": null }))).await),
        bad("assertion_keys_unavailable", closed_port.knock(&closed_port.assertion()).await),
        bad("assertion_key_unknown", signer.knock(&with_header("kid", "another".into())).await),
        bad("assertion_signature_wrong", signer.knock(&other.key.sign(&signer.header(), &signer.claims(json!({})))).await),
        bad("assertion_replayed", signer.knock(&used).await),
    ]
}
