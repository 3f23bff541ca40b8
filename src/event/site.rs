//! Sites.

use super::settings::Settings;
use super::{Outcome, Severity};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// What happened to a site.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[serde(tag = "type")]
pub enum SiteEvent {
    /// The site exists: the first event of its log. Every setting is written out, so that no later default changes history.
    #[serde(rename = "site.created")]
    Created {
        /// The `iss` of everything the site says.
        issuer: String,
        /// What the checkpoints of this log are verified with: a vkey (C2SP signed-note) of the origin `{host of the issuer}/writ/{site}`.
        checkpoint_key: String,
        settings: Box<Settings>,
    },
    /// Settings changed: the ones that did, as they were and as they are.
    #[serde(rename = "site.configured")]
    Configured { before: Map<String, Value>, after: Map<String, Value> },
}

impl SiteEvent {
    pub(crate) fn weight(&self) -> (Outcome, Severity) {
        match self {
            Self::Created { .. } => (Outcome::Success, Severity::Info),
            Self::Configured { .. } => (Outcome::Success, Severity::Low),
        }
    }
}
