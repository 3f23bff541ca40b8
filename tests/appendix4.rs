//! SPEC.md Appendix 4: the acceptance checks of the two sources, one test an item.

use crate::harness::{App, Authorization, Browser, PASSWORD, Request, Server, Site, Tokens, USERNAME, jwt_part, query_of, scopes};
use serde_json::{Value, json};

/// The registration of the thread, word for word (SPEC.md b).
pub fn thread_registration() -> Value {
    json!({
        "application_type": "private",
        "redirect_uris": ["https://client.example.org/callback"],
        "post_logout_redirect_uris": ["https://client.example.org/logout/callback"],
        "client_name": "A Private App",
        "token_endpoint_auth_method": "client_secret_post",
        "contacts": ["me@example.org", "them@example.org"],
    })
}

#[tokio::test]
async fn appendix_4_item_01_the_threads_registration_answers_every_field() {
    let site = Site::seed().await;
    let before = chrono::Utc::now().timestamp();
    let answer = site.register(&thread_registration()).await;
    assert_eq!(answer.status, 201, "{}", answer.text());
    answer.assert_not_stored();
    assert_eq!(answer.header("pragma"), Some("no-cache"));
    let body = answer.json();
    let length = |name: &str| body[name].as_str().unwrap_or_default().len();
    assert_eq!((length("client_id"), length("client_secret"), length("registration_access_token")), (43, 86, 43));
    let uri = answer.member("registration_client_uri");
    let opaque = uri.strip_prefix(&site.url("/client/")).unwrap();
    assert_eq!(opaque.len(), 22);
    for text in [&answer.member("client_id"), &answer.member("client_secret"), &answer.member("registration_access_token"), opaque] {
        assert!(text.bytes().all(|c| c.is_ascii_alphanumeric() || b"-_".contains(&c)), "{text}");
    }
    let issued_at = body["client_id_issued_at"].as_i64().unwrap();
    assert!((before - 1..=before + 10).contains(&issued_at));
    assert_eq!(body["client_secret_expires_at"], json!(0));
    for (name, value) in thread_registration().as_object().unwrap() {
        assert_eq!(&body[name], value, "{name}");
    }
    assert_eq!(body["response_types"], json!(["code"]));
    assert!(body["grant_types"].as_array().unwrap().contains(&json!("authorization_code")));
    assert_eq!(scopes(&body["scope"]), scopes(&json!("openid email phone address api:oemr api:fhir api:port api:pofh")));
    assert_eq!(body["client_status"], json!("enabled"));
    assert_eq!(body.get("client_role"), None);
}

#[tokio::test]
async fn appendix_4_item_02_sign_in_and_consent_bring_the_code_and_the_state() {
    let site = Site::seed().await;
    let app = App::registered(&site, site.register(&thread_registration()).await.json());
    let (mut browser, request) = (Browser::new(), thread_request(&app));
    let first = browser.once(Request::get(&request.url())).await;
    assert_eq!((first.status, first.location().unwrap().path()), (302, "/oauth2/seed/provider/login"));
    first.assert_not_stored();
    let sign_in = browser.open(&request.url()).await.page();
    assert_eq!(sign_in.status(), 200);
    let consent = browser.sign_in(&sign_in, USERNAME, PASSWORD).await.page();
    assert!(consent.is_consent() && consent.text().contains("A Private App") && consent.text().contains("client.example.org"));
    let answer = browser.once(consent.pressed("primary", &[])).await;
    assert!([302, 303].contains(&answer.status), "{}", answer.status);
    answer.assert_not_stored();
    let left = answer.location().unwrap();
    request.answer_in(&app, &left);
    assert_eq!(query_of(&left, "code").map(|code| code.is_empty()), Some(false));
    assert_eq!(left.fragment(), None);
}

#[tokio::test]
async fn appendix_4_item_03_the_code_and_an_idle_state_give_three_tokens() {
    let site = Site::seed().await;
    let app = App::registered(&site, site.register(&thread_registration()).await.json());
    let code = app.code_of(&mut Browser::new(), &thread_request(&app)).await;
    let pairs = [("grant_type", "authorization_code"), ("code", &code), ("redirect_uri", App::REDIRECT_URI), ("state", "zzz")];
    let answer = app.post("/token", &pairs).await;
    let body = answer.assert_ok();
    assert_eq!((answer.header("cache-control"), answer.header("pragma")), (Some("no-store"), Some("no-cache")));
    assert!(matches!(body["expires_in"].as_i64(), Some(3599..=3600)), "{body}");
    assert_eq!(body["token_type"], json!("Bearer"));
    let tokens = Tokens::of(&answer);
    assert_eq!(jwt_part(&tokens.access, 0)["alg"], json!("RS256"));
    let (access, id) = (jwt_part(&tokens.access, 1), jwt_part(&tokens.id, 1));
    assert_eq!((&access["iss"], &id["iss"]), (&json!(site.issuer()), &json!(site.issuer())));
    assert_eq!((&access["sub"], &access["aud"]), (&id["sub"], &json!(app.client_id)));
    assert_eq!(access["exp"].as_i64().unwrap() - access["iat"].as_i64().unwrap(), 3600);
    assert!(access["scopes"].as_array().unwrap().contains(&json!("site:seed")), "{access}");
    assert!(body["scope"].as_str().unwrap().split(' ').any(|scope| scope == "site:seed"), "{body}");
    assert!(tokens.refresh.len() >= 43);
}

#[tokio::test]
async fn appendix_4_item_04_a_code_used_twice_is_refused_and_its_tokens_die() {
    let site = Site::seed().await;
    let app = site.confidential().await;
    let (code, verifier) = app.code(&mut Browser::new()).await;
    let tokens = Tokens::of(&app.exchange(&code, &verifier).await);
    assert_eq!(app.userinfo(&tokens.access).await.status, 200);
    app.exchange(&code, &verifier).await.assert_refused(400, "invalid_grant");
    app.assert_dead(&tokens).await;
    assert!(!app.is_active(&tokens.access).await && !app.is_active(&tokens.refresh).await);
}

#[tokio::test]
async fn appendix_4_item_05_a_refresh_gives_a_new_trio_and_the_old_token_is_dead() {
    let site = Site::seed().await;
    let app = site.public().await;
    let old = app.tokens(&mut Browser::new()).await;
    let new = Tokens::of(&app.refresh(&old.refresh).await);
    assert!(![&old.access, &old.refresh].contains(&&new.access) && new.refresh != old.refresh && new.id != old.id);
    assert!(!new.access.is_empty() && !new.refresh.is_empty() && !new.id.is_empty());
    assert_eq!(jwt_part(&new.id, 1)["sub"], jwt_part(&old.id, 1)["sub"]);
    assert_eq!(app.userinfo(&new.access).await.status, 200);
    app.refresh(&old.refresh).await.assert_refused(400, "invalid_grant");
}

#[tokio::test]
async fn appendix_4_item_08_signing_out_answers_by_what_the_app_registered() {
    let site = Site::seed().await;
    let app = site.confidential().await;
    let mut browser = Browser::new();

    let tokens = app.tokens(&mut browser).await;
    let page = browser.open(&app.logout_url(&[("id_token_hint", &tokens.id)])).await.page();
    assert_eq!((page.status(), page.title().contains("Signed out")), (200, true), "{}", page.text());
    app.assert_dead(&tokens).await;

    let tokens = app.tokens(&mut browser).await;
    let pairs = [("id_token_hint", tokens.id.as_str()), ("post_logout_redirect_uri", App::LOGOUT_URI), ("state", "a b&c")];
    let answer = browser.once(Request::get(&app.logout_url(&pairs))).await;
    let to = answer.location().unwrap();
    assert_eq!((answer.status, to.as_str()), (302, format!("{}?state=a+b%26c", App::LOGOUT_URI).as_str()));
    app.assert_dead(&tokens).await;

    let tokens = app.tokens(&mut browser).await;
    let pairs = [("id_token_hint", tokens.id.as_str()), ("post_logout_redirect_uri", "https://client.example.org/elsewhere")];
    let page = browser.open(&app.logout_url(&pairs)).await.page();
    assert!(page.title().contains("Sign out?"), "an unregistered address is asked about, not visited: {}", page.text());
    assert!(browser.press(&page, "primary", &[]).await.page().title().contains("Signed out"));
    app.assert_dead(&tokens).await;

    let tokens = app.tokens(&mut browser).await;
    let forged = crate::harness::jwt_with(&tokens.id, 0, &json!({"alg": "none", "typ": "JWT"}));
    let pairs = [("id_token_hint", forged.as_str()), ("post_logout_redirect_uri", App::LOGOUT_URI)];
    let answer = browser.once(Request::get(&app.logout_url(&pairs)).header("accept", "text/html")).await;
    assert_eq!((answer.status, answer.location()), (400, None));
    assert!(answer.text().contains("id_token_hint"), "{}", answer.text());
    assert_eq!(app.userinfo(&tokens.access).await.status, 200, "a forged hint has no effect");
}

#[tokio::test]
async fn appendix_4_item_09_signed_out_tokens_stay_revoked_after_the_next_sign_in() {
    let site = Site::seed().await;
    let app = site.app(json!({"token_endpoint_auth_method": "client_secret_post"})).await;
    let mut browser = Browser::new();
    let tokens = app.tokens(&mut browser).await;
    assert_eq!(app.introspect(&tokens.access).await.assert_ok()["status"], json!("active"));
    browser.open(&app.logout_url(&[("id_token_hint", &tokens.id)])).await.page();
    for round in ["after signing out", "after the next sign-in"] {
        for token in [&tokens.access, &tokens.refresh] {
            let body = app.introspect(token).await.assert_ok();
            assert_eq!((&body["active"], &body["status"]), (&json!(false), &json!("revoked")), "{round}: {body}");
            assert_eq!(body["client_id"], json!(app.client_id));
        }
        app.assert_dead(&tokens).await;
        app.tokens(&mut browser).await;
    }
}

#[tokio::test]
async fn appendix_4_item_10_discovery_names_what_is_built_under_one_issuer() {
    let site = Site::seed().await;
    let answer = site.get("/.well-known/openid-configuration").await;
    let body = answer.assert_ok();
    assert_eq!(answer.header("access-control-allow-origin"), Some("*"));
    for (member, path) in [
        ("authorization_endpoint", "/authorize"),
        ("token_endpoint", "/token"),
        ("jwks_uri", "/jwk"),
        ("userinfo_endpoint", "/userinfo"),
        ("registration_endpoint", "/registration"),
        ("end_session_endpoint", "/logout"),
        ("introspection_endpoint", "/introspect"),
        ("revocation_endpoint", "/revoke"),
    ] {
        assert_eq!(body[member], json!(site.url(path)), "{member}");
    }
    for (member, value) in [
        ("code_challenge_methods_supported", json!(["S256"])),
        ("subject_types_supported", json!(["public", "pairwise"])),
        ("require_request_uri_registration", json!(false)),
        ("request_parameter_supported", json!(false)),
        ("request_uri_parameter_supported", json!(false)),
        ("claims_parameter_supported", json!(true)),
        ("authorization_response_iss_parameter_supported", json!(true)),
    ] {
        assert_eq!(body[member], value, "{member}");
    }
    let holds = |member: &str, value: &str| body[member].as_array().unwrap_or_else(|| panic!("{member}")).contains(&json!(value));
    for (member, value) in [
        ("scopes_supported", "openid"),
        ("scopes_supported", "api:fhir"),
        ("response_types_supported", "code"),
        ("response_modes_supported", "query"),
        ("grant_types_supported", "authorization_code"),
        ("grant_types_supported", "refresh_token"),
        ("id_token_signing_alg_values_supported", "RS256"),
        ("token_endpoint_auth_methods_supported", "client_secret_basic"),
        ("token_endpoint_auth_methods_supported", "client_secret_post"),
        ("token_endpoint_auth_methods_supported", "none"),
        ("claims_supported", "sub"),
    ] {
        assert!(holds(member, value), "{member} lacks {value}");
    }
    assert!(!holds("claims_supported", "phone") && !holds("scopes_supported", "nonce"));
    let tokens = site.confidential().await.tokens(&mut Browser::new()).await;
    let (id, access) = (jwt_part(&tokens.id, 1), jwt_part(&tokens.access, 1));
    assert_eq!([&body["issuer"], &id["iss"], &access["iss"]], [&json!(site.issuer()); 3]);
    let metadata = Request::get(&format!("{}/.well-known/oauth-authorization-server/oauth2/seed", site.server.origin())).send().await;
    assert_eq!(metadata.assert_ok(), body);
    let keys = site.get("/jwk").await.assert_ok();
    assert_eq!(site.get("/jwks").await.assert_ok(), keys);
    assert_eq!([&keys["keys"][0]["alg"], &keys["keys"][0]["use"]], [&json!("RS256"), &json!("sig")]);
    assert_eq!(keys["keys"][0]["kid"], jwt_part(&tokens.id, 0)["kid"]);
}

#[tokio::test]
async fn appendix_4_item_11_a_token_of_one_site_is_refused_at_another() {
    let (here, there) = (Site::standard().await, Site::other().await);
    let (app, other) = (here.confidential().await, there.confidential().await);
    let tokens = app.tokens(&mut Browser::new()).await;
    assert_eq!(other.userinfo(&tokens.access).await.status, 401);
    for token in [&tokens.access, &tokens.refresh] {
        assert_eq!(other.introspect(token).await.assert_ok(), json!({"active": false}));
    }
    other.refresh(&tokens.refresh).await.assert_refused(400, "invalid_grant");
    assert_eq!(other.revoke(&tokens.access).await.status, 200);
    assert_eq!(app.userinfo(&tokens.access).await.status, 200, "a foreign site revokes nothing");
}

#[tokio::test]
async fn appendix_4_item_13_long_ids_and_secrets_survive_a_restart() {
    let server = Server::with(&[("default", "openemr")]).await;
    let site = server.site("default");
    let app = site.confidential().await;
    assert_eq!((app.client_id.len(), app.secret.as_ref().map(String::len)), (43, Some(86)));
    let before = app.tokens(&mut Browser::new()).await;
    server.kill_and_restart();
    assert!(app.is_active(&before.access).await);
    let shortened = |text: &str, length: usize| text[..length].to_owned();
    let cut_secret = App { secret: app.secret.as_deref().map(|secret| shortened(secret, 80)), ..app.clone() };
    let cut_id = App { client_id: shortened(&app.client_id, 40), ..app.clone() };
    for cut in [cut_secret, cut_id] {
        cut.refresh(&before.refresh).await.assert_refused(401, "invalid_client");
    }
    Tokens::of(&app.refresh(&before.refresh).await);
    app.tokens(&mut Browser::new()).await;
}

/// The thread's authorization request: no PKCE, no nonce, scopes of an API.
fn thread_request(app: &App) -> Authorization {
    app.authorization().without_pkce().without("nonce").with("scope", "openid email phone address api:pofh api:fhir")
}
