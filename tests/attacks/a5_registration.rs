//! A54–A64: registration and metadata.

use crate::harness::{App, Browser, PASSWORD, Request, Site, USERNAME};
use http::Method;
use serde_json::{Value, json};

#[tokio::test]
async fn a54_the_method_decides_and_a_wrong_secret_always_fails() {
    let site = Site::standard().await;
    let public = site.public().await;
    assert!(public.secret.is_none());
    let with_secret = App { secret: Some("x".repeat(86)), ..public.clone() };
    with_secret.refresh("x").await.assert_refused(401, "invalid_client");
    let app = site.confidential().await;
    for secret in ["", "x", &app.secret.clone().unwrap().to_uppercase(), &format!("{}A", app.secret.clone().unwrap())] {
        let wrong = App { secret: Some(secret.to_owned()), ..app.clone() };
        wrong.refresh("x").await.assert_refused(401, "invalid_client");
    }
}

#[tokio::test]
async fn a55_a_registration_token_does_not_revive_a_disabled_client() {
    let app = Site::standard().await.confidential().await;
    app.site.server.writ(&["client", "disable", &app.client_id], "");
    let uri = app.registration["registration_client_uri"].as_str().unwrap();
    let token = app.registration["registration_access_token"].as_str().unwrap();
    let body = json!({"client_id": app.client_id, "redirect_uris": [App::REDIRECT_URI], "client_status": "enabled", "status": "enabled"});
    let answer = Request::new(Method::PUT, uri).body("application/json", body.to_string()).bearer(token).send().await;
    assert!([200, 401, 403].contains(&answer.status), "{}", answer.text());
    app.refresh("x").await.assert_refused(401, "invalid_client");
    assert_eq!(Browser::new().open(&app.authorization().url()).await.page().status(), 400);
}

#[tokio::test]
async fn a56_members_nobody_asked_for_change_nothing() {
    let site = Site::standard().await;
    let members = json!({
        "trusted": true, "client_status": "enabled", "client_role": "admin", "introspect_any": true, "skip_consent": true,
        "client_id": "chosen", "client_secret": "chosen", "registration_access_token": "chosen", "client_id_issued_at": 1,
        "is_enabled": true, "token_endpoint_auth_signing_alg": "RS256", "__proto__": {"x": 1}, "site": "other",
    });
    let mut body = json!({"redirect_uris": [App::REDIRECT_URI]});
    for (name, value) in members.as_object().unwrap() {
        body[name] = value.clone();
    }
    let answer = site.register(&body).await;
    assert_eq!(answer.status, 201, "{}", answer.text());
    let echo = answer.json();
    for name in ["trusted", "client_role", "introspect_any", "skip_consent", "is_enabled", "__proto__", "site"] {
        assert_eq!(echo.get(name), None, "{name} is not echoed");
    }
    for name in ["client_id", "client_secret", "registration_access_token", "client_id_issued_at"] {
        assert_ne!(echo[name], members[name], "{name} is ours to give");
    }
    let (app, other) = (App::registered(&site, echo), site.confidential().await);
    let tokens = other.tokens(&mut Browser::new()).await;
    assert!(!app.is_active(&tokens.access).await);
}

#[tokio::test]
async fn a57_members_of_the_wrong_kind_are_refused_with_400() {
    let site = Site::standard().await;
    let kinds = [json!(7), json!(true), json!([]), json!({}), json!([null]), json!([[]]), json!(-1.5e300)];
    for member in [
        "client_name",
        "scope",
        "application_type",
        "token_endpoint_auth_method",
        "grant_types",
        "response_types",
        "contacts",
        "logo_uri",
        "redirect_uris",
        "default_max_age",
    ] {
        for kind in &kinds {
            let mut body = json!({"redirect_uris": [App::REDIRECT_URI]});
            body[member] = kind.clone();
            let answer = site.register(&body).await;
            let status = answer.status;
            // An empty list of contacts, an age of seven seconds: some kinds are right for some members.
            assert!(status == 400 || (status == 201 && [json!(7), json!([])].contains(kind)), "{member}={kind}: {}", answer.text());
        }
    }
    let many: Vec<Value> = (0..400).map(|n| json!(format!("https://a.example/{n}"))).collect();
    site.register(&json!({"redirect_uris": many})).await.assert_refused(400, "invalid_redirect_uri");
}

#[tokio::test]
async fn a59_what_an_app_calls_itself_never_becomes_markup() {
    let site = Site::standard().await;
    let name = "\u{202e}<script>alert(1)</script>\u{200b}'\"&";
    let app = site.app(json!({"client_name": name, "policy_uri": "https://client.example.org/?a=\"'<b>&c"})).await;
    let mut browser = Browser::new();
    let sign_in = browser.open(&app.authorization().with("login_hint", "\"><script>x</script>").url()).await.page();
    let consent = browser.sign_in(&sign_in, USERNAME, PASSWORD).await.page();
    for page in [&sign_in, &consent] {
        let text = page.text();
        assert!(
            !text.contains("<script") && !text.contains('\u{202e}') && !text.contains('\u{200b}') && !text.contains("\"'<b>"),
            "{text}"
        );
        assert!(text.contains("client.example.org"), "the host is shown as strongly as the name");
    }
}

#[tokio::test]
async fn a63_loose_authorization_headers_are_refused_and_break_nothing() {
    let app = Site::standard().await.confidential().await;
    let pair =
        base64::Engine::encode(&base64::engine::general_purpose::STANDARD, format!("{}:{}", app.client_id, app.secret.as_ref().unwrap()));
    let headers =
        ["Bearer", "Bearer ", "Basic", "Basic ", "Basic :", "Basic Og==", "Negotiate x", "", "Bearer a b", "Basic @@@", "Basic eDp5Cg"]
            .map(str::to_owned)
            .into_iter()
            .chain([
                format!("Basic {pair} x"),
                format!("Bearer {pair}, Basic {pair}"),
                format!("Basic {}", pair.trim_end_matches('=').to_owned() + "!"),
            ]);
    for header in headers {
        for path in ["/token", "/introspect", "/revoke", "/userinfo"] {
            let request = Request::form(&app.site.url(path), &[("token", "x"), ("grant_type", "refresh_token"), ("refresh_token", "x")]);
            let answer = request.header("authorization", &header).send().await;
            assert_eq!(answer.status, 401, "{path} with {header:?}: {}", answer.text());
            assert!(answer.header("www-authenticate").is_some(), "{path} with {header:?}");
        }
    }
    let request = app.request("/introspect", &[("token", "x")]);
    let twice = request.clone().header("authorization", &format!("Basic {pair}")).send().await;
    assert!([400, 401].contains(&twice.status), "two headers: {}", twice.text());
    assert_eq!(request.send().await.status, 200);
}

#[tokio::test]
async fn a64_a_client_cannot_be_mistaken_for_a_person() {
    let app = Site::standard().await.confidential().await;
    let sub = crate::harness::jwt_part(&app.tokens(&mut Browser::new()).await.id, 1)["sub"].as_str().unwrap().to_owned();
    let answer = app.site.register(&json!({"redirect_uris": [App::REDIRECT_URI], "client_id": sub})).await;
    assert_ne!(answer.member("client_id"), sub);
    assert_ne!(sub.len(), app.client_id.len());
}

#[tokio::test]
async fn a59_a_link_that_could_be_read_otherwise_than_it_looks_is_refused() {
    let site = Site::standard().await;
    let links = [
        "https:evil.example",
        "https:\\\\evil.example",
        "https:///evil.example",
        " https://client.example.org/",
        "https://client.example.org/\u{0}",
        "https://client.example.org\t/",
        "https://client.example.org@evil.example/",
        "https://client.example.org:x@evil.example/",
        "https://\u{202e}elpmaxe.example/",
        "https://client.example.org/ \"onerror=\"alert(1)",
    ];
    for link in links {
        for member in ["client_uri", "logo_uri", "policy_uri", "tos_uri", "initiate_login_uri", "client_uri#fr"] {
            let answer = site.register(&json!({"redirect_uris": [App::REDIRECT_URI], member: link})).await;
            assert_eq!(answer.refusal(), (400, "invalid_client_metadata".to_owned()), "{member} {link:?}");
        }
    }
    let part = json!({"redirect_uris": [App::REDIRECT_URI], "policy_uri": "https://client.example.org/about#privacy"});
    assert_eq!(site.register(&part).await.status, 201, "it may lead to a part of a page");
}
