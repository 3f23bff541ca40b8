//! A log that takes no more writes, as on a full disk (THREATS.md F-07, F-08, DESIGN.md §5.3): the first write that fails is final.
//! Whoever waits for it gets no answer, and nobody is told something that is not so.

use crate::harness::{Answer, App, Browser, Request, Server, Site, Tokens, query_of};
use serde_json::json;
use std::sync::Arc;

/// How much longer the log's file may be than it is, at the most: the engine makes it longer by half a mebibyte at once.
const ROOM_KIB: u64 = 16;

/// Does it again and again until there is no answer; gives what was answered.
async fn until_silence(mut act: impl AsyncFnMut() -> Option<Answer>) -> Vec<Answer> {
    let mut answers = vec![];
    while let Some(answer) = act().await {
        answers.push(answer);
        assert!(answers.len() < 2000, "the log takes everything");
    }
    answers
}

/// The server ended as it should, says so until it has looked at its log, and starts again.
async fn ends_and_starts_again(server: &Arc<Server>) {
    let server = Arc::clone(server);
    let ended = move || {
        assert_eq!(server.until_ended().code(), Some(3));
        assert!(server.directory().join("suspect").exists());
        server.start();
        assert!(!server.directory().join("suspect").exists(), "the log was looked at and found sound");
    };
    tokio::task::spawn_blocking(ended).await.unwrap();
}

async fn a_life_on_a_small_disk(server: &Arc<Server>) -> Site {
    let starting = Arc::clone(server);
    let start = move || {
        assert!(starting.end_in_order().success());
        let length = std::fs::metadata(starting.directory().join("sled/db")).unwrap().len();
        starting.start_with_files_up_to(length.div_ceil(1024) + ROOM_KIB);
    };
    tokio::task::spawn_blocking(start).await.unwrap();
    server.site("default")
}

#[tokio::test]
async fn a_log_that_takes_no_more_answers_nothing_and_what_it_acknowledged_holds() {
    let server = Server::alone().await;
    server.writ(&["site", "set", "default", "refresh_retry_seconds=60", "code_seconds=300"], "");
    let mut browser = Browser::new();
    let app = server.site("default").confidential().await;
    let mut tokens = app.tokens(&mut browser).await;

    let site = a_life_on_a_small_disk(&server).await;
    let body = json!({ "redirect_uris": [App::REDIRECT_URI] });
    let registered = until_silence(async || Request::json(&site.url("/registration"), &body).send_to_the_dying().await).await;
    assert!(registered.iter().all(|answer| answer.status == 201));
    ends_and_starts_again(&server).await;
    for answer in &registered {
        let uri = answer.member("registration_client_uri");
        assert_eq!(Request::get(&uri).bearer(&answer.member("registration_access_token")).send().await.status, 200);
    }

    a_life_on_a_small_disk(&server).await;
    let refreshed = until_silence(async || {
        let form = [("grant_type", "refresh_token"), ("refresh_token", tokens.refresh.as_str())];
        let answer = app.request("/token", &form).send_to_the_dying().await?;
        tokens = Tokens::of(&answer);
        let told = app.request("/introspect", &[("token", &tokens.access)]).send_to_the_dying().await?;
        assert_eq!(told.assert_ok()["active"], true, "nobody is told that a good token is dead");
        Some(answer)
    });
    assert!(!refreshed.await.is_empty());
    ends_and_starts_again(&server).await;
    assert!(app.is_active(&tokens.access).await);
    assert_eq!(app.refresh(&tokens.refresh).await.status, 200);

    a_life_on_a_small_disk(&server).await;
    let (cookies, mut verifiers) = (cookies(&browser), vec![]);
    let codes = until_silence(async || {
        let request = app.authorization();
        let answer = Request::get(&request.url()).header("cookie", &cookies).send_to_the_dying().await?;
        verifiers.extend(request.verifier);
        Some(answer)
    });
    let codes = codes.await;
    assert!(codes.iter().all(|answer| answer.status == 302), "{:?}", codes.iter().find(|answer| answer.status != 302));
    ends_and_starts_again(&server).await;
    let last = codes.last().and_then(Answer::location).and_then(|left| query_of(&left, "code")).unwrap();
    Tokens::of(&app.exchange(&last, verifiers.last().unwrap()).await);
    server.writ(&["audit", "verify"], "");
}

fn cookies(browser: &Browser) -> String {
    browser.cookies.iter().map(|(name, value)| format!("{name}={value}")).collect::<Vec<_>>().join("; ")
}
