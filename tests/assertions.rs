//! `private_key_jwt`: RFC 7523 §3, OpenID Connect Core §9, SPEC.md k-44 to k-46, THREATS.md A40 to A50 and A53.

use crate::harness::{App, Behaviour, ClientKey, JWT_BEARER, KeyServer, Request, Server, Signer, Site, jwt_part, now};
use serde_json::{Value, json};
use std::time::Duration;

const UNREADABLE: &str = "The keys of the client could not be read";
const ALGORITHMS: [&str; 7] = ["RS256", "RS384", "PS256", "ES256", "ES384", "EdDSA", "Ed25519"];

/// A form without anything that says which client it comes from.
async fn bare(site: &Site, pairs: &[(&str, &str)]) -> crate::harness::Answer {
    let grant = [("grant_type", "refresh_token"), ("refresh_token", "none")];
    Request::form(&site.url("/token"), &grant.iter().chain(pairs).copied().collect::<Vec<_>>()).send().await
}

#[tokio::test]
async fn a_client_gets_and_uses_tokens_with_assertions_of_each_algorithm() {
    let site = Site::standard().await;
    for alg in ALGORITHMS {
        let signer = Signer::inline(&site, alg).await;
        assert!(signer.app.secret.is_none() && signer.app.registration.get("client_secret_expires_at").is_none(), "{alg}");
        assert_eq!(signer.app.registration["jwks"]["keys"][0], signer.key.jwk());
        let tokens = signer.tokens().await;
        let introspect = signer.post("/introspect", &[("token", &tokens.access)], &signer.assertion()).await;
        assert_eq!(introspect.assert_ok()["active"], true, "{alg}");
        let pairs = [("grant_type", "refresh_token"), ("refresh_token", tokens.refresh.as_str())];
        let access = signer.post("/token", &pairs, &signer.assertion()).await.assert_ok()["access_token"].as_str().unwrap().to_owned();
        assert_eq!(signer.post("/revoke", &[("token", &access)], &signer.assertion()).await.status, 200, "{alg}");
        let introspect = signer.post("/introspect", &[("token", &access)], &signer.assertion()).await;
        assert_eq!(introspect.assert_ok(), json!({ "active": false }), "{alg}");
    }
}

#[tokio::test]
async fn each_wrong_assertion_is_refused_and_the_log_says_why() {
    let site = Server::alone().await.site("default");
    let signer = Signer::inline(&site, "ES384").await;
    let other = Signer::inline(&site, "ES384").await;
    let (header, claims) = (signer.header(), || signer.claims(json!({})));
    let with_header = |member: &str, value: Value| {
        let mut header = header.clone();
        header[member] = value;
        signer.key.sign(&header, &claims())
    };
    let unsigned = {
        let signed = with_header("alg", "none".into());
        format!("{}.", signed.rsplit_once('.').unwrap().0)
    };
    let token_url = site.url("/token");
    let cases: Vec<(&str, &str, String)> = vec![
        ("no JWT", "assertion_malformed", "gibberish".to_owned()),
        ("no jti", "assertion_malformed", signer.assertion_with(json!({ "jti": null }))),
        ("no sub", "assertion_malformed", signer.assertion_with(json!({ "sub": null }))),
        ("exp as text", "assertion_malformed", signer.assertion_with(json!({ "exp": "never" }))),
        ("too long", "assertion_malformed", signer.assertion_with(json!({ "padding": "x".repeat(8192) }))),
        ("unsigned", "assertion_algorithm_refused", unsigned),
        ("a shared secret", "assertion_algorithm_refused", with_header("alg", "HS256".into())),
        ("an extension", "assertion_header_refused", with_header("crit", json!(["exp"]))),
        ("a key of its own", "assertion_header_refused", with_header("jwk", signer.key.jwk())),
        ("a place of keys", "assertion_header_refused", with_header("jku", "https://127.0.0.1/keys".into())),
        ("a certificate's place", "assertion_header_refused", with_header("x5u", "https://127.0.0.1/keys".into())),
        ("an access token", "assertion_header_refused", with_header("typ", "at+jwt".into())),
        ("a logout token", "assertion_header_refused", with_header("typ", "logout+jwt".into())),
        ("another issuer", "assertion_subject_wrong", signer.assertion_with(json!({ "iss": other.app.client_id }))),
        ("another server", "assertion_audience_wrong", signer.assertion_with(json!({ "aud": "https://other.example/token" }))),
        ("another server too", "assertion_audience_wrong", signer.assertion_with(json!({ "aud": [token_url, "https://other.example"] }))),
        ("another endpoint", "assertion_audience_wrong", signer.assertion_with(json!({ "aud": site.url("/introspect") }))),
        ("over", "assertion_expired", signer.assertion_with(json!({ "exp": now() - 1 }))),
        ("for a day", "assertion_too_long", signer.assertion_with(json!({ "exp": now() + 86_400 }))),
        ("not yet", "assertion_too_early", signer.assertion_with(json!({ "nbf": now() + 60 }))),
        ("made tomorrow", "assertion_too_early", signer.assertion_with(json!({ "iat": now() + 86_400 }))),
        ("a name of no key", "assertion_key_unknown", with_header("kid", "second".into())),
        ("another algorithm", "assertion_key_unknown", with_header("alg", "ES256".into())),
        ("another's key", "assertion_signature_wrong", other.key.sign(&header, &claims())),
    ];
    let mut expected = vec![];
    for (what, reason, assertion) in cases {
        let pairs = [("grant_type", "refresh_token"), ("refresh_token", "none"), ("client_id", signer.app.client_id.as_str())];
        let answer = signer.post("/token", &pairs, &assertion).await;
        assert_eq!(answer.refusal(), (400, "invalid_client".to_owned()), "{what}: {}", answer.text());
        answer.assert_refused(400, "invalid_client");
        expected.push(reason.to_owned());
    }
    assert_eq!(signer.told(), (expected, 0), "and none of them is spent");
    Signer::assert_believed(&signer.knock(&signer.assertion()).await);
    assert_eq!(signer.told().1, 1);
}

#[tokio::test]
async fn the_audience_is_the_issuer_or_its_token_endpoint_or_both() {
    let site = Site::standard().await;
    let signer = Signer::inline(&site, "EdDSA").await;
    let (issuer, token) = (site.issuer(), site.url("/token"));
    for aud in [json!(issuer), json!(token), json!([issuer]), json!([issuer, token])] {
        Signer::assert_believed(&signer.knock(&signer.assertion_with(json!({ "aud": aud }))).await);
    }
    let other = Site::other().await.issuer();
    for aud in
        [json!(format!("{issuer}/")), json!(other), json!(format!("{token}?x")), json!([issuer, other]), json!(issuer.to_uppercase())]
    {
        signer.knock(&signer.assertion_with(json!({ "aud": aud }))).await.assert_refused(400, "invalid_client");
    }
}

#[tokio::test]
async fn what_may_vary_in_an_assertion_is_accepted() {
    let signer = Signer::inline(&Site::standard().await, "ES256").await;
    let (header, key) = (signer.header(), &signer.key);
    let without = |member: &str| {
        let mut header = header.clone();
        header.as_object_mut().unwrap().remove(member);
        key.sign(&header, &signer.claims(json!({})))
    };
    let typed = |typ: &str| {
        let mut header = header.clone();
        header["typ"] = typ.into();
        key.sign(&header, &signer.claims(json!({})))
    };
    let skewed = signer.assertion_with(json!({ "nbf": now() + 8, "iat": now() + 8, "exp": now() + 308 }));
    for assertion in
        [without("kid"), without("typ"), typed("client-authentication+jwt"), skewed, signer.assertion_with(json!({ "iat": null }))]
    {
        Signer::assert_believed(&signer.knock(&assertion).await);
    }
}

#[tokio::test]
async fn an_assertion_made_for_an_hour_is_good_for_its_first_five_minutes_and_once() {
    let signer = Signer::inline(&Server::alone().await.site("default"), "RS384").await;
    let made = |iat: u64, made_for: u64| signer.assertion_with(json!({ "iat": iat, "exp": iat + made_for }));
    let fresh = made(now(), 3600);
    Signer::assert_believed(&signer.knock(&fresh).await);
    for (assertion, reason) in
        [(fresh, "assertion_replayed"), (made(now() - 301, 3600), "assertion_expired"), (made(now(), 3601), "assertion_too_long")]
    {
        signer.knock(&assertion).await.assert_refused(400, "invalid_client");
        assert_eq!(signer.told().0.last().unwrap(), reason);
    }
    Signer::assert_believed(&signer.knock(&made(now() - 240, 3600)).await);
}

#[tokio::test]
async fn an_edwards_key_may_be_called_by_either_name() {
    let site = Site::standard().await;
    for (registered, used) in [("EdDSA", "Ed25519"), ("Ed25519", "EdDSA"), ("Ed25519", "Ed25519")] {
        let key = ClientKey::new(used, "first");
        let mut jwk = key.jwk();
        jwk["alg"] = registered.into();
        let members = json!({
            "token_endpoint_auth_method": "private_key_jwt", "token_endpoint_auth_signing_alg": registered, "jwks": { "keys": [jwk] },
        });
        let signer = Signer { app: site.app(members).await, key };
        assert_eq!(signer.app.registration["token_endpoint_auth_signing_alg"], registered);
        Signer::assert_believed(&signer.knock(&signer.assertion()).await);
    }
}

#[tokio::test]
async fn an_assertion_is_used_once_at_whatever_endpoint_and_also_after_a_restart() {
    let server = Server::alone().await;
    let signer = Signer::inline(&server.site("default"), "ES256").await;
    let tokens = signer.tokens().await;
    let token = [("token", tokens.access.as_str())];
    let assertion = signer.assertion();
    assert_eq!(signer.post("/introspect", &token, &assertion).await.assert_ok()["active"], true);
    signer.post("/introspect", &token, &assertion).await.assert_refused(400, "invalid_client");
    signer.post("/revoke", &token, &assertion).await.assert_refused(400, "invalid_client");
    signer.knock(&assertion).await.assert_refused(400, "invalid_client");
    server.kill_and_restart();
    signer.knock(&assertion).await.assert_refused(400, "invalid_client");
    assert_eq!(signer.told().0, ["assertion_replayed"; 4]);
    // The same `jti` in another assertion is the same; another client's is not.
    let jti = jwt_part(&assertion, 1)["jti"].clone();
    signer.knock(&signer.assertion_with(json!({ "jti": jti, "exp": now() + 120 }))).await.assert_refused(400, "invalid_client");
    let other = Signer::inline(&server.site("default"), "ES256").await;
    Signer::assert_believed(&other.knock(&other.assertion_with(json!({ "jti": jti }))).await);
}

#[tokio::test]
async fn of_many_uses_at_once_one_succeeds() {
    let server = Server::alone().await;
    let signer = Signer::inline(&server.site("default"), "ES256").await;
    let assertion = signer.assertion();
    // Well below the 64 connections that one address may hold: some of those before may not be closed yet.
    let knocks = (0..48).map(|_| {
        let (signer, assertion) = (signer.clone(), assertion.clone());
        tokio::spawn(async move { signer.knock(&assertion).await.refusal().1 })
    });
    let mut answers = vec![];
    for knock in knocks.collect::<Vec<_>>() {
        answers.push(knock.await.unwrap());
    }
    assert_eq!(answers.iter().filter(|error| *error == "invalid_grant").count(), 1, "{answers:?}");
    assert_eq!(signer.told().1, 1);
}

#[tokio::test]
async fn one_way_to_authenticate_at_a_time_and_the_registered_one() {
    let site = Server::alone().await.site("default");
    let signer = Signer::inline(&site, "ES256").await;
    let (id, basic) = (signer.app.client_id.clone(), site.confidential().await);
    let assertion = signer.assertion();
    let asserting = [("client_assertion_type", JWT_BEARER), ("client_assertion", assertion.as_str())];
    bare(&site, &[&asserting[..], &[("client_secret", "x")]].concat()).await.assert_refused(400, "invalid_request");
    let grant = [("grant_type", "refresh_token"), ("refresh_token", "none")];
    let both = Request::form(&site.url("/token"), &[&grant[..], &asserting].concat()).basic(&id, "x").send().await;
    both.assert_refused(400, "invalid_request");
    bare(&site, &[&asserting[..], &[("client_id", &basic.client_id)]].concat()).await.assert_refused(400, "invalid_client");
    for kind in [&[][..], &[("client_assertion_type", "urn:ietf:params:oauth:client-assertion-type:saml2-bearer")]] {
        bare(&site, &[kind, &asserting[1..]].concat()).await.assert_refused(400, "invalid_client");
    }
    bare(&site, &asserting[..1]).await.assert_refused(400, "invalid_client");
    bare(&site, &[("client_id", &id)]).await.assert_refused(400, "invalid_client");
    bare(&site, &[("client_id", &id), ("client_secret", "guess")]).await.assert_refused(401, "invalid_client");
    Signer::assert_believed(&signer.knock(&assertion).await);
    let told = signer.told().0;
    let reasons = ["assertion_type_unsupported", "assertion_type_unsupported", "assertion_missing", "client_secret_wrong"];
    assert_eq!(told, reasons, "each of those that name it");

    let stranger = Signer { app: App { client_id: "nobody".to_owned(), ..basic.clone() }, ..signer.clone() };
    stranger.knock(&stranger.assertion()).await.assert_refused(401, "invalid_client");
    let keyless = Signer { app: basic, ..signer };
    keyless.knock(&keyless.assertion()).await.assert_refused(400, "invalid_client");
    assert_eq!(keyless.told().0, ["assertion_subject_wrong", "assertion_unexpected"]);
}

#[tokio::test]
async fn the_registered_algorithm_is_the_only_one() {
    let site = Site::standard().await;
    let (strong, weak) = (ClientKey::new("ES384", "strong"), ClientKey::new("RS256", "weak"));
    let members = json!({
        "token_endpoint_auth_method": "private_key_jwt", "token_endpoint_auth_signing_alg": "ES384",
        "jwks": { "keys": [strong.jwk(), weak.jwk()] },
    });
    let signer = Signer { app: site.app(members).await, key: strong };
    assert_eq!(signer.app.registration["token_endpoint_auth_signing_alg"], "ES384");
    Signer::assert_believed(&signer.knock(&signer.assertion()).await);
    let weak = Signer { key: weak, ..signer };
    weak.knock(&weak.assertion()).await.assert_refused(400, "invalid_client");
    assert_eq!(weak.told().0, ["assertion_algorithm_refused"]);
}

#[tokio::test]
async fn a_client_that_waits_or_is_disabled_is_refused_with_assertions_too_and_its_server_is_not_asked() {
    let server = Server::alone().await;
    let key = ClientKey::new("ES256", "first");
    let keys = KeyServer::start(Behaviour::keys(&[key.jwk()])).await;
    let signer = Signer::published(&server.site("default"), key, &keys.url).await;
    server.writ(&["client", "disable", "--", &signer.app.client_id], "");
    signer.knock(&signer.assertion()).await.assert_refused(401, "invalid_client");
    signer.knock(&signer.assertion_with(json!({ "exp": now() - 9 }))).await.assert_refused(400, "invalid_client");
    signer.knock(&signer.assertion_with(json!({ "aud": "https://other.example" }))).await.assert_refused(400, "invalid_client");
    assert_eq!(
        (signer.told().0, keys.requests()),
        (["client_disabled", "assertion_expired", "assertion_audience_wrong"].map(str::to_owned).to_vec(), 0)
    );
}

#[tokio::test]
async fn keys_are_published_at_jwks_uri_and_read_no_oftener_than_needed() {
    let site = Site::standard().await;
    let key = ClientKey::new("RS384", "first");
    let keys = KeyServer::start(Behaviour::keys(&[key.jwk()])).await;
    let signer = Signer::published(&site, key, &keys.url).await;
    assert_eq!(
        (signer.app.registration["jwks_uri"].as_str(), keys.requests()),
        (Some(keys.url.as_str()), 0),
        "nothing is read at registration"
    );
    for _ in 0..5 {
        Signer::assert_believed(&signer.knock(&signer.assertion()).await);
    }
    assert_eq!(keys.requests(), 1);
    let mut header = signer.header();
    header["jku"] = keys.url.clone().into();
    Signer::assert_believed(&signer.knock(&signer.key.sign(&header, &signer.claims(json!({})))).await);
}

#[tokio::test]
async fn a_new_key_is_found_at_once_and_invented_names_do_not_ask_again_and_again() {
    let site = Site::standard().await;
    let (old, new) = (ClientKey::new("ES256", "old"), ClientKey::new("ES256", "new"));
    let keys = KeyServer::start(Behaviour::keys(&[old.jwk()])).await;
    let signer = Signer::published(&site, old, &keys.url).await;
    Signer::assert_believed(&signer.knock(&signer.assertion()).await);
    keys.behave(Behaviour::keys(&[new.jwk()]));
    let rotated = Signer { key: new, ..signer.clone() };
    Signer::assert_believed(&rotated.knock(&rotated.assertion()).await);
    assert_eq!(keys.requests(), 2);
    signer.knock(&signer.assertion()).await.assert_refused(400, "invalid_client");
    for n in 0..10 {
        let invented = rotated.key.called(&format!("invented-{n}"));
        let invented = Signer { key: invented, ..rotated.clone() };
        invented.knock(&invented.assertion()).await.assert_refused(400, "invalid_client");
    }
    assert_eq!(keys.requests(), 2);
    assert!(signer.told().0.iter().all(|reason| reason == "assertion_key_unknown"));
}

#[tokio::test]
async fn a_stranger_who_invents_a_name_takes_no_key_away_that_still_counts() {
    let site = Site::standard().await;
    let key = ClientKey::new("ES256", "first");
    let keys = KeyServer::start(Behaviour::keys(&[key.jwk()]).cache_control("max-age=3600")).await;
    let signer = Signer::published(&site, key, &keys.url).await;
    Signer::assert_believed(&signer.knock(&signer.assertion()).await);
    keys.behave(Behaviour::status(404));
    let stranger = Signer { key: ClientKey::new("ES256", "invented"), ..signer.clone() };
    let answer = stranger.knock(&stranger.assertion()).await;
    answer.assert_refused(400, "invalid_client");
    assert!(keys.requests() == 2 && answer.text().contains("names no key of the client"), "{}", answer.text());
    Signer::assert_believed(&signer.knock(&signer.assertion()).await);
}

#[tokio::test]
async fn a_document_is_kept_no_longer_than_its_cache_headers_say() {
    let site = Site::standard().await;
    let key = ClientKey::new("ES256", "first");
    let keys = KeyServer::start(Behaviour::keys(&[key.jwk()]).cache_control("no-store")).await;
    let signer = Signer::published(&site, key.clone(), &keys.url).await;
    for n in 1..=3 {
        Signer::assert_believed(&signer.knock(&signer.assertion()).await);
        assert_eq!(keys.requests(), n);
    }
    keys.behave(Behaviour::keys(&[]).cache_control("no-store"));
    signer.knock(&signer.assertion()).await.assert_refused(400, "invalid_client");
    keys.behave(Behaviour::keys(&[key.jwk()]).cache_control("max-age=1"));
    Signer::assert_believed(&signer.knock(&signer.assertion()).await);
    let before = keys.requests();
    tokio::time::sleep(Duration::from_millis(1100)).await;
    Signer::assert_believed(&signer.knock(&signer.assertion()).await);
    assert_eq!(keys.requests(), before + 1);
}

#[tokio::test]
async fn requests_that_come_together_share_one_reading() {
    let site = Site::standard().await;
    let key = ClientKey::new("ES256", "first");
    let slow = Behaviour { delay: Duration::from_millis(500), ..Behaviour::keys(&[key.jwk()]).cache_control("no-store") };
    let keys = KeyServer::start(slow).await;
    let signer = Signer::published(&site, key, &keys.url).await;
    let knocks: Vec<_> = (0..16)
        .map(|_| {
            let signer = signer.clone();
            tokio::spawn(async move { Signer::assert_believed(&signer.knock(&signer.assertion()).await) })
        })
        .collect();
    for knock in knocks {
        knock.await.unwrap();
    }
    assert!(keys.requests() <= 3, "{} readings for 16 requests", keys.requests());
}

#[tokio::test]
async fn a_bad_key_server_refuses_its_own_client_and_nobody_else() {
    let site = Server::alone().await.site("default");
    let key = ClientKey::new("ES256", "first");
    let good = Behaviour::keys(&[key.jwk()]);
    let keys = KeyServer::start(good.clone()).await;
    let honest = Signer::published(&site, key.clone(), &keys.url).await;
    Signer::assert_believed(&honest.knock(&honest.assertion()).await);

    let redirect = Behaviour { status: 302, headers: vec![("location", keys.url.clone())], body: String::new(), ..good.clone() };
    let bad = [
        Behaviour { delay: Duration::from_secs(20), ..good.clone() },
        Behaviour { body: "x".repeat(64 * 1024 + 1), ..good.clone() },
        redirect,
        Behaviour { body: "<html>not keys</html>".to_owned(), ..good.clone() },
        Behaviour { status: 500, ..good.clone() },
        Behaviour { headers: vec![("content-encoding", "gzip".to_owned())], ..good.clone() },
    ];
    let mut refused = vec![];
    for behaviour in bad {
        let server = KeyServer::start(behaviour).await;
        let signer = Signer::published(&site, key.clone(), &server.url).await;
        refused.push(tokio::spawn(async move {
            // What could not be read is not asked for again at once.
            for _ in 0..2 {
                let answer = signer.knock(&signer.assertion()).await;
                assert_eq!((answer.refusal().1.as_str(), answer.member("error_description").as_str()), ("invalid_client", UNREADABLE));
            }
            (signer.told().1, server.requests())
        }));
    }
    for _ in 0..10 {
        Signer::assert_believed(&honest.knock(&honest.assertion()).await);
    }
    for refused in refused {
        assert_eq!(refused.await.unwrap(), (0, 1));
    }
    assert_eq!(keys.requests(), 1, "no redirect led here");
}

#[tokio::test]
async fn an_address_that_is_not_public_is_not_asked_unless_the_process_allows_it() {
    let site = Server::alone().await.site("default");
    let key = ClientKey::new("ES256", "first");
    // 127.0.0.2 is loopback too, but only 127.0.0.1 is allowed.
    let inner = KeyServer::at("127.0.0.2", Behaviour::keys(&[key.jwk()])).await;
    let port = url::Url::parse(&inner.url).unwrap().port().unwrap();
    for url in [
        inner.url.clone(),
        format!("https://127.2:{port}/keys"),
        format!("https://[::ffff:127.0.0.2]:{port}/keys"),
        "https://169.254.169.254/latest/meta-data".to_owned(),
    ] {
        let signer = Signer::published(&site, key.clone(), &url).await;
        signer.knock(&signer.assertion()).await.assert_refused(400, "invalid_client");
        assert_eq!(signer.told().0, ["assertion_keys_unavailable"], "{url}");
    }
    assert_eq!(inner.requests(), 0);
}

#[tokio::test]
async fn registration_wants_keys_that_can_be_used_and_only_public_ones() {
    let site = Site::standard().await;
    let key = ClientKey::new("ES256", "first");
    let with = |further: Value| {
        let mut body = json!({ "redirect_uris": [App::REDIRECT_URI], "token_endpoint_auth_method": "private_key_jwt" });
        body.as_object_mut().unwrap().extend(further.as_object().unwrap().clone());
        body
    };
    let altered = |member: &str, value: Value| {
        let mut jwk = key.jwk();
        jwk[member] = value;
        json!({ "jwks": { "keys": [jwk] } })
    };
    let set = json!({ "keys": [key.jwk()] });
    let wrong = [
        json!({}),
        json!({ "jwks": set, "jwks_uri": "https://client.example.org/keys" }),
        json!({ "jwks": set, "token_endpoint_auth_signing_alg": "RS256" }),
        json!({ "jwks": set, "token_endpoint_auth_signing_alg": "none" }),
        json!({ "jwks": set, "token_endpoint_auth_signing_alg": "HS256" }),
        json!({ "jwks": [] }),
        json!({ "jwks": {} }),
        json!({ "jwks": { "keys": [] } }),
        json!({ "jwks": { "keys": vec![key.jwk(); 21] } }),
        json!({ "jwks": { "keys": ["key"] } }),
        json!({ "jwks": { "keys": [{ "kty": "oct", "k": "c2VjcmV0" }] } }),
        altered("d", "secret".into()),
        altered("kid", 7.into()),
        altered("kid", "k".repeat(701).into()),
        altered("use", "enc".into()),
        altered("crv", "P-521".into()),
        altered("x", "AAAA".into()),
        json!({ "jwks_uri": "http://client.example.org/keys" }),
        json!({ "jwks_uri": "https://user@client.example.org/keys" }),
        json!({ "jwks_uri": "https://client.example.org/keys#first" }),
        json!({ "jwks_uri": "file:///etc/passwd" }),
        json!({ "jwks_uri": 7 }),
        json!({ "application_type": "public", "jwks": set }),
    ];
    for further in wrong {
        let answer = site.register(&with(further.clone())).await;
        assert_eq!(answer.refusal(), (400, "invalid_client_metadata".to_owned()), "{further}: {}", answer.text());
    }
    for further in [
        json!({ "jwks": set }),
        json!({ "jwks_uri": "https://client.example.org/keys" }),
        json!({ "application_type": "private", "jwks": set }),
    ] {
        assert_eq!(site.register(&with(further.clone())).await.status, 201, "{further}");
    }
    // Keys without the method that uses them are kept; the algorithm of no assertion means nothing (CONFORMANCE.md §1).
    let basic = site.app(json!({ "jwks": set, "token_endpoint_auth_signing_alg": "RS256" })).await;
    assert!(basic.secret.is_some() && basic.registration["jwks"] == set && basic.registration["token_endpoint_auth_signing_alg"].is_null());
}

#[tokio::test]
async fn a_client_replaces_its_keys_and_may_give_up_its_secret_for_a_key_but_not_back() {
    let site = Site::standard().await;
    let app = site.confidential().await;
    let key = ClientKey::new("ES256", "first");
    let put = async |app: &App, token: &str, further: Value| {
        let mut body = json!({ "client_id": app.client_id, "redirect_uris": [App::REDIRECT_URI], "scope": app.scope });
        body.as_object_mut().unwrap().extend(further.as_object().unwrap().clone());
        let uri = app.registration["registration_client_uri"].as_str().unwrap();
        let mut request = Request::json(uri, &body).bearer(token);
        request.method = http::Method::PUT;
        request.send().await
    };
    let with_key = |key: &ClientKey| json!({ "token_endpoint_auth_method": "private_key_jwt", "jwks": { "keys": [key.jwk()] } });
    let token = app.registration["registration_access_token"].as_str().unwrap();
    let answer = put(&app, token, with_key(&key)).await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    app.refresh("none").await.assert_refused(401, "invalid_client");
    let first = Signer { app, key };
    Signer::assert_believed(&first.knock(&first.assertion()).await);

    let token = answer.member("registration_access_token");
    put(&first.app, &token, json!({ "token_endpoint_auth_method": "client_secret_basic" }))
        .await
        .assert_refused(400, "invalid_client_metadata");
    put(&first.app, &token, json!({ "token_endpoint_auth_method": "none" })).await.assert_refused(400, "invalid_client_metadata");
    let second = Signer { key: ClientKey::new("ES384", "second"), app: first.app.clone() };
    assert_eq!(put(&first.app, &token, with_key(&second.key)).await.status, 200);
    Signer::assert_believed(&second.knock(&second.assertion()).await);
    first.knock(&first.assertion()).await.assert_refused(400, "invalid_client");
}

#[tokio::test]
async fn discovery_says_what_is_built() {
    let document = Site::standard().await.get("/.well-known/openid-configuration").await.assert_ok();
    for endpoint in ["token", "introspection", "revocation"] {
        let methods = document[format!("{endpoint}_endpoint_auth_methods_supported")].as_array().unwrap().clone();
        assert!(methods.contains(&"private_key_jwt".into()), "{endpoint}");
        assert_eq!(document[format!("{endpoint}_endpoint_auth_signing_alg_values_supported")], json!(ALGORITHMS));
    }
    assert_eq!(document["id_token_signing_alg_values_supported"], json!(["RS256", "PS256", "ES256", "EdDSA"]));
}

#[tokio::test]
async fn id_tokens_are_signed_as_each_client_registered_and_rs256_stands_first() {
    let site = Site::standard().await;
    let keys = site.get("/jwk").await.assert_ok()["keys"].as_array().unwrap().clone();
    let algorithms: Vec<&str> = keys.iter().map(|key| key["alg"].as_str().unwrap()).collect();
    assert_eq!(algorithms[0], "RS256");
    for alg in ["RS256", "PS256", "ES256", "EdDSA"] {
        let app = site.app(json!({ "id_token_signed_response_alg": alg })).await;
        let tokens = app.tokens(&mut crate::harness::Browser::new()).await;
        let header = jwt_part(&tokens.id, 0);
        assert_eq!(header["alg"], alg);
        let jwk = keys.iter().find(|key| key["kid"] == header["kid"]).unwrap();
        assert_eq!(jwk["alg"], alg);
        let jwk: jsonwebtoken::jwk::Jwk = serde_json::from_value(jwk.clone()).unwrap();
        let mut validation = jsonwebtoken::Validation::new(alg.parse().unwrap());
        validation.set_audience(&[&app.client_id]);
        validation.set_issuer(&[site.issuer()]);
        let key = jsonwebtoken::DecodingKey::from_jwk(&jwk).unwrap();
        jsonwebtoken::decode::<Value>(&tokens.id, &key, &validation).unwrap_or_else(|error| panic!("{alg}: {error}"));
    }
    assert_eq!(site.register(&json!({ "redirect_uris": [App::REDIRECT_URI], "id_token_signed_response_alg": "HS256" })).await.status, 400);
}
