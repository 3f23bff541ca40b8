//! The log: `GET /admin/v1/events` and `GET /admin/v1/events/{seq}`.

use super::call::{Admin, COMMON, Call, Reading};
use super::lines::{Gone, Writer, lines};
use super::problem::{Answer, Problem};
use super::{route, route_of};
use crate::audit::select::members;
use crate::audit::{Filter, Selection, Viewer, lineage, select};
use crate::http::{Response, reply};
use crate::ledger::{Failure, Site};
use crate::log::StoredRecord;
use crate::terms::Seq;
use http::StatusCode;
use serde_json::{Map, Value, json};
use std::sync::Arc;
use warp::{Filter as _, filters::BoxedFilter};

pub(super) fn routes(admin: &Admin) -> BoxedFilter<(Response,)> {
    let all = route(admin, warp::path!("events").and(warp::get()).boxed(), list);
    all.or(route_of(admin, warp::path!("events" / String).and(warp::get()).boxed(), show)).unify().boxed()
}

/// GET /admin/v1/events?{filter}&follow&facts: NDJSON, one event a line, as long as the client stays if it follows.
async fn list(call: Call) -> Answer {
    let site = call.site()?;
    let own = |name: &str| COMMON.contains(&name) || ["follow", "facts"].contains(&name);
    let filter = Filter::parse(call.params.iter().filter(|(name, _)| !own(name)), call.ledger(), &site)?;
    let identify = call.identify()?;
    let facts = call.params.get("facts") == Some("true");
    let follow = call.params.get("follow") == Some("true");
    let query = Query { reading: call.reading("log")?, identify, facts, follow, from: site.durable().events };
    let selection = select(call.ledger(), &site, &filter)?;
    let (writer, response) = lines();
    let mut stream = Stream { call, site, query, writer, rows: 0 };
    tokio::spawn(async move {
        if let Err(Stop::Failed(problem)) = stream.run(selection).await {
            tracing::error!(?problem, "a query of the log ended early");
            stream.writer.fail().await;
        }
    });
    Ok(response)
}

struct Query {
    reading: Reading,
    identify: crate::audit::Identify,
    facts: bool,
    follow: bool,
    /// Where following begins: the durable end when the query came.
    from: u64,
}

struct Stream {
    call: Call,
    site: Arc<Site>,
    query: Query,
    writer: Writer,
    rows: u64,
}

/// Why a stream ends early.
enum Stop {
    /// Nobody reads any more.
    Gone,
    Failed(Problem),
}
impl From<Gone> for Stop {
    fn from(_: Gone) -> Self {
        Self::Gone
    }
}
impl From<Failure> for Stop {
    fn from(failure: Failure) -> Self {
        Self::Failed(failure.into())
    }
}
impl From<Problem> for Stop {
    fn from(problem: Problem) -> Self {
        Self::Failed(problem)
    }
}

impl Stream {
    /// Tells what there is, records that it was told, and goes on with what comes. The record is durable before the answer ends.
    async fn run(&mut self, mut selection: Selection) -> Result<(), Stop> {
        let told = self.tell(&mut selection).await;
        self.call.note_read(&self.site, &self.query.reading, self.rows).await?;
        told?;
        if !self.query.follow {
            return Ok(self.writer.flush().await?);
        }
        let before = self.rows;
        let followed = self.follow(&selection).await;
        if self.rows > before {
            self.call.note_read(&self.site, &self.query.reading, self.rows.saturating_sub(before)).await?;
        }
        followed
    }

    async fn tell(&mut self, selection: &mut Selection) -> Result<(), Stop> {
        while let Some(stored) = selection.next(self.call.ledger(), &self.site)? {
            self.line(&stored).await?;
        }
        Ok(self.writer.flush().await?)
    }

    async fn follow(&mut self, selection: &Selection) -> Result<(), Stop> {
        let mut durable = self.site.watch();
        let mut stopping = self.call.admin.stopping.clone();
        let mut next = self.query.from;
        loop {
            let now = *durable.borrow_and_update();
            while next < now.events {
                let stored = self.call.ledger().stored(&self.site, Seq(next))?;
                next = next.saturating_add(1);
                if selection.means(&members(&stored)?) {
                    self.line(&stored).await?;
                }
            }
            self.writer.flush().await?;
            if now.end.is_some() {
                return Ok(());
            }
            tokio::select! {
                changed = durable.changed() => if changed.is_err() { return Ok(()) },
                stopped = stopping.wait_for(|stopping| *stopping) => { drop(stopped); return Ok(()) },
                () = self.writer.gone() => return Err(Stop::Gone),
            }
        }
    }

    async fn line(&mut self, stored: &StoredRecord) -> Result<(), Stop> {
        let view = self.viewer().view(stored)?;
        self.rows = self.rows.saturating_add(1);
        Ok(self.writer.line(&view).await?)
    }

    fn viewer(&self) -> Viewer<'_> {
        Viewer { ledger: self.call.ledger(), site: &self.site, identify: self.query.identify, facts: self.query.facts }
    }
}

/// GET /admin/v1/events/{seq}: the event, what led to it (root first), and what came of it.
async fn show(call: Call, seq: String) -> Answer {
    let site = call.site()?;
    let seq = event_of(&site, &seq)?;
    let reading = call.reading("show")?;
    let viewer = Viewer { ledger: call.ledger(), site: &site, identify: call.identify()?, facts: true };
    let stored = call.ledger().stored(&site, seq)?;
    let lineage = lineage(call.ledger(), &site, &stored)?;
    let views = |records: &[StoredRecord]| records.iter().map(|stored| viewer.view(stored)).collect::<Result<Vec<Map<String, Value>>, _>>();
    let (causes, effects) = (views(&lineage.causes)?, views(&lineage.effects)?);
    let rows = u64::try_from(causes.len() + effects.len()).unwrap_or(u64::MAX).saturating_add(1);
    let shown = json!({ "event": viewer.view(&stored)?, "causes": causes, "effects": effects, "more_effects": lineage.cut });
    call.note_read(&site, &reading, rows).await?;
    Ok(reply::no_store(reply::json(StatusCode::OK, &shown)))
}

/// The durable event that a path names by its number, as `48213` or `#48213`.
pub(super) fn event_of(site: &Site, segment: &str) -> Result<Seq, Problem> {
    let events = site.durable().events;
    let number = segment.strip_prefix('#').unwrap_or(segment).parse::<u64>();
    let number = number.map_err(|_| Problem::malformed(format!("'{segment}' is not the number of an event")))?;
    if number >= events {
        let last = events.checked_sub(1).map_or_else(|| "it has none".to_owned(), |last| format!("its last one is #{last}"));
        return Err(Problem::unknown(format!("no event #{number} in site {}; {last}", site.name())));
    }
    Ok(Seq(number))
}
