//! SPEC.md (h): every row of introspection, in the dialect of the thread and in that of RFC 7662.

use crate::harness::{Answer, App, Browser, Request, Server, Site, Tokens, jwt_part, jwt_with, s256};
use serde_json::{Value, json};

/// The two ways to ask: credentials in the body of a site that speaks the thread's dialect, and the standard's.
#[derive(Clone, Copy, PartialEq, Debug)]
enum Dialect {
    Seed,
    Rfc,
}
use Dialect::{Rfc, Seed};

impl Dialect {
    async fn app(self) -> App {
        self.app_at(&Site::seed().await).await
    }
    async fn app_at(self, site: &Site) -> App {
        let method = if self == Seed { "client_secret_post" } else { "client_secret_basic" };
        site.app(json!({"token_endpoint_auth_method": method, "scope": "openid email api:fhir"})).await
    }
    /// What this dialect says of a token that is dead for this reason.
    fn dead(self, answer: &Answer, status: &str, tokens: &Tokens) {
        let body = answer.assert_ok();
        answer.assert_not_stored();
        match self {
            Rfc => assert_eq!(body, json!({"active": false})),
            Seed => {
                let claims = jwt_part(&tokens.access, 1);
                assert_eq!((&body["active"], &body["status"]), (&json!(false), &json!(status)), "{body}");
                assert_eq!((&body["sub"], &body["client_id"]), (&claims["sub"], &claims["client_id"]), "{body}");
                assert!(body["exp"].is_i64() && body["scope"].is_string(), "{body}");
            }
        }
    }
    /// What this dialect says of a caller or a token about which it tells nothing.
    fn nothing_useful(self, answer: &Answer) {
        let body = match self {
            Rfc => json!({"active": false}),
            Seed => json!({"active": false, "status": "invalid"}),
        };
        assert_eq!(answer.assert_ok(), body);
    }
}

async fn each() -> [(Dialect, App, Tokens); 2] {
    let seed = Seed.app().await;
    let rfc = Rfc.app().await;
    let (first, second) = (seed.tokens(&mut Browser::new()).await, rfc.tokens(&mut Browser::new()).await);
    [(Seed, seed, first), (Rfc, rfc, second)]
}

#[tokio::test]
async fn row_01_an_active_token_tells_the_same_in_both_dialects() {
    for (dialect, app, tokens) in each().await {
        let answer = app.introspect(&tokens.access).await;
        let body = answer.assert_ok();
        answer.assert_not_stored();
        let claims = jwt_part(&tokens.access, 1);
        assert_eq!((&body["active"], &body["status"]), (&json!(true), &json!("active")), "{dialect:?}: {body}");
        assert_eq!(body["client_id"], json!(app.client_id));
        for member in ["exp", "iat", "sub", "iss", "aud", "jti"] {
            assert_eq!(body[member], claims[member], "{member}");
        }
        assert!(body["exp"].is_i64() && body["token_type"] == json!("Bearer") && body["site"] == json!("seed"), "{body}");
        let scopes = |text: &Value| text.as_str().unwrap().split(' ').map(str::to_owned).collect::<std::collections::BTreeSet<_>>();
        assert_eq!(scopes(&body["scope"]), scopes(&tokens.body["scope"]));
        assert!(scopes(&body["scope"]).contains("site:seed"));
        assert_eq!((&body["sub"], &body["iss"]), (&jwt_part(&tokens.id, 1)["sub"], &json!(app.site.issuer())));
        let refresh = app.introspect(&tokens.refresh).await.assert_ok();
        assert_eq!((&refresh["active"], &refresh["client_id"]), (&json!(true), &json!(app.client_id)), "{refresh}");
        assert!(refresh["scope"].is_string() && refresh["exp"].as_i64() > body["exp"].as_i64(), "{refresh}");
    }
}

#[tokio::test]
async fn row_02_an_expired_token_is_called_expired() {
    let server = Server::with(&[("default", "openemr")]).await;
    let site = server.site("default");
    server.writ(&["site", "set", "default", "access_seconds=1"], "");
    for dialect in [Seed, Rfc] {
        let app = dialect.app_at(&site).await;
        let tokens = app.tokens(&mut Browser::new()).await;
        tokio::time::sleep(std::time::Duration::from_millis(2200)).await;
        dialect.dead(&app.introspect(&tokens.access).await, "expired", &tokens);
    }
}

#[tokio::test]
async fn row_03_a_revoked_token_is_called_revoked() {
    for (dialect, app, tokens) in each().await {
        assert_eq!(app.revoke(&tokens.access).await.status, 200);
        dialect.dead(&app.introspect(&tokens.access).await, "revoked", &tokens);
        assert!(app.is_active(&tokens.refresh).await);
        assert_eq!(app.revoke(&tokens.refresh).await.status, 200);
        dialect.dead(&app.introspect(&tokens.refresh).await, "revoked", &tokens);
    }
}

#[tokio::test]
async fn rows_04_05_wrong_or_missing_credentials_learn_nothing() {
    for (dialect, app, tokens) in each().await {
        let strangers = [
            App { client_id: "LnjqojEEjFYe5j2Jp9m9UnmuxOnMg4VodEJj3yE8_OA".to_owned(), ..app.clone() },
            App { secret: Some(s256("wrong").repeat(2)), ..app.clone() },
        ];
        for stranger in strangers {
            let answer = stranger.introspect(&tokens.access).await;
            match dialect {
                Seed => dialect.nothing_useful(&answer),
                Rfc => {
                    answer.assert_refused(401, "invalid_client");
                    assert!(answer.header("www-authenticate").unwrap().starts_with("Basic "), "{:?}", answer.headers);
                }
            }
        }
    }
    let [(_, app, tokens), _] = each().await;
    let only_id = app.site.post("/introspect", &[("client_id", &app.client_id), ("token", &tokens.access)]).await;
    Seed.nothing_useful(&only_id);
}

#[tokio::test]
async fn row_06_another_clients_token_tells_nothing() {
    for (dialect, app, tokens) in each().await {
        let other = dialect.app().await;
        for token in [&tokens.access, &tokens.refresh] {
            dialect.nothing_useful(&other.introspect(token).await);
        }
        assert!(app.is_active(&tokens.access).await);
    }
}

#[tokio::test]
async fn row_07_a_well_formed_token_that_never_was_tells_nothing() {
    for (dialect, app, tokens) in each().await {
        // Not the last character: it has bits that must be zero, and another one would be no base64url.
        let (head, tail) = tokens.refresh.split_at(tokens.refresh.len() - 5);
        let other = if tail.starts_with('A') { "B" } else { "A" };
        let never = format!("{head}{other}{}", &tail[1..]);
        dialect.nothing_useful(&app.introspect(&never).await);
    }
}

#[tokio::test]
async fn row_08_a_wrong_signature_is_no_token() {
    for (dialect, app, tokens) in each().await {
        let mut claims = jwt_part(&tokens.access, 1);
        claims["exp"] = json!(4_102_444_800_u64);
        let forged = app.introspect(&jwt_with(&tokens.access, 1, &claims)).await;
        match dialect {
            Seed => forged.assert_refused(401, "invalid_token"),
            Rfc => dialect.nothing_useful(&forged),
        }
    }
}

#[tokio::test]
async fn rows_09_10_11_a_mangled_request_is_told_so() {
    for (dialect, app, tokens) in each().await {
        app.post("/introspect", &[]).await.assert_refused(400, "invalid_request");
        app.post("/introspect", &[("token", "")]).await.assert_refused(400, "invalid_request");
        let unparsable = app.introspect("invalid_token_value").await;
        let other_hint = app.post("/introspect", &[("token", &tokens.access), ("token_type_hint", "id_token")]).await;
        match dialect {
            Seed => {
                unparsable.assert_refused(400, "invalid_request");
                other_hint.assert_refused(400, "invalid_request");
            }
            Rfc => {
                dialect.nothing_useful(&unparsable);
                assert_eq!(other_hint.assert_ok()["active"], json!(true));
            }
        }
    }
}

#[tokio::test]
async fn rows_12_13_the_hint_is_only_a_hint() {
    for (_, app, tokens) in each().await {
        for hint in ["access_token", "refresh_token"] {
            for token in [&tokens.access, &tokens.refresh] {
                let answer = app.post("/introspect", &[("token", token), ("token_type_hint", hint)]).await;
                assert_eq!(answer.assert_ok()["active"], json!(true), "{hint}");
            }
        }
    }
}

#[tokio::test]
async fn row_14_nobody_learns_nothing() {
    for site in [Site::seed().await, Site::standard().await] {
        let tokens = site.confidential().await.tokens(&mut Browser::new()).await;
        site.post("/introspect", &[("token", &tokens.access)]).await.assert_refused(401, "invalid_client");
    }
}

#[tokio::test]
async fn row_15_a_disabled_client_is_answered_like_a_wrong_one() {
    for (dialect, app, tokens) in each().await {
        app.site.server.writ(&["--site", "seed", "client", "disable", &app.client_id], "");
        let answer = app.introspect(&tokens.access).await;
        match dialect {
            Seed => dialect.nothing_useful(&answer),
            Rfc => answer.assert_refused(401, "invalid_client"),
        }
    }
}

#[tokio::test]
async fn row_17_a_deactivated_users_tokens_are_revoked() {
    let server = Server::with(&[("default", "openemr")]).await;
    let site = server.site("default");
    let mut all = vec![];
    for dialect in [Seed, Rfc] {
        let app = dialect.app_at(&site).await;
        let tokens = app.tokens(&mut Browser::new()).await;
        all.push((dialect, app, tokens));
    }
    server.writ(&["user", "disable", crate::harness::USERNAME], "");
    for (dialect, app, tokens) in all {
        dialect.dead(&app.introspect(&tokens.access).await, "revoked", &tokens);
        app.assert_dead(&tokens).await;
    }
}

#[tokio::test]
async fn row_18_introspection_takes_no_get() {
    for site in [Site::seed().await, Site::standard().await] {
        let answer = site.get("/introspect?token=x").await;
        assert_eq!((answer.status, answer.header("allow")), (405, Some("POST")));
    }
}

#[tokio::test]
async fn a_standard_site_speaks_only_the_standards_dialect() {
    let app = Seed.app_at(&Site::standard().await).await;
    let tokens = app.tokens(&mut Browser::new()).await;
    let wrong = App { secret: Some("x".repeat(86)), ..app.clone() };
    wrong.introspect(&tokens.access).await.assert_refused(401, "invalid_client");
    assert_eq!(app.introspect("invalid_token_value").await.assert_ok(), json!({"active": false}));
    app.revoke(&tokens.access).await;
    assert_eq!(app.introspect(&tokens.access).await.assert_ok(), json!({"active": false}));
}

#[tokio::test]
async fn the_thread_lets_a_public_client_ask_by_its_name_alone() {
    let app = Site::seed().await.public().await;
    let tokens = app.tokens(&mut Browser::new()).await;
    let body = app.introspect(&tokens.access).await.assert_ok();
    assert_eq!((&body["active"], &body["status"]), (&json!(true), &json!("active")));
    let other = Site::seed().await.public().await;
    assert_eq!(other.introspect(&tokens.access).await.assert_ok(), json!({"active": false, "status": "invalid"}));
}

#[tokio::test]
async fn credentials_sent_both_ways_are_refused() {
    let app = Site::seed().await.confidential().await;
    let tokens = app.tokens(&mut Browser::new()).await;
    let secret = app.secret.clone().unwrap();
    let pairs = [("token", tokens.access.as_str()), ("client_id", &app.client_id), ("client_secret", &secret)];
    let answer = Request::form(&app.site.url("/introspect"), &pairs).basic(&app.client_id, &secret).send().await;
    answer.assert_refused(400, "invalid_request");
}

/// A resource server: a client that an administrator lets ask about every token of the site.
async fn resource_server(site: &Site) -> App {
    let app = site.app(json!({"client_name": "FHIR server", "token_endpoint_auth_method": "client_secret_post"})).await;
    site.server.writ(&["--site", &site.name, "client", "set", &app.client_id, "introspect_any=on"], "");
    app
}

#[tokio::test]
async fn a_resource_server_sees_the_tokens_of_every_client_of_its_site_and_of_no_other() {
    let server = Server::with(&[("default", "standard"), ("other", "standard")]).await;
    let (here, there) = (server.site("default"), server.site("other"));
    let (api, app) = (resource_server(&here).await, here.confidential().await);
    let tokens = app.tokens(&mut Browser::new()).await;
    for token in [&tokens.access, &tokens.refresh] {
        let (own, foreign) = (app.introspect(token).await.assert_ok(), api.introspect(token).await.assert_ok());
        assert_eq!(own, foreign, "it sees what the client itself sees");
        assert_eq!((&foreign["active"], &foreign["client_id"]), (&json!(true), &json!(app.client_id)));
    }
    assert_eq!(api.introspect(&tokens.access).await.json()["sub"], jwt_part(&tokens.id, 1)["sub"], "the sub that the client knows");
    let abroad = there.confidential().await.tokens(&mut Browser::new()).await;
    let bystander = here.confidential().await;
    for (asker, token) in [(&api, &abroad.access), (&api, &abroad.refresh), (&api, &tokens.id), (&bystander, &tokens.access)] {
        assert_eq!(asker.introspect(token).await.assert_ok(), json!({"active": false}));
    }
    let elsewhere = resource_server(&there).await;
    assert_eq!(elsewhere.introspect(&tokens.access).await.assert_ok(), json!({"active": false}));
    app.refresh(&tokens.refresh).await.assert_ok();
    app.revoke(&tokens.access).await;
    assert_eq!(api.introspect(&tokens.access).await.assert_ok(), json!({"active": false}));
    assert_eq!(api.introspect(&tokens.refresh).await.assert_ok(), json!({"active": false}), "a rotated one");
}

#[tokio::test]
async fn a_resource_server_speaks_the_rfc_dialect_also_where_its_credentials_are_in_the_form() {
    let server = Server::with(&[("default", "openemr")]).await;
    let site = server.site("default");
    let (api, app) = (resource_server(&site).await, Seed.app_at(&site).await);
    let tokens = app.tokens(&mut Browser::new()).await;
    assert!(api.is_active(&tokens.access).await);
    app.revoke(&tokens.access).await;
    assert_eq!(app.introspect(&tokens.access).await.assert_ok()["status"], "revoked");
    for text in [tokens.access.clone(), "not.a.token".to_owned(), jwt_with(&tokens.access, 1, &json!({"sub": "x"}))] {
        assert_eq!(api.introspect(&text).await.assert_ok(), json!({"active": false}), "{text}");
    }
    let wrong = [("client_id", api.client_id.as_str()), ("client_secret", "wrong"), ("token", &tokens.refresh)];
    site.post("/introspect", &wrong).await.assert_refused(401, "invalid_client");
    server.writ(&["client", "set", &api.client_id, "introspect_any=off"], "");
    assert_eq!(api.introspect(&tokens.refresh).await.assert_ok(), json!({"active": false, "status": "invalid"}));
}

#[tokio::test]
async fn only_an_administrator_makes_a_resource_server_and_the_log_says_who() {
    let server = Server::alone().await;
    let site = server.site("default");
    let (api, app) = (site.app(json!({"introspect_any": true})).await, site.confidential().await);
    let tokens = app.tokens(&mut Browser::new()).await;
    assert!(!api.is_active(&tokens.access).await, "nobody registers it");
    let uri = api.registration["registration_client_uri"].as_str().unwrap();
    let token = api.registration["registration_access_token"].as_str().unwrap();
    let mut metadata = api.registration.clone();
    metadata["introspect_any"] = true.into();
    metadata.as_object_mut().unwrap().retain(|name, _| !name.starts_with("registration_") && !name.starts_with("client_secret_expires"));
    metadata.as_object_mut().unwrap().remove("client_id_issued_at");
    let put = Request::new(http::Method::PUT, uri).bearer(token).body("application/json", metadata.to_string()).send().await;
    assert_eq!(put.status, 200, "{}", put.text());
    assert!(!api.is_active(&tokens.access).await, "nor takes it afterwards");
    let public = site.public().await;
    let refused = server.writ_output(&["client", "set", &public.client_id, "introspect_any=on"], "");
    assert!(!refused.status.success() && String::from_utf8_lossy(&refused.stderr).contains("can prove who it is"));
    server.writ(&["client", "set", &api.client_id, "introspect_any=on"], "");
    assert!(api.is_active(&tokens.access).await);
    let shown = server.writ(&["client", "show", &api.client_id, "-o", "table"], "");
    assert!(shown.contains("introspect_any") && shown.contains("tokens of every client"), "{shown}");
    let again = server.writ_output(&["client", "set", &api.client_id, "introspect_any=true"], "");
    assert!(!again.status.success(), "it is so already");
    let log = server.writ(&["log", "--type", "client.configured", "-o", "ndjson"], "");
    let told: Value = serde_json::from_str(log.lines().next().unwrap()).unwrap();
    assert_eq!((&told["before"]["introspect_any"], &told["after"]["introspect_any"]), (&json!(false), &json!(true)), "{told}");
    assert!(told["actor"].as_str().unwrap().starts_with("os:"), "{told}");
    server.kill_and_restart();
    assert!(api.is_active(&tokens.access).await);
    server.writ(&["client", "disable", &api.client_id], "");
    api.introspect(&tokens.access).await.assert_refused(401, "invalid_client");
    let read = server.writ(&["log", "--type", "token.introspected", "-o", "ndjson"], "");
    assert!(read.lines().any(|line| line.contains(&format!("\"asker\":\"{}\"", api.client_id))), "{read}");
}
