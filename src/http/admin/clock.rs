//! `POST /admin/v1/clock/accept`: the wall clock is right, whatever it did.

use super::call::{Admin, Call};
use super::problem::Answer;
use super::route;
use crate::http::{Response, reply};
use http::StatusCode;
use serde_json::json;
use warp::{Filter, filters::BoxedFilter};

pub(super) fn routes(admin: &Admin) -> BoxedFilter<(Response,)> {
    route(admin, warp::path!("clock" / "accept").and(warp::post()).boxed(), accept)
}

async fn accept(call: Call) -> Answer {
    let wall = call.ledger().accept_clock(call.actor.clone(), call.facts()).await?;
    Ok(reply::json(StatusCode::OK, &json!({ "wall": wall })))
}
