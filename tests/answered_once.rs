//! The pages of one authorization request come to one answer, however often they are answered: the last one counts until the app has
//! redeemed a code, and then there is no other. A double click is no error, and never two codes that are good.

use crate::harness::{Answer, App, Browser, Callback, PASSWORD, Page, Server, Site, Stop, Tokens, USERNAME, query_of};
use serde_json::{Value, json};

/// A person on the consent page of an app, having signed in.
struct Asked {
    app: App,
    browser: Browser,
    consent: Page,
    verifier: String,
}

async fn asked(app: App) -> Asked {
    let (request, mut browser) = (app.authorization(), Browser::new());
    let sign_in = browser.open(&request.url()).await.page();
    let consent = browser.sign_in(&sign_in, USERNAME, PASSWORD).await.page();
    Asked { app, browser, consent, verifier: request.verifier.unwrap() }
}

impl Asked {
    async fn press(&mut self, button: &str) -> Stop {
        self.browser.press(&self.consent.clone(), button, &[]).await
    }
    async fn allow(&mut self) -> String {
        code(self.press("primary").await)
    }
    async fn exchange(&self, code: &str) -> Answer {
        self.app.exchange(code, &self.verifier).await
    }
}

#[track_caller]
fn code(stop: Stop) -> String {
    let left = stop.left();
    query_of(&left, "code").unwrap_or_else(|| panic!("no code: {left}"))
}

#[track_caller]
fn assert_answered_before(stop: Stop) {
    let page = stop.page();
    assert_eq!((page.status(), page.answer.location()), (409, None), "{}", page.text());
    assert!(page.text().contains("You have answered this before"), "{}", page.text());
}

fn ends(app: &App) -> Vec<Value> {
    let site = &app.site;
    let log = site.server.writ(&["--site", &site.name, "log", &format!("--client={}", app.client_id), "-o", "ndjson", "-n", "1000"], "");
    let events = log.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
    events.filter(|event| event["type"] == "grant.revoked").map(|event| event["reason"].clone()).collect()
}

#[tokio::test]
async fn of_two_answers_the_last_one_counts_until_the_app_has_redeemed_one() {
    let mut asked = asked(Site::standard().await.confidential().await).await;
    let (first, second) = (asked.allow().await, asked.allow().await);
    assert_ne!(first, second);
    asked.exchange(&first).await.assert_refused(400, "invalid_grant");
    let tokens = Tokens::of(&asked.exchange(&second).await);
    assert_eq!(ends(&asked.app), ["answered_again"]);
    for button in ["primary", "deny"] {
        assert_answered_before(asked.press(button).await);
    }
    assert!(asked.app.is_active(&tokens.access).await && asked.app.is_active(&tokens.refresh).await, "a late press ends nothing");
    assert_eq!(ends(&asked.app).len(), 1);
    let other = asked.app.authorization();
    let code = asked.app.code_of(&mut asked.browser, &other).await;
    Tokens::of(&asked.app.exchange(&code, other.verifier.as_deref().unwrap()).await);
    assert!(asked.app.is_active(&tokens.access).await, "another request is another matter");
}

#[tokio::test]
async fn of_many_answers_at_once_one_code_is_good() {
    let asked = asked(Site::standard().await.confidential().await).await;
    let presses: Vec<_> = (0..8)
        .map(|_| {
            let (mut browser, consent) = (asked.browser.clone(), asked.consent.clone());
            tokio::spawn(async move { code(browser.press(&consent, "primary", &[]).await) })
        })
        .collect();
    let mut good = 0;
    for press in presses {
        let answer = asked.exchange(&press.await.unwrap()).await;
        good += usize::from(answer.status == 200);
        assert!(answer.status == 200 || answer.refusal() == (400, "invalid_grant".to_owned()), "{}", answer.text());
    }
    assert_eq!((good, ends(&asked.app).len()), (1, 7));
}

#[tokio::test]
async fn a_person_may_go_back_and_change_their_mind() {
    let mut asked = asked(Site::standard().await.confidential().await).await;
    let denied = |stop: Stop| query_of(&stop.left(), "error");
    assert_eq!(denied(asked.press("deny").await).as_deref(), Some("access_denied"));
    let first = asked.allow().await;
    assert_eq!(denied(asked.press("deny").await).as_deref(), Some("access_denied"));
    asked.exchange(&first).await.assert_refused(400, "invalid_grant");
    let second = asked.allow().await;
    Tokens::of(&asked.exchange(&second).await);
}

#[tokio::test]
async fn a_sign_in_page_answered_twice_comes_to_one_code_too() {
    let app = Site::standard().await.confidential().await;
    app.tokens(&mut Browser::new()).await;
    let (request, mut browser) = (app.authorization(), Browser::new());
    let page = browser.open(&request.url()).await.page();
    let verifier = request.verifier.as_deref().unwrap();
    let before = browser.clone();
    let first = code(browser.sign_in(&page, USERNAME, PASSWORD).await);
    let second = code(before.clone().sign_in(&page, USERNAME, PASSWORD).await);
    app.exchange(&first, verifier).await.assert_refused(400, "invalid_grant");
    let tokens = Tokens::of(&app.exchange(&second, verifier).await);
    assert_answered_before(before.clone().sign_in(&page, USERNAME, PASSWORD).await);
    assert!(app.is_active(&tokens.access).await);
}

#[tokio::test]
async fn who_allows_nothing_the_second_time_has_allowed_nothing() {
    let scope = "patient/Patient.rs";
    let app = Site::standard().await.app(json!({ "scope": scope })).await;
    let (request, mut browser) = (app.authorization().with("scope", scope), Browser::new());
    let sign_in = browser.open(&request.url()).await.page();
    let consent = browser.sign_in(&sign_in, USERNAME, PASSWORD).await.page();
    let nothing = consent.clone().unticked("scope", scope);
    let verifier = request.verifier.as_deref().unwrap();
    let first = code(browser.press(&consent, "primary", &[]).await);
    let told = browser.press(&nothing, "primary", &[]).await.left();
    assert_eq!(query_of(&told, "error").as_deref(), Some("invalid_scope"));
    app.exchange(&first, verifier).await.assert_refused(400, "invalid_grant");
    assert_eq!(ends(&app), ["answered_again"]);
    let second = code(browser.press(&consent, "primary", &[]).await);
    let tokens = Tokens::of(&app.exchange(&second, verifier).await);
    assert_answered_before(browser.press(&nothing, "primary", &[]).await);
    assert!(app.is_active(&tokens.access).await);
}

#[tokio::test]
async fn nobody_signs_in_on_a_page_whose_answer_the_app_has() {
    let server = Server::alone().await;
    server.writ(&["user", "add", "--username", "bob", "--password-stdin"], PASSWORD);
    let app = server.site("default").confidential().await;
    app.tokens(&mut Browser::new()).await;
    let (request, mut browser) = (app.authorization(), Browser::new());
    let page = browser.open(&request.url()).await.page();
    let amelias = code(browser.sign_in(&page, USERNAME, PASSWORD).await);
    let tokens = Tokens::of(&app.exchange(&amelias, request.verifier.as_deref().unwrap()).await);
    assert_answered_before(browser.sign_in(&page, "bob", PASSWORD).await);
    assert!(app.is_active(&tokens.access).await && app.is_active(&tokens.refresh).await, "nobody took the browser over");
    assert!(!server.writ(&["log", "-o", "ndjson", "-n", "3"], "").contains("login.succeeded"));
}

#[tokio::test]
async fn tokens_from_the_front_are_those_of_the_last_answer() {
    let site = crate::front::site().await;
    for (response_type, what) in [("token", "access_token"), ("code token", "access_token")] {
        let app = crate::front::client(&site, json!({})).await;
        let (request, mut browser) = (app.authorization().with("response_type", response_type), Browser::new());
        let sign_in = browser.open(&request.url()).await.page();
        let consent = browser.sign_in(&sign_in, USERNAME, PASSWORD).await.page();
        let mut tokens = vec![];
        for _ in 0..2 {
            let callback = Callback::of(browser.press(&consent, "primary", &[]).await, App::REDIRECT_URI);
            tokens.push(callback.must(what).to_owned());
        }
        assert_eq!((app.is_active(&tokens[0]).await, app.is_active(&tokens[1]).await), (false, true), "{response_type}");
    }
}

#[tokio::test]
async fn what_was_answered_is_known_after_a_restart() {
    let server = Server::alone().await;
    let mut asked = asked(server.site("default").confidential().await).await;
    let first = asked.allow().await;
    server.kill_and_restart();
    let second = asked.allow().await;
    asked.exchange(&first).await.assert_refused(400, "invalid_grant");
    Tokens::of(&asked.exchange(&second).await);
    server.kill_and_restart();
    assert_answered_before(asked.press("primary").await);
    server.writ(&["replay", "--verify-digest"], "");
}
