//! What is told of a person, where, and to whom (OpenID Connect Core §5).

use crate::conformance::checks::{about_the_person, assert_forms, assert_signed};
use crate::conformance::client::{as_sent, userinfo};
use crate::conformance::plan::{Plan, known};
use crate::harness::{Browser, Request, jwt_part};
use serde_json::{Map, Value, json};

pub async fn userinfo_in_three_ways(plan: Plan) {
    let app = plan.client(json!({})).await;
    let outcome = plan.outcome(&app, &mut Browser::new(), &plan.request(&app)).await;
    let Some(token) = &outcome.access_token else { return };
    let url = app.site.url("/userinfo");
    let in_header = Request::form(&url, &[("", ""); 0]).bearer(token);
    let in_body = Request::form(&url, &[("access_token", token.as_str())]);
    for request in [Request::get(&url).bearer(token), in_header, in_body] {
        let told = as_sent(request).send().await.assert_ok();
        assert_eq!(told, json!({ "sub": outcome.id_token["sub"] }), "{}", plan.name);
    }
}

/// The claims of these scopes, all of them (OpenID Connect Core §5.4).
fn behind(scope: &str) -> Map<String, Value> {
    let of_profile = |name: &str| !["email", "phone", "address"].iter().any(|other| name.starts_with(other));
    let shows = |name: &str| {
        scope.split(' ').any(|word| match word {
            "profile" => of_profile(name),
            "phone" => name.starts_with("phone_number"),
            word => name.split('_').next() == Some(word),
        })
    };
    known().as_object().unwrap().clone().into_iter().filter(|(name, _)| shows(name)).collect()
}

pub async fn claims_by_scope(plan: Plan) {
    let app = plan.client(json!({})).await;
    let mut browser = Browser::new();
    for scope in ["profile", "email", "address", "phone", "email phone address profile"] {
        let outcome = plan.outcome(&app, &mut browser, &plan.request(&app).with("scope", &format!("openid {scope}"))).await;
        let shown = match &outcome.access_token {
            Some(token) => plan.userinfo(&app, token).await,
            // There is no access token, so the ID token has them.
            None => outcome.id_token.clone(),
        };
        assert_eq!(about_the_person(&shown), behind(scope), "{} {scope}", plan.response_type);
        assert_eq!(shown["sub"], outcome.id_token["sub"]);
    }
}

pub async fn claims_essential(plan: Plan) {
    let app = plan.client(json!({})).await;
    let place = if plan.has_access_token() { "userinfo" } else { "id_token" };
    let asked = json!({ place: { "name": { "essential": true } } }).to_string();
    let outcome = plan.outcome(&app, &mut Browser::new(), &plan.request(&app).with("claims", &asked)).await;
    let shown = match &outcome.access_token {
        Some(token) => plan.userinfo(&app, token).await,
        None => outcome.id_token,
    };
    assert_eq!(Value::Object(about_the_person(&shown)), json!({ "name": known()["name"] }), "{}", plan.name);
}

pub async fn userinfo_rs256(plan: Plan) {
    let app = plan.client(json!({ "userinfo_signed_response_alg": "RS256" })).await;
    let outcome = plan.outcome(&app, &mut Browser::new(), &plan.request(&app).with("scope", "openid profile")).await;
    let Some(token) = &outcome.access_token else { return };
    let answer = userinfo(&app, token).await;
    assert_eq!((answer.status, answer.header("content-type")), (200, Some("application/jwt")));
    assert_signed(&app.site, &answer.text()).await;
    let (header, claims) = (jwt_part(&answer.text(), 0), jwt_part(&answer.text(), 1));
    assert_eq!((&header["alg"], &claims["iss"], &claims["aud"]), (&json!("RS256"), &json!(app.site.issuer()), &json!(app.client_id)));
    assert_eq!((&claims["sub"], claims.get("nonce")), (&outcome.id_token["sub"], None), "nobody may take it for an ID token");
    assert_forms(&claims);
}
