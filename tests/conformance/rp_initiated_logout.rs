//! The plan oidcc-rp-initiated-logout, module by module (OpenID Connect RP-Initiated Logout 1.0).

use super::plan::{Plan, server};
use crate::harness::{App, Browser, Page, Stop, jwt_part, query_of};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use serde_json::json;

/// Somebody signed in through an app, and the ID token that says so.
struct SignedIn {
    plan: Plan,
    app: App,
    browser: Browser,
    hint: String,
}

impl SignedIn {
    async fn now() -> Self {
        let plan =
            Plan { name: "oidcc-rp-initiated-logout", response_type: "code", form_post: false, site: server().await.site("default") };
        let app = plan.client(json!({})).await;
        let mut browser = Browser::new();
        let hint = plan.outcome(&app, &mut browser, &plan.request(&app)).await.raw_id_token;
        Self { plan, app, browser, hint }
    }
    async fn logout(&mut self, pairs: &[(&str, &str)]) -> Stop {
        let url = self.app.logout_url(pairs);
        self.browser.open(&url).await
    }
    /// A page without a way out, by redirect or by form; whoever is asked says yes.
    async fn said_here(&mut self, pairs: &[(&str, &str)]) -> Page {
        let page = self.logout(pairs).await.page();
        if page.action.is_none() {
            return page;
        }
        assert_eq!(page.action.as_ref().map(url::Url::origin), url::Url::parse(&self.app.site.issuer()).ok().map(|own| own.origin()));
        self.browser.press(&page, "primary", &[]).await.page()
    }
    async fn is_signed_out(&mut self) -> bool {
        let (_, callback) = self.plan.silently(&self.app, &mut self.browser, |request| request).await;
        callback.get("error") == Some("login_required")
    }
}

#[tokio::test]
async fn oidcc_rp_initiated_logout_discovery_endpoint_verification() {
    let site = server().await.site("default");
    let document = site.get("/.well-known/openid-configuration").await.assert_ok();
    assert_eq!(document["end_session_endpoint"], site.url("/logout"));
}

#[tokio::test]
async fn oidcc_rp_initiated_logout() {
    let mut person = SignedIn::now().await;
    let hint = person.hint.clone();
    let left = person.logout(&[("id_token_hint", &hint), ("post_logout_redirect_uri", App::LOGOUT_URI), ("state", "s 1")]).await.left();
    assert!(left.as_str().starts_with(App::LOGOUT_URI));
    assert_eq!(query_of(&left, "state").as_deref(), Some("s 1"));
    assert!(person.is_signed_out().await);
}

#[tokio::test]
async fn oidcc_rp_initiated_logout_no_state() {
    let mut person = SignedIn::now().await;
    let hint = person.hint.clone();
    let left = person.logout(&[("id_token_hint", &hint), ("post_logout_redirect_uri", App::LOGOUT_URI)]).await.left();
    assert_eq!(left.as_str(), App::LOGOUT_URI);
    assert!(person.is_signed_out().await);
}

#[tokio::test]
async fn oidcc_rp_initiated_logout_bad_post_logout_redirect_uri_and_query_added() {
    for uri in ["https://client.example.org/elsewhere".to_owned(), format!("{}?foo=bar", App::LOGOUT_URI)] {
        let mut person = SignedIn::now().await;
        let hint = person.hint.clone();
        let page = person.said_here(&[("id_token_hint", &hint), ("post_logout_redirect_uri", &uri), ("state", "s")]).await;
        assert!(!page.text().contains("elsewhere") && !page.text().contains("foo=bar"));
    }
}

#[tokio::test]
async fn oidcc_rp_initiated_logout_modified_and_bad_id_token_hint() {
    let mut person = SignedIn::now().await;
    let claims = jwt_part(&person.hint, 1);
    let encoded = |value: &serde_json::Value| URL_SAFE_NO_PAD.encode(value.to_string());
    let unsigned = format!("{}.{}.", encoded(&json!({ "alg": "none", "typ": "JWT" })), encoded(&claims));
    let foreign = crate::harness::ClientKey::new("RS256", "foreign").sign(&jwt_part(&person.hint, 0), &claims);
    for hint in [unsigned, foreign] {
        let stop = person.logout(&[("id_token_hint", &hint), ("post_logout_redirect_uri", App::LOGOUT_URI)]).await;
        assert_eq!(stop.page().status(), 400);
    }
    assert!(!person.is_signed_out().await, "a forged hint changes nothing");
}

#[tokio::test]
async fn oidcc_rp_initiated_logout_no_id_token_hint() {
    let mut person = SignedIn::now().await;
    person.said_here(&[("post_logout_redirect_uri", App::LOGOUT_URI), ("state", "s")]).await;
}

#[tokio::test]
async fn oidcc_rp_initiated_logout_no_params_and_only_state() {
    for pairs in [&[][..], &[("state", "s")]] {
        let mut person = SignedIn::now().await;
        let page = person.said_here(pairs).await;
        assert!(page.text().contains("signed out"), "{}", page.text());
        assert!(person.is_signed_out().await);
    }
}

#[tokio::test]
async fn oidcc_rp_initiated_logout_no_post_logout_redirect_uri() {
    let mut person = SignedIn::now().await;
    let hint = person.hint.clone();
    let page = person.said_here(&[("id_token_hint", &hint), ("state", "s")]).await;
    assert!(page.text().contains("signed out"), "{}", page.text());
    assert!(person.is_signed_out().await);
}
