//! The admin API under `/admin/v1` (AUDIT.md §8.8): on the Unix socket of a running server, and in process for the command line
//! when no server runs. It is the same filter both times, so the answers are the same by construction.
//!
//! Whoever reaches it is an operating-system user, and is recorded as `os:<uid>`. `?site=` names the site (default `default`).
//! Errors are RFC 9457 problems. Every read of the log or of persons is itself recorded.

mod call;
pub mod client;
mod clients;
mod clock;
mod events;
mod explain;
mod exports;
mod introspect_then;
mod introspection;
mod invitations;
mod keys;
mod lines;
mod past;
mod problem;
mod proofs;
mod replays;
mod sites;
mod state;
#[cfg(test)]
mod tests;
mod users;

pub use call::Admin;
pub use client::{AdminAnswer, AdminClient, ClientError, own_uid};
pub use sites::is_served_under;

use super::{Inbound, Response, inbound};
use call::Call;
use problem::Answer;
use std::sync::Arc;
use warp::{Filter, filters::BoxedFilter};

/// Every route of the admin API. A path that is none of them is rejected, for other routes to take.
pub fn routes(admin: Admin) -> BoxedFilter<(Response,)> {
    let base = warp::path!("admin" / "v1" / ..).and(inbound());
    let events = events::routes(&admin).or(explain::routes(&admin)).unify().boxed();
    let proofs = proofs::routes(&admin).or(exports::routes(&admin)).unify().boxed();
    let past = state::routes(&admin).or(introspection::routes(&admin)).unify().or(replays::routes(&admin)).unify().boxed();
    let clients = clients::routes(&admin).or(invitations::routes(&admin)).unify();
    let people = users::routes(&admin).or(clients).unify().boxed();
    let server = sites::routes(&admin).or(keys::routes(&admin)).unify().or(clock::routes(&admin)).unify().boxed();
    warp::path!("admin" / "v1" / ..)
        .and(events.or(people).unify().or(server).unify().or(proofs).unify().or(past).unify())
        .or(unknown(base.boxed(), &admin))
        .unify()
        .boxed()
}

/// What lies under `/admin/v1` and is no route.
fn unknown(base: BoxedFilter<(Arc<Inbound>,)>, admin: &Admin) -> BoxedFilter<(Response,)> {
    let admin = admin.clone();
    base.then(move |inbound| {
        let admin = admin.clone();
        async move { call::answer(admin, inbound, |_| async { Err(problem::Problem::no_such_address()) }).await }
    })
    .boxed()
}

/// A route without parameters in its path: the filter for method and path, then the handler.
fn route<F, A>(admin: &Admin, filter: BoxedFilter<()>, handler: F) -> BoxedFilter<(Response,)>
where
    F: Fn(Call) -> A + Clone + Send + Sync + 'static,
    A: Future<Output = Answer> + Send + 'static,
{
    let admin = admin.clone();
    let with = filter.and(inbound()).then(move |inbound: Arc<Inbound>| call::answer(admin.clone(), inbound, handler.clone()));
    with.boxed()
}

/// A route with one parameter in its path, which is handed over decoded.
fn route_of<F, A>(admin: &Admin, filter: BoxedFilter<(String,)>, handler: F) -> BoxedFilter<(Response,)>
where
    F: Fn(Call, String) -> A + Clone + Send + Sync + 'static,
    A: Future<Output = Answer> + Send + 'static,
{
    let admin = admin.clone();
    let with = filter.and(inbound()).then(move |segment: String, inbound: Arc<Inbound>| {
        let handler = handler.clone();
        call::answer(admin.clone(), inbound, move |call| async move { handler(call, call::decoded(&segment)?).await })
    });
    with.boxed()
}
