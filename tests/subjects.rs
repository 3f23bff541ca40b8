//! OpenID Connect Core §8: what a client knows a person by, and that it is the same wherever the client looks.

use crate::harness::{App, Behaviour, Browser, KeyServer, PASSWORD, Request, Server, Site, Stop, Tokens, USERNAME, jwt_part, reason_of};
use http::Method;
use serde_json::{Value, json};

/// Where a document says that these share a sector, named by this host.
async fn sector(host: &str, uris: &[&str]) -> (KeyServer, String) {
    let server = KeyServer::start(Behaviour::document(&json!(uris))).await;
    let uri = server.url.replace("127.0.0.1", host);
    (server, uri)
}

async fn pairwise(site: &Site, sector_identifier_uri: Option<&str>) -> App {
    let mut members = json!({"subject_type": "pairwise"});
    if let Some(uri) = sector_identifier_uri {
        members["sector_identifier_uri"] = json!(uri);
    }
    let app = site.app(members).await;
    assert_eq!(app.registration["subject_type"], "pairwise");
    app
}

/// The one `sub` that the client is told everywhere.
async fn sub_of(app: &App, tokens: &Tokens) -> String {
    let sub = jwt_part(&tokens.id, 1)["sub"].as_str().unwrap().to_owned();
    let elsewhere = [
        jwt_part(&tokens.access, 1)["sub"].clone(),
        app.userinfo(&tokens.access).await.assert_ok()["sub"].clone(),
        app.introspect(&tokens.access).await.assert_ok()["sub"].clone(),
        app.introspect(&tokens.refresh).await.assert_ok()["sub"].clone(),
    ];
    assert_eq!(elsewhere, [json!(sub), json!(sub), json!(sub), json!(sub)]);
    sub
}

#[tokio::test]
async fn a_pairwise_sub_is_the_same_everywhere_within_a_sector_and_another_one_outside() {
    let site = Server::alone().await.site("default");
    let (_here, here) = sector("127.0.0.1", &[App::REDIRECT_URI]).await;
    let (_there, there) = sector("localhost", &["https://x.example/", App::REDIRECT_URI]).await;
    let apps = [
        pairwise(&site, None).await,
        pairwise(&site, None).await,
        pairwise(&site, Some(&here)).await,
        pairwise(&site, Some(&there)).await,
        site.confidential().await,
    ];
    let mut browser = Browser::new();
    let mut subs = vec![];
    for app in &apps {
        let tokens = app.tokens(&mut browser).await;
        let sub = sub_of(app, &tokens).await;
        let refreshed = Tokens::of(&app.refresh(&tokens.refresh).await);
        assert_eq!(sub_of(app, &refreshed).await, sub, "OpenID Connect Core §12.2");
        subs.push(sub);
    }
    let [one, same_host, other_sector, third_sector, public] = <[String; 5]>::try_from(subs).unwrap();
    assert_eq!(one, same_host);
    assert!(one != other_sector && other_sector != third_sector && one != third_sector);
    assert_eq!(public.len(), 36, "a UUID");
    for sub in [&one, &other_sector, &third_sector] {
        assert!(sub.len() == 43 && *sub != public, "{sub}");
    }
    site.server.kill_and_restart();
    let after = apps[1].tokens(&mut Browser::new()).await;
    assert_eq!(sub_of(&apps[1], &after).await, one, "the key behind it is never rotated");
}

#[tokio::test]
async fn a_hint_with_a_pairwise_sub_finds_its_person() {
    let site = Site::standard().await;
    let app = pairwise(&site, None).await;
    let mut browser = Browser::new();
    let tokens = app.tokens(&mut browser).await;
    let silent = |hint: &str| app.authorization().with("prompt", "none").with("id_token_hint", hint).url();
    let left = browser.open(&silent(&tokens.id)).await.left();
    assert!(left.as_str().contains("code="), "{left}");

    let mut other = Browser::new();
    let page = other.open(&app.authorization().url()).await.page();
    other.sign_in(&page, "bruno", PASSWORD).await;
    let left = other.open(&silent(&tokens.id)).await.left();
    assert!(left.as_str().contains("error=login_required"), "{left}");

    // With the session gone the log still knows who it was.
    let out = browser.open(&app.logout_url(&[("id_token_hint", &tokens.id)])).await;
    assert!(matches!(&out, Stop::Shown(page) if page.title().contains("Signed out")), "{out:?}");
    app.assert_dead(&tokens).await;
    let asked = app.authorization().with("id_token_hint", &tokens.id);
    let page = browser.open(&asked.url()).await.page();
    assert!(page.is_sign_in());
    let stop = browser.sign_in(&page, USERNAME, PASSWORD).await;
    let left = if matches!(&stop, Stop::Shown(_)) { browser.press(&stop.page(), "primary", &[]).await.left() } else { stop.left() };
    assert!(left.as_str().contains("code="), "{left}");
}

#[tokio::test]
async fn signing_out_everywhere_with_a_pairwise_hint_ends_the_persons_grants_at_the_client() {
    let site = Site::standard().await;
    let app = pairwise(&site, None).await;
    let (mut here, mut there) = (Browser::new(), Browser::new());
    let (one, two) = (app.tokens(&mut here).await, app.tokens(&mut there).await);
    here.open(&app.logout_url(&[("id_token_hint", &one.id), ("all_sessions", "true")])).await;
    app.assert_dead(&one).await;
    app.assert_dead(&two).await;
}

#[tokio::test]
async fn oidcc_registration_sector_uri_and_sector_bad() {
    let site = Site::standard().await;
    let (server, uri) = sector("127.0.0.1", &[App::REDIRECT_URI]).await;
    let uris = |uris: Value| json!({"redirect_uris": uris, "subject_type": "pairwise", "sector_identifier_uri": uri});
    let good = site.register(&uris(json!([App::REDIRECT_URI]))).await;
    assert_eq!((good.status, good.json()["sector_identifier_uri"].as_str()), (201, Some(uri.as_str())), "{}", good.text());
    for (document, reason) in [
        (json!(["https://client.example.org/other"]), "sector_incomplete"),
        (json!([]), "sector_incomplete"),
        (json!({"redirect_uris": [App::REDIRECT_URI]}), "sector_unreadable"),
        (json!([App::REDIRECT_URI, 7]), "sector_unreadable"),
    ] {
        server.behave(Behaviour::document(&document));
        for subject_type in ["pairwise", "public"] {
            let mut body = uris(json!([App::REDIRECT_URI]));
            body["subject_type"] = json!(subject_type);
            let answer = site.register(&body).await;
            answer.assert_refused(400, "invalid_client_metadata");
            assert_eq!(reason_of(&site, &answer), reason, "{document}");
        }
    }
    server.behave(Behaviour { status: 404, ..Behaviour::document(&json!([App::REDIRECT_URI])) });
    let answer = site.register(&uris(json!([App::REDIRECT_URI]))).await;
    answer.assert_refused(400, "invalid_client_metadata");
    assert_eq!(reason_of(&site, &answer), "sector_unreadable");

    let before = server.requests();
    site.register(&uris(json!(["nowhere"]))).await.assert_refused(400, "invalid_redirect_uri");
    let mut wrong = uris(json!([App::REDIRECT_URI]));
    wrong["scope"] = json!("no:such");
    site.register(&wrong).await.assert_refused(400, "invalid_client_metadata");
    assert_eq!(server.requests(), before, "for who is refused anyway nothing is fetched");
    let private = json!({"redirect_uris": [App::REDIRECT_URI], "subject_type": "pairwise", "sector_identifier_uri": "https://127.0.0.2/"});
    let answer = site.register(&private).await;
    assert_eq!(reason_of(&site, &answer), "sector_unreadable", "the address is not public");
}

#[tokio::test]
async fn a_clients_sector_never_changes() {
    let site = Site::standard().await;
    let second = "https://second.example/cb";
    let (server, uri) = sector("127.0.0.1", &[App::REDIRECT_URI, second]).await;
    let app = pairwise(&site, Some(&uri)).await;
    let address = app.registration["registration_client_uri"].as_str().unwrap().to_owned();
    let mut token = app.registration["registration_access_token"].as_str().unwrap().to_owned();
    let mut put = async |members: Value| {
        let mut body = json!({
            "client_id": app.client_id, "redirect_uris": [App::REDIRECT_URI], "subject_type": "pairwise", "sector_identifier_uri": uri,
        });
        for (name, value) in members.as_object().unwrap() {
            body[name] = value.clone();
        }
        let answer = Request::new(Method::PUT, &address).bearer(&token).body("application/json", body.to_string()).send().await;
        if answer.status == 200 {
            token = answer.member("registration_access_token");
        }
        let reason = (answer.status != 200).then(|| reason_of(&site, &answer));
        (answer.status, reason)
    };
    let refused = |reason: &str| (400, Some(reason.to_owned()));
    assert_eq!(put(json!({"subject_type": "public"})).await, refused("sector_changed"));
    assert_eq!(put(json!({"sector_identifier_uri": null})).await, refused("sector_changed"), "then it were that of its redirect_uris");
    assert_eq!(put(json!({"sector_identifier_uri": uri.replace("127.0.0.1", "localhost")})).await, refused("sector_changed"));
    let asked = server.requests();
    assert_eq!(put(json!({"client_name": "New"})).await, (200, None));
    assert_eq!(server.requests(), asked, "what was shown need not be shown again");
    assert_eq!(put(json!({"redirect_uris": [second, App::REDIRECT_URI]})).await, (200, None));
    assert_eq!(server.requests(), asked + 1);
    assert_eq!(put(json!({"redirect_uris": ["https://third.example/cb"]})).await, refused("sector_incomplete"));
    server.behave(Behaviour { status: 500, ..Behaviour::document(&json!([])) });
    assert_eq!(put(json!({"redirect_uris": ["https://third.example/cb"]})).await, refused("sector_unreadable"));
}

#[tokio::test]
async fn nothing_is_read_for_a_change_that_is_refused_even_if_the_document_is_good() {
    let site = Site::standard().await;
    let (server, uri) = sector("localhost", &[App::REDIRECT_URI]).await;
    let app = site.app(json!({})).await;
    let address = app.registration["registration_client_uri"].as_str().unwrap();
    let token = app.registration["registration_access_token"].as_str().unwrap();
    let put = async |members: Value| {
        let mut body = json!({"client_id": app.client_id, "redirect_uris": [App::REDIRECT_URI], "sector_identifier_uri": uri});
        body.as_object_mut().unwrap().extend(members.as_object().unwrap().clone());
        Request::new(Method::PUT, address).bearer(token).body("application/json", body.to_string()).send().await
    };
    put(json!({"scope": "openid system/Patient.rs"})).await.assert_refused(400, "invalid_client_metadata");
    put(json!({"subject_type": "pairwise"})).await.assert_refused(400, "invalid_client_metadata");
    site.server.writ(&["client", "disable", &app.client_id], "");
    put(json!({})).await.assert_refused(401, "invalid_client");
    assert_eq!(server.requests(), 0);
    site.server.writ(&["client", "enable", &app.client_id], "");
    assert_eq!((put(json!({})).await.status, server.requests()), (200, 1));
}
