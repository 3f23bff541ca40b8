//! Replaying a site's log: `GET /admin/v1/replay?until&stats`. It may take as long as the log is long, so the answer is NDJSON: now and
//! then `{"folded":N,"of":M}`, and in the last line `{"result":…}` or `{"problem":{"code","detail"}}`. Hanging up stops it.

use super::call::{Admin, Call, Reading};
use super::lines::{Writer, lines};
use super::past::{point, replaying, told, when};
use super::problem::{Answer, Problem};
use super::route;
use crate::audit::{Point, When};
use crate::http::Response;
use crate::ledger::{LiveDigest, Site};
use crate::replay::{Asked, Verified, Watch, verify};
use crate::terms::Seq;
use serde_json::{Value, json};
use std::sync::Arc;
use std::time::Duration;
use warp::{Filter, filters::BoxedFilter};

pub(super) fn routes(admin: &Admin) -> BoxedFilter<(Response,)> {
    route(admin, warp::path!("replay").and(warp::get()).boxed(), replay)
}

/// How often it is told how far it has come.
const TELL_EVERY: Duration = Duration::from_secs(1);

/// GET /admin/v1/replay?until&stats
async fn replay(call: Call) -> Answer {
    let site = call.site()?;
    let reading = call.reading("replay")?;
    let until = call.params.has("until").then(|| when(&call, "until")).transpose()?;
    let job = Job { stats: call.params.get("stats") == Some("true"), call, site, reading, until };
    let (mut writer, response) = lines();
    tokio::spawn(async move {
        let last = job.run(&mut writer).await.unwrap_or_else(|problem| json!({ "problem": problem.told() }));
        // Who has gone does not hear of it.
        drop(writer.line(&last).await);
        drop(writer.flush().await);
    });
    Ok(response)
}

struct Job {
    call: Call,
    site: Arc<Site>,
    reading: Reading,
    until: Option<When>,
    stats: bool,
}

impl Job {
    async fn run(&self, writer: &mut Writer) -> Result<Value, Problem> {
        let live = self.call.ledger().live_digest(&self.site);
        if let Some(last) = live.head.0.checked_sub(1) {
            self.site.wait(Seq(last)).await?;
        }
        let watch = Arc::new(Watch::default());
        let work = self.work(live, &watch);
        tokio::pin!(work);
        let (point, verified) = loop {
            tokio::select! {
                worked = &mut work => break worked?,
                () = tokio::time::sleep(TELL_EVERY) => {
                    let told = writer.line(&json!({ "folded": watch.folded(), "of": live.head })).await.is_ok() && writer.flush().await.is_ok();
                    if !told {
                        watch.stop();
                    }
                }
            }
        };
        self.call.note_read(&self.site, &self.reading, verified.events).await?;
        Ok(json!({ "result": { "at": told(point), "equal": verified.is_equal(), "verified": verified } }))
    }

    async fn work(&self, live: LiveDigest, watch: &Arc<Watch>) -> Result<(Point, Verified), Problem> {
        let (until, counts_types) = (self.until, self.stats);
        let work = replaying(&self.call, &self.site, watch, move |ledger, site, watch| {
            let until = match until {
                Some(when) => point(ledger, site, &when)?,
                None => Point::after(ledger, site, live.head.0)?,
            };
            let asked = Asked { until: Some(until.events), counts_types };
            Ok((until, verify(ledger, site, &asked, live, watch)?))
        });
        work.await
    }
}
