//! A registered client, and its requests to the token endpoint and around it.

use super::asking::{Asked, Gone, ask, event};
use super::{Credentials, Shared};
use crate::flows::target::Target;
use crate::flows::wire::{Answer, Cargo, Wire};
use crate::history::{Act, Expected, Kind, Object};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use http::Method;
use serde_json::{Value, json};

/// A client that registered itself.
#[derive(Clone)]
pub struct App {
    /// In the history.
    pub object: Object,
    /// Its id.
    pub id: String,
    secret: String,
    registration_token: String,
    /// Where its registration is.
    path: String,
    updates: u32,
}

/// An answer of the token endpoint.
#[derive(Clone)]
pub struct Tokens {
    /// The access token.
    pub access: String,
    /// The refresh token.
    pub refresh: String,
    /// The ID token, as a hint at the logout.
    pub id: String,
}

/// Nobody listens there: the code is taken from the redirect.
pub const REDIRECT_URI: &str = "https://crowd.example.org/callback";
/// Where a browser is sent after a logout.
pub const SIGNED_OUT_URI: &str = "https://crowd.example.org/signed-out";
/// What is asked for.
pub const SCOPE: &str = "openid profile offline_access";

impl App {
    /// Registers a new one; none if the answer was none of ours, which is told.
    pub async fn register(target: &Target, history: &Shared, wire: &mut Wire) -> Result<Option<Self>, Gone> {
        let object = history.lock().object(Kind::Client);
        let cargo = Cargo { json: Some(metadata(0).to_string()), ..Cargo::default() };
        let asked = ask(history, wire, &[(object, Act::Register)], &target.path("/registration"), &cargo).await?;
        let body = asked.answer.json();
        let id = member(&body, "client_id");
        if asked.answer.status != 201 || id.is_empty() {
            asked.complain(history, "a registration");
            return Ok(None);
        }
        asked.done(history, vec![event("client.registered", vec![("client", json!(id))])]);
        let path = url::Url::parse(&member(&body, "registration_client_uri")).map(|url| url.path().to_owned()).unwrap_or_default();
        let (secret, registration_token) = (member(&body, "client_secret"), member(&body, "registration_access_token"));
        Ok(Some(Self { object, id, secret, registration_token, path, updates: 0 }))
    }

    /// Replaces the registration (RFC 7592 §2.2).
    pub async fn update(&mut self, history: &Shared, wire: &mut Wire) -> Result<(), Gone> {
        self.updates += 1;
        let mut body = metadata(self.updates);
        if let Some(members) = body.as_object_mut() {
            members.insert("client_id".to_owned(), json!(self.id));
        }
        let cargo =
            Cargo { json: Some(body.to_string()), method: Some(Method::PUT), bearer: Some(&self.registration_token), ..Cargo::default() };
        let asked = ask(history, wire, &[(self.object, Act::Update(self.updates))], &self.path, &cargo).await?;
        match asked.answer.status {
            200 => {
                asked.done(history, vec![event("client.updated", vec![("client", json!(self.id))])]);
                let token = member(&asked.answer.json(), "registration_access_token");
                if !token.is_empty() {
                    self.registration_token = token;
                }
            }
            401 => asked.refused(history),
            _ => asked.complain(history, "an update"),
        }
        Ok(())
    }

    /// How often it was replaced.
    pub fn updates(&self) -> u32 {
        self.updates
    }

    /// Deletes the registration, and with it the client's grants (RFC 7592 §2.3).
    pub async fn delete(&self, history: &Shared, wire: &mut Wire, grants: &[Object]) -> Result<(), Gone> {
        let acts: Vec<(Object, Act)> =
            [(self.object, Act::Delete)].into_iter().chain(grants.iter().map(|grant| (*grant, Act::End))).collect();
        let cargo = Cargo { method: Some(Method::DELETE), bearer: Some(&self.registration_token), ..Cargo::default() };
        let asked = ask(history, wire, &acts, &self.path, &cargo).await?;
        match asked.answer.status {
            204 => asked.done(history, vec![event("client.deleted", vec![("client", json!(self.id))])]),
            _ => asked.complain(history, "a deletion"),
        }
        Ok(())
    }

    /// Whether the registration is there. Tells which version is in force.
    pub async fn is_there(&mut self, history: &Shared, wire: &mut Wire) -> Result<bool, Gone> {
        let cargo = Cargo { bearer: Some(&self.registration_token), ..Cargo::default() };
        let asked = ask(history, wire, &[(self.object, Act::ReadClient)], &self.path, &cargo).await?;
        match (asked.answer.status, version_in(&asked.answer)) {
            (200, Some(version)) => asked.saw(history, version),
            (401, _) => asked.refused(history),
            _ => asked.complain(history, "reading a registration"),
        }
        Ok(asked.answer.status == 200)
    }

    /// A form with the client's own credentials.
    pub async fn post(
        &self,
        target: &Target,
        history: &Shared,
        wire: &mut Wire,
        act: (Object, Act),
        endpoint: &str,
        pairs: &[(&str, &str)],
    ) -> Result<Asked, Gone> {
        let own = [("client_id", self.id.as_str()), ("client_secret", &self.secret)];
        let pairs: Vec<(&str, &str)> = pairs.iter().copied().chain(own).collect();
        ask(history, wire, &[act], &target.path(endpoint), &Cargo { form: Some(&pairs), ..Cargo::default() }).await
    }
}

impl Tokens {
    /// Those of an answer.
    pub fn of(answer: &Answer) -> Self {
        let body = answer.json();
        Self { access: member(&body, "access_token"), refresh: member(&body, "refresh_token"), id: member(&body, "id_token") }
    }
    /// The event that must hold the access token's id.
    pub fn as_event(&self, name: &'static str, app: &App) -> Expected {
        let claims: Value = self
            .access
            .split('.')
            .nth(1)
            .and_then(|part| URL_SAFE_NO_PAD.decode(part).ok())
            .map_or(Value::Null, |bytes| serde_json::from_slice(&bytes).unwrap_or_default());
        event(name, vec![("token", claims.get("jti").cloned().unwrap_or_default()), ("client", json!(app.id))])
    }
}

/// The name tells the version.
fn metadata(version: u32) -> Value {
    json!({
        "client_name": format!("{} {version}", Credentials::USERNAME),
        "redirect_uris": [REDIRECT_URI],
        "post_logout_redirect_uris": [SIGNED_OUT_URI],
        "grant_types": ["authorization_code", "refresh_token"],
        "token_endpoint_auth_method": "client_secret_post",
        "scope": SCOPE,
    })
}

fn version_in(answer: &Answer) -> Option<u32> {
    member(&answer.json(), "client_name").rsplit(' ').next()?.parse().ok()
}

fn member(body: &Value, name: &str) -> String {
    body.get(name).and_then(Value::as_str).unwrap_or_default().to_owned()
}
