//! The modules of the logout plans: RP-initiated, back-channel, front-channel, session management.

use super::plan::{Plan, server};
use super::{checks, client};
use crate::harness::{App, Behaviour, Browser, Callback, KeyServer, Page, Request, Site, Stop, form_encoded, jwt_part, jwt_with, now};
use aws_lc_rs::digest::{SHA256, digest};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use serde_json::{Value, json};

/// A person signed in at a client with these members besides.
struct SignedIn {
    plan: Plan,
    app: App,
    browser: Browser,
    /// The ID token that they were signed in with.
    hint: String,
    callback: Callback,
}

impl SignedIn {
    async fn with(members: Value) -> Self {
        let plan = Plan::new("oidcc-rp-initiated-logout", "code", false, "client_secret_basic").await;
        let mut all = json!({ "post_logout_redirect_uris": [App::LOGOUT_URI] });
        all.as_object_mut().unwrap().extend(members.as_object().unwrap().clone());
        let app = plan.client(all).await;
        let mut browser = Browser::new();
        let outcome = plan.outcome(&app, &mut browser, &plan.request(&app)).await;
        Self { hint: outcome.raw_id_token, callback: outcome.callback, plan, app, browser }
    }
    async fn new() -> Self {
        Self::with(json!({})).await
    }
    async fn sign_out(&mut self, pairs: &[(&str, &str)]) -> Stop {
        self.browser.open(&self.app.logout_url(pairs)).await
    }
    /// Signs out with all that belongs to it: hint, address and state.
    async fn signs_out(&mut self) -> Stop {
        let hint = self.hint.clone();
        self.sign_out(&[("id_token_hint", &hint), ("post_logout_redirect_uri", App::LOGOUT_URI), ("state", &any_state())]).await
    }
    /// The same with another hint, or another address.
    async fn signs_out_wrongly(&mut self, hint: Option<&str>, uri: &str) -> Stop {
        let hint = hint.map(|hint| ("id_token_hint", hint));
        let rest = [("post_logout_redirect_uri", uri), ("state", "x")];
        self.sign_out(&hint.into_iter().chain(rest).collect::<Vec<_>>()).await
    }
    /// The person is told that they are out, if asked after they said so.
    async fn signs_out_by_page(mut self, mut page: Page) {
        if page.title().contains("Sign out?") {
            page = self.browser.press(&page, "primary", &[]).await.page();
        }
        assert!(page.title().contains("Signed out"), "{}", page.text());
        self.stays_out().await;
    }
    /// `prompt=none` gives an error now; the client is done with.
    async fn stays_out(mut self) {
        let (request, callback) = self.plan.silently(&self.app, &mut self.browser, |request| request).await;
        assert_eq!(checks::error_of(&self.app, &request, &callback), "login_required");
        self.plan.is_over().await;
    }
    /// `prompt=none` gives a code still.
    async fn stays_in(mut self) {
        let (request, callback) = self.plan.silently(&self.app, &mut self.browser, |request| request).await;
        self.plan.finish(&self.app, &request, callback).await;
        self.plan.is_over().await;
    }
}

/// Every character that a state may have (RFC 6749 §A.5).
fn any_state() -> String {
    (0x20..=0x7e).map(char::from).collect()
}

/// The browser is back at the client, with the state and nothing else.
#[track_caller]
fn is_back(left: &url::Url) {
    let pairs: Vec<(String, String)> = left.query_pairs().into_owned().collect();
    assert_eq!((left.as_str().split('?').next(), pairs), (Some(App::LOGOUT_URI), vec![("state".to_owned(), any_state())]), "{left}");
}

/// Nothing was redirected: the page names what is wrong with the request.
#[track_caller]
fn names(stop: Stop, word: &str) -> Page {
    let page = stop.page();
    assert!(page.text().contains(word) && page.text().contains("role=\"alert\""), "{} {}", page.status(), page.text());
    assert!(!page.text().contains("http-equiv") && !page.text().contains("client.example.org"), "{}", page.text());
    page
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
    is_back(&person.signs_out().await.left());
    person.stays_out().await;
}

#[tokio::test]
async fn oidcc_rp_initiated_logout_no_state() {
    let mut person = SignedIn::new().await;
    let hint = person.hint.clone();
    let left = person.sign_out(&[("id_token_hint", &hint), ("post_logout_redirect_uri", App::LOGOUT_URI)]).await.left();
    assert_eq!(left.as_str(), App::LOGOUT_URI);
    person.stays_out().await;
}

#[tokio::test]
async fn oidcc_rp_initiated_logout_bad_post_logout_redirect_uri() {
    let mut person = SignedIn::new().await;
    let hint = person.hint.clone();
    let page = names(person.signs_out_wrongly(Some(&hint), "https://client.example.org/bad").await, "post_logout_redirect_uri");
    person.signs_out_by_page(page).await;
}

#[tokio::test]
async fn oidcc_rp_initiated_logout_query_added_to_post_logout_redirect_uri() {
    let mut person = SignedIn::new().await;
    let hint = person.hint.clone();
    let page = names(person.signs_out_wrongly(Some(&hint), &format!("{}?foo=bar", App::LOGOUT_URI)).await, "post_logout_redirect_uri");
    person.signs_out_by_page(page).await;
}

#[tokio::test]
async fn oidcc_rp_initiated_logout_modified_id_token_hint() {
    let mut person = SignedIn::new().await;
    let unsigned = jwt_with(&person.hint, 0, &json!({ "alg": "none" }));
    let hint = format!("{}.", unsigned.rsplit_once('.').unwrap().0);
    let page = names(person.signs_out_wrongly(Some(&hint), App::LOGOUT_URI).await, "id_token_hint");
    assert_eq!(page.status(), 400);
    person.stays_in().await;
}

/// One that the client signed itself, which says that it issued it, and another server's.
#[tokio::test]
async fn oidcc_rp_initiated_logout_bad_id_token_hint() {
    let mut person = SignedIn::new().await;
    let (id, header) = (person.app.client_id.clone(), json!({ "alg": "RS256", "kid": client::KEY.kid }));
    let claims = json!({
        "iss": id, "aud": person.app.site.issuer(), "sub": "SubjectID", "nonce": "n", "iat": now(), "exp": now() + 300,
    });
    let mut turned = jwt_part(&person.hint, 1);
    turned["nonce"] = json!("another");
    let foreign = Site::other().await.confidential().await.tokens(&mut Browser::new()).await.id;
    for hint in [client::KEY.sign(&header, &claims), client::KEY.sign(&header, &turned), foreign] {
        let page = names(person.signs_out_wrongly(Some(&hint), App::LOGOUT_URI).await, "id_token_hint");
        assert_eq!(page.status(), 400);
    }
    person.stays_in().await;
}

#[tokio::test]
async fn oidcc_rp_initiated_logout_no_id_token_hint() {
    let mut person = SignedIn::new().await;
    let page = names(person.signs_out_wrongly(None, App::LOGOUT_URI).await, "id_token_hint");
    person.signs_out_by_page(page).await;
}

#[tokio::test]
async fn oidcc_rp_initiated_logout_no_params() {
    let mut person = SignedIn::new().await;
    let page = person.sign_out(&[]).await.page();
    person.signs_out_by_page(page).await;
}

#[tokio::test]
async fn oidcc_rp_initiated_logout_no_post_logout_redirect_uri() {
    let mut person = SignedIn::new().await;
    let hint = person.hint.clone();
    let page = person.sign_out(&[("id_token_hint", &hint), ("state", &any_state())]).await.page();
    person.signs_out_by_page(page).await;
}

#[tokio::test]
async fn oidcc_rp_initiated_logout_only_state() {
    let mut person = SignedIn::new().await;
    let page = person.sign_out(&[("state", &any_state())]).await.page();
    person.signs_out_by_page(page).await;
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
    is_back(&person.signs_out().await.left());
    let heard = receiver.heard();
    assert_eq!((heard.len(), heard[0].method.as_str()), (1, "POST"));
    assert_eq!(heard[0].content_type, "application/x-www-form-urlencoded");
    let pairs: Vec<(String, String)> = url::form_urlencoded::parse(heard[0].body.as_bytes()).into_owned().collect();
    assert_eq!((pairs.len(), pairs[0].0.as_str()), (1, "logout_token"));
    let token = &pairs[0].1;
    checks::assert_signed(&person.app.site, token).await;
    let (header, claims, id) = (jwt_part(token, 0), jwt_part(token, 1), jwt_part(&person.hint, 1));
    assert_eq!((&header["typ"], &header["alg"]), (&json!("logout+jwt"), &json!("RS256")));
    for name in ["iss", "aud", "sid", "sub"] {
        assert!(claims[name].is_string() && claims[name] == id[name], "{name}: {claims}");
    }
    assert!(claims["iat"].as_u64().is_some_and(|iat| iat <= now() + 1 && iat + 60 > now()), "{claims}");
    assert!(claims["exp"].as_u64().is_some_and(|exp| exp > now()), "{claims}");
    assert!(claims["jti"].as_str().is_some_and(|jti| !jti.is_empty()) && claims.get("nonce").is_none(), "{claims}");
    assert_eq!(claims["events"], json!({ "http://schemas.openid.net/event/backchannel-logout": {} }));
    person.stays_out().await;
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
    let sid = jwt_part(&person.hint, 1)["sid"].as_str().unwrap().to_owned();
    let shown = person.signs_out().await.page().text();
    let issuer = person.app.site.issuer();
    let frame = format!("<iframe src=\"{page}?{}\"", form_encoded(&[("iss", &issuer), ("sid", &sid)]).replace('&', "&#38;"));
    assert!(shown.contains(&frame) && shown.matches("<iframe").count() == 1, "{shown}");
    let onward = crate::harness::between(&shown, "id=\"onward\" href=\"", "\"").replace("&#38;", "&").replace("&#39;", "'");
    is_back(&onward.parse().unwrap());
    person.stays_out().await;
}

#[tokio::test]
async fn oidcc_session_management_discovery_endpoint_verification() {
    assert_eq!(discovery().await["check_session_iframe"], server().await.site("default").url("/check-session"));
}

/// What the frame's script itself answers is tried with Chromium (`tests/clients/logout-browser.mjs`).
#[tokio::test]
async fn oidcc_session_management_rp_initiated_logout() {
    let mut person = SignedIn::new().await;
    let frame = Request::get(discovery().await["check_session_iframe"].as_str().unwrap()).send().await;
    assert!(frame.status == 200 && frame.text().contains("<script>"));
    let session_state = person.callback.must("session_state").to_owned();
    assert!(!session_state.contains(' '), "{session_state}");
    assert!(is_unchanged(&person, &session_state), "with the answer that signs in");
    is_back(&person.signs_out().await.left());
    assert!(!is_unchanged(&person, &session_state), "signed out");
    person.stays_out().await;
}

/// Whether the frame would say so (OpenID Connect Session Management §3.2).
fn is_unchanged(person: &SignedIn, session_state: &str) -> bool {
    let (told, salt) = session_state.split_once('.').unwrap();
    let cookie = person.browser.cookies.get("writ-default_state").cloned().unwrap_or_default();
    let text = format!("{} https://client.example.org {cookie} {salt}", person.app.client_id);
    told == URL_SAFE_NO_PAD.encode(digest(&SHA256, text.as_bytes()))
}
