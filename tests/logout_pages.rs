//! OpenID Connect Front-Channel Logout 1.0: the browser loads every app's page, and then goes on.

use crate::harness::{Answer, App, Browser, Request, Site, Tokens, between, jwt_part};
use serde_json::{Value, json};
use url::Url;

const PAGE: &str = "https://client.example.org/out?tenant=1";

async fn app(site: &Site, members: Value) -> App {
    let mut all = json!({ "frontchannel_logout_uri": PAGE });
    all.as_object_mut().unwrap().extend(members.as_object().unwrap().clone());
    site.app(all).await
}

async fn signed_out(app: &App, browser: &mut Browser, tokens: &Tokens, more: &[(&str, &str)]) -> Answer {
    let pairs = [&[("id_token_hint", tokens.id.as_str())], more].concat();
    browser.once(Request::get(&app.logout_url(&pairs)).header("accept", "text/html")).await
}

/// The addresses of a page's frames.
fn frames(answer: &Answer) -> Vec<Url> {
    let text = answer.text();
    let tags = text.split("<iframe ").skip(1).map(|tag| between(tag, "src=\"", "\"").replace("&#38;", "&").replace("&amp;", "&"));
    tags.map(|src| Url::parse(&src).unwrap()).collect()
}

fn directive(answer: &Answer, name: &str) -> String {
    let policy = answer.header("content-security-policy").unwrap();
    policy.split("; ").find_map(|directive| directive.strip_prefix(&format!("{name} "))).unwrap_or_default().to_owned()
}

#[tokio::test]
async fn the_apps_page_is_loaded_with_issuer_and_session_if_it_wants_them() {
    let site = Site::standard().await;
    for required in [true, false] {
        let app = app(&site, json!({ "frontchannel_logout_session_required": required })).await;
        let mut browser = Browser::new();
        let tokens = app.tokens(&mut browser).await;
        let answer = signed_out(&app, &mut browser, &tokens, &[]).await;
        assert_eq!((answer.status, answer.text().contains("Signed out")), (200, true));
        let [frame] = frames(&answer).try_into().unwrap();
        let mut expected = Url::parse(PAGE).unwrap();
        if required {
            let sid = jwt_part(&tokens.id, 1)["sid"].as_str().unwrap().to_owned();
            expected.query_pairs_mut().append_pair("iss", &site.issuer()).append_pair("sid", &sid);
        }
        assert_eq!(frame, expected);
        assert_eq!(directive(&answer, "frame-src"), "https://client.example.org/out");
        assert_eq!((directive(&answer, "script-src"), answer.text().contains("<script")), (String::new(), false));
        app.assert_dead(&tokens).await;
    }
}

#[tokio::test]
async fn the_browser_goes_on_to_the_registered_address_with_and_without_scripts() {
    let site = Site::standard().await;
    let app = app(&site, json!({})).await;
    let mut browser = Browser::new();
    let tokens = app.tokens(&mut browser).await;
    let answer = signed_out(&app, &mut browser, &tokens, &[("post_logout_redirect_uri", App::LOGOUT_URI), ("state", "a b")]).await;
    assert_eq!((answer.status, answer.location(), frames(&answer).len()), (200, None, 1));
    let onward = format!("{}?state=a+b", App::LOGOUT_URI);
    let text = answer.text();
    assert!(text.contains(&format!("id=\"onward\" href=\"{onward}\"")), "{text}");
    assert!(text.contains(&format!("<noscript><meta http-equiv=\"refresh\" content=\"4;url={onward}\">")), "{text}");
    let script = between(&text, "<script>", "</script>");
    let digest = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, script.as_bytes());
    use base64::{Engine, engine::general_purpose::STANDARD};
    assert_eq!(directive(&answer, "script-src"), format!("'sha256-{}'", STANDARD.encode(digest)));
    assert!(!directive(&answer, "default-src").is_empty() && directive(&answer, "frame-ancestors") == "'none'");
    assert!(browser.cookie(&site).is_none(), "the browser is signed out already");
    // A program has no frames: it is redirected at once.
    let mut browser = Browser::new();
    let tokens = app.tokens(&mut browser).await;
    let pairs = [("id_token_hint", tokens.id.as_str()), ("post_logout_redirect_uri", App::LOGOUT_URI)];
    let program = browser.once(Request::get(&app.logout_url(&pairs))).await;
    assert_eq!((program.status, program.header("location")), (302, Some(App::LOGOUT_URI)));
}

#[tokio::test]
async fn every_app_of_the_session_is_loaded_once_after_the_persons_own_page_too() {
    let site = Site::standard().await;
    let other = "https://other.example.org/bye";
    let apps = [
        app(&site, json!({})).await,
        app(&site, json!({ "redirect_uris": [App::REDIRECT_URI, "https://other.example.org/cb"], "frontchannel_logout_uri": other })).await,
    ];
    let elsewhere = app(&site, json!({ "frontchannel_logout_uri": "https://client.example.org/elsewhere" })).await;
    let (mut browser, mut another) = (Browser::new(), Browser::new());
    for app in &apps {
        app.tokens(&mut browser).await;
        app.tokens(&mut browser).await;
    }
    elsewhere.tokens(&mut another).await;
    let page = browser.open(&apps[0].logout_url(&[])).await.page();
    let done = browser.press(&page, "primary", &[]).await.page();
    let mut loaded: Vec<String> = frames(&done.answer).iter().map(Url::to_string).collect();
    loaded.sort();
    assert_eq!(loaded, [PAGE, other]);
    assert_eq!(directive(&done.answer, "frame-src"), format!("https://client.example.org/out {other}"));
}

#[tokio::test]
async fn another_browser_than_the_sessions_loads_no_page() {
    let site = Site::standard().await;
    let app = app(&site, json!({})).await;
    let (mut browser, mut another) = (Browser::new(), Browser::new());
    let (tokens, others) = (app.tokens(&mut browser).await, app.tokens(&mut another).await);
    let answer = signed_out(&app, &mut another, &tokens, &[]).await;
    assert_eq!((answer.status, frames(&answer).len()), (200, 0), "its cookie at the app is another session's");
    app.assert_dead(&tokens).await;
    assert_eq!(app.userinfo(&others.access).await.status, 200);
}

#[tokio::test]
async fn a_page_to_be_loaded_is_where_a_redirect_uri_is() {
    let site = Site::standard().await;
    for bad in [
        "https://evil.example/out",
        "http://client.example.org/out",
        "https://client.example.org:8443/out",
        "https://client.example.org/out#f",
        "https://client.example.org/out?iss=x",
        "javascript:alert(1)",
        "/out",
    ] {
        let body = json!({ "redirect_uris": [App::REDIRECT_URI], "frontchannel_logout_uri": bad });
        site.register(&body).await.assert_refused(400, "invalid_client_metadata");
    }
    let native = json!({ "redirect_uris": ["com.example.app:/cb"], "application_type": "native", "token_endpoint_auth_method": "none",
        "frontchannel_logout_uri": "com.example.app:/out" });
    site.register(&native).await.assert_refused(400, "invalid_client_metadata");
    let app = app(&site, json!({ "frontchannel_logout_session_required": true })).await;
    assert_eq!(
        (&app.registration["frontchannel_logout_uri"], &app.registration["frontchannel_logout_session_required"]),
        (&json!(PAGE), &json!(true))
    );
}
