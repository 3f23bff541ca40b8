//! One site of a server, as its clients know it.

use super::{Answer, App, Request, Server};
use serde_json::{Value, json};
use std::sync::Arc;

/// The person who signs in, at every site.
pub const USERNAME: &str = "amelia";
/// The password of everybody.
pub const PASSWORD: &str = "correct horse battery staple";

/// One site.
#[derive(Clone)]
pub struct Site {
    pub server: Arc<Server>,
    pub name: String,
}

impl Site {
    /// Site `default` of the shared server, in profile `standard`.
    pub async fn standard() -> Self {
        Server::shared().await.site("default")
    }
    /// Site `other` of the shared server, in profile `standard`.
    pub async fn other() -> Self {
        Server::shared().await.site("other")
    }
    /// Site `seed` of the shared server, in profile `openemr`.
    pub async fn seed() -> Self {
        Server::shared().await.site("seed")
    }
    pub fn issuer(&self) -> String {
        format!("{}/oauth2/{}", self.server.origin(), self.name)
    }
    /// The URL of an endpoint, as `/token`.
    pub fn url(&self, path: &str) -> String {
        format!("{}{path}", self.issuer())
    }
    pub async fn get(&self, path: &str) -> Answer {
        Request::get(&self.url(path)).send().await
    }
    pub async fn post(&self, path: &str, pairs: &[(&str, &str)]) -> Answer {
        Request::form(&self.url(path), pairs).send().await
    }
    /// Registers a client with this body.
    pub async fn register(&self, body: &Value) -> Answer {
        Request::json(&self.url("/registration"), body).send().await
    }
    /// A confidential web app with these members besides.
    pub async fn app(&self, members: Value) -> App {
        let mut body = json!({
            "client_name": "Growth Chart",
            "redirect_uris": [App::REDIRECT_URI],
            "post_logout_redirect_uris": [App::LOGOUT_URI],
            "grant_types": ["authorization_code", "refresh_token"],
            "scope": "openid profile email offline_access",
        });
        for (name, value) in members.as_object().unwrap() {
            body[name] = value.clone();
        }
        body.as_object_mut().unwrap().retain(|_, value| !value.is_null());
        let answer = self.register(&body).await;
        assert_eq!(answer.status, 201, "{}", answer.text());
        App::registered(self, answer.json())
    }
    /// A confidential app that authenticates with `client_secret_basic`.
    pub async fn confidential(&self) -> App {
        self.app(json!({})).await
    }
    /// A public app.
    pub async fn public(&self) -> App {
        self.app(json!({"token_endpoint_auth_method": "none"})).await
    }
}
