//! SPEC.md a.6, OpenID Connect Core §5.3, RFC 6750 §3: userinfo and what its errors say.

use crate::harness::{Browser, Request, Site, Tokens, jwt_part};
use http::Method;
use serde_json::json;

#[tokio::test]
async fn claims_come_by_the_scope_that_was_granted() {
    let app = Site::standard().await.confidential().await;
    let mut browser = Browser::new();
    for (scope, members) in [("openid", &["sub"][..]), ("openid profile", &["sub", "name"]), ("openid email", &["sub", "email"])] {
        let request = app.authorization().with("scope", scope);
        let code = app.code_of(&mut browser, &request).await;
        let tokens = Tokens::of(&app.exchange(&code, request.verifier.as_ref().unwrap()).await);
        let answer = app.userinfo(&tokens.access).await;
        let body = answer.assert_ok();
        answer.assert_not_stored();
        let id = jwt_part(&tokens.id, 1);
        assert_eq!(body["sub"], id["sub"]);
        for member in members {
            assert!(body.get(*member).is_some(), "{scope} lacks {member}: {body}");
        }
        for member in ["name", "email"] {
            assert_eq!(body.get(member).is_some(), members.contains(&member), "{scope}: {body}");
            assert_eq!(id.get(member), None, "scope claims are served at userinfo (CONFORMANCE.md §1): {id}");
        }
        assert!(!body.as_object().unwrap().values().any(|value| value == &json!("")), "unknown claims are left out: {body}");
    }
}

#[tokio::test]
async fn it_is_read_by_get_and_post_with_the_token_in_header_or_body() {
    let app = Site::standard().await.confidential().await;
    let tokens = app.tokens(&mut Browser::new()).await;
    let url = app.site.url("/userinfo");
    for request in [
        Request::get(&url).bearer(&tokens.access),
        Request::get(&url).header("authorization", &format!("bearer {}", tokens.access)),
        Request::new(Method::POST, &url).bearer(&tokens.access),
        Request::form(&url, &[("access_token", &tokens.access)]),
    ] {
        request.send().await.assert_ok();
    }
    let twice = Request::form(&url, &[("access_token", &tokens.access)]).bearer(&tokens.access).send().await;
    assert_eq!(twice.status, 400, "RFC 6750 §2: {}", twice.text());
}

#[tokio::test]
async fn a_refusal_says_why_in_the_challenge() {
    let app = Site::standard().await.confidential().await;
    let mut browser = Browser::new();
    let tokens = app.tokens(&mut browser).await;
    let bare = app.site.get("/userinfo").await;
    assert_eq!(bare.status, 401);
    let challenge = bare.header("www-authenticate").unwrap();
    assert!(challenge.starts_with("Bearer") && !challenge.contains("error="), "RFC 6750 §3.1: {challenge}");
    for wrong in ["x", &tokens.id, &tokens.refresh, &tokens.access[..tokens.access.len() - 1]] {
        let answer = app.userinfo(wrong).await;
        assert_eq!(answer.status, 401, "{}", answer.text());
        assert!(answer.header("www-authenticate").unwrap().contains("error=\"invalid_token\""), "{:?}", answer.headers);
    }
    let request = app.authorization().with("scope", "profile");
    let code = app.code_of(&mut browser, &request).await;
    let plain = Tokens::of(&app.exchange(&code, request.verifier.as_ref().unwrap()).await);
    assert_eq!(plain.id, "", "no openid, no ID token");
    let answer = app.userinfo(&plain.access).await;
    assert_eq!(answer.status, 403, "{}", answer.text());
    assert!(answer.header("www-authenticate").unwrap().contains("insufficient_scope"));
}
