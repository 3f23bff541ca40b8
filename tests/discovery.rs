//! Discovery says exactly what is built and allowed (SPEC.md c, OpenID Connect Discovery §3, RFC 8414 §2): each member against what a
//! request does.

use crate::harness::{App, Request, Server, Site};
use http::Method;
use serde_json::{Map, Value, json};

async fn document(site: &Site) -> Map<String, Value> {
    site.get("/.well-known/openid-configuration").await.assert_ok().as_object().unwrap().clone()
}

/// Every member that OpenID Connect Discovery §3, RP-Initiated Logout §2.1, Back-Channel Logout §2.1, Front-Channel Logout §3, Session
/// Management §3.3, RFC 8414 §2, RFC 9207 §3 and "Initiating User Registration" 1.0 §4.1 register, as far as anything here may say it.
const REGISTERED: [&str; 48] = [
    "acr_values_supported",
    "authorization_endpoint",
    "authorization_response_iss_parameter_supported",
    "backchannel_logout_session_supported",
    "backchannel_logout_supported",
    "check_session_iframe",
    "claims_locales_supported",
    "claims_parameter_supported",
    "claims_supported",
    "code_challenge_methods_supported",
    "display_values_supported",
    "end_session_endpoint",
    "frontchannel_logout_session_supported",
    "frontchannel_logout_supported",
    "grant_types_supported",
    "id_token_signing_alg_values_supported",
    "introspection_endpoint",
    "introspection_endpoint_auth_methods_supported",
    "introspection_endpoint_auth_signing_alg_values_supported",
    "issuer",
    "jwks_uri",
    "op_policy_uri",
    "op_tos_uri",
    "prompt_values_supported",
    "registration_endpoint",
    "request_object_signing_alg_values_supported",
    "request_parameter_supported",
    "request_uri_parameter_supported",
    "require_request_uri_registration",
    "response_modes_supported",
    "response_types_supported",
    "revocation_endpoint",
    "revocation_endpoint_auth_methods_supported",
    "revocation_endpoint_auth_signing_alg_values_supported",
    "scopes_supported",
    "service_documentation",
    "signed_metadata",
    "subject_types_supported",
    "token_endpoint",
    "token_endpoint_auth_methods_supported",
    "token_endpoint_auth_signing_alg_values_supported",
    "ui_locales_supported",
    "userinfo_endpoint",
    "userinfo_signing_alg_values_supported",
    "claim_types_supported",
    "dpop_signing_alg_values_supported",
    "pushed_authorization_request_endpoint",
    "require_pushed_authorization_requests",
];

#[tokio::test]
async fn there_are_no_unknown_members_and_both_documents_are_one() {
    for site in [Site::standard().await, Site::seed().await] {
        let (document, twin) = (document(&site).await, format!("/.well-known/oauth-authorization-server/oauth2/{}", site.name));
        let unknown: Vec<&String> = document.keys().filter(|name| !REGISTERED.contains(&name.as_str())).collect();
        assert_eq!(unknown, [&""; 0], "oidcc-discovery-endpoint-verification warns of these");
        let twin = Request::get(&format!("{}{twin}", site.server.origin())).send().await;
        assert_eq!(twin.assert_ok(), Value::Object(document.clone()));
        assert!(twin.header("cache-control").unwrap().contains("max-age"), "{:?}", twin.headers);
        for (name, value) in &document {
            let empty = value.as_array().is_some_and(Vec::is_empty) || value.is_null() || *value == json!("");
            assert!(!empty, "RFC 8414 §3.2: {name} says nothing");
        }
        assert!(document["scopes_supported"].as_array().unwrap().contains(&json!("openid")));
    }
}

#[tokio::test]
async fn every_endpoint_is_where_the_document_says() {
    let document = document(&Site::standard().await).await;
    let endpoints = document.iter().filter(|(name, _)| name.ends_with("_endpoint") || *name == "jwks_uri");
    for (name, url) in endpoints {
        let answer = Request::new(Method::PUT, url.as_str().unwrap()).send().await;
        assert_eq!(answer.status, 405, "{name}: there is something, and it is not for PUT");
        assert!(answer.header("allow").is_some(), "{name}");
    }
}

#[tokio::test]
async fn what_the_document_offers_can_be_registered_and_nothing_else() {
    let site = Site::standard().await;
    let document = document(&site).await;
    let registers = async |members: Value| {
        let mut body = json!({"redirect_uris": [App::REDIRECT_URI]});
        body.as_object_mut().unwrap().extend(members.as_object().unwrap().clone());
        let answer = site.register(&body).await;
        assert!([201, 400].contains(&answer.status), "{}", answer.text());
        answer.status == 201
    };
    let rows = [
        ("subject_types_supported", "subject_type", vec!["public", "pairwise", "private"]),
        (
            "id_token_signing_alg_values_supported",
            "id_token_signed_response_alg",
            vec!["RS256", "PS256", "ES256", "EdDSA", "HS256", "none"],
        ),
        ("userinfo_signing_alg_values_supported", "userinfo_signed_response_alg", vec!["RS256", "PS256", "ES256", "EdDSA", "HS256"]),
    ];
    for (member, field, tried) in rows {
        for value in tried {
            let offered = document[member].as_array().unwrap().contains(&json!(value));
            assert_eq!(registers(json!({ field: value })).await, offered, "{field}={value}");
        }
    }
    let response_types = ["code", "token", "id_token", "id_token token", "code id_token", "code token", "code id_token token", "none"];
    for response_type in response_types {
        let offered = document["response_types_supported"].as_array().unwrap().contains(&json!(response_type));
        assert_eq!(registers(json!({ "response_types": [response_type] })).await, offered, "{response_type}");
    }
    for scope in document["scopes_supported"].as_array().unwrap() {
        let scope = scope.as_str().unwrap();
        let beyond_ones_own = scope.starts_with("user/") || scope.starts_with("system/");
        assert!(beyond_ones_own || registers(json!({ "scope": scope })).await, "{scope}");
    }
}

#[tokio::test]
async fn a_site_that_takes_no_registrations_says_so_and_one_that_takes_some_names_the_place() {
    let server = Server::alone().await;
    let site = server.site("default");
    for (mode, told) in [("token", true), ("disabled", false), ("open", true), ("disabled", false)] {
        server.writ(&["site", "set", "default", &format!("dcr.mode={mode}")], "");
        assert_eq!(document(&site).await.contains_key("registration_endpoint"), told, "{mode}");
    }
    let closed = site.register(&json!({"redirect_uris": [App::REDIRECT_URI]})).await;
    assert_eq!((closed.status, closed.header("www-authenticate")), (404, None));
}

#[tokio::test]
async fn the_operators_pages_are_named_once_they_are_set() {
    let server = Server::alone().await;
    let site = server.site("default");
    let pages = [
        ("service_documentation", "https://docs.example/writ#apps"),
        ("op_policy_uri", "http://clinic.example/policy?a=1"),
        ("op_tos_uri", "https://clinic.example/terms"),
    ];
    let told = async || {
        let twin = format!("{}/.well-known/oauth-authorization-server/oauth2/default", server.origin());
        let (document, twin) = (document(&site).await, Request::get(&twin).send().await.assert_ok());
        assert_eq!(twin, Value::Object(document.clone()), "both documents are one");
        pages.map(|(name, _)| document.get(name).map(|page| page.as_str().unwrap().to_owned()))
    };
    let shown = || server.writ(&["site", "show", "default", "-o", "table"], "");
    assert_eq!(told().await, [const { None }; 3]);
    assert!(pages.iter().all(|(name, _)| shown().contains(&format!("{name:<28}  –\n"))), "{}", shown());
    let all = pages.map(|(name, page)| format!("{name}={page}"));
    server.writ(&["site", "set", "default", &all[0], &all[1], &all[2]], "");
    assert_eq!(told().await, pages.map(|(_, page)| Some(page.to_owned())));
    assert!(pages.iter().all(|(name, page)| shown().contains(name) && shown().contains(page)), "{}", shown());
    server.writ(&["site", "set", "default", "profile=iehr"], "");
    assert_eq!(told().await, pages.map(|(_, page)| Some(page.to_owned())), "a profile says nothing of the operator");
    server.kill_and_restart();
    server.writ(&["site", "set", "default", "op_policy_uri="], "");
    assert_eq!(told().await, [Some(pages[0].1.to_owned()), None, Some(pages[2].1.to_owned())]);
    let long = |length: usize| format!("op_tos_uri=https://clinic.example/{}", "t".repeat(length - 23));
    server.writ(&["site", "set", "default", &long(2000)], "");
    let (too_long, number) = (long(2001), "op_tos_uri=7");
    for wrong in ["op_tos_uri=javascript:alert(1)", "op_tos_uri=/terms", "op_tos_uri=https://u:p@clinic.example/", number, &too_long] {
        let output = server.writ_output(&["site", "set", "default", wrong], "");
        let told = String::from_utf8(output.stderr).unwrap();
        assert!(!output.status.success() && told.contains("op_tos_uri is an https or http URL, or nothing"), "{wrong}: {told}");
    }
}
