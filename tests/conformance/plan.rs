//! One certification plan: a response type, a response mode, and clients that use them.

use super::{checks, client};
use crate::harness::{App, Authorization, Browser, Callback, PASSWORD, Page, Request, Server, Site, Stop, Way};
use aws_lc_rs::digest::{SHA256, digest};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use serde_json::{Value, json};
use std::sync::{Arc, Mutex};
use tokio::sync::OnceCell;

/// A person of whom everything is known that a scope can show: the suite misses what is not told.
pub const PERSON: &str = "certified";
/// What is known, beside the name they sign in with.
pub fn known() -> Value {
    json!({
        "name": "Maria Elena Certified", "given_name": "Maria", "family_name": "Certified", "middle_name": "Elena", "nickname": "Mel",
        "preferred_username": "mel", "profile": "https://people.example.org/mel", "picture": "https://people.example.org/mel.png",
        "website": "https://mel.example.org/", "gender": "female", "birthdate": "1985-02-28", "zoneinfo": "Europe/Lisbon",
        "locale": "pt-PT", "updated_at": 1_700_000_000, "email": "mel@example.org", "email_verified": true,
        "phone_number": "+351 210 000 000", "phone_number_verified": true,
        "address": { "street_address": "Rua Augusta 7", "locality": "Lisboa", "postal_code": "1100-048", "country": "PT" },
    })
}

/// A plan of the conformance suite.
#[derive(Clone)]
pub struct Plan {
    pub name: &'static str,
    /// As OpenID Connect Core §3 spells it.
    pub response_type: &'static str,
    pub form_post: bool,
    /// How its clients authenticate.
    pub method: &'static str,
    pub site: Site,
    registered: Arc<Mutex<Vec<App>>>,
}

/// What a client has in the end.
pub struct Outcome {
    pub callback: Callback,
    /// The claims of the last ID token.
    pub id_token: Value,
    pub raw_id_token: String,
    pub access_token: Option<String>,
    /// The answer of the token endpoint.
    pub tokens: Option<Value>,
}

/// The server that all plans share: profile `standard` with certification's optional flows switched on.
pub async fn server() -> Arc<Server> {
    static SHARED: OnceCell<Arc<Server>> = OnceCell::const_new();
    let with_flags = async || {
        let server = Server::alone().await.to_the_end();
        let flags = [
            "authorize.implicit=true",
            "authorize.hybrid=true",
            "authorize.request_objects=true",
            "session_management=true",
            "redirect.warn_unverified=false",
            "dcr.default_scope=openid profile email address phone offline_access",
        ];
        server.writ(&[&["site", "set", "default"], &flags[..]].concat(), "");
        let claims: Vec<String> = known().as_object().unwrap().iter().map(|(name, value)| format!("{name}={value}")).collect();
        let claims = claims.iter().flat_map(|claim| ["--claim", claim.as_str()]);
        let add = ["user", "add", "--username", PERSON, "--password-stdin"].into_iter().chain(claims).collect::<Vec<_>>();
        server.writ(&add, PASSWORD);
        server
    };
    SHARED.get_or_init(with_flags).await.clone()
}

impl Plan {
    pub async fn new(name: &'static str, response_type: &'static str, form_post: bool, method: &'static str) -> Self {
        Self { name, response_type, form_post, method, site: server().await.site("default"), registered: Arc::default() }
    }
    pub fn has(&self, word: &str) -> bool {
        self.response_type.split(' ').any(|own| own == word)
    }
    /// Whether the browser carries an ID token.
    pub fn is_id_token_in_front(&self) -> bool {
        self.has("id_token")
    }
    /// Whether there is an access token in the end.
    pub fn has_access_token(&self) -> bool {
        self.response_type != "id_token"
    }
    /// A client registered for this plan.
    pub async fn client(&self, members: Value) -> App {
        let app = client::register(&self.site, self.method, self.response_type, &members).await;
        self.registered.lock().unwrap().push(app.clone());
        app
    }
    /// The module is over: its clients take themselves out.
    pub async fn is_over(&self) {
        let registered = std::mem::take(&mut *self.registered.lock().unwrap());
        for app in registered {
            client::unregister(&app).await;
        }
    }
    /// A right request of this plan, as bare as the suite's: without PKCE, for `openid` alone.
    pub fn request(&self, app: &App) -> Authorization {
        let request = app.authorization().without_pkce().with("response_type", self.response_type).with("scope", "openid");
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
            stop = browser.sign_in(&stop.page(), PERSON, PASSWORD).await;
        }
        if matches!(&stop, Stop::Shown(page) if page.is_consent()) {
            stop = browser.press(&stop.page(), "primary", &[]).await;
        }
        let callback = self.read(request, stop);
        assert_eq!(callback.must("iss"), app.site.issuer(), "{}", self.name);
        assert_eq!(callback.get("state"), request.get("state"), "{}", self.name);
        callback
    }
    /// The parameters, from where this plan has them and nowhere else.
    #[track_caller]
    pub fn read(&self, request: &Authorization, stop: Stop) -> Callback {
        if let (true, Stop::Shown(page)) = (self.form_post, &stop) {
            assert_is_form_post(page);
        }
        let callback = Callback::of(stop, request.get("redirect_uri").unwrap_or(App::REDIRECT_URI));
        let way = match (self.form_post, request.get("response_type")) {
            (true, _) => Way::FormPost,
            // Without a response type nobody has asked for a fragment.
            (false, Some("code") | None) => Way::Query,
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
        assert!(code.as_deref().is_none_or(checks::is_unguessable), "{callback:?}");
        assert_eq!(callback.get("access_token").is_some(), self.has("token"), "{}", self.name);
        assert_eq!(callback.get("id_token").is_some(), self.is_id_token_in_front(), "{}", self.name);
        assert_eq!(callback.get("refresh_token"), None);
        let mut access_token = callback.get("access_token").map(str::to_owned);
        if let Some(token) = &access_token {
            assert!(callback.must("token_type").eq_ignore_ascii_case("bearer") && callback.must("expires_in").parse::<u64>().unwrap() > 0);
            assert_eq!(client::userinfo(app, token).await.status, 200, "{}: from the front", self.name);
        }
        let mut raw_id_token = callback.get("id_token").map(str::to_owned).unwrap_or_default();
        let mut subject = None;
        if self.is_id_token_in_front() {
            let claims = self.checked(app, request, &raw_id_token, access_token.as_deref(), code.as_deref(), true).await;
            subject = Some(claims["sub"].clone());
        }
        let mut tokens = None;
        if let Some(code) = &code {
            let exchanged = checks::token_answer(&self.redeem(app, request, code).await);
            access_token = exchanged["access_token"].as_str().map(str::to_owned);
            exchanged["id_token"].as_str().unwrap().clone_into(&mut raw_id_token);
            assert_eq!(client::userinfo(app, access_token.as_ref().unwrap()).await.status, 200, "{}: from the token endpoint", self.name);
            tokens = Some(exchanged);
        }
        let id_token = self.checked(app, request, &raw_id_token, access_token.as_deref(), code.as_deref(), false).await;
        assert!(subject.is_none_or(|subject| subject == id_token["sub"]), "{}: one person in both ID tokens", self.name);
        Outcome { callback, id_token, raw_id_token, access_token, tokens }
    }
    /// Redeems the code of a request.
    pub async fn redeem(&self, app: &App, request: &Authorization, code: &str) -> crate::harness::Answer {
        let uri = request.get("redirect_uri").unwrap();
        let pairs = [("grant_type", "authorization_code"), ("code", code), ("redirect_uri", uri)];
        let verifier = request.verifier.iter().map(|verifier| ("code_verifier", verifier.as_str()));
        client::token(app, &pairs.into_iter().chain(verifier).collect::<Vec<_>>()).await
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
        let claims = checks::id_token(app, request, token).await;
        let half = |text: &str| URL_SAFE_NO_PAD.encode(&digest(&SHA256, text.as_bytes()).as_ref()[..16]);
        for (name, of, owed) in [("at_hash", access_token, in_front && self.has("token")), ("c_hash", code, in_front && self.has("code"))] {
            let found = claims[name].as_str();
            assert!(found.is_some() || !owed, "{}: no {name}", self.name);
            assert!(found.is_none() || found.map(str::to_owned) == of.map(half), "{}: {name}", self.name);
        }
        let personal = checks::about_the_person(&claims);
        assert!(personal.is_empty() || !self.has_access_token(), "{}: {personal:?} belongs to userinfo", self.name);
        claims
    }
    /// What userinfo says to this token: every claim of its kind, and nothing of the token.
    pub async fn userinfo(&self, app: &App, token: &str) -> Value {
        let claims = client::userinfo(app, token).await.assert_ok();
        checks::assert_forms(&claims);
        claims
    }
    /// Asks without a page: the request and what came back.
    pub async fn silently(
        &self,
        app: &App,
        browser: &mut Browser,
        bend: impl Fn(Authorization) -> Authorization,
    ) -> (Authorization, Callback) {
        let request = bend(self.request(app).with("prompt", "none"));
        let stop = browser.open(&request.url()).await;
        let callback = self.read(&request, stop);
        (request, callback)
    }
    /// Opens a request as it is and gives the page.
    pub async fn page(&self, browser: &mut Browser, request: &Authorization) -> Page {
        browser.open(&request.url()).await.page()
    }
    /// A request that must end at a page which says what is wrong with its address, and sends nobody there.
    pub async fn is_stopped(&self, request: &Authorization) {
        let page = self.page(&mut Browser::new(), request).await;
        assert_eq!((page.status(), page.answer.location()), (400, None), "{}", request.url());
        assert!(page.text().contains("redirect_uri") && page.action.is_none(), "{}", page.text());
        assert!(!page.text().contains("http-equiv"), "{}", page.text());
    }
    /// The request as a form (OpenID Connect Core §3.1.2.1).
    pub fn posted(request: &Authorization) -> Request {
        Request::form(request.endpoint(), &request.params).header("accept", "text/html")
    }
}

/// The page posts its form, urlencoded, to an address without a query of ours (OAuth 2.0 Form Post Response Mode §2).
#[track_caller]
fn assert_is_form_post(page: &Page) {
    let text = page.text();
    assert!(page.status() == 200 && text.contains("<form method=\"post\"") && !text.contains("enctype"), "{text}");
    assert!(page.action.as_ref().is_some_and(|action| action.query().is_none()), "{text}");
    page.answer.assert_not_stored();
}
