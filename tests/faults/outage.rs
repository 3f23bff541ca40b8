//! What cannot be served is told as that (SPEC.md d `server_error`, `temporarily_unavailable`, h-16): with 503 if it may be tried
//! again, with 500 if something of ours is broken, at the client's address where the browser stands between; never as a refusal, and
//! never as an inactive token. Nothing is decided by it.

use crate::harness::{
    Answer, App, Authorization, Behaviour, Browser, Callback, ClientKey, KeyServer, PASSWORD, Server, Signer, Site, Tokens, USERNAME, Way,
    jwt_part, query_of,
};
use serde_json::{Value, json};
use std::sync::Arc;
use std::time::Duration;

/// How many requests of one errand may be under way at one host.
const PLACES: usize = 8;
const WAYS: [(&str, Way); 3] = [("code", Way::Query), ("code id_token", Way::Fragment), ("code", Way::FormPost)];

fn by_way(app: &App, response_type: &str, way: Way) -> Authorization {
    app.authorization().with("response_type", response_type).with("response_mode", way.mode())
}

/// Takes every place at the host of a server that does not answer, for keys, request objects and sectors, for the three seconds that
/// each is waited for.
async fn take_all_places(site: &Site, silent: &KeyServer, key: &ClientKey, round: usize) {
    let before = silent.requests();
    let object = format!("{}?fill={round}", silent.url);
    let stranger = site.app(json!({ "request_uris": [object] })).await;
    let mut signers = vec![];
    for n in 0..PLACES {
        signers.push(Signer::published(site, key.clone(), &format!("{}?{round}.{n}", silent.url)).await);
    }
    for (n, signer) in signers.into_iter().enumerate() {
        tokio::spawn(async move { signer.knock(&signer.assertion()).await });
        let request = stranger.authorization().with("request_uri", &format!("{object}#{n}"));
        tokio::spawn(async move { Browser::new().open_as_program(&request.url()).await });
        let (site, sector) = (site.clone(), paired(&format!("{}?sector={round}.{n}", silent.url)));
        tokio::spawn(async move { site.register(&sector).await });
    }
    silent.until_heard(before + 3 * PLACES).await;
}

/// A client of two hosts that one document holds together.
fn paired(sector_identifier_uri: &str) -> Value {
    json!({ "redirect_uris": ["https://a.example/", "https://b.example/"], "subject_type": "pairwise",
        "sector_identifier_uri": sector_identifier_uri })
}

#[tokio::test]
async fn who_comes_when_there_is_no_room_is_told_to_come_back_and_nothing_is_decided() {
    let server = Server::alone().await;
    let flags = ["authorize.request_objects=true", "authorize.hybrid=true", "redirect.warn_unverified=false"];
    server.writ(&[&["site", "set", "default"], &flags[..]].concat(), "");
    let (site, key, silent) = (server.site("default"), ClientKey::new("ES256", "first"), KeyServer::start(Behaviour::silent()).await);
    let signer = Signer::published(&site, key.clone(), &format!("{}?own", silent.url)).await;
    let object = format!("{}?object", silent.url);
    let app = site.app(json!({ "request_uris": [object], "response_types": ["code", "code id_token"],
        "grant_types": ["authorization_code", "implicit"] }));
    let app = app.await;
    let tokens = site.confidential().await.tokens(&mut Browser::new()).await;
    let sector = paired(&format!("{}?sector", silent.url));
    let at_endpoints = async || {
        vec![
            signer.post("/token", &[("grant_type", "refresh_token"), ("refresh_token", &tokens.refresh)], &signer.assertion()).await,
            signer.post("/introspect", &[("token", &tokens.access)], &signer.assertion()).await,
            signer.post("/revoke", &[("token", &tokens.access)], &signer.assertion()).await,
            site.register(&sector).await,
        ]
    };
    let at_authorize = async |(response_type, way): (&str, Way)| {
        let request = by_way(&app, response_type, way).with("request_uri", &object);
        (way, Callback::of(Browser::new().open_as_program(&request.url()).await, App::REDIRECT_URI))
    };
    let mut told = (vec![], vec![]);
    for round in 0..5 {
        take_all_places(&site, &silent, &key, round).await;
        told = (at_endpoints().await, vec![at_authorize(WAYS[0]).await, at_authorize(WAYS[1]).await, at_authorize(WAYS[2]).await]);
        // On a machine so slow that the places were free again before all was asked, it is asked once more.
        if told.0.iter().all(|answer| answer.status == 503) {
            break;
        }
    }
    for answer in &told.0 {
        answer.assert_refused(503, "temporarily_unavailable");
        assert_eq!((answer.header("retry-after"), answer.json().get("active")), (Some("2"), None), "{}", answer.text());
    }
    for (way, callback) in &told.1 {
        assert_eq!((callback.way, callback.must("error")), (*way, "temporarily_unavailable"));
        assert_eq!((callback.must("state"), callback.must("iss")), ("s/t+a=t&e ✓", site.issuer().as_str()));
        assert!(callback.get("code").is_none() && !callback.must("error_description").is_empty());
    }
    silent.behave(Behaviour::keys(&[key.jwk()]));
    let mut knocked = signer.knock(&signer.assertion()).await;
    while knocked.status == 503 {
        tokio::time::sleep(Duration::from_millis(100)).await;
        knocked = signer.knock(&signer.assertion()).await;
    }
    Signer::assert_believed(&knocked);
    assert_eq!(signer.told().0, [""; 0], "no refusal was recorded of what was not looked at");
}

/// Stops the server, does this to its vault, and starts it again. Gives the vault as it was.
async fn with_vault(server: &Arc<Server>, sql: &str) -> Vec<u8> {
    let (server, sql) = (Arc::clone(server), sql.to_owned());
    let work = move || {
        server.stop();
        let path = server.directory().join("vault.sqlite");
        let before = std::fs::read(&path).unwrap();
        assert!(rusqlite::Connection::open(&path).unwrap().execute(&sql, []).unwrap() > 0);
        server.start();
        before
    };
    tokio::task::spawn_blocking(work).await.unwrap()
}

async fn put_back(server: &Arc<Server>, vault: Vec<u8>) {
    let server = Arc::clone(server);
    let work = move || {
        server.stop();
        std::fs::write(server.directory().join("vault.sqlite"), vault).unwrap();
        server.start();
    };
    tokio::task::spawn_blocking(work).await.unwrap();
}

#[track_caller]
fn assert_failed(answer: &Answer) {
    answer.assert_refused(500, "server_error");
    assert_eq!((answer.header("retry-after"), answer.json().get("active")), (None, None), "{}", answer.text());
    assert!(!answer.text().contains("vault") && !answer.text().contains("key"), "why is for the operator: {}", answer.text());
}

/// An app of the hybrid flow, and a person who has used it.
async fn with_tokens(server: &Arc<Server>) -> (App, Browser, Tokens) {
    server.writ(&["site", "set", "default", "authorize.hybrid=true", "redirect.warn_unverified=false", "code_seconds=300"], "");
    let members =
        json!({ "response_types": ["code", "code id_token"], "grant_types": ["authorization_code", "refresh_token", "implicit"] });
    let (app, mut browser) = (server.site("default").app(members).await, Browser::new());
    let tokens = app.tokens(&mut browser).await;
    (app, browser, tokens)
}

#[tokio::test]
async fn without_signing_keys_nothing_is_redeemed_and_with_them_again_everything_is_as_it_was() {
    let server = Server::alone().await;
    let (app, mut browser, tokens) = with_tokens(&server).await;
    let (code, verifier) = app.code(&mut browser).await;
    let vault = with_vault(&server, "DELETE FROM entries WHERE kind = 'signing key'").await;
    assert_failed(&app.exchange(&code, &verifier).await);
    assert_failed(&app.refresh(&tokens.refresh).await);
    for mode in ["fragment", "form_post"] {
        let request = app.authorization().with("response_type", "code id_token").with("response_mode", mode);
        let callback = app.answered(&mut browser, &request).await;
        assert_eq!((callback.way.mode(), callback.must("error")), (mode, "server_error"));
        assert!(callback.get("code").is_none(), "{:?}", callback.params);
    }
    assert!(app.is_active(&tokens.access).await, "what was signed before can still be checked");
    put_back(&server, vault).await;
    Tokens::of(&app.exchange(&code, &verifier).await);
    Tokens::of(&app.refresh(&tokens.refresh).await);
}

#[tokio::test]
async fn without_the_keys_of_what_is_sealed_no_endpoint_says_anything_false() {
    let server = Server::with(&[("default", "standard"), ("seed", "openemr")]).await;
    let by_form = json!({ "token_endpoint_auth_method": "client_secret_post" });
    let (app, seed) = (server.site("default").confidential().await, server.site("seed").app(by_form).await);
    let mut browser = Browser::new();
    let (tokens, seeds) = (app.tokens(&mut browser).await, seed.tokens(&mut Browser::new()).await);
    let (code, verifier) = app.code(&mut browser).await;
    let damage = "UPDATE slots SET sealed = zeroblob(length(sealed)) WHERE slot IN
        (SELECT slot FROM entries WHERE kind = 'subject key' AND site <> '_server')";
    let vault = with_vault(&server, damage).await;
    assert_failed(&app.introspect(&tokens.access).await);
    assert_failed(&app.introspect(&tokens.refresh).await);
    assert_failed(&seed.introspect(&seeds.access).await);
    assert_failed(&app.userinfo(&tokens.access).await);
    assert_failed(&app.exchange(&code, &verifier).await);
    assert_failed(&app.refresh(&tokens.refresh).await);
    assert_failed(&app.revoke(&tokens.access).await);
    let body: Value = json!({ "redirect_uris": [App::REDIRECT_URI], "contacts": ["a@example.org"] });
    assert_failed(&app.site.register(&body).await);
    for (scope, prompt) in [(app.scope.as_str(), "none"), (app.scope.as_str(), "consent"), ("openid no:such", "none")] {
        let request = app.authorization().with("scope", scope).with("prompt", prompt);
        let callback = Callback::of(browser.open_as_program(&request.url()).await, App::REDIRECT_URI);
        assert_eq!((callback.way, callback.must("error")), (Way::Query, "server_error"), "{scope} {prompt}");
    }
    let mut stranger = Browser::new();
    let page = stranger.open(&app.authorization().url()).await.page();
    let told = stranger.sign_in(&page, USERNAME, PASSWORD).await.page();
    assert_eq!(told.status(), 400, "who has not signed in is asked before leaving for an app that nobody has checked");
    assert!(told.text().contains("client.example.org/callback?error=server_error"), "{}", told.text());
    put_back(&server, vault).await;
    assert!(app.is_active(&tokens.access).await && seed.is_active(&seeds.access).await);
    Tokens::of(&app.exchange(&code, &verifier).await);
    Tokens::of(&app.refresh(&tokens.refresh).await);
}

#[tokio::test]
async fn one_damaged_key_fails_one_person_and_ends_nothing_for_anybody_else() {
    let server = Server::alone().await;
    let (app, mut browser, tokens) = with_tokens(&server).await;
    let (code, verifier) = app.code(&mut browser).await;
    let damage = format!(
        "UPDATE slots SET sealed = zeroblob(length(sealed)) WHERE slot IN (SELECT slot FROM entries WHERE name = 'user:{}')",
        jwt_part(&tokens.id, 1)["sub"].as_str().unwrap()
    );
    let vault = with_vault(&server, &damage).await;
    assert_failed(&app.refresh(&tokens.refresh).await);
    assert_failed(&app.exchange(&code, &verifier).await);
    for response_type in ["code", "code id_token"] {
        let callback = app.answered(&mut browser, &app.authorization().with("response_type", response_type)).await;
        assert_eq!((callback.must("error"), callback.get("code")), ("server_error", None), "{response_type}");
    }
    for password in [PASSWORD, "wrong"] {
        let mut stranger = Browser::new();
        let page = stranger.open(&app.authorization().url()).await.page();
        let stop = stranger.sign_in(&page, USERNAME, password).await;
        let answered = Callback::of(stop, App::REDIRECT_URI);
        assert_eq!(answered.must("error"), "server_error", "{password}");
    }
    let mut other = Browser::new();
    let request = app.authorization();
    let page = other.open(&request.url()).await.page();
    let consent = other.sign_in(&page, "bruno", PASSWORD).await.page();
    let left = other.press(&consent, "primary", &[]).await.left();
    let theirs = app.exchange(&query_of(&left, "code").unwrap(), request.verifier.as_deref().unwrap()).await;
    assert_eq!(app.refresh(&Tokens::of(&theirs).refresh).await.status, 200, "the server lives, and serves everybody else");
    put_back(&server, vault).await;
    Tokens::of(&app.exchange(&code, &verifier).await);
    Tokens::of(&app.refresh(&tokens.refresh).await);
}
