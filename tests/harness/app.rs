//! A registered client and what it does.

use super::{Answer, Authorization, Browser, Callback, PASSWORD, Request, Site, Stop, USERNAME, answer::query_of};
use serde_json::Value;

/// A registered client.
#[derive(Clone)]
pub struct App {
    pub site: Site,
    pub client_id: String,
    pub secret: Option<String>,
    pub method: String,
    pub scope: String,
    /// The whole answer of the registration.
    pub registration: Value,
}

/// What a token request gave.
#[derive(Clone, Debug)]
pub struct Tokens {
    pub access: String,
    pub refresh: String,
    pub id: String,
    /// The whole answer.
    pub body: Value,
}

impl Tokens {
    pub fn of(answer: &Answer) -> Self {
        let body = answer.assert_ok();
        answer.assert_not_stored();
        let member = |name: &str| body[name].as_str().unwrap_or_default().to_owned();
        Self { access: member("access_token"), refresh: member("refresh_token"), id: member("id_token"), body }
    }
}

impl App {
    pub const REDIRECT_URI: &str = "https://client.example.org/callback";
    pub const LOGOUT_URI: &str = "https://client.example.org/logout/callback";

    pub fn registered(site: &Site, registration: Value) -> Self {
        let member = |name: &str| registration[name].as_str().unwrap_or_default().to_owned();
        Self {
            site: site.clone(),
            client_id: member("client_id"),
            secret: registration["client_secret"].as_str().map(str::to_owned),
            method: member("token_endpoint_auth_method"),
            scope: member("scope"),
            registration,
        }
    }
    /// A right authorization request, to be sent or bent.
    pub fn authorization(&self) -> Authorization {
        Authorization::of(self)
    }
    /// Opens the request, signs in and consents if asked to, and comes back with the code.
    pub async fn code_of(&self, browser: &mut Browser, authorization: &Authorization) -> String {
        let mut stop = browser.open(&authorization.url()).await;
        if matches!(&stop, Stop::Shown(page) if page.is_sign_in()) {
            stop = browser.sign_in(&stop.page(), USERNAME, PASSWORD).await;
        }
        if matches!(&stop, Stop::Shown(page) if page.is_consent()) {
            stop = browser.press(&stop.page(), "primary", &[]).await;
        }
        let left = stop.left();
        authorization.answer_in(self, &left);
        query_of(&left, "code").unwrap_or_else(|| panic!("no code: {left}"))
    }
    /// Opens the request, signs in and consents if asked to, and comes back with whatever the answer is.
    pub async fn answered(&self, browser: &mut Browser, authorization: &Authorization) -> Callback {
        let mut stop = browser.open(&authorization.url()).await;
        if matches!(&stop, Stop::Shown(page) if page.is_sign_in()) {
            stop = browser.sign_in(&stop.page(), USERNAME, PASSWORD).await;
        }
        if matches!(&stop, Stop::Shown(page) if page.is_consent()) {
            stop = browser.press(&stop.page(), "primary", &[]).await;
        }
        let callback = Callback::of(stop, authorization.get("redirect_uri").unwrap_or(Self::REDIRECT_URI));
        assert_eq!(callback.get("iss"), Some(self.site.issuer().as_str()));
        assert_eq!(callback.get("state"), authorization.get("state"));
        callback
    }
    /// A fresh code and the verifier that belongs to it.
    pub async fn code(&self, browser: &mut Browser) -> (String, String) {
        let authorization = self.authorization();
        let code = self.code_of(browser, &authorization).await;
        (code, authorization.verifier.unwrap())
    }
    /// The whole way to tokens.
    pub async fn tokens(&self, browser: &mut Browser) -> Tokens {
        let (code, verifier) = self.code(browser).await;
        Tokens::of(&self.exchange(&code, &verifier).await)
    }
    /// A form to an endpoint with the client's authentication as it registered.
    pub async fn post(&self, path: &str, pairs: &[(&str, &str)]) -> Answer {
        self.request(path, pairs).send().await
    }
    /// The request of [`Self::post`].
    pub fn request(&self, path: &str, pairs: &[(&str, &str)]) -> Request {
        let url = self.site.url(path);
        let secret = self.secret.as_deref();
        match (self.method.as_str(), secret) {
            ("client_secret_basic", Some(secret)) => Request::form(&url, pairs).basic(&self.client_id, secret),
            (_, secret) => {
                let own = [("client_id", self.client_id.as_str())].into_iter().chain(secret.map(|secret| ("client_secret", secret)));
                Request::form(&url, &pairs.iter().copied().chain(own).collect::<Vec<_>>())
            }
        }
    }
    pub async fn exchange(&self, code: &str, verifier: &str) -> Answer {
        let pairs =
            [("grant_type", "authorization_code"), ("code", code), ("redirect_uri", Self::REDIRECT_URI), ("code_verifier", verifier)];
        self.post("/token", &pairs).await
    }
    pub async fn refresh(&self, token: &str) -> Answer {
        self.post("/token", &[("grant_type", "refresh_token"), ("refresh_token", token)]).await
    }
    pub async fn introspect(&self, token: &str) -> Answer {
        self.post("/introspect", &[("token", token)]).await
    }
    pub async fn revoke(&self, token: &str) -> Answer {
        self.post("/revoke", &[("token", token)]).await
    }
    pub async fn userinfo(&self, token: &str) -> Answer {
        Request::get(&self.site.url("/userinfo")).bearer(token).send().await
    }
    /// Whether introspection calls it active.
    pub async fn is_active(&self, token: &str) -> bool {
        self.introspect(token).await.assert_ok()["active"].as_bool().unwrap()
    }
    /// Neither token of the pair opens anything any more.
    #[track_caller]
    pub fn assert_dead<'a>(&'a self, tokens: &'a Tokens) -> impl Future<Output = ()> + 'a {
        let from = std::panic::Location::caller();
        async move {
            let (userinfo, refresh) = (self.userinfo(&tokens.access).await, self.refresh(&tokens.refresh).await);
            assert_eq!((userinfo.status, refresh.refusal()), (401, (400, "invalid_grant".to_owned())), "at {from}");
        }
    }
    /// The URL that signs out (OpenID Connect RP-Initiated Logout §2).
    pub fn logout_url(&self, pairs: &[(&str, &str)]) -> String {
        format!("{}?{}", self.site.url("/logout"), super::wire::form_encoded(pairs))
    }
}
