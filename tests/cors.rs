//! SPEC.md a.13, row by row: whose scripts may read what.

use crate::harness::{Answer, App, Browser, Request, Server, Site};
use http::Method;
use serde_json::json;

const ALLOWED: &str = "https://spa.example";
const OF_REDIRECT: &str = "https://client.example.org";

async fn app() -> App {
    let members = json!({"token_endpoint_auth_method": "none", "allowed_origins": [ALLOWED, "http://localhost:5173"]});
    Site::standard().await.app(members).await
}

async fn from(request: Request, origin: &str) -> Answer {
    let answer = request.header("origin", origin).send().await;
    assert_eq!(answer.header("access-control-allow-credentials"), None, "{}", answer.url);
    answer
}

fn allowed(answer: &Answer) -> Option<&str> {
    answer.header("access-control-allow-origin")
}

#[tokio::test]
async fn documents_may_be_read_by_any_script() {
    let site = Site::standard().await;
    let twin = format!("{}/.well-known/oauth-authorization-server/oauth2/{}", site.server.origin(), site.name);
    for url in [site.url("/.well-known/openid-configuration"), site.url("/jwk"), site.url("/jwks"), twin] {
        let answer = from(Request::get(&url), "https://anyone.example").await;
        assert_eq!((answer.status, allowed(&answer)), (200, Some("*")), "{url}");
    }
}

#[tokio::test]
async fn an_apps_endpoints_may_be_read_from_its_redirect_uris_and_its_allowed_origins() {
    let app = app().await;
    let tokens = app.tokens(&mut Browser::new()).await;
    let requests = || {
        [
            app.request("/token", &[("grant_type", "refresh_token"), ("refresh_token", "x")]),
            app.request("/revoke", &[("token", "x")]),
            Request::get(&app.site.url("/userinfo")).bearer(&tokens.access),
        ]
    };
    for origin in [ALLOWED, OF_REDIRECT, "http://localhost:5173"] {
        for request in requests() {
            let answer = from(request, origin).await;
            assert_eq!(allowed(&answer), Some(origin), "{}", answer.url);
            assert!(answer.headers.get_all("vary").iter().any(|vary| vary == "Origin"), "{}", answer.url);
        }
    }
    let strangers =
        ["https://evil.example", "null", "http://spa.example", "https://spa.example:8443", "https://spa.example.evil.example", "*"];
    for origin in strangers {
        for request in requests() {
            let answer = from(request, origin).await;
            assert_eq!(allowed(&answer), None, "{} from {origin}", answer.url);
        }
    }
    let other = Site::standard().await.public().await;
    let answer = from(other.request("/token", &[("grant_type", "refresh_token"), ("refresh_token", "x")]), ALLOWED).await;
    assert_eq!(allowed(&answer), None, "it is the origin of another client");
}

#[tokio::test]
async fn a_preflight_is_answered_before_the_client_is_known() {
    let site = Site::standard().await;
    for (path, methods) in [("/token", "POST"), ("/revoke", "POST"), ("/userinfo", "GET, POST"), ("/registration", "POST")] {
        let request = Request::new(Method::OPTIONS, &site.url(path)).header("access-control-request-method", "POST");
        let answer = from(request, "https://anyone.example").await;
        assert_eq!((answer.status, allowed(&answer)), (204, Some("https://anyone.example")), "{path}");
        assert_eq!(answer.header("access-control-allow-methods"), Some(methods), "{path}");
        let headers = answer.header("access-control-allow-headers").unwrap();
        assert!(headers.contains("Authorization") && headers.contains("Content-Type"), "{path}: {headers}");
        assert!(answer.body.is_empty());
        let nobody = from(Request::new(Method::OPTIONS, &site.url(path)), "null").await;
        assert_eq!(allowed(&nobody), None, "{path}");
    }
}

#[tokio::test]
async fn pages_introspection_and_administration_are_never_read_by_a_script_of_another_origin() {
    let app = app().await;
    let paths = ["/authorize", "/provider/login", "/login", "/consent", "/logout", "/introspect"];
    for path in paths {
        for method in [Method::GET, Method::POST, Method::OPTIONS] {
            for origin in [ALLOWED, OF_REDIRECT] {
                let request = Request::new(method.clone(), &app.site.url(path)).header("access-control-request-method", "POST");
                let answer = from(request, origin).await;
                assert_eq!(allowed(&answer), None, "{method} {path}");
            }
        }
    }
    let asked = from(Request::get(&app.authorization().url()), ALLOWED).await;
    assert_eq!(allowed(&asked), None);
    let admin = from(Request::get(&format!("{}/admin/v1/clients", app.site.server.origin())), ALLOWED).await;
    assert_eq!((admin.status, allowed(&admin)), (404, None));
    let uri = app.registration["registration_client_uri"].as_str().unwrap();
    let token = app.registration["registration_access_token"].as_str().unwrap();
    assert_eq!(allowed(&from(Request::get(uri).bearer(token), ALLOWED).await), None, "a registration is not managed from a page");
}

#[tokio::test]
async fn only_an_origin_can_be_an_allowed_origin() {
    let site = Server::alone().await.site("default");
    for wrong in [
        json!(["https://spa.example/"]),
        json!(["https://spa.example/app"]),
        json!(["https://SPA.example"]),
        json!(["https://spa.example:443"]),
        json!(["http://spa.example"]),
        json!(["*"]),
        json!(["null"]),
        json!(["com.example.app:/"]),
        json!("https://spa.example"),
    ] {
        let body = json!({"redirect_uris": [App::REDIRECT_URI], "allowed_origins": wrong});
        site.register(&body).await.assert_refused(400, "invalid_client_metadata");
    }
}
