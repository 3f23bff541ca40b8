//! Exports: `POST /admin/v1/exports`, and `GET /admin/v1/verification` for whoever wants to check all of a running log.
//!
//! Commit point: `audit.exported`, with the digest of the bundle, is durable before its first byte leaves (AUDIT.md §6.6).

use super::call::{Admin, Call, only, text};
use super::lines::{Sink, pieces};
use super::problem::{Answer, Problem};
use super::route;
use crate::audit::bundle::Form;
use crate::audit::export::{Asked, ExportError, Plan, Spooled, filter, plan, spool};
use crate::audit::{Filter, Identify};
use crate::command::Noted;
use crate::http::Response;
use crate::ledger::{Failure, Site};
use crate::terms::Seq;
use serde_json::{Map, Value, json};
use std::io::{BufWriter, Write};
use std::sync::Arc;
use warp::{Filter as _, filters::BoxedFilter};

pub(super) fn routes(admin: &Admin) -> BoxedFilter<(Response,)> {
    let exports = route(admin, warp::path!("exports").and(warp::post()).boxed(), export);
    exports.or(route(admin, warp::path!("verification").and(warp::get()).boxed(), verification)).unify().boxed()
}

/// What an export may be asked to be.
const MEMBERS: [&str; 7] = ["basis", "form", "format", "from", "purpose", "subject", "to"];

/// POST /admin/v1/exports {"format": "ndjson", "form": "tar" | "single", "from", "to", "subject", "purpose", "basis"}: the bundle.
async fn export(call: Call) -> Answer {
    let site = call.site()?;
    let members = call.object()?;
    only(&members, &MEMBERS)?;
    let given = |name: &str| members.get(name).map(|_| text(&members, name)).transpose();
    let (purpose, basis) = (text(&members, "purpose")?.to_owned(), given("basis")?.map(str::to_owned));
    let format = given("format")?.unwrap_or("ndjson");
    if format != "ndjson" {
        return Err(Problem::malformed(format!("there is no format '{format}'; there is: ndjson")));
    }
    let form = match given("form")?.unwrap_or("tar") {
        "tar" => Form::Tar,
        "single" => Form::Single,
        other => return Err(Problem::malformed(format!("there is no form '{other}'; there are: tar, single"))),
    };
    let filter = filter(given("from")?, given("to")?, given("subject")?, call.ledger(), &site)?;
    let recorded = format!("{} {}", call.inbound.path, Value::Object(members.clone()));
    let reason = call.reason_to_identify()?;
    let noting = Noting::Exported { filter: recorded, purpose, basis, reason };
    start(call, site, filter, members, form, noting).await
}

/// GET /admin/v1/verification: all of the log as lines, with nothing disclosed, to be verified. Whoever asks reads the log, and that is
/// recorded as such.
async fn verification(call: Call) -> Answer {
    let site = call.site()?;
    start(call, site, Filter::default(), Map::new(), Form::Single, Noting::Verified).await
}

/// How it is recorded.
enum Noting {
    Exported { filter: String, purpose: String, basis: Option<String>, reason: Option<String> },
    Verified,
}

/// What is under way: all that may be wrong with the request has been found.
struct Task {
    call: Call,
    site: Arc<Site>,
    plan: Plan,
    asked: Asked,
    form: Form,
    noting: Noting,
}

async fn start(call: Call, site: Arc<Site>, filter: Filter, told: Map<String, Value>, form: Form, noting: Noting) -> Answer {
    let Some(plan) = plan(call.ledger(), &site, &filter).await? else {
        let nothing = format!("site {} has no event from then to then; it has {} in all", site.name(), site.durable().events);
        return Err(Problem::unknown(nothing));
    };
    let identify = if matches!(noting, Noting::Verified) { Identify::Withhold } else { call.identify()? };
    let asked = Asked { filter, identify, told: call.told(told, identify)? };
    let content_type = match form {
        Form::Tar => "application/x-tar",
        Form::Single => "application/x-ndjson",
    };
    let (sink, response) = pieces(content_type);
    let task = Task { call, site, plan, asked, form, noting };
    tokio::spawn(async move {
        if let Err(error) = task.run(sink.clone()).await {
            tracing::error!(%error, "an export ended early");
            sink.fail().await;
        }
    });
    Ok(response)
}

impl Call {
    /// Why people are shown by name, if they are.
    fn reason_to_identify(&self) -> Result<Option<String>, Problem> {
        Ok(match self.identify()? {
            Identify::Open => self.reason().map(str::to_owned),
            Identify::Withhold => None,
        })
    }

    /// What the manifest tells of the request.
    fn told(&self, mut asked: Map<String, Value>, identify: Identify) -> Result<Map<String, Value>, Problem> {
        asked.insert("by".to_owned(), self.actor.to_string().into());
        asked.extend(self.reason_to_identify()?.map(|reason| ("reason".to_owned(), reason.into())));
        let redaction = match identify {
            Identify::Open => "none: sealed fields are disclosed as far as they can be opened",
            Identify::Withhold => "all sealed fields are withheld",
        };
        let told = json!({
            "asked": asked,
            "exported_at": self.ledger().now(),
            "program": concat!("writ ", env!("CARGO_PKG_VERSION")),
            "redaction": redaction,
        });
        Ok(if let Value::Object(told) = told { told } else { Map::new() })
    }
}

impl Task {
    async fn run(self, sink: Sink) -> Result<(), ExportError> {
        let (ledger, site) = (self.call.ledger().clone(), Arc::clone(&self.site));
        let (plan, asked, form) = (self.plan.clone(), self.asked.clone(), self.form);
        let spooled = tokio::task::spawn_blocking(move || spool(&ledger, &site, &plan, &asked, form)).await;
        let mut spooled = spooled.map_err(|_| Failure::Stopped)??;
        self.note(&spooled).await?;
        let sent = tokio::task::spawn_blocking(move || {
            let mut out = BufWriter::with_capacity(1 << 16, sink);
            spooled.send(&mut out).and_then(|()| out.flush())
        });
        // Nobody has to read to the end.
        match sent.await.map_err(|_| Failure::Stopped)? {
            Err(error) if error.kind() == std::io::ErrorKind::BrokenPipe => Ok(()),
            other => Ok(other?),
        }
    }

    async fn note(&self, spooled: &Spooled) -> Result<(), Failure> {
        let counts = spooled.counts;
        let noted = match &self.noting {
            Noting::Verified => Noted::AuditRead {
                query: "verify".to_owned(),
                filter: self.site.tag(&self.call.inbound.path),
                rows: counts.events,
                identified: false,
                reason: None,
            },
            Noting::Exported { filter, purpose, basis, reason } => Noted::AuditExported {
                format: "ndjson".to_owned(),
                from: Seq(self.plan.from),
                to: Seq(self.plan.to),
                events: counts.events,
                disclosed: counts.fields_shown,
                withheld: counts.withheld,
                bundle_digest: spooled.digest,
                checkpoint_size: self.plan.signed.head.size,
                filter: self.site.tag(filter),
                identified: reason.is_some(),
                purpose: Some(purpose.clone()),
                basis: basis.clone(),
                reason: reason.clone(),
            },
        };
        self.call.ledger().note_by(&self.site, noted, self.call.actor.clone(), self.call.facts()).await
    }
}
