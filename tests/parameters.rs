//! RFC 6749 §3.1, §3.2 and THREATS.md §F: repeated, oversized and misplaced parameters at each endpoint, from both sides of each limit.

use crate::harness::{App, Browser, Request, Site, form_encoded, query_of};
use http::Method;
use serde_json::json;

#[tokio::test]
async fn a_repeated_parameter_is_refused_at_every_endpoint() {
    let app = Site::standard().await.confidential().await;
    for (path, name) in [("/token", "grant_type"), ("/token", "code"), ("/introspect", "token"), ("/revoke", "token"), ("/token", "extra")]
    {
        app.post(path, &[(name, "a"), (name, "a")]).await.assert_refused(400, "invalid_request");
        app.post(path, &[(name, ""), (name, "a")]).await.assert_refused(400, "invalid_request");
    }
    for name in ["state", "scope", "nonce", "response_type", "code_challenge", "prompt", "unheard_of"] {
        let request = app.authorization().with(name, "openid").also(name, "openid");
        let answer = Browser::new().once(Request::get(&request.url()).header("accept", "text/html")).await;
        match answer.location() {
            Some(left) => {
                assert!(left.as_str().starts_with(App::REDIRECT_URI), "{left}");
                assert_eq!(query_of(&left, "error").as_deref(), Some("invalid_request"), "{name}: {left}");
            }
            None => assert_eq!(answer.status, 400, "{name}"),
        }
    }
    let logout = Browser::new().once(Request::get(&app.logout_url(&[("state", "a"), ("state", "b")]))).await;
    assert_eq!((logout.status, logout.location()), (400, None));
}

#[tokio::test]
async fn resource_alone_may_come_twice() {
    let app = Site::standard().await.confidential().await;
    let request = app.authorization().also("resource", "https://a.example/").also("resource", "https://b.example/");
    let stop = Browser::new().open_as_program(&request.url()).await;
    let repeated =
        matches!(&stop, crate::harness::Stop::Left(url) if query_of(url, "error_description").is_some_and(|text| text.contains("repeat")));
    assert!(!repeated, "RFC 8707 §2");
}

#[tokio::test]
async fn sixty_four_parameters_pass_and_sixty_five_do_not() {
    let app = Site::standard().await.confidential().await;
    let many = |count: usize| (0..count).map(|n| (format!("p{n}"), "v".to_owned())).collect::<Vec<_>>();
    let url = app.site.url("/token");
    let secret = app.secret.clone().unwrap();
    let send = async |count: usize| {
        let mut pairs = many(count - 2);
        pairs.extend([("grant_type", "refresh_token"), ("refresh_token", "x")].map(|(name, value)| (name.to_owned(), value.to_owned())));
        Request::form(&url, &pairs).basic(&app.client_id, &secret).send().await
    };
    send(64).await.assert_refused(400, "invalid_grant");
    send(65).await.assert_refused(400, "invalid_request");
}

#[tokio::test]
async fn a_body_of_64_kib_passes_and_one_byte_more_does_not() {
    let app = Site::standard().await.confidential().await;
    let body = |length: usize| {
        let start = "grant_type=refresh_token&refresh_token=";
        format!("{start}{}", "x".repeat(length - start.len()))
    };
    let url = app.site.url("/token");
    let send = async |length: usize| {
        let request = Request::new(Method::POST, &url).body("application/x-www-form-urlencoded", body(length));
        request.basic(&app.client_id, app.secret.as_ref().unwrap()).send().await
    };
    send(64 * 1024).await.assert_refused(400, "invalid_grant");
    assert_eq!(send(64 * 1024 + 1).await.status, 413);
}

#[tokio::test]
async fn a_registration_of_more_than_32_kib_is_refused() {
    let site = Site::standard().await;
    let body = |length: usize| {
        let start = format!("{{\"redirect_uris\":[\"{}\"],\"unknown\":\"", App::REDIRECT_URI);
        format!("{start}{}\"}}", "x".repeat(length - start.len() - 2))
    };
    let send = async |length: usize| {
        Request::new(Method::POST, &site.url("/registration")).body("application/json", body(length)).send().await.status
    };
    assert_eq!(send(32 * 1024).await, 201);
    assert!([400, 413].contains(&send(32 * 1024 + 1).await));
}

#[tokio::test]
async fn a_state_of_4096_bytes_comes_back_and_a_longer_one_is_an_error() {
    let app = Site::standard().await.confidential().await;
    let (mut browser, state) = (Browser::new(), "s".repeat(4096));
    let request = app.authorization().with("state", &state);
    app.code_of(&mut browser, &request).await;
    let answer = browser.once(Request::get(&app.authorization().with("state", &"s".repeat(4097)).url())).await;
    match answer.location() {
        Some(left) => assert_eq!(query_of(&left, "error").as_deref(), Some("invalid_request"), "{left}"),
        None => assert_eq!(answer.status, 400),
    }
    for unusual in ["{\"a\":\"b c\"}", "%7B%22a%22%3A1%7D", "a=b&c=d", "✓ 東京", "<script>", "+ +"] {
        app.code_of(&mut browser, &app.authorization().with("state", unusual)).await;
    }
}

#[tokio::test]
async fn a_nonce_comes_back_in_the_id_token_as_it_was_sent() {
    let app = Site::standard().await.confidential().await;
    let mut browser = Browser::new();
    for nonce in ["n".repeat(384), "✓ \"<&>'".to_owned(), "n".repeat(1024)] {
        let request = app.authorization().with("nonce", &nonce);
        let code = app.code_of(&mut browser, &request).await;
        let tokens = crate::harness::Tokens::of(&app.exchange(&code, request.verifier.as_ref().unwrap()).await);
        assert_eq!(crate::harness::jwt_part(&tokens.id, 1)["nonce"], json!(nonce));
    }
    let request = app.authorization().without("nonce");
    let code = app.code_of(&mut browser, &request).await;
    let tokens = crate::harness::Tokens::of(&app.exchange(&code, request.verifier.as_ref().unwrap()).await);
    assert_eq!(crate::harness::jwt_part(&tokens.id, 1).get("nonce"), None);
}

#[tokio::test]
async fn secrets_in_a_query_are_not_read() {
    let app = Site::standard().await.confidential().await;
    let tokens = app.tokens(&mut Browser::new()).await;
    let secret = app.secret.clone().unwrap();
    let url = app.site.url("/introspect");
    let in_query = [("client_id", app.client_id.as_str()), ("client_secret", secret.as_str()), ("token", tokens.access.as_str())];
    let answer = Request::form(&format!("{url}?{}", form_encoded(&in_query)), &[("token", &tokens.access)]).send().await;
    assert!([400, 401].contains(&answer.status), "{}", answer.text());
    let userinfo = app.site.get(&format!("/userinfo?access_token={}", tokens.access)).await;
    assert!([400, 401].contains(&userinfo.status), "{}", userinfo.text());
    let posted = app.site.post("/userinfo", &[("access_token", &tokens.access)]).await;
    assert_eq!(posted.status, 200, "RFC 6750 §2.2: {}", posted.text());
}

#[tokio::test]
async fn what_does_not_decode_is_refused_not_repaired() {
    let app = Site::standard().await.confidential().await;
    let secret = app.secret.clone().unwrap();
    for body in ["grant_type=%zz", "grant_type=refresh_token&refresh_token=%ff", "grant_type=refresh_token&refresh_token=%c3%28", "%"] {
        let request = Request::new(Method::POST, &app.site.url("/token")).body("application/x-www-form-urlencoded", body);
        request.basic(&app.client_id, &secret).send().await.assert_refused(400, "invalid_request");
    }
}

#[tokio::test]
async fn unknown_paths_sites_and_methods_each_have_their_answer() {
    let site = Site::standard().await;
    let origin = site.server.origin();
    for path in ["/", "/oauth2", "/oauth2/default", "/oauth2/default/x/token", "/oauth2/default/tokens", "/token"] {
        assert_eq!(Request::get(&format!("{origin}{path}")).send().await.status, 404, "{path}");
    }
    for name in ["nowhere", "_server", "a_b", "%20"] {
        let answer = Request::form(&format!("{origin}/oauth2/{name}/token"), &[("grant_type", "x")]).send().await;
        assert_eq!((answer.status, answer.location()), (400, None), "{name}: {}", answer.text());
    }
    for path in ["/introspect", "/revoke", "/token", "/registration"] {
        let answer = site.get(path).await;
        assert_eq!((answer.status, answer.header("allow").is_some()), (405, true), "{path}");
    }
    for path in ["/jwk", "/.well-known/openid-configuration"] {
        assert_eq!(site.post(path, &[("a", "b")]).await.status, 405, "{path}");
    }
    let siteless = Request::get(&format!("{origin}/oauth2/.well-known/openid-configuration")).send().await;
    assert_eq!(siteless.assert_ok()["issuer"], json!(site.issuer()), "without a name it is site default");
}

#[tokio::test]
async fn a_path_matches_exactly_or_not_at_all() {
    let app = Site::standard().await.confidential().await;
    for path in ["/token/", "//token", "/token//", "/TOKEN", "/token;x"] {
        let answer = app.post(path, &[("grant_type", "refresh_token"), ("refresh_token", "x")]).await;
        assert!(
            [400, 404].contains(&answer.status) && !answer.text().contains("invalid_grant"),
            "{path}: {} {}",
            answer.status,
            answer.text()
        );
    }
}
