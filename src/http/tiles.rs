//! `GET /writ/{site}/checkpoint` and `GET /writ/{site}/tile/{level}/{index}[.p/{width}]` (C2SP tlog-tiles): the site's newest
//! checkpoint, and the hashes it stands on. Hashes only: entries hold who did what, and are no public matter.

use super::context::{At, failed};
use super::{Response, cors, reply};
use crate::log::Tile;
use http::header::CACHE_CONTROL;
use http::{HeaderValue, Method, StatusCode};

/// A hash once signed never changes.
const FOR_EVER: &str = "public, max-age=31536000, immutable";
/// Nor does a part of a tile; but nobody needs it any more when the tile has grown.
const FOR_A_WHILE: &str = "public, max-age=600, immutable";
/// There is a newer one soon.
const NOT_AT_ALL: &str = "no-cache";

/// The routes. What is not there, or not yet covered by the checkpoint, or not spelt as the format says, is not found.
pub async fn answer(at: Option<At>) -> Response {
    let Some(at) = at else { return reply::not_found() };
    if ![Method::GET, Method::HEAD].contains(&at.inbound.method) {
        return reply::method_not_allowed("GET");
    }
    // What follows `/writ/{site}/`, as it was sent.
    let resource = at.inbound.path.splitn(4, '/').nth(3).unwrap_or_default();
    if resource == "checkpoint" {
        return checkpoint(&at);
    }
    match resource.strip_prefix("tile/").and_then(|path| path.parse().ok()) {
        Some(tile) => hashes(&at, tile).await,
        None => reply::not_found(),
    }
}

fn checkpoint(at: &At) -> Response {
    match at.site.checkpoint() {
        Some(newest) => document("text/plain; charset=utf-8", newest.note.clone().into_bytes(), NOT_AT_ALL),
        None => reply::not_found(),
    }
}

async fn hashes(at: &At, tile: Tile) -> Response {
    match at.ledger.tile(&at.site, tile).await {
        Ok(Some(hashes)) => document("application/octet-stream", hashes, if tile.is_full() { FOR_EVER } else { FOR_A_WHILE }),
        Ok(None) => reply::not_found(),
        Err(failure) => failed(failure).await,
    }
}

fn document(content_type: &'static str, body: Vec<u8>, kept: &'static str) -> Response {
    let response = cors::public(reply::content(StatusCode::OK, content_type, body));
    reply::with_header(response, CACHE_CONTROL, HeaderValue::from_static(kept))
}
