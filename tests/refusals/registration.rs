//! Registration and the client's own configuration (RFC 7591 §3.2.2, RFC 7592 §2, SPEC.md a.1, a.2).

use super::Court;
use super::case::Case;
use super::case::Place::Body;
use crate::harness::Request;
use serde_json::json;

const REFUSED: &str = "request.refused";

pub async fn cases(court: &Court) -> Vec<Case> {
    let site = &court.site;
    let uris = json!(["https://client.example.org/callback"]);
    let text = Request::form(&site.url("/registration"), &[("redirect_uris", "https://client.example.org/callback")]).send().await;
    let app = site.confidential().await;
    let uri = app.registration["registration_client_uri"].as_str().unwrap();
    vec![
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
        Case::new("registration_token_wrong", Body, 401, "invalid_token", REFUSED, Request::get(uri).bearer("wrong").send().await),
    ]
}
