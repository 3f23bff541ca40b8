//! k-17, k-29, k-30: signing out.

use crate::harness::{App, Browser, Request, Site, query_of};

#[tokio::test]
async fn k17_what_was_signed_out_stays_dead_after_the_next_sign_in() {
    let app = Site::seed().await.confidential().await;
    let mut browser = Browser::new();
    let tokens = app.tokens(&mut browser).await;
    browser.open(&app.logout_url(&[("id_token_hint", &tokens.id)])).await.page();
    assert!(!app.is_active(&tokens.access).await);
    app.tokens(&mut browser).await;
    assert!(!app.is_active(&tokens.access).await);
}

#[tokio::test]
async fn k29_the_state_is_joined_as_a_query_and_left_out_if_there_is_none() {
    let app = Site::seed().await.app(serde_json::json!({"post_logout_redirect_uris": ["https://client.example.org/out?a=b"]})).await;
    for (state, rest) in [(Some("x y"), "?a=b&state=x+y"), (None, "?a=b")] {
        let mut browser = Browser::new();
        let tokens = app.tokens(&mut browser).await;
        let mut pairs = vec![("id_token_hint", tokens.id.as_str()), ("post_logout_redirect_uri", "https://client.example.org/out?a=b")];
        pairs.extend(state.map(|state| ("state", state)));
        let left = browser.open(&app.logout_url(&pairs)).await.left();
        assert_eq!(left.as_str(), format!("https://client.example.org/out{rest}"));
        assert_eq!(query_of(&left, "state").as_deref(), state);
    }
}

#[tokio::test]
async fn k30_without_a_hint_a_person_is_asked_and_a_program_is_told() {
    let app = Site::standard().await.confidential().await;
    let mut browser = Browser::new();
    app.tokens(&mut browser).await;
    assert!(browser.open(&app.logout_url(&[])).await.page().action.is_some());
    let told = Request::get(&app.logout_url(&[])).header("accept", "application/json").send().await;
    told.assert_refused(400, "invalid_request");
    let registered = app.logout_url(&[("post_logout_redirect_uri", App::LOGOUT_URI)]);
    assert_eq!(browser.open(&registered).await.page().answer.location(), None);
}
