//! What people see of the app that asks: its picture, its links, its name in their language (OpenID Connect Registration §2, §2.1,
//! CONFORMANCE.md §3 oidcc-registration-logo-uri, -policy-uri, -tos-uri, docs/decisions/0020).

use crate::harness::{App, Authorization, Browser, PASSWORD, Page, Request, Site, USERNAME};
use serde_json::{Value, json};

/// Where a browser that reads these languages ends up, saying so with each request.
async fn follow(browser: &mut Browser, mut request: Request, accept_language: &str) -> Page {
    loop {
        let answer = browser.once(request.header("accept", "text/html").header("accept-language", accept_language)).await;
        let Some(to) = answer.location() else { return Page::of(answer) };
        request = Request::get(to.as_str());
    }
}

/// The sign-in page and the consent page of a browser that reads these languages.
async fn pages(authorization: &Authorization, accept_language: &str) -> [Page; 2] {
    let mut browser = Browser::new();
    let sign_in = follow(&mut browser, Request::get(&authorization.url()), accept_language).await;
    assert!(sign_in.is_sign_in(), "{}", sign_in.text());
    let answer = sign_in.pressed("primary", &[("username", USERNAME), ("password", PASSWORD)]);
    let consent = follow(&mut browser, answer, accept_language).await;
    assert!(consent.is_consent(), "{}", consent.text());
    [sign_in, consent]
}

#[tokio::test]
async fn oidcc_registration_logo_policy_and_tos_uri_are_shown_on_the_sign_in_and_the_consent_page() {
    let members = json!({
        "logo_uri": "https://logos.example:8443/growth.png",
        "client_uri": "https://client.example.org/",
        "policy_uri": "https://client.example.org/policy?a=1&b=2",
        "tos_uri": "https://client.example.org/terms",
    });
    let app = Site::standard().await.app(members).await;
    for page in pages(&app.authorization(), "en").await {
        let text = page.text();
        for uri in ["https://client.example.org/", "https://client.example.org/policy?a=1&#38;b=2", "https://client.example.org/terms"] {
            assert!(text.contains(&format!("<a href=\"{uri}\" rel=\"noopener noreferrer\"")), "{uri}: {text}");
        }
        let picture = text.split("<img ").nth(1).unwrap().split('>').next().unwrap();
        assert!(picture.contains("src=\"https://logos.example:8443/growth.png\""), "{picture}");
        assert!(picture.contains("referrerpolicy=\"no-referrer\"") && picture.contains("alt=\"\""), "{picture}");
        let policy = page.answer.header("content-security-policy").unwrap();
        assert!(policy.contains("; img-src https://logos.example:8443;"), "{policy}");
        assert_eq!(page.answer.header("referrer-policy"), Some("no-referrer"));
    }
    let bare = Site::standard().await.confidential().await;
    for page in pages(&bare.authorization(), "en").await {
        let policy = page.answer.header("content-security-policy").unwrap();
        assert!(!policy.contains("img-src") && !page.text().contains("<img"), "who shows no picture needs no hole in the policy: {policy}");
    }
}

#[tokio::test]
async fn an_apps_name_is_shown_in_the_language_that_the_request_or_the_browser_asks_for() {
    let members = json!({
        "client_name": "Growth Chart",
        "client_name#de": "Wachstumskurve",
        "client_name#fr": "Courbe de croissance",
        "tos_uri": "https://client.example.org/terms",
        "tos_uri#de": "https://client.example.org/bedingungen",
        "logo_uri#de": "https://logos.example/de.png",
    });
    let app = Site::standard().await.app(members.clone()).await;
    for (name, value) in members.as_object().unwrap() {
        assert_eq!(&app.registration[name], value, "{name}");
    }
    let rows = [
        ("", "de-AT, en;q=0.5", "Wachstumskurve", "bedingungen"),
        ("", "en", "Growth Chart", "terms"),
        ("fr-CA fr en", "de", "Courbe de croissance", "bedingungen"),
        ("", "pt", "Growth Chart", "terms"),
    ];
    for (ui_locales, accept, name, terms) in rows {
        for page in pages(&app.authorization().with("ui_locales", ui_locales), accept).await {
            assert!(page.text().contains(name) && page.text().contains(terms), "{ui_locales} {accept}: {}", page.text());
        }
    }
    let wrong = [
        json!({"client_name#de": "x".repeat(81)}),
        json!({"client_name#de": 7}),
        json!({"logo_uri#de": "javascript:alert(1)"}),
        json!({"policy_uri#de": "https:evil.example"}),
        json!({"tos_uri#": "https://client.example.org/"}),
    ];
    for members in wrong {
        let mut body = json!({"redirect_uris": [App::REDIRECT_URI]});
        body.as_object_mut().unwrap().extend(members.as_object().unwrap().clone());
        app.site.register(&body).await.assert_refused(400, "invalid_client_metadata");
    }
}

#[tokio::test]
async fn oidcc_3rdparty_init_login_an_https_initiate_login_uri_is_read_back_and_an_http_one_refused() {
    let site = Site::standard().await;
    let register = async |members: Value| {
        let mut body = json!({"redirect_uris": [App::REDIRECT_URI]});
        body.as_object_mut().unwrap().extend(members.as_object().unwrap().clone());
        site.register(&body).await
    };
    let launch = "https://client.example.org/launch";
    for members in [
        json!({"initiate_login_uri": launch}),
        json!({"launch_uris": [launch]}),
        json!({"launch_uris": [launch], "initiate_login_uri": launch}),
    ] {
        let answer = register(members).await;
        assert_eq!((answer.status, answer.member("initiate_login_uri").as_str()), (201, launch));
        let read = Request::get(&answer.member("registration_client_uri")).bearer(&answer.member("registration_access_token")).send().await;
        assert_eq!(read.assert_ok()["initiate_login_uri"], launch);
    }
    for members in [
        json!({"initiate_login_uri": "http://client.example.org/launch"}),
        json!({"initiate_login_uri": "/launch"}),
        json!({"launch_uris": ["http://client.example.org/launch"]}),
        json!({"launch_uris": [launch, "https://client.example.org/other"]}),
        json!({"launch_uris": [launch], "initiate_login_uri": "https://client.example.org/other"}),
        json!({"launch_uris": launch}),
    ] {
        register(members).await.assert_refused(400, "invalid_client_metadata");
    }
}
