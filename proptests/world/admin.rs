//! The administrators' side: the admin API, in process, as the command line asks it.

use super::World;
use bytes::Bytes;
use http::Method;
use serde_json::Value;
use writ::http::admin::AdminClient;

/// Somebody who may ask everything.
pub struct Admin(AdminClient);

impl Admin {
    pub fn of(world: &World) -> Self {
        Self(AdminClient::in_process(world.ledger.clone(), 0))
    }
    /// The answer to a question; it must be a good one.
    pub async fn get(&self, target: &str) -> Value {
        let answer = self.0.ask(Method::GET, &format!("/admin/v1/{target}"), "application/json", Bytes::new()).await.unwrap();
        let status = answer.status;
        let body = answer.whole().await.unwrap();
        assert!(status.is_success(), "{target}: {status} {}", String::from_utf8_lossy(&body));
        serde_json::from_slice(&body).unwrap()
    }
}
