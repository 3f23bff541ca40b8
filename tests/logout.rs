//! SPEC.md (g) and OpenID Connect RP-Initiated Logout 1.0: every case of signing out.

use crate::harness::{App, Browser, Request, Site, Stop, Tokens, jwt_part, jwt_with, query_of};
use serde_json::json;
use url::Url;

async fn signed_in() -> (App, Browser, Tokens) {
    let app = Site::standard().await.confidential().await;
    let mut browser = Browser::new();
    let tokens = app.tokens(&mut browser).await;
    (app, browser, tokens)
}

/// Whether the next authorization would ask for the password.
async fn is_signed_out(app: &App, browser: &Browser) -> bool {
    let left = browser.clone().open_as_program(&app.authorization().with("prompt", "none").url()).await.left();
    match query_of(&left, "error").as_deref() {
        Some("login_required") => true,
        None => false,
        Some(other) => panic!("{other}"),
    }
}

#[tokio::test]
async fn without_a_hint_the_person_is_asked_and_then_signed_out() {
    for pairs in [&[][..], &[("state", "x")], &[("post_logout_redirect_uri", App::LOGOUT_URI), ("state", "x")]] {
        let (app, mut browser, tokens) = signed_in().await;
        let page = browser.open(&app.logout_url(pairs)).await.page();
        assert_eq!((page.status(), page.title().contains("Sign out?")), (200, true), "{pairs:?}: {}", page.text());
        assert!(!is_signed_out(&app, &browser).await, "asking changes nothing");
        assert_eq!(app.userinfo(&tokens.access).await.status, 200);
        let done = browser.press(&page, "primary", &[]).await.page();
        assert!(done.title().contains("Signed out"), "{pairs:?}: {}", done.text());
        assert!(is_signed_out(&app, &browser).await);
        app.assert_dead(&tokens).await;
    }
}

#[tokio::test]
async fn who_answers_no_stays_signed_in() {
    let (app, mut browser, tokens) = signed_in().await;
    let page = browser.open(&app.logout_url(&[])).await.page();
    let said = browser.press(&page, "deny", &[]).await.page();
    assert!(said.status() == 200 && said.title().contains("Still signed in"), "{}", said.text());
    assert!(!is_signed_out(&app, &browser).await);
    assert_eq!(app.userinfo(&tokens.access).await.status, 200);
}

#[tokio::test]
async fn a_program_without_a_hint_is_told_so() {
    let (app, mut browser, _) = signed_in().await;
    let answer = browser.once(Request::get(&app.logout_url(&[])).header("accept", "application/json")).await;
    answer.assert_refused(400, "invalid_request");
    assert!(!is_signed_out(&app, &browser).await);
}

#[tokio::test]
async fn a_hint_that_is_not_ours_never_redirects_and_changes_nothing() {
    let (app, mut browser, tokens) = signed_in().await;
    let stranger = Site::other().await.confidential().await.tokens(&mut Browser::new()).await;
    let mut cut = tokens.id.clone();
    cut.truncate(tokens.id.len() - 2);
    let mut claims = jwt_part(&tokens.id, 1);
    claims["sub"] = json!("00000000-0000-0000-0000-000000000000");
    let hints = [
        ("no JWT", "not-a-token".to_owned()),
        ("alg none", jwt_with(&tokens.id, 0, &json!({"alg": "none"}))),
        ("alg none without a signature", format!("{}.", jwt_with(&tokens.id, 0, &json!({"alg": "none"})).rsplit_once('.').unwrap().0)),
        ("HS256", jwt_with(&tokens.id, 0, &json!({"alg": "HS256"}))),
        ("changed claims", jwt_with(&tokens.id, 1, &claims)),
        ("a cut signature", cut),
        ("another site's", stranger.id),
        ("an access token", tokens.access.clone()),
    ];
    for (what, hint) in hints {
        for uri in [App::LOGOUT_URI, "https://evil.example/"] {
            let pairs = [("id_token_hint", hint.as_str()), ("post_logout_redirect_uri", uri), ("state", "x")];
            let answer = browser.once(Request::get(&app.logout_url(&pairs)).header("accept", "text/html")).await;
            assert_eq!((answer.status, answer.location()), (400, None), "{what}: {}", answer.text());
            assert!(answer.text().contains("id_token_hint") && !answer.text().contains("evil.example"), "{what}: {}", answer.text());
            let own = format!("href=\"{}\"", Url::parse(&app.logout_url(&[])).unwrap().path());
            assert!(answer.text().contains(&own), "whoever wants to sign out all the same can: {}", answer.text());
            let program = browser.once(Request::get(&app.logout_url(&pairs)).header("accept", "application/json")).await;
            program.assert_refused(400, "invalid_request");
        }
    }
    assert!(!is_signed_out(&app, &browser).await);
    assert_eq!(app.userinfo(&tokens.access).await.status, 200);
}

#[tokio::test]
async fn an_unregistered_address_is_never_visited_and_the_person_is_asked() {
    for uri in [
        "https://evil.example/",
        "https://client.example.org/logout/callback?a=b",
        "https://client.example.org/logout/callback/",
        "https://client.example.org/callback",
    ] {
        let (app, mut browser, tokens) = signed_in().await;
        let pairs = [("id_token_hint", tokens.id.as_str()), ("post_logout_redirect_uri", uri), ("state", "x")];
        let page = browser.open(&app.logout_url(&pairs)).await.page();
        assert!(page.title().contains("Sign out?") && !page.text().contains(uri), "{uri}: {}", page.text());
        let done = browser.press(&page, "primary", &[]).await.page();
        assert!(done.title().contains("Signed out"), "{uri}: {}", done.text());
        assert!(is_signed_out(&app, &browser).await);
        app.assert_dead(&tokens).await;
    }
}

#[tokio::test]
async fn a_registered_address_gets_the_state_only_if_there_is_one() {
    let site = Site::standard().await;
    let with_query = "https://client.example.org/bye?tenant=1";
    let app = site.app(json!({"post_logout_redirect_uris": [App::LOGOUT_URI, with_query]})).await;
    for (uri, state, to) in [
        (App::LOGOUT_URI, "", App::LOGOUT_URI.to_owned()),
        (App::LOGOUT_URI, "a+b ✓", format!("{}?state=a%2Bb+%E2%9C%93", App::LOGOUT_URI)),
        (with_query, "x", format!("{with_query}&state=x")),
        (with_query, "", with_query.to_owned()),
    ] {
        let mut browser = Browser::new();
        let tokens = app.tokens(&mut browser).await;
        let pairs = [("id_token_hint", tokens.id.as_str()), ("post_logout_redirect_uri", uri), ("state", state)];
        let answer = browser.once(Request::get(&app.logout_url(&pairs))).await;
        assert_eq!((answer.status, answer.header("location")), (302, Some(to.as_str())));
        app.assert_dead(&tokens).await;
    }
}

#[tokio::test]
async fn signing_out_twice_is_no_error() {
    let (app, mut browser, tokens) = signed_in().await;
    let pairs = [("id_token_hint", tokens.id.as_str()), ("post_logout_redirect_uri", App::LOGOUT_URI), ("state", "x")];
    for _ in 0..2 {
        let left = browser.open(&app.logout_url(&pairs)).await.left();
        assert_eq!(left.as_str(), format!("{}?state=x", App::LOGOUT_URI));
    }
    let page = browser.open(&app.logout_url(&[("id_token_hint", &tokens.id)])).await.page();
    assert_eq!(page.status(), 200, "{}", page.text());
    let never_here = Browser::new().open(&app.logout_url(&[])).await.page();
    assert_eq!(never_here.status(), 200, "{}", never_here.text());
}

#[tokio::test]
async fn signing_out_works_by_post_as_well() {
    let (app, mut browser, tokens) = signed_in().await;
    let pairs = [("id_token_hint", tokens.id.as_str()), ("post_logout_redirect_uri", App::LOGOUT_URI)];
    let stop = browser.follow(Request::form(&app.site.url("/logout"), &pairs).header("accept", "text/html")).await;
    assert!(matches!(stop, Stop::Left(url) if url.as_str() == App::LOGOUT_URI));
    app.assert_dead(&tokens).await;
}

#[tokio::test]
async fn a_hint_with_its_session_ends_that_session_alone() {
    let app = Site::standard().await.confidential().await;
    let (mut phone, mut desk) = (Browser::new(), Browser::new());
    let (on_phone, at_desk) = (app.tokens(&mut phone).await, app.tokens(&mut desk).await);
    let (first, second) = (jwt_part(&on_phone.id, 1), jwt_part(&at_desk.id, 1));
    assert!(first["sid"].is_string() && first["sid"] != second["sid"], "{first} {second}");
    phone.open(&app.logout_url(&[("id_token_hint", &on_phone.id)])).await.page();
    app.assert_dead(&on_phone).await;
    assert_eq!(app.userinfo(&at_desk.access).await.status, 200);
    assert!(!is_signed_out(&app, &desk).await);
}

#[tokio::test]
async fn a_client_id_beside_the_hint_has_to_be_its_client() {
    let (app, mut browser, tokens) = signed_in().await;
    let other = app.site.confidential().await;
    let wrong =
        [("id_token_hint", tokens.id.as_str()), ("client_id", other.client_id.as_str()), ("post_logout_redirect_uri", App::LOGOUT_URI)];
    let page = browser.open(&app.logout_url(&wrong)).await.page();
    assert_eq!(page.answer.location(), None);
    let right =
        [("id_token_hint", tokens.id.as_str()), ("client_id", app.client_id.as_str()), ("post_logout_redirect_uri", App::LOGOUT_URI)];
    assert_eq!(browser.open(&app.logout_url(&right)).await.left().as_str(), App::LOGOUT_URI);
}

#[tokio::test]
async fn hints_of_name_and_language_and_unknown_parameters_change_nothing() {
    let (app, mut browser, tokens) = signed_in().await;
    let more = [
        ("logout_hint", "amelia@example.org"),
        ("ui_locales", "fr de"),
        ("unheard_of", "x"),
        ("post_logout_redirect_uri", App::LOGOUT_URI),
    ];
    let pairs = [&[("id_token_hint", tokens.id.as_str())], &more[..]].concat();
    assert_eq!(browser.open(&app.logout_url(&pairs)).await.left().as_str(), App::LOGOUT_URI);
    app.assert_dead(&tokens).await;
    let (app, mut browser, _) = signed_in().await;
    let page = browser.open(&app.logout_url(&more)).await.page();
    assert!(page.title().contains("Sign out?"), "without a hint nobody is redirected, whatever else is said: {}", page.text());
}

#[tokio::test]
async fn a_client_id_without_a_hint_opens_no_way_out() {
    let (app, mut browser, _) = signed_in().await;
    let pairs = [("client_id", app.client_id.as_str()), ("post_logout_redirect_uri", App::LOGOUT_URI), ("state", "x")];
    let page = browser.open(&app.logout_url(&pairs)).await.page();
    let done = browser.press(&page, "primary", &[]).await.page();
    assert!(done.title().contains("Signed out") && done.answer.location().is_none());
    let never_here = Browser::new().open(&app.logout_url(&pairs)).await.page();
    assert!(never_here.text().contains("You are currently not signed in."));
}

#[tokio::test]
async fn all_sessions_ends_what_the_person_has_with_this_client_and_nothing_else() {
    let site = Site::standard().await;
    let (app, other) = (site.confidential().await, site.confidential().await);
    let (mut phone, mut desk) = (Browser::new(), Browser::new());
    let (on_phone, at_desk) = (app.tokens(&mut phone).await, app.tokens(&mut desk).await);
    let others = other.tokens(&mut desk).await;
    let everywhere = app.logout_url(&[("id_token_hint", &on_phone.id), ("all_sessions", "true")]);
    let page = phone.open(&everywhere).await.page();
    assert!(page.text().contains("You have been signed out"), "{}", page.text());
    app.assert_dead(&on_phone).await;
    app.assert_dead(&at_desk).await;
    assert_eq!(other.userinfo(&others.access).await.status, 200, "another client's grants live on");
    let again = phone.open(&everywhere).await.page();
    assert!(again.text().contains("currently not signed in"), "there is nothing left: {}", again.text());
    assert!(!is_signed_out(&app, &desk).await, "so does the other browser's session");
}

#[tokio::test]
async fn whoever_signed_out_before_has_nothing_left_to_sign_out_of_everywhere() {
    let (app, mut browser, tokens) = signed_in().await;
    for (more, told) in [(&[][..], "You have been signed out"), (&[("all_sessions", "true")], "currently not signed in")] {
        let page = browser.open(&app.logout_url(&[&[("id_token_hint", tokens.id.as_str())], more].concat())).await.page();
        assert!(page.text().contains(told), "{more:?}: {}", page.text());
    }
    let log = app.site.server.writ(&["--site", &app.site.name, "log", "--client", &app.client_id, "-o", "ndjson"], "");
    assert!(!log.contains("grant.all_revoked"), "{log}");
}

#[tokio::test]
async fn nobody_is_sent_to_an_app_that_is_switched_off() {
    let (app, mut browser, tokens) = signed_in().await;
    app.site.server.writ(&["--site", &app.site.name, "client", "disable", &app.client_id], "");
    let pairs = [("id_token_hint", tokens.id.as_str()), ("post_logout_redirect_uri", App::LOGOUT_URI)];
    let page = browser.open(&app.logout_url(&pairs)).await.page();
    assert_eq!((page.status(), page.answer.location()), (200, None), "{}", page.text());
    assert!(page.text().contains("not registered"), "the person may still sign out: {}", page.text());
}

#[tokio::test]
async fn what_was_signed_out_is_called_revoked_before_and_after_the_next_sign_in() {
    let app = Site::seed().await.app(json!({ "token_endpoint_auth_method": "client_secret_post" })).await;
    let mut browser = Browser::new();
    let tokens = app.tokens(&mut browser).await;
    browser.open(&app.logout_url(&[("id_token_hint", &tokens.id)])).await.page();
    for _ in 0..2 {
        for token in [&tokens.access, &tokens.refresh] {
            let told = app.introspect(token).await.assert_ok();
            assert_eq!((&told["active"], &told["status"]), (&json!(false), &json!("revoked")));
        }
        app.tokens(&mut browser).await;
    }
}
