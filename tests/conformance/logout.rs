//! The modules of the logout plans: RP-initiated, back-channel, front-channel, session management.

use super::plan::server;
use crate::harness::{App, Behaviour, Browser, KeyServer, Page, Request, Site, Stop, Tokens, jwt_part, jwt_with, query_of};
use serde_json::{Value, json};

/// A person signed in at a client with these members besides.
struct SignedIn {
    app: App,
    browser: Browser,
    tokens: Tokens,
}

impl SignedIn {
    async fn with(members: Value) -> Self {
        let app = server().await.site("default").app(members).await;
        let mut browser = Browser::new();
        let tokens = app.tokens(&mut browser).await;
        Self { app, browser, tokens }
    }
    async fn new() -> Self {
        Self::with(json!({})).await
    }
    async fn sign_out(&mut self, pairs: &[(&str, &str)]) -> Stop {
        self.browser.open(&self.app.logout_url(pairs)).await
    }
    /// The person is told that they are out, if asked after they said so.
    async fn signs_out_by_page(&mut self, stop: Stop) {
        let mut page = stop.page();
        if page.title().contains("Sign out?") {
            page = self.browser.press(&page, "primary", &[]).await.page();
        }
        assert!(page.title().contains("Signed out"), "{}", page.text());
        self.assert_signed_out().await;
    }
    /// `prompt=none` gives an error now.
    async fn assert_signed_out(&mut self) {
        let left = self.browser.open_as_program(&self.app.authorization().with("prompt", "none").url()).await.left();
        assert_eq!(query_of(&left, "error").as_deref(), Some("login_required"), "{left}");
    }
    /// Nothing was redirected: an error page that says what is wrong, or the question.
    #[track_caller]
    fn assert_stays(stop: Stop, word: &str) -> Page {
        let page = stop.page();
        assert!(
            page.title().contains("Sign out?") || page.status() == 400 && page.text().contains(word),
            "{} {}",
            page.status(),
            page.text()
        );
        page
    }
}

async fn discovery() -> Value {
    server().await.site("default").get("/.well-known/openid-configuration").await.assert_ok()
}

#[tokio::test]
async fn oidcc_rp_initiated_logout_discovery_endpoint_verification() {
    let endpoint = discovery().await["end_session_endpoint"].as_str().unwrap().to_owned();
    assert_eq!(endpoint, server().await.site("default").url("/logout"));
}

#[tokio::test]
async fn oidcc_rp_initiated_logout() {
    let mut person = SignedIn::new().await;
    let hint = person.tokens.id.clone();
    let left =
        person.sign_out(&[("id_token_hint", &hint), ("post_logout_redirect_uri", App::LOGOUT_URI), ("state", "random+1")]).await.left();
    assert_eq!((left.as_str().split('?').next(), query_of(&left, "state").as_deref()), (Some(App::LOGOUT_URI), Some("random+1")));
    person.assert_signed_out().await;
}

#[tokio::test]
async fn oidcc_rp_initiated_logout_no_state() {
    let mut person = SignedIn::new().await;
    let hint = person.tokens.id.clone();
    let left = person.sign_out(&[("id_token_hint", &hint), ("post_logout_redirect_uri", App::LOGOUT_URI)]).await.left();
    assert_eq!(left.as_str(), App::LOGOUT_URI);
    person.assert_signed_out().await;
}

#[tokio::test]
async fn oidcc_rp_initiated_logout_bad_post_logout_redirect_uri() {
    let mut person = SignedIn::new().await;
    let hint = person.tokens.id.clone();
    let stop =
        person.sign_out(&[("id_token_hint", &hint), ("post_logout_redirect_uri", "https://client.example.org/bad"), ("state", "x")]).await;
    SignedIn::assert_stays(stop, "post_logout_redirect_uri");
}

#[tokio::test]
async fn oidcc_rp_initiated_logout_query_added_to_post_logout_redirect_uri() {
    let mut person = SignedIn::new().await;
    let (hint, uri) = (person.tokens.id.clone(), format!("{}?foo=bar", App::LOGOUT_URI));
    let stop = person.sign_out(&[("id_token_hint", &hint), ("post_logout_redirect_uri", &uri), ("state", "x")]).await;
    SignedIn::assert_stays(stop, "post_logout_redirect_uri");
}

#[tokio::test]
async fn oidcc_rp_initiated_logout_modified_id_token_hint() {
    let mut person = SignedIn::new().await;
    let unsigned = jwt_with(&person.tokens.id, 0, &json!({ "alg": "none" }));
    let hint = format!("{}.", unsigned.rsplit_once('.').unwrap().0);
    let stop = person.sign_out(&[("id_token_hint", &hint), ("post_logout_redirect_uri", App::LOGOUT_URI), ("state", "x")]).await;
    SignedIn::assert_stays(stop, "id_token_hint");
}

#[tokio::test]
async fn oidcc_rp_initiated_logout_bad_id_token_hint() {
    let mut person = SignedIn::new().await;
    let foreign = Site::other().await.confidential().await.tokens(&mut Browser::new()).await.id;
    let stop = person.sign_out(&[("id_token_hint", &foreign), ("post_logout_redirect_uri", App::LOGOUT_URI), ("state", "x")]).await;
    SignedIn::assert_stays(stop, "id_token_hint");
}

#[tokio::test]
async fn oidcc_rp_initiated_logout_no_id_token_hint() {
    let mut person = SignedIn::new().await;
    let stop = person.sign_out(&[("post_logout_redirect_uri", App::LOGOUT_URI), ("state", "x")]).await;
    let page = SignedIn::assert_stays(stop, "id_token_hint");
    person.signs_out_by_page(Stop::Shown(Box::new(page))).await;
}

#[tokio::test]
async fn oidcc_rp_initiated_logout_no_params() {
    let mut person = SignedIn::new().await;
    let stop = person.sign_out(&[]).await;
    person.signs_out_by_page(stop).await;
}

#[tokio::test]
async fn oidcc_rp_initiated_logout_no_post_logout_redirect_uri() {
    let mut person = SignedIn::new().await;
    let hint = person.tokens.id.clone();
    let stop = person.sign_out(&[("id_token_hint", &hint), ("state", "x")]).await;
    person.signs_out_by_page(stop).await;
}

#[tokio::test]
async fn oidcc_rp_initiated_logout_only_state() {
    let mut person = SignedIn::new().await;
    let stop = person.sign_out(&[("state", "x")]).await;
    person.signs_out_by_page(stop).await;
}

#[tokio::test]
async fn oidcc_backchannel_discovery_endpoint_verification() {
    let document = discovery().await;
    assert_eq!(
        (&document["backchannel_logout_supported"], &document["backchannel_logout_session_supported"]),
        (&json!(true), &json!(true))
    );
}

#[tokio::test]
async fn oidcc_backchannel_rp_initiated_logout() {
    let receiver = KeyServer::start(Behaviour::status(200)).await;
    let mut person = SignedIn::with(json!({ "backchannel_logout_uri": receiver.url, "backchannel_logout_session_required": true })).await;
    let hint = person.tokens.id.clone();
    person.sign_out(&[("id_token_hint", &hint), ("post_logout_redirect_uri", App::LOGOUT_URI), ("state", "x")]).await.left();
    let heard = receiver.heard();
    let token = heard[0].body.strip_prefix("logout_token=").unwrap();
    let (header, claims, id) = (jwt_part(token, 0), jwt_part(token, 1), jwt_part(&hint, 1));
    assert_eq!((header["typ"].as_str(), heard.len()), (Some("logout+jwt"), 1));
    for name in ["iss", "aud", "sid", "sub"] {
        assert_eq!(claims[name], id[name], "{name}");
    }
    assert!(claims["iat"].is_u64() && claims["exp"].is_u64() && claims["jti"].is_string() && claims.get("nonce").is_none(), "{claims}");
    assert!(claims["events"]["http://schemas.openid.net/event/backchannel-logout"].is_object(), "{claims}");
    person.assert_signed_out().await;
}

#[tokio::test]
async fn oidcc_frontchannel_discovery_endpoint_verification() {
    let document = discovery().await;
    assert_eq!(
        (&document["frontchannel_logout_supported"], &document["frontchannel_logout_session_supported"]),
        (&json!(true), &json!(true))
    );
}

#[tokio::test]
async fn oidcc_frontchannel_rp_initiated_logout() {
    let page = "https://client.example.org/frontchannel_logout";
    let mut person = SignedIn::with(json!({ "frontchannel_logout_uri": page, "frontchannel_logout_session_required": true })).await;
    let (hint, sid) = (person.tokens.id.clone(), jwt_part(&person.tokens.id, 1)["sid"].as_str().unwrap().to_owned());
    let shown = person.sign_out(&[("id_token_hint", &hint), ("post_logout_redirect_uri", App::LOGOUT_URI), ("state", "x")]).await.page();
    let issuer: String = url::form_urlencoded::byte_serialize(person.app.site.issuer().as_bytes()).collect();
    let frame = format!("<iframe src=\"{page}?iss={issuer}&#38;sid={sid}\"");
    assert!(shown.text().contains(&frame) && shown.text().contains(&format!("href=\"{}?state=x\"", App::LOGOUT_URI)), "{}", shown.text());
    person.assert_signed_out().await;
}

#[tokio::test]
async fn oidcc_session_management_discovery_endpoint_verification() {
    assert_eq!(discovery().await["check_session_iframe"], server().await.site("default").url("/check-session"));
}

/// What the frame's script answers is tried with Chromium (`tests/clients/logout-browser.mjs`).
#[tokio::test]
async fn oidcc_session_management_rp_initiated_logout() {
    let mut person = SignedIn::new().await;
    let frame = Request::get(&person.app.site.url("/check-session")).send().await;
    assert!(frame.status == 200 && frame.text().contains("<script>"));
    let asked = |person: &SignedIn| person.app.authorization().with("prompt", "none").url();
    let left = person.browser.open_as_program(&asked(&person)).await.left();
    assert!(query_of(&left, "session_state").is_some_and(|state| !state.contains(' ')), "{left}");
    let cookie = person.browser.cookies.get("writ-default_state").cloned();
    let hint = person.tokens.id.clone();
    person.sign_out(&[("id_token_hint", &hint), ("post_logout_redirect_uri", App::LOGOUT_URI), ("state", "x")]).await.left();
    assert!(cookie.is_some() && !person.browser.cookies.contains_key("writ-default_state"), "what the frame reads has changed");
    person.assert_signed_out().await;
}
