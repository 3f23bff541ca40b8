//! k-1 to k-11, k-26, k-28, k-51, k-52: the authorization endpoint.

use crate::harness::{App, Browser, PASSWORD, Request, Server, Site, Tokens, USERNAME, query_of};
use serde_json::{Value, json};

#[tokio::test]
async fn k01_the_way_to_the_sign_in_page_is_302_and_not_kept_and_301_only_by_flag() {
    let server = Server::alone().await;
    let app = server.site("default").confidential().await;
    for (flag, status) in [("compat.authorize_301=true", 301), ("compat.authorize_301=false", 302)] {
        if status == 302 || flag.contains("true") {
            server.writ(&["site", "set", "default", flag], "");
        }
        let answer = Request::get(&app.authorization().url()).send().await;
        assert_eq!(answer.status, status);
        answer.assert_not_stored();
        assert!(answer.location().unwrap().path().ends_with("/provider/login"));
        let posted = Request::form(app.authorization().endpoint(), &app.authorization().params).send().await;
        assert_eq!(posted.status, 303, "never 307 or 308, and never 301 after a POST");
    }
}

#[tokio::test]
async fn k04_get_and_post_take_the_same_parameters() {
    let app = Site::standard().await.confidential().await;
    let request = app.authorization();
    let posted = Request::form(request.endpoint(), &request.params).header("accept", "text/html");
    assert!(Browser::new().follow(posted).await.page().is_sign_in());
    assert!(Browser::new().open(&request.url()).await.page().is_sign_in());
}

#[tokio::test]
async fn k05_https_loopback_and_dotted_schemes_may_be_registered_and_http_only_by_flag() {
    let server = Server::alone().await;
    let site = server.site("default");
    let register = async |kind: &str, uri: &str| {
        let method = if kind == "native" { "none" } else { "client_secret_basic" };
        site.register(&json!({"application_type": kind, "token_endpoint_auth_method": method, "redirect_uris": [uri]})).await.status
    };
    for uri in ["https://a.example/cb", "http://localhost/cb", "http://127.0.0.1/cb", "http://[::1]/cb"] {
        assert_eq!(register("web", uri).await, 201, "{uri}");
    }
    assert_eq!(register("native", "org.example.app:/cb").await, 201);
    assert_eq!([register("native", "myapp:/cb").await, register("web", "http://a.example/cb").await], [400, 400]);
    server.writ(&["site", "set", "default", "redirect.allow_http=true", "redirect.allow_custom_scheme=true"], "");
    assert_eq!([register("native", "myapp:/cb").await, register("web", "http://a.example/cb").await], [201, 201]);
}

#[tokio::test]
async fn k06_an_omitted_redirect_uri_is_the_only_registered_one_unless_openid_is_asked_for() {
    let app = Site::standard().await.confidential().await;
    let without = app.authorization().without("redirect_uri");
    assert!(Browser::new().open(&without.clone().with("scope", "profile").url()).await.page().is_sign_in());
    assert_eq!(Browser::new().open(&without.with("scope", "openid profile").url()).await.page().status(), 400);
}

#[tokio::test]
async fn k07_public_and_native_clients_need_pkce_and_all_by_flag() {
    let server = Server::alone().await;
    let site = server.site("default");
    let apps = [site.public().await, site.app(json!({"application_type": "native"})).await, site.confidential().await];
    let needs = async |app: &App| match Browser::new().open_as_program(&app.authorization().without_pkce().url()).await {
        crate::harness::Stop::Left(left) => query_of(&left, "error").as_deref() == Some("invalid_request"),
        crate::harness::Stop::Shown(_) => false,
    };
    assert_eq!([needs(&apps[0]).await, needs(&apps[1]).await, needs(&apps[2]).await], [true, true, false]);
    server.writ(&["site", "set", "default", "pkce.require_all=true"], "");
    assert!(needs(&apps[2]).await);
}

#[tokio::test]
async fn k10_k11_unknown_scopes_are_refused_known_ones_dropped_and_none_means_openid() {
    let app = Site::standard().await.confidential().await;
    let mut browser = Browser::new();
    let error = async |scope: &str| {
        let left = Browser::new().open_as_program(&app.authorization().with("scope", scope).url()).await.left();
        query_of(&left, "error")
    };
    assert_eq!(error("openid no:such").await.as_deref(), Some("invalid_scope"));
    assert_eq!(error("phone").await.as_deref(), Some("invalid_scope"), "nothing is left of it");
    for (scope, granted) in [("openid phone", "openid"), ("", "openid")] {
        let request = app.authorization().with("scope", scope);
        let code = app.code_of(&mut browser, &request).await;
        let tokens = Tokens::of(&app.exchange(&code, request.verifier.as_ref().unwrap()).await);
        assert_eq!(tokens.body["scope"], granted);
    }
}

#[tokio::test]
async fn k26_a_state_that_is_json_comes_back_as_it_was() {
    let app = Site::standard().await.confidential().await;
    let state = "%7B%22a%22%3A1%7D";
    let left = Browser::new().open_as_program(&app.authorization().with("state", state).with("prompt", "none").url()).await.left();
    assert_eq!(query_of(&left, "state").as_deref(), Some(state));
}

#[tokio::test]
async fn k52_who_says_no_is_told_to_the_app_as_access_denied() {
    let app = Site::seed().await.confidential().await;
    let mut browser = Browser::new();
    let sign_in = browser.open(&app.authorization().url()).await.page();
    let consent = browser.sign_in(&sign_in, USERNAME, PASSWORD).await.page();
    let left = browser.press(&consent, "deny", &[]).await.left();
    assert_eq!(query_of(&left, "error").as_deref(), Some("access_denied"));
}

#[tokio::test]
async fn k23_plain_and_a_missing_method_are_refused_and_not_advertised() {
    for site in [Site::standard().await, Site::seed().await] {
        let app = site.confidential().await;
        for request in [app.authorization().with("code_challenge_method", "plain"), app.authorization().without("code_challenge_method")] {
            let left = Browser::new().open_as_program(&request.url()).await.left();
            assert_eq!(query_of(&left, "error").as_deref(), Some("invalid_request"));
        }
        let methods: Value = site.get("/.well-known/openid-configuration").await.assert_ok()["code_challenge_methods_supported"].clone();
        assert_eq!(methods, json!(["S256"]));
    }
}
