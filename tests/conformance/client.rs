//! A client as the suite registers one: it says nothing of scopes, which OpenID Connect Registration does not know, and has a key.

use super::checks::must_be_url;
use crate::harness::{Answer, App, ClientKey, JWT_BEARER, Request, Signer, Site, now};
use serde_json::{Map, Value, json};
use std::sync::LazyLock;

/// One key for all clients: what is tried is what the server does with it.
pub static KEY: LazyLock<ClientKey> = LazyLock::new(|| ClientKey::new("RS256", "of-the-client"));

/// Registers one for these response types, and holds the answer against OpenID Connect Registration §3.2.
pub async fn register(site: &Site, method: &str, response_type: &str, members: &Value) -> App {
    let body = body(method, response_type, members);
    let answer = as_sent(Request::json(&site.url("/registration"), &Value::Object(body.clone()))).send().await;
    assert_eq!(answer.status, 201, "{}", answer.text());
    answer.assert_not_stored();
    let told = answer.json();
    assert!(told.get("error").is_none() && told["client_id"].as_str().is_some_and(|id| !id.is_empty()), "{told}");
    must_be_url(&told["registration_client_uri"]);
    assert!(told["registration_access_token"].as_str().is_some_and(|token| !token.is_empty()), "{told}");
    assert_eq!(told.get("client_secret").is_some(), method != "private_key_jwt", "{told}");
    assert!(told.get("client_secret").is_none() || told["client_secret_expires_at"].is_u64(), "{told}");
    for (name, value) in body {
        // What a client may refresh goes without saying.
        let (asked, told) = (listed(&value), listed(&told[&name]));
        assert!(told == asked || name == "grant_types" && asked.iter().all(|own| told.contains(own)), "{name}: {told:?}");
    }
    App::registered(site, told)
}

fn body(method: &str, response_type: &str, members: &Value) -> Map<String, Value> {
    let has = |word: &str| response_type.split(' ').any(|own| own == word);
    let grants = [("authorization_code", has("code")), ("implicit", has("token") || has("id_token"))];
    let grants: Vec<&str> = grants.iter().filter(|(_, needed)| *needed).map(|(grant, _)| *grant).collect();
    let mut body = json!({
        "client_name": "Certified Client 7",
        "grant_types": grants,
        "jwks": { "keys": [KEY.jwk()] },
        "token_endpoint_auth_method": method,
        "response_types": [response_type],
        "redirect_uris": [App::REDIRECT_URI],
        "contacts": ["certification@client.example.org"],
    });
    let body = body.as_object_mut().unwrap();
    body.extend(members.as_object().unwrap().clone());
    body.retain(|_, value| !value.is_null());
    body.clone()
}

fn listed(value: &Value) -> Vec<Value> {
    value.as_array().cloned().unwrap_or_else(|| vec![value.clone()])
}

/// A client that is done with takes itself out (RFC 7592 §2.3).
pub async fn unregister(app: &App) {
    let (uri, token) = (app.registration["registration_client_uri"].as_str().unwrap(), &app.registration["registration_access_token"]);
    let request = as_sent(Request::new(http::Method::DELETE, uri).bearer(token.as_str().unwrap()));
    assert_eq!(request.send().await.status, 204);
}

/// A token request of this client, authenticated as it registered.
pub async fn token(app: &App, pairs: &[(&str, &str)]) -> Answer {
    if app.method != "private_key_jwt" {
        return as_sent(app.request("/token", pairs)).send().await;
    }
    let signer = Signer { app: app.clone(), key: KEY.clone() };
    let assertion = signer.assertion_with(json!({ "nbf": now() }));
    let own = [("client_assertion_type", JWT_BEARER), ("client_assertion", assertion.as_str())];
    as_sent(Request::form(&app.site.url("/token"), &[pairs, &own].concat())).send().await
}

/// What userinfo says to this token.
pub async fn userinfo(app: &App, token: &str) -> Answer {
    as_sent(Request::get(&app.site.url("/userinfo")).bearer(token)).send().await
}

/// With the header fields of the suite's own client: it names a charset where none is defined, and wants JSON even where it gets a JWT.
pub fn as_sent(mut request: Request) -> Request {
    for (_, value) in request.headers.iter_mut().filter(|(_, value)| value == "application/x-www-form-urlencoded") {
        value.push_str(";charset=UTF-8");
    }
    request.header("accept", "application/json").header("accept-charset", "utf-8")
}
