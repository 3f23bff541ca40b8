//! The state of a site at a point of its history: `GET /admin/v1/state?path&at&digest`.

use super::call::{Admin, Call};
use super::past::{point, replaying, told, when};
use super::problem::Answer;
use super::route;
use crate::http::{Response, reply};
use crate::projection::FOLD_VERSION;
use crate::replay::{Watch, state_at, view};
use http::StatusCode;
use serde_json::json;
use std::sync::Arc;
use warp::{Filter, filters::BoxedFilter};

pub(super) fn routes(admin: &Admin) -> BoxedFilter<(Response,)> {
    route(admin, warp::path!("state").and(warp::get()).boxed(), show)
}

/// GET /admin/v1/state?path&at&digest: `{"at":{"seq","t"},"state":…}`, or with `digest=true` `{"at","fold","digest"}`. The digest is that of
/// the state after its last event and with the clock at the point's time.
async fn show(call: Call) -> Answer {
    let site = call.site()?;
    let reading = call.reading("state")?;
    let when = when(&call, "at")?;
    let path = call.params.get("path").unwrap_or_default().to_owned();
    let only_digest = call.params.get("digest") == Some("true");
    let watch = Arc::new(Watch::default());
    let shown = replaying(&call, &site, &watch, move |ledger, site, watch| {
        let point = point(ledger, site, &when)?;
        let state = state_at(ledger, site, point.events, point.t, watch)?;
        Ok(match only_digest {
            true => json!({ "at": told(point), "fold": FOLD_VERSION, "digest": state.digest() }),
            false => json!({ "at": told(point), "state": view(&state, &path, point.t)? }),
        })
    });
    let shown = shown.await?;
    let rows = shown.get("state").map_or(1, |state| state.as_array().map_or(1, Vec::len));
    call.note_read(&site, &reading, u64::try_from(rows).unwrap_or(u64::MAX)).await?;
    Ok(reply::no_store(reply::json(StatusCode::OK, &shown)))
}
