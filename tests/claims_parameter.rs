//! The `claims` parameter and its kin: `acr_values`, `max_age`, hints (OpenID Connect Core §3.1.2.1 and §5.5; docs/decisions/0014).

use crate::front::{client, site};
use crate::harness::{App, Authorization, Browser, PASSWORD, Site, Tokens, USERNAME, jwt_part, query_of};
use serde_json::{Value, json};

fn asking(app: &App, claims: &Value) -> Authorization {
    app.authorization().with("scope", "openid").with("claims", &claims.to_string())
}

async fn tokens(app: &App, browser: &mut Browser, request: &Authorization) -> Tokens {
    let code = app.code_of(browser, request).await;
    Tokens::of(&app.exchange(&code, request.verifier.as_ref().unwrap()).await)
}

#[tokio::test]
async fn a_claim_is_told_where_it_was_asked_for_and_also_after_a_refresh() {
    let app = Site::standard().await.confidential().await;
    let claims = json!({
        "userinfo": { "email": { "essential": true }, "no_such_claim": null },
        "id_token": { "name": null, "name#fr": null, "auth_time": { "essential": true } },
    });
    let tokens = tokens(&app, &mut Browser::new(), &asking(&app, &claims)).await;
    let refreshed = Tokens::of(&app.refresh(&tokens.refresh).await);
    for tokens in [tokens, refreshed] {
        let id_token = jwt_part(&tokens.id, 1);
        assert_eq!((&id_token["name"], id_token.get("email")), (&json!("Amelia Park"), None), "{id_token}");
        assert!(id_token["auth_time"].is_u64());
        let userinfo = app.userinfo(&tokens.access).await.assert_ok();
        assert_eq!((&userinfo["email"], userinfo.get("name")), (&json!("amelia@example.org"), None), "{userinfo}");
    }
}

#[tokio::test]
async fn tokens_from_the_front_tell_what_was_asked_for_too() {
    let app = client(&site().await, json!({})).await;
    let claims = json!({ "userinfo": { "email": null }, "id_token": { "name": null } });
    for response_type in ["id_token token", "code id_token token"] {
        let request = asking(&app, &claims).with("response_type", response_type);
        let callback = app.answered(&mut Browser::new(), &request).await;
        assert_eq!(jwt_part(callback.must("id_token"), 1)["name"], "Amelia Park", "{response_type}");
        assert_eq!(app.userinfo(callback.must("access_token")).await.assert_ok()["email"], "amelia@example.org", "{response_type}");
    }
}

#[tokio::test]
async fn the_person_sees_each_claim_and_may_leave_it_out() {
    let app = Site::standard().await.confidential().await;
    let claims = json!({ "userinfo": { "email": null, "nickname": null }, "id_token": { "email": null } });
    let request = asking(&app, &claims);
    let mut browser = Browser::new();
    let sign_in = browser.open(&request.url()).await.page();
    let consent = browser.sign_in(&sign_in, USERNAME, PASSWORD).await.page();
    assert!(consent.text().contains("Your e-mail address") && consent.text().contains("Your nickname"), "{}", consent.text());
    let left = browser.press(&consent.unticked("claim", "email"), "primary", &[]).await.left();
    let code = query_of(&left, "code").unwrap();
    let tokens = Tokens::of(&app.exchange(&code, request.verifier.as_ref().unwrap()).await);
    assert_eq!(app.userinfo(&tokens.access).await.assert_ok().get("email"), None);
    assert_eq!(jwt_part(&tokens.id, 1).get("email"), None);
    let again = browser.open(&asking(&app, &claims).url()).await.page();
    assert!(again.is_consent(), "what was left out is asked for again, not taken");
    let covered = browser.open(&asking(&app, &claims).with("scope", "openid email").url()).await.page();
    assert!(!covered.text().contains("value=\"email\"  name=\"claim\"") && !covered.text().contains("name=\"claim\" value=\"email\""));
    assert!(covered.text().contains("name=\"claim\" value=\"nickname\""), "only what no scope shows is listed");
}

#[tokio::test]
async fn a_remembered_permission_covers_the_claims_it_was_given_for() {
    let app = Site::standard().await.confidential().await;
    let mut browser = Browser::new();
    let email = json!({ "userinfo": { "email": null } });
    tokens(&app, &mut browser, &asking(&app, &email)).await;
    let silent = browser.open(&asking(&app, &email).with("prompt", "none").url()).await.left();
    assert!(query_of(&silent, "code").is_some(), "{silent}");
    let more = json!({ "userinfo": { "email": null, "name": null } });
    let more = browser.open(&asking(&app, &more).with("prompt", "none").url()).await.left();
    assert_eq!(query_of(&more, "error").as_deref(), Some("consent_required"));
}

#[tokio::test]
async fn a_claim_behind_a_scope_that_the_client_did_not_register_is_not_told() {
    let app = Site::standard().await.app(json!({ "scope": "openid profile" })).await;
    let claims = json!({ "userinfo": { "email": { "essential": true }, "name": null } });
    let tokens = tokens(&app, &mut Browser::new(), &asking(&app, &claims)).await;
    let userinfo = app.userinfo(&tokens.access).await.assert_ok();
    assert_eq!((userinfo.get("email"), &userinfo["name"]), (None, &json!("Amelia Park")));
}

#[tokio::test]
async fn a_claims_parameter_of_another_form_is_refused() {
    let app = Site::standard().await.confidential().await;
    let many = (0..65).map(|n| (format!("c{n}"), Value::Null)).collect::<serde_json::Map<_, _>>();
    for wrong in [
        "{".to_owned(),
        "[]".into(),
        "\"email\"".into(),
        json!({ "userinfo": [] }).to_string(),
        json!({ "userinfo": { "email": true } }).to_string(),
        json!({ "userinfo": { "email": { "essential": "yes" } } }).to_string(),
        json!({ "id_token": { "acr": { "values": "1" } } }).to_string(),
        json!({ "id_token": many }).to_string(),
        "{\"userinfo\":{\"email\":null,\"email\":null}}".into(),
    ] {
        let left = Browser::new().open_as_program(&app.authorization().with("claims", &wrong).url()).await.left();
        assert_eq!(query_of(&left, "error").as_deref(), Some("invalid_request"), "{wrong}");
    }
    for fine in [json!({}), json!({ "userinfo": null, "verified_claims": {} }), json!({ "id_token": { "x": { "y": 1 } } })] {
        let page = Browser::new().open(&app.authorization().with("claims", &fine.to_string()).url()).await.page();
        assert!(page.is_sign_in(), "{fine}");
    }
}

#[tokio::test]
async fn only_the_subject_that_was_asked_for_may_answer() {
    let app = Site::standard().await.confidential().await;
    let mut browser = Browser::new();
    let amelia = jwt_part(&app.tokens(&mut browser).await.id, 1)["sub"].clone();
    for (sub, error) in [
        (amelia.clone(), None),
        (json!("00000000-0000-4000-8000-000000000000"), Some("login_required")),
        (json!("x"), Some("login_required")),
    ] {
        for wish in [json!({ "value": sub }), json!({ "values": [sub] })] {
            let request = asking(&app, &json!({ "id_token": { "sub": wish } })).with("prompt", "none");
            let left = browser.open(&request.url()).await.left();
            assert_eq!(query_of(&left, "error").as_deref(), error, "{sub}: {left}");
        }
    }
    let request = asking(&app, &json!({ "id_token": { "sub": { "value": amelia } } }));
    let mut other = Browser::new();
    let sign_in = other.open(&request.url()).await.page();
    let left = other.sign_in(&sign_in, "bruno", PASSWORD).await.left();
    assert_eq!(query_of(&left, "error").as_deref(), Some("login_required"));
}

#[tokio::test]
async fn acr_is_told_when_asked_for_and_says_what_was() {
    let site = Site::standard().await;
    let app = site.confidential().await;
    let mut browser = Browser::new();
    let acr = |tokens: &Tokens| jwt_part(&tokens.id, 1).get("acr").cloned();
    assert_eq!(acr(&app.tokens(&mut browser).await), None, "nobody asked");
    let voluntary = [
        app.authorization().with("acr_values", "2 1"),
        app.authorization().with("acr_values", "urn:mace:incommon:iap:silver"),
        asking(&app, &json!({ "id_token": { "acr": null } })),
        asking(&app, &json!({ "id_token": { "acr": { "values": ["9"] } } })),
        asking(&app, &json!({ "id_token": { "acr": { "essential": true, "values": ["1"] } } })),
    ];
    for request in voluntary {
        assert_eq!(acr(&tokens(&app, &mut browser, &request).await), Some(json!("1")));
    }
    let elsewhere = asking(&app, &json!({ "userinfo": { "acr": { "essential": true, "value": "urn:mace:incommon:iap:silver" } } }));
    assert_eq!(acr(&tokens(&app, &mut browser, &elsewhere).await), None, "it was not asked for in the ID token");
    let unmet = asking(&app, &json!({ "id_token": { "acr": { "essential": true, "value": "urn:mace:incommon:iap:silver" } } }));
    let left = browser.open(&unmet.url()).await.left();
    assert_eq!(query_of(&left, "error").as_deref(), Some("unmet_authentication_requirements"));
    let by_default = site.app(json!({ "default_acr_values": ["2"] })).await;
    assert_eq!(acr(&by_default.tokens(&mut browser).await), Some(json!("1")));
    assert_eq!(site.get("/.well-known/openid-configuration").await.assert_ok()["acr_values_supported"], json!(["1"]));
}

#[tokio::test]
async fn a_clients_default_max_age_counts_where_the_request_has_none() {
    let app = Site::standard().await.app(json!({ "default_max_age": 0, "require_auth_time": true })).await;
    let mut browser = Browser::new();
    let first = app.tokens(&mut browser).await;
    assert!(jwt_part(&first.id, 1)["auth_time"].is_u64());
    assert!(browser.open(&app.authorization().url()).await.page().is_sign_in(), "each time anew");
    let relaxed = browser.open(&app.authorization().with("max_age", "10000").with("prompt", "none").url()).await.left();
    assert!(query_of(&relaxed, "code").is_some(), "{relaxed}");
}

#[tokio::test]
async fn k_51_an_id_token_is_a_hint_also_when_its_time_is_over() {
    let server = crate::harness::Server::alone().await;
    server.writ(&["site", "set", "default", "access_seconds=1"], "");
    let app = server.site("default").confidential().await;
    let mut browser = Browser::new();
    let id_token = app.tokens(&mut browser).await.id;
    tokio::time::sleep(std::time::Duration::from_millis(2100)).await;
    assert!(jwt_part(&id_token, 1)["exp"].as_u64().unwrap() < crate::harness::now());
    let left = browser.open(&app.authorization().with("id_token_hint", &id_token).with("prompt", "none").url()).await.left();
    assert!(query_of(&left, "code").is_some(), "{left}");
}
