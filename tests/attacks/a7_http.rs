//! A81–A92: HTTP, proxies, sites.

use crate::harness::{Browser, PASSWORD, Request, Site, USERNAME, send_raw};
use http::Method;
use serde_json::json;
use std::time::Duration;

#[tokio::test]
async fn a81_the_issuer_does_not_follow_the_caller() {
    let site = Site::standard().await;
    let document = "/.well-known/openid-configuration";
    for (name, value) in [
        ("x-forwarded-host", "evil.example"),
        ("x-forwarded-proto", "https"),
        ("x-forwarded-port", "443"),
        ("forwarded", "host=evil.example;proto=https"),
        ("x-original-url", "/evil"),
    ] {
        let answer = Request::get(&site.url(document)).header(name, value).send().await;
        assert_eq!(answer.assert_ok()["issuer"], json!(site.issuer()), "{name}");
    }
    for host in ["evil.example", "127.0.0.1", "127.0.0.1:1", "localhost"] {
        let answer = Request::get(&site.url(document)).header("host", host).send().await;
        assert_eq!(answer.status, 421, "{host}");
        assert!(!answer.text().contains("evil.example"));
    }
}

#[tokio::test]
async fn a82_an_address_that_a_stranger_claims_is_not_believed() {
    let site = Site::standard().await;
    for value in ["203.0.113.9", "203.0.113.9, 10.0.0.1", "unparsable", "::1", ""] {
        for name in ["x-forwarded-for", "x_forwarded_for", "x-real-ip"] {
            let answer = Request::get(&site.url("/jwk")).header(name, value).send().await;
            assert_eq!(answer.status, 200, "{name}: {value}");
        }
    }
    let log = site.server.writ(&["log", "-o", "ndjson", "-n", "200"], "");
    assert!(!log.contains("203.0.113.9"), "a claimed address in the record");
}

#[tokio::test]
async fn a83_an_ambiguous_request_is_refused_and_the_connection_closed() {
    let site = Site::standard().await;
    let address = site.server.address();
    let token = "POST /oauth2/default/token HTTP/1.1\r\n";
    let host = format!("Host: {address}\r\n");
    let form = "Content-Type: application/x-www-form-urlencoded\r\n";
    let second = format!("GET /oauth2/default/jwk HTTP/1.1\r\n{host}\r\n");
    for (what, request) in [
        ("two lengths", format!("{token}{host}{form}Content-Length: 3\r\nContent-Length: 4\r\n\r\na=b{second}")),
        ("length and chunks", format!("{token}{host}{form}Content-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n{second}")),
        ("an odd coding", format!("{token}{host}{form}Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n{second}")),
        ("a folded header", format!("{token}{host}{form}X: a\r\n b\r\nContent-Length: 0\r\n\r\n{second}")),
        ("a space before the colon", format!("{token}{host}{form}Content-Length : 0\r\n\r\n{second}")),
        ("a signed length", format!("{token}{host}{form}Content-Length: +3\r\n\r\na=b{second}")),
        ("no host", format!("{token}{form}Content-Length: 0\r\n\r\n{second}")),
        ("two hosts", format!("{token}{host}{host}{form}Content-Length: 0\r\n\r\n{second}")),
        ("a bare line feed", format!("{token}{host}X: a\n{form}Content-Length: 0\r\n\r\n{second}")),
        ("a bad chunk", format!("{token}{host}{form}Transfer-Encoding: chunked\r\n\r\nzz\r\n{second}")),
        ("an absolute form of another host", format!("GET http://evil.example/oauth2/default/jwk HTTP/1.1\r\n{host}\r\n{second}")),
        ("a null byte", format!("GET /oauth2/default/jwk\0 HTTP/1.1\r\n{host}\r\n{second}")),
    ] {
        let answer = send_raw(&address, request.as_bytes(), Duration::from_secs(3)).await;
        assert!(!answer.contains("200 OK"), "{what}: {answer}");
        assert!(answer.is_empty() || answer.starts_with("HTTP/1.1 4") || answer.starts_with("HTTP/1.0 4"), "{what}: {answer}");
        assert!(answer.matches("HTTP/1.").count() <= 1, "{what}: a second request was answered: {answer}");
    }
}

#[tokio::test]
async fn a84_a_known_parameter_comes_once_and_where_it_belongs() {
    let app = Site::standard().await.confidential().await;
    let tokens = app.tokens(&mut Browser::new()).await;
    let secret = app.secret.clone().unwrap();
    let url = app.site.url("/token");
    let pairs = [("grant_type", "refresh_token"), ("refresh_token", tokens.refresh.as_str())];
    app.post("/token", &[&pairs[..], &[("refresh_token", "x")]].concat()).await.assert_refused(400, "invalid_request");
    let both = Request::form(&format!("{url}?refresh_token=x&grant_type=x"), &pairs).basic(&app.client_id, &secret).send().await;
    let by_body = both.status == 200 || both.refusal() == (400, "invalid_request".to_owned());
    assert!(by_body, "the query decided: {}", both.text());
}

#[tokio::test]
async fn a85_only_an_apps_own_origin_may_read_what_is_private() {
    let app = Site::standard().await.public().await;
    let tokens = app.tokens(&mut Browser::new()).await;
    let allowed = async |path: &str, origin: &str| {
        let request = match path {
            "/userinfo" => Request::get(&app.site.url(path)).bearer(&tokens.access),
            "/authorize" => Request::get(&app.authorization().url()),
            "/token" => app.request(path, &[("grant_type", "refresh_token"), ("refresh_token", "x")]),
            _ => app.request(path, &[("token", "x")]),
        };
        let answer = request.header("origin", origin).send().await;
        assert_eq!(answer.header("access-control-allow-credentials"), None);
        answer.header("access-control-allow-origin").map(str::to_owned)
    };
    for path in ["/token", "/revoke", "/userinfo"] {
        assert_eq!(allowed(path, "https://client.example.org").await.as_deref(), Some("https://client.example.org"), "{path}");
        for foreign in ["https://evil.example", "null", "https://client.example.org.evil.example", "http://client.example.org"] {
            assert_eq!(allowed(path, foreign).await, None, "{path} from {foreign}");
        }
    }
    for path in ["/authorize", "/introspect", "/logout"] {
        assert_eq!(allowed(path, "https://client.example.org").await, None, "{path}");
    }
    let preflight = Request::new(Method::OPTIONS, &app.site.url("/token"));
    let preflight = preflight.header("origin", "https://client.example.org").header("access-control-request-method", "POST").send().await;
    assert!([200, 204].contains(&preflight.status), "{}", preflight.status);
    assert_eq!(preflight.header("access-control-allow-origin"), Some("https://client.example.org"));
}

#[tokio::test]
async fn a86_a87_every_answer_has_its_headers_and_every_cookie_its_flags() {
    let app = Site::standard().await.confidential().await;
    let mut browser = Browser::new();
    let page = browser.open(&app.authorization().url()).await.page();
    let consent = browser.sign_in(&page, USERNAME, PASSWORD).await.page();
    let pages = [page.answer, consent.answer, browser.open(&app.logout_url(&[])).await.page().answer];
    let mut others = vec![app.site.get("/jwk").await, app.site.get("/nowhere").await, app.site.get("/token").await];
    others.extend([app.refresh("x").await, app.introspect("x").await, app.userinfo("x").await, app.revoke("x").await]);
    for answer in pages.iter().chain(&others) {
        let header = |name: &str| answer.header(name).unwrap_or_default().to_owned();
        let what = format!("{} {} {:?}", answer.status, answer.url.path(), answer.headers);
        assert_eq!(header("x-content-type-options"), "nosniff", "{what}");
        assert_eq!(header("referrer-policy"), "no-referrer", "{what}");
        assert!(header("content-security-policy").contains("default-src 'none'"), "{what}");
        assert!(header("x-request-id").starts_with("req_"), "{what}");
        assert_eq!(answer.header("server"), None, "{what}");
    }
    for answer in pages.iter().chain(&others[3..]) {
        answer.assert_not_stored();
    }
    for page in &pages {
        assert!(page.header("cross-origin-opener-policy").is_some(), "{:?}", page.headers);
    }
    let cookies: Vec<String> = Request::get(&app.authorization().url())
        .send()
        .await
        .headers
        .get_all("set-cookie")
        .iter()
        .map(|value| value.to_str().unwrap().to_owned())
        .collect();
    assert_eq!(cookies.len(), 1, "{cookies:?}");
    for flag in ["; Path=/", "; HttpOnly", "; SameSite=Lax"] {
        assert!(cookies[0].contains(flag), "{}", cookies[0]);
    }
    assert!(cookies[0].len() <= 4096 && !cookies[0].contains("Domain"), "{}", cookies[0]);
}

#[tokio::test]
async fn a91_a92_errors_repeat_nothing_and_tell_nothing() {
    let app = Site::standard().await.confidential().await;
    let canary = "canary<b>7391";
    let mut answers = vec![];
    for (name, value) in [("client_id", canary), ("redirect_uri", canary)] {
        answers.push(Request::get(&app.authorization().with(name, value).url()).header("accept", "text/html").send().await);
        answers.push(Request::get(&app.authorization().with(name, value).url()).send().await);
    }
    for path in ["/token", "/introspect", "/revoke"] {
        answers.push(app.post(path, &[("grant_type", canary), ("token", canary), ("token_type_hint", canary)]).await);
        answers.push(app.site.post(path, &[("client_id", canary), ("client_secret", canary), ("token", canary)]).await);
    }
    answers.push(app.refresh(canary).await);
    answers.push(app.exchange(canary, canary).await);
    answers.push(app.userinfo("canary7391").await);
    answers.push(app.site.get("/canary7391").await);
    let url = app.logout_url(&[
        ("id_token_hint", canary),
        ("state", canary),
        ("error_description", canary),
        ("post_logout_redirect_uri", canary),
    ]);
    answers.push(Request::get(&url).header("accept", "text/html").send().await);
    let left = Browser::new().open_as_program(&app.authorization().with("scope", "canary7391").url()).await.left();
    assert!(!left.as_str().replace("state=", "").contains("canary7391"), "{left}");
    for answer in answers {
        let text = answer.text();
        assert!(!text.contains("7391"), "{} {}: {text}", answer.status, answer.url.path());
        for leak in ["src/", ".rs", "sled", "panicked", "serde", "warp", "/tmp/", "sqlite", "line 1 column"] {
            assert!(!text.contains(leak), "{leak}: {text}");
        }
    }
    let broken =
        Request::new(Method::POST, &app.site.url("/registration")).body("application/json", "{\"redirect_uris\":[7391}").send().await;
    assert!(!broken.text().contains("7391") && !broken.text().contains("column"), "{}", broken.text());
}
