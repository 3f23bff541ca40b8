//! Handing a part of a site's log out as a bundle: everything durable at the moment of the call, proven by a checkpoint signed for it.
//!
//! The events are spooled into an unnamed file of the data directory, so that memory does not grow with them; what the bundle's bytes
//! will be is known, and can be recorded, before the first of them leaves.

mod spool;

pub use spool::{Spooled, spool};

use super::{Filter, FilterError, Identify, WhenError, deletion};
use crate::ledger::{Failure, Ledger, SignedHead, Site};
use crate::terms::ClientId;
use serde_json::{Map, Value};
use std::io;
use std::sync::Arc;

/// What is to be exported.
#[derive(Clone, Debug)]
pub struct Asked {
    /// From where to where, and about whom; other events are withheld.
    pub filter: Filter,
    /// Whether sealed fields are disclosed.
    pub identify: Identify,
    /// What the manifest tells of the request.
    pub told: Map<String, Value>,
}

/// Which events those are.
#[derive(Clone, Debug)]
pub struct Plan {
    /// The checkpoint that they are proven by.
    pub signed: Arc<SignedHead>,
    /// The first event.
    pub from: u64,
    /// The event after the last.
    pub to: u64,
}

/// Why nothing is exported.
#[derive(Debug, thiserror::Error)]
pub enum ExportError {
    /// The log or the vault.
    #[error(transparent)]
    Failure(#[from] Failure),
    /// The disk.
    #[error("the export could not be put on the disk: {0}")]
    Spool(#[from] io::Error),
}

/// Which events are meant, as of now. None if there is none.
///
/// # Errors
/// A log that has stopped or cannot be read, a checkpoint that cannot be signed or kept, a point in time that the log does not know.
pub async fn plan(ledger: &Ledger, site: &Arc<Site>, filter: &Filter) -> Result<Option<Plan>, WhenError> {
    if site.durable().events == 0 {
        return Ok(None);
    }
    let signed = ledger.checkpoint(site).await?;
    let size = signed.head.size;
    let from = filter.from.map_or(Ok(0), |from| from.first(ledger, site, size))?;
    let to = filter.to.map_or(Ok(size), |to| to.past(ledger, site, size))?;
    Ok((from < to).then_some(Plan { signed, from, to }))
}

/// The filter of an export: `from`, `to` and, as `user:U` or `client:C`, whom it is about.
///
/// # Errors
/// A person or a client that the site does not know, a time or a subject that cannot be read.
pub fn filter(from: Option<&str>, to: Option<&str>, subject: Option<&str>, ledger: &Ledger, site: &Site) -> Result<Filter, FilterError> {
    let about = subject.map(|subject| match subject.split_once(':') {
        Some((kind @ ("user" | "client"), id)) if !id.is_empty() => Ok((kind, id)),
        Some(_) | None => Err(FilterError::Malformed {
            name: "subject".to_owned(),
            value: subject.to_owned(),
            why: "it is user:ID or client:ID; no event of this version names a patient".to_owned(),
        }),
    });
    let about = about.transpose()?;
    if let Some((_, id)) = about.filter(|(kind, _)| *kind == "client")
        && !is_or_was_client(ledger, site, id)?
    {
        return Err(FilterError::NoSuchClient);
    }
    let bounds = [("from", from), ("to", to)].into_iter().filter_map(|(name, value)| Some((name, value?)));
    Filter::parse(bounds.chain(about), ledger, site)
}

fn is_or_was_client(ledger: &Ledger, site: &Site, id: &str) -> Result<bool, Failure> {
    let Ok(id) = id.parse::<ClientId>() else { return Ok(false) };
    Ok(site.read(|state| state.clients.by_id(&id).is_some()) || deletion(ledger, site, &id, site.durable().events)?.is_some())
}
