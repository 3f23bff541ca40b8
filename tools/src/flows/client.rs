//! One app and its person: registered once, signed in once, then round after round.

use super::FlowError;
use super::figures::{Figures, Step};
use super::page::Form;
use super::target::Target;
use super::wire::{Answer, Cargo, Wire};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
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
    /// `client_secret_basic` (RFC 6749 §2.3.1).
    authorization: String,
    person: Person,
}

/// Who signs in.
#[derive(Clone, Debug)]
pub struct Person {
    /// The name typed into the page.
    pub username: String,
    /// The password typed into the page.
    pub password: String,
}

/// Nobody listens there: the code is taken from the redirect.
const REDIRECT_URI: &str = "https://flows.example.org/callback";
const SCOPE: &str = "openid profile offline_access";
/// Redirects and pages on the way to a code.
const HOPS_MAX: usize = 8;

/// What a token request gave.
pub struct Tokens {
    /// The access token.
    pub access: String,
    /// The refresh token.
    pub refresh: String,
    /// The ID token.
    pub id: String,
}

impl Tokens {
    /// Those of an answer of the token endpoint.
    pub fn of(body: &Value) -> Self {
        let of = |name| member(body, name);
        Self { access: of("access_token"), refresh: of("refresh_token"), id: of("id_token") }
    }
}

impl Client {
    /// A new confidential app at the site. `id_token_alg` is what signs its ID tokens, as `RS256`.
    pub async fn register(target: &Target, person: Person, id_token_alg: &str) -> Result<Self, FlowError> {
        let mut wire = Wire::new(target);
        let path = target.path("/registration");
        let answer = wire.send(&path, &Cargo { json: Some(metadata(id_token_alg).to_string()), ..Cargo::default() }).await?;
        let body = checked(&path, &answer, 201)?;
        let (id, secret) = (member(&body, "client_id"), member(&body, "client_secret"));
        Ok(Self { target: target.clone(), wire, authorization: basic(&id, &secret), id, person })
    }

    /// An app that nobody has registered, for a server that looks at no credentials. They are as long as real ones.
    pub fn unregistered(target: &Target) -> Self {
        let (id, secret) = ("i".repeat(43), "s".repeat(86));
        let person = Person { username: String::new(), password: String::new() };
        Self { target: target.clone(), wire: Wire::new(target), authorization: basic(&id, &secret), id, person }
    }

    /// Its connection.
    pub fn wire(&mut self) -> &mut Wire {
        &mut self.wire
    }

    /// A code, its tokens, so many refreshes, and an introspection after each answer of the token endpoint.
    pub async fn round(&mut self, refreshes: u16, figures: &mut Figures) -> Result<(), FlowError> {
        let verifier = draw_secret::<32>();
        let begun = Instant::now();
        let code = self.code(verifier.expose()).await?;
        figures.took(Step::Authorize, begun.elapsed());
        let grant = redemption(&code, verifier.expose());
        let mut tokens = self.timed_tokens(Step::Redeem, &grant, figures).await?;
        self.timed_introspection(&tokens.access, figures).await?;
        for _ in 0..refreshes {
            tokens = self.timed_tokens(Step::Refresh, &rotation(&tokens.refresh), figures).await?;
            self.timed_introspection(&tokens.access, figures).await?;
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
            let pairs = filled(&form, &answer, &self.person);
            path.clone_from(&form.action);
            answer = self.wire.send(&path, &Cargo { form: Some(&pairs), browser: true, ..Cargo::default() }).await?;
        }
        Err(unexpected(&path, &answer))
    }

    /// Through authorization and redemption to tokens. Of a person who is signed in and has allowed the app, nothing is asked.
    pub async fn sign_in(&mut self) -> Result<Tokens, FlowError> {
        let verifier = draw_secret::<32>();
        let code = self.code(verifier.expose()).await?;
        Ok(Tokens::of(&self.post("/token", &redemption(&code, verifier.expose())).await?))
    }

    /// A refresh token for the next.
    pub async fn refresh(&mut self, refresh_token: &str) -> Result<Tokens, FlowError> {
        Ok(Tokens::of(&self.post("/token", &rotation(refresh_token)).await?))
    }

    /// A token that was given out a moment ago is active, or something is wrong.
    pub async fn introspect(&mut self, token: &str) -> Result<(), FlowError> {
        let body = self.post("/introspect", &[("token", token)]).await?;
        match body.get("active") {
            Some(Value::Bool(true)) => Ok(()),
            _ => Err(FlowError::Answer { at: self.target.path("/introspect"), status: 200, body: body.to_string() }),
        }
    }

    /// Who the access token's person is: the answer names somebody, or something is wrong.
    pub async fn userinfo(&mut self, token: &str) -> Result<(), FlowError> {
        let path = self.target.path("/userinfo");
        let answer = self.wire.send(&path, &Cargo { bearer: Some(token), ..Cargo::default() }).await?;
        let body = checked(&path, &answer, 200)?;
        match member(&body, "sub").is_empty() {
            false => Ok(()),
            true => Err(unexpected(&path, &answer)),
        }
    }

    async fn timed_tokens(&mut self, step: Step, grant: &[(&str, &str)], figures: &mut Figures) -> Result<Tokens, FlowError> {
        let begun = Instant::now();
        let tokens = Tokens::of(&self.post("/token", grant).await?);
        figures.took(step, begun.elapsed());
        Ok(tokens)
    }

    async fn timed_introspection(&mut self, token: &str, figures: &mut Figures) -> Result<(), FlowError> {
        let begun = Instant::now();
        self.introspect(token).await?;
        figures.took(Step::Introspect, begun.elapsed());
        Ok(())
    }

    /// A form with the client's own credentials.
    async fn post(&mut self, endpoint: &str, pairs: &[(&str, &str)]) -> Result<Value, FlowError> {
        let path = self.target.path(endpoint);
        let cargo = Cargo { form: Some(pairs), authorization: Some(&self.authorization), ..Cargo::default() };
        let answer = self.wire.send(&path, &cargo).await?;
        checked(&path, &answer, 200)
    }
}

/// What is registered of an app.
pub fn metadata(id_token_alg: &str) -> Value {
    json!({
        "client_name": "Flows",
        "redirect_uris": [REDIRECT_URI],
        "grant_types": ["authorization_code", "refresh_token"],
        "token_endpoint_auth_method": "client_secret_basic",
        "id_token_signed_response_alg": id_token_alg,
        "scope": SCOPE,
    })
}

fn redemption<'a>(code: &'a str, verifier: &'a str) -> [(&'static str, &'a str); 4] {
    [("grant_type", "authorization_code"), ("code", code), ("redirect_uri", REDIRECT_URI), ("code_verifier", verifier)]
}

fn rotation(refresh_token: &str) -> [(&'static str, &str); 2] {
    [("grant_type", "refresh_token"), ("refresh_token", refresh_token)]
}

/// Ids and secrets of ours need no escapes.
fn basic(id: &str, secret: &str) -> String {
    format!("Basic {}", STANDARD.encode(format!("{id}:{secret}")))
}

/// What the person sends: the form as it stands, with name and password where they are asked for.
fn filled<'a>(form: &'a Form, page: &Answer, person: &'a Person) -> Vec<(&'a str, &'a str)> {
    let mut pairs: Vec<(&str, &str)> = form.pairs.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    if Form::asks_for(&String::from_utf8_lossy(&page.body), "password") {
        pairs.extend([("username", person.username.as_str()), ("password", person.password.as_str())]);
    }
    pairs
}

/// The JSON of an answer with this status.
pub fn checked(path: &str, answer: &Answer, status: u16) -> Result<Value, FlowError> {
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
