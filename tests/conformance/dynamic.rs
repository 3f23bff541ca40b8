//! What the plan oidcc-dynamic asks beside the modules of the others (OpenID Connect Registration 1.0).

use super::checks;
use super::plan::{Plan, server};
use crate::harness::{App, Browser};
use serde_json::{Value, json};

#[tokio::test]
async fn oidcc_discovery_endpoint_verification() {
    let site = server().await.site("default");
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
    for (name, value) in document.as_object().unwrap() {
        assert!(has_right_form(name, value), "{name} is {value}");
        let is_address = name == "issuer" || name.ends_with("_endpoint") || name.ends_with("_iframe") || name == "jwks_uri";
        // So all of it is https where the issuer is.
        assert!(!is_address || checks::must_be_url(value).as_str().starts_with(&site.issuer()), "{name} is {value}");
    }
    for name in
        ["authorization_endpoint", "token_endpoint", "userinfo_endpoint", "jwks_uri", "registration_endpoint", "end_session_endpoint"]
    {
        assert!(document[name].is_string(), "{name}");
    }
    for name in ["claims_parameter_supported", "request_parameter_supported", "request_uri_parameter_supported"] {
        assert_eq!(document[name], true, "{name}");
    }
    assert!(listed("request_object_signing_alg_values_supported").contains(&"RS256".to_owned()));
    assert!(checks::keys(&site).await.iter().any(|key| key["alg"] == "RS256"));
    let elsewhere = format!("{}/.well-known/oauth-authorization-server/oauth2/default", site.server.origin());
    assert_eq!(crate::harness::Request::get(&elsewhere).send().await.assert_ok(), document);
}

/// The form that a member's name promises: addresses, lists of words, truths (OpenID Connect Discovery §3, RFC 8414 §2).
fn has_right_form(name: &str, value: &Value) -> bool {
    let is_word = |word: &Value| word.as_str().is_some_and(|word| !word.is_empty() && word.bytes().all(|c| (0x21..=0x7e).contains(&c)));
    let is_type = |word: &Value| word.as_str().is_some_and(|words| words.split(' ').all(|word| !word.is_empty()));
    match name {
        "response_types_supported" => value.as_array().is_some_and(|all| !all.is_empty() && all.iter().all(is_type)),
        "ui_locales_supported" => *value == json!(["en"]),
        name if name.ends_with("_supported") && value.is_array() => value.as_array().is_some_and(|all| all.iter().all(is_word)),
        name if name.ends_with("_supported") || name == "require_request_uri_registration" => value.is_boolean(),
        _ => value.is_string(),
    }
}

#[tokio::test]
async fn oidcc_server_rotate_keys() {
    let plan = Plan::new("oidcc-dynamic", "code", false, "client_secret_basic").await;
    let site = plan.site.clone();
    let app = plan.client(json!({})).await;
    let (mut browser, request) = (Browser::new(), plan.request(&app));
    plan.outcome(&app, &mut browser, &request).await;
    let before = checks::keys(&site).await;
    site.server.writ(&["keys", "rotate", "--alg", "RS256", "--now"], "");
    let after = checks::keys(&site).await;
    let new: Vec<&Value> = after.iter().filter(|key| !before.contains(key)).collect();
    assert!(new.len() == 1 && before.iter().all(|key| after.contains(key)), "a new key, and the old ones stay");
    for name in ["kid", "n"] {
        assert!(before.iter().all(|key| key.get(name) != new[0].get(name)), "{name} is of an old key");
    }
    plan.outcome(&app, &mut browser, &plan.request(&app)).await;
}

#[tokio::test]
async fn oidcc_idtoken_unsigned_is_neither_told_nor_registered() {
    let site = server().await.site("default");
    let told = site.get("/.well-known/openid-configuration").await.assert_ok()["id_token_signing_alg_values_supported"].clone();
    assert!(!told.as_array().unwrap().contains(&"none".into()));
    let unsigned = json!({ "redirect_uris": [App::REDIRECT_URI], "id_token_signed_response_alg": "none" });
    site.register(&unsigned).await.assert_refused(400, "invalid_client_metadata");
}
