//! An authorization request that a test can bend.

use super::{App, Pkce, wire::form_encoded};
use url::Url;

/// The parameters of one authorization request, complete and right until a test changes them.
#[derive(Clone)]
pub struct Authorization {
    endpoint: String,
    pub params: Vec<(String, String)>,
    /// What the token request will need.
    pub verifier: Option<String>,
}

impl Authorization {
    pub fn of(app: &App) -> Self {
        let pkce = Pkce::new();
        let params = [
            ("response_type", "code"),
            ("client_id", &app.client_id),
            ("redirect_uri", App::REDIRECT_URI),
            ("scope", &app.scope),
            ("state", "s/t+a=t&e ✓"),
            ("nonce", "n-0S6_WzA2Mj"),
            ("code_challenge", &pkce.challenge),
            ("code_challenge_method", "S256"),
        ];
        let params = params.map(|(name, value)| (name.to_owned(), value.to_owned())).to_vec();
        Self { endpoint: app.site.url("/authorize"), params, verifier: Some(pkce.verifier) }
    }
    /// With this value instead.
    pub fn with(mut self, name: &str, value: &str) -> Self {
        self.params.retain(|(own, _)| own != name);
        self.also(name, value)
    }
    /// With this parameter once more.
    pub fn also(mut self, name: &str, value: &str) -> Self {
        self.params.push((name.to_owned(), value.to_owned()));
        self
    }
    pub fn without(mut self, name: &str) -> Self {
        self.params.retain(|(own, _)| own != name);
        self
    }
    pub fn without_pkce(mut self) -> Self {
        self.verifier = None;
        self.without("code_challenge").without("code_challenge_method")
    }
    pub fn get(&self, name: &str) -> Option<&str> {
        self.params.iter().find(|(own, _)| own == name).map(|(_, value)| value.as_str())
    }
    pub fn url(&self) -> String {
        format!("{}?{}", self.endpoint, form_encoded(&self.params))
    }
    pub fn endpoint(&self) -> &str {
        &self.endpoint
    }
    /// The parameters that came back to the app, checked for what every answer carries (RFC 9207 §2, RFC 6749 §4.1.2).
    #[track_caller]
    pub fn answer_in(&self, app: &App, left: &Url) -> Vec<(String, String)> {
        let (base, _) = left.as_str().split_once('?').unwrap_or_else(|| panic!("no query: {left}"));
        assert_eq!(Some(base), self.get("redirect_uri").or(Some(App::REDIRECT_URI)).map(|uri| uri.split('?').next().unwrap()));
        assert_eq!(left.fragment(), None, "{left}");
        let found = |name: &str| super::answer::query_of(left, name);
        assert_eq!(found("iss"), Some(app.site.issuer()), "{left}");
        assert_eq!(found("state").as_deref(), self.get("state").filter(|state| !state.is_empty()), "{left}");
        left.query_pairs().map(|(name, value)| (name.into_owned(), value.into_owned())).collect()
    }
}
