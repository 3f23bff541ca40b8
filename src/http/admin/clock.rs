//! `POST /admin/v1/clock/accept`: the wall clock is right, whatever it did.

use super::call::{Admin, Call};
use super::problem::Answer;
use super::route;
use crate::command::Noted;
use crate::http::{Response, reply};
use crate::terms::SiteName;
use http::StatusCode;
use serde_json::json;
use warp::{Filter, filters::BoxedFilter};

pub(super) fn routes(admin: &Admin) -> BoxedFilter<(Response,)> {
    route(admin, warp::path!("clock" / "accept").and(warp::post()).boxed(), accept)
}

async fn accept(call: Call) -> Answer {
    let wall = call.ledger().accept_clock();
    let server = call.site_named(SiteName::server().as_str())?;
    call.ledger().note_by(&server, Noted::ClockAccepted { wall }, call.actor.clone(), call.facts()).await?;
    Ok(reply::json(StatusCode::OK, &json!({ "wall": wall })))
}
