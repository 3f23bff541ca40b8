//! Where an answer may go (OpenID Connect Core §3.1.2.1).

use crate::conformance::plan::Plan;
use crate::harness::{App, Browser};
use serde_json::json;

/// A redirection URI with a query of its own.
fn with_query() -> String {
    format!("{}?bar=foo", App::REDIRECT_URI)
}

pub async fn registered_redirect_uri(plan: Plan) {
    let app = plan.client(json!({})).await;
    for unregistered in [format!("{}/x7Qk29vBzz", App::REDIRECT_URI), "https://client.example.org/unregistered".to_owned()] {
        plan.is_stopped(&plan.request(&app).with("redirect_uri", &unregistered)).await;
    }
}

pub async fn redirect_uri_missing(plan: Plan) {
    let app = plan.client(json!({ "redirect_uris": [App::REDIRECT_URI, "https://example.org/redirect"] })).await;
    plan.is_stopped(&plan.request(&app).without("redirect_uri")).await;
}

pub async fn query_is_kept(plan: Plan) {
    let app = plan.client(json!({ "redirect_uris": [with_query()] })).await;
    let request = plan.request(&app).with("redirect_uri", &with_query());
    plan.outcome(&app, &mut Browser::new(), &request).await;
}

pub async fn query_mismatch(plan: Plan) {
    let app = plan.client(json!({ "redirect_uris": [with_query()] })).await;
    for other in [format!("{}?foo=bar", App::REDIRECT_URI), App::REDIRECT_URI.to_owned(), format!("{}&a=b", with_query())] {
        plan.is_stopped(&plan.request(&app).with("redirect_uri", &other)).await;
    }
}

pub async fn query_added(plan: Plan) {
    let app = plan.client(json!({})).await;
    plan.is_stopped(&plan.request(&app).with("redirect_uri", &format!("{}?foo=bar", App::REDIRECT_URI))).await;
}

pub async fn fragment(plan: Plan) {
    let uris = json!({ "redirect_uris": [format!("{}#foobar", App::REDIRECT_URI)], "response_types": [plan.response_type] });
    plan.site.register(&uris).await.assert_refused(400, "invalid_redirect_uri");
}
