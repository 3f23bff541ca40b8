//! SPEC.md a.6, OpenID Connect Core §5.3, RFC 6750 §3: userinfo and what its errors say.

use crate::harness::{Browser, Request, Site, Tokens, jwt_part};
use http::Method;
use serde_json::json;

#[tokio::test]
async fn claims_come_by_the_scope_that_was_granted() {
    let app = Site::standard().await.confidential().await;
    let mut browser = Browser::new();
    for (scope, members) in [("openid", &["sub"][..]), ("openid profile", &["sub", "name"]), ("openid email", &["sub", "email"])] {
        let request = app.authorization().with("scope", scope);
        let code = app.code_of(&mut browser, &request).await;
        let tokens = Tokens::of(&app.exchange(&code, request.verifier.as_ref().unwrap()).await);
        let answer = app.userinfo(&tokens.access).await;
        let body = answer.assert_ok();
        answer.assert_not_stored();
        let id = jwt_part(&tokens.id, 1);
        assert_eq!(body["sub"], id["sub"]);
        for member in members {
            assert!(body.get(*member).is_some(), "{scope} lacks {member}: {body}");
        }
        for member in ["name", "email"] {
            assert_eq!(body.get(member).is_some(), members.contains(&member), "{scope}: {body}");
            assert_eq!(id.get(member), None, "scope claims are served at userinfo (CONFORMANCE.md §1): {id}");
        }
        assert!(!body.as_object().unwrap().values().any(|value| value == &json!("")), "unknown claims are left out: {body}");
    }
}

#[tokio::test]
async fn it_is_read_by_get_and_post_with_the_token_in_header_or_body() {
    let app = Site::standard().await.confidential().await;
    let tokens = app.tokens(&mut Browser::new()).await;
    let url = app.site.url("/userinfo");
    for request in [
        Request::get(&url).bearer(&tokens.access),
        Request::get(&url).header("authorization", &format!("bearer {}", tokens.access)),
        Request::new(Method::POST, &url).bearer(&tokens.access),
        Request::form(&url, &[("access_token", &tokens.access)]),
    ] {
        request.send().await.assert_ok();
    }
    let twice = Request::form(&url, &[("access_token", &tokens.access)]).bearer(&tokens.access).send().await;
    assert_eq!(twice.status, 400, "RFC 6750 §2: {}", twice.text());
}

#[tokio::test]
async fn a_refusal_says_why_in_the_challenge() {
    let app = Site::standard().await.confidential().await;
    let mut browser = Browser::new();
    let tokens = app.tokens(&mut browser).await;
    let bare = app.site.get("/userinfo").await;
    assert_eq!(bare.status, 401);
    let challenge = bare.header("www-authenticate").unwrap();
    assert!(challenge.starts_with("Bearer") && !challenge.contains("error="), "RFC 6750 §3.1: {challenge}");
    for wrong in ["x", &tokens.id, &tokens.refresh, &tokens.access[..tokens.access.len() - 1]] {
        let answer = app.userinfo(wrong).await;
        assert_eq!(answer.status, 401, "{}", answer.text());
        assert!(answer.header("www-authenticate").unwrap().contains("error=\"invalid_token\""), "{:?}", answer.headers);
    }
    let request = app.authorization().with("scope", "profile");
    let code = app.code_of(&mut browser, &request).await;
    let plain = Tokens::of(&app.exchange(&code, request.verifier.as_ref().unwrap()).await);
    assert_eq!(plain.id, "", "no openid, no ID token");
    let answer = app.userinfo(&plain.access).await;
    assert_eq!(answer.status, 403, "{}", answer.text());
    assert!(answer.header("www-authenticate").unwrap().contains("insufficient_scope"));
}

#[tokio::test]
async fn oidcc_userinfo_rs256_and_every_algorithm_that_discovery_tells() {
    let site = Site::standard().await;
    let told = site.get("/.well-known/openid-configuration").await.assert_ok()["userinfo_signing_alg_values_supported"].clone();
    assert_eq!(told, json!(["RS256", "PS256", "ES256", "EdDSA"]));
    let keys = site.get("/jwk").await.assert_ok()["keys"].as_array().unwrap().clone();
    for alg in told.as_array().unwrap() {
        let app = site.app(json!({"userinfo_signed_response_alg": alg})).await;
        assert_eq!(&app.registration["userinfo_signed_response_alg"], alg);
        let tokens = app.tokens(&mut Browser::new()).await;
        let answer = app.userinfo(&tokens.access).await;
        assert_eq!((answer.status, answer.header("content-type")), (200, Some("application/jwt")), "{}", answer.text());
        answer.assert_not_stored();
        let (text, header) = (answer.text(), jwt_part(&answer.text(), 0));
        let jwk = keys.iter().find(|key| key["kid"] == header["kid"]).unwrap();
        let mut validation = jsonwebtoken::Validation::new(alg.as_str().unwrap().parse().unwrap());
        validation.set_audience(&[&app.client_id]);
        validation.set_issuer(&[site.issuer()]);
        validation.set_required_spec_claims(&["iss", "aud", "sub"]);
        let jwk: jsonwebtoken::jwk::Jwk = serde_json::from_value(jwk.clone()).unwrap();
        let key = jsonwebtoken::DecodingKey::from_jwk(&jwk).unwrap();
        let claims = jsonwebtoken::decode::<serde_json::Value>(&text, &key, &validation).unwrap_or_else(|error| panic!("{alg}: {error}"));
        assert_eq!(claims.claims["sub"], jwt_part(&tokens.id, 1)["sub"]);
        assert_eq!(claims.claims["name"], "Amelia Park");

        // It is good for nothing else (THREATS.md A49).
        assert_eq!(app.userinfo(&text).await.status, 401);
        let hinted = Request::get(&app.logout_url(&[("id_token_hint", &text)])).header("accept", "application/json").send().await;
        hinted.assert_refused(400, "invalid_request");
    }
    let plain = site.app(json!({"userinfo_signed_response_alg": "none"})).await;
    let tokens = plain.tokens(&mut Browser::new()).await;
    plain.userinfo(&tokens.access).await.assert_ok();
    for alg in ["HS256", "RS512", "no"] {
        let body = json!({"redirect_uris": ["https://client.example.org/callback"], "userinfo_signed_response_alg": alg});
        site.register(&body).await.assert_refused(400, "invalid_client_metadata");
    }
}
