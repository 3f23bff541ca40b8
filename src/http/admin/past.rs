//! Looking back: the point of a site's history that a call is about, and work that reads the log up to there.

use super::call::Call;
use super::problem::Problem;
use crate::audit::{Point, When};
use crate::ledger::{Ledger, Site};
use crate::replay::Watch;
use serde_json::{Value, json};
use std::sync::Arc;
use tokio::sync::watch;

/// Stops a replay whose caller has gone: hung up, run out of patience, or ended with the server.
struct Waiting(Arc<Watch>);

impl Drop for Waiting {
    fn drop(&mut self) {
        self.0.stop();
    }
}

/// Does long work over a site's log, away from the threads that serve requests.
pub(super) async fn replaying<T: Send + 'static>(
    call: &Call,
    site: &Arc<Site>,
    watch: &Arc<Watch>,
    work: impl FnOnce(&Ledger, &Site, &Watch) -> Result<T, Problem> + Send + 'static,
) -> Result<T, Problem> {
    let (ledger, of, watched, waiting) = (call.ledger().clone(), Arc::clone(site), Arc::clone(watch), Waiting(Arc::clone(watch)));
    let mut working = tokio::task::spawn_blocking(move || work(&ledger, &of, &watched));
    let worked = tokio::select! {
        worked = &mut working => worked,
        () = stops(call.admin.stopping.clone()) => {
            waiting.0.stop();
            working.await
        }
    };
    worked.map_err(|_| Problem::from(crate::ledger::Failure::Stopped))?
}

/// Waits until the server stops: for ever, where no server is.
async fn stops(mut stopping: watch::Receiver<bool>) {
    if stopping.wait_for(|stopping| *stopping).await.is_err() {
        std::future::pending::<()>().await;
    }
}

/// The point that is meant. Reads the log a little.
pub(super) fn point(ledger: &Ledger, site: &Site, when: &When) -> Result<Point, Problem> {
    Ok(when.find(ledger, site)?)
}

/// What a parameter names; now, if it is not there.
pub(super) fn when(call: &Call, name: &str) -> Result<When, Problem> {
    let text = call.params.get(name).unwrap_or("now");
    When::parse(text, call.ledger().now()).map_err(|error| Problem::malformed(format!("'{name}' is {error}")))
}

/// How a point is told: the number of its last event, and its time.
pub(super) fn told(point: Point) -> Value {
    json!({ "seq": point.seq(), "t": point.t })
}
