//! A site that is switched off (SPEC.md a.0): 404 at every endpoint, and nothing is redirected.

use super::Court;
use super::case::Case;
use super::case::Place::{Body, Page};
use crate::harness::Request;

const ENDPOINTS: [&str; 11] = [
    "/authorize",
    "/token",
    "/introspect",
    "/revoke",
    "/userinfo",
    "/registration",
    "/login",
    "/provider/login",
    "/consent",
    "/logout",
    "/client/AAAAAAAAAAAAAAAAAAAAAA",
];

pub async fn cases(court: &Court) -> Vec<Case> {
    let mut cases = Vec::new();
    for path in ENDPOINTS {
        for answer in [court.off.get(path).await, court.off.post(path, &[("client_id", "x")]).await] {
            cases.push(Case::new("site_disabled", Body, 404, "invalid_request", "request.refused", answer));
        }
    }
    let page = Request::get(&court.off.url("/authorize")).header("accept", "text/html").send().await;
    cases.push(Case::new("site_disabled", Page, 404, "This site is switched off", "request.refused", page));
    cases
}
