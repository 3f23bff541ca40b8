//! A person's browser: cookies, forms and redirects, followed by hand.

use super::wire::{encoded, form, query_of, request};
use super::{App, HOST, Person, Reply, Tokens, World};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use http::Method;
use http::header::SET_COOKIE;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use url::Url;
use writ::terms::Digest;

/// A browser with its own cookies.
#[derive(Clone, Default, Serialize, Deserialize)]
pub struct Browser {
    cookies: BTreeMap<String, String>,
}

/// What the app and the person want of one authorization request.
#[derive(Clone, Debug)]
pub struct Wish {
    pub scope: String,
    pub redirect_uri: Option<String>,
    pub nonce: Option<String>,
    pub prompt: Option<&'static str>,
    pub pkce: bool,
    pub response_type: &'static str,
    /// What is typed where a password is asked for.
    pub password: Option<String>,
    /// Whether the person presses Allow.
    pub allows: bool,
    /// What the person leaves unticked.
    pub without: Option<String>,
}

impl Default for Wish {
    fn default() -> Self {
        Self {
            scope: App::SCOPE.to_owned(),
            redirect_uri: Some(App::REDIRECT_URI.to_owned()),
            nonce: None,
            prompt: None,
            pkce: true,
            response_type: "code",
            password: None,
            allows: true,
            without: None,
        }
    }
}

/// A code and what belongs to it.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct CodeInHand {
    pub code: String,
    pub verifier: Option<String>,
    pub redirect_uri: Option<String>,
}

/// How an authorization request ended.
#[derive(Clone, Debug)]
pub enum Authorized {
    Code(CodeInHand),
    /// The app got tokens, perhaps beside a code.
    Front(Option<CodeInHand>, Tokens),
    /// The app was told an error, at this address.
    Error(Url),
    /// The person sees a page and gets no further.
    Page(Reply),
}

impl Authorized {
    #[track_caller]
    pub fn code(self) -> CodeInHand {
        match self {
            Self::Code(code) | Self::Front(Some(code), _) => code,
            Self::Front(None, _) => panic!("no code, but tokens"),
            Self::Error(url) => panic!("no code: {url}"),
            Self::Page(reply) => panic!("no code: {} {}", reply.status, reply.text()),
        }
    }
}

const STEPS_MAX: usize = 8;

impl Browser {
    /// Goes through a whole authorization request as this person.
    pub async fn authorize(&mut self, world: &World, app: &App, person: &Person, wish: &Wish) -> Authorized {
        let (verifier, challenge) = pkce();
        let mut pairs = vec![("response_type", wish.response_type), ("client_id", &app.id), ("scope", &wish.scope), ("state", "s t+á")];
        pairs.extend(wish.redirect_uri.as_deref().map(|uri| ("redirect_uri", uri)));
        pairs.extend(wish.nonce.as_deref().map(|nonce| ("nonce", nonce)));
        pairs.extend(wish.prompt.map(|prompt| ("prompt", prompt)));
        if wish.pkce {
            pairs.extend([("code_challenge", challenge.as_str()), ("code_challenge_method", "S256")]);
        }
        let target = format!("/oauth2/{}/authorize?{}", app.site, encoded(&pairs));
        let mut reply = self.get(world, &target).await;
        let mut signed_in = false;
        for _ in 0..STEPS_MAX {
            let Some(next) = reply.location() else { return Authorized::Page(reply) };
            if next.host_str() != Some(HOST) {
                let verifier = wish.pkce.then(|| verifier.clone());
                let front = fragment_of(&next);
                let code = query_of(&next, "code").or_else(|| front.get("code").cloned()).map(|code| CodeInHand {
                    code,
                    verifier,
                    redirect_uri: wish.redirect_uri.clone(),
                });
                let one = |name: &str| front.get(name).cloned();
                if let Some(id) = one("id_token").or_else(|| one("access_token")) {
                    let access = one("access_token").unwrap_or_else(|| id.clone());
                    return Authorized::Front(code, Tokens { access, refresh: None, id: one("id_token"), scope: wish.scope.clone() });
                }
                return code.map_or(Authorized::Error(next), Authorized::Code);
            }
            let page = self.get(world, &target_of(&next)).await;
            reply = match (page.is_ok(), next.path().ends_with("/login")) {
                (true, true) if !signed_in => self.sign_in(world, &next, &page, person, wish).await,
                (true, false) => self.consent(world, &next, &page, wish).await,
                (_, _) => return Authorized::Page(page),
            };
            signed_in = true;
        }
        Authorized::Page(reply)
    }
    async fn sign_in(&mut self, world: &World, at: &Url, page: &Reply, person: &Person, wish: &Wish) -> Reply {
        let password = wish.password.as_deref().unwrap_or(&person.password);
        let pairs = [("username", person.username.as_str()), ("password", password), ("user_role", "api")];
        self.answer_form(world, at, page, &pairs).await
    }
    async fn consent(&mut self, world: &World, at: &Url, page: &Reply, wish: &Wish) -> Reply {
        let scopes = page.fields("scope");
        let ticked = scopes.iter().filter(|scope| wish.without.as_ref() != Some(*scope)).map(|scope| ("scope", scope.as_str()));
        let decision = if wish.allows { "allow" } else { "deny" };
        let pairs: Vec<_> = ticked.chain([("decision", decision)]).collect();
        self.answer_form(world, at, page, &pairs).await
    }
    /// Posts a page's form with these values.
    pub async fn answer_form(&mut self, world: &World, at: &Url, page: &Reply, pairs: &[(&str, &str)]) -> Reply {
        let (interaction, token) = (page.field("interaction").unwrap_or_default(), page.field("csrf_token").unwrap_or_default());
        let own = [("interaction", interaction.as_str()), ("csrf_token", token.as_str())];
        let cookies = self.header();
        let headers = [("cookie", cookies.as_str()), ("accept", "text/html")];
        let reply = world.send(form(at.path(), &headers, &[&own, pairs].concat())).await;
        self.keep(&reply);
        reply
    }
    /// Opens a page.
    pub async fn get(&mut self, world: &World, target: &str) -> Reply {
        let cookies = self.header();
        let headers: &[(&str, &str)] = match cookies.is_empty() {
            true => &[("accept", "text/html")],
            false => &[("accept", "text/html"), ("cookie", &cookies)],
        };
        let reply = world.send(request(Method::GET, target, headers, String::new())).await;
        self.keep(&reply);
        reply
    }
    /// Signs out at a site: by an ID token, or by the page that asks.
    pub async fn sign_out(&mut self, world: &World, site: &str, hint: Option<&str>, everywhere: bool) -> Reply {
        let mut pairs = Vec::new();
        pairs.extend(hint.map(|hint| ("id_token_hint", hint)));
        pairs.extend(everywhere.then_some(("all_sessions", "true")));
        let target = format!("/oauth2/{site}/logout?{}", encoded(&pairs));
        let page = self.get(world, target.trim_end_matches('?')).await;
        match page.field("interaction") {
            Some(_) => {
                let at = Url::parse(&format!("https://{HOST}/oauth2/{site}/logout")).unwrap();
                self.answer_form(world, &at, &page, &[("decision", "allow")]).await
            }
            None => page,
        }
    }
    fn header(&self) -> String {
        self.cookies.iter().map(|(name, value)| format!("{name}={value}")).collect::<Vec<_>>().join("; ")
    }
    fn keep(&mut self, reply: &Reply) {
        for line in reply.headers.get_all(SET_COOKIE) {
            let (pair, flags) = line.to_str().unwrap().split_once(';').unwrap();
            let (name, value) = pair.split_once('=').unwrap();
            match flags.contains("Max-Age=0") {
                true => self.cookies.remove(name),
                false => self.cookies.insert(name.to_owned(), value.to_owned()),
            };
        }
    }
}

/// A fresh verifier and its challenge (RFC 7636 §4.1, §4.2).
pub fn pkce() -> (String, String) {
    let mut bytes = [0; 32];
    aws_lc_rs::rand::fill(&mut bytes).unwrap();
    let verifier = URL_SAFE_NO_PAD.encode(bytes);
    let challenge = URL_SAFE_NO_PAD.encode(Digest::of(verifier.as_bytes()).bytes());
    (verifier, challenge)
}

fn fragment_of(url: &Url) -> BTreeMap<String, String> {
    url::form_urlencoded::parse(url.fragment().unwrap_or_default().as_bytes()).into_owned().collect()
}

fn target_of(url: &Url) -> String {
    url.query().map_or_else(|| url.path().to_owned(), |query| format!("{}?{query}", url.path()))
}
