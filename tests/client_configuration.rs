//! RFC 7592: a client reads, replaces and deletes its own registration.

use crate::harness::{Answer, App, Browser, Request, Site};
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
    assert_eq!(at(&app, Method::GET, &token(&app)).send().await.status, 401);
    assert_eq!(at(&app, Method::GET, &new).send().await.assert_ok()["client_name"], json!("New Name"));
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
