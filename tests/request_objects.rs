//! `request` and `request_uri` (RFC 9101, OpenID Connect Core §6), on a site that takes them.

use crate::front::{client, site};
use crate::harness::{App, Authorization, Behaviour, Browser, Callback, ClientKey, KeyServer, Stop, Way, jwt_part, now};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use serde_json::{Value, json};
use std::time::Duration;

fn unsigned(claims: &Value) -> String {
    let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
    format!("{}.{}.", part(&json!({ "alg": "none" })), part(claims))
}

fn signed(key: &ClientKey, claims: &Value) -> String {
    key.sign(&json!({ "alg": key.alg, "kid": key.kid, "typ": "oauth-authz-req+jwt" }), claims)
}

/// What the object says if nothing is wrong with it.
fn claims(app: &App, further: Value) -> Value {
    let mut claims = json!({ "iss": app.client_id, "aud": app.site.issuer(), "client_id": app.client_id, "nonce": "inside" });
    claims.as_object_mut().unwrap().extend(further.as_object().unwrap().clone());
    claims.as_object_mut().unwrap().retain(|_, value| !value.is_null());
    claims
}

/// The answer to a program, which reads no pages.
async fn asked(request: &Authorization) -> Callback {
    let stop = Browser::new().open_as_program(&request.url()).await;
    Callback::of(stop, request.get("redirect_uri").unwrap_or(App::REDIRECT_URI))
}

#[tokio::test]
async fn what_stands_in_the_object_supersedes_what_stands_beside_it() {
    let site = site().await;
    let app = client(&site, json!({ "redirect_uris": [App::REDIRECT_URI, "https://client.example.org/other"] })).await;
    let inside = json!({
        "response_type": "code id_token", "redirect_uri": "https://client.example.org/other", "state": "inside", "scope": "openid email",
        "max_age": 10_000, "response_mode": "form_post",
    });
    let request = app.authorization().with("response_type", "id_token code").with("request", &unsigned(&claims(&app, inside)));
    let mut browser = Browser::new();
    let expected = request.clone().with("state", "inside").with("redirect_uri", "https://client.example.org/other");
    let page = browser.open(&request.url()).await.page();
    let mut stop = browser.sign_in(&page, crate::harness::USERNAME, crate::harness::PASSWORD).await;
    if let Stop::Shown(page) = &stop
        && page.is_consent()
    {
        assert!(!page.text().contains("offline_access"), "the object asks for less");
        stop = browser.press(&stop.page(), "primary", &[]).await;
    }
    let callback = Callback::of(stop, expected.get("redirect_uri").unwrap());
    assert_eq!((callback.way, callback.must("state")), (Way::FormPost, "inside"));
    assert_eq!(jwt_part(callback.must("id_token"), 1)["nonce"], "inside");
    let other = [("redirect_uri", "https://client.example.org/other"), ("grant_type", "authorization_code")];
    let verifier = ("code_verifier", request.verifier.as_deref().unwrap());
    let answer = app.post("/token", &[&other[..], &[("code", callback.must("code")), verifier]].concat()).await;
    assert_eq!(answer.status, 200, "{}", answer.text());
}

#[tokio::test]
async fn an_object_may_bring_all_but_the_client() {
    let app = client(&site().await, json!({})).await;
    let full: Value = app.authorization().without_pkce().params.iter().map(|(name, value)| (name.clone(), json!(value))).collect();
    let request = full.as_object().unwrap().keys().fold(app.authorization().without_pkce(), |request, name| request.without(name));
    let request = request.with("client_id", &app.client_id).with("request", &unsigned(&claims(&app, full)));
    assert!(Browser::new().open(&request.url()).await.page().is_sign_in());
}

#[tokio::test]
async fn each_algorithm_that_is_offered_is_taken() {
    let site = site().await;
    let offered = site.get("/.well-known/openid-configuration").await.assert_ok()["request_object_signing_alg_values_supported"].clone();
    assert_eq!(offered, json!(["none", "RS256", "PS256", "ES256", "EdDSA"]));
    for alg in ["RS256", "PS256", "ES256", "EdDSA"] {
        let key = ClientKey::new(alg, "first");
        let members = json!({ "jwks": { "keys": [key.jwk()] }, "request_object_signing_alg": alg });
        let app = client(&site, members).await;
        assert_eq!(app.registration["request_object_signing_alg"], alg);
        let request = app.authorization().with("request", &signed(&key, &claims(&app, json!({ "exp": now() + 60 }))));
        assert!(Browser::new().open(&request.url()).await.page().is_sign_in(), "{alg}");
        let unsigned = app.authorization().with("request", &unsigned(&claims(&app, json!({}))));
        assert_eq!(asked(&unsigned).await.must("error"), "invalid_request_object", "registered for {alg}, so it must be signed");
    }
}

#[tokio::test]
async fn each_wrong_object_is_refused_where_the_parameters_beside_it_say() {
    let site = site().await;
    let (key, other) = (ClientKey::new("ES256", "first"), ClientKey::new("ES256", "first"));
    let app = client(&site, json!({ "jwks": { "keys": [key.jwk()] } })).await;
    let of = |further: Value| claims(&app, further);
    let with_header = |header: Value| key.sign(&header, &of(json!({})));
    let wrong = [
        ("no JWT", "x".to_owned()),
        ("cut off", signed(&key, &of(json!({})))[..40].to_owned()),
        ("another's signature", signed(&other, &of(json!({})))),
        ("no such key", signed(&key.called("second"), &of(json!({})))),
        ("a symmetric algorithm", with_header(json!({ "alg": "HS256", "kid": "first" }))),
        ("a key of its own", with_header(json!({ "alg": "ES256", "jwk": key.jwk() }))),
        ("a place for keys", with_header(json!({ "alg": "ES256", "jku": "https://evil.example/keys" }))),
        ("another kind of token", with_header(json!({ "alg": "ES256", "kid": "first", "typ": "at+jwt" }))),
        ("another issuer", signed(&key, &of(json!({ "iss": "LnjqojEEjFYe5j2Jp9m9UnmuxOnMg4VodEJj3yE8_OA" })))),
        ("for another server", signed(&key, &of(json!({ "aud": "https://elsewhere.example" })))),
        ("another client inside", unsigned(&of(json!({ "client_id": "LnjqojEEjFYe5j2Jp9m9UnmuxOnMg4VodEJj3yE8_OA" })))),
        ("an assertion", signed(&key, &of(json!({ "sub": app.client_id })))),
        ("an object in an object", unsigned(&of(json!({ "request": "x" })))),
        ("a place in an object", unsigned(&of(json!({ "request_uri": "https://client.example.org/" })))),
        ("over", signed(&key, &of(json!({ "exp": now() - 1 })))),
        ("not begun", signed(&key, &of(json!({ "nbf": now() + 3600 })))),
        ("a time that is a word", signed(&key, &of(json!({ "exp": "soon" })))),
        ("another response_type", unsigned(&of(json!({ "response_type": "token" })))),
    ];
    for (what, object) in &wrong {
        for (response_type, mode, way) in
            [("code", None, Way::Query), ("code id_token", None, Way::Fragment), ("code", Some("form_post"), Way::FormPost)]
        {
            let request = app.authorization().with("response_type", response_type).with("request", object);
            let request = mode.map_or(request.clone(), |mode| request.with("response_mode", mode));
            let callback = asked(&request).await;
            assert_eq!((callback.way, callback.must("error")), (way, "invalid_request_object"), "{what}");
            assert_eq!(callback.get("state"), request.get("state"), "{what}");
        }
        let nowhere = app.authorization().without("redirect_uri").with("request", object);
        let page = Browser::new().open(&nowhere.url()).await.page();
        assert_eq!((page.status(), page.answer.location()), (400, None), "{what}: nobody knows where to");
    }
}

#[tokio::test]
async fn an_object_is_read_at_a_registered_address_and_kept_as_long_as_it_may_be() {
    let site = site().await;
    let server = KeyServer::start(Behaviour::keys(&[])).await;
    let app = client(&site, json!({ "request_uris": [server.url.as_str()] })).await;
    let answer = |text: &str, control: &str| Behaviour { body: text.to_owned(), ..Behaviour::keys(&[]) }.cache_control(control);
    let object = |nonce: &str| unsigned(&claims(&app, json!({ "nonce": nonce, "prompt": "none" })));
    server.behave(answer(&object("first"), "no-store"));
    let request = app.authorization().with("request_uri", &server.url);
    for count in 1..=2 {
        assert_eq!(asked(&request).await.must("error"), "login_required", "the object was read");
        assert_eq!(server.requests(), count, "no-store");
    }
    server.behave(answer(&object("first"), "max-age=600"));
    for _ in 0..3 {
        assert_eq!(asked(&request).await.must("error"), "login_required");
    }
    assert_eq!(server.requests(), 3, "max-age");
    let fragment = request.clone().with("request_uri", &format!("{}#v2", server.url));
    assert_eq!(asked(&fragment).await.must("error"), "login_required", "the registered address, before any fragment");
    assert_eq!(server.requests(), 4, "another fragment is another object (OpenID Connect Core §6.2)");
    for other in
        [format!("{}?x=1", server.url), format!("{}/", server.url), server.url.replace("/keys", "/other"), "https://127.0.0.1/".into()]
    {
        let callback = asked(&request.clone().with("request_uri", &other)).await;
        assert_eq!((callback.must("error"), server.requests()), ("invalid_request_uri", 4), "{other}");
    }
}

#[tokio::test]
async fn an_address_that_gives_no_object_is_refused_and_hurts_nobody() {
    let site = site().await;
    for (what, behaviour) in [
        ("missing", Behaviour { status: 404, ..Behaviour::keys(&[]) }),
        ("moved", Behaviour { status: 302, headers: vec![("location", "https://127.0.0.1:1/".into())], ..Behaviour::keys(&[]) }),
        ("huge", Behaviour { body: "x".repeat(70_000), ..Behaviour::keys(&[]) }),
    ] {
        let server = KeyServer::start(behaviour).await;
        let app = client(&site, json!({ "request_uris": [server.url.as_str()] })).await;
        let request = app.authorization().with("request_uri", &server.url);
        for _ in 0..3 {
            assert_eq!(asked(&request).await.must("error"), "invalid_request_uri", "{what}");
        }
        assert_eq!(server.requests(), 1, "{what}: not asked again at once");
        for fragment in ["a", "b"] {
            let invented = request.clone().with("request_uri", &format!("{}#{fragment}", server.url));
            assert_eq!(asked(&invented).await.must("error"), "invalid_request_uri", "{what}");
        }
        assert_eq!(server.requests(), 1, "{what}: nor for a fragment that anybody may invent");
    }
    let hidden = KeyServer::at("127.0.0.2", Behaviour::keys(&[])).await;
    let app = client(&site, json!({ "request_uris": [hidden.url.as_str()] })).await;
    let callback = asked(&app.authorization().with("request_uri", &hidden.url)).await;
    assert_eq!((callback.must("error"), hidden.requests()), ("invalid_request_uri", 0), "an address that is not public gets no packet");
    let both = app.authorization().with("request_uri", &hidden.url).with("request", "x");
    assert_eq!(asked(&both).await.must("error"), "invalid_request");
}

#[tokio::test]
async fn the_redirect_uri_of_a_request_object_is_matched_like_any_other() {
    let app = client(&site().await, json!({ "redirect_uris": [App::REDIRECT_URI, "https://client.example.org/other"] })).await;
    for wrong in ["https://evil.example/", "https://client.example.org/other/", "//client.example.org/other", "javascript:alert(1)"] {
        let request = app.authorization().with("request", &unsigned(&claims(&app, json!({ "redirect_uri": wrong }))));
        for request in [request.clone(), request.with("prompt", "none").with("response_type", "id_token")] {
            let page = Browser::new().open(&request.url()).await.page();
            assert_eq!((page.status(), page.answer.location()), (400, None), "{wrong}");
            assert!(page.text().contains("redirect_uri") && page.action.is_none(), "{wrong}: {}", page.text());
        }
    }
    let other = json!({ "redirect_uri": "https://client.example.org/other", "prompt": "none" });
    let request = app.authorization().with("request", &unsigned(&claims(&app, other)));
    let callback = asked(&request.with("redirect_uri", "https://client.example.org/other")).await;
    assert_eq!(callback.must("error"), "login_required");
}

/// The errors that so many programs get who ask this at once.
async fn asked_at_once(count: usize, request: &Authorization) -> Vec<String> {
    let asking = (0..count).map(|_| {
        let request = request.clone();
        tokio::spawn(async move { asked(&request).await.must("error").to_owned() })
    });
    let mut errors = vec![];
    for asking in asking.collect::<Vec<_>>() {
        errors.push(asking.await.unwrap());
    }
    errors
}

#[tokio::test]
async fn requests_that_come_together_share_one_reading_of_their_object() {
    const CROWD: usize = 50;
    let site = site().await;
    for (control, most) in [("max-age=600", 1), ("no-store", 4)] {
        let server = KeyServer::start(Behaviour::keys(&[])).await;
        let app = client(&site, json!({ "request_uris": [server.url.as_str()] })).await;
        let body = unsigned(&claims(&app, json!({ "prompt": "none" })));
        server.behave(Behaviour { body, delay: Duration::from_secs(1), ..Behaviour::keys(&[]) }.cache_control(control));
        let request = app.authorization().with("request_uri", &server.url);
        assert_eq!(asked_at_once(CROWD, &request).await, ["login_required"; CROWD], "{control}");
        assert!(server.requests() <= most, "{control}: {} readings for {CROWD} requests", server.requests());
    }
    let failing = KeyServer::start(Behaviour { delay: Duration::from_secs(1), ..Behaviour::status(500) }).await;
    let app = client(&site, json!({ "request_uris": [failing.url.as_str()] })).await;
    let request = app.authorization().with("request_uri", &failing.url);
    assert_eq!(asked_at_once(CROWD, &request).await, ["invalid_request_uri"; CROWD]);
    assert!(failing.requests() <= 2, "{} readings of what is not there", failing.requests());
}

#[tokio::test]
async fn who_comes_while_an_object_is_read_that_may_not_be_kept_gets_the_next_reading() {
    let site = site().await;
    let server = KeyServer::start(Behaviour::keys(&[])).await;
    let app = client(&site, json!({ "request_uris": [server.url.as_str()] })).await;
    let slow = |claims: Value, delay| Behaviour { body: unsigned(&claims), delay, ..Behaviour::keys(&[]) }.cache_control("no-store");
    let request = app.authorization().with("request_uri", &server.url);
    server.behave(slow(claims(&app, json!({ "prompt": "none", "state": "first" })), Duration::from_secs(2)));
    let first = tokio::spawn({
        let request = request.clone();
        async move { asked(&request).await.must("state").to_owned() }
    });
    server.until_heard(1).await;
    server.behave(slow(claims(&app, json!({ "prompt": "none", "state": "second" })), Duration::ZERO));
    assert_eq!(asked(&request).await.must("state"), "second", "the object may have been changed for it");
    assert_eq!((first.await.unwrap().as_str(), server.requests()), ("first", 2));
}
