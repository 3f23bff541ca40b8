//! What the plan oidcc-dynamic asks beside the modules of the others (OpenID Connect Registration 1.0).

use super::plan::{Plan, server};
use crate::harness::{App, Behaviour, Browser, ClientKey, KeyServer, Signer, Site};
use serde_json::json;

async fn plan() -> (Plan, Site) {
    let site = server().await.site("default");
    (Plan { name: "oidcc-dynamic", response_type: "code", form_post: false, site: site.clone() }, site)
}

#[tokio::test]
async fn oidcc_discovery_endpoint_verification() {
    let (_, site) = plan().await;
    let answer = site.get("/.well-known/openid-configuration").await;
    let document = answer.assert_ok();
    assert_eq!(document["issuer"], site.issuer());
    let listed = |name: &str| document[name].as_array().unwrap().iter().map(|word| word.as_str().unwrap().to_owned()).collect::<Vec<_>>();
    for (name, least) in [
        ("response_types_supported", &["code", "id_token", "id_token token"][..]),
        ("grant_types_supported", &["authorization_code", "implicit", "refresh_token"]),
        ("subject_types_supported", &["public"]),
        ("id_token_signing_alg_values_supported", &["RS256"]),
        ("scopes_supported", &["openid"]),
        ("code_challenge_methods_supported", &["S256"]),
        ("token_endpoint_auth_methods_supported", &["client_secret_basic", "client_secret_post", "private_key_jwt"]),
    ] {
        assert!(least.iter().all(|word| listed(name).iter().any(|own| own == word)), "{name}: {:?}", listed(name));
    }
    for name in
        ["authorization_endpoint", "token_endpoint", "userinfo_endpoint", "jwks_uri", "registration_endpoint", "end_session_endpoint"]
    {
        assert!(document[name].as_str().unwrap().starts_with(&site.issuer()), "{name}");
    }
    for name in
        ["claims_parameter_supported", "request_parameter_supported", "request_uri_parameter_supported", "require_request_uri_registration"]
    {
        assert!(document[name].is_boolean(), "{name}");
    }
    let elsewhere = format!("{}/.well-known/oauth-authorization-server/oauth2/default", site.server.origin());
    assert_eq!(crate::harness::Request::get(&elsewhere).send().await.assert_ok(), document);
}

#[tokio::test]
async fn oidcc_ensure_redirect_uri_in_authorization_request() {
    let (plan, _) = plan().await;
    let app = plan.client(json!({ "redirect_uris": [App::REDIRECT_URI, "https://client.example.org/second"] })).await;
    let page = plan.page(&mut Browser::new(), &plan.request(&app).without("redirect_uri")).await;
    assert_eq!(page.status(), 400);
}

#[tokio::test]
async fn oidcc_redirect_uri_query_ok_mismatch_added_and_regfrag() {
    let (plan, site) = plan().await;
    let with_query = format!("{}?foo=bar", App::REDIRECT_URI);
    let app = plan.client(json!({ "redirect_uris": [with_query] })).await;
    let request = plan.request(&app).with("redirect_uri", &with_query);
    let mut browser = Browser::new();
    let sign_in = browser.open(&request.url()).await.page();
    let consent = browser.sign_in(&sign_in, crate::harness::USERNAME, crate::harness::PASSWORD).await.page();
    let left = browser.press(&consent, "primary", &[]).await.left();
    assert!(left.as_str().starts_with(&format!("{with_query}&")), "{left}");
    for other in [format!("{}?foo=baz", App::REDIRECT_URI), App::REDIRECT_URI.to_owned(), format!("{with_query}&a=b")] {
        assert_eq!(plan.page(&mut browser, &plan.request(&app).with("redirect_uri", &other)).await.status(), 400, "{other}");
    }
    let plain = plan.client(json!({})).await;
    assert_eq!(plan.page(&mut browser, &plan.request(&plain).with("redirect_uri", &with_query)).await.status(), 400);
    let fragment = json!({ "redirect_uris": [format!("{}#foobar", App::REDIRECT_URI)] });
    site.register(&fragment).await.assert_refused(400, "invalid_redirect_uri");
}

#[tokio::test]
async fn oidcc_registration_jwks_uri_and_refresh_token_rp_key_rotation() {
    let (_, site) = plan().await;
    let first = ClientKey::new("RS256", "first");
    let server = KeyServer::start(Behaviour::keys(&[first.jwk()])).await;
    let signer = Signer::published(&site, first, &server.url).await;
    let tokens = signer.tokens().await;
    let second = ClientKey::new("RS256", "second");
    server.behave(Behaviour::keys(&[second.jwk()]));
    let signer = Signer { key: second, ..signer };
    let pairs = [("grant_type", "refresh_token"), ("refresh_token", tokens.refresh.as_str())];
    assert!(signer.post("/token", &pairs, &signer.assertion()).await.assert_ok()["access_token"].is_string());
}

#[tokio::test]
async fn oidcc_ensure_client_assertion_with_iss_aud_succeeds() {
    let (_, site) = plan().await;
    let signer = Signer::inline(&site, "RS256").await;
    Signer::assert_believed(&signer.knock(&signer.assertion_with(json!({ "aud": site.issuer() }))).await);
}

#[tokio::test]
async fn oidcc_server_rotate_keys() {
    let (plan, site) = plan().await;
    let app = plan.client(json!({})).await;
    let (mut browser, request) = (Browser::new(), plan.request(&app));
    plan.outcome(&app, &mut browser, &request).await;
    let kids = async || {
        let keys = site.get("/jwk").await.assert_ok()["keys"].clone();
        keys.as_array().unwrap().iter().map(|key| key["kid"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    let before = kids().await;
    site.server.writ(&["keys", "rotate", "--alg", "RS256", "--now"], "");
    let after = kids().await;
    assert!(before.iter().all(|kid| after.contains(kid)) && after.len() == before.len() + 1, "a new key, and the old ones stay");
    plan.outcome(&app, &mut browser, &plan.request(&app)).await;
}

#[tokio::test]
async fn oidcc_idtoken_unsigned_is_neither_told_nor_registered() {
    let (_, site) = plan().await;
    let told = site.get("/.well-known/openid-configuration").await.assert_ok()["id_token_signing_alg_values_supported"].clone();
    assert!(!told.as_array().unwrap().contains(&"none".into()));
    let unsigned = json!({ "redirect_uris": [App::REDIRECT_URI], "id_token_signed_response_alg": "none" });
    site.register(&unsigned).await.assert_refused(400, "invalid_client_metadata");
}
