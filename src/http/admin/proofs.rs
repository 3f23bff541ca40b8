//! Proofs: `POST /admin/v1/checkpoint`, `GET /admin/v1/events/{seq}/proof`, `GET /admin/v1/consistency`.

use super::call::{Admin, Call};
use super::events::event_of;
use super::problem::{Answer, Problem};
use super::{route, route_of};
use crate::audit::{Identify, evidence};
use crate::http::{Response, reply};
use crate::ledger::{ConsistencyProof, Site};
use crate::terms::Seq;
use base64::{Engine, engine::general_purpose::STANDARD};
use http::StatusCode;
use serde_json::Value;
use std::sync::Arc;
use warp::{Filter, filters::BoxedFilter};

pub(super) fn routes(admin: &Admin) -> BoxedFilter<(Response,)> {
    let checkpoint = route(admin, warp::path!("checkpoint").and(warp::post()).boxed(), checkpoint);
    let proof = route_of(admin, warp::path!("events" / String / "proof").and(warp::get()).boxed(), proof);
    let consistency = route(admin, warp::path!("consistency").and(warp::get()).boxed(), consistency);
    checkpoint.or(proof).unify().or(consistency).unify().boxed()
}

/// POST /admin/v1/checkpoint: the signed note (C2SP tlog-checkpoint) over everything that is durable.
async fn checkpoint(call: Call) -> Answer {
    let site = call.site()?;
    let signed = call.ledger().checkpoint(&site).await?;
    Ok(text(signed.note.clone()))
}

/// GET /admin/v1/events/{seq}/proof?checkpoint&leaf&disclose: that the event is in the log (C2SP tlog-proof), by the newest checkpoint
/// or the one over so many events. With `leaf=true` as JSON, `{"seq", "leaf", "dis", "proof"}`, with the disclosures of the fields
/// that `disclose` names, as `net.ip,username`.
async fn proof(call: Call, seq: String) -> Answer {
    let site = call.site()?;
    let seq = event_of(&site, &seq)?;
    let chosen: Vec<&str> = call.params.get("disclose").into_iter().flat_map(|names| names.split(',')).collect();
    if !chosen.is_empty() && call.identify()? == Identify::Withhold {
        return Err(Problem::malformed("what is sealed is shown only for a reason: --identify --reason TEXT".to_owned()));
    }
    let size = size_of(&call, "checkpoint")?;
    covers(&site, size, seq)?;
    let beside = match call.params.get("leaf") == Some("true") || !chosen.is_empty() {
        true => Some(evidence(call.ledger(), &site, seq, &chosen)?),
        false => None,
    };
    let proof = call.ledger().prove(&site, seq, size).await?.ok_or_else(|| no_such_size(&site, size))?.to_string();
    call.note_read(&site, &call.reading("prove")?, 1).await?;
    Ok(match beside {
        None => text(proof),
        Some(mut whole) => {
            if let Some(members) = whole.as_object_mut() {
                members.insert("proof".to_owned(), Value::from(proof));
            }
            reply::no_store(reply::json(StatusCode::OK, &whole))
        }
    })
}

/// GET /admin/v1/consistency?old&checkpoint: that the log over so many events, or as of the newest checkpoint, continues the one of
/// `old` events; laid out as C2SP tlog-witness takes it.
async fn consistency(call: Call) -> Answer {
    let site = call.site()?;
    let old = size_of(&call, "old")?.ok_or_else(|| Problem::malformed("'old' says how many events the older log had".to_owned()))?;
    let size = size_of(&call, "checkpoint")?;
    let proof = call.ledger().prove_continuation(&site, old, size).await?;
    let ConsistencyProof { old_size, hashes, checkpoint } = proof.ok_or_else(|| no_such_size(&site, size.max(Some(old))))?;
    let hashes: String = hashes.iter().map(|hash| format!("{}\n", STANDARD.encode(hash.bytes()))).collect();
    Ok(text(format!("old {old_size}\n{hashes}\n{checkpoint}")))
}

fn size_of(call: &Call, name: &str) -> Result<Option<u64>, Problem> {
    let read = |size: &str| size.parse().map_err(|_| Problem::malformed(format!("'{size}' is not a number of events")));
    call.params.get(name).map(read).transpose()
}

/// A checkpoint that is asked for by its size must be one that there could be, and cover the event.
fn covers(site: &Arc<Site>, size: Option<u64>, seq: Seq) -> Result<(), Problem> {
    match size {
        Some(size) if size > site.durable().events => Err(no_such_size(site, Some(size))),
        Some(size) if size <= seq.0 => Err(Problem::conflict(format!("a checkpoint over {size} events does not cover event #{}", seq.0))),
        Some(_) | None => Ok(()),
    }
}

fn no_such_size(site: &Site, size: Option<u64>) -> Problem {
    let (size, events) = (size.unwrap_or_default(), site.durable().events);
    Problem::unknown(format!("no checkpoint over {size} events in site {}; it has {events}", site.name()))
}

fn text(text: String) -> Response {
    reply::no_store(reply::content(StatusCode::OK, "text/plain; charset=utf-8", text))
}

#[cfg(test)]
mod tests;
