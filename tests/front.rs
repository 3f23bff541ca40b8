//! Tokens from the authorization endpoint (RFC 6749 §4.2, OpenID Connect Core §3.2 and §3.3; SPEC.md a.3, k-2, k-3, k-9, k-13, k-28).

use crate::harness::{App, Authorization, Browser, Callback, Request, Server, Site, Way, jwt_part, scopes};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use serde_json::{Value, json};
use std::sync::Arc;
use tokio::sync::OnceCell;

/// Every response type, as OpenID spells it.
pub const ALL: [&str; 7] = ["code", "token", "id_token", "id_token token", "code id_token", "code token", "code id_token token"];

/// A server of one's own whose site answers all of them, and sends errors on without a page in between.
pub async fn server() -> Arc<Server> {
    let server = Server::alone().await;
    let flags = ["authorize.implicit=true", "authorize.hybrid=true", "authorize.request_objects=true", "redirect.warn_unverified=false"];
    server.writ(&[&["site", "set", "default"], &flags[..]].concat(), "");
    server
}

/// The site of such a server that all tests share.
pub async fn site() -> Site {
    static SHARED: OnceCell<Arc<Server>> = OnceCell::const_new();
    SHARED.get_or_init(async || server().await.to_the_end()).await.site("default")
}

/// A client of all response types, each of them in an order of words of its own.
pub async fn client(site: &Site, members: Value) -> App {
    let all = ["code", "token", "id_token", "token id_token", "id_token code", "token code", "token code id_token"];
    let mut body = json!({ "response_types": all, "grant_types": ["authorization_code", "implicit", "refresh_token"] });
    body.as_object_mut().unwrap().extend(members.as_object().unwrap().clone());
    site.app(body).await
}

fn asking(app: &App, response_type: &str) -> Authorization {
    let request = app.authorization().with("response_type", response_type);
    if response_type.contains("code") { request } else { request.without_pkce() }
}

fn has(response_type: &str, word: &str) -> bool {
    response_type.split(' ').any(|own| own == word)
}

/// The events of the log that one request told.
fn told(app: &App, kind: &str) -> Vec<Value> {
    let log =
        app.site.server.writ(&["--site", &app.site.name, "log", &format!("--client={}", app.client_id), "-o", "ndjson", "-n", "1000"], "");
    let events = log.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
    events.filter(|event| event["type"] == kind).collect()
}

#[tokio::test]
async fn each_response_type_gives_what_its_words_say_by_each_way() {
    let site = site().await;
    let app = client(&site, json!({})).await;
    let mut browser = Browser::new();
    for response_type in ALL {
        for mode in [None, Some(Way::Fragment), Some(Way::FormPost)] {
            let request = asking(&app, response_type);
            let request = mode.map_or(request.clone(), |mode| request.with("response_mode", mode.mode()));
            let callback = app.answered(&mut browser, &request).await;
            let own = if response_type == "code" { Way::Query } else { Way::Fragment };
            assert_eq!(callback.way, mode.unwrap_or(own), "{response_type}");
            // The reference's rule: `token` with `openid` brings an ID token too (SPEC.md k-3).
            let id_token = has(response_type, "id_token") || response_type == "token";
            assert_eq!(callback.get("code").is_some(), has(response_type, "code"), "{response_type}: {callback:?}");
            assert_eq!(callback.get("access_token").is_some(), has(response_type, "token"), "{response_type}");
            assert_eq!(callback.get("id_token").is_some(), id_token, "{response_type}");
            assert_eq!(callback.get("refresh_token"), None, "never from here (SPEC.md k-13)");
            checked(&app, &request, &callback, "RS256");
        }
    }
}

/// The ID token of an answer, held against what came with it.
fn checked(app: &App, request: &Authorization, callback: &Callback, alg: &str) {
    let Some(id_token) = callback.get("id_token") else { return };
    let half = |text: &str| {
        let algorithm = if alg == "EdDSA" { &aws_lc_rs::digest::SHA512 } else { &aws_lc_rs::digest::SHA256 };
        let whole = aws_lc_rs::digest::digest(algorithm, text.as_bytes());
        json!(URL_SAFE_NO_PAD.encode(&whole.as_ref()[..whole.as_ref().len() / 2]))
    };
    let claims = jwt_part(id_token, 1);
    assert_eq!(jwt_part(id_token, 0)["alg"], alg);
    assert_eq!((claims["aud"].as_str(), claims["iss"].as_str()), (Some(app.client_id.as_str()), Some(app.site.issuer().as_str())));
    assert_eq!(claims["nonce"].as_str(), request.get("nonce"));
    assert_eq!(claims.get("at_hash"), callback.get("access_token").map(half).as_ref(), "{claims}");
    assert_eq!(claims.get("c_hash"), callback.get("code").map(half).as_ref(), "{claims}");
    assert!(claims["auth_time"].is_u64() && claims["sid"].is_string());
}

#[tokio::test]
async fn the_words_of_a_response_type_may_stand_in_any_order_at_registration_and_at_authorize() {
    let site = site().await;
    let app = client(&site, json!({})).await;
    assert_eq!(app.registration["response_types"][3], "token id_token", "echoed as it was sent");
    let mut browser = Browser::new();
    for response_type in ["id_token token", "token id_token", "id_token code token", "token id_token code", "token code"] {
        let callback = app.answered(&mut browser, &asking(&app, response_type)).await;
        assert!(callback.get("access_token").is_some(), "{response_type}");
    }
    for response_type in ["none", "token token", "code  token", "code,token", "id_token none"] {
        let callback = app.answered(&mut browser, &asking(&app, response_type)).await;
        assert_eq!((callback.get("error"), callback.way), (Some("unsupported_response_type"), Way::Query), "{response_type}");
    }
}

#[tokio::test]
async fn k_3_token_with_openid_brings_an_id_token_and_without_it_none() {
    let app = client(&site().await, json!({ "scope": "openid profile email" })).await;
    let mut browser = Browser::new();
    let both = app.answered(&mut browser, &asking(&app, "token").without("nonce")).await;
    let claims = jwt_part(both.must("id_token"), 1);
    assert!(claims.get("nonce").is_none() && claims["at_hash"].is_string(), "{claims}");
    let one = app.answered(&mut browser, &asking(&app, "token").with("scope", "profile")).await;
    assert_eq!((one.get("id_token"), one.get("scope")), (None, None));
    assert_eq!(app.userinfo(one.must("access_token")).await.status, 403, "no openid, no userinfo");
    assert!(app.is_active(one.must("access_token")).await);
    let hybrid = app.answered(&mut browser, &asking(&app, "code token")).await;
    assert_eq!(hybrid.get("id_token"), None, "OpenID Connect Core §3.3: only if the words ask for it");
}

#[tokio::test]
async fn k_28_the_answer_has_the_words_of_the_reference_in_its_order() {
    let app = client(&site().await, json!({})).await;
    let callback = app.answered(&mut Browser::new(), &asking(&app, "token").with("state", "a b+c")).await;
    assert_eq!(callback.names, ["id_token", "access_token", "token_type", "expires_in", "state", "iss"]);
    assert_eq!(callback.must("token_type"), "bearer");
    assert!(["3600", "3599"].contains(&callback.must("expires_in")));
    assert!(callback.raw.contains("&state=a+b%2Bc&"), "{}", callback.raw);
    let hybrid = app.answered(&mut Browser::new(), &asking(&app, "code id_token token")).await;
    assert_eq!(hybrid.names[..5], ["code", "id_token", "access_token", "token_type", "expires_in"]);
}

#[tokio::test]
async fn the_scope_is_told_where_it_is_not_the_one_that_was_asked_for() {
    let app = client(&site().await, json!({ "scope": "openid profile" })).await;
    let mut browser = Browser::new();
    let callback = app.answered(&mut browser, &asking(&app, "token").with("scope", "openid profile email")).await;
    let told = json!(callback.must("scope"));
    assert_eq!(scopes(&told), scopes(&json!("openid profile")), "RFC 6749 §4.2.2");
    assert_eq!(scopes(&app.introspect(callback.must("access_token")).await.assert_ok()["scope"]), scopes(&told));
    let same = app.answered(&mut browser, &asking(&app, "token").with("scope", "openid profile")).await;
    assert_eq!(same.get("scope"), None);
}

#[tokio::test]
async fn an_id_token_alone_has_the_claims_of_its_scope_and_one_with_a_token_has_not() {
    let app = client(&site().await, json!({ "scope": "openid profile email" })).await;
    let mut browser = Browser::new();
    for (response_type, shown) in [("id_token", true), ("id_token token", false), ("code id_token", false)] {
        let callback = app.answered(&mut browser, &asking(&app, response_type)).await;
        let claims = jwt_part(callback.must("id_token"), 1);
        assert_eq!(claims.get("name").is_some(), shown, "{response_type}: {claims}");
        assert_eq!(claims.get("email").is_some(), shown, "{response_type}: {claims}");
        assert_eq!(claims.get("site"), None, "{response_type}");
    }
}

#[tokio::test]
async fn every_algorithm_hashes_code_and_token_as_it_should() {
    let site = site().await;
    for alg in ["RS256", "PS256", "ES256", "EdDSA"] {
        let app = client(&site, json!({ "id_token_signed_response_alg": alg })).await;
        let request = asking(&app, "code id_token token");
        let callback = app.answered(&mut Browser::new(), &request).await;
        checked(&app, &request, &callback, alg);
    }
}

#[tokio::test]
async fn what_came_from_the_front_dies_with_session_code_consent_and_client() {
    let site = site().await;
    for response_type in ["token", "id_token token", "code token", "code id_token token"] {
        let app = client(&site, json!({})).await;
        let mut browser = Browser::new();
        let request = asking(&app, response_type);
        let callback = app.answered(&mut browser, &request).await;
        let token = callback.must("access_token").to_owned();
        assert!(app.is_active(&token).await, "{response_type}");
        if let Some(code) = callback.get("code") {
            let verifier = request.verifier.as_deref().unwrap();
            let tokens = crate::harness::Tokens::of(&app.exchange(code, verifier).await);
            assert!(app.is_active(&token).await && app.is_active(&tokens.access).await, "one does not take the other's place");
            assert!(!tokens.refresh.is_empty(), "{response_type}");
            app.exchange(code, verifier).await.assert_refused(400, "invalid_grant");
            assert!(!app.is_active(&token).await && !app.is_active(&tokens.access).await, "{response_type}: the code came back");
        }
        let again = app.answered(&mut browser, &asking(&app, response_type)).await.must("access_token").to_owned();
        assert_eq!(app.revoke(&again).await.status, 200);
        assert!(!app.is_active(&again).await, "{response_type}: revoked");
        let again = app.answered(&mut browser, &asking(&app, response_type)).await.must("access_token").to_owned();
        site.server.writ(&["client", "disable", &app.client_id], "");
        site.server.writ(&["client", "enable", &app.client_id], "");
        assert!(app.is_active(&again).await, "{response_type}: disabling is no end");
        let out = browser.open(&app.logout_url(&[])).await.page();
        browser.press(&out, "primary", &[]).await;
        assert!(!app.is_active(&again).await, "{response_type}: signed out");
    }
}

#[tokio::test]
async fn without_pkce_a_public_client_gets_tokens_but_no_code() {
    let app = client(&site().await, json!({ "token_endpoint_auth_method": "none" })).await;
    let mut browser = Browser::new();
    for response_type in ALL {
        let callback = app.answered(&mut browser, &asking(&app, response_type).without_pkce()).await;
        assert_eq!(callback.get("error").is_some(), has(response_type, "code"), "{response_type}: {callback:?}");
    }
}

#[tokio::test]
async fn the_log_tells_what_was_handed_out_and_neither_nonce_nor_code() {
    let app = client(&site().await, json!({})).await;
    let mut browser = Browser::new();
    let id_token = app.answered(&mut browser, &asking(&app, "id_token")).await;
    let hybrid = app.answered(&mut browser, &asking(&app, "code id_token token")).await;
    let (alone, granted, issued) = (told(&app, "id_token.issued"), told(&app, "token.granted"), told(&app, "code.issued"));
    assert_eq!((alone.len(), granted.len(), issued.len()), (1, 1, 1));
    assert_eq!(alone[0]["begins"]["grant_type"], "implicit");
    assert_eq!((granted[0]["begins"].is_null(), &granted[0]["beside_code"]), (true, &json!(true)));
    assert_eq!(granted[0]["cause"], issued[0]["seq"], "the code led to the tokens beside it");
    assert_eq!(granted[0]["token"], jwt_part(hybrid.must("access_token"), 1)["jti"]);
    let whole = [alone, granted, issued].concat().iter().map(Value::to_string).collect::<String>();
    for secret in [hybrid.must("code"), "n-0S6_WzA2Mj", id_token.must("id_token"), hybrid.must("access_token")] {
        assert!(!whole.contains(secret));
    }
    let story = app.site.server.writ(&["explain", "grant", alone_grant(&whole).as_str()], "");
    assert!(story.contains("id_token.issued"), "{story}");
}

fn alone_grant(text: &str) -> String {
    crate::harness::between(text, "\"grant\":\"", "\"")
}

#[tokio::test]
async fn k_2_what_site_or_client_does_not_have_is_refused_by_name() {
    let app = Site::standard().await.confidential().await;
    for response_type in ALL.iter().filter(|response_type| **response_type != "code") {
        let left = Browser::new().open_as_program(&asking(&app, response_type).url()).await;
        let callback = Callback::of(left, App::REDIRECT_URI);
        assert_eq!((callback.way, callback.must("error")), (Way::Fragment, "unauthorized_client"), "{response_type}");
        let answer = app.site.register(&json!({ "redirect_uris": [App::REDIRECT_URI], "response_types": [response_type] })).await;
        answer.assert_refused(400, "invalid_client_metadata");
    }
    let site = site().await;
    let one = site.app(json!({ "response_types": ["id_token"], "grant_types": ["implicit"] })).await;
    for response_type in ALL {
        let callback = one.answered(&mut Browser::new(), &asking(&one, response_type)).await;
        assert_eq!(callback.get("error"), (response_type != "id_token").then_some("unauthorized_client"), "{response_type}");
    }
}

#[tokio::test]
async fn discovery_tells_the_response_types_of_each_site() {
    let list = |document: &Value, name: &str| -> Vec<String> { serde_json::from_value(document[name].clone()).unwrap() };
    let standard = Site::standard().await.get("/.well-known/openid-configuration").await.assert_ok();
    assert_eq!(list(&standard, "response_types_supported"), ["code"]);
    assert_eq!(list(&standard, "response_modes_supported"), ["query", "fragment", "form_post"]);
    assert!(!list(&standard, "grant_types_supported").contains(&"implicit".to_owned()));
    assert_eq!((&standard["request_parameter_supported"], &standard["request_uri_parameter_supported"]), (&json!(false), &json!(false)));
    let reference = Server::shared().await.site("reference").get("/.well-known/openid-configuration").await.assert_ok();
    assert_eq!(list(&reference, "response_types_supported"), ["code", "token", "id_token", "id_token token"]);
    let all = site().await.get("/.well-known/openid-configuration").await.assert_ok();
    assert_eq!(list(&all, "response_types_supported"), ALL[..4].iter().chain(&ALL[4..]).copied().collect::<Vec<_>>());
    assert!(list(&all, "grant_types_supported").contains(&"implicit".to_owned()));
    assert_eq!((&all["request_parameter_supported"], &all["require_request_uri_registration"]), (&json!(true), &json!(true)));
}

#[tokio::test]
async fn a_form_is_posted_by_a_page_that_may_do_nothing_else() {
    let app = client(&site().await, json!({})).await;
    let mut browser = Browser::new();
    app.answered(&mut browser, &asking(&app, "code")).await;
    let request = asking(&app, "code id_token").with("response_mode", "form_post");
    let answer = browser.once(Request::get(&request.url()).header("accept", "text/html")).await;
    assert_eq!(answer.status, 200);
    answer.assert_not_stored();
    let policy = answer.header("content-security-policy").unwrap();
    assert!(
        policy.starts_with("default-src 'none'") && policy.contains("script-src 'sha256-") && policy.contains("form-action"),
        "{policy}"
    );
    assert!(!answer.text().contains(&format!("{}?", App::REDIRECT_URI)), "nothing stands in the address");
}

#[tokio::test]
async fn a_form_to_an_app_that_nobody_has_checked_waits_for_a_press() {
    let app = Site::standard().await.confidential().await;
    let request = app.authorization().with("response_mode", "form_post").with("scope", "no:such");
    let page = Browser::new().open(&request.url()).await.page();
    assert_eq!((page.status(), page.action.as_ref().map(url::Url::as_str)), (400, Some(App::REDIRECT_URI)));
    assert!(page.text().contains("Nobody here has checked this app") && !page.text().contains("<script"), "{}", page.text());
    let callback = Callback::of(crate::harness::Stop::Shown(Box::new(page)), App::REDIRECT_URI);
    assert_eq!((callback.must("error"), callback.get("state")), ("invalid_scope", request.get("state")));
}

#[tokio::test]
async fn a_fault_of_ours_goes_back_to_the_app_as_server_error_and_is_not_shown() {
    let server = Server::alone().await;
    server.writ(&["site", "set", "default", "authorize.implicit=true", "redirect.warn_unverified=false"], "");
    let app = server.site("default").app(json!({"response_types": ["token"], "grant_types": ["implicit"]})).await;
    let (mut browser, request) = (Browser::new(), asking(&app, "token"));
    app.answered(&mut browser, &request).await;
    server.stop();
    let vault = rusqlite::Connection::open(server.directory().join("vault.sqlite")).unwrap();
    assert!(vault.execute("DELETE FROM entries WHERE kind = 'signing key'", []).unwrap() > 0);
    drop(vault);
    server.start();
    let callback = app.answered(&mut browser, &request.with("prompt", "none")).await;
    assert_eq!((callback.way, callback.params["error"].as_str()), (Way::Fragment, "server_error"));
    assert!(!callback.raw.contains("vault") && !callback.params.contains_key("access_token"));
}
