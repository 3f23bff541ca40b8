//! Scopes through HTTP (SPEC.md e, k-10, k-11, k-25; RFC 6749 §3.3): what is asked for, registered, offered, open to the person and
//! allowed, each by its meaning.

use crate::harness::{App, Browser, ClientKey, PASSWORD, Request, Server, Signer, Site, Stop, Tokens, USERNAME, query_of, scopes};
use serde_json::{Value, json};
use std::collections::BTreeSet;

/// A person of the portal.
const PATIENT: &str = "pia";

async fn server() -> std::sync::Arc<Server> {
    let server = Server::with(&[("default", "standard"), ("seed", "openemr")]).await;
    for site in ["default", "seed"] {
        server.writ(&["--site", site, "user", "add", "--username", PATIENT, "--role", "patient", "--password-stdin"], PASSWORD);
    }
    server
}

fn set(text: &str) -> BTreeSet<String> {
    scopes(&json!(text))
}

/// An app that an administrator has approved, with this scope.
async fn approved(site: &Site, scope: &str) -> App {
    let app = site.app(json!({"scope": scope})).await;
    if app.registration["client_status"] == "pending_approval" {
        site.server.writ(&["--site", &site.name, "client", "approve", &app.client_id], "");
    }
    app
}

/// Signs in, allows what the page offers, and shows the page and where it led.
async fn allowed(app: &App, username: &str, scope: &str) -> (Stop, Option<String>, String) {
    let request = app.authorization().with("scope", scope);
    let mut browser = Browser::new();
    let sign_in = browser.open(&request.url()).await.page();
    let stop = browser.sign_in(&sign_in, username, PASSWORD).await;
    let page = match &stop {
        Stop::Shown(page) => page.clone(),
        Stop::Left(_) => return (stop, None, request.verifier.unwrap()),
    };
    let shown = page.text();
    (browser.press(&page, "primary", &[]).await, Some(shown), request.verifier.unwrap())
}

async fn tokens(app: &App, username: &str, scope: &str) -> Tokens {
    let (stop, _, verifier) = allowed(app, username, scope).await;
    let left = stop.left();
    let code = query_of(&left, "code").unwrap_or_else(|| panic!("{left}"));
    Tokens::of(&app.exchange(&code, &verifier).await)
}

/// The error, its description and the id of a request that goes back to the app at once.
async fn refused(app: &App, scope: &str) -> (String, String, String) {
    let answer = Browser::new().once(Request::get(&app.authorization().with("scope", scope).url())).await;
    assert_eq!(answer.status, 302, "{scope}: {}", answer.text());
    let left = answer.location().unwrap();
    assert!(left.as_str().starts_with(App::REDIRECT_URI), "{left}");
    let found = |name: &str| query_of(&left, name).unwrap_or_default();
    assert_eq!(found("code"), "");
    (found("error"), found("error_description"), answer.header("x-request-id").unwrap().to_owned())
}

/// The reason of the one event of this request that has one.
fn reason(site: &Site, request: &str) -> String {
    let log = site.server.writ(&["--site", &site.name, "log", "-o", "ndjson", "-n", "500"], "");
    let events = log.lines().filter(|line| line.contains(request)).map(|line| serde_json::from_str::<Value>(line).unwrap());
    let mut reasons = events.filter_map(|event| event["reason"].as_str().map(str::to_owned));
    reasons.next().unwrap_or_else(|| panic!("no event with a reason for {request}"))
}

#[tokio::test]
async fn a_scope_that_nobody_knows_is_refused_and_recorded_and_not_repeated() {
    let server = server().await;
    let app = server.site("default").app(json!({"scope": "openid email patient/Patient.read"})).await;
    for (asked, named) in [
        ("openid no:such", "no:such"),
        ("openid patient/Unicorn.rs", "patient/Unicorn.rs"),
        ("openid user/Observation.write", "user/Observation.write"),
        ("openid system/Patient.write", "system/Patient.write"),
        ("openid site:elsewhere", "site:elsewhere"),
        ("openid system:Patient.read", "system:Patient.read"),
        ("openid Patient/Patient.read", "Patient/Patient.read"),
        ("OpenID email", "OpenID"),
        ("openid patient/Patient.sr", "patient/Patient.sr"),
        ("openid nonce", "nonce"),
    ] {
        let (error, description, request) = refused(&app, asked).await;
        assert_eq!(error, "invalid_scope", "{asked}");
        assert!(!description.contains(named), "{asked}: {description}");
        // The first ten of a minute are events of their own.
        if !["OpenID email", "openid nonce"].contains(&asked) {
            assert_eq!(reason(&app.site, &request), "scope_unknown", "{asked}");
        }
    }
    let (error, description, request) = refused(&app, "phone address").await;
    assert_eq!((error.as_str(), reason(&app.site, &request).as_str()), ("invalid_scope", "scope_empty"));
    assert!(description.ends_with("address phone"), "{description}");
    for malformed in ["patient/Patient.rs\"", "é", "openid\temail"] {
        assert_eq!(refused(&app, malformed).await.0, "invalid_scope", "{malformed}");
    }
    let hundred_and_one = (0..101).map(|n| format!("s{n}")).collect::<Vec<_>>().join(" ");
    assert_eq!(refused(&app, &hundred_and_one).await.0, "invalid_scope");
}

#[tokio::test]
async fn a_site_may_drop_what_it_does_not_know_but_never_what_cannot_be_read() {
    let server = server().await;
    server.writ(&["site", "set", "default", "scope.unknown=ignore"], "");
    let app = server.site("default").app(json!({"scope": "openid email"})).await;
    let given = tokens(&app, USERNAME, "openid email no:such system:Patient.read patient/Patient.sr OPENID").await;
    assert_eq!(given.body["scope"], "openid email");
    for (scope, reason_of) in [("openid a\"b", "scope_unknown"), ("no:such system:Patient.write", "scope_empty")] {
        let (error, _, request) = refused(&app, scope).await;
        assert_eq!((error.as_str(), reason(&app.site, &request).as_str()), ("invalid_scope", reason_of));
    }
}

#[tokio::test]
async fn both_versions_of_a_scope_are_one_and_each_client_reads_its_own() {
    let server = server().await;
    let site = server.site("default");
    let app = site.app(json!({"scope": "openid patient/Observation.read patient/Patient.rs offline_access"})).await;
    assert_eq!(app.scope, "openid offline_access patient/Observation.read patient/Patient.rs");
    for asked in [
        "openid patient/Observation.read patient/Patient.read",
        "openid patient/Observation.rs patient/Patient.rs",
        "openid patient/Observation.s patient/Patient.r",
        "openid patient/Observation.rs?category=http://terminology.hl7.org/CodeSystem/observation-category|laboratory",
    ] {
        let given = tokens(&app, USERNAME, asked).await;
        assert_eq!(scopes(&given.body["scope"]), set(asked), "nothing is left out and nothing is respelt");
        assert_eq!(scopes(&app.introspect(&given.access).await.assert_ok()["scope"]), set(asked));
    }
    let given = tokens(&app, USERNAME, "openid patient/Observation.read patient/Observation.rs patient/Observation.read").await;
    assert_eq!(given.body["scope"], "openid patient/Observation.read");
}

#[tokio::test]
async fn a_wider_request_is_narrowed_to_what_was_registered() {
    let server = server().await;
    let site = server.site("default");
    let app = approved(&site, "openid user/Patient.read user/Practitioner.r user/Practitioner.s patient/Goal.r").await;
    for (asked, given) in [
        ("openid user/Patient.*", "openid user/Patient.read"),
        ("openid user/Patient.cruds", "openid user/Patient.rs"),
        ("openid user/Practitioner.read", "openid user/Practitioner.read"),
        ("openid user/*.read", "openid user/Patient.read user/Practitioner.read"),
        ("openid user/*.rs patient/*.cruds", "openid user/Patient.rs user/Practitioner.rs patient/Goal.r"),
    ] {
        assert_eq!(scopes(&tokens(&app, USERNAME, asked).await.body["scope"]), set(given), "{asked}");
    }
    let page = allowed(&app, USERNAME, "openid user/*.read user/Patient.write").await.1;
    assert!(page.is_none(), "the person allowed all of it before");
}

#[tokio::test]
async fn a_wildcard_is_registered_as_what_the_site_offers_of_it() {
    let server = server().await;
    server.writ(&["site", "set", "default", "scopes=openid patient/Goal.rs patient/Patient.rs patient/Patient.u user/Patient.rs"], "");
    let site = server.site("default");
    for (asked, stored) in [
        ("openid patient/*.read", "openid patient/Goal.read patient/Patient.read"),
        ("openid patient/*.cruds", "openid patient/Goal.rs patient/Patient.rus"),
        ("patient/Patient.*", "patient/Patient.rus"),
    ] {
        let answer = site.register(&json!({"redirect_uris": [App::REDIRECT_URI], "scope": asked})).await;
        assert_eq!((answer.status, scopes(&answer.json()["scope"])), (201, set(stored)), "{asked}");
    }
    let answer = site.register(&json!({"redirect_uris": [App::REDIRECT_URI], "scope": "openid patient/*.c"})).await;
    answer.assert_refused(400, "invalid_client_metadata");
}

/// SPEC.md b.1, b.2; OpenEMR CVE-2026-126473.
#[tokio::test]
async fn approval_is_decided_on_what_a_scope_means() {
    let server = server().await;
    let site = server.site("seed");
    let register = |members: Value| {
        let mut body = json!({"redirect_uris": [App::REDIRECT_URI]});
        body.as_object_mut().unwrap().extend(members.as_object().unwrap().clone());
        let site = site.clone();
        async move { site.register(&body).await }
    };
    for waits in ["user/Patient.read", "user/Patient.rs", "user/*.r", "user/allergy.cruds", "user/insurance.$swap-insurance"] {
        let answer = register(json!({"scope": format!("openid {waits}")})).await;
        assert_eq!((answer.status, answer.member("client_status")), (201, "pending_approval".to_owned()), "{waits}");
        let public = register(json!({"scope": format!("openid {waits}"), "token_endpoint_auth_method": "none"})).await;
        public.assert_refused(400, "invalid_client_metadata");
        assert_eq!(reason(&site, public.header("x-request-id").unwrap()), "metadata_unacceptable");
    }
    for own in ["patient/Patient.read", "patient/*.rs", "patient/encounter.rs", "api:fhir launch/patient offline_access"] {
        let answer = register(json!({"scope": format!("openid {own}")})).await;
        assert_eq!((answer.status, answer.member("client_status")), (201, "enabled".to_owned()), "{own}");
    }
    for impostor in [
        "system:Patient.read",
        "user:Patient.read",
        "User/Patient.read",
        "user/Patient.READ",
        "user//Patient.read",
        "user.Patient.read",
        "*/DocumentReference.$docref",
        "site:seed",
        "system/Patient.write",
        "user/Patient.read?x=y",
    ] {
        let answer = register(json!({"scope": format!("openid {impostor}")})).await;
        answer.assert_refused(400, "invalid_client_metadata");
        assert!(answer.member("error_description").contains(impostor), "{}", answer.text());
    }
}

/// SPEC.md e.4.
#[tokio::test]
async fn each_directory_gives_only_what_is_its_own() {
    let server = server().await;
    let site = server.site("seed");
    let all = "openid api:oemr api:fhir api:port api:pofh patient/Patient.rs user/Patient.rs";
    let app = approved(&site, all).await;
    let rows = [
        (USERNAME, "openid api:oemr api:fhir patient/Patient.rs user/Patient.rs site:seed"),
        (PATIENT, "openid api:fhir api:port api:pofh patient/Patient.rs site:seed"),
    ];
    for (username, own) in rows {
        let (stop, page, verifier) = allowed(&app, username, all).await;
        let page = page.unwrap();
        for scope in set(all) {
            assert_eq!(page.contains(&format!("value=\"{scope}\"")), set(own).contains(&scope), "{username}: {scope}");
        }
        let code = query_of(&stop.left(), "code").unwrap();
        let given = Tokens::of(&app.exchange(&code, &verifier).await);
        assert_eq!(scopes(&given.body["scope"]), set(own), "{username}");
        assert_eq!(scopes(&app.introspect(&given.access).await.assert_ok()["scope"]), set(own));
    }
    // What the request asked for decides how tokens are refreshed, not what was left of it (SPEC.md 0.3, k-13).
    assert_eq!(tokens(&app, PATIENT, "openid api:fhir user/Patient.rs").await.refresh, "");
    assert_ne!(tokens(&app, PATIENT, "openid api:fhir").await.refresh, "");
}

#[tokio::test]
async fn a_person_who_may_give_nothing_is_asked_nothing() {
    let server = server().await;
    let site = server.site("seed");
    let app = approved(&site, "api:oemr user/Patient.rs").await;
    let (stop, page, _) = allowed(&app, PATIENT, "api:oemr user/Patient.rs").await;
    assert_eq!(page, None);
    let left = stop.left();
    assert_eq!(query_of(&left, "error").as_deref(), Some("invalid_scope"), "{left}");
    let log = server.writ(&["--site", "seed", "log", "-o", "ndjson", "-n", "20"], "");
    assert!(log.contains("scope_empty"), "{log}");
}

#[tokio::test]
async fn a_refresh_narrows_by_meaning_and_never_widens() {
    let server = server().await;
    let site = server.site("seed");
    let app = approved(&site, "openid api:fhir user/*.read user/Patient.write offline_access").await;
    let mut now = tokens(&app, USERNAME, "openid api:fhir user/*.read offline_access").await;
    let ask = async |token: &str, scope: &str| {
        app.post("/token", &[("grant_type", "refresh_token"), ("refresh_token", token), ("scope", scope)]).await
    };
    for (wide, reason_of) in [
        ("user/Patient.write", "scope_exceeds_grant"),
        ("user/Patient.cruds", "scope_exceeds_grant"),
        ("user/*.*", "scope_exceeds_grant"),
        ("patient/Patient.rs", "scope_exceeds_grant"),
        ("user/allergy.r", "scope_exceeds_grant"),
        ("openid email", "scope_exceeds_grant"),
        ("openid site:default", "scope_exceeds_grant"),
        ("user:Patient.read", "scope_unknown"),
        ("openid system:Patient.write", "scope_unknown"),
        ("OPENID", "scope_unknown"),
    ] {
        let answer = ask(&now.refresh, wide).await;
        answer.assert_refused(400, "invalid_scope");
        assert_eq!(reason(&site, answer.header("x-request-id").unwrap()), reason_of, "{wide}");
    }
    let told = now.body["scope"].as_str().unwrap().to_owned();
    assert!(told.contains("site:seed"), "{told}");
    for (narrow, given) in [
        ("openid user/Patient.r api:fhir", "openid user/Patient.r api:fhir site:seed"),
        ("user/Patient.rs", "user/Patient.rs"),
        ("user/Patient.read", "user/Patient.read"),
        ("user/Observation.rs?category=a|b", "user/Observation.rs?category=a|b"),
        (&told, &told),
    ] {
        now = Tokens::of(&ask(&now.refresh, narrow).await);
        assert_eq!(scopes(&now.body["scope"]), set(given), "{narrow}");
    }
}

#[tokio::test]
async fn what_a_person_allowed_is_remembered_by_its_meaning() {
    let server = server().await;
    let site = server.site("default");
    let app = site.app(json!({"scope": "openid patient/*.read"})).await;
    tokens(&app, USERNAME, "openid patient/Goal.read patient/Patient.rs").await;
    let (_, page, _) = allowed(&app, USERNAME, "openid patient/Goal.rs patient/Patient.s").await;
    assert_eq!(page, None, "another spelling of less needs no new question");
    let (_, page, _) = allowed(&app, USERNAME, "openid patient/Goal.rs patient/Encounter.rs").await;
    assert!(page.unwrap().contains("value=\"patient/Encounter.rs\""));
}

#[tokio::test]
async fn a_consent_form_may_take_away_and_never_add() {
    let server = server().await;
    let app = server.site("default").app(json!({"scope": "openid email patient/Goal.rs patient/Patient.rs"})).await;
    let request = app.authorization().with("scope", "openid patient/Goal.rs");
    let mut browser = Browser::new();
    let sign_in = browser.open(&request.url()).await.page();
    let page = browser.sign_in(&sign_in, USERNAME, PASSWORD).await.page();
    let mut page = page.unticked("scope", "patient/Goal.rs");
    for added in ["patient/Goal.r", "patient/Patient.rs", "user/*.*", "email", "system:Patient.read"] {
        page.fields.push(("scope".to_owned(), added.to_owned()));
    }
    let left = browser.press(&page, "primary", &[]).await.left();
    let given = Tokens::of(&app.exchange(&query_of(&left, "code").unwrap(), request.verifier.as_ref().unwrap()).await);
    assert_eq!(given.body["scope"], "openid patient/Goal.r", "less than was asked for, and nothing besides");
}

#[tokio::test]
async fn discovery_tells_every_spelling_and_the_claims_behind_them() {
    let server = server().await;
    let site = server.site("default");
    let told = |body: &Value, member: &str| -> BTreeSet<String> {
        body[member].as_array().unwrap().iter().map(|value| value.as_str().unwrap().to_owned()).collect()
    };
    let body = site.get("/.well-known/openid-configuration").await.assert_ok();
    for scope in [
        "openid",
        "phone_verified",
        "patient/Observation.read",
        "patient/Observation.rs",
        "user/Patient.write",
        "user/Patient.cud",
        "user/allergy.*",
        "user/allergy.cruds",
        "patient/Observation.rs?category=http://terminology.hl7.org/CodeSystem/observation-category|laboratory",
        "patient/DocumentReference.$docref",
    ] {
        assert!(told(&body, "scopes_supported").contains(scope), "{scope}");
    }
    let begins = |body: &Value, head: &str| told(body, "scopes_supported").iter().any(|scope| scope.starts_with(head));
    assert!(begins(&body, "system/") && !begins(&body, "site:"));
    server.writ(&["site", "set", "default", "system_scopes=false"], "");
    assert!(!begins(&site.get("/.well-known/openid-configuration").await.assert_ok(), "system/"));
    assert!(told(&body, "claims_supported").is_superset(&set("sub iss aud name email_verified phone_number address fhirUser updated_at")));
    server.writ(&["site", "set", "default", "scopes=openid email patient/Goal.r"], "");
    let body = site.get("/.well-known/openid-configuration").await.assert_ok();
    assert_eq!(told(&body, "scopes_supported"), set("openid email patient/Goal.r"));
    assert_eq!(told(&body, "claims_supported"), set("sub iss aud exp iat auth_time nonce sid acr amr email email_verified"));
}

#[tokio::test]
async fn a_catalogue_has_only_words_that_mean_something() {
    let server = server().await;
    for bad in ["openid system:Patient.read", "openid site:default", "OPENID", "openid user/Patient.read.write", "password", "a\"b", ""] {
        let output = server.writ_output(&["site", "set", "default", &format!("scopes={bad}")], "");
        assert!(!output.status.success(), "{bad}");
    }
    server.writ(&["site", "set", "default", "scopes=openid labs:read https://records.example/all system/*.read"], "");
    let site = server.site("default");
    let scope = "openid labs:read https://records.example/all system/Patient.read";
    let key = ClientKey::new("ES384", "first");
    let members = json!({ "token_endpoint_auth_method": "private_key_jwt", "jwks": { "keys": [key.jwk()] }, "scope": scope });
    let signer = Signer { app: site.app(members).await, key };
    server.writ(&["client", "approve", &signer.app.client_id], "");
    let request = signer.app.authorization().with("scope", scope);
    let code = signer.app.code_of(&mut Browser::new(), &request).await;
    let pairs = [("grant_type", "authorization_code"), ("code", code.as_str()), ("redirect_uri", App::REDIRECT_URI)];
    let verifier = [("code_verifier", request.verifier.as_deref().unwrap())];
    let given = Tokens::of(&signer.post("/token", &[&pairs[..], &verifier].concat(), &signer.assertion()).await);
    assert_eq!(scopes(&given.body["scope"]), set("openid labs:read https://records.example/all"), "nobody who signs in has system/");
}
