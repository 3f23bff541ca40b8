//! k-12 to k-15, k-24, k-25, k-27, k-32, k-33, k-36, k-37, k-39, k-46, k-53: the token endpoint and what it gives.

use crate::harness::{App, Browser, Request, Server, Site, Tokens, jwt_part, query_of, scopes};
use serde_json::json;

#[tokio::test]
async fn k12_a_code_lives_a_minute_or_five_and_once() {
    let server = Server::with(&[("default", "standard"), ("seed", "openemr"), ("reference", "iehr")]).await;
    for (name, seconds) in [("default", 60), ("seed", 300), ("reference", 300)] {
        let app = server.site(name).confidential().await;
        let (code, verifier) = app.code(&mut Browser::new()).await;
        let log = server.writ(&["--site", name, "log", "--type", "code.issued", "-o", "ndjson"], "");
        let event: serde_json::Value = serde_json::from_str(log.lines().last().unwrap()).unwrap();
        let at = |text: &serde_json::Value| chrono::DateTime::parse_from_rfc3339(text.as_str().unwrap()).unwrap();
        assert_eq!((at(&event["expires_at"]) - at(&event["t"])).num_seconds(), seconds, "{name}");
        app.exchange(&code, &verifier).await.assert_ok();
        app.exchange(&code, &verifier).await.assert_refused(400, "invalid_grant");
    }
}

#[tokio::test]
async fn k13_without_smart_scopes_there_is_always_a_refresh_token_and_it_rotates() {
    let app = Site::seed().await.app(json!({"scope": "openid api:oemr"})).await;
    let first = app.tokens(&mut Browser::new()).await;
    let second = app.refresh(&first.refresh).await.assert_ok();
    assert_ne!(second["refresh_token"], first.refresh.as_str());
    let smart = Site::standard().await.app(json!({"scope": "openid patient/Patient.rs offline_access"})).await;
    let request = smart.authorization().with("scope", "openid patient/Patient.rs");
    let code = smart.code_of(&mut Browser::new(), &request).await;
    let tokens = smart.exchange(&code, request.verifier.as_ref().unwrap()).await.assert_ok();
    assert_eq!(tokens.get("refresh_token"), None);
}

#[tokio::test]
async fn k15_k33_a_client_with_a_secret_sends_it_and_errors_have_the_standards_codes() {
    let app = Site::seed().await.confidential().await;
    let tokens = app.tokens(&mut Browser::new()).await;
    let pairs = [("grant_type", "refresh_token"), ("refresh_token", &tokens.refresh), ("client_id", &app.client_id)];
    Request::form(&app.site.url("/token"), &pairs).send().await.assert_refused(401, "invalid_client");
    app.refresh("no such token").await.assert_refused(400, "invalid_grant");
    app.exchange(&"c".repeat(43), &"v".repeat(43)).await.assert_refused(400, "invalid_grant");
}

#[tokio::test]
async fn k24_the_audience_is_the_client_unless_the_request_named_an_api() {
    let site = Site::seed().await;
    let app = site.app(json!({"scope": "openid api:fhir"})).await;
    let mut browser = Browser::new();
    let plain = jwt_part(&app.tokens(&mut browser).await.access, 1);
    assert_eq!((plain["aud"].as_str(), plain["client_id"].as_str()), (Some(app.client_id.as_str()), Some(app.client_id.as_str())));
    assert!(plain["scope"].is_string() && plain["scopes"].is_array() && plain["jti"].is_string() && plain["site"] == "seed");
    let api = format!("{}/apis/seed/fhir", site.server.origin());
    for request in [
        app.authorization().with("aud", &api),
        app.authorization().with("resource", &api),
        app.authorization().with("aud", &api).with("resource", &format!("{api}/")).also("resource", &api),
    ] {
        let code = app.code_of(&mut browser, &request).await;
        let named = Tokens::of(&app.exchange(&code, request.verifier.as_ref().unwrap()).await);
        assert_eq!(jwt_part(&named.access, 1)["aud"], api.as_str());
        assert_eq!(jwt_part(&named.access, 0)["typ"], "at+jwt");
    }
    let other = format!("{}/apis/seed/portal", site.server.origin());
    for request in [
        app.authorization().with("aud", &api).with("resource", &other),
        app.authorization().with("resource", &api).also("resource", &other),
    ] {
        let left = browser.open(&request.url()).await.left();
        assert_eq!(query_of(&left, "error").as_deref(), Some("invalid_target"));
    }
}

#[tokio::test]
async fn k25_the_site_scope_comes_with_api_scopes_and_is_the_same_everywhere() {
    for (scope, has_site) in [("openid api:fhir", true), ("openid patient/Patient.rs", false)] {
        let app = Site::seed().await.app(json!({"scope": scope})).await;
        let tokens = app.tokens(&mut Browser::new()).await;
        let (token, told) = (jwt_part(&tokens.access, 1), app.introspect(&tokens.access).await.assert_ok());
        assert_eq!(scopes(&tokens.body["scope"]).contains("site:seed"), has_site);
        assert_eq!([scopes(&token["scope"]), scopes(&told["scope"])], [scopes(&tokens.body["scope"]), scopes(&tokens.body["scope"])]);
        assert_eq!(token["site"], "seed");
        assert!(!scopes(&token["scope"]).contains("nonce"));
    }
}

#[tokio::test]
async fn k27_k53_a_state_at_the_token_endpoint_is_ignored_and_expires_in_counts() {
    let app = Site::seed().await.confidential().await;
    let (code, verifier) = app.code(&mut Browser::new()).await;
    let pairs = [
        ("grant_type", "authorization_code"),
        ("code", &code),
        ("redirect_uri", App::REDIRECT_URI),
        ("code_verifier", &verifier),
        ("state", "s"),
    ];
    let tokens = Tokens::of(&app.post("/token", &pairs).await);
    let exp = jwt_part(&tokens.access, 1)["exp"].as_u64().unwrap();
    let left = tokens.body["expires_in"].as_u64().unwrap();
    assert!((3598..=3600).contains(&left) && exp >= crate::harness::now() + left - 2, "{left}");
}

#[tokio::test]
async fn k36_k37_claims_stand_in_the_id_token_of_the_threads_clients_and_wait_at_userinfo_for_others() {
    for (site, in_id_token) in [(Site::seed().await, true), (Site::standard().await, false)] {
        let app = site.app(json!({"scope": if in_id_token { "openid profile api:fhir" } else { "openid profile" }})).await;
        let tokens = app.tokens(&mut Browser::new()).await;
        let claims = jwt_part(&tokens.id, 1);
        assert_eq!(claims.get("name").is_some(), in_id_token, "{claims}");
        assert_eq!(claims.get("api:fhir"), in_id_token.then_some(&json!(true)));
        let told = app.userinfo(&tokens.access).await.assert_ok();
        assert_eq!(told["name"], "Amelia Park");
    }
}

#[tokio::test]
async fn k39_tokens_are_signed_with_rs256_unless_somebody_chose_otherwise() {
    for site in [Site::standard().await, Site::seed().await] {
        let tokens = site.confidential().await.tokens(&mut Browser::new()).await;
        assert_eq!([&jwt_part(&tokens.access, 0)["alg"], &jwt_part(&tokens.id, 0)["alg"]], ["RS256", "RS256"]);
    }
    let app = Site::standard().await.app(json!({"id_token_signed_response_alg": "EdDSA"})).await;
    assert_eq!(jwt_part(&app.tokens(&mut Browser::new()).await.id, 0)["alg"], "EdDSA");
}

#[tokio::test]
async fn k46_a_failed_client_is_401_with_a_challenge_where_it_used_the_header() {
    let app = Site::standard().await.confidential().await;
    let pairs = [("grant_type", "refresh_token"), ("refresh_token", "x")];
    let answer = Request::form(&app.site.url("/token"), &pairs).basic(&app.client_id, "wrong").send().await;
    answer.assert_refused(401, "invalid_client");
    assert!(answer.header("www-authenticate").unwrap().starts_with("Basic realm="));
    let body = [&pairs[..], &[("client_id", app.client_id.as_str()), ("client_secret", "wrong")]].concat();
    let answer = Request::form(&app.site.url("/token"), &body).send().await;
    answer.assert_refused(401, "invalid_client");
    assert_eq!(answer.header("www-authenticate"), None);
}

#[tokio::test]
async fn k49_k50_errors_of_tokens_are_bearers_and_no_answer_has_a_hint() {
    let app = Site::seed().await.confidential().await;
    let tokens = app.tokens(&mut Browser::new()).await;
    app.revoke(&tokens.access).await;
    let answer = app.userinfo(&tokens.access).await;
    assert_eq!(answer.status, 401);
    assert!(answer.header("www-authenticate").unwrap().contains(r#"error="invalid_token""#));
    let refused = app.refresh("x").await.json();
    assert_eq!(refused.get("hint"), None);
    assert!(refused.get("message").is_none_or(|message| *message == refused["error_description"]));
}
