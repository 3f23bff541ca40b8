//! Registration and the client's own configuration (RFC 7591 §3.2.2, RFC 7592 §2, SPEC.md a.1, a.2).

use super::Court;
use super::case::Case;
use super::case::Place::Body;
use crate::harness::{Behaviour, KeyServer, Request};
use http::Method;
use serde_json::{Value, json};

const REFUSED: &str = "request.refused";

pub async fn cases(court: &Court) -> Vec<Case> {
    let site = &court.site;
    let uris = json!(["https://client.example.org/callback"]);
    let text = Request::form(&site.url("/registration"), &[("redirect_uris", "https://client.example.org/callback")]).send().await;
    let app = site.confidential().await;
    let uri = app.registration["registration_client_uri"].as_str().unwrap();
    let sector = |uri: &str| json!({ "redirect_uris": uris, "subject_type": "pairwise", "sector_identifier_uri": uri });
    let lists_others = KeyServer::start(Behaviour::document(&json!(["https://other.example/cb"]))).await;
    let incomplete = site.register(&sector(&lists_others.url)).await;
    let unreadable = site.register(&sector("https://192.0.2.1/")).await;
    let body = json!({ "client_id": app.client_id, "redirect_uris": uris, "subject_type": "pairwise" }).to_string();
    let own_token = app.registration["registration_access_token"].as_str().unwrap();
    let changed = Request::new(Method::PUT, uri).bearer(own_token).body("application/json", body).send().await;
    let mut cases = invited(court).await;
    cases.extend([
        Case::new(
            "redirect_uri_unacceptable",
            Body,
            400,
            "invalid_redirect_uri",
            REFUSED,
            site.register(&json!({ "redirect_uris": ["http://client.example.org/callback"] })).await,
        ),
        Case::new(
            "metadata_unacceptable",
            Body,
            400,
            "invalid_client_metadata",
            REFUSED,
            site.register(&json!({ "redirect_uris": uris, "subject_type": "round" })).await,
        ),
        Case::new("metadata_unacceptable", Body, 400, "invalid_client_metadata", REFUSED, text),
        Case::new(
            "software_statement_unsupported",
            Body,
            400,
            "invalid_software_statement",
            REFUSED,
            site.register(&json!({ "redirect_uris": uris, "software_statement": "eyJhbGciOiJub25lIn0.e30." })).await,
        ),
        Case::new(
            "registration_closed",
            Body,
            404,
            "invalid_request",
            REFUSED,
            court.closed.register(&json!({ "redirect_uris": uris })).await,
        ),
        Case::new("sector_unreadable", Body, 400, "invalid_client_metadata", REFUSED, unreadable),
        Case::new("sector_incomplete", Body, 400, "invalid_client_metadata", REFUSED, incomplete),
        Case::new("sector_changed", Body, 400, "invalid_client_metadata", REFUSED, changed),
        Case::new("registration_token_wrong", Body, 401, "invalid_token", REFUSED, Request::get(uri).bearer("wrong").send().await),
    ]);
    cases
}

/// At a site that wants an initial access token, told by the challenge as well (RFC 6750 §3).
async fn invited(court: &Court) -> Vec<Case> {
    let site = &court.inviting;
    let invite = async |uses: u32, seconds: u32| {
        let body = json!({ "uses": uses, "lifetime_seconds": seconds }).to_string();
        let request = Request::new(Method::POST, "http://localhost/admin/v1/invitations?site=inviting").body("application/json", body);
        request.send_to_socket(&court.server.directory().join("admin.sock")).await.json()
    };
    let body = json!({ "redirect_uris": ["https://client.example.org/callback"] });
    let register = async |invitation: &Value| {
        let token = invitation["initial_access_token"].as_str().unwrap();
        Request::json(&site.url("/registration"), &body).bearer(token).send().await
    };
    let (spent, short, revoked) = (invite(1, 60).await, invite(1, 1).await, invite(1, 60).await);
    assert_eq!(register(&spent).await.status, 201);
    court.server.writ(&["--site", "inviting", "client", "revoke-invitation", revoked["invitation"].as_str().unwrap()], "");
    tokio::time::sleep(std::time::Duration::from_millis(1100)).await;
    let case = |reason, answer| Case::new(reason, Body, 401, "invalid_token", REFUSED, answer);
    let cases = vec![
        case("initial_token_missing", site.register(&body).await),
        case("initial_token_wrong", register(&json!({ "initial_access_token": "wrong" })).await),
        case("initial_token_used_up", register(&spent).await),
        case("initial_token_expired", register(&short).await),
        case("initial_token_revoked", register(&revoked).await),
    ];
    cases
}
