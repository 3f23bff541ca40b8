//! `password` (RFC 6749 §4.3, SPEC.md a.5, e.4, k-13, k-15, k-31, k-47, k-48): a name and a password at the token endpoint.

use crate::harness::{Answer, App, Browser, PASSWORD, Request, Server, Site, Tokens, USERNAME, jwt_part};
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::sync::Arc;

const PATIENT: &str = "phil";
const EMAIL: &str = "phil@example.org";
const SCOPE: &str = "openid profile email api:oemr api:fhir api:port fhirUser offline_access online_access";

/// A server with a site of this setting, with staff and a patient.
async fn server(grant: &str) -> Arc<Server> {
    let server = Server::with(&[("default", "openemr")]).await;
    if grant != "off" {
        server.writ(&["site", "set", "default", &format!("password_grant={grant}")], "");
    }
    let claims = ["--claim", "email=phil@example.org", "--claim", "name=Phil Belford"];
    let add = ["user", "add", "--username", PATIENT, "--role", "patient", "--password-stdin"];
    server.writ(&[&add[..], &claims].concat(), PASSWORD);
    server
}

/// A client that an administrator registered with the grant.
fn client(server: &Arc<Server>, further: &[&str]) -> App {
    let add = ["client", "add", "--grant-type", "password", "--scope", SCOPE, "--auth-method", "client_secret_post", "-o", "ndjson"];
    let told = server.writ(&[&add[..], further].concat(), "");
    App::registered(&server.site("default"), serde_json::from_str(&told).unwrap())
}

fn staff() -> Vec<(&'static str, &'static str)> {
    vec![("grant_type", "password"), ("username", USERNAME), ("password", PASSWORD), ("user_role", "users"), ("scope", "openid api:oemr")]
}

fn patient() -> Vec<(&'static str, &'static str)> {
    vec![
        ("grant_type", "password"),
        ("username", PATIENT),
        ("password", PASSWORD),
        ("user_role", "patient"),
        ("email", EMAIL),
        ("scope", "openid api:port"),
    ]
}

/// The pairs with this one instead; an empty value takes it out.
fn with<'a>(mut pairs: Vec<(&'a str, &'a str)>, name: &'a str, value: &'a str) -> Vec<(&'a str, &'a str)> {
    pairs.retain(|(own, _)| *own != name);
    if !value.is_empty() {
        pairs.push((name, value));
    }
    pairs
}

fn events(server: &Server) -> Vec<Value> {
    let log = server.writ(&["log", "-o", "ndjson", "-n", "5000"], "");
    let mut events: Vec<Value> = log.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    events.sort_by_key(|event| event["seq"].as_u64());
    events
}

/// Type and reason of what the log tells of this request.
fn told(server: &Server, answer: &Answer) -> Vec<(String, String)> {
    let corr = answer.header("x-request-id").unwrap().to_owned();
    let text = |event: &Value, name: &str| event[name].as_str().unwrap_or_default().to_owned();
    let own = events(server).into_iter().filter(|event| event["corr"] == corr.as_str());
    own.map(|event| (text(&event, "type"), text(&event, "reason"))).collect()
}

fn scopes(text: &str) -> BTreeSet<&str> {
    text.split(' ').collect()
}

#[tokio::test]
async fn appendix4_6_staff_and_patients_sign_in_at_the_token_endpoint() {
    let server = server("both").await;
    let app = client(&server, &[]);
    assert_eq!(app.registration["grant_types"], json!(["refresh_token", "password"]));
    for (pairs, scope) in [(staff(), "openid api:oemr site:default"), (patient(), "openid api:port site:default")] {
        let answer = app.post("/token", &pairs).await;
        let tokens = Tokens::of(&answer);
        assert_eq!(scopes(tokens.body["scope"].as_str().unwrap()), scopes(scope));
        assert!((3599..=3600).contains(&tokens.body["expires_in"].as_u64().unwrap()), "k-53");
        let (access, id) = (jwt_part(&tokens.access, 1), jwt_part(&tokens.id, 1));
        assert_eq!((&access["sub"], id["aud"].as_str(), &id["amr"]), (&id["sub"], Some(app.client_id.as_str()), &json!(["pwd"])));
        assert!(id["auth_time"].is_u64() && id.get("sid").is_none() && access.get("sid").is_none(), "no browser, no session: {id}");
        let introspected = app.introspect(&tokens.access).await.assert_ok();
        assert_eq!((&introspected["active"], &introspected["sub"]), (&json!(true), &id["sub"]));
        assert_eq!((introspected["username"].as_str(), &introspected["scope"]), (Some(pairs[1].1), &tokens.body["scope"]));
        assert_eq!(app.userinfo(&tokens.access).await.assert_ok()["sub"], id["sub"]);
        let again = Tokens::of(&app.refresh(&tokens.refresh).await);
        assert_eq!(jwt_part(&again.id, 1)["auth_time"], id["auth_time"], "OpenID Connect Core §12.2");
        assert_eq!(again.body["scope"], tokens.body["scope"]);
        let corr = answer.header("x-request-id").unwrap().to_owned();
        let own: Vec<Value> = events(&server).into_iter().filter(|event| event["corr"] == corr.as_str()).collect();
        assert_eq!(own.iter().map(|event| event["type"].as_str().unwrap()).collect::<Vec<_>>(), ["login.succeeded", "token.granted"]);
        assert!(own.iter().all(|event| event.get("session").is_none()), "{own:?}");
        let permitted = own[1]["begins"]["passwords_at"].as_u64().unwrap();
        let act = events(&server).into_iter().find(|event| event["seq"] == permitted).unwrap();
        assert_eq!((&act["type"], &act["client"]), (&json!("client.registered"), &json!(app.client_id)), "what stands for consent");
        app.revoke(&again.refresh).await;
        app.assert_dead(&again).await;
    }
}

#[tokio::test]
async fn k47_either_spelling_of_a_role_will_do_and_k48_none_is_needed() {
    let server = server("both").await;
    let app = client(&server, &[]);
    for (pairs, roles) in [(staff(), ["users", "api", ""]), (patient(), ["patient", "portal-api", ""])] {
        for role in roles {
            let answer = app.post("/token", &with(pairs.clone(), "user_role", role)).await;
            assert_eq!(answer.status, 200, "{role}: {}", answer.text());
        }
    }
    for spelt in ["PHIL@Example.org", " phil@example.org "] {
        app.post("/token", &with(patient(), "email", spelt)).await.assert_ok();
    }
}

#[tokio::test]
async fn each_wrong_request_is_refused_and_the_log_says_why() {
    let server = server("both").await;
    let app = client(&server, &[]);
    let other = server.site("default").confidential().await;
    server.writ(&["user", "disable", "bruno"], "");
    let (request, grant) = ("invalid_request", "invalid_grant");
    let (refused, failed, denied) = ("request.refused", "login.failed", "token.denied");
    let cases = [
        ("no name", with(staff(), "username", ""), request, refused, "parameter_missing"),
        ("no password", with(staff(), "password", ""), request, refused, "parameter_missing"),
        ("no such role", with(staff(), "user_role", "admin"), request, refused, "parameter_malformed"),
        ("a patient without address", with(patient(), "email", ""), request, refused, "parameter_missing"),
        ("a wrong password", with(staff(), "password", "guess"), grant, failed, "password_wrong"),
        ("nobody's name", with(staff(), "username", "nobody"), grant, failed, "password_wrong"),
        ("staff as a patient", with(with(patient(), "username", USERNAME), "email", "amelia@example.org"), grant, failed, "password_wrong"),
        ("a patient as staff", with(staff(), "username", PATIENT), grant, failed, "password_wrong"),
        ("another's address", with(patient(), "email", "amelia@example.org"), grant, failed, "email_wrong"),
        ("a disabled person", with(staff(), "username", "bruno"), grant, failed, "user_disabled"),
        ("no such scope", with(staff(), "scope", "telepathy"), "invalid_scope", denied, "scope_unknown"),
        ("the other directory's scope", with(staff(), "scope", "api:port"), "invalid_scope", denied, "scope_empty"),
        ("only what needs a browser", with(staff(), "scope", "online_access"), "invalid_scope", denied, "scope_empty"),
    ];
    for (what, pairs, error, kind, reason) in cases {
        let answer = app.post("/token", &pairs).await;
        assert_eq!(answer.refusal(), (400, error.to_owned()), "{what}: {}", answer.text());
        answer.assert_refused(400, error);
        assert_eq!(told(&server, &answer), [(kind.to_owned(), reason.to_owned())], "{what}");
    }
    let answer = other.post("/token", &staff()).await;
    answer.assert_refused(400, "unauthorized_client");
    assert_eq!(told(&server, &answer), [(denied.to_owned(), "grant_type_not_allowed".to_owned())], "k-32");
    let unbelieved = App { secret: Some("wrong".to_owned()), ..app.clone() };
    unbelieved.post("/token", &staff()).await.assert_refused(401, "invalid_client");
    assert!(!events(&server).iter().any(|event| event.to_string().contains("guess")), "what was typed is nowhere");
}

#[tokio::test]
async fn a_wrong_name_password_or_address_is_told_in_the_same_words() {
    let server = server("both").await;
    let app = client(&server, &[]);
    let mut texts = Vec::new();
    for pairs in
        [with(patient(), "username", "nobody"), with(patient(), "password", "guess"), with(patient(), "email", "other@example.org")]
    {
        let answer = app.post("/token", &pairs).await;
        texts.push((answer.status, answer.text()));
    }
    assert!(texts.iter().all(|text| *text == texts[0]), "{texts:?}");
}

#[tokio::test]
async fn a_site_says_whose_passwords_it_takes() {
    let server = server("off").await;
    let app = client(&server, &[]);
    let advertised = async || {
        let document = server.site("default").get("/.well-known/openid-configuration").await.json();
        document["grant_types_supported"].as_array().unwrap().contains(&json!("password"))
    };
    let off = ("unsupported_grant_type", "grant_type_unsupported");
    let not_theirs = ("invalid_grant", "role_not_allowed");
    for (setting, of_staff, of_patients) in
        [("off", Some(off), Some(off)), ("users", None, Some(not_theirs)), ("patient", Some(not_theirs), None), ("both", None, None)]
    {
        if setting != "off" {
            server.writ(&["site", "set", "default", &format!("password_grant={setting}")], "");
        }
        assert_eq!(advertised().await, setting != "off", "{setting}");
        for (pairs, refusal) in [(staff(), of_staff), (patient(), of_patients)] {
            let answer = app.post("/token", &pairs).await;
            match refusal {
                None => assert_eq!(answer.status, 200, "{setting}: {}", answer.text()),
                Some((error, reason)) => {
                    answer.assert_refused(400, error);
                    assert_eq!(told(&server, &answer)[0].1, reason, "{setting}");
                }
            }
        }
    }
    server.writ(&["site", "set", "default", "password_grant=patient"], "");
    app.post("/token", &with(staff(), "user_role", "")).await.assert_refused(400, "invalid_request");
}

#[tokio::test]
async fn only_an_administrator_lets_a_client_take_passwords() {
    let server = server("both").await;
    let site = server.site("default");
    let body = json!({ "redirect_uris": [App::REDIRECT_URI], "grant_types": ["authorization_code", "password"] });
    site.register(&body).await.assert_refused(400, "invalid_client_metadata");
    let app = site.app(json!({ "scope": SCOPE, "token_endpoint_auth_method": "client_secret_post" })).await;
    let update = async |grant_types: &str, token: &str| {
        let uri = app.registration["registration_client_uri"].as_str().unwrap();
        let mut body = json!({ "client_id": app.client_id, "redirect_uris": [App::REDIRECT_URI], "scope": SCOPE });
        body["token_endpoint_auth_method"] = "client_secret_post".into();
        body["grant_types"] = grant_types.split(' ').collect::<Vec<_>>().into();
        Request::new(http::Method::PUT, uri).body("application/json", body.to_string()).bearer(token).send().await
    };
    let token = app.registration["registration_access_token"].as_str().unwrap();
    update("authorization_code password", token).await.assert_refused(400, "invalid_client_metadata");
    app.post("/token", &staff()).await.assert_refused(400, "unauthorized_client");
    server.writ(&["client", "set", &app.client_id, "grant_types=authorization_code,password"], "");
    let tokens = Tokens::of(&app.post("/token", &staff()).await);
    let kept = update("authorization_code refresh_token password", token).await;
    assert_eq!(kept.status, 200, "what it has it may keep: {}", kept.text());
    app.post("/token", &staff()).await.assert_ok();
    server.writ(&["client", "set", &app.client_id, "grant_types=authorization_code"], "");
    app.post("/token", &staff()).await.assert_refused(400, "unauthorized_client");
    app.refresh(&tokens.refresh).await.assert_refused(400, "invalid_grant");
    let output = server.writ_output(&["client", "set", &app.client_id, "grant_types=telepathy"], "");
    assert!(!output.status.success());
}

#[tokio::test]
async fn k15_a_secret_may_be_left_out_only_for_the_grants_that_an_administrator_named() {
    let server = server("both").await;
    let app = client(&server, &["--grant-type", "authorization_code", "--redirect-uri", App::REDIRECT_URI]);
    let bare = App { secret: None, ..app.clone() };
    let first = Tokens::of(&app.post("/token", &staff()).await);
    let refused = async |answer: Answer| answer.assert_refused(401, "invalid_client");
    refused(bare.post("/token", &staff()).await).await;
    refused(bare.refresh(&first.refresh).await).await;
    let set = |value: &str| server.writ(&["client", "set", &app.client_id, &format!("legacy_secretless={value}")], "");
    set("password");
    let second = Tokens::of(&bare.post("/token", &staff()).await);
    refused(bare.refresh(&second.refresh).await).await;
    set("password,refresh");
    let third = Tokens::of(&bare.refresh(&second.refresh).await);
    bare.refresh(&second.refresh).await.assert_refused(400, "invalid_grant");
    app.assert_dead(&third).await;
    let wrong = App { secret: Some("wrong".to_owned()), ..app.clone() };
    refused(wrong.post("/token", &staff()).await).await;
    let (code, verifier) = app.code(&mut Browser::new()).await;
    refused(bare.exchange(&code, &verifier).await).await;
    refused(bare.revoke(&first.refresh).await).await;
    app.exchange(&code, &verifier).await.assert_ok();
    let shown = server.writ(&["client", "show", &app.client_id, "-o", "table"], "");
    assert!(shown.contains("legacy_secretless  password, refresh"), "{shown}");
    let told: Vec<Value> = events(&server).into_iter().filter(|event| event["type"] == "client.configured").collect();
    assert_eq!(told.iter().map(|event| event["sev"].as_str().unwrap()).collect::<Vec<_>>(), ["high", "high"]);
    assert_eq!(
        (&told[1]["before"], &told[1]["after"]),
        (&json!({ "legacy_secretless": ["password"] }), &json!({ "legacy_secretless": ["password", "refresh"] }))
    );
    set("");
    refused(bare.post("/token", &staff()).await).await;
    assert!(!server.writ_output(&["client", "set", &app.client_id, "legacy_secretless=client_credentials"], "").status.success());
    assert!(!server.writ(&["client", "show", &app.client_id, "-o", "table"], "").contains("legacy_secretless"));
}

#[tokio::test]
async fn failures_here_and_at_the_browser_are_counted_together() {
    let server = server("both").await;
    let app = client(&server, &[]);
    for _ in 0..5 {
        app.post("/token", &with(staff(), "password", "guess")).await.assert_refused(400, "invalid_grant");
    }
    let answer = app.post("/token", &staff()).await;
    answer.assert_refused(429, "invalid_grant");
    assert!(answer.header("retry-after").is_some());
    assert_eq!(told(&server, &answer), [("request.refused".to_owned(), "sign_in_delayed".to_owned())]);
    let site = server.site("default");
    let web = site.confidential().await;
    let mut browser = Browser::new();
    let page = browser.open(&web.authorization().url()).await.page();
    let stop = browser.once(page.pressed("primary", &[("username", USERNAME), ("password", PASSWORD)])).await;
    assert_eq!(stop.status, 429, "the browser waits as well");
    tokio::time::sleep(std::time::Duration::from_millis(2500)).await;
    app.post("/token", &staff()).await.assert_ok();
    app.post("/token", &with(staff(), "password", "guess")).await.assert_refused(400, "invalid_grant");
    app.post("/token", &staff()).await.assert_ok();
}

#[tokio::test]
async fn k31_the_old_path_exists_only_where_the_site_has_it() {
    let server = server("both").await;
    let app = client(&server, &[]);
    let path = |pairs: Vec<(&'static str, &'static str)>| {
        let app = app.clone();
        async move { app.post("/password", &pairs).await }
    };
    assert_eq!(path(staff()).await.status, 404);
    assert_eq!(Request::get(&app.site.url("/password")).send().await.status, 404);
    server.writ(&["site", "set", "default", "compat.password_path=true"], "");
    let named = Tokens::of(&path(staff()).await);
    let unnamed = Tokens::of(&path(with(staff(), "grant_type", "")).await);
    assert!(app.is_active(&named.access).await && app.is_active(&unnamed.access).await);
    path(with(staff(), "grant_type", "refresh_token")).await.assert_refused(400, "unsupported_grant_type");
    path(with(staff(), "password", "guess")).await.assert_refused(400, "invalid_grant");
    assert_eq!(Request::get(&app.site.url("/password")).send().await.status, 405);
    server.writ(&["site", "set", "default", "password_grant=off"], "");
    path(staff()).await.assert_refused(400, "unsupported_grant_type");
}

#[tokio::test]
async fn k13_smart_scopes_bring_a_refresh_token_only_with_offline_access() {
    let server = server("both").await;
    let app = client(&server, &[]);
    for (scope, refreshes) in [
        ("", true),
        ("openid api:oemr", true),
        ("openid fhirUser", false),
        ("openid fhirUser online_access", false),
        ("openid fhirUser offline_access", true),
        ("openid offline_access", true),
    ] {
        let body = app.post("/token", &with(staff(), "scope", scope)).await.assert_ok();
        assert_eq!(body.get("refresh_token").is_some(), refreshes, "{scope}: {body}");
        let shown = scopes(body["scope"].as_str().unwrap());
        assert!(!shown.contains("online_access"), "no session that it could end with: {shown:?}");
        if scope.is_empty() {
            assert_eq!(body["scope"], "openid", "k-11");
        }
    }
}

#[tokio::test]
async fn what_a_password_opened_ends_like_everything_else() {
    let server = server("both").await;
    let app = client(&server, &["--post-logout-redirect-uri", App::LOGOUT_URI]);
    let fresh = async || Tokens::of(&app.post("/token", &staff()).await);
    let site: Site = server.site("default");
    let first = fresh().await;
    Request::get(&app.logout_url(&[("id_token_hint", &first.id)])).send().await;
    app.assert_dead(&first).await;
    let second = fresh().await;
    server.writ(&["user", "disable", USERNAME], "");
    app.assert_dead(&second).await;
    server.writ(&["user", "enable", USERNAME], "");
    let third = fresh().await;
    server.kill_and_restart();
    assert!(app.is_active(&third.access).await);
    server.writ(&["client", "disable", &app.client_id], "");
    assert_eq!(app.userinfo(&third.access).await.status, 401);
    assert_eq!(site.get("/jwk").await.status, 200);
}
