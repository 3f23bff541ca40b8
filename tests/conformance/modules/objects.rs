//! Requests whose parameters come as a JWT (OpenID Connect Core §6).

use crate::conformance::client::KEY;
use crate::conformance::plan::Plan;
use crate::harness::{App, Authorization, Behaviour, Browser, KeyServer, Stop};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use serde_json::{Map, Value, json};

/// What the suite says beside an object too, because OAuth 2.0 wants it there.
const BESIDE: [&str; 5] = ["response_type", "client_id", "scope", "redirect_uri", "response_mode"];

fn claims(request: &Authorization) -> Map<String, Value> {
    request.params.iter().map(|(name, value)| (name.clone(), json!(value))).collect()
}

fn unsigned(claims: &Map<String, Value>) -> String {
    let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
    format!("{}.{}.", part(&json!({ "alg": "none" })), part(&Value::Object(claims.clone())))
}

/// The request with its object; `state` and `nonce` stand nowhere but inside.
fn beside(request: &Authorization, name: &str, object: &str) -> Authorization {
    let mut bare = request.clone();
    bare.params.retain(|(name, _)| BESIDE.contains(&name.as_str()));
    bare.with(name, object)
}

/// The flow of a request that is sent as `sent`, which says the same.
async fn succeeds(plan: &Plan, app: &App, request: &Authorization, sent: &Authorization) {
    let mut browser = Browser::new();
    let stop = browser.open(&sent.url()).await;
    let callback = plan.answered(app, &mut browser, request, stop).await;
    plan.finish(app, request, callback).await;
}

/// A client's server that shows what it is told to, at an address whose fragment is not the digest of it.
async fn shown_at() -> (KeyServer, String) {
    let server = KeyServer::start(Behaviour::keys(&[])).await;
    let uri = format!("{}#{}", server.url, crate::harness::s256("something else"));
    (server, uri)
}

fn shows(server: &KeyServer, object: String) {
    let headers = vec![("content-type", "application/jwt".to_owned())];
    server.behave(Behaviour { headers, body: object, ..Behaviour::status(200) });
}

pub async fn request_uri(plan: Plan) {
    let (server, uri) = shown_at().await;
    let app = plan.client(json!({ "request_uris": [uri] })).await;
    let request = plan.request(&app).with("state", "inside1234");
    shows(&server, unsigned(&claims(&request)));
    succeeds(&plan, &app, &request, &beside(&request, "request_uri", &uri)).await;
    assert_eq!(server.requests(), 1);
}

pub async fn request_uri_signed(plan: Plan) {
    let (server, uri) = shown_at().await;
    let app = plan.client(json!({ "request_uris": [uri], "request_object_signing_alg": "RS256" })).await;
    let request = plan.request(&app);
    let mut inside = claims(&request);
    inside.extend([("aud".to_owned(), json!(plan.site.issuer())), ("iss".to_owned(), json!(app.client_id))]);
    shows(&server, KEY.sign(&json!({ "alg": "RS256", "kid": KEY.kid }), &Value::Object(inside)));
    succeeds(&plan, &app, &request, &beside(&request, "request_uri", &uri)).await;
    assert_eq!(server.requests(), 1);
}

pub async fn request_object(plan: Plan) {
    let app = plan.client(json!({})).await;
    let request = plan.request(&app);
    succeeds(&plan, &app, &request, &beside(&request, "request", &unsigned(&claims(&request)))).await;
    let unregistered = plan.request(&app).with("request_uri", "https://client.example.org/unregistered.jwt");
    let stop = Browser::new().open(&unregistered.url()).await;
    assert_eq!(plan.read(&unregistered, stop).must("error"), "invalid_request_uri");
}

/// The address inside goes before a wrong one beside it, and a wrong one inside before the right one beside it.
pub async fn redirect_uri_inside(plan: Plan) {
    let app = plan.client(json!({})).await;
    let (request, invalid) = (plan.request(&app), format!("{}_invalid", App::REDIRECT_URI));
    let sent = beside(&request, "request", &unsigned(&claims(&request))).with("redirect_uri", &invalid);
    succeeds(&plan, &app, &request, &sent).await;
    let wrong_inside = unsigned(&claims(&request.clone().with("redirect_uri", &invalid)));
    let stop = Browser::new().open(&beside(&request, "request", &wrong_inside).url()).await;
    assert!(matches!(&stop, Stop::Shown(page) if page.status() == 400 && page.text().contains("redirect_uri")));
}
