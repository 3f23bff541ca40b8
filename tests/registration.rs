//! RFC 7591 and SPEC.md a.1, b: what may be registered and how a refusal reads.

use crate::harness::{Answer, App, Browser, Request, Server, Site, reason_of, scopes};
use http::Method;
use serde_json::{Value, json};

fn body(members: Value) -> Value {
    let mut body = json!({"redirect_uris": [App::REDIRECT_URI]});
    for (name, value) in members.as_object().unwrap() {
        body[name] = value.clone();
    }
    body
}

#[tokio::test]
async fn each_vocabulary_has_its_defaults() {
    let seed_scopes = "openid email phone address api:oemr api:fhir api:port api:pofh";
    let rows = [
        (json!({}), "web", "client_secret_basic", "openid", true),
        (json!({"application_type": "web"}), "web", "client_secret_basic", "openid", true),
        (json!({"application_type": "native"}), "native", "client_secret_basic", "openid", true),
        (json!({"application_type": "private"}), "private", "client_secret_post", seed_scopes, true),
        (json!({"application_type": "public"}), "public", "none", seed_scopes, false),
        (json!({"token_endpoint_auth_method": "none"}), "web", "none", "openid", false),
    ];
    for site in [Site::standard().await, Site::seed().await] {
        for (members, kind, method, scope, secret) in &rows {
            let answer = site.register(&body(members.clone())).await;
            assert_eq!(answer.status, 201, "{}", answer.text());
            let echo = answer.json();
            assert_eq!((&echo["application_type"], &echo["token_endpoint_auth_method"]), (&json!(kind), &json!(method)), "{echo}");
            assert_eq!(scopes(&echo["scope"]), scopes(&json!(scope)), "{echo}");
            assert_eq!(echo.get("client_secret").is_some(), *secret, "{echo}");
            assert_eq!(echo.get("client_secret_expires_at").is_some(), *secret, "{echo}");
            assert_eq!(echo["response_types"], json!(["code"]));
            assert!(echo["grant_types"].as_array().unwrap().contains(&json!("authorization_code")), "{echo}");
            answer.assert_not_stored();
        }
    }
}

#[tokio::test]
async fn what_was_said_is_said_back() {
    let members = json!({
        "client_name": "Wachstumskurve ✓",
        "contacts": ["me@example.org"],
        "logo_uri": "https://client.example.org/logo.png",
        "client_uri": "https://client.example.org/",
        "policy_uri": "https://client.example.org/policy",
        "tos_uri": "https://client.example.org/terms",
        "post_logout_redirect_uris": ["https://client.example.org/bye", "https://client.example.org/bye2"],
        "software_id": "4NRB1-0XZABZI9E6-5SM3R",
        "software_version": "2.1",
        "default_max_age": 3600,
        "grant_types": ["authorization_code", "refresh_token"],
        "response_types": ["code"],
        "scope": "openid profile",
        "id_token_signed_response_alg": "RS256",
    });
    let answer = Site::standard().await.register(&body(members.clone())).await;
    assert_eq!(answer.status, 201, "{}", answer.text());
    for (name, value) in members.as_object().unwrap() {
        assert_eq!(&answer.json()[name], value, "{name}");
    }
}

#[tokio::test]
async fn redirect_uris_are_refused_by_what_they_are() {
    let site = Site::standard().await;
    let many: Vec<String> = (0..21).map(|n| format!("https://client.example.org/{n}")).collect();
    let bad = [
        json!(null),
        json!([]),
        json!("https://client.example.org/cb"),
        json!([7]),
        json!([""]),
        json!(["/relative"]),
        json!(["https://client.example.org/cb#fragment"]),
        json!(["https://client.example.org/cb#"]),
        json!(["http://client.example.org/cb"]),
        json!(["https://a.example/cb", "https://a.example/cb"]),
        json!(["https://a.example/cb", "http://b.example/cb"]),
        json!(["myapp:/cb"]),
        json!([format!("https://client.example.org/{}", "a".repeat(2001))]),
        json!(many),
    ];
    for uris in bad {
        let answer = site.register(&json!({"redirect_uris": uris})).await;
        let (status, error) = answer.refusal();
        let kind = uris.is_array() && uris.as_array().unwrap().iter().all(Value::is_string) || uris.is_null();
        let expected: &[&str] = if kind { &["invalid_redirect_uri"] } else { &["invalid_redirect_uri", "invalid_client_metadata"] };
        assert!(status == 400 && expected.contains(&error.as_str()), "{uris}: {}", answer.text());
    }
    site.register(&json!({"client_name": "none at all"})).await.assert_refused(400, "invalid_redirect_uri");
    let twenty = &many[..20];
    assert_eq!(site.register(&json!({"redirect_uris": twenty})).await.status, 201);
    for good in ["http://localhost:8080/cb", "http://127.0.0.1/cb", "http://[::1]:4000/cb", "https://a.example/cb?tenant=1"] {
        assert_eq!(site.register(&json!({"redirect_uris": [good]})).await.status, 201, "{good}");
    }
    let native = json!({"application_type": "native", "token_endpoint_auth_method": "none", "redirect_uris": ["org.example.app:/cb"]});
    assert_eq!(site.register(&native).await.status, 201);
}

#[tokio::test]
async fn metadata_that_cannot_be_is_refused() {
    let site = Site::standard().await;
    for members in [
        json!({"token_endpoint_auth_method": "tls_client_auth"}),
        json!({"token_endpoint_auth_method": 7}),
        json!({"subject_type": "pairwise", "redirect_uris": ["http://127.0.0.1/cb"]}),
        json!({"subject_type": "pairwise", "redirect_uris": ["https://a.example/", "https://b.example/"]}),
        json!({"subject_type": "private"}),
        json!({"application_type": "desktop"}),
        json!({"scope": "openid no:such"}),
        json!({"scope": ["openid"]}),
        json!({"scope": "open\"id"}),
        json!({"post_logout_redirect_uris": ["/relative"]}),
        json!({"post_logout_redirect_uris": ["javascript:alert(1)"]}),
        json!({"response_types": ["cod"]}),
        json!({"grant_types": ["telepathy"]}),
        json!({"grant_types": ["password"]}),
        json!({"client_name": "x".repeat(81)}),
        json!({"client_name": {"a": 1}}),
        json!({"contacts": "me@example.org"}),
        json!({"logo_uri": "javascript:alert(1)"}),
        json!({"policy_uri": "nowhere"}),
        json!({"default_max_age": -1}),
        json!({"default_max_age": "soon"}),
        json!({"token_endpoint_auth_method": "none", "scope": "openid user/Patient.read"}),
    ] {
        let answer = site.register(&body(members.clone())).await;
        assert_eq!(answer.refusal(), (400, "invalid_client_metadata".to_owned()), "{members}: {}", answer.text());
    }
    let named = site.register(&body(json!({"scope": "openid no:such"}))).await;
    assert!(named.member("error_description").contains("no:such"), "{}", named.text());
    site.register(&body(json!({"software_statement": "eyJ"}))).await.assert_refused(400, "invalid_software_statement");
    assert_eq!(site.register(&body(json!({"client_name": "x".repeat(80)}))).await.status, 201);
}

#[tokio::test]
async fn only_a_json_object_is_a_registration() {
    let site = Site::standard().await;
    let good = body(json!({})).to_string();
    let send = |kind: &'static str, text: String| Request::new(Method::POST, &site.url("/registration")).body(kind, text).send();
    for (kind, text) in [
        ("application/x-www-form-urlencoded", good.clone()),
        ("text/json", good.clone()),
        ("application/json", String::new()),
        ("application/json", "{".to_owned()),
        ("application/json", "[]".to_owned()),
        ("application/json", "\"x\"".to_owned()),
        ("application/json", "null".to_owned()),
        ("application/json", format!("{good}{good}")),
        ("application/json", "{\"redirect_uris\":[\"https://a.example/\"],\"redirect_uris\":[\"https://b.example/\"]}".to_owned()),
        ("application/json", format!("{{\"x\":{}{}}}", "[".repeat(20), "]".repeat(20))),
    ] {
        let answer = send(kind, text.clone()).await;
        assert_eq!(answer.refusal(), (400, "invalid_client_metadata".to_owned()), "{kind} {text}");
    }
    let untyped = Request { body: good.clone().into_bytes(), ..Request::new(Method::POST, &site.url("/registration")) }.send().await;
    untyped.assert_refused(400, "invalid_client_metadata");
    assert_eq!(send("application/json; charset=utf-8", good).await.status, 201);
    assert_eq!(site.get("/registration").await.status, 405);
}

#[tokio::test]
async fn a_client_that_asks_for_other_peoples_records_waits_for_approval() {
    let site = Site::standard().await;
    let answer = site.register(&body(json!({"scope": "openid user/Patient.read"}))).await;
    assert_eq!((answer.status, answer.member("client_status")), (201, "pending_approval".to_owned()));
    let app = App::registered(&site, answer.json());
    let page = Browser::new().open(&app.authorization().url()).await.page();
    assert_eq!(page.status(), 400, "a client that waits is unknown at authorize");
    let id = page.answer.header("x-request-id").unwrap();
    let log = site.server.writ(&["log", "-o", "ndjson", "-n", "200"], "");
    assert!(log.lines().any(|line| line.contains(id) && line.contains("client_pending")), "{log}");
    app.refresh("x").await.assert_refused(401, "invalid_client");
    site.server.writ(&["client", "approve", &app.client_id], "");
    assert!(Browser::new().open(&app.authorization().url()).await.page().is_sign_in());
    app.refresh("x").await.assert_refused(400, "invalid_grant");
}

#[tokio::test]
async fn a_site_that_takes_no_registrations_has_no_such_endpoint() {
    let server = Server::alone().await;
    let site = server.site("default");
    server.writ(&["site", "set", "default", "dcr.mode=disabled"], "");
    let closed = site.register(&body(json!({}))).await;
    assert_eq!(closed.status, 404, "{}", closed.text());
    assert_eq!(site.get("/.well-known/openid-configuration").await.assert_ok().get("registration_endpoint"), None);
    let output = server.writ_output(&["client", "invite"], "");
    let told = String::from_utf8(output.stderr).unwrap();
    assert!(output.status.code() == Some(1) && told.contains("dcr.mode is disabled"), "an invitation to nothing: {told}");
    assert_eq!(server.writ(&["client", "invitations", "-o", "ndjson"], ""), "");
    server.writ(&["site", "set", "default", "dcr.mode=open"], "");
    assert_eq!(site.register(&body(json!({}))).await.status, 201);
}

#[tokio::test]
async fn a_site_may_take_registrations_from_the_invited_only() {
    let server = Server::alone().await;
    let site = server.site("default");
    server.writ(&["site", "set", "default", "dcr.mode=token"], "");
    assert!(site.get("/.well-known/openid-configuration").await.assert_ok().get("registration_endpoint").is_some());
    let invite = |arguments: &[&str]| -> Value {
        serde_json::from_str(&server.writ(&[&["client", "invite", "-o", "ndjson"], arguments].concat(), "")).unwrap()
    };
    let (invitation, other) = (invite(&["--uses", "2", "--hours", "1"]), invite(&[]));
    let token = invitation["initial_access_token"].as_str().unwrap();
    assert_eq!((token.len(), &invitation["uses_left"], &other["uses_left"]), (43, &json!(2), &json!(1)));
    let post = || Request::json(&site.url("/registration"), &body(json!({})));
    let register = async |token: &str| post().bearer(token).send().await;
    let refused = |answer: &Answer, reason: &str| {
        answer.assert_refused(401, "invalid_token");
        let challenge = answer.header("www-authenticate").unwrap();
        assert!(challenge.starts_with("Bearer realm=\"writ\""), "{challenge}");
        assert_eq!(challenge.contains("error=\"invalid_token\""), reason != "initial_token_missing", "{challenge}");
        assert_eq!(reason_of(&site, answer), reason);
    };
    refused(&site.register(&body(json!({}))).await, "initial_token_missing");
    refused(&site.register(&json!({"redirect_uris": []})).await, "initial_token_missing");
    refused(&register("wrong").await, "initial_token_wrong");
    refused(&post().basic("a", token).send().await, "initial_token_wrong");
    let bad = Request::json(&site.url("/registration"), &json!({"redirect_uris": []})).bearer(token).send().await;
    bad.assert_refused(400, "invalid_redirect_uri");
    for _ in 0..2 {
        let answer = register(token).await;
        assert_eq!(answer.status, 201, "a refused one costs nothing: {}", answer.text());
    }
    refused(&register(token).await, "initial_token_used_up");
    let id = other["invitation"].as_str().unwrap();
    server.writ(&["client", "revoke-invitation", id], "");
    refused(&register(other["initial_access_token"].as_str().unwrap()).await, "initial_token_revoked");
    server.kill_and_restart();
    refused(&register(token).await, "initial_token_used_up");
    let listed = server.writ(&["client", "invitations", "-o", "ndjson"], "");
    let states: Vec<Value> = listed.lines().map(|line| serde_json::from_str::<Value>(line).unwrap()["state"].clone()).collect();
    assert_eq!(states, ["used up", "revoked"]);
    assert!(!listed.contains(token) && !server.writ(&["log", "-o", "ndjson"], "").contains(token));
    let registered = server.writ(&["log", "--type", "client.registered", "-o", "ndjson"], "");
    assert_eq!(registered.matches(invitation["invitation"].as_str().unwrap()).count(), 2, "{registered}");
    for arguments in
        [&["client", "revoke-invitation", id][..], &["client", "revoke-invitation", "inv_x"], &["client", "invite", "--uses", "0"]]
    {
        assert!(!server.writ_output(arguments, "").status.success(), "{arguments:?}");
    }
    let added = server.writ(&["client", "add", "--redirect-uri", "https://a.example/", "-o", "ndjson"], "");
    assert!(added.contains("client_id"), "an administrator needs no invitation");
}

#[tokio::test]
async fn two_registrations_have_nothing_in_common() {
    let site = Site::standard().await;
    let (a, b) = (site.register(&body(json!({}))).await.json(), site.register(&body(json!({}))).await.json());
    for member in ["client_id", "client_secret", "registration_access_token", "registration_client_uri"] {
        assert!(a[member] != b[member], "{member}");
    }
}

#[tokio::test]
async fn every_field_of_b1_is_echoed_kept_and_replaced_and_the_response_has_the_fields_of_b2() {
    let site = Site::standard().await;
    let members = json!({
        "application_type": "web",
        "redirect_uris": [App::REDIRECT_URI],
        "post_logout_redirect_uris": [App::LOGOUT_URI],
        "client_name": "A Private App",
        "client_name#de": "Eine private App",
        "token_endpoint_auth_method": "client_secret_basic",
        "contacts": ["me@example.org", "them@example.org"],
        "logo_uri": "https://client.example.org/logo.png",
        "client_uri": "https://client.example.org/",
        "policy_uri": "https://client.example.org/policy",
        "tos_uri": "https://client.example.org/terms",
        "subject_type": "pairwise",
        "default_max_age": 3600,
        "require_auth_time": true,
        "default_acr_values": ["1", "urn:example:loa2"],
        "initiate_login_uri": "https://client.example.org/launch",
        "allowed_origins": ["https://spa.example"],
        "response_types": ["code"],
        "grant_types": ["authorization_code", "refresh_token"],
        "scope": "openid profile",
        "id_token_signed_response_alg": "ES256",
        "userinfo_signed_response_alg": "RS256",
        "software_id": "4NRB1-0XZABZI9E6-5SM3R",
        "software_version": "2.1",
        "dsi_type": 2,
        "dsi_source_attributes": [{"name": "age", "weights": [1, 2]}],
    });
    let issued = [
        "client_id",
        "client_id_issued_at",
        "client_secret",
        "client_secret_expires_at",
        "client_status",
        "registration_access_token",
        "registration_client_uri",
    ];
    let same = |body: &Value, besides: &[&str]| {
        let names: std::collections::BTreeSet<&str> = body.as_object().unwrap().keys().map(String::as_str).collect();
        let expected = members.as_object().unwrap().keys().map(String::as_str).chain(besides.iter().copied()).collect();
        assert_eq!(names, expected, "{body}");
        for (name, value) in members.as_object().unwrap().iter().filter(|(name, _)| *name != "scope") {
            assert_eq!(&body[name], value, "{name}");
        }
        assert_eq!(scopes(&body["scope"]), scopes(&members["scope"]));
    };
    let mut sent = members.clone();
    sent["trusted"] = json!(true);
    sent["dsi_secret"] = json!("unknown members are ignored");
    let answer = site.register(&sent).await;
    assert_eq!(answer.status, 201, "{}", answer.text());
    let body = answer.json();
    same(&body, &issued);
    let length = |name: &str| body[name].as_str().unwrap().len();
    assert_eq!([length("client_id"), length("client_secret"), length("registration_access_token")], [43, 86, 43]);
    assert_eq!((&body["client_secret_expires_at"], &body["client_status"]), (&json!(0), &json!("enabled")));
    let uri = body["registration_client_uri"].as_str().unwrap();
    assert_eq!(uri.strip_prefix(&site.url("/client/")).unwrap().len(), 22);
    assert!(body["client_id_issued_at"].as_u64().unwrap() > 1_700_000_000);

    let token = answer.member("registration_access_token");
    let kept: Vec<&str> = issued.into_iter().filter(|name| *name != "client_secret").collect();
    same(&Request::get(uri).bearer(&token).send().await.assert_ok(), &kept);
    let mut bare = json!({"client_id": body["client_id"], "redirect_uris": [App::REDIRECT_URI], "subject_type": "pairwise"});
    let put = async |members: &Value, token: &str| {
        Request::new(Method::PUT, uri).bearer(token).body("application/json", members.to_string()).send().await
    };
    let replaced = put(&bare, &token).await.assert_ok();
    for gone in ["logo_uri", "default_acr_values", "allowed_origins", "dsi_type", "client_name#de", "userinfo_signed_response_alg"] {
        assert_eq!(replaced.get(gone), None, "{gone}");
    }
    assert_eq!(replaced["client_name"], body["client_id"], "SPEC.md b.1: the default is the client_id");
    bare.as_object_mut().unwrap().extend(members.as_object().unwrap().clone());
    let again = put(&bare, replaced["registration_access_token"].as_str().unwrap()).await.assert_ok();
    same(&again, &kept);
}

#[tokio::test]
async fn values_of_the_further_fields_are_refused_by_name() {
    let site = Site::standard().await;
    for (name, value) in [
        ("default_acr_values", json!("1")),
        ("allowed_origins", json!(["https://spa.example/"])),
        ("sector_identifier_uri", json!("http://a.example/")),
        ("default_max_age", json!(9_007_199_254_740_992_u64)),
        ("dsi_type", json!(1.5)),
        ("dsi_source_attributes", json!("x".repeat(4097))),
        ("request_uris", json!(["https://client.example.org/request"])),
        ("request_object_signing_alg", json!("RS256")),
    ] {
        let answer = site.register(&body(json!({ name: value }))).await;
        answer.assert_refused(400, "invalid_client_metadata");
        assert!(answer.member("error_description").contains(name.trim_end_matches('s')), "{}", answer.text());
    }
}

#[tokio::test]
async fn request_uris_are_registered_where_the_site_takes_request_objects() {
    let server = Server::alone().await;
    let site = server.site("default");
    server.writ(&["site", "set", "default", "authorize.request_objects=true"], "");
    let good = json!({"request_uris": ["https://client.example.org/r", "https://client.example.org/r#digest"], "request_object_signing_alg": "RS256"});
    let answer = site.register(&body(good.clone())).await;
    assert_eq!(answer.status, 201, "{}", answer.text());
    for (name, value) in good.as_object().unwrap() {
        assert_eq!(&answer.json()[name], value);
    }
    let many: Vec<String> = (0..21).map(|n| format!("https://client.example.org/{n}")).collect();
    for bad in [json!(["http://client.example.org/r"]), json!(["/r"]), json!(many), json!("https://client.example.org/r")] {
        site.register(&body(json!({ "request_uris": bad }))).await.assert_refused(400, "invalid_client_metadata");
    }
    site.register(&body(json!({"request_object_signing_alg": "HS256"}))).await.assert_refused(400, "invalid_client_metadata");
}

#[tokio::test]
async fn who_waits_for_approval_is_decided_by_the_rows_of_b2() {
    let server = Server::alone().await;
    let site = server.site("default");
    server.writ(&["site", "set", "default", "scopes=openid profile launch launch/patient patient/Patient.rs user/Patient.rs"], "");
    let status = async |members: Value| {
        let answer = site.register(&body(members)).await;
        assert_eq!(answer.status, 201, "{}", answer.text());
        (answer.member("client_status"), App::registered(&site, answer.json()))
    };
    let rows = [
        (json!({}), "enabled"),
        (json!({"scope": "openid launch"}), "enabled"),
        (json!({"scope": "openid patient/Patient.rs launch/patient", "token_endpoint_auth_method": "none"}), "enabled"),
        (json!({"scope": "openid launch", "token_endpoint_auth_method": "none"}), "pending_approval"),
        (json!({"scope": "openid user/Patient.rs"}), "pending_approval"),
    ];
    for (members, expected) in &rows {
        assert_eq!(status(members.clone()).await.0, *expected, "{members}");
    }
    server.writ(&["site", "set", "default", "app_approval=manual"], "");
    let (manual, app) = status(json!({})).await;
    assert_eq!(manual, "pending_approval");
    let refused = async || app.refresh("x").await.refusal();
    let step = |act: &str| server.writ_output(&["client", act, &app.client_id], "").status.success();
    let (unknown, known) = ((401, "invalid_client".to_owned()), (400, "invalid_grant".to_owned()));
    assert_eq!(refused().await, unknown);
    assert!(!step("enable"), "who waits is approved, not enabled");
    assert!(step("disable") && step("enable"));
    assert_eq!(refused().await, unknown, "it waits as before");
    assert!(step("approve"));
    assert_eq!(refused().await, known);
    assert!(!step("approve"), "it is so already");
    assert!(step("disable"));
    assert_eq!(refused().await, unknown);
    assert!(!step("approve") && !step("disable") && step("enable"));
    assert_eq!(refused().await, known);
    assert!(server.writ(&["client", "show", &app.client_id], "").contains("enabled"));
}
