//! One certification plan: a response type, a response mode, and clients that use them.

use crate::harness::{App, Authorization, Browser, Callback, PASSWORD, Request, Server, Site, Stop, Tokens, USERNAME, Way, jwt_part};
use aws_lc_rs::digest::{SHA256, digest};
use aws_lc_rs::signature::{RSA_PKCS1_2048_8192_SHA256, RsaPublicKeyComponents};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use serde_json::{Value, json};
use std::sync::Arc;
use tokio::sync::OnceCell;

/// A plan of the conformance suite.
#[derive(Clone)]
pub struct Plan {
    pub name: &'static str,
    /// As OpenID Connect Core §3 spells it.
    pub response_type: &'static str,
    pub form_post: bool,
    pub site: Site,
}

/// What a client has in the end.
pub struct Outcome {
    pub callback: Callback,
    /// The claims of the last ID token.
    pub id_token: Value,
    pub raw_id_token: String,
    pub access_token: Option<String>,
    pub tokens: Option<Tokens>,
}

/// The server that all plans share: profile `standard` with certification's optional flows switched on.
pub async fn server() -> Arc<Server> {
    static SHARED: OnceCell<Arc<Server>> = OnceCell::const_new();
    let with_flags = async || {
        let server = Server::alone().await.to_the_end();
        let flags = ["authorize.implicit=true", "authorize.hybrid=true", "authorize.request_objects=true", "session_management=true"];
        server.writ(&[&["site", "set", "default", "redirect.warn_unverified=false"], &flags[..]].concat(), "");
        server
    };
    SHARED.get_or_init(with_flags).await.clone()
}

impl Plan {
    pub fn has(&self, word: &str) -> bool {
        self.response_type.split(' ').any(|own| own == word)
    }
    /// Whether the browser carries an ID token.
    pub fn is_id_token_in_front(&self) -> bool {
        self.has("id_token")
    }
    pub fn scope(&self) -> &'static str {
        "openid profile email phone address"
    }
    /// A client registered for this plan.
    pub async fn client(&self, members: Value) -> App {
        let mut grants = vec![];
        if self.has("code") {
            grants.extend(["authorization_code", "refresh_token"]);
        }
        if self.response_type != "code" {
            grants.push("implicit");
        }
        let mut body = json!({ "response_types": [self.response_type], "grant_types": grants, "scope": self.scope() });
        body.as_object_mut().unwrap().extend(members.as_object().unwrap().clone());
        self.site.app(body).await
    }
    /// A right request of this plan.
    pub fn request(&self, app: &App) -> Authorization {
        let request = app.authorization().with("response_type", self.response_type).with("scope", self.scope());
        let request = if self.has("code") { request } else { request.without_pkce() };
        if self.form_post { request.with("response_mode", "form_post") } else { request }
    }
    /// Sends the browser off; it signs in and consents where it is asked.
    pub async fn callback(&self, app: &App, browser: &mut Browser, request: &Authorization) -> Callback {
        let stop = browser.open(&request.url()).await;
        self.answered(app, browser, request, stop).await
    }
    /// The same from where it has stopped.
    pub async fn answered(&self, app: &App, browser: &mut Browser, request: &Authorization, mut stop: Stop) -> Callback {
        if matches!(&stop, Stop::Shown(page) if page.is_sign_in()) {
            stop = browser.sign_in(&stop.page(), USERNAME, PASSWORD).await;
        }
        if matches!(&stop, Stop::Shown(page) if page.is_consent()) {
            stop = browser.press(&stop.page(), "primary", &[]).await;
        }
        let callback = self.read(stop);
        assert_eq!(callback.must("iss"), app.site.issuer(), "{}", self.name);
        assert_eq!(callback.get("state"), request.get("state"), "{}", self.name);
        callback
    }
    /// The parameters, from where this plan has them and nowhere else.
    #[track_caller]
    pub fn read(&self, stop: Stop) -> Callback {
        let callback = Callback::of(stop, App::REDIRECT_URI);
        let way = match (self.form_post, self.response_type) {
            (true, _) => Way::FormPost,
            (false, "code") => Way::Query,
            (false, _) => Way::Fragment,
        };
        assert_eq!(callback.way, way, "{}: {callback:?}", self.name);
        callback
    }
    /// The whole flow with everything a certified client checks.
    pub async fn outcome(&self, app: &App, browser: &mut Browser, request: &Authorization) -> Outcome {
        let callback = self.callback(app, browser, request).await;
        self.finish(app, request, callback).await
    }
    pub async fn finish(&self, app: &App, request: &Authorization, callback: Callback) -> Outcome {
        assert_eq!(callback.get("error"), None, "{}: {callback:?}", self.name);
        let code = callback.get("code").map(str::to_owned);
        assert_eq!(code.is_some(), self.has("code"), "{}", self.name);
        assert_eq!(callback.get("access_token").is_some(), self.has("token"), "{}", self.name);
        assert_eq!(callback.get("id_token").is_some(), self.is_id_token_in_front(), "{}", self.name);
        assert_eq!(callback.get("refresh_token"), None);
        let mut access_token = callback.get("access_token").map(str::to_owned);
        let mut raw_id_token = callback.get("id_token").map(str::to_owned).unwrap_or_default();
        let mut subject = None;
        if self.is_id_token_in_front() {
            let claims = self.checked(app, request, &raw_id_token, access_token.as_deref(), code.as_deref(), true).await;
            subject = Some(claims["sub"].clone());
        }
        let mut tokens = None;
        if let Some(code) = &code {
            let exchanged = Tokens::of(&app.exchange(code, request.verifier.as_deref().unwrap_or_default()).await);
            assert_eq!(exchanged.body["token_type"], "Bearer");
            assert!(exchanged.body["expires_in"].is_u64());
            access_token = Some(exchanged.access.clone());
            raw_id_token = exchanged.id.clone();
            tokens = Some(exchanged);
        }
        let id_token = self.checked(app, request, &raw_id_token, access_token.as_deref(), None, false).await;
        assert!(subject.is_none_or(|subject| subject == id_token["sub"]), "{}: one person in both ID tokens", self.name);
        Outcome { callback, id_token, raw_id_token, access_token, tokens }
    }
    /// The claims of an ID token, verified as OpenID Connect Core §3.1.3.7, §3.2.2.11 and §3.3.2.12 say.
    pub async fn checked(
        &self,
        app: &App,
        request: &Authorization,
        token: &str,
        access_token: Option<&str>,
        code: Option<&str>,
        in_front: bool,
    ) -> Value {
        let (header, claims) = (jwt_part(token, 0), jwt_part(token, 1));
        self.assert_signed(app, &header, token).await;
        assert_eq!(claims["iss"], app.site.issuer());
        assert_eq!(claims["aud"], app.client_id.as_str());
        assert!(claims["exp"].as_i64() > claims["iat"].as_i64());
        assert!((1..=255).contains(&claims["sub"].as_str().unwrap().len()));
        assert_eq!(claims["nonce"].as_str(), request.get("nonce"), "{}", self.name);
        let half = |text: &str| URL_SAFE_NO_PAD.encode(&digest(&SHA256, text.as_bytes()).as_ref()[..16]);
        for (name, of, owed) in [("at_hash", access_token, in_front && self.has("token")), ("c_hash", code, in_front && self.has("code"))] {
            let found = claims[name].as_str();
            assert!(found.is_some() || !owed, "{}: no {name}", self.name);
            assert!(found.is_none() || of.is_none() || found.map(str::to_owned) == of.map(half), "{}: {name}", self.name);
        }
        if self.response_type != "id_token" {
            for name in ["name", "email", "phone_number", "address"] {
                assert_eq!(claims.get(name), None, "{}: {name} belongs to userinfo", self.name);
            }
        }
        claims
    }
    async fn assert_signed(&self, app: &App, header: &Value, token: &str) {
        assert_eq!(header["alg"], "RS256");
        let keys = app.site.get("/jwk").await.assert_ok();
        let keys = keys["keys"].as_array().unwrap();
        let named: Vec<&Value> = keys.iter().filter(|key| key["kid"] == header["kid"]).collect();
        assert_eq!(named.len(), 1, "a kid names one key");
        let number = |name: &str| URL_SAFE_NO_PAD.decode(named[0][name].as_str().unwrap()).unwrap();
        let key = RsaPublicKeyComponents { n: number("n"), e: number("e") };
        let (message, signature) = token.rsplit_once('.').unwrap();
        key.verify(&RSA_PKCS1_2048_8192_SHA256, message.as_bytes(), &URL_SAFE_NO_PAD.decode(signature).unwrap()).unwrap();
    }
    /// What userinfo says to this token.
    pub async fn userinfo(&self, app: &App, token: &str) -> Value {
        app.userinfo(token).await.assert_ok()
    }
    /// Asks without a page: the error, if there is one.
    pub async fn silently(
        &self,
        app: &App,
        browser: &mut Browser,
        bend: impl Fn(Authorization) -> Authorization,
    ) -> (Authorization, Callback) {
        let request = bend(self.request(app).with("prompt", "none"));
        let stop = browser.open(&request.url()).await;
        let callback = self.read(stop);
        (request, callback)
    }
    /// Opens a request as it is and gives the page.
    pub async fn page(&self, browser: &mut Browser, request: &Authorization) -> crate::harness::Page {
        browser.open(&request.url()).await.page()
    }
    /// The request as a form (OpenID Connect Core §3.1.2.1).
    pub fn posted(request: &Authorization) -> Request {
        Request::form(request.endpoint(), &request.params).header("accept", "text/html")
    }
}
