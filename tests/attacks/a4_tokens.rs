//! A39–A49: introspection and JWTs.

use crate::harness::{App, Browser, Request, Site, Tokens, jwt_part, jwt_with};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use serde_json::{Value, json};

/// No endpoint takes it for an access token.
async fn assert_no_token(app: &App, what: &str, forged: &str) {
    let answer = app.userinfo(forged).await;
    assert_eq!(answer.status, 401, "{what}: {}", answer.text());
    assert_eq!(app.introspect(forged).await.assert_ok(), json!({"active": false}), "{what}");
}

async fn standing() -> (App, Tokens) {
    let app = Site::standard().await.confidential().await;
    let tokens = app.tokens(&mut Browser::new()).await;
    (app, tokens)
}

/// Signed with HMAC under this key, as an attacker would who hopes that we verify so.
fn hmac_signed(header: &Value, claims: &Value, key: &[u8]) -> String {
    let input = format!("{}.{}", URL_SAFE_NO_PAD.encode(header.to_string()), URL_SAFE_NO_PAD.encode(claims.to_string()));
    let tag = aws_lc_rs::hmac::sign(&aws_lc_rs::hmac::Key::new(aws_lc_rs::hmac::HMAC_SHA256, key), input.as_bytes());
    format!("{input}.{}", URL_SAFE_NO_PAD.encode(tag.as_ref()))
}

#[tokio::test]
async fn a39_a_token_is_shown_to_its_own_client_alone() {
    let (app, tokens) = standing().await;
    for other in [app.site.confidential().await, app.site.app(json!({"token_endpoint_auth_method": "client_secret_post"})).await] {
        for token in [&tokens.access, &tokens.refresh] {
            assert_eq!(other.introspect(token).await.assert_ok(), json!({"active": false}));
        }
    }
}

#[tokio::test]
async fn a40_a41_no_token_chooses_how_it_is_verified() {
    let (app, tokens) = standing().await;
    let (header, claims) = (jwt_part(&tokens.access, 0), jwt_part(&tokens.access, 1));
    let unsigned = |alg: &str| jwt_with(&tokens.access, 0, &json!({"alg": alg, "typ": header["typ"], "kid": header["kid"]}));
    for alg in ["none", "None", "NONE", "nOnE", "HS256", "HS384", "HS512", "RS384", "RS512", "PS256", "ES256", "EdDSA", ""] {
        let whole = unsigned(alg);
        assert_no_token(&app, alg, &whole).await;
        assert_no_token(&app, alg, &format!("{}.", whole.rsplit_once('.').unwrap().0)).await;
    }
    let jwks = app.site.get("/jwk").await;
    let key = jwks.json()["keys"][0].clone();
    let mut hs = header.clone();
    hs["alg"] = json!("HS256");
    for secret in [vec![], jwks.body.clone(), key.to_string().into_bytes(), key["n"].as_str().unwrap().as_bytes().to_vec()] {
        assert_no_token(&app, "HMAC under a public key", &hmac_signed(&hs, &claims, &secret)).await;
    }
}

#[tokio::test]
async fn a42_a43_claims_of_the_wrong_kind_help_nobody() {
    let (app, tokens) = standing().await;
    for (member, value) in [
        ("exp", json!("never")),
        ("exp", json!(4_102_444_800_u64)),
        ("nbf", json!("999")),
        ("aud", json!(["a", "b"])),
        ("aud", json!({"a": 1})),
        ("aud", Value::Null),
        ("iss", json!("https://evil.example")),
        ("sub", json!(["x"])),
        ("jti", json!(1)),
    ] {
        let mut claims = jwt_part(&tokens.access, 1);
        claims[member] = value.clone();
        assert_no_token(&app, &format!("{member}={value}"), &jwt_with(&tokens.access, 1, &claims)).await;
    }
}

#[tokio::test]
async fn a44_a45_a_header_cannot_bring_its_own_key_or_rules() {
    let (app, tokens) = standing().await;
    let header = jwt_part(&tokens.access, 0);
    for (member, value) in [
        ("kid", json!("../../../dev/null")),
        ("kid", json!("' OR 1=1 --")),
        ("kid", json!(7)),
        ("kid", json!("k".repeat(4000))),
        ("jku", json!("https://evil.example/keys")),
        ("x5u", json!("https://evil.example/cert")),
        ("jwk", json!({"kty": "RSA", "n": "AQAB", "e": "AQAB"})),
        ("crit", json!(["exp"])),
        ("crit", json!([])),
        ("zip", json!("DEF")),
        ("b64", json!(false)),
        ("typ", json!("logout+jwt")),
    ] {
        let mut bent = header.clone();
        bent[member] = value;
        assert_no_token(&app, member, &jwt_with(&tokens.access, 0, &bent)).await;
    }
    let parts: Vec<&str> = tokens.access.split('.').collect();
    let doubled = URL_SAFE_NO_PAD.encode(format!("{{\"alg\":\"none\",{}", &header.to_string()[1..]));
    for odd in [
        format!("{doubled}.{}.{}", parts[1], parts[2]),
        format!("{}.{}.{}=", parts[0], parts[1], parts[2]),
        format!("{}=.{}.{}", parts[0], parts[1], parts[2]),
        format!("{}.{}", parts[0], parts[1]),
        format!("{}.{}.{}.x.y", parts[0], parts[1], parts[2]),
        format!("..{}", parts[2]),
        tokens.access.replacen('.', "..", 1),
    ] {
        assert_no_token(&app, "another shape", &odd).await;
    }
}

#[tokio::test]
async fn a46_a_huge_token_is_no_token() {
    let (app, _) = standing().await;
    for length in [8 * 1024, 8 * 1024 + 1, 60 * 1024] {
        assert_eq!(app.introspect(&".".repeat(length)).await.assert_ok(), json!({"active": false}), "{length}");
    }
    let in_header = Request::get(&app.site.url("/userinfo")).bearer(&"a.".repeat(16 * 1024)).send().await;
    assert!([401, 431].contains(&in_header.status), "{}", in_header.status);
}

#[tokio::test]
async fn a49_each_token_is_good_for_its_own_purpose_alone() {
    let (app, tokens) = standing().await;
    assert_no_token(&app, "an ID token", &tokens.id).await;
    assert_eq!(app.userinfo(&tokens.refresh).await.status, 401);
    for wrong in [&tokens.access, &tokens.id] {
        app.refresh(wrong).await.assert_refused(400, "invalid_grant");
        app.exchange(wrong, &"v".repeat(43)).await.assert_refused(400, "invalid_grant");
    }
    app.exchange(&tokens.refresh, &"v".repeat(43)).await.assert_refused(400, "invalid_grant");
    let hint = app.logout_url(&[("id_token_hint", &tokens.access)]);
    Request::get(&hint).header("accept", "application/json").send().await.assert_refused(400, "invalid_request");
    let token = app.registration["registration_access_token"].as_str().unwrap();
    assert_no_token(&app, "a registration token", token).await;
    assert!(jwt_part(&tokens.id, 1).get("jti").is_none(), "ID tokens carry no jti (DESIGN.md §6)");
}
