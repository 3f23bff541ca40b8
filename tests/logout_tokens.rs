//! OpenID Connect Back-Channel Logout 1.0: every client of a session is told that it is over, whatever happens meanwhile.

use crate::harness::{App, Behaviour, Browser, Heard, KeyServer, Request, Server, Site, Tokens, jwt_part, query_of};
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::{Duration, Instant};

const EVENT: &str = "http://schemas.openid.net/event/backchannel-logout";

/// A client's server and the client.
async fn told_at(site: &Site, server: &KeyServer, members: Value) -> App {
    let mut all = json!({ "backchannel_logout_uri": server.url });
    all.as_object_mut().unwrap().extend(members.as_object().unwrap().clone());
    site.app(all).await
}

async fn good() -> KeyServer {
    KeyServer::start(Behaviour::status(200)).await
}

/// Signs out with the hint alone.
async fn sign_out(app: &App, browser: &mut Browser, tokens: &Tokens, more: &[(&str, &str)]) {
    let pairs = [&[("id_token_hint", tokens.id.as_str())], more].concat();
    browser.open(&app.logout_url(&pairs)).await;
}

/// The claims of the one logout token in a form, whose signature, `typ` and algorithm were checked against the JWK Set.
async fn claims_of(app: &App, heard: &Heard, alg: &str) -> Value {
    assert_eq!((heard.method.as_str(), heard.content_type.as_str()), ("POST", "application/x-www-form-urlencoded"));
    let token = heard.body.strip_prefix("logout_token=").unwrap_or_else(|| panic!("{}", heard.body));
    let header = jwt_part(token, 0);
    assert_eq!((header["typ"].as_str(), header["alg"].as_str()), (Some("logout+jwt"), Some(alg)));
    let keys = app.site.get("/jwk").await.assert_ok();
    let jwk = keys["keys"].as_array().unwrap().iter().find(|jwk| jwk["kid"] == header["kid"]).unwrap().clone();
    let jwk: jsonwebtoken::jwk::Jwk = serde_json::from_value(jwk).unwrap();
    let mut validation = jsonwebtoken::Validation::new(alg.parse().unwrap());
    validation.set_audience(&[&app.client_id]);
    validation.set_issuer(&[app.site.issuer()]);
    let key = jsonwebtoken::DecodingKey::from_jwk(&jwk).unwrap();
    jsonwebtoken::decode::<Value>(token, &key, &validation).unwrap().claims
}

/// What the log tells of this client's logouts, without `logout.requested` and `logout.signed`.
fn told(server: &Server, app: &App) -> Vec<Value> {
    let filter = format!("--client={}", app.client_id);
    let log = server.writ(&["--site", &app.site.name, "log", &filter, "--type", "logout.*", "-o", "ndjson", "-n", "1000"], "");
    let events = log.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
    events.filter(|event| !["logout.requested", "logout.signed"].contains(&event["type"].as_str().unwrap())).collect()
}

/// Waits until the log tells so many outcomes.
async fn outcomes(server: &Arc<Server>, app: &App, count: usize) -> Vec<Value> {
    let until = Instant::now() + Duration::from_secs(60);
    loop {
        let (own, app) = (server.clone(), app.clone());
        let told = tokio::task::spawn_blocking(move || told(&own, &app)).await.unwrap();
        if told.len() >= count {
            return told;
        }
        assert!(Instant::now() < until, "{told:?}");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

#[tokio::test]
async fn a_logout_token_says_who_signed_out_of_which_session_and_is_sent_before_the_browser_goes_on() {
    for alg in ["RS256", "PS256", "ES256", "EdDSA"] {
        let (site, receiver) = (Site::standard().await, good().await);
        let app = told_at(&site, &receiver, json!({ "id_token_signed_response_alg": alg })).await;
        let mut browser = Browser::new();
        let tokens = app.tokens(&mut browser).await;
        let pairs = [("id_token_hint", tokens.id.as_str()), ("post_logout_redirect_uri", App::LOGOUT_URI), ("state", "x")];
        let left = browser.open(&app.logout_url(&pairs)).await.left();
        assert_eq!(left.as_str(), format!("{}?state=x", App::LOGOUT_URI));
        let [heard] = receiver.heard().try_into().unwrap_or_else(|heard| panic!("{heard:?}"));
        assert_eq!(heard.path, "/keys");
        let (claims, id) = (claims_of(&app, &heard, alg).await, jwt_part(&tokens.id, 1));
        assert_eq!((&claims["iss"], &claims["aud"], &claims["sub"], &claims["sid"]), (&id["iss"], &id["aud"], &id["sub"], &id["sid"]));
        assert_eq!(claims["events"], json!({ EVENT: {} }));
        assert!(claims["jti"].as_str().unwrap().starts_with("lgo_") && claims.get("nonce").is_none(), "{claims}");
        assert_eq!(claims["exp"].as_u64().unwrap() - claims["iat"].as_u64().unwrap(), 120);
        let [delivered] = outcomes(&site.server, &app, 1).await.try_into().unwrap();
        assert_eq!((&delivered["type"], &delivered["attempt"], &delivered["status"]), (&json!("logout.delivered"), &json!(1), &json!(200)));
    }
}

#[tokio::test]
async fn every_client_of_the_session_is_told_once_and_no_other_client_or_session() {
    let site = Site::standard().await;
    let receivers = [good().await, good().await, good().await, good().await];
    let mut apps = Vec::new();
    for receiver in &receivers {
        apps.push(told_at(&site, receiver, json!({})).await);
    }
    let (mut browser, mut elsewhere) = (Browser::new(), Browser::new());
    let first = apps[0].tokens(&mut browser).await;
    apps[0].tokens(&mut browser).await;
    let second = apps[1].tokens(&mut browser).await;
    // Without `openid` there is no ID token, so the client knows no session.
    let plain = App { scope: "offline_access".to_owned(), ..apps[2].clone() };
    let authorization = plain.authorization().with("scope", "offline_access");
    plain.code_of(&mut browser, &authorization).await;
    let other = apps[3].tokens(&mut elsewhere).await;
    apps[0].tokens(&mut elsewhere).await;
    sign_out(&apps[0], &mut browser, &first, &[]).await;
    assert_eq!(receivers.each_ref().map(KeyServer::requests), [1, 1, 0, 0]);
    apps[1].assert_dead(&second).await;
    assert_eq!(apps[3].userinfo(&other.access).await.status, 200);
    sign_out(&apps[0], &mut browser, &first, &[]).await;
    assert_eq!(receivers.each_ref().map(KeyServer::requests), [1, 1, 0, 0], "who has been told is not told again");
}

#[tokio::test]
async fn signing_out_by_the_page_tells_the_clients_too() {
    let (site, receiver) = (Site::standard().await, good().await);
    let app = told_at(&site, &receiver, json!({})).await;
    let mut browser = Browser::new();
    app.tokens(&mut browser).await;
    let page = browser.open(&app.logout_url(&[])).await.page();
    assert_eq!(receiver.requests(), 0);
    browser.press(&page, "deny", &[]).await;
    assert_eq!(receiver.requests(), 0);
    browser.press(&page, "primary", &[]).await;
    assert_eq!(receiver.requests(), 1);
}

/// SPEC.md g, "scope of logout".
#[tokio::test]
async fn all_sessions_are_told_as_one_unless_the_client_wants_to_know_which() {
    let site = Site::standard().await;
    for (required, tokens) in [(false, 1), (true, 2)] {
        let receiver = good().await;
        let app = told_at(&site, &receiver, json!({ "backchannel_logout_session_required": required })).await;
        let (mut phone, mut desk) = (Browser::new(), Browser::new());
        let (on_phone, at_desk) = (app.tokens(&mut phone).await, app.tokens(&mut desk).await);
        sign_out(&app, &mut phone, &on_phone, &[("all_sessions", "true")]).await;
        assert_eq!(receiver.requests(), tokens);
        let mut sids = BTreeSet::new();
        for heard in receiver.heard() {
            let claims = claims_of(&app, &heard, "RS256").await;
            assert_eq!(claims["sub"], jwt_part(&on_phone.id, 1)["sub"]);
            sids.insert(claims["sid"].to_string());
        }
        let own = [&on_phone, &at_desk].map(|tokens| jwt_part(&tokens.id, 1)["sid"].to_string());
        let expected = if required { BTreeSet::from(own) } else { BTreeSet::from(["null".to_owned()]) };
        assert_eq!(sids, expected);
        app.assert_dead(&at_desk).await;
    }
}

#[tokio::test]
async fn a_disabled_person_is_signed_out_everywhere() {
    let server = Server::alone().await;
    let (site, receiver) = (server.site("default"), good().await);
    let app = told_at(&site, &receiver, json!({})).await;
    let tokens = app.tokens(&mut Browser::new()).await;
    let sub = jwt_part(&tokens.id, 1)["sub"].as_str().unwrap().to_owned();
    server.writ(&["--site", "default", "user", "disable", crate::harness::USERNAME], "");
    receiver.until_heard(1).await;
    let claims = claims_of(&app, &receiver.heard()[0], "RS256").await;
    assert_eq!((claims["sub"].as_str(), claims.get("sid")), (Some(sub.as_str()), None));
    assert_eq!(outcomes(&server, &app, 1).await[0]["type"], "logout.delivered");
}

#[tokio::test]
async fn an_administrator_signs_a_person_out_of_all_browsers_and_the_apps_are_told() {
    let server = Server::alone().await;
    let (site, receiver) = (server.site("default"), good().await);
    let app = told_at(&site, &receiver, json!({ "backchannel_logout_session_required": true })).await;
    let (mut phone, mut desk) = (Browser::new(), Browser::new());
    let tokens = [app.tokens(&mut phone).await, app.tokens(&mut desk).await];
    let sign_out = ["--site", "default", "user", "sign-out", crate::harness::USERNAME];
    server.writ(&sign_out, "");
    receiver.until_heard(2).await;
    let mut sids = BTreeSet::new();
    for heard in receiver.heard() {
        sids.insert(claims_of(&app, &heard, "RS256").await["sid"].to_string());
    }
    assert_eq!(sids, tokens.each_ref().map(|tokens| jwt_part(&tokens.id, 1)["sid"].to_string()).into());
    for (tokens, browser) in tokens.iter().zip([&mut phone, &mut desk]) {
        app.assert_dead(tokens).await;
        let left = browser.open_as_program(&app.authorization().with("prompt", "none").url()).await.left();
        assert_eq!(query_of(&left, "error").as_deref(), Some("login_required"));
    }
    let again = server.writ_output(&sign_out, "");
    assert!(!again.status.success(), "nobody is signed in any more");
    app.tokens(&mut phone).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_client_that_fails_is_told_again_even_by_another_life_of_the_server() {
    let server = Server::alone().await;
    let (site, receiver) = (server.site("default"), KeyServer::start(Behaviour::status(503)).await);
    let app = told_at(&site, &receiver, json!({})).await;
    let mut browser = Browser::new();
    let tokens = app.tokens(&mut browser).await;
    sign_out(&app, &mut browser, &tokens, &[]).await;
    let [failed] = outcomes(&server, &app, 1).await.try_into().unwrap();
    assert_eq!((&failed["type"], &failed["reason"], &failed["status"]), (&json!("logout.failed"), &json!("status"), &json!(503)));
    let killed = server.clone();
    tokio::task::spawn_blocking(move || killed.kill_and_restart()).await.unwrap();
    receiver.behave(Behaviour::status(204));
    receiver.until_heard(2).await;
    let told = outcomes(&server, &app, 2).await;
    assert_eq!((&told[1]["type"], &told[1]["attempt"], &told[1]["status"]), (&json!("logout.delivered"), &json!(2), &json!(204)));
    let (first, second) = (receiver.heard()[0].clone(), receiver.heard()[1].clone());
    let (first, second) = (claims_of(&app, &first, "RS256").await, claims_of(&app, &second, "RS256").await);
    assert!(first["jti"] != second["jti"] && first["sid"] == second["sid"], "each attempt is a token of its own: {first} {second}");
    assert!(second["iat"].as_u64() >= Some(first["iat"].as_u64().unwrap() + 5), "it is as young as the attempt");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_kill_in_the_middle_of_an_attempt_loses_nothing() {
    let server = Server::alone().await;
    let (site, receiver) = (server.site("default"), KeyServer::start(Behaviour::silent()).await);
    let app = told_at(&site, &receiver, json!({})).await;
    let mut browser = Browser::new();
    let tokens = app.tokens(&mut browser).await;
    let url = app.logout_url(&[("id_token_hint", &tokens.id)]);
    let waiting = tokio::spawn(async move { Request::get(&url).send_to_the_dying().await });
    receiver.until_heard(1).await;
    receiver.behave(Behaviour::status(200));
    let killed = server.clone();
    tokio::task::spawn_blocking(move || killed.kill_and_restart()).await.unwrap();
    assert!(waiting.await.unwrap().is_none());
    let told = outcomes(&server, &app, 1).await;
    assert_eq!((&told[0]["type"], &told[0]["attempt"]), (&json!("logout.delivered"), &json!(2)));
    app.assert_dead(&tokens).await;
}

#[tokio::test]
async fn whatever_a_client_does_is_recorded_and_the_person_is_signed_out() {
    let site = Site::standard().await;
    let elsewhere = Behaviour { headers: vec![("location", "https://127.0.0.1:1/".to_owned())], ..Behaviour::status(302) };
    let nobody = {
        let unused = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        format!("https://{}/out", unused.local_addr().unwrap())
    };
    let plain = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let no_tls = format!("https://{}/out", plain.local_addr().unwrap());
    tokio::spawn(async move { while plain.accept().await.is_ok() {} });
    let servers = [
        ("refused", Some(400), KeyServer::start(Behaviour::status(400)).await),
        ("status", Some(500), KeyServer::start(Behaviour::status(500)).await),
        ("redirected", Some(302), KeyServer::start(elsewhere).await),
        ("slow", None, KeyServer::start(Behaviour::silent()).await),
        ("not_public", None, KeyServer::at("127.0.0.2", Behaviour::status(200)).await),
    ];
    let mut cases: Vec<(&str, Option<u16>, String)> =
        servers.iter().map(|(why, status, server)| (*why, *status, server.url.clone())).collect();
    cases.extend([("unreachable", None, nobody), ("tls", None, no_tls), ("not_public", None, "https://169.254.169.254/latest".to_owned())]);
    let receiver = good().await;
    let mut browser = Browser::new();
    let mut apps = vec![told_at(&site, &receiver, json!({})).await];
    for (_, _, uri) in &cases {
        apps.push(site.app(json!({ "backchannel_logout_uri": uri })).await);
    }
    let mut tokens = Vec::new();
    for app in &apps {
        tokens.push(app.tokens(&mut browser).await);
    }
    let began = Instant::now();
    sign_out(&apps[0], &mut browser, &tokens[0], &[]).await;
    // Not a measure of speed: one silent client after the other would take all their time.
    assert!(began.elapsed() < Duration::from_secs(10), "the clients are told one after the other");
    assert_eq!(receiver.requests(), 1, "one client's silence is no other's");
    for ((why, status, uri), app) in cases.iter().zip(&apps[1..]) {
        let told = outcomes(&site.server, app, 1).await;
        assert_eq!((told[0]["type"].as_str(), told[0]["reason"].as_str()), (Some("logout.failed"), Some(*why)), "{uri}");
        assert_eq!(told[0]["status"].as_u64(), status.map(u64::from), "{uri}");
    }
    assert_eq!(servers[4].2.requests(), 0, "no packet to an address that is not allowed");
    apps[1].assert_dead(&tokens[1]).await;
}

#[tokio::test]
async fn a_client_that_refuses_is_asked_three_times() {
    let server = Server::alone().await;
    let (site, receiver) = (server.site("default"), KeyServer::start(Behaviour::status(400)).await);
    let app = told_at(&site, &receiver, json!({})).await;
    let mut browser = Browser::new();
    let tokens = app.tokens(&mut browser).await;
    sign_out(&app, &mut browser, &tokens, &[]).await;
    let told = outcomes(&server, &app, 3).await;
    let words: Vec<_> = told.iter().map(|event| (event["type"].as_str().unwrap(), event["attempt"].as_u64().unwrap())).collect();
    assert_eq!(words, [("logout.failed", 1), ("logout.failed", 2), ("logout.abandoned", 3)]);
    assert_eq!((told[2]["reason"].as_str(), told[2]["status"].as_u64(), receiver.requests()), (Some("refused"), Some(400), 3));
}

#[tokio::test]
async fn a_client_that_is_disabled_meanwhile_is_not_told_any_more() {
    let server = Server::alone().await;
    let (site, receiver) = (server.site("default"), KeyServer::start(Behaviour::status(500)).await);
    let app = told_at(&site, &receiver, json!({})).await;
    let mut browser = Browser::new();
    let tokens = app.tokens(&mut browser).await;
    sign_out(&app, &mut browser, &tokens, &[]).await;
    server.writ(&["--site", "default", "client", "disable", &app.client_id], "");
    let told = outcomes(&server, &app, 2).await;
    assert_eq!((told[1]["type"].as_str(), told[1]["reason"].as_str()), (Some("logout.abandoned"), Some("client_gone")));
    assert_eq!(receiver.requests(), 1);
}

#[tokio::test]
async fn an_address_to_be_told_at_is_plain_https_and_stays_as_it_was_registered() {
    let site = Site::standard().await;
    for bad in ["http://127.0.0.1/out", "http://a.example/out", "https://u:p@a.example/", "https://a.example/#f", "/out", "https:///out"] {
        let body = json!({ "redirect_uris": [App::REDIRECT_URI], "backchannel_logout_uri": bad });
        site.register(&body).await.assert_refused(400, "invalid_client_metadata");
    }
    let body = json!({ "redirect_uris": [App::REDIRECT_URI], "backchannel_logout_session_required": "yes" });
    site.register(&body).await.assert_refused(400, "invalid_client_metadata");
    let uri = "https://client.example.org/out?tenant=1";
    let app = site.app(json!({ "backchannel_logout_uri": uri, "backchannel_logout_session_required": true })).await;
    let token = app.registration["registration_access_token"].as_str().unwrap();
    let read = Request::get(app.registration["registration_client_uri"].as_str().unwrap()).bearer(token).send().await.assert_ok();
    for shown in [&app.registration, &read] {
        assert_eq!((shown["backchannel_logout_uri"].as_str(), &shown["backchannel_logout_session_required"]), (Some(uri), &json!(true)));
    }
}

#[tokio::test]
async fn discovery_says_that_clients_are_told() {
    let document = Site::standard().await.get("/.well-known/openid-configuration").await.assert_ok();
    for name in ["backchannel_logout", "backchannel_logout_session", "frontchannel_logout", "frontchannel_logout_session"] {
        assert_eq!(document[format!("{name}_supported")], json!(true), "{name}");
    }
    assert!(document.get("check_session_iframe").is_none());
}

/// THREATS.md A49.
#[tokio::test]
async fn a_logout_token_is_good_for_nothing_else() {
    let (site, receiver) = (Site::standard().await, good().await);
    let app = told_at(&site, &receiver, json!({})).await;
    let mut browser = Browser::new();
    let first = app.tokens(&mut browser).await;
    sign_out(&app, &mut browser, &first, &[]).await;
    let tokens = app.tokens(&mut browser).await;
    let heard = receiver.heard();
    let token = heard[0].body.strip_prefix("logout_token=").unwrap();
    let hint = browser.once(Request::get(&app.logout_url(&[("id_token_hint", token)])).header("accept", "application/json")).await;
    hint.assert_refused(400, "invalid_request");
    assert_eq!(app.userinfo(token).await.status, 401);
    assert!(!app.is_active(token).await);
    app.post("/token", &[("grant_type", "refresh_token"), ("refresh_token", token)]).await.assert_refused(400, "invalid_grant");
    assert_eq!(app.userinfo(&tokens.access).await.status, 200);
}

#[tokio::test]
async fn the_command_line_registers_where_a_client_is_told() {
    let server = Server::alone().await;
    let uris = ["--backchannel-logout-uri", "https://a.example/told", "--frontchannel-logout-uri", "https://a.example/out"];
    let add = ["--site", "default", "client", "add", "--redirect-uri", "https://a.example/cb", "--logout-session-required", "-o", "json"];
    let client: Value = serde_json::from_str(&server.writ(&[&add[..], &uris].concat(), "")).unwrap();
    assert_eq!((client["backchannel_logout_uri"].as_str(), client["frontchannel_logout_uri"].as_str()), (Some(uris[1]), Some(uris[3])));
    let required = ["backchannel_logout_session_required", "frontchannel_logout_session_required"];
    assert!(required.iter().all(|name| client[*name] == json!(true)), "{client}");
}
