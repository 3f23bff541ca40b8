//! k-18 to k-22, k-31, k-34, k-35, k-38, k-40, k-55: the server's own words.

use crate::harness::{Browser, Request, Site};
use serde_json::json;

#[tokio::test]
async fn k18_k19_the_dialect_of_introspection_follows_the_credentials_and_the_hint_is_optional() {
    let site = Site::seed().await;
    let basic = site.confidential().await;
    let body = site.app(json!({"token_endpoint_auth_method": "client_secret_post"})).await;
    let told = body.introspect("eyJhbGciOiJSUzI1NiJ9.e30.AAAA").await;
    assert_eq!(told.refusal().0, 401, "the thread's dialect");
    assert_eq!(basic.introspect("eyJhbGciOiJSUzI1NiJ9.e30.AAAA").await.assert_ok(), json!({ "active": false }));
    let tokens = body.tokens(&mut Browser::new()).await;
    let told = body.introspect(&tokens.access).await.assert_ok();
    assert_eq!((&told["active"], &told["status"]), (&json!(true), &json!("active")));
}

#[tokio::test]
async fn k21_k22_the_issuer_is_the_base_everywhere_and_flags_are_booleans() {
    let site = Site::seed().await;
    let document = site.get("/.well-known/openid-configuration").await.assert_ok();
    assert_eq!(document["issuer"], site.issuer());
    assert!(document["require_request_uri_registration"].is_boolean());
    let app = site.confidential().await;
    let tokens = app.tokens(&mut Browser::new()).await;
    for token in [&tokens.access, &tokens.id] {
        assert_eq!(crate::harness::jwt_part(token, 1)["iss"], site.issuer());
    }
    assert_eq!(app.introspect(&tokens.access).await.assert_ok()["iss"], site.issuer());
}

#[tokio::test]
async fn k34_k35_userinfo_exists_and_speaks_the_standards_forms() {
    let app = Site::seed().await.confidential().await;
    let tokens = app.tokens(&mut Browser::new()).await;
    let claims = app.userinfo(&tokens.access).await.assert_ok();
    assert!(claims.as_object().unwrap().values().all(|value| *value != ""), "nothing is an empty text: {claims}");
    let refused = Request::get(&app.site.url("/userinfo")).bearer("x").send().await;
    assert!(refused.header("www-authenticate").unwrap().starts_with("Bearer realm="));
}

#[tokio::test]
async fn k38_both_addresses_of_the_keys_give_the_rs256_key_first_and_each_a_kid() {
    let site = Site::standard().await;
    let [one, other] = [site.get("/jwk").await.assert_ok(), site.get("/jwks").await.assert_ok()];
    assert_eq!(one, other);
    assert_eq!(one["keys"][0]["alg"], "RS256");
    assert!(one["keys"].as_array().unwrap().iter().all(|key| key["kid"].is_string()));
}

#[tokio::test]
async fn k40_the_consent_page_is_called_consent_and_device_code_stays_free() {
    let site = Site::seed().await;
    assert_eq!(site.post("/device/code", &[("proceed", "1")]).await.status, 404);
    assert_ne!(site.get("/consent").await.status, 404);
}

#[tokio::test]
async fn k55_keys_clients_people_and_sessions_belong_to_one_site() {
    let (here, there) = (Site::standard().await, Site::other().await);
    let kids = async |site: &Site| site.get("/jwk").await.assert_ok()["keys"].as_array().unwrap().clone();
    let other = kids(&there).await;
    assert!(kids(&here).await.iter().all(|key| !other.contains(key)));
    let app = here.confidential().await;
    let abroad = crate::harness::App { site: there, ..app };
    abroad.refresh("x").await.assert_refused(401, "invalid_client");
}
