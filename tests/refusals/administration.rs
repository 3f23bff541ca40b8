//! The admin API on the data directory's socket (AUDIT.md §8.8). What an administrator gets wrong changes nothing and is no event.

use super::Court;
use super::case::Case;
use super::case::Place::Problem;
use crate::harness::Request;
use http::Method;
use serde_json::{Value, json};

pub async fn cases(court: &Court) -> Vec<Case> {
    let ask = async |method: Method, path: &str, body: Value| {
        let request = Request::new(method, &format!("http://localhost/admin/v1/{path}")).body("application/json", body.to_string());
        request.send_to_socket(&court.server.directory().join("admin.sock")).await
    };
    let app = court.site.confidential().await;
    let public_url = court.server.origin();
    let keys: Value = serde_json::from_slice(&ask(Method::GET, "keys", json!({})).await.body).unwrap();
    let signing = keys["keys"][0]["kid"].as_str().unwrap().to_owned();
    let rotated: Value = serde_json::from_slice(&ask(Method::POST, "keys", json!({"alg": "RS256", "now": true})).await.body).unwrap();
    assert_ne!(rotated["kid"], signing);
    let too_long = ask(Method::PATCH, "sites/default", json!({"code_seconds": 301})).await;
    let nobody = "users/0195d3a4-0000-7000-8000-000000000000";
    let bad = |reason, status, says, answer| Case::new(reason, Problem, status, says, "", answer);
    vec![
        bad("user_unknown", 404, "no user of that id", ask(Method::POST, &format!("{nobody}/disable"), json!({})).await),
        bad("user_exists", 409, "taken", ask(Method::POST, "users", json!({"username": "amelia", "password": "correct horse"})).await),
        bad("site_exists", 409, "exists", ask(Method::POST, "sites", json!({"name": "default", "public_url": public_url})).await),
        bad("setting_unknown", 400, "no such setting", ask(Method::PATCH, "sites/default", json!({"colour": "red"})).await),
        bad("setting_unknown", 400, "code_seconds is a whole number from 1 to 300", too_long),
        bad("nothing_to_change", 409, "so already", ask(Method::POST, &format!("clients/{}/enable", app.client_id), json!({})).await),
        bad(
            "invitation_unknown",
            404,
            "no such invitation",
            ask(Method::DELETE, "invitations/inv_AAAAAAAAAAAAAAAAAAAAAA", json!({})).await,
        ),
        bad("invitation_unacceptable", 400, "1 to 10000", ask(Method::POST, "invitations", json!({"uses": 10_001})).await),
        bad("key_unknown", 404, "no such key", ask(Method::DELETE, "keys/key_AAAAAAAAAAAAAAAAAAAAAA", json!({})).await),
        bad("key_in_use", 409, "rotate first", ask(Method::DELETE, &format!("keys/{}", rotated["kid"].as_str().unwrap()), json!({})).await),
        bad("key_needed", 409, "still good", ask(Method::DELETE, &format!("keys/{signing}"), json!({})).await),
    ]
}
