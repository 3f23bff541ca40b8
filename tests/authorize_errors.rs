//! SPEC.md (d): every error of the authorization endpoint, and where it is shown.

use crate::front;
use crate::harness::{App, Authorization, Browser, Callback, PASSWORD, Site, Stop, USERNAME, Way, query_of};
use serde_json::json;

type Bend = fn(Authorization) -> Authorization;

/// Errors that go back to the app: what is wrong and the code it gets.
const TRAVELLING: &[(&str, Bend, &str)] = &[
    ("no response_type", |r| r.without("response_type"), "invalid_request"),
    ("an empty response_type", |r| r.with("response_type", ""), "invalid_request"),
    ("a challenge without a method", |r| r.without("code_challenge_method"), "invalid_request"),
    ("the method plain", |r| r.with("code_challenge_method", "plain"), "invalid_request"),
    ("the method s256", |r| r.with("code_challenge_method", "s256"), "invalid_request"),
    ("a method without a challenge", |r| r.without("code_challenge"), "invalid_request"),
    ("a challenge of 42 characters", |r| r.with("code_challenge", &"a".repeat(42)), "invalid_request"),
    ("a challenge of 129 characters", |r| r.with("code_challenge", &"a".repeat(129)), "invalid_request"),
    ("a challenge with a plus sign", |r| r.with("code_challenge", &"+".repeat(43)), "invalid_request"),
    ("a max_age that is a word", |r| r.with("max_age", "soon"), "invalid_request"),
    ("a max_age with a sign", |r| r.with("max_age", "+5"), "invalid_request"),
    ("a negative max_age", |r| r.with("max_age", "-1"), "invalid_request"),
    ("a max_age with a fraction", |r| r.with("max_age", "1.5"), "invalid_request"),
    ("prompt none with another", |r| r.with("prompt", "none login"), "invalid_request"),
    ("an unknown prompt", |r| r.with("prompt", "whenever"), "invalid_request"),
    ("an aud that is no API of the site", |r| r.with("aud", "https://elsewhere.example/fhir"), "invalid_request"),
    ("a nonce of 1025 characters", |r| r.with("nonce", &"n".repeat(1025)), "invalid_request"),
    ("an unknown response_mode", |r| r.with("response_mode", "smoke"), "invalid_request"),
    ("an unknown response_type", |r| r.with("response_type", "cod"), "unsupported_response_type"),
    ("code twice in response_type", |r| r.with("response_type", "code code"), "unsupported_response_type"),
    ("an unknown scope", |r| r.with("scope", "openid no:such"), "invalid_scope"),
    ("a scope with a quotation mark", |r| r.with("scope", "openid a\"b"), "invalid_scope"),
    ("only scopes the client did not register", |r| r.with("scope", "phone address"), "invalid_scope"),
    ("a request object", |r| r.with("request", "eyJhbGciOiJub25lIn0.e30."), "request_not_supported"),
    ("a request_uri", |r| r.with("request_uri", "https://client.example.org/request"), "request_uri_not_supported"),
    ("prompt none without a session", |r| r.with("prompt", "none"), "login_required"),
];

#[tokio::test]
async fn a_wrong_request_of_a_known_client_goes_back_to_it() {
    for site in [Site::standard().await, Site::seed().await] {
        let app = site.confidential().await;
        for (what, bend, error) in TRAVELLING {
            let request = bend(app.authorization());
            let answer = Browser::new().once(crate::harness::Request::get(&request.url())).await;
            assert_eq!(answer.status, 302, "{what}: {}", answer.text());
            answer.assert_not_stored();
            let left = answer.location().unwrap();
            assert!(left.as_str().starts_with(&format!("{}?", App::REDIRECT_URI)), "{what}: {left}");
            request.answer_in(&app, &left);
            assert_eq!(query_of(&left, "error").as_deref(), Some(*error), "{what}: {left}");
            assert_eq!(query_of(&left, "code"), None, "{what}: {left}");
            assert!(!left.as_str().contains("%20"), "spaces travel as plus signs (SPEC.md k-8): {left}");
        }
    }
}

#[tokio::test]
async fn a_public_client_without_pkce_is_sent_back() {
    let site = Site::standard().await;
    for members in [json!({"token_endpoint_auth_method": "none"}), json!({"application_type": "native"})] {
        let app = site.app(members).await;
        let request = app.authorization().without_pkce();
        let left = Browser::new().open_as_program(&request.url()).await.left();
        assert_eq!(query_of(&left, "error").as_deref(), Some("invalid_request"), "{left}");
    }
    let app = site.confidential().await;
    let shown = Browser::new().open(&app.authorization().without_pkce().url()).await.page();
    assert!(shown.is_sign_in(), "a confidential web client may leave it out");
}

#[tokio::test]
async fn k_9_each_error_travels_as_its_answer_would_have() {
    let site = front::site().await;
    let app = front::client(&site, json!({})).await;
    let faults: Vec<_> = TRAVELLING.iter().filter(|(_, _, error)| !error.ends_with("_not_supported")).collect();
    let mut told = 0;
    for response_type in front::ALL {
        for mode in ["", "query", "fragment", "form_post"] {
            for (what, bend, error) in &faults {
                let right = app.authorization().with("response_type", response_type).with("response_mode", mode);
                let request = bend(right.clone());
                let shape = (request.get("response_type"), request.get("response_mode"))
                    == (right.get("response_type"), right.get("response_mode"));
                let known = if shape { response_type } else { known_type(&request) };
                let by_type = if known == "code" { Way::Query } else { Way::Fragment };
                let way = match request.get("response_mode") {
                    Some("form_post") => Way::FormPost,
                    Some("fragment") => Way::Fragment,
                    _ => by_type,
                };
                let callback = Callback::of(Browser::new().open_as_program(&request.url()).await, App::REDIRECT_URI);
                assert_eq!(callback.way, way, "{response_type} {mode}: {what}");
                assert_eq!(callback.get("state"), request.get("state"), "{response_type} {mode}: {what}");
                assert_eq!(callback.get("iss"), Some(site.issuer().as_str()));
                assert!(!callback.raw.contains("%20"), "spaces travel as plus signs (SPEC.md k-8): {}", callback.raw);
                for name in ["code", "access_token", "id_token"] {
                    assert_eq!(callback.get(name), None, "{response_type} {mode}: {what}");
                }
                if mode == "query" && by_type == Way::Fragment {
                    // Two things are wrong: which one is told is of no account.
                    assert!(callback.get("error").is_some(), "{response_type} {mode}: {what}");
                } else {
                    assert_eq!(callback.must("error"), *error, "{response_type} {mode}: {what}");
                }
                told += 1;
            }
        }
    }
    assert_eq!(told, 7 * 4 * faults.len());
}

/// What a request without a readable type is taken for.
fn known_type(request: &Authorization) -> &str {
    request.get("response_type").filter(|own| front::ALL.contains(own)).unwrap_or("code")
}

#[tokio::test]
async fn a_site_may_send_errors_on_without_a_page_in_between() {
    let app = front::client(&front::site().await, json!({})).await;
    for response_type in ["code", "id_token token"] {
        let request = app.authorization().with("response_type", response_type).with("prompt", "none");
        let callback = Callback::of(Browser::new().open(&request.url()).await, App::REDIRECT_URI);
        assert_eq!(callback.must("error"), "login_required", "redirect.warn_unverified is off");
    }
    let careful = Site::standard().await.confidential().await;
    assert_eq!(Browser::new().open(&careful.authorization().with("prompt", "none").url()).await.page().status(), 400);
}

/// Errors that are shown where they happen, because nobody trustworthy could be told.
const SHOWN: &[(&str, Bend)] = &[
    ("no client_id", |r| r.without("client_id")),
    ("an unknown client", |r| r.with("client_id", "LnjqojEEjFYe5j2Jp9m9UnmuxOnMg4VodEJj3yE8_OA")),
    ("a client_id that is none", |r| r.with("client_id", "<script>")),
    ("a missing redirect_uri", |r| r.without("redirect_uri")),
    ("an unregistered redirect_uri", |r| r.with("redirect_uri", "https://client.example.org/other")),
    ("another host", |r| r.with("redirect_uri", "https://evil.example/callback")),
    ("a slash more", |r| r.with("redirect_uri", "https://client.example.org/callback/")),
    ("a query added", |r| r.with("redirect_uri", "https://client.example.org/callback?a=b")),
    ("a fragment added", |r| r.with("redirect_uri", "https://client.example.org/callback#f")),
    ("another case", |r| r.with("redirect_uri", "https://CLIENT.example.org/callback")),
    ("a relative redirect_uri", |r| r.with("redirect_uri", "/callback")),
    ("client_id twice", |r| r.also("client_id", "x")),
    ("redirect_uri twice", |r| r.also("redirect_uri", "https://client.example.org/callback")),
];

#[tokio::test]
async fn without_a_client_or_its_redirect_uri_nothing_is_redirected() {
    let app = Site::standard().await.confidential().await;
    for (what, bend) in SHOWN {
        for extra in ["", "none"] {
            let request = bend(app.authorization()).with("prompt", extra);
            let page = Browser::new().open(&request.url()).await.page();
            assert_eq!(page.status(), 400, "{what}: {}", page.text());
            assert_eq!(page.answer.location(), None, "{what}");
            if what.contains("redirect_uri") || what.contains("added") {
                assert!(page.text().contains("redirect_uri"), "{what}: {}", page.text());
            }
            assert!(!page.text().contains("evil.example"), "{what}: the page repeats the request");
            let id = page.answer.header("x-request-id").unwrap().to_owned();
            assert!(page.text().contains(&id), "{what}: the page names the request");
            let as_json = crate::harness::Request::get(&request.url()).header("accept", "application/json").send().await;
            assert_eq!((as_json.status, as_json.location()), (400, None), "{what}");
        }
    }
}

#[tokio::test]
async fn an_omitted_redirect_uri_needs_one_registered_and_no_openid() {
    let site = Site::standard().await;
    let one = site.confidential().await;
    let request = one.authorization().without("redirect_uri").with("scope", "profile");
    assert!(Browser::new().open(&request.url()).await.page().is_sign_in());
    let two = site.app(json!({"redirect_uris": [App::REDIRECT_URI, "https://client.example.org/b"]})).await;
    let request = two.authorization().without("redirect_uri").with("scope", "profile");
    assert_eq!(Browser::new().open(&request.url()).await.page().status(), 400);
}

#[tokio::test]
async fn denying_consent_tells_the_app_access_denied() {
    let app = Site::standard().await.confidential().await;
    let (mut browser, request) = (Browser::new(), app.authorization());
    let sign_in = browser.open(&request.url()).await.page();
    let consent = browser.sign_in(&sign_in, USERNAME, PASSWORD).await.page();
    let left = browser.press(&consent, "deny", &[]).await.left();
    request.answer_in(&app, &left);
    assert_eq!(query_of(&left, "error").as_deref(), Some("access_denied"));
    assert_eq!(query_of(&left, "code"), None);
}

#[tokio::test]
async fn prompt_none_tells_what_is_missing_and_is_silent_when_nothing_is() {
    let app = Site::standard().await.confidential().await;
    let mut browser = Browser::new();
    let silent = app.authorization().with("prompt", "none");
    let error = |stop: Stop| query_of(&stop.left(), "error");
    assert_eq!(error(browser.open_as_program(&silent.url()).await).as_deref(), Some("login_required"));
    let sign_in = browser.open(&app.authorization().url()).await.page();
    let consent = browser.sign_in(&sign_in, USERNAME, PASSWORD).await.page();
    assert_eq!(error(browser.open(&silent.url()).await).as_deref(), Some("consent_required"));
    browser.press(&consent, "primary", &[]).await.left();
    let left = browser.open(&silent.url()).await.left();
    silent.answer_in(&app, &left);
    assert!(query_of(&left, "code").is_some(), "{left}");
}

#[tokio::test]
async fn prompt_login_and_a_small_max_age_ask_for_the_password_again() {
    let app = Site::standard().await.confidential().await;
    let mut browser = Browser::new();
    let tokens = app.tokens(&mut browser).await;
    let first = crate::harness::jwt_part(&tokens.id, 1)["auth_time"].clone();
    assert!(browser.open(&app.authorization().with("prompt", "login").url()).await.page().is_sign_in());
    tokio::time::sleep(std::time::Duration::from_millis(2100)).await;
    assert!(browser.open(&app.authorization().with("max_age", "1").url()).await.page().is_sign_in());
    let relaxed = app.authorization().with("max_age", "10000");
    let code = app.code_of(&mut browser, &relaxed).await;
    let again = crate::harness::Tokens::of(&app.exchange(&code, relaxed.verifier.as_ref().unwrap()).await);
    let again = crate::harness::jwt_part(&again.id, 1)["auth_time"].clone();
    assert!(again.is_i64() && (first.is_null() || first == again), "max_age makes auth_time appear, unchanged: {first} {again}");
    let strict = app.authorization().with("max_age", "1");
    let code = app.code_of(&mut browser, &strict).await;
    let later = crate::harness::Tokens::of(&app.exchange(&code, strict.verifier.as_ref().unwrap()).await);
    assert!(crate::harness::jwt_part(&later.id, 1)["auth_time"].as_i64() > again.as_i64());
}

#[tokio::test]
async fn what_is_merely_unknown_or_unusual_does_no_harm() {
    let app = Site::standard().await.confidential().await;
    let request = app.authorization();
    for (name, value) in [
        ("display", "popup"),
        ("ui_locales", "de-CH se"),
        ("claims_locales", "se"),
        ("acr_values", "1 2"),
        ("login_hint", "amelia"),
        ("autosubmit", "1"),
        ("no_such_parameter", "x"),
    ] {
        let page = Browser::new().open(&request.clone().with(name, value).url()).await.page();
        assert!(page.is_sign_in(), "{name}: {}", page.text());
    }
    let mut reversed = request.clone();
    reversed.params.reverse();
    assert!(Browser::new().open(&reversed.url()).await.page().is_sign_in());
    let mut browser = Browser::new();
    let posted = crate::harness::Request::form(request.endpoint(), &request.params).header("accept", "text/html");
    let first = browser.once(posted.clone()).await;
    assert_eq!(first.status, 303, "a POST becomes our own GET (DESIGN.md §7)");
    let page = browser.follow(posted).await.page();
    assert!(page.is_sign_in(), "{}", page.text());
}

#[tokio::test]
async fn the_person_of_the_hint_and_nobody_else_may_answer() {
    let app = Site::standard().await.confidential().await;
    let hint = app.tokens(&mut Browser::new()).await.id;
    let request = app.authorization().with("id_token_hint", &hint);
    let mut browser = Browser::new();
    let sign_in = browser.open(&request.url()).await.page();
    let left = browser.sign_in(&sign_in, "bruno", PASSWORD).await.left();
    request.answer_in(&app, &left);
    assert_eq!(query_of(&left, "error").as_deref(), Some("login_required"), "{left}");
    let page = browser.open(&request.url()).await.page();
    assert!(page.is_sign_in(), "bruno is signed in, but amelia is asked for");
    let left = browser.sign_in(&page, USERNAME, PASSWORD).await.left();
    assert!(query_of(&left, "code").is_some(), "{left}");
}

#[tokio::test]
async fn more_scope_than_a_token_can_hold_is_not_asked_for() {
    let server = crate::harness::Server::alone().await;
    let all: Vec<String> = (0..60).map(|n| format!("api.example/{n:02}.{}", "s".repeat(45))).collect();
    let scope = |count: usize| format!("openid {}", all[..count].join(" "));
    server.writ(&["site", "set", "default", &format!("scopes={}", scope(60))], "");
    let (app, most) = (server.site("default").app(json!({"scope": scope(60)})).await, 60);
    let mut count = most;
    while let Stop::Left(left) = Browser::new().open_as_program(&app.authorization().with("scope", &scope(count)).url()).await {
        assert_eq!(query_of(&left, "error").as_deref(), Some("invalid_request"), "{left}");
        count -= 1;
    }
    assert!(count < most && count > 30, "{count} of {most} scopes fit");
    let request = app.authorization().with("scope", &scope(count));
    let code = app.code_of(&mut Browser::new(), &request).await;
    let tokens = crate::harness::Tokens::of(&app.exchange(&code, request.verifier.as_ref().unwrap()).await);
    assert!(tokens.access.len() <= 8192 && app.is_active(&tokens.access).await, "{} characters", tokens.access.len());
}
