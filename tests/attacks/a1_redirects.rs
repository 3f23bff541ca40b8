//! A01–A10: redirects and responses.

use crate::front;
use crate::harness::{App, Browser, PASSWORD, Request, Server, Site, USERNAME, jwt_part, query_of};
use serde_json::json;
use std::collections::BTreeSet;

/// Whether the request is shown our own error page and nothing else.
async fn is_refused_here(app: &App, redirect_uri: &str) -> bool {
    let answer = Request::get(&app.authorization().with("redirect_uri", redirect_uri).url()).send().await;
    answer.status == 400 && answer.location().is_none()
}

/// What is put between the characters of a redirection URI to make another.
const PIECES: [&str; 24] = [
    "/", ".", "..", "@", "\\", ":", ";", "?", "#", "&", "=", "*", "x", " ", "\t", "\n", "\0", "%2e", "%2f", "%5c", "%00", "%252e", "。",
    "\u{202e}",
];

/// Every edit of one character.
fn edits(uri: &str) -> Vec<String> {
    let mut all = vec![];
    for (at, character) in uri.char_indices() {
        let (before, after) = uri.split_at(at);
        let rest = &after[character.len_utf8()..];
        all.extend(PIECES.iter().map(|piece| format!("{before}{piece}{after}")));
        let turned = if character.is_lowercase() { character.to_ascii_uppercase() } else { character.to_ascii_lowercase() };
        let encoded = format!("%{:02X}", u32::from(character) % 256);
        all.extend(
            [String::new(), turned.to_string(), encoded, format!("{character}{character}")]
                .iter()
                .map(|new| format!("{before}{new}{rest}")),
        );
        all.push(before.to_owned());
    }
    all.extend(PIECES.iter().map(|piece| format!("{uri}{piece}")));
    all
}

/// Two thousand others: every edit of one character, and edits of those (THREATS.md A01).
fn mutants(uri: &str) -> Vec<String> {
    const WANTED: usize = 2000;
    let mut all: BTreeSet<String> = edits(uri).into_iter().collect();
    for edit in edits(uri).iter().step_by(3) {
        all.extend(edits(edit).into_iter().step_by(29));
    }
    all.retain(|mutant| mutant != uri && !mutant.is_empty());
    let stride = (all.len() / WANTED).max(1);
    all.into_iter().step_by(stride).take(WANTED).collect()
}

#[tokio::test]
async fn a01_a02_a03_only_the_registered_bytes_are_a_redirect_uri() {
    let app = Site::standard().await.confidential().await;
    for trick in [
        "https://client.example.org:80@evil.example/callback",
        "https://good@client.example.org/callback",
        "https://client.example.orga/callback",
        "https://xclient.example.org/callback",
        "https://client.example.org.evil.example/callback",
        "https://client.example.org/callback/..;/evil",
        "https://client.example.org/%63allback",
        "https://client.example.org/callback%2e%2e",
        "https://client.example.org\\@evil.example/callback",
        "https://client.example.org./callback",
        "https://xn--client-.example.org/callback",
        "//client.example.org/callback",
        "https:/client.example.org/callback",
        "http://client.example.org/callback",
        "https://client.example.org:443/callback",
        " https://client.example.org/callback",
    ] {
        assert!(is_refused_here(&app, trick).await, "{trick}");
    }
    for mutant in mutants(App::REDIRECT_URI) {
        assert!(is_refused_here(&app, &mutant).await, "{mutant}");
    }
}

/// Every form in which a redirection URI may be registered, and what a client of it says of itself.
fn registered_forms() -> Vec<(&'static str, serde_json::Value)> {
    let native = json!({"application_type": "native", "token_endpoint_auth_method": "none"});
    vec![
        ("https://client.example.org/callback", json!({})),
        ("https://client.example.org", json!({})),
        ("https://client.example.org:8443/a/b?tenant=1&x=y", json!({})),
        ("http://localhost:4000/cb", json!({})),
        ("http://127.0.0.1:4000/cb", native.clone()),
        ("http://127.0.0.1/cb?a=b", native.clone()),
        ("http://[::1]:4000/cb", native.clone()),
        ("org.example.app:/cb", native.clone()),
        ("org.example.app://host/cb", native),
    ]
}

/// What attackers made of registered URIs (THREATS.md A01–A06), for this one.
fn tricks(uri: &str) -> Vec<String> {
    let (scheme, rest) = uri.split_once(':').unwrap();
    let rest = rest.trim_start_matches('/');
    let (host, path) = rest.split_once('/').unwrap_or((rest, ""));
    vec![
        format!("{scheme}://{host}:80@evil.example/{path}"),
        format!("{scheme}://good@{host}/{path}"),
        format!("{scheme}://{host}.evil.example/{path}"),
        format!("{scheme}://evil.example/{path}"),
        format!("{scheme}://evil.example\\@{host}/{path}"),
        format!("{scheme}://{host}\\@evil.example/{path}"),
        format!("{scheme}://{host}/..;/{path}"),
        format!("{scheme}://{host}/%2e%2e/{path}"),
        format!("{scheme}://{host}/%252e%252e/{path}"),
        format!("{uri}/../evil"),
        format!("{uri}#fragment"),
        format!("{uri}?code=stolen"),
        format!("{uri}&state=mine"),
        format!("{uri}\t"),
        format!(" {uri}"),
        format!("{uri}\r\nLocation: https://evil.example/"),
        uri.replace("example", "EXAMPLE").replace("localhost", "LOCALHOST").replace("127.0.0.1", "127.1").replace("[::1]", "[::0:1]"),
        format!("//{host}/{path}"),
        format!("https:{host}/{path}"),
        "javascript:alert(1)//".to_owned() + uri,
        format!("data:text/html,{uri}"),
        "https://evil.example/".to_owned(),
    ]
}

/// Ways to ask that end in an error at once or later, and one that does not.
const BENDS: [(&str, &str); 8] = [
    ("prompt", "none"),
    ("scope", "no:such"),
    ("response_type", "x"),
    ("max_age", "x"),
    ("request", "eyJhbGciOiJub25lIn0.e30."),
    ("request_uri", "https://127.0.0.2:1/x"),
    ("id_token_hint", "x"),
    ("display", "page"),
];

/// The two halves around the port of a loopback address: what a native client may vary (RFC 8252 §7.3).
fn without_port(uri: &str) -> Option<(&str, &str)> {
    let (origin, rest) = ["http://127.0.0.1", "http://[::1]"].into_iter().find_map(|origin| Some((origin, uri.strip_prefix(origin)?)))?;
    let Some(after) = rest.strip_prefix(':') else { return Some((origin, rest)) };
    let digits = after.find(|c: char| !c.is_ascii_digit()).unwrap_or(after.len());
    after[..digits].parse::<u16>().ok()?;
    Some((origin, &after[digits..]))
}

/// How many attacks were made on the clients of one form; each must have been told to the person alone.
async fn attacked(site: &Site, uri: &'static str, members: serde_json::Value) -> usize {
    const MODES: [&str; 4] = ["", "query", "fragment", "form_post"];
    let mut body = json!({ "redirect_uris": [uri], "response_types": front::ALL });
    body["grant_types"] = json!(["authorization_code", "implicit", "refresh_token"]);
    body.as_object_mut().unwrap().extend(members.as_object().unwrap().clone());
    let app = site.app(body).await;
    let native = app.registration["application_type"] == "native";
    let is_port_alone = |other: &str| native && without_port(uri).is_some() && without_port(other) == without_port(uri);
    let mut made = 0;
    let mut attack = async |redirect_uri: &str, way: usize, bend: usize| {
        if redirect_uri == uri || is_port_alone(redirect_uri) {
            return;
        }
        let (name, value) = BENDS[bend % BENDS.len()];
        let request = app.authorization().with("redirect_uri", redirect_uri).with("response_type", front::ALL[way % 7]);
        let request = request.with("response_mode", MODES[way / 7 % 4]).with(name, value);
        let answer = Request::get(&request.url()).header("accept", "text/html").send().await;
        let text = answer.text();
        assert_eq!((answer.status, answer.location()), (400, None), "{redirect_uri} {name}={value}: {text}");
        // With a dot or slash: the request's id, which the page shows, may well have an "evil" in it.
        let shows_it = text.contains("evil.") || text.contains("/evil");
        assert!(!text.contains("<form") && !text.contains("id=\"onward\"") && !shows_it, "{redirect_uri}: {text}");
        made += 1;
    };
    // Every trick by every type, mode and error.
    for trick in tricks(uri) {
        for at in 0..28 * BENDS.len() {
            attack(&trick, at, at / 28).await;
        }
    }
    for (at, mutant) in mutants(uri).iter().enumerate() {
        attack(mutant, at, at / 28).await;
    }
    made
}

#[tokio::test]
async fn a01_to_a08_no_attack_on_any_form_by_any_type_mode_or_error_is_redirected() {
    // Its log gets long.
    let site = front::server().await.site("default");
    let mut running = tokio::task::JoinSet::new();
    for (uri, members) in registered_forms() {
        let site = site.clone();
        running.spawn(async move { (uri, attacked(&site, uri, members).await) });
    }
    let mut total = 0;
    while let Some(done) = running.join_next().await {
        let (uri, made) = done.unwrap();
        eprintln!("{made} attacks on {uri}, 0 redirects");
        assert!(made > 6_900, "{uri}: {made}");
        total += made;
    }
    eprintln!("{total} attacks, 0 redirects");
    assert!(total > 62_000, "{total}");
}

#[tokio::test]
async fn a04_only_the_port_of_a_native_loopback_address_may_differ() {
    let site = Site::standard().await;
    let registered = "http://127.0.0.1:4000/cb?a=b";
    let members = json!({"application_type": "native", "token_endpoint_auth_method": "none", "redirect_uris": [registered]});
    let native = site.app(members).await;
    for uri in [registered, "http://127.0.0.1:9/cb?a=b", "http://127.0.0.1/cb?a=b"] {
        let shown = Browser::new().open(&native.authorization().with("redirect_uri", uri).url()).await.page();
        assert!(shown.is_sign_in(), "{uri}");
    }
    for uri in [
        "http://127.0.0.1:4000/cb",
        "http://127.0.0.1:4000/cb?a=c",
        "http://127.0.0.1:4000/cc?a=b",
        "http://127.0.0.1:4000/cb?a=b&c=d",
        "http://127.0.0.2:4000/cb?a=b",
        "http://localhost:4000/cb?a=b",
        "http://[::1]:4000/cb?a=b",
        "https://127.0.0.1:4000/cb?a=b",
        "http://127.0.0.1:4000@evil.example/cb?a=b",
        "http://127.0.0.1:99999999/cb?a=b",
    ] {
        assert!(is_refused_here(&native, uri).await, "{uri}");
    }
    let web = site.app(json!({"redirect_uris": [registered]})).await;
    assert!(is_refused_here(&web, "http://127.0.0.1:9/cb?a=b").await, "web clients have no exemption");
}

/// A word in small letters, in capitals, and in both by turns.
fn spelt(word: &str) -> [String; 3] {
    let by_turns = word.char_indices().map(|(at, c)| if at % 2 == 0 { c.to_ascii_uppercase() } else { c }).collect();
    [word.to_owned(), word.to_uppercase(), by_turns]
}

#[tokio::test]
async fn a05_a_scheme_that_runs_is_never_registered() {
    let site = Site::standard().await;
    let schemes = "javascript data vbscript file blob about ftp ftps ws wss view-source x jar mailto tel sms intent content chrome \
        chrome-extension moz-extension resource res ms-help mhtml livescript mocha feed filesystem cid mid urn gopher telnet ssh sftp ldap \
        smb magnet httpx";
    for kind in ["web", "native"] {
        for scheme in schemes.split_whitespace().flat_map(spelt) {
            for rest in ["alert(1)", "//host/cb", "%0aalert(1)"] {
                for pad in ["", " ", "\t", "\n"] {
                    let uri = format!("{pad}{scheme}:{rest}");
                    let answer = site.register(&json!({"application_type": kind, "redirect_uris": [uri]})).await;
                    answer.assert_refused(400, "invalid_redirect_uri");
                }
            }
        }
    }
}

#[tokio::test]
async fn a06_a_redirect_uri_may_not_bring_an_answer_along() {
    let site = Site::standard().await;
    for name in ["code", "state", "iss", "error", "error_description", "id_token", "access_token", "token_type"] {
        for uri in [
            format!("https://a.example/cb?{name}=x"),
            format!("https://a.example/cb?a=b&{name}=x"),
            format!("https://a.example/cb#{name}=x"),
        ] {
            site.register(&json!({"redirect_uris": [uri]})).await.assert_refused(400, "invalid_redirect_uri");
        }
    }
}

#[tokio::test]
async fn a07_no_error_is_sent_to_an_unchecked_address() {
    let app = Site::standard().await.confidential().await;
    let bends =
        [("prompt", "none"), ("response_type", "x"), ("scope", "no:such"), ("request", "x"), ("max_age", "x"), ("code_challenge", "x")];
    for (name, value) in bends {
        for wrong in [("redirect_uri", "https://evil.example/"), ("client_id", "unknown")] {
            let request = app.authorization().with(name, value).with(wrong.0, wrong.1);
            let answer = Request::get(&request.url()).header("accept", "text/html").send().await;
            assert_eq!((answer.status, answer.location()), (400, None), "{name}={value} {wrong:?}");
        }
    }
}

#[tokio::test]
async fn a08_the_consent_form_decides_nothing_but_yes_or_no() {
    let app = Site::standard().await.confidential().await;
    let mut browser = Browser::new();
    let sign_in = browser.open(&app.authorization().with("scope", "openid").url()).await.page();
    let consent = browser.sign_in(&sign_in, USERNAME, PASSWORD).await.page();
    let mut press = consent.pressed("primary", &[]);
    let extra = "&redirect_uri=https%3A%2F%2Fevil.example%2F&client_id=x&scope=email&state=mine&response_type=token&code_challenge=x";
    press.body.extend_from_slice(extra.as_bytes());
    let left = browser.follow(press).await.left();
    let request = app.authorization();
    request.answer_in(&app, &left);
    let pairs = [("grant_type", "authorization_code"), ("redirect_uri", App::REDIRECT_URI)];
    let code = query_of(&left, "code").unwrap();
    let answer = app.post("/token", &[&pairs[..], &[("code", &code), ("code_verifier", "x")]].concat()).await;
    assert_eq!(answer.status, 400, "the challenge of the request still stands: {}", answer.text());
}

#[tokio::test]
async fn a09_a_forged_hint_never_opens_the_way_out() {
    let app = Site::standard().await.confidential().await;
    let mut browser = Browser::new();
    let tokens = app.tokens(&mut browser).await;
    let claims = jwt_part(&tokens.id, 1);
    let unsigned = format!(
        "{}.",
        crate::harness::jwt_with(&tokens.id, 0, &json!({"alg": "none", "kid": jwt_part(&tokens.id, 0)["kid"]})).rsplit_once('.').unwrap().0
    );
    for hint in [
        unsigned,
        crate::harness::jwt_with(&tokens.id, 1, &{
            let mut other = claims.clone();
            other["aud"] = json!("LnjqojEEjFYe5j2Jp9m9UnmuxOnMg4VodEJj3yE8_OA");
            other
        }),
    ] {
        for uri in [App::LOGOUT_URI, "https://evil.example/", "//evil.example", "javascript:alert(1)", "https://client.example.org", ""] {
            let pairs = [("id_token_hint", hint.as_str()), ("post_logout_redirect_uri", uri)];
            let answer = browser.once(Request::get(&app.logout_url(&pairs)).header("accept", "text/html")).await;
            assert_eq!((answer.status, answer.location()), (400, None), "{uri}");
        }
    }
    assert_eq!(app.userinfo(&tokens.access).await.status, 200);
}

#[tokio::test]
async fn a10_a_password_is_never_sent_on() {
    let app = Site::standard().await.confidential().await;
    let mut browser = Browser::new();
    let page = browser.open(&app.authorization().url()).await.page();
    let mut answer = browser.once(page.pressed("primary", &[("username", USERNAME), ("password", PASSWORD)])).await;
    assert_eq!(answer.status, 303, "RFC 9700 §4.12");
    while let Some(next) = answer.location().filter(|next| next.origin() == page.answer.url.origin()) {
        assert!(![301, 307, 308].contains(&answer.status), "{}", answer.status);
        answer = browser.once(Request::get(next.as_str()).header("accept", "text/html")).await;
    }
    let consent = crate::harness::Page::of(answer);
    assert!(!consent.text().contains(PASSWORD));
    let given = browser.once(consent.pressed("primary", &[])).await;
    assert!([302, 303].contains(&given.status), "{}", given.status);
}

#[tokio::test]
async fn a12_every_answer_names_its_issuer() {
    let server = Server::shared().await;
    for name in ["default", "other"] {
        let app = server.site(name).confidential().await;
        let denied = Browser::new().open_as_program(&app.authorization().with("prompt", "none").url()).await.left();
        assert_eq!(query_of(&denied, "iss"), Some(server.site(name).issuer()));
        app.code(&mut Browser::new()).await;
    }
}

#[tokio::test]
async fn a13_nobody_is_sent_to_an_unchecked_app_by_a_link_alone() {
    let server = Server::alone().await;
    let site = server.site("default");
    let app = site.app(json!({"client_name": "<b>Your Bank", "redirect_uris": ["https://evil.example/x"]})).await;
    let right = app.authorization().with("redirect_uri", "https://evil.example/x");
    let bends = [("scope", "no:such"), ("prompt", "none"), ("response_type", "token"), ("max_age", "x"), ("id_token_hint", "x")];
    let mut asked: Vec<_> = bends.iter().map(|(name, value)| right.clone().with(name, value)).collect();
    asked.push(right.clone().also("state", "twice"));
    for request in &asked {
        let page = Browser::new().open(&request.url()).await.page();
        assert_eq!(page.status(), 400, "{}", page.text());
        assert!(page.text().contains("<strong class=\"host\">evil.example</strong>"), "the page names the host: {}", page.text());
        assert!(page.text().contains("Nobody here has checked this app") && !page.text().contains("<b>"), "{}", page.text());
        let onward = crate::harness::between(&page.text(), "id=\"onward\" href=\"", "\"").replace("&#38;", "&");
        let program = Browser::new().open_as_program(&request.url()).await.left();
        let frame = Request::get(&request.url()).header("accept", "text/html").header("sec-fetch-dest", "iframe").send().await;
        assert_eq!((onward.as_str(), Some(&program)), (program.as_str(), frame.location().as_ref()), "the link is the redirect");
    }
    let mut signed_in = Browser::new();
    let page = signed_in.open(&right.url()).await.page();
    signed_in.sign_in(&page, USERNAME, PASSWORD).await.page();
    server.writ(&["client", "disable", &app.client_id], "");
    server.writ(&["client", "enable", &app.client_id], "");
    for request in &asked {
        let left = signed_in.open(&request.url()).await.left();
        assert!(left.as_str().contains("error="), "who is signed in is redirected: {left}");
    }
    server.writ(&["site", "set", "default", "app_approval=manual"], "");
    let app = site.confidential().await;
    server.writ(&["client", "approve", &app.client_id], "");
    let left = Browser::new().open(&app.authorization().with("prompt", "none").url()).await.left();
    assert_eq!(query_of(&left, "error").as_deref(), Some("login_required"), "an administrator knows the app");
}

/// Three stages at which a person may stand when the client changes: before the password, before the consent, and before a no.
async fn stages(app: &App) -> Vec<(&'static str, Browser, Request)> {
    let mut all = vec![];
    let mut browser = Browser::new();
    let sign_in = browser.open(&app.authorization().with("prompt", "login").url()).await.page();
    all.push(("sign in", browser.clone(), sign_in.pressed("primary", &[("username", USERNAME), ("password", PASSWORD)])));
    let consent = browser.sign_in(&sign_in, USERNAME, PASSWORD).await.page();
    all.push(("allow", browser.clone(), consent.pressed("primary", &[])));
    all.push(("deny", browser, consent.pressed("deny", &[])));
    all
}

/// What a change of the client does to a request under way.
enum Change {
    Disabled,
    Deleted,
    Moved,
}

#[tokio::test]
async fn nobody_is_sent_to_what_the_client_is_no_longer() {
    let site = Server::alone().await.site("default");
    for change in [Change::Disabled, Change::Deleted, Change::Moved] {
        let app = site.confidential().await;
        let stages = stages(&app).await;
        match change {
            Change::Disabled => drop(site.server.writ(&["client", "disable", &app.client_id], "")),
            Change::Deleted => drop(site.server.writ(&["client", "delete", &app.client_id], "")),
            Change::Moved => {
                let body = json!({"client_id": app.client_id, "redirect_uris": ["https://client.example.org/new"], "scope": app.scope});
                let uri = app.registration["registration_client_uri"].as_str().unwrap();
                let token = app.registration["registration_access_token"].as_str().unwrap();
                let put = Request::new(http::Method::PUT, uri).body("application/json", body.to_string()).bearer(token).send().await;
                assert_eq!(put.status, 200, "{}", put.text());
            }
        }
        for (stage, mut browser, press) in stages {
            let mut page = browser.follow(press).await.page();
            if page.is_consent() {
                page = browser.press(&page, "primary", &[]).await.page();
            }
            assert_eq!(page.status(), 400, "{stage}: {}", page.text());
            assert!(!page.text().contains("access_denied"), "{stage}: {}", page.text());
        }
    }
}

#[tokio::test]
async fn a14_an_answer_in_the_query_ends_in_a_fragment_of_its_own_where_the_site_wants_that() {
    let server = Server::alone().await;
    let site = server.site("default");
    let (app, mut browser) = (site.confidential().await, Browser::new());
    let tokens = app.tokens(&mut browser).await;
    let program = Request::get(&app.authorization().with("prompt", "none").url());
    let refused = Request::get(&app.authorization().with("scope", "no:such").url());
    let sign_out = app.logout_url(&[("id_token_hint", &tokens.id), ("post_logout_redirect_uri", App::LOGOUT_URI), ("state", "s")]);
    let told = async |browser: &mut Browser, request: &Request| browser.once(request.clone()).await.header("location").unwrap().to_owned();
    for answer in [told(&mut browser, &program).await, told(&mut browser, &refused).await] {
        assert!(answer.starts_with("https://client.example.org/callback?") && !answer.contains('#'), "{answer}");
    }
    server.writ(&["site", "set", "default", "redirect.close_fragment=true", "authorize.implicit=true"], "");
    let code = told(&mut browser, &program).await;
    assert!(code.contains("?code=") && code.ends_with("#_"), "{code}");
    let error = told(&mut browser, &refused).await;
    assert!(error.contains("?error=invalid_scope") && error.ends_with("#_"), "{error}");
    let page = Browser::new().open(refused.url.as_str()).await.page();
    let onward = crate::harness::between(&page.text(), "id=\"onward\" href=\"", "\"");
    assert!(onward.contains("?error=invalid_scope") && onward.ends_with("#_"), "{onward}");
    let posted = browser.open(&app.authorization().with("response_mode", "form_post").with("prompt", "none").url()).await.page();
    assert_eq!(posted.action.as_ref().map(url::Url::as_str), Some(App::REDIRECT_URI), "a form carries no fragment on");
    let front = site.app(json!({"response_types": ["token"], "grant_types": ["implicit"]})).await;
    let request = front.authorization().with("response_type", "token").with("scope", "no:such");
    let fragment = told(&mut browser, &Request::get(&request.url())).await;
    assert!(fragment.contains("callback#error=") && !fragment.ends_with("#_"), "{fragment}");
    let signed_out = told(&mut browser, &Request::get(&sign_out)).await;
    assert_eq!(signed_out, format!("{}?state=s#_", App::LOGOUT_URI));
}
