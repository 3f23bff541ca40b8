//! One app and its person: registered once, signed in once, then round after round.

use super::FlowError;
use super::figures::{Figures, Step};
use super::page::Form;
use super::target::Target;
use super::wire::{Answer, Cargo, Wire};
use serde_json::{Value, json};
use tokio::time::Instant;
use url::Url;
use writ::ledger::draw_secret;
use writ::terms::CodeVerifier;

/// A registered app, with its connection and the browser of its person.
pub struct Client {
    target: Target,
    wire: Wire,
    id: String,
    secret: String,
    username: String,
    password: String,
}

/// Nobody listens there: the code is taken from the redirect.
const REDIRECT_URI: &str = "https://flows.example.org/callback";
const SCOPE: &str = "openid profile offline_access";
/// Redirects and pages on the way to a code.
const HOPS_MAX: usize = 8;

struct Tokens {
    access: String,
    refresh: String,
}

impl Client {
    /// A new confidential app at the site.
    pub async fn register(target: &Target, username: &str, password: &str) -> Result<Self, FlowError> {
        let mut wire = Wire::new(target);
        let metadata = json!({
            "client_name": "Flows",
            "redirect_uris": [REDIRECT_URI],
            "grant_types": ["authorization_code", "refresh_token"],
            "token_endpoint_auth_method": "client_secret_post",
            "scope": SCOPE,
        });
        let path = target.path("/registration");
        let answer = wire.send(&path, &Cargo { json: Some(metadata.to_string()), ..Cargo::default() }).await?;
        let body = checked(&path, &answer, 201)?;
        let (id, secret) = (member(&body, "client_id"), member(&body, "client_secret"));
        let (username, password) = (username.to_owned(), password.to_owned());
        Ok(Self { target: target.clone(), wire, id, secret, username, password })
    }

    /// A code, its tokens, so many refreshes, and an introspection after each answer of the token endpoint.
    pub async fn round(&mut self, refreshes: u16, figures: &mut Figures) -> Result<(), FlowError> {
        let verifier = draw_secret::<32>();
        let begun = Instant::now();
        let code = self.code(verifier.expose()).await?;
        figures.took(Step::Authorize, begun.elapsed());
        let grant =
            [("grant_type", "authorization_code"), ("code", &code), ("redirect_uri", REDIRECT_URI), ("code_verifier", verifier.expose())];
        let mut tokens = self.tokens(Step::Redeem, &grant, figures).await?;
        self.introspect(&tokens.access, figures).await?;
        for _ in 0..refreshes {
            let grant = [("grant_type", "refresh_token"), ("refresh_token", tokens.refresh.as_str())];
            tokens = self.tokens(Step::Refresh, &grant, figures).await?;
            self.introspect(&tokens.access, figures).await?;
        }
        Ok(())
    }

    /// Through the pages to the code: signs in and allows where it is asked to.
    async fn code(&mut self, verifier: &str) -> Result<String, FlowError> {
        let challenge = CodeVerifier::parse(verifier).map(|verifier| verifier.challenge().to_string()).unwrap_or_default();
        let params = [
            ("response_type", "code"),
            ("client_id", self.id.as_str()),
            ("redirect_uri", REDIRECT_URI),
            ("scope", SCOPE),
            ("state", "flows"),
            ("code_challenge", &challenge),
            ("code_challenge_method", "S256"),
        ];
        let query = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(params).finish();
        let mut path = format!("{}?{query}", self.target.path("/authorize"));
        let mut answer = self.wire.send(&path, &Cargo { browser: true, ..Cargo::default() }).await?;
        for _ in 0..HOPS_MAX {
            if let Some(location) = answer.location() {
                if location.starts_with(REDIRECT_URI) {
                    return code_in(location).ok_or_else(|| unexpected(&path, &answer));
                }
                path = path_of(location, &self.target);
                answer = self.wire.send(&path, &Cargo { browser: true, ..Cargo::default() }).await?;
                continue;
            }
            let form = Form::of(&String::from_utf8_lossy(&answer.body)).ok_or_else(|| unexpected(&path, &answer))?;
            let pairs = filled(&form, &answer, &self.username, &self.password);
            path.clone_from(&form.action);
            answer = self.wire.send(&path, &Cargo { form: Some(&pairs), browser: true, ..Cargo::default() }).await?;
        }
        Err(unexpected(&path, &answer))
    }

    async fn tokens(&mut self, step: Step, grant: &[(&str, &str)], figures: &mut Figures) -> Result<Tokens, FlowError> {
        let body = self.post(step, "/token", grant, figures).await?;
        Ok(Tokens { access: member(&body, "access_token"), refresh: member(&body, "refresh_token") })
    }

    /// A token that was given out a moment ago is active, or something is wrong.
    async fn introspect(&mut self, token: &str, figures: &mut Figures) -> Result<(), FlowError> {
        let body = self.post(Step::Introspect, "/introspect", &[("token", token)], figures).await?;
        match body.get("active") {
            Some(Value::Bool(true)) => Ok(()),
            _ => Err(FlowError::Answer { at: self.target.path("/introspect"), status: 200, body: body.to_string() }),
        }
    }

    /// A form with the client's own credentials.
    async fn post(&mut self, step: Step, endpoint: &str, pairs: &[(&str, &str)], figures: &mut Figures) -> Result<Value, FlowError> {
        let path = self.target.path(endpoint);
        let own = [("client_id", self.id.as_str()), ("client_secret", &self.secret)];
        let pairs: Vec<(&str, &str)> = pairs.iter().copied().chain(own).collect();
        let begun = Instant::now();
        let answer = self.wire.send(&path, &Cargo { form: Some(&pairs), ..Cargo::default() }).await?;
        let body = checked(&path, &answer, 200)?;
        figures.took(step, begun.elapsed());
        Ok(body)
    }
}

/// What the person sends: the form as it stands, with name and password where they are asked for.
fn filled<'a>(form: &'a Form, page: &Answer, username: &'a str, password: &'a str) -> Vec<(&'a str, &'a str)> {
    let mut pairs: Vec<(&str, &str)> = form.pairs.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    if Form::asks_for(&String::from_utf8_lossy(&page.body), "password") {
        pairs.extend([("username", username), ("password", password)]);
    }
    pairs
}

fn checked(path: &str, answer: &Answer, status: u16) -> Result<Value, FlowError> {
    let body = serde_json::from_slice(&answer.body).ok().filter(|_| answer.status == status);
    body.ok_or_else(|| unexpected(path, answer))
}

/// Told without the query, which may hold a page's sealed state.
fn unexpected(path: &str, answer: &Answer) -> FlowError {
    let at = path.split('?').next().unwrap_or_default().to_owned();
    let body = String::from_utf8_lossy(&answer.body).chars().take(300).collect();
    FlowError::Answer { at, status: answer.status, body }
}

fn member(body: &Value, name: &str) -> String {
    body.get(name).and_then(Value::as_str).unwrap_or_default().to_owned()
}

fn code_in(location: &str) -> Option<String> {
    let url = Url::parse(location).ok()?;
    url.query_pairs().find(|(name, _)| name == "code").map(|(_, code)| code.into_owned())
}

/// Path and query of a redirect within the site's server.
fn path_of(location: &str, target: &Target) -> String {
    let base = Url::parse(&target.issuer).and_then(|issuer| issuer.join(location));
    base.map(|url| url.query().map_or_else(|| url.path().to_owned(), |query| format!("{}?{query}", url.path()))).unwrap_or_default()
}
