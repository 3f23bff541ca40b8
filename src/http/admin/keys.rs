//! Signing keys: `GET` and `POST /admin/v1/keys`, `DELETE /admin/v1/keys/{kid}`.

use super::call::{Admin, Call, only, text};
use super::problem::{Answer, Problem};
use super::{route, route_of};
use crate::command::TakesOver;
use crate::http::{Response, reply};
use crate::projection::{Key, Standing, State};
use crate::terms::{SigningAlgorithm, Timestamp};
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
    let now = call.ledger().now();
    let keys: Vec<Value> = site.read(|state| state.keys.iter().map(|key| view(key, state, now)).collect());
    Ok(reply::json(StatusCode::OK, &json!({ "keys": keys })))
}

/// What a key is for, since when, and until when as far as that is known.
fn view(key: &Key, state: &State, now: Timestamp) -> Value {
    let (name, since, until) = match state.keys.standing(key, now) {
        Standing::Published { until } => ("published", key.generated_at, Some(until)),
        Standing::Signing { since } => ("signing", since, next_takes_over(key, state, now)),
        Standing::Verifying { since, until } => ("verifying", since, Some(until)),
        Standing::Retired { since } => ("retired", since, None),
    };
    json!({ "kid": key.kid, "alg": key.alg, "state": name, "since": since, "until": until, "generated_at": key.generated_at })
}

/// When another key takes over from the one that signs: one that is shown already, or by the schedule.
fn next_takes_over(key: &Key, state: &State, now: Timestamp) -> Option<Timestamp> {
    let shown = state.keys.youngest(key.alg).map(|youngest| youngest.signs_from).filter(|from| *from > now);
    let seconds = state.site.as_ref().map_or(0, |site| site.settings.keys_rotate_seconds);
    shown.or_else(|| (seconds > 0).then(|| key.signs_from.plus_seconds(seconds)))
}

/// POST /admin/v1/keys {"alg": "RS256", "now": false}: the new key is shown first for as long as the site says, or signs at once with
/// `now`; the one before goes on verifying.
async fn generate(call: Call) -> Answer {
    let site = call.site()?;
    let body = call.object()?;
    only(&body, &["alg", "now"])?;
    let alg: SigningAlgorithm = text(&body, "alg")?.parse().map_err(|_| {
        let all: Vec<&str> = SigningAlgorithm::ALL.iter().map(|alg| alg.as_str()).collect();
        Problem::malformed(format!("the member 'alg' is one of {}", all.join(", ")))
    })?;
    let takes_over = match body.get("now") {
        Some(Value::Bool(true)) => TakesOver::AtOnce,
        None | Some(Value::Bool(false)) => TakesOver::WhenShown,
        Some(_) => return Err(Problem::malformed("the member 'now' is true or false".to_owned())),
    };
    let kid = call.ledger().generate_key(&site, alg, takes_over, call.actor.clone(), call.facts()).await?;
    let now = call.ledger().now();
    let view = site.read(|state| state.keys.by_id(&kid).map(|key| view(key, state, now)));
    Ok(reply::json(StatusCode::CREATED, &json!(view)))
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
