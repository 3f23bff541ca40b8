//! kill −9 in the middle of 50 flows, 20 times (THREATS.md A26): after each start every acknowledged answer still holds.

use crate::harness::{Answer, App, Authorization, Browser, Request, Server, Site, Tokens, query_of};
use serde_json::json;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

const USERS: usize = 50;
const KILLS: usize = 20;

/// What the users of one life of the server were told.
#[derive(Default)]
struct History {
    apps: Vec<App>,
    /// By the code that began them.
    grants: BTreeMap<String, Known>,
    answers: usize,
}

/// What its user knows of a grant.
struct Known {
    verifier: String,
    /// Every answer with tokens, the oldest first.
    tokens: Vec<Tokens>,
    /// A refresh or a revocation was sent and not answered: it may have happened or not.
    refreshing: bool,
    revoking: bool,
    revoked: bool,
}

/// A person's browser that is signed in, and an app that need not ask for consent again.
#[derive(Clone)]
struct User {
    site: Site,
    app: App,
    cookie: String,
    history: Arc<Mutex<History>>,
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whatever_was_acknowledged_before_a_kill_holds_after_it() {
    let server = Server::alone().await;
    let site = server.site("default");
    server.writ(&["site", "set", "default", "refresh_retry_seconds=0"], "");
    let app = site.confidential().await;
    let mut browser = Browser::new();
    app.code(&mut browser).await;
    let cookie = form_of_cookies(&browser);
    let mut answers = 0;
    for round in 0..KILLS {
        let user = User { site: site.clone(), app: app.clone(), cookie: cookie.clone(), history: Arc::default() };
        answers += one_life(&server, &user, 60 + round * 17 % 190).await;
        let history = std::mem::take(&mut *user.history.lock().unwrap());
        history.check(&app).await;
    }
    assert!(answers >= KILLS * 60, "only {answers} answers");
}

fn form_of_cookies(browser: &Browser) -> String {
    browser.cookies.iter().map(|(name, value)| format!("{name}={value}")).collect::<Vec<_>>().join("; ")
}

/// Lets everybody work, kills the server after so many answers, and starts it again.
async fn one_life(server: &Arc<Server>, user: &User, answers: usize) -> usize {
    let users: Vec<_> = (0..USERS).map(|n| tokio::spawn(live(user.clone(), n))).collect();
    while user.history.lock().unwrap().answers < answers {
        tokio::time::sleep(Duration::from_millis(1)).await;
        assert!(!users.iter().all(tokio::task::JoinHandle::is_finished), "everybody gave up before the server was killed");
    }
    let killed = server.clone();
    tokio::task::spawn_blocking(move || killed.stop()).await.unwrap();
    for user in users {
        user.await.unwrap();
    }
    let started = server.clone();
    tokio::task::spawn_blocking(move || started.start()).await.unwrap();
    user.history.lock().unwrap().answers
}

/// Uses the server until it answers no more.
async fn live(user: User, n: usize) {
    for round in n.. {
        if life(&user, round).await.is_none() {
            return;
        }
    }
}

/// One flow; nothing if the server died during it. What is about to be asked is noted before, what was answered after.
async fn life(user: &User, round: usize) -> Option<()> {
    if round.is_multiple_of(5) {
        let body = json!({ "redirect_uris": [App::REDIRECT_URI], "scope": "openid" });
        let answer = Request::json(&user.site.url("/registration"), &body).send_to_the_dying().await?;
        assert_eq!(answer.status, 201, "{}", answer.text());
        user.note(|history| history.apps.push(App::registered(&user.site, answer.json())));
    }
    let authorization = Authorization::of(&user.app);
    let request = Request::get(&authorization.url()).header("cookie", &user.cookie);
    let left = request.send_to_the_dying().await?.location().unwrap();
    let (code, verifier) = (query_of(&left, "code").unwrap_or_else(|| panic!("no code: {left}")), authorization.verifier.unwrap());
    let known = Known { verifier: verifier.clone(), tokens: vec![], refreshing: false, revoking: false, revoked: false };
    user.note(|history| drop(history.grants.insert(code.clone(), known)));
    let mut tokens = user.granted(&code, redemption(&code, &verifier)).await?;
    for _ in 0..round % 3 {
        user.change(&code, |known| known.refreshing = true);
        tokens = user.granted(&code, vec![("grant_type", "refresh_token"), ("refresh_token", &tokens.refresh)]).await?;
        user.change(&code, |known| known.refreshing = false);
    }
    if round.is_multiple_of(2) {
        user.change(&code, |known| known.revoking = true);
        let answer = user.app.request("/revoke", &[("token", &tokens.refresh)]).send_to_the_dying().await?;
        assert_eq!(answer.status, 200, "{}", answer.text());
        user.change(&code, |known| known.revoked = true);
    }
    Some(())
}

fn redemption<'a>(code: &'a str, verifier: &'a str) -> Vec<(&'static str, &'a str)> {
    vec![("grant_type", "authorization_code"), ("code", code), ("redirect_uri", App::REDIRECT_URI), ("code_verifier", verifier)]
}

impl User {
    fn note(&self, note: impl FnOnce(&mut History)) {
        let mut history = self.history.lock().unwrap();
        history.answers += 1;
        note(&mut history);
    }
    fn change(&self, code: &str, change: impl FnOnce(&mut Known)) {
        self.note(|history| change(history.grants.get_mut(code).unwrap()));
    }
    /// Sends a token request and notes its tokens.
    async fn granted(&self, code: &str, pairs: Vec<(&str, &str)>) -> Option<Tokens> {
        let tokens = Tokens::of(&self.app.request("/token", &pairs).send_to_the_dying().await?);
        self.change(code, |known| known.tokens.push(tokens.clone()));
        Some(tokens)
    }
}

impl History {
    /// Holds everything against a server that was started again.
    async fn check(&self, app: &App) {
        for registered in &self.apps {
            assert_eq!(registered.introspect("anything").await.status, 200, "a registered client is not known any more");
        }
        for (code, known) in &self.grants {
            known.check(app, code).await;
        }
    }
}

impl Known {
    async fn check(&self, app: &App, code: &str) {
        let Some((last, older)) = self.tokens.split_last() else { return };
        if self.revoked {
            assert!(!app.is_active(&last.access).await, "a revoked grant's access token is active");
            return is_refused(&app.refresh(&last.refresh).await, "a revoked grant refreshes");
        }
        if !self.revoking {
            for tokens in &self.tokens {
                assert!(app.is_active(&tokens.access).await, "an access token was forgotten");
            }
            assert!(self.refreshing || app.is_active(&last.refresh).await, "a refresh token was forgotten");
        }
        // Last, because it ends the grant: what was used up stays used up.
        let again = match older.last() {
            Some(rotated) => app.refresh(&rotated.refresh).await,
            None => app.post("/token", &redemption(code, &self.verifier)).await,
        };
        is_refused(&again, "what was used up works again");
        assert!(!app.is_active(&last.access).await, "the grant lives on after a reuse");
    }
}

#[track_caller]
fn is_refused(answer: &Answer, otherwise: &str) {
    assert_eq!(answer.refusal(), (400, "invalid_grant".to_owned()), "{otherwise}");
}
