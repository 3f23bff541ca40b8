//! RFC 6749 §4.1.3, §5, §6 and SPEC.md a.5: the token endpoint's errors.

use crate::harness::{App, Browser, Request, Server, Site, Tokens, jwt_part, scopes};
use http::Method;
use serde_json::json;

#[tokio::test]
async fn each_missing_parameter_is_told() {
    let app = Site::standard().await.confidential().await;
    for pairs in [
        &[][..],
        &[("grant_type", "")],
        &[("grant_type", "authorization_code")],
        &[("grant_type", "authorization_code"), ("redirect_uri", App::REDIRECT_URI)],
        &[("grant_type", "refresh_token")],
        &[("grant_type", "refresh_token"), ("refresh_token", "")],
    ] {
        app.post("/token", pairs).await.assert_refused(400, "invalid_request");
    }
    for unknown in ["password", "implicit", "telepathy", "urn:ietf:params:oauth:grant-type:device_code"] {
        app.post("/token", &[("grant_type", unknown), ("username", "a"), ("password", "b")])
            .await
            .assert_refused(400, "unsupported_grant_type");
    }
}

#[tokio::test]
async fn a_code_needs_everything_it_was_bound_to() {
    let site = Site::standard().await;
    let (app, other) = (site.confidential().await, site.confidential().await);
    let mut browser = Browser::new();
    let (code, verifier) = app.code(&mut browser).await;
    let with = |pairs: Vec<(&'static str, String)>| {
        let base =
            [("grant_type", "authorization_code"), ("redirect_uri", App::REDIRECT_URI)].map(|(name, value)| (name, value.to_owned()));
        base.into_iter().filter(|(name, _)| pairs.iter().all(|(own, _)| own != name)).chain(pairs.clone()).collect::<Vec<_>>()
    };
    let send = async |app: &App, pairs: Vec<(&'static str, String)>| {
        let pairs = with(pairs);
        app.post("/token", &pairs.iter().map(|(name, value)| (*name, value.as_str())).collect::<Vec<_>>()).await
    };
    let (code_pair, verifier_pair) = (("code", code.clone()), ("code_verifier", verifier.clone()));
    send(&other, vec![code_pair.clone(), verifier_pair.clone()]).await.assert_refused(400, "invalid_grant");
    send(&app, vec![("code", "x".repeat(43)), verifier_pair.clone()]).await.assert_refused(400, "invalid_grant");
    let elsewhere = ("redirect_uri", "https://client.example.org/other".to_owned());
    send(&app, vec![code_pair.clone(), verifier_pair.clone(), elsewhere]).await.assert_refused(400, "invalid_grant");
    let (status, error) = send(&app, vec![code_pair.clone(), verifier_pair.clone(), ("redirect_uri", String::new())]).await.refusal();
    assert!(status == 400 && ["invalid_grant", "invalid_request"].contains(&error.as_str()), "{error}");
    send(&app, vec![code_pair.clone()]).await.assert_refused(400, "invalid_request");
    let answer = send(&app, vec![code_pair, verifier_pair]).await;
    assert_eq!(answer.status, 200, "a wrong attempt does not burn the code: {}", answer.text());
}

#[tokio::test]
async fn forty_three_and_128_characters_of_verifier_pass_and_42_and_129_do_not() {
    let app = Site::standard().await.confidential().await;
    let mut browser = Browser::new();
    for (length, passes) in [(42, false), (43, true), (128, true), (129, false)] {
        let pkce = crate::harness::Pkce::of(&"aZ0-._~".repeat(20)[..length]);
        let request = app.authorization().with("code_challenge", &pkce.challenge);
        let code = app.code_of(&mut browser, &request).await;
        let answer = app.exchange(&code, &pkce.verifier).await;
        match passes {
            true => assert_eq!(answer.status, 200, "{length}: {}", answer.text()),
            false => assert!([400].contains(&answer.status), "{length}: {}", answer.text()),
        }
    }
}

#[tokio::test]
async fn an_expired_code_is_refused() {
    let server = Server::alone().await;
    server.writ(&["site", "set", "default", "code_seconds=1"], "");
    let app = server.site("default").confidential().await;
    let (code, verifier) = app.code(&mut Browser::new()).await;
    tokio::time::sleep(std::time::Duration::from_millis(2200)).await;
    app.exchange(&code, &verifier).await.assert_refused(400, "invalid_grant");
}

#[tokio::test]
async fn a_client_proves_itself_as_it_registered() {
    let site = Site::standard().await;
    for method in ["client_secret_basic", "client_secret_post"] {
        let app = site.app(json!({"token_endpoint_auth_method": method})).await;
        let secret = app.secret.clone().unwrap();
        let pairs = [("grant_type", "refresh_token"), ("refresh_token", "x")];
        let url = site.url("/token");
        let by_basic = Request::form(&url, &pairs).basic(&app.client_id, &secret).send().await;
        let in_body = [&pairs[..], &[("client_id", &app.client_id), ("client_secret", &secret)]].concat();
        let by_post = Request::form(&url, &in_body).send().await;
        let own = if method == "client_secret_basic" { &by_basic } else { &by_post };
        own.assert_refused(400, "invalid_grant");
        let wrong = App { secret: Some(secret[..85].to_owned()), ..app.clone() };
        let refused = wrong.refresh("x").await;
        refused.assert_refused(401, "invalid_client");
        assert_eq!(refused.header("www-authenticate").is_some(), method == "client_secret_basic", "{:?}", refused.headers);
        let none = Request::form(&url, &[&pairs[..], &[("client_id", &app.client_id)]].concat()).send().await;
        none.assert_refused(401, "invalid_client");
        Request::form(&url, &pairs).send().await.assert_refused(401, "invalid_client");
        let both = Request::form(&url, &in_body).basic(&app.client_id, &secret).send().await;
        both.assert_refused(400, "invalid_request");
    }
}

#[tokio::test]
async fn a_refresh_may_narrow_the_scope_and_never_widen_it() {
    let site = Site::standard().await;
    let app = site.app(json!({"scope": "openid profile email phone"})).await;
    let mut browser = Browser::new();
    let request = app.authorization().with("scope", "openid profile email");
    let code = app.code_of(&mut browser, &request).await;
    let tokens = Tokens::of(&app.exchange(&code, request.verifier.as_ref().unwrap()).await);
    let ask = async |token: &str, scope: &str| {
        app.post("/token", &[("grant_type", "refresh_token"), ("refresh_token", token), ("scope", scope)]).await
    };
    for wide in ["openid profile email phone", "phone", "openid address", "openid no:such"] {
        ask(&tokens.refresh, wide).await.assert_refused(400, "invalid_scope");
    }
    let narrow = Tokens::of(&ask(&tokens.refresh, "openid email").await);
    assert_eq!(scopes(&narrow.body["scope"]), scopes(&json!("openid email")));
    let full = Tokens::of(&app.refresh(&narrow.refresh).await);
    assert_eq!(
        scopes(&full.body["scope"]),
        scopes(&json!("openid profile email")),
        "narrowing one token does not narrow the grant (RFC 6749 §6)"
    );
}

#[tokio::test]
async fn a_lost_answer_of_a_confidential_client_is_given_again() {
    let app = Site::standard().await.confidential().await;
    let tokens = app.tokens(&mut Browser::new()).await;
    let first = Tokens::of(&app.refresh(&tokens.refresh).await);
    let again = Tokens::of(&app.refresh(&tokens.refresh).await);
    assert_eq!((&first.access, &first.refresh), (&again.access, &again.refresh));
    let next = Tokens::of(&app.refresh(&first.refresh).await);
    app.refresh(&tokens.refresh).await.assert_refused(400, "invalid_grant");
    app.assert_dead(&next).await;
}

#[tokio::test]
async fn only_a_form_by_post_is_a_token_request() {
    let site = Site::standard().await;
    let url = site.url("/token");
    let get = site.get("/token?grant_type=refresh_token").await;
    assert_eq!((get.status, get.header("allow").is_some_and(|allow| allow.contains("POST"))), (405, true));
    for method in [Method::PUT, Method::DELETE, Method::PATCH] {
        assert_eq!(Request::new(method, &url).send().await.status, 405);
    }
    let json = Request::new(Method::POST, &url).body("application/json", "{\"grant_type\":\"refresh_token\"}").send().await;
    json.assert_refused(400, "invalid_request");
    let untyped = Request { body: b"grant_type=refresh_token".to_vec(), ..Request::new(Method::POST, &url) }.send().await;
    untyped.assert_refused(400, "invalid_request");
    let app = site.confidential().await;
    let secret = app.secret.clone().unwrap();
    let in_query = Request::form(&format!("{url}?grant_type=refresh_token&refresh_token=x"), &[("a", "b")]).basic(&app.client_id, &secret);
    in_query.send().await.assert_refused(400, "invalid_request");
}

#[tokio::test]
async fn no_refresh_token_without_asking_when_the_scopes_are_smart() {
    let site = Site::standard().await;
    let app = site.app(json!({"scope": "openid fhirUser patient/Patient.rs offline_access"})).await;
    let mut browser = Browser::new();
    for (scope, refresh) in [("openid patient/Patient.rs", false), ("openid patient/Patient.rs offline_access", true)] {
        let request = app.authorization().with("scope", scope);
        let code = app.code_of(&mut browser, &request).await;
        let body = app.exchange(&code, request.verifier.as_ref().unwrap()).await.assert_ok();
        assert_eq!(body.get("refresh_token").is_some(), refresh, "{body}");
    }
}

#[tokio::test]
async fn a_signing_key_that_is_gone_costs_no_code() {
    let server = Server::alone().await;
    let app = server.site("default").confidential().await;
    let (code, verifier) = app.code(&mut Browser::new()).await;
    server.stop();
    let vault = rusqlite::Connection::open(server.directory().join("vault.sqlite")).unwrap();
    assert!(vault.execute("DELETE FROM entries WHERE kind = 'signing key'", []).unwrap() > 0);
    drop(vault);
    server.start();
    assert_eq!(app.exchange(&code, &verifier).await.status, 500);
    let log = server.writ(&["log", "-o", "ndjson", "-n", "200"], "");
    assert!(log.contains("code.issued") && !log.contains("code.redeemed"), "nothing was decided: {log}");
}

#[tokio::test]
async fn the_site_chooses_what_signs_access_tokens_and_the_client_what_signs_its_id_tokens() {
    let server = Server::alone().await;
    let site = server.site("default");
    let (app, other) = (site.confidential().await, site.app(json!({"id_token_signed_response_alg": "EdDSA"})).await);
    let mut browser = Browser::new();
    let before = app.tokens(&mut browser).await;
    assert_eq!(algorithms(&before), ["RS256", "RS256"]);
    assert_eq!(algorithms(&other.tokens(&mut browser).await), ["RS256", "EdDSA"]);
    let refused = server.writ_output(&["site", "set", "default", "access_token.alg=HS256"], "");
    assert!(!refused.status.success(), "an algorithm that we do not sign with");
    server.writ(&["site", "set", "default", "access_token.alg=EdDSA"], "");
    assert!(server.writ(&["site", "show", "default"], "").contains("EdDSA"));
    let after = app.tokens(&mut browser).await;
    assert_eq!(algorithms(&after), ["EdDSA", "RS256"]);
    let refreshed = Tokens::of(&app.refresh(&before.refresh).await);
    assert_eq!(algorithms(&refreshed), ["EdDSA", "RS256"], "a grant of before is signed as the site wants it now");
    for tokens in [&before, &after, &refreshed] {
        assert!(app.is_active(&tokens.access).await);
        assert_eq!(app.userinfo(&tokens.access).await.assert_ok()["sub"], jwt_part(&tokens.id, 1)["sub"]);
    }
    let keys = site.get("/jwk").await.assert_ok();
    let signer = keys["keys"].as_array().unwrap().iter().find(|key| key["kid"] == jwt_part(&after.access, 0)["kid"]).unwrap();
    assert_eq!((&signer["alg"], &signer["kty"]), (&json!("EdDSA"), &json!("OKP")));
    server.kill_and_restart();
    assert!(app.is_active(&refreshed.access).await, "the setting and both keys are there again");
    assert_eq!(algorithms(&Tokens::of(&app.refresh(&refreshed.refresh).await)), ["EdDSA", "RS256"]);
}

/// What signed the access token and the ID token.
fn algorithms(tokens: &Tokens) -> [String; 2] {
    [&tokens.access, &tokens.id].map(|token| jwt_part(token, 0)["alg"].as_str().unwrap().to_owned())
}
