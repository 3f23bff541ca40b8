//! k-14, k-16, k-41, k-54: registration.

use crate::harness::{Server, Site, scopes};
use serde_json::{Value, json};

const URIS: [&str; 1] = ["https://client.example.org/callback"];

async fn registered(site: &Site, members: Value) -> Value {
    let mut body = json!({ "redirect_uris": URIS });
    body.as_object_mut().unwrap().extend(members.as_object().unwrap().clone());
    let answer = site.register(&body).await;
    assert_eq!(answer.status, 201, "k-16: {}", answer.text());
    answer.json()
}

#[tokio::test]
async fn k14_k16_a_secret_follows_the_method_and_the_type_is_echoed_with_201() {
    let site = Site::seed().await;
    for (kind, method, secret) in [
        ("private", "client_secret_post", true),
        ("public", "none", false),
        ("web", "client_secret_basic", true),
        ("web", "none", false),
        ("native", "client_secret_basic", true),
        ("native", "none", false),
    ] {
        let client = registered(&site, json!({ "application_type": kind, "token_endpoint_auth_method": method })).await;
        assert_eq!(client["application_type"], kind);
        assert_eq!(client["client_secret"].as_str().map(str::len), secret.then_some(86), "{kind} {method}");
    }
}

#[tokio::test]
async fn k41_only_the_threads_vocabulary_gets_the_threads_scopes() {
    let site = Site::seed().await;
    let all = scopes(&"openid email phone address api:oemr api:fhir api:port api:pofh".into());
    for kind in ["private", "public"] {
        assert_eq!(scopes(&registered(&site, json!({ "application_type": kind })).await["scope"]), all);
    }
    for kind in ["web", "native"] {
        assert_eq!(registered(&site, json!({ "application_type": kind })).await["scope"], "openid");
    }
}

#[tokio::test]
async fn k41_a_site_may_say_what_a_client_registers_that_names_no_scope() {
    let server = Server::alone().await;
    let site = server.site("default");
    server.writ(&["site", "set", "default", "dcr.default_scope=openid profile email"], "");
    let scope = async |members: Value| scopes(&registered(&site, members).await["scope"]);
    assert_eq!(scope(json!({})).await, scopes(&"openid profile email".into()));
    assert_eq!(
        scope(json!({ "scope": "openid phone" })).await,
        scopes(&"openid phone".into()),
        "a client that says what it wants gets that"
    );
    server.writ(&["site", "set", "default", "scopes=openid email"], "");
    assert_eq!(scope(json!({})).await, scopes(&"openid email".into()), "never more than the site offers");
    for wrong in ["", "system:Patient.read", "site:default"] {
        let output = server.writ_output(&["site", "set", "default", &format!("dcr.default_scope={wrong}")], "");
        assert_eq!(output.status.code(), Some(2), "{wrong}");
    }
}

#[tokio::test]
async fn k54_anyone_registers_and_what_reaches_beyond_one_patient_waits() {
    let server = Server::alone().await;
    let site = server.site("default");
    let status = async |scope: &str| registered(&site, json!({ "scope": scope })).await["client_status"].clone();
    assert_eq!([status("openid patient/Patient.rs").await, status("user/Patient.rs").await], ["enabled", "pending_approval"]);
    server.writ(&["site", "set", "default", "app_approval=manual"], "");
    assert_eq!(status("openid").await, "pending_approval");
    server.writ(&["site", "set", "default", "dcr.mode=disabled"], "");
    assert_eq!(site.register(&json!({ "redirect_uris": URIS })).await.status, 404);
}
