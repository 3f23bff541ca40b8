//! From an authorization request to its code, through the pages on the way.

use super::app::{App, REDIRECT_URI, SCOPE};
use super::asking::{Asked, Gone, ask, event};
use super::{Credentials, Shared};
use crate::flows::page::Form;
use crate::flows::target::Target;
use crate::flows::wire::{Cargo, Wire};
use crate::history::{Act, Kind, Object};
use serde_json::json;
use url::Url;
use writ::terms::{CodeVerifier, Digest};

/// Redirects and pages on the way to a code.
const HOPS_MAX: usize = 8;

/// A person's browser: its cookie is in the wire.
pub struct Walk<'a> {
    pub target: &'a Target,
    pub history: &'a Shared,
    pub wire: &'a mut Wire,
    /// The session that the browser has.
    pub session: &'a mut Option<Object>,
}

/// A code and what belongs to it.
pub struct Code {
    pub grant: Object,
    pub code: String,
    pub verifier: String,
}

impl Walk<'_> {
    /// Signs in and allows where it is asked to. None if it ended elsewhere, which is told.
    pub async fn code(&mut self, app: &App, verifier: String) -> Result<Option<Code>, Gone> {
        let grant = self.history.lock().object(Kind::Grant);
        let mut path = self.request(app, &verifier, &[]);
        let mut pairs: Option<Vec<(String, String)>> = None;
        for _ in 0..HOPS_MAX {
            let signing_in = pairs.as_ref().is_some_and(|pairs| pairs.iter().any(|(name, _)| name == "password"));
            let session = signing_in.then(|| self.history.lock().object(Kind::Session));
            let asked = self.step(grant, session, &path, pairs.take()).await?;
            let signed_in = session.filter(|_| asked.answer.location().is_some());
            if let Some(session) = signed_in {
                *self.session = Some(session);
            }
            if let Some(code) = asked.answer.location().filter(|to| to.starts_with(REDIRECT_URI)).and_then(code_in) {
                self.issued(&asked, grant, signed_in, &code, app);
                return Ok(Some(Code { grant, code, verifier }));
            }
            let acts: Vec<(Object, Act)> = signed_in.iter().map(|session| (*session, Act::SignIn)).collect();
            asked.done_as(self.history, &acts, acts.iter().map(|_| event("session.started", vec![])).collect());
            if let Some(location) = asked.answer.location().filter(|to| !to.starts_with(REDIRECT_URI)) {
                path = path_of(location, self.target);
                continue;
            }
            let page = String::from_utf8_lossy(&asked.answer.body).into_owned();
            let Some(form) = Form::of(&page).filter(|_| !signing_in || signed_in.is_some()) else {
                asked.complain(self.history, "a step on the way to a code");
                return Ok(None);
            };
            path.clone_from(&form.action);
            pairs = Some(filled(form, &page));
        }
        self.history.lock().complain("the way to a code has no end".to_owned());
        Ok(None)
    }

    /// Whether the browser is signed in; asking issues a code if nothing more is needed.
    pub async fn is_signed_in(&mut self, app: &App, session: Object, verifier: &str) -> Result<(), Gone> {
        let path = self.request(app, verifier, &[("prompt", "none")]);
        let acts = [(session, Act::ReadSession)];
        let asked = ask(self.history, self.wire, &acts, &path, &Cargo { browser: true, ..Cargo::default() }).await?;
        let location = asked.answer.location().unwrap_or_default();
        match (code_in(location), error_in(location).as_deref()) {
            (Some(code), _) => {
                asked.saw(self.history, 1);
                self.history.lock().acknowledge(crate::history::Acknowledged {
                    corr: asked.answer.request_id().to_owned(),
                    expected: vec![event("code.issued", vec![("code_digest", digest(&code)), ("client", json!(app.id))])],
                });
            }
            (None, Some("login_required")) => asked.saw(self.history, 0),
            (None, Some("consent_required" | "interaction_required")) => asked.saw(self.history, 1),
            // Who is not signed in is shown where the app would send them, because nobody has checked it.
            (None, None) if asked.answer.status == 400 && Form::of(&String::from_utf8_lossy(&asked.answer.body)).is_none() => {
                asked.saw(self.history, 0);
            }
            (None, _) => asked.complain(self.history, "asking whether somebody is signed in"),
        }
        Ok(())
    }

    async fn step(
        &mut self,
        grant: Object,
        session: Option<Object>,
        path: &str,
        pairs: Option<Vec<(String, String)>>,
    ) -> Result<Asked, Gone> {
        let acts: Vec<(Object, Act)> = session.iter().map(|session| (*session, Act::SignIn)).chain([(grant, Act::Issue)]).collect();
        let pairs: Option<Vec<(&str, &str)>> =
            pairs.as_ref().map(|pairs| pairs.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect());
        let cargo = Cargo { form: pairs.as_deref(), browser: true, ..Cargo::default() };
        ask(self.history, self.wire, &acts, path, &cargo).await
    }

    fn issued(&self, asked: &Asked, grant: Object, signed_in: Option<Object>, code: &str, app: &App) {
        let acts: Vec<(Object, Act)> = signed_in.iter().map(|session| (*session, Act::SignIn)).chain([(grant, Act::Issue)]).collect();
        asked.done_as(self.history, &acts, vec![event("code.issued", vec![("code_digest", digest(code)), ("client", json!(app.id))])]);
    }

    fn request(&self, app: &App, verifier: &str, more: &[(&str, &str)]) -> String {
        let challenge = CodeVerifier::parse(verifier).map(|verifier| verifier.challenge().to_string()).unwrap_or_default();
        let params = [
            ("response_type", "code"),
            ("client_id", app.id.as_str()),
            ("redirect_uri", REDIRECT_URI),
            ("scope", SCOPE),
            ("state", "crowd"),
            ("code_challenge", &challenge),
            ("code_challenge_method", "S256"),
        ];
        let query = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(params).extend_pairs(more).finish();
        format!("{}?{query}", self.target.path("/authorize"))
    }
}

/// What the person sends: the form as it stands, with name and password where they are asked for.
fn filled(form: Form, page: &str) -> Vec<(String, String)> {
    let mut pairs = form.pairs;
    if Form::asks_for(page, "password") {
        pairs.push(("username".to_owned(), Credentials::USERNAME.to_owned()));
        pairs.push(("password".to_owned(), Credentials::PASSWORD.to_owned()));
    }
    pairs
}

fn digest(code: &str) -> serde_json::Value {
    json!(Digest::of(code.as_bytes()).to_string())
}

fn code_in(location: &str) -> Option<String> {
    parameter(location, "code")
}

fn error_in(location: &str) -> Option<String> {
    parameter(location, "error")
}

fn parameter(location: &str, name: &str) -> Option<String> {
    let url = Url::parse(location).ok()?;
    url.query_pairs().find(|(own, _)| own == name).map(|(_, value)| value.into_owned())
}

/// Path and query of a redirect within the site's server.
fn path_of(location: &str, target: &Target) -> String {
    let base = Url::parse(&target.issuer).and_then(|issuer| issuer.join(location));
    base.map(|url| url.query().map_or_else(|| url.path().to_owned(), |query| format!("{}?{query}", url.path()))).unwrap_or_default()
}
