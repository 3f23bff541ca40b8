//! `client_credentials` (RFC 6749 §4.4, SPEC.md a.5, e.4, f, k-42, k-43): a client acts for itself.

use crate::harness::{Answer, App, ClientKey, Request, Server, Signer, Site, jwt_part};
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::sync::Arc;

const SYSTEM: &str = "system/Patient.rs system/Observation.rs";

/// A server whose site knows a word of its own.
async fn server() -> Arc<Server> {
    let server = Server::alone().await;
    let site: Value = serde_json::from_str(&server.writ(&["site", "show", "default", "-o", "ndjson"], "")).unwrap();
    let catalogue = format!("scopes={} reports.read reports.write", site["settings"]["scopes"].as_str().unwrap());
    server.writ(&["site", "set", "default", &catalogue], "");
    server
}

/// A client without people that proves by a key who it is, and that an administrator has let in.
async fn with_key(site: &Site, scope: &str) -> Signer {
    let key = ClientKey::new("ES384", "first");
    let members = json!({
        "token_endpoint_auth_method": "private_key_jwt", "jwks": { "keys": [key.jwk()] }, "scope": scope,
        "grant_types": ["client_credentials"], "redirect_uris": null, "post_logout_redirect_uris": null,
    });
    let app = site.app(members).await;
    assert_eq!((&app.registration["grant_types"], &app.registration["response_types"]), (&json!(["client_credentials"]), &json!([])));
    if app.registration["client_status"] == "pending_approval" {
        site.server.writ(&["client", "approve", &app.client_id], "");
    }
    Signer { app, key }
}

/// A client without people that has a secret.
async fn with_secret(site: &Site, scope: &str) -> App {
    site.app(json!({ "scope": scope, "grant_types": ["client_credentials"], "redirect_uris": null })).await
}

async fn ask(signer: &Signer, scope: Option<&str>) -> Answer {
    let pairs: Vec<(&str, &str)> = [("grant_type", "client_credentials")].into_iter().chain(scope.map(|scope| ("scope", scope))).collect();
    signer.post("/token", &pairs, &signer.assertion()).await
}

fn events(server: &Server, client: &str) -> Vec<Value> {
    let log = server.writ(&["log", &format!("--client={client}"), "-o", "ndjson", "-n", "1000"], "");
    log.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

fn reason_of_the_last(server: &Server, client: &str, kind: &str) -> String {
    let all = events(server, client);
    let told = all.iter().filter(|event| event["type"] == kind).max_by_key(|event| event["seq"].as_u64());
    told.map(|event| event["reason"].as_str().unwrap_or_default().to_owned()).unwrap_or_default()
}

fn scopes(text: &str) -> BTreeSet<&str> {
    text.split(' ').collect()
}

#[tokio::test]
async fn k42_a_client_with_a_key_gets_system_scopes_for_itself_for_five_minutes() {
    let server = server().await;
    let site = server.site("default");
    let signer = with_key(&site, &format!("{SYSTEM} reports.read")).await;
    let answer = ask(&signer, Some(SYSTEM)).await;
    answer.assert_not_stored();
    let body = answer.assert_ok();
    let members: Vec<&str> = body.as_object().unwrap().keys().map(String::as_str).collect();
    assert_eq!(members, ["access_token", "expires_in", "scope", "token_type"], "no ID token and no refresh token");
    assert!((299..=300).contains(&body["expires_in"].as_u64().unwrap()) && body["token_type"] == "Bearer", "{body}");
    assert_eq!(scopes(body["scope"].as_str().unwrap()), scopes(SYSTEM));
    let token = body["access_token"].as_str().unwrap();
    let claims = jwt_part(token, 1);
    let id = signer.app.client_id.as_str();
    assert_eq!((claims["sub"].as_str(), claims["client_id"].as_str(), claims["aud"].as_str()), (Some(id), Some(id), Some(id)));
    assert_eq!(claims["exp"].as_u64().unwrap() - claims["iat"].as_u64().unwrap(), 300);
    assert!(claims.get("sid").is_none(), "{claims}");
    let told = signer.post("/introspect", &[("token", token)], &signer.assertion()).await.assert_ok();
    assert_eq!((&told["active"], &told["sub"], &told["scope"]), (&json!(true), &json!(id), &body["scope"]), "k-25: one scope");
    assert!(told.get("username").is_none(), "{told}");
    let granted = events(&server, id).into_iter().find(|event| event["type"] == "token.granted").unwrap();
    assert_eq!(granted["begins"], json!({ "grant_type": "client_credentials" }));
    assert!(["user", "session", "generation", "id_token"].iter().all(|name| granted.get(name).is_none()), "{granted}");
    let story = server.writ(&["explain", "token", claims["jti"].as_str().unwrap(), "-o", "json"], "");
    assert_eq!(serde_json::from_str::<Value>(&story).unwrap()["about"]["user"], Value::Null, "{story}");
}

#[tokio::test]
async fn such_a_token_reads_nobodys_claims_and_is_revoked_like_any_other() {
    let server = server().await;
    let signer = with_key(&server.site("default"), SYSTEM).await;
    let token = async || ask(&signer, None).await.assert_ok()["access_token"].as_str().unwrap().to_owned();
    let active = async |token: &str| {
        signer.post("/introspect", &[("token", token)], &signer.assertion()).await.assert_ok()["active"].as_bool().unwrap()
    };
    let first = token().await;
    let userinfo = signer.app.userinfo(&first).await;
    assert_eq!((userinfo.status, userinfo.header("www-authenticate").unwrap().contains("insufficient_scope")), (403, true));
    server.kill_and_restart();
    assert!(active(&first).await, "it outlives a restart");
    assert_eq!(signer.post("/revoke", &[("token", &first)], &signer.assertion()).await.status, 200);
    assert!(!active(&first).await);
    let second = token().await;
    server.writ(&["client", "disable", &signer.app.client_id], "");
    let asker = server.site("default").confidential().await;
    assert_eq!(signer.app.userinfo(&second).await.status, 401);
    ask(&signer, None).await.assert_refused(401, "invalid_client");
    server.writ(&["client", "enable", &signer.app.client_id], "");
    assert!(active(&second).await, "it was dead only while its client was disabled");
    assert_eq!(asker.introspect(&second).await.assert_ok(), json!({ "active": false }), "it is another client's");
}

#[tokio::test]
async fn k43_system_scopes_need_a_key_and_a_secret_is_enough_for_a_word_of_the_site() {
    let server = server().await;
    let site = server.site("default");
    let register = async |members: Value| {
        let mut body = json!({ "redirect_uris": [App::REDIRECT_URI], "grant_types": ["authorization_code", "client_credentials"] });
        body.as_object_mut().unwrap().extend(members.as_object().unwrap().clone());
        site.register(&body).await
    };
    let keys = json!({ "keys": [ClientKey::new("ES384", "first").jwk()] });
    for (members, why) in [
        (json!({ "scope": SYSTEM }), "jwks is invalid"),
        (json!({ "scope": SYSTEM, "jwks": keys }), "private_key_jwt"),
        (json!({ "scope": "reports.read", "token_endpoint_auth_method": "none" }), "confidential"),
        (json!({ "scope": SYSTEM, "token_endpoint_auth_method": "none", "jwks": keys }), "confidential"),
    ] {
        let answer = register(members.clone()).await;
        answer.assert_refused(400, "invalid_client_metadata");
        assert!(answer.member("error_description").contains(why), "{members}: {}", answer.text());
    }
    let app = with_secret(&site, "reports.read").await;
    let body = app.post("/token", &[("grant_type", "client_credentials")]).await.assert_ok();
    assert_eq!(body["scope"], "reports.read", "what it registered is what it means if it does not say");
    let claims = jwt_part(body["access_token"].as_str().unwrap(), 1);
    assert_eq!(claims["sub"], app.client_id.as_str());
    let nobody = Request::form(&site.url("/token"), &[("grant_type", "client_credentials"), ("client_id", &app.client_id)]).send().await;
    nobody.assert_refused(401, "invalid_client");
}

#[tokio::test]
async fn nothing_about_a_person_is_ever_granted_to_a_client_for_itself() {
    let server = server().await;
    let site = server.site("default");
    let of_people = "openid profile fhirUser offline_access launch/patient patient/Patient.rs user/Patient.rs api:oemr";
    let signer = with_key(&site, &format!("{of_people} {SYSTEM} reports.read")).await;
    let id = signer.app.client_id.clone();
    ask(&signer, Some(of_people)).await.assert_refused(400, "invalid_scope");
    assert_eq!(reason_of_the_last(&server, &id, "token.denied"), "scope_empty");
    for (asked, granted) in [
        (format!("{of_people} system/Patient.rs"), "system/Patient.rs"),
        (format!("{of_people} {SYSTEM} reports.read reports.write"), "reports.read system/Observation.rs system/Patient.rs"),
        ("system/*.rs".to_owned(), SYSTEM),
    ] {
        let body = ask(&signer, Some(&asked)).await.assert_ok();
        assert_eq!(scopes(body["scope"].as_str().unwrap()), scopes(granted), "{asked}");
    }
    for unknown in ["system/Patient.rs telepathy", "system:Patient.read"] {
        ask(&signer, Some(unknown)).await.assert_refused(400, "invalid_scope");
    }
    let app = with_secret(&site, "openid reports.read").await;
    app.post("/token", &[("grant_type", "client_credentials"), ("scope", "openid")]).await.assert_refused(400, "invalid_scope");
}

#[tokio::test]
async fn a_client_that_did_not_register_the_grant_is_unauthorized() {
    let server = server().await;
    let site = server.site("default");
    for app in [site.confidential().await, site.public().await] {
        app.post("/token", &[("grant_type", "client_credentials")]).await.assert_refused(400, "unauthorized_client");
        assert_eq!(reason_of_the_last(&server, &app.client_id, "token.denied"), "grant_type_not_allowed");
    }
    let machine = with_secret(&site, "reports.read").await;
    for (grant_type, parameter) in [("authorization_code", "code"), ("refresh_token", "refresh_token")] {
        machine.post("/token", &[("grant_type", grant_type), (parameter, "x")]).await.assert_refused(400, "unauthorized_client");
    }
    let page = Request::get(&format!("{}?client_id={}&response_type=code", site.url("/authorize"), machine.client_id)).send().await;
    assert!(page.location().is_none(), "it sends people nowhere: {:?}", page.headers);
}

#[tokio::test]
async fn a_site_without_system_scopes_registers_none_and_grants_none() {
    let server = server().await;
    let site = server.site("default");
    let before = with_key(&site, &format!("{SYSTEM} reports.read")).await;
    server.writ(&["site", "set", "default", "system_scopes=false"], "");
    ask(&before, Some(SYSTEM)).await.assert_refused(400, "invalid_scope");
    assert_eq!(reason_of_the_last(&server, &before.app.client_id, "token.denied"), "scope_empty");
    assert_eq!(ask(&before, None).await.assert_ok()["scope"], "reports.read");
    let keys = json!({ "keys": [before.key.jwk()] });
    let members = json!({
        "token_endpoint_auth_method": "private_key_jwt", "jwks": keys, "scope": SYSTEM, "grant_types": ["client_credentials"],
    });
    site.register(&members).await.assert_refused(400, "invalid_client_metadata");
    server.writ(&["site", "set", "default", "system_scopes=true"], "");
    assert_eq!(site.register(&members).await.status, 201);
}

#[tokio::test]
async fn a_shorter_life_of_the_sites_tokens_is_these_tokens_life_too() {
    let server = server().await;
    let app = with_secret(&server.site("default"), "reports.read").await;
    for (site_seconds, expected) in [("60", 60), ("3600", 300)] {
        server.writ(&["site", "set", "default", &format!("access_seconds={site_seconds}")], "");
        let body = app.post("/token", &[("grant_type", "client_credentials")]).await.assert_ok();
        let claims = jwt_part(body["access_token"].as_str().unwrap(), 1);
        assert_eq!(claims["exp"].as_u64().unwrap() - claims["iat"].as_u64().unwrap(), expected);
    }
}
