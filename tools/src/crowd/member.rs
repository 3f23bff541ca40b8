//! One member of the crowd: a client, a person's browser, and what they do.

use super::Shared;
use super::app::{App, REDIRECT_URI, SIGNED_OUT_URI, Tokens};
use super::asking::{Asked, Gone, ask, event};
use super::walk::{Code, Walk};
use crate::flows::target::Target;
use crate::flows::wire::{Cargo, Wire};
use crate::history::{Act, Object};
use fastrand::Rng;

/// A client with a person's browser.
pub struct Member {
    pub target: Target,
    pub history: Shared,
    pub rng: Rng,
    pub wire: Wire,
    pub session: Option<Object>,
    pub app: Option<App>,
    /// How often app and session were used; so much that a history of them can be searched.
    uses: usize,
    /// Since the server was last looked at.
    pub held: Vec<Held>,
}

/// A grant, and what its client has of it.
pub struct Held {
    pub grant: Object,
    pub app: App,
    code: String,
    verifier: String,
    /// By generation.
    pub tokens: Vec<Tokens>,
    /// As far as the client can know.
    pub is_alive: bool,
}

/// More would make a history too long to be searched.
const USES_MAX: usize = 12;
const UPDATES_MAX: u32 = 30;

impl Member {
    /// Nothing registered, nobody signed in.
    pub fn new(target: &Target, history: Shared, rng: Rng) -> Self {
        let wire = Wire::new(target);
        Self { target: target.clone(), history, rng, wire, session: None, app: None, uses: 0, held: Vec::new() }
    }

    /// Goes round until nobody answers.
    pub async fn live(mut self) -> Self {
        self.forget_sometimes();
        while self.round().await.is_ok() {}
        self
    }

    fn forget_sometimes(&mut self) {
        self.uses += 1;
        if self.session.is_none() || self.uses > USES_MAX || self.rng.u8(..6) == 0 {
            // With the wire goes the cookie.
            (self.session, self.app, self.uses, self.wire) = (None, None, 0, Wire::new(&self.target));
        }
    }

    /// A code, its tokens, some refreshes, and an end or none.
    async fn round(&mut self) -> Result<(), Gone> {
        let Some(app) = self.an_app().await? else { return self.rest().await };
        let verifier: String = std::iter::repeat_with(|| self.rng.alphanumeric()).take(48).collect();
        let (target, history) = (self.target.clone(), self.history.clone());
        let mut walk = Walk { target: &target, history: &history, wire: &mut self.wire, session: &mut self.session };
        let Some(Code { grant, code, verifier }) = walk.code(&app, verifier).await? else { return self.rest().await };
        let mut held = Held { grant, app, code, verifier, tokens: Vec::new(), is_alive: true };
        let outcome = self.use_grant(&mut held).await;
        self.held.push(held);
        outcome?;
        match self.rng.u8(..24) {
            0 | 1 => self.sign_out().await,
            2 => self.delete_app().await,
            3..=5 => self.update_app().await,
            _ => Ok(()),
        }
    }

    /// After something that was told as unexplained: a server in trouble is not hammered.
    async fn rest(&mut self) -> Result<(), Gone> {
        self.app = None;
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
        Ok(())
    }

    async fn an_app(&mut self) -> Result<Option<App>, Gone> {
        if self.app.is_none() {
            self.app = App::register(&self.target, &self.history, &mut self.wire).await?;
        }
        Ok(self.app.clone())
    }

    async fn use_grant(&mut self, held: &mut Held) -> Result<(), Gone> {
        match self.rng.u8(..10) {
            // Some codes are left for after the restart.
            0 => return Ok(()),
            1 => self.race(held, true).await?,
            _ => self.redeem(held).await?,
        }
        for _ in 0..self.rng.u8(..5) {
            match self.rng.u8(..12) {
                _ if !held.is_alive => break,
                0 => self.race(held, false).await?,
                1..=3 => self.introspect(held).await?,
                _ => self.refresh(held, None).await?,
            }
        }
        match self.rng.u8(..3) {
            0 if held.is_alive => self.revoke(held).await,
            _ => Ok(()),
        }
    }

    /// The code for tokens.
    pub async fn redeem(&mut self, held: &mut Held) -> Result<(), Gone> {
        let pairs = redemption(held);
        let asked = held.app.post(&self.target, &self.history, &mut self.wire, (held.grant, Act::Redeem), "/token", &pairs).await?;
        held.told(&asked, &self.history, Act::Redeem);
        Ok(())
    }

    /// The last refresh token, or that of a generation, for the next.
    pub async fn refresh(&mut self, held: &mut Held, of: Option<usize>) -> Result<(), Gone> {
        let Some((act, token)) = held.refresh_token(of) else { return Ok(()) };
        let pairs = [("grant_type", "refresh_token"), ("refresh_token", token.as_str())];
        let asked = held.app.post(&self.target, &self.history, &mut self.wire, (held.grant, act), "/token", &pairs).await?;
        held.told(&asked, &self.history, act);
        Ok(())
    }

    /// Two at once with the same code or refresh token: one of them wins, and the other ends the grant.
    async fn race(&mut self, held: &mut Held, is_code: bool) -> Result<(), Gone> {
        let mut other = Wire::new(&self.target);
        let refresh = held.refresh_token(None);
        let (act, pairs): (Act, Vec<(&str, &str)>) = match &refresh {
            Some((act, token)) if !is_code => (*act, vec![("grant_type", "refresh_token"), ("refresh_token", token.as_str())]),
            Some(_) | None => (Act::Redeem, redemption(held)),
        };
        let on = (held.grant, act);
        let (first, second) = tokio::join!(
            held.app.post(&self.target, &self.history, &mut self.wire, on, "/token", &pairs),
            held.app.post(&self.target, &self.history, &mut other, on, "/token", &pairs),
        );
        drop(pairs);
        for asked in [&first, &second].into_iter().flatten() {
            held.told(asked, &self.history, act);
        }
        held.is_alive = false;
        first.and(second).map(drop)
    }

    /// Whether the last access token is active.
    pub async fn introspect(&mut self, held: &Held) -> Result<(), Gone> {
        let Some(last) = held.tokens.last() else { return Ok(()) };
        let generation = generation_of(held.tokens.len());
        self.is_active(held, Act::ReadAccess(generation), &last.access).await
    }

    /// Asks about a token; a client that is not known any more is told nothing, which is the same.
    pub async fn is_active(&mut self, held: &Held, act: Act, token: &str) -> Result<(), Gone> {
        let pairs = [("token", token)];
        let asked = held.app.post(&self.target, &self.history, &mut self.wire, (held.grant, act), "/introspect", &pairs).await?;
        let active = asked.answer.json().get("active").and_then(serde_json::Value::as_bool);
        match (asked.answer.status, active) {
            (200, Some(active)) => asked.saw(&self.history, u32::from(active)),
            (401, _) => asked.saw(&self.history, 0),
            _ => asked.complain(&self.history, "an introspection"),
        }
        Ok(())
    }

    async fn revoke(&mut self, held: &mut Held) -> Result<(), Gone> {
        let Some(last) = held.tokens.last() else { return Ok(()) };
        let pairs = [("token", last.refresh.as_str())];
        let asked = held.app.post(&self.target, &self.history, &mut self.wire, (held.grant, Act::End), "/revoke", &pairs).await?;
        match asked.answer.status {
            200 => asked.done(&self.history, vec![event("grant.revoked", vec![])]),
            _ => asked.complain(&self.history, "a revocation"),
        }
        held.is_alive = false;
        Ok(())
    }

    /// Signs out with the last ID token as a hint: every grant of the session ends.
    async fn sign_out(&mut self) -> Result<(), Gone> {
        let hint = self.held.last().and_then(|held| held.tokens.last()).map(|tokens| tokens.id.clone());
        let (Some(hint), Some(session)) = (hint, self.session) else { return Ok(()) };
        let acts: Vec<(Object, Act)> = self.held.iter().map(|held| (held.grant, Act::End)).chain([(session, Act::SignOut)]).collect();
        let params = [("id_token_hint", hint.as_str()), ("post_logout_redirect_uri", SIGNED_OUT_URI), ("state", "bye")];
        let query = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(params).finish();
        let path = format!("{}?{query}", self.target.path("/logout"));
        let asked = ask(&self.history, &mut self.wire, &acts, &path, &Cargo { browser: true, ..Cargo::default() }).await?;
        match asked.answer.location().is_some_and(|to| to.starts_with(SIGNED_OUT_URI)) {
            true => asked.done(&self.history, vec![event("session.ended", vec![])]),
            false => asked.complain(&self.history, "a logout"),
        }
        self.held.iter_mut().for_each(|held| held.is_alive = false);
        Ok(())
    }

    async fn update_app(&mut self) -> Result<(), Gone> {
        self.app = self.app.take().filter(|app| app.updates() < UPDATES_MAX);
        match &mut self.app {
            Some(app) => app.update(&self.history, &mut self.wire).await,
            None => Ok(()),
        }
    }

    async fn delete_app(&mut self) -> Result<(), Gone> {
        let Some(app) = self.app.take() else { return Ok(()) };
        let its = |held: &&mut Held| held.app.id == app.id;
        let grants: Vec<Object> = self
            .held
            .iter_mut()
            .filter(its)
            .map(|held| {
                held.is_alive = false;
                held.grant
            })
            .collect();
        app.delete(&self.history, &mut self.wire, &grants).await
    }
}

impl Held {
    /// The act and the token of a generation, or of the last.
    pub fn refresh_token(&self, of: Option<usize>) -> Option<(Act, String)> {
        let at = of.or(self.tokens.len().checked_sub(1))?;
        Some((Act::Refresh(generation_of(at + 1)), self.tokens.get(at)?.refresh.clone()))
    }

    /// Takes in an answer of the token endpoint.
    fn told(&mut self, asked: &Asked, history: &Shared, act: Act) {
        match asked.answer.status {
            200 => {
                let tokens = Tokens::of(&asked.answer);
                let expected = match act == Act::Redeem {
                    true => vec![event("code.redeemed", vec![]), tokens.as_event("token.granted", &self.app)],
                    false => vec![tokens.as_event("refresh.rotated", &self.app)],
                };
                asked.done(history, expected);
                self.tokens.push(tokens);
            }
            400 | 401 => {
                asked.refused(history);
                self.is_alive = false;
            }
            _ => asked.complain(history, "a token request"),
        }
    }
}

fn redemption(held: &Held) -> Vec<(&'static str, &str)> {
    vec![("grant_type", "authorization_code"), ("code", &held.code), ("redirect_uri", REDIRECT_URI), ("code_verifier", &held.verifier)]
}

/// The generation of the last of so many answers.
pub fn generation_of(answers: usize) -> u32 {
    u32::try_from(answers.saturating_sub(1)).unwrap_or(u32::MAX)
}
