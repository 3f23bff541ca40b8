//! Signing keys: `GET` and `POST /admin/v1/keys`, `DELETE /admin/v1/keys/{kid}`.

use super::call::{Admin, Call, only, text};
use super::problem::{Answer, Problem};
use super::{route, route_of};
use crate::http::{Response, reply};
use crate::terms::SigningAlgorithm;
use http::StatusCode;
use serde_json::{Value, json};
use warp::{Filter, filters::BoxedFilter};

pub(super) fn routes(admin: &Admin) -> BoxedFilter<(Response,)> {
    let list = route(admin, warp::path!("keys").and(warp::get()).boxed(), list);
    let generate = route(admin, warp::path!("keys").and(warp::post()).boxed(), generate);
    let retire = route_of(admin, warp::path!("keys" / String).and(warp::delete()).boxed(), retire);
    list.or(generate).unify().or(retire).unify().boxed()
}

/// GET /admin/v1/keys
async fn list(call: Call) -> Answer {
    let site = call.site()?;
    let keys: Vec<Value> = site.read(|state| {
        let signs = |key: &crate::projection::Key| state.keys.signing(key.alg).is_some_and(|signing| signing.kid == key.kid);
        let state_of = |key: &crate::projection::Key| match (key.retired, signs(key)) {
            (true, _) => "retired",
            (false, true) => "signs",
            (false, false) => "verifies",
        };
        let view = |key| json!({ "kid": key_id(key), "alg": key.alg, "state": state_of(key), "generated_at": key.generated_at });
        state.keys.iter().map(view).collect()
    });
    Ok(reply::json(StatusCode::OK, &json!({ "keys": keys })))
}

fn key_id(key: &crate::projection::Key) -> String {
    key.kid.to_string()
}

/// POST /admin/v1/keys {"alg": "RS256"}: the new key signs from now on, the one before goes on verifying.
async fn generate(call: Call) -> Answer {
    let site = call.site()?;
    let body = call.object()?;
    only(&body, &["alg"])?;
    let alg: SigningAlgorithm = text(&body, "alg")?.parse().map_err(|_| {
        let all: Vec<&str> = SigningAlgorithm::ALL.iter().map(|alg| alg.as_str()).collect();
        Problem::malformed(format!("the member 'alg' is one of {}", all.join(", ")))
    })?;
    let kid = call.ledger().generate_key(&site, alg, call.actor.clone(), call.facts()).await?;
    Ok(reply::json(StatusCode::CREATED, &json!({ "kid": kid, "alg": alg, "state": "signs" })))
}

/// DELETE /admin/v1/keys/{kid}: what it signed verifies no longer. With `{"force": true}` even if that is still in use.
async fn retire(call: Call, kid: String) -> Answer {
    let site = call.site()?;
    let parsed = kid.parse().map_err(|_| Problem::unknown(format!("no key '{kid}' at site {}: writ keys list", site.name())))?;
    let body = call.object()?;
    only(&body, &["force"])?;
    let force = body.get("force").and_then(Value::as_bool).unwrap_or_default();
    call.ledger().retire_key(&site, parsed, force, call.actor.clone(), call.facts()).await?;
    Ok(reply::json(StatusCode::OK, &json!({ "kid": kid, "state": "retired" })))
}
