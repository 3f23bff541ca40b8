//! What a code is exchanged for, by whom, and how often.

use crate::conformance::checks::{is_unguessable, token_answer};
use crate::conformance::client::{KEY, token, userinfo};
use crate::conformance::plan::{Outcome, Plan};
use crate::harness::{App, Behaviour, Browser, ClientKey, KeyServer, Pkce, Signer, jwt_part};
use serde_json::{Value, json};
use std::time::Duration;

pub async fn codereuse(plan: Plan) {
    let app = plan.client(json!({})).await;
    let request = plan.request(&app);
    let outcome = plan.outcome(&app, &mut Browser::new(), &request).await;
    plan.redeem(&app, &request, outcome.callback.must("code")).await.assert_refused(400, "invalid_grant");
}

/// Time plays no part in it, so nobody waits.
pub async fn codereuse_ends_the_tokens(plan: Plan) {
    let app = plan.client(json!({})).await;
    let request = plan.request(&app);
    let outcome = plan.outcome(&app, &mut Browser::new(), &request).await;
    plan.redeem(&app, &request, outcome.callback.must("code")).await.assert_refused(400, "invalid_grant");
    for token in [outcome.access_token.as_deref(), outcome.callback.get("access_token")].into_iter().flatten() {
        assert_eq!(userinfo(&app, token).await.status, 401, "the token of a replayed code is dead");
    }
}

pub async fn client_secret_post(mut plan: Plan) {
    plan.method = "client_secret_post";
    let app = plan.client(json!({})).await;
    plan.outcome(&app, &mut Browser::new(), &plan.request(&app)).await;
}

/// A client that may refresh, and what it was given.
async fn refreshable(plan: &Plan, members: Value, nonce: &str) -> (App, Outcome) {
    let mut with_grant = json!({ "grant_types": ["authorization_code", "implicit", "refresh_token"] });
    if plan.response_type == "code" {
        with_grant["grant_types"] = json!(["authorization_code", "refresh_token"]);
    }
    with_grant.as_object_mut().unwrap().extend(members.as_object().unwrap().clone());
    let app = plan.client(with_grant).await;
    let request = plan.request(&app).with("scope", "openid offline_access").with("prompt", "consent").with("nonce", nonce);
    let outcome = plan.outcome(&app, &mut Browser::new(), &request).await;
    (app, outcome)
}

/// Refreshes, and holds the answer against the first one (RFC 6749 §6, OpenID Connect Core §12.2).
async fn refreshed(plan: &Plan, app: &App, outcome: &Outcome, further: &[(&str, &str)]) -> Value {
    let first = outcome.tokens.as_ref().unwrap();
    // The second ID token is of another second than the first.
    tokio::time::sleep(Duration::from_millis(1100)).await;
    let own = [("grant_type", "refresh_token"), ("refresh_token", first["refresh_token"].as_str().unwrap())];
    let second = token_answer(&token(app, &[&own[..], further].concat()).await);
    assert!(second["access_token"] != first["access_token"] && is_unguessable(second["access_token"].as_str().unwrap()));
    let again = jwt_part(second["id_token"].as_str().unwrap(), 1);
    for name in ["iss", "sub", "aud", "auth_time", "azp"] {
        assert_eq!(again.get(name), outcome.id_token.get(name), "{}: {name}", plan.name);
    }
    assert!(again["iat"].as_u64() > outcome.id_token["iat"].as_u64());
    assert_eq!(userinfo(app, second["access_token"].as_str().unwrap()).await.status, 200);
    second
}

pub async fn refresh_token(plan: Plan) {
    let document = plan.site.get("/.well-known/openid-configuration").await.assert_ok();
    for (name, word) in [("grant_types_supported", "refresh_token"), ("scopes_supported", "offline_access")] {
        assert!(document[name].as_array().unwrap().contains(&word.into()), "{name}");
    }
    let (app, outcome) = refreshable(&plan, json!({}), "n-0S6_WzA2").await;
    refreshed(&plan, &app, &outcome, &[("scope", "openid offline_access")]).await;
    let long_nonce = format!("{}-._~", "x9K".repeat(13));
    let (other, outcome) = refreshable(&plan, json!({}), &long_nonce).await;
    let last = refreshed(&plan, &other, &outcome, &[]).await["refresh_token"].as_str().unwrap().to_owned();
    let pairs = [("grant_type", "refresh_token"), ("refresh_token", last.as_str()), ("scope", "openid offline_access")];
    token(&app, &pairs).await.assert_refused(400, "invalid_grant");
}

pub async fn pkce(plan: Plan) {
    let app = plan.client(json!({})).await;
    let pkce = Pkce::new();
    let mut request = plan.request(&app).with("code_challenge", &pkce.challenge).with("code_challenge_method", "S256");
    request.verifier = Some(pkce.verifier);
    plan.outcome(&app, &mut Browser::new(), &request).await;
}

pub async fn jwks_uri(plan: Plan) {
    let server = KeyServer::start(Behaviour::keys(&[KEY.jwk()])).await;
    let app = plan.client(json!({ "jwks": null, "jwks_uri": server.url })).await;
    plan.outcome(&app, &mut Browser::new(), &plan.request(&app)).await;
    assert!(server.requests() > 0, "its keys are nowhere else");
}

pub async fn key_rotation(plan: Plan) {
    let server = KeyServer::start(Behaviour::keys(&[KEY.jwk()])).await;
    let (app, outcome) = refreshable(&plan, json!({ "jwks": null, "jwks_uri": server.url }), "n-0S6_WzA2").await;
    let key = ClientKey::new("RS256", "the-next-key");
    server.behave(Behaviour::keys(&[key.jwk()]));
    let signer = Signer { app, key };
    let refresh = outcome.tokens.as_ref().unwrap()["refresh_token"].as_str().unwrap();
    let pairs = [("grant_type", "refresh_token"), ("refresh_token", refresh), ("scope", "openid offline_access")];
    token_answer(&signer.post("/token", &pairs, &signer.assertion()).await);
}

pub async fn issuer_as_audience(plan: Plan) {
    let app = plan.client(json!({})).await;
    let request = plan.request(&app);
    let callback = plan.callback(&app, &mut Browser::new(), &request).await;
    let signer = Signer { app, key: KEY.clone() };
    let own = [("code", callback.must("code")), ("redirect_uri", App::REDIRECT_URI), ("grant_type", "authorization_code")];
    token_answer(&signer.post("/token", &own, &signer.assertion_with(json!({ "aud": plan.site.issuer() }))).await);
}
