//! What goes with a proof: the leaf it is about, and of what is sealed beside it the fields that somebody chose to show.

use crate::ledger::{Failure, Ledger, Site};
use crate::terms::Seq;
use serde_json::{Value, json};

/// Why the chosen fields cannot be shown.
#[derive(Debug, thiserror::Error)]
pub enum EvidenceError {
    /// The event has no sealed field of this name.
    #[error("event #{seq} has no sealed field '{name}'; it has: {there}", seq = seq.0)]
    NoSuchField {
        /// The event.
        seq: Seq,
        /// What was asked for.
        name: String,
        /// The names of those it has.
        there: String,
    },
    /// Its key was destroyed; what the leaf says about it stays provable.
    #[error("the field '{0}' was erased: nobody can open it any more")]
    Erased(String),
    /// The log or the vault cannot be read.
    #[error(transparent)]
    Failure(#[from] Failure),
}

/// The event as a bundle holds it: `{"seq": N, "leaf": "…", "dis": ["…"]}` with the chosen disclosures (RFC 9901 §4.2.1) in the order
/// in which they were chosen. Whoever has this and the proof needs nothing else of the log.
///
/// # Errors
/// A name that is none of the event's sealed fields, or of one that was erased.
pub fn evidence(ledger: &Ledger, site: &Site, seq: Seq, chosen: &[&str]) -> Result<Value, EvidenceError> {
    let stored = ledger.stored(site, seq)?;
    let leaf = std::str::from_utf8(&stored.leaf).map_err(|error| Failure::Unreadable(error.to_string()))?;
    let opened = if chosen.is_empty() { Vec::new() } else { ledger.disclosures(site, &stored)? };
    let shown = chosen.iter().map(|name| {
        let names: Vec<&str> = stored.sealed.iter().map(|field| field.name.as_str()).collect();
        match opened.iter().find(|disclosure| disclosure.name() == *name) {
            Some(disclosure) => Ok(disclosure.encode().to_owned()),
            None if names.contains(name) => Err(EvidenceError::Erased((*name).to_owned())),
            None => Err(EvidenceError::NoSuchField { seq, name: (*name).to_owned(), there: listed(&names) }),
        }
    });
    let shown = shown.collect::<Result<Vec<String>, EvidenceError>>()?;
    Ok(json!({ "seq": seq, "leaf": leaf, "dis": shown }))
}

fn listed(names: &[&str]) -> String {
    if names.is_empty() { "none".to_owned() } else { names.join(", ") }
}
