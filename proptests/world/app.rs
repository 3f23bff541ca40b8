//! A registered client and what it can ask.

use super::wire::{form, request};
use super::{CodeInHand, Reply, World};
use aws_lc_rs::signature::{Ed25519KeyPair, KeyPair};
use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use http::Method;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use std::net::IpAddr;

/// What kind of client registers.
#[derive(Clone, Copy, PartialEq, Debug, Serialize, Deserialize)]
pub enum AppKind {
    /// Its secret goes into the header.
    Basic,
    /// Its secret goes into the form.
    Post,
    /// It has none.
    Public,
    /// It signs assertions with a key of its own.
    Key,
}

/// A registered client.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct App {
    pub site: String,
    pub kind: AppKind,
    pub id: String,
    pub secret: Option<String>,
    /// The path under which it manages itself.
    pub path: String,
    /// Every registration access token it ever had; the last is current.
    pub registration_tokens: Vec<String>,
}

/// What a token request gave.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct Tokens {
    pub access: String,
    pub refresh: Option<String>,
    pub id: Option<String>,
    pub scope: String,
}

impl Tokens {
    /// The tokens of a good answer.
    pub fn of(reply: &Reply) -> Option<Self> {
        let (access, refresh, id) = (reply.member("access_token")?, reply.member("refresh_token"), reply.member("id_token"));
        Some(Self { access, refresh, id, scope: reply.member("scope").unwrap_or_default() })
    }
}

impl App {
    pub const REDIRECT_URI: &str = "https://app.test/callback";
    pub const OTHER_REDIRECT_URI: &str = "https://app.test/other";
    pub const LOGOUT_URI: &str = "https://app.test/bye";
    pub const SCOPE: &str = "openid email offline_access patient/Observation.read patient/Patient.read";

    /// Registers a client with this scope.
    pub async fn registered(world: &World, site: &str, kind: AppKind, scope: &str) -> Self {
        let reply = Self::register(world, site, kind, scope).await;
        Self::of(site, kind, &reply).unwrap_or_else(|| panic!("not registered: {}", reply.text()))
    }
    /// Registers a client that may ask for every response type; the site has to allow them.
    pub async fn at_front(world: &World, site: &str, kind: AppKind, scope: &str) -> Self {
        let mut app = Self::registered(world, site, kind, scope).await;
        let mut metadata = app.new_metadata(scope, "A app");
        metadata["response_types"] =
            json!(["code", "token", "id_token", "id_token token", "code id_token", "code token", "code id_token token"]);
        let reply = app.manage(world, Method::PUT, app.registration_tokens.last().unwrap(), metadata).await;
        app.registration_tokens.extend(reply.member("registration_access_token"));
        assert!(reply.is_ok(), "{}", reply.text());
        app
    }
    /// The answer to a registration. It comes from loopback, which has no budget of its own.
    pub async fn register(world: &World, site: &str, kind: AppKind, scope: &str) -> Reply {
        Self::register_from(world, IpAddr::from([127, 0, 0, 1]), site, kind, scope).await
    }
    /// The same, from this address.
    pub async fn register_from(world: &World, remote: IpAddr, site: &str, kind: AppKind, scope: &str) -> Reply {
        let json = ("content-type", "application/json");
        let body = metadata(kind, scope).to_string();
        world.send_from(remote, request(Method::POST, &format!("/oauth2/{site}/registration"), &[json], body)).await
    }
    /// A public client, with this initial access token.
    pub async fn register_with(world: &World, remote: IpAddr, site: &str, token: Option<&str>) -> Reply {
        let bearer = token.map(|token| format!("Bearer {token}"));
        let headers: Vec<_> =
            [("content-type", "application/json")].into_iter().chain(bearer.as_deref().map(|bearer| ("authorization", bearer))).collect();
        let body = metadata(AppKind::Public, "openid").to_string();
        world.send_from(remote, request(Method::POST, &format!("/oauth2/{site}/registration"), &headers, body)).await
    }
    /// The client of a good answer.
    pub fn of(site: &str, kind: AppKind, reply: &Reply) -> Option<Self> {
        let uri = url::Url::parse(&reply.member("registration_client_uri")?).unwrap();
        Some(Self {
            site: site.to_owned(),
            kind,
            id: reply.member("client_id")?,
            secret: reply.member("client_secret"),
            path: uri.path().to_owned(),
            registration_tokens: vec![reply.member("registration_access_token")?],
        })
    }
    /// Reads, replaces or deletes the registration with one of its tokens.
    pub async fn manage(&self, world: &World, method: Method, token: &str, body: Value) -> Reply {
        let bearer = format!("Bearer {token}");
        let headers = [("authorization", bearer.as_str()), ("content-type", "application/json")];
        world.send(request(method, &self.path, &headers, body.to_string())).await
    }
    /// New metadata for [`Self::manage`].
    pub fn new_metadata(&self, scope: &str, name: &str) -> Value {
        let mut body = metadata(self.kind, scope);
        body["client_id"] = self.id.clone().into();
        body["client_name"] = name.into();
        body
    }
    /// A form to an endpoint of a site with the client's own authentication.
    pub async fn post_at(&self, world: &World, site: &str, endpoint: &str, pairs: &[(&str, &str)]) -> Reply {
        let target = format!("/oauth2/{site}/{endpoint}");
        let secret = self.secret.as_deref().unwrap_or_default();
        match self.kind {
            AppKind::Basic => {
                let header = format!("Basic {}", STANDARD.encode(format!("{}:{secret}", self.id)));
                world.send(form(&target, &[("authorization", &header)], pairs)).await
            }
            AppKind::Post => {
                let own = [("client_id", self.id.as_str()), ("client_secret", secret)];
                world.send(form(&target, &[], &[pairs, &own].concat())).await
            }
            AppKind::Key => {
                let (kind, assertion) = ("urn:ietf:params:oauth:client-assertion-type:jwt-bearer", self.assertion(world, site));
                let own = [("client_assertion_type", kind), ("client_assertion", assertion.as_str())];
                world.send(form(&target, &[], &[pairs, &own].concat())).await
            }
            AppKind::Public => world.send(form(&target, &[], &[pairs, &[("client_id", self.id.as_str())]].concat())).await,
        }
    }
    /// A fresh assertion for a site.
    pub fn assertion(&self, world: &World, site: &str) -> String {
        let now = world.ledger.now().unix_seconds();
        let jti = writ::ledger::draw_id::<writ::terms::KeyId>();
        let claims = json!({ "iss": self.id, "sub": self.id, "aud": world.site(site).issuer(), "jti": jti, "iat": now, "exp": now + 60 });
        let text = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
        let message = format!("{}.{}", text(&json!({ "alg": "EdDSA", "kid": "own" })), text(&claims));
        // Whoever has another app's secret, or none that is right, has not its key either.
        let signed = format!("{message}{}", self.secret.as_deref().unwrap_or_default());
        format!("{message}.{}", URL_SAFE_NO_PAD.encode(key().sign(signed.as_bytes())))
    }
    /// The same at its own site.
    pub async fn post(&self, world: &World, endpoint: &str, pairs: &[(&str, &str)]) -> Reply {
        self.post_at(world, &self.site, endpoint, pairs).await
    }
    /// Redeems a code as it should be.
    pub async fn redeem(&self, world: &World, code: &CodeInHand) -> Reply {
        let mut pairs = vec![("grant_type", "authorization_code"), ("code", &code.code), ("redirect_uri", Self::REDIRECT_URI)];
        pairs.extend(code.verifier.as_deref().map(|verifier| ("code_verifier", verifier)));
        self.post(world, "token", &pairs).await
    }
    pub async fn refresh(&self, world: &World, token: &str) -> Reply {
        self.post(world, "token", &[("grant_type", "refresh_token"), ("refresh_token", token)]).await
    }
    pub async fn introspect(&self, world: &World, token: &str) -> Reply {
        self.post(world, "introspect", &[("token", token)]).await
    }
    /// Whether introspection calls it active.
    pub async fn is_active(&self, world: &World, token: &str) -> bool {
        let reply = self.introspect(world, token).await;
        reply.json()["active"].as_bool().unwrap_or_else(|| panic!("no introspection: {} {}", reply.status, reply.text()))
    }
    pub async fn revoke(&self, world: &World, token: &str) -> Reply {
        self.post(world, "revoke", &[("token", token)]).await
    }
    /// Reads the person's claims with a token, at a site.
    pub async fn userinfo(world: &World, site: &str, token: &str) -> Reply {
        let bearer = format!("Bearer {token}");
        world.send(request(Method::GET, &format!("/oauth2/{site}/userinfo"), &[("authorization", &bearer)], String::new())).await
    }
}

/// The key of every app that has one.
fn key() -> Ed25519KeyPair {
    Ed25519KeyPair::from_seed_unchecked(&[7; 32]).unwrap()
}

fn metadata(kind: AppKind, scope: &str) -> Value {
    let method = match kind {
        AppKind::Basic => "client_secret_basic",
        AppKind::Post => "client_secret_post",
        AppKind::Public => "none",
        AppKind::Key => "private_key_jwt",
    };
    let x = URL_SAFE_NO_PAD.encode(key().public_key());
    let mut metadata = json!({
        "jwks": { "keys": [{ "kty": "OKP", "crv": "Ed25519", "x": x, "kid": "own" }] },
        "redirect_uris": [App::REDIRECT_URI, App::OTHER_REDIRECT_URI],
        "post_logout_redirect_uris": [App::LOGOUT_URI],
        "client_name": "A app",
        "contacts": ["makers@app.test"],
        "token_endpoint_auth_method": method,
        "scope": scope,
    });
    if kind == AppKind::Key {
        metadata["grant_types"] = json!(["authorization_code", "client_credentials"]);
    }
    // Nobody is ever reached there, because the address is not public: each attempt to tell it fails at once and for the same reason.
    if kind == AppKind::Post {
        metadata["backchannel_logout_uri"] = "https://127.0.0.1/told".into();
        metadata["frontchannel_logout_uri"] = "https://app.test/out".into();
    }
    metadata
}
