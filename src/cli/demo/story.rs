//! The whole story, once, over real HTTP: each step as a line to paste into a shell, and what the server answered.
//!
//! The lines keep what they learn in shell variables, so that a reader who pastes them one after the other lives through the
//! story with an app and a session of their own.

use super::browser::{Answer, Body, Browser, unexpected};
use crate::cli::exit::CliError;
use crate::cli::output::Output;
use crate::terms::Digest;
use http::{Method, StatusCode};
use serde_json::{Value, json};
use std::net::SocketAddr;

/// Who signs in.
pub const USERNAME: &str = "demo";
/// With what. The site lives as long as the demo and listens on loopback only.
pub const PASSWORD: &str = "correct horse battery staple";
const REDIRECT_URI: &str = "https://app.example.org/callback";
const SIGNED_OUT_URI: &str = "https://app.example.org/signed-out";
const SCOPE: &str = "openid profile email api:fhir";
/// The verifier of RFC 7636 Appendix B: a demo has no secrets, a real app draws its own each time.
const VERIFIER: &str = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";

/// What the story leaves behind.
pub struct Told {
    /// The `jti` of the last access token.
    pub token: String,
}

struct Story<'a> {
    out: &'a mut Output,
    browser: Browser,
    base: String,
    step: u32,
}

/// Tells the story to the end, or to the first answer that is not what it should be.
pub async fn tell(out: &mut Output, address: SocketAddr) -> Result<Told, CliError> {
    let base = format!("http://{address}/oauth2/default");
    let mut story = Story { out, browser: Browser::new(address), base, step: 0 };
    story.prepare()?;
    let app = story.register().await?;
    let code = story.authorize(&app).await?;
    let tokens = story.exchange(&app, &code).await?;
    story.userinfo(&tokens).await?;
    let fresh = story.refresh(&app, &tokens).await?;
    story.introspect(&app, &fresh, "active").await?;
    story.sign_out(&fresh).await?;
    story.introspect(&app, &fresh, "revoked").await?;
    Ok(Told { token: token_id(&fresh.access_token)? })
}

struct App {
    client_id: String,
    client_secret: String,
}

struct Tokens {
    access_token: String,
    refresh_token: String,
    id_token: String,
}

impl Story<'_> {
    /// Names the server, and how to read a member of a JSON answer with nothing but sed.
    fn prepare(&mut self) -> Result<(), CliError> {
        self.out.line(&format!("BASE={}", self.base))?;
        self.out.line(r#"member() { sed -n "s/.*\"$1\":\"\([^\"]*\)\".*/\1/p"; }"#)?;
        self.out.line(r#"field() { sed -n "s/.*name=\"$1\" value=\"\([^\"]*\)\".*/\1/p" page.html; }"#)
    }

    fn heading(&mut self, text: &str) -> Result<(), CliError> {
        self.step += 1;
        self.out.line("")?;
        self.out.line(&format!("# {}. {text}", self.step))
    }

    /// The answer, as comments below the line: a reader may paste the whole page.
    fn answer(&mut self, answer: &Answer) -> Result<(), CliError> {
        let location = answer.location.as_ref().map(|location| format!(" → {}", shortened(location, 120))).unwrap_or_default();
        self.out.line(&format!("#   {}{location}", answer.status))?;
        let body = answer.json().map(|body| serde_json::to_string_pretty(&abridged(body)).unwrap_or_default());
        body.unwrap_or_default().lines().try_for_each(|line| self.out.line(&format!("#   {line}")))
    }

    async fn register(&mut self) -> Result<App, CliError> {
        let body = json!({
            "application_type": "private",
            "redirect_uris": [REDIRECT_URI],
            "post_logout_redirect_uris": [SIGNED_OUT_URI],
            "client_name": "A Private App",
            "token_endpoint_auth_method": "client_secret_post",
            "scope": SCOPE,
        });
        self.heading("An app registers itself (RFC 7591)")?;
        self.out.line(&format!("curl -s \"$BASE/registration\" -H 'Content-Type: application/json' -d '{body}' | tee app.json"))?;
        self.out.line("CLIENT_ID=$(member client_id <app.json); CLIENT_SECRET=$(member client_secret <app.json)")?;
        let url = format!("{}/registration", self.base);
        let answer = self.browser.send(Method::POST, &url, &[], Body::Json(body.to_string())).await?;
        self.answer(&answer)?;
        expect(&answer, StatusCode::CREATED)?;
        Ok(App { client_id: answer.member("client_id")?, client_secret: answer.member("client_secret")? })
    }

    /// Authorize, sign in, consent: what a browser does for a person.
    async fn authorize(&mut self, app: &App) -> Result<String, CliError> {
        let challenge = Digest::of(VERIFIER.as_bytes()).to_string();
        let query = |client: &str, challenge: &str| {
            format!(
                "response_type=code&client_id={client}&redirect_uri={}&scope={}&state=xyz&nonce=n-0S6&code_challenge={challenge}&code_challenge_method=S256",
                encoded(REDIRECT_URI),
                encoded(SCOPE)
            )
        };
        self.heading("It sends the person's browser to sign in (RFC 6749 §4.1.1, RFC 7636)")?;
        self.out.line(&format!("VERIFIER={VERIFIER} CHALLENGE={challenge}"))?;
        let shown = query("'$CLIENT_ID'", "'$CHALLENGE'").replace('\'', "");
        self.out.line(&format!("curl -s -L -c jar -b jar \"$BASE/authorize?{shown}\" -o page.html; grep -o '<h1>.*</h1>' page.html"))?;
        let url = format!("{}/authorize?{}", self.base, query(&app.client_id, &challenge));
        let answer = self.browser.send(Method::GET, &url, &[], Body::None).await?;
        self.answer(&answer)?;
        let page = self.follow(&answer).await?;

        self.heading("The person signs in")?;
        self.out.line(&format!(
            "curl -s -L -c jar -b jar \"$BASE/provider/login\" -o page.html --data-urlencode interaction=$(field interaction) \
             --data-urlencode csrf_token=$(field csrf_token) -d username={USERNAME} --data-urlencode 'password={PASSWORD}'; grep -o '<h1>.*</h1>' page.html"
        ))?;
        let (interaction, csrf_token) = (page.field("interaction")?, page.field("csrf_token")?);
        let fields = [("interaction", interaction.as_str()), ("csrf_token", &csrf_token), ("username", USERNAME), ("password", PASSWORD)];
        let url = format!("{}/provider/login", self.base);
        let answer = self.browser.send(Method::POST, &url, &[], Body::Form(&fields)).await?;
        self.answer(&answer)?;
        let page = self.follow(&answer).await?;

        self.heading("… and allows the app what it asks for")?;
        let scopes: String = SCOPE.split(' ').map(|scope| format!(" -d scope={scope}")).collect();
        self.out.line(&format!(
            "CODE=$(curl -s -c jar -b jar \"$BASE/consent\" -o /dev/null -w '%{{redirect_url}}' --data-urlencode interaction=$(field interaction) \
             --data-urlencode csrf_token=$(field csrf_token){scopes} -d decision=allow | sed 's/.*code=\\([^&]*\\).*/\\1/'); echo $CODE"
        ))?;
        let (interaction, csrf_token) = (page.field("interaction")?, page.field("csrf_token")?);
        let mut fields = vec![("interaction", interaction.as_str()), ("csrf_token", &csrf_token), ("decision", "allow")];
        fields.extend(SCOPE.split(' ').map(|scope| ("scope", scope)));
        let url = format!("{}/consent", self.base);
        let answer = self.browser.send(Method::POST, &url, &[], Body::Form(&fields)).await?;
        self.answer(&answer)?;
        answer.sent_with("code")
    }

    async fn follow(&mut self, answer: &Answer) -> Result<Answer, CliError> {
        let location = answer.location.clone().ok_or_else(|| unexpected(format!("{}: no redirect", answer.status)))?;
        let page = self.browser.send(Method::GET, &location, &[("accept", "text/html".to_owned())], Body::None).await?;
        expect(&page, StatusCode::OK)?;
        Ok(page)
    }

    async fn exchange(&mut self, app: &App, code: &str) -> Result<Tokens, CliError> {
        self.heading("The app exchanges the code for tokens (RFC 6749 §4.1.3)")?;
        self.out.line(&format!(
            "curl -s \"$BASE/token\" -d grant_type=authorization_code -d code=$CODE -d redirect_uri={REDIRECT_URI} -d code_verifier=$VERIFIER \
             -d client_id=$CLIENT_ID -d client_secret=$CLIENT_SECRET | tee tokens.json"
        ))?;
        self.keep_tokens()?;
        let fields = [
            ("grant_type", "authorization_code"),
            ("code", code),
            ("redirect_uri", REDIRECT_URI),
            ("code_verifier", VERIFIER),
            ("client_id", &app.client_id),
            ("client_secret", &app.client_secret),
        ];
        self.tokens(&fields).await
    }

    async fn refresh(&mut self, app: &App, tokens: &Tokens) -> Result<Tokens, CliError> {
        self.heading("Later it refreshes; the old refresh token is used up (RFC 6749 §6)")?;
        self.out.line(
            "curl -s \"$BASE/token\" -d grant_type=refresh_token -d refresh_token=$REFRESH -d client_id=$CLIENT_ID -d client_secret=$CLIENT_SECRET | tee tokens.json",
        )?;
        self.keep_tokens()?;
        let fields = [
            ("grant_type", "refresh_token"),
            ("refresh_token", tokens.refresh_token.as_str()),
            ("client_id", &app.client_id),
            ("client_secret", &app.client_secret),
        ];
        self.tokens(&fields).await
    }

    fn keep_tokens(&mut self) -> Result<(), CliError> {
        let kept =
            "ACCESS=$(member access_token <tokens.json); REFRESH=$(member refresh_token <tokens.json); ID=$(member id_token <tokens.json)";
        self.out.line(kept)
    }

    async fn tokens(&mut self, fields: &[(&str, &str)]) -> Result<Tokens, CliError> {
        let url = format!("{}/token", self.base);
        let answer = self.browser.send(Method::POST, &url, &[], Body::Form(fields)).await?;
        self.answer(&answer)?;
        expect(&answer, StatusCode::OK)?;
        let member = |name| answer.member(name);
        Ok(Tokens { access_token: member("access_token")?, refresh_token: member("refresh_token")?, id_token: member("id_token")? })
    }

    async fn userinfo(&mut self, tokens: &Tokens) -> Result<(), CliError> {
        self.heading("It asks who signed in (OpenID Connect Core §5.3)")?;
        self.out.line("curl -s \"$BASE/userinfo\" -H \"Authorization: Bearer $ACCESS\"")?;
        let bearer = format!("Bearer {}", tokens.access_token);
        let url = format!("{}/userinfo", self.base);
        let answer = self.browser.send(Method::GET, &url, &[("authorization", bearer)], Body::None).await?;
        self.answer(&answer)?;
        expect(&answer, StatusCode::OK)
    }

    async fn introspect(&mut self, app: &App, tokens: &Tokens, status: &str) -> Result<(), CliError> {
        self.heading(&format!("Whoever asks about the token is told that it is {status} (RFC 7662)"))?;
        self.out.line("curl -s \"$BASE/introspect\" -d token=$ACCESS -d client_id=$CLIENT_ID -d client_secret=$CLIENT_SECRET")?;
        let fields = [("token", tokens.access_token.as_str()), ("client_id", &app.client_id), ("client_secret", &app.client_secret)];
        let url = format!("{}/introspect", self.base);
        let answer = self.browser.send(Method::POST, &url, &[], Body::Form(&fields)).await?;
        self.answer(&answer)?;
        match answer.member("status")? == status {
            true => Ok(()),
            false => Err(unexpected(format!("the token should be {status}"))),
        }
    }

    async fn sign_out(&mut self, tokens: &Tokens) -> Result<(), CliError> {
        self.heading("The person signs out; every token of the session is dead (OpenID Connect RP-Initiated Logout)")?;
        let target = encoded(SIGNED_OUT_URI);
        self.out.line(&format!(
            "curl -s -c jar -b jar \"$BASE/logout?id_token_hint=$ID&post_logout_redirect_uri={target}&state=bye\" -o /dev/null -w '%{{http_code}} %{{redirect_url}}\\n'"
        ))?;
        let url = format!("{}/logout?id_token_hint={}&post_logout_redirect_uri={target}&state=bye", self.base, tokens.id_token);
        let answer = self.browser.send(Method::GET, &url, &[], Body::None).await?;
        self.answer(&answer)?;
        expect(&answer, StatusCode::FOUND)
    }
}

fn expect(answer: &Answer, status: StatusCode) -> Result<(), CliError> {
    match answer.status == status {
        true => Ok(()),
        false => Err(unexpected(format!("the answer should be {status}, but it is {}", answer.status))),
    }
}

fn encoded(text: &str) -> String {
    url::form_urlencoded::byte_serialize(text.as_bytes()).collect()
}

/// Long texts cut, so that a line stays a line.
fn shortened(text: &str, length: usize) -> String {
    match text.chars().count() > length {
        true => text.chars().take(length).chain("…".chars()).collect(),
        false => text.to_owned(),
    }
}

fn abridged(value: Value) -> Value {
    match value {
        Value::Object(members) => members.into_iter().map(|(name, value)| (name, abridged(value))).collect(),
        Value::String(text) => shortened(&text, 90).into(),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::Array(_) => value,
    }
}

/// The `jti` of a token of ours, read without checking: it is our own.
fn token_id(token: &str) -> Result<String, CliError> {
    use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
    let payload = token.split('.').nth(1).and_then(|part| URL_SAFE_NO_PAD.decode(part).ok());
    let claims: Option<Value> = payload.and_then(|payload| serde_json::from_slice(&payload).ok());
    let jti = claims.and_then(|claims| claims.get("jti").and_then(|jti| jti.as_str().map(str::to_owned)));
    jti.ok_or_else(|| unexpected("the access token has no jti".to_owned()))
}
