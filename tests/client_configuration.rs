//! RFC 7592: a client reads, replaces and deletes its own registration.

use crate::harness::{Answer, App, Browser, Request, Server, Site};
use http::Method;
use serde_json::{Value, json};

fn at(app: &App, method: Method, token: &str) -> Request {
    Request::new(method, app.registration["registration_client_uri"].as_str().unwrap()).bearer(token)
}

fn token(app: &App) -> String {
    app.registration["registration_access_token"].as_str().unwrap().to_owned()
}

async fn put(app: &App, token: &str, members: Value) -> Answer {
    let mut body = json!({"client_id": app.client_id, "redirect_uris": [App::REDIRECT_URI], "client_name": "Growth Chart"});
    for (name, value) in members.as_object().unwrap() {
        body[name] = value.clone();
    }
    at(app, Method::PUT, token).body("application/json", body.to_string()).send().await
}

#[tokio::test]
async fn a_client_reads_what_it_registered() {
    let app = Site::standard().await.confidential().await;
    let answer = at(&app, Method::GET, &token(&app)).send().await;
    let body = answer.assert_ok();
    answer.assert_not_stored();
    for member in ["client_id", "client_name", "redirect_uris", "scope", "grant_types", "token_endpoint_auth_method", "client_id_issued_at"]
    {
        assert_eq!(body[member], app.registration[member], "{member}");
    }
    assert_eq!(body["registration_client_uri"], app.registration["registration_client_uri"]);
    assert_eq!(body["registration_access_token"], token(&app).as_str(), "beside its address (RFC 7592 §3)");
    assert_eq!(body.get("client_secret"), None, "only a digest is kept");
}

#[tokio::test]
async fn a_wrong_token_and_a_wrong_address_look_alike() {
    let site = Site::standard().await;
    let (app, other) = (site.confidential().await, site.confidential().await);
    let mut refusals = vec![];
    for method in [Method::GET, Method::DELETE] {
        refusals.push(at(&app, method.clone(), &token(&other)).send().await);
        refusals.push(at(&app, method.clone(), "wrong").send().await);
        refusals.push(Request::new(method.clone(), app.registration["registration_client_uri"].as_str().unwrap()).send().await);
        refusals.push(Request::new(method.clone(), &site.url("/client/AAAAAAAAAAAAAAAAAAAAAA")).bearer(&token(&app)).send().await);
        refusals.push(Request::new(method, &site.url("/client/x")).bearer(&token(&app)).send().await);
    }
    refusals.push(put(&app, &token(&other), json!({})).await);
    for refusal in refusals {
        assert_eq!(refusal.status, 401, "{}", refusal.text());
        assert!(refusal.header("www-authenticate").unwrap().starts_with("Bearer"), "{:?}", refusal.headers);
    }
    let uri = app.registration["registration_client_uri"].as_str().unwrap();
    let in_query = Request::get(&format!("{uri}?access_token={}", token(&app))).send().await;
    assert_eq!(in_query.status, 401, "a token in the query is not read");
    assert_eq!(at(&app, Method::GET, &token(&app)).send().await.status, 200);
}

#[tokio::test]
async fn replacing_takes_effect_at_once_and_changes_the_token() {
    let app = Site::standard().await.confidential().await;
    let elsewhere = "https://client.example.org/elsewhere";
    let answer = put(&app, &token(&app), json!({"redirect_uris": [elsewhere], "client_name": "New Name", "scope": "openid"})).await;
    let body = answer.assert_ok();
    assert_eq!((&body["redirect_uris"], &body["client_name"]), (&json!([elsewhere]), &json!("New Name")));
    assert_eq!(Browser::new().open(&app.authorization().url()).await.page().status(), 400);
    let request = app.authorization().with("redirect_uri", elsewhere).with("scope", "openid");
    assert!(Browser::new().open(&request.url()).await.page().text().contains("New Name"));
    let new = answer.member("registration_access_token");
    assert!(new != token(&app) && new.len() == 43);
    assert_eq!(at(&app, Method::GET, &new).send().await.assert_ok()["client_name"], json!("New Name"));
    assert_eq!(at(&app, Method::GET, &token(&app)).send().await.status, 401);
}

#[tokio::test]
async fn a_client_whose_answers_were_lost_is_not_locked_out() {
    let app = Site::standard().await.confidential().await;
    let first = token(&app);
    let lost = put(&app, &first, json!({"client_name": "Lost"})).await.member("registration_access_token");
    let lost_too = put(&app, &first, json!({"client_name": "Lost too"})).await.member("registration_access_token");
    let second = put(&app, &first, json!({"client_name": "Heard"})).await.member("registration_access_token");
    for gone in [&lost, &lost_too] {
        assert_eq!(at(&app, Method::GET, gone).send().await.status, 401, "another answer came after it");
    }
    let third = put(&app, &second, json!({"client_name": "Heard again"})).await.member("registration_access_token");
    assert_eq!(at(&app, Method::GET, &first).send().await.status, 401, "its successor has been used");
    assert_eq!(put(&app, &first, json!({})).await.status, 401);
    assert_eq!(at(&app, Method::GET, &second).send().await.status, 200, "its successor may have been lost");
    assert_eq!(at(&app, Method::GET, &third).send().await.assert_ok()["client_name"], json!("Heard again"));
    assert_eq!(at(&app, Method::DELETE, &second).send().await.status, 401, "its successor has been used");
    assert_eq!(at(&app, Method::DELETE, &third).send().await.status, 204);
}

#[tokio::test]
async fn what_is_shown_is_durable_even_while_it_is_being_replaced() {
    let site = Site::standard().await;
    for _ in 0..8 {
        let app = site.app(json!({"contacts": ["me@example.org"]})).await;
        let first = token(&app);
        let mut asked = tokio::task::JoinSet::new();
        for n in 0..6 {
            let (app, first) = (app.clone(), first.clone());
            asked.spawn(async move {
                match n % 2 {
                    0 => put(&app, &first, json!({"contacts": [format!("{n}@example.org")]})).await.status,
                    _ => at(&app, Method::GET, &first).send().await.status,
                }
            });
        }
        while let Some(status) = asked.join_next().await {
            assert_eq!(status.unwrap(), 200);
        }
    }
}

async fn shown(app: &App) -> String {
    Browser::new().open(&app.authorization().url()).await.page().text()
}

const UNCHECKED: &str = "Nobody here has checked this app";

#[tokio::test]
async fn what_was_approved_is_not_approved_as_another_app() {
    let server = Server::alone().await;
    server.writ(&["site", "set", "default", "app_approval=manual", "authorize.implicit=true"], "");
    let site = server.site("default");
    let elsewhere = "https://client.example.org/elsewhere";
    for (members, is_another) in [
        (json!({"client_name": "Growth Chart"}), false),
        (json!({"software_version": "2"}), false),
        (json!({"scope": "openid"}), false),
        (json!({"client_name": "Your Bank"}), true),
        (json!({"client_name": null}), true),
        (json!({"client_name#fr": "Votre banque"}), true),
        (json!({"redirect_uris": [App::REDIRECT_URI, elsewhere]}), true),
        (json!({"post_logout_redirect_uris": [elsewhere]}), true),
        (json!({"policy_uri": elsewhere}), true),
        (json!({"logo_uri": elsewhere}), true),
        (json!({"grant_types": ["authorization_code"]}), false),
        (json!({"grant_types": ["authorization_code", "refresh_token", "client_credentials"]}), true),
        (json!({"grant_types": ["authorization_code", "refresh_token", "implicit"], "response_types": ["code", "id_token token"]}), true),
    ] {
        let app = site.app(json!({"post_logout_redirect_uris": null})).await;
        assert_eq!(app.registration["client_status"], json!("pending_approval"));
        server.writ(&["client", "approve", &app.client_id], "");
        assert!(!shown(&app).await.contains(UNCHECKED));
        let mut all = json!({"scope": app.scope});
        all.as_object_mut().unwrap().extend(members.as_object().unwrap().clone());
        let status = put(&app, &token(&app), all).await.assert_ok()["client_status"].clone();
        let wanted = if is_another { "pending_approval" } else { "enabled" };
        assert_eq!(status, json!(wanted), "{members}");
        if !is_another && !members["scope"].is_string() {
            assert!(!shown(&app).await.contains(UNCHECKED), "{members}");
        }
    }
}

#[tokio::test]
async fn where_no_approval_is_needed_another_app_loses_what_an_administrator_said_of_it() {
    let site = Server::alone().await.site("default");
    let added = ["client", "add", "--name", "Growth Chart", "--redirect-uri", App::REDIRECT_URI, "-o", "json"];
    let app = App::registered(&site, serde_json::from_str(&site.server.writ(&added, "")).unwrap());
    assert!(!shown(&app).await.contains(UNCHECKED));
    let scope = json!({"client_name": "Your Bank", "scope": app.scope});
    assert_eq!(put(&app, &token(&app), scope).await.assert_ok()["client_status"], json!("enabled"));
    assert!(shown(&app).await.contains(UNCHECKED));
}

#[tokio::test]
async fn enabling_is_not_approving() {
    let server = Server::alone().await;
    let site = server.site("default");
    let open = site.confidential().await;
    server.writ(&["client", "disable", &open.client_id], "");
    server.writ(&["client", "enable", &open.client_id], "");
    assert!(shown(&open).await.contains(UNCHECKED), "nobody approved it");
    server.writ(&["site", "set", "default", "app_approval=manual"], "");
    let app = site.confidential().await;
    assert!(!server.writ_output(&["client", "enable", &app.client_id], "").status.success(), "it waits for approval");
    server.writ(&["client", "disable", &app.client_id], "");
    let enabled = server.writ(&["client", "enable", &app.client_id, "-o", "json"], "");
    assert!(enabled.contains("pending_approval"), "{enabled}");
    app.refresh("x").await.assert_refused(401, "invalid_client");
    server.writ(&["client", "approve", &app.client_id], "");
    assert!(!shown(&app).await.contains(UNCHECKED));
}

#[tokio::test]
async fn what_may_not_be_registered_may_not_be_put_either() {
    let app = Site::standard().await.confidential().await;
    for (members, error) in [
        (json!({"redirect_uris": ["http://evil.example/cb"]}), "invalid_redirect_uri"),
        (json!({"redirect_uris": []}), "invalid_redirect_uri"),
        (json!({"scope": "openid no:such"}), "invalid_client_metadata"),
        (json!({"client_id": "LnjqojEEjFYe5j2Jp9m9UnmuxOnMg4VodEJj3yE8_OA"}), "invalid_client_metadata"),
        (json!({"client_secret": "chosen-by-the-client"}), "invalid_client_metadata"),
        (json!({"client_secret": 5}), "invalid_client_metadata"),
        (json!({"client_secret": [app.secret]}), "invalid_client_metadata"),
    ] {
        let answer = put(&app, &token(&app), members.clone()).await;
        let (status, code) = answer.refusal();
        assert!(status == 400 && (code == error || code == "invalid_request"), "{members}: {}", answer.text());
    }
    let body = at(&app, Method::GET, &token(&app)).send().await.assert_ok();
    assert_eq!(body["redirect_uris"], json!([App::REDIRECT_URI]), "a refused replacement changes nothing");
}

#[tokio::test]
async fn a_deleted_client_is_gone_with_everything_it_held() {
    let app = Site::standard().await.confidential().await;
    let tokens = app.tokens(&mut Browser::new()).await;
    let (code, verifier) = app.code(&mut Browser::new()).await;
    let answer = at(&app, Method::DELETE, &token(&app)).send().await;
    assert_eq!((answer.status, answer.body.len()), (204, 0));
    assert_eq!(app.userinfo(&tokens.access).await.status, 401);
    app.refresh(&tokens.refresh).await.assert_refused(401, "invalid_client");
    app.exchange(&code, &verifier).await.assert_refused(401, "invalid_client");
    assert_eq!(at(&app, Method::GET, &token(&app)).send().await.status, 401);
    assert_eq!(Browser::new().open(&app.authorization().url()).await.page().status(), 400);
}
