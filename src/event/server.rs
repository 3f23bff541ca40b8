//! The server itself: the site `_server`.

use super::{Outcome, Severity};
use crate::terms::{SiteName, Timestamp};
use serde::{Deserialize, Serialize};

/// What happened to the server.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[serde(tag = "type")]
pub enum ServerEvent {
    /// The server came up.
    #[serde(rename = "server.started")]
    Started {
        /// The program's version.
        version: String,
        /// Of the process.
        pid: u32,
    },
    /// The server went down in order.
    #[serde(rename = "server.stopped")]
    Stopped {},
    /// A site was made; its own log begins with `site.created`.
    #[serde(rename = "server.site_added")]
    SiteAdded { name: SiteName },
    /// The wall clock jumped against the monotonic clock and was not followed.
    #[serde(rename = "clock.stepped")]
    ClockStepped {
        /// What the wall clock says.
        wall: Timestamp,
        /// What the server goes on with.
        kept: Timestamp,
    },
    /// An administrator accepted the wall clock, or it came back by itself.
    #[serde(rename = "clock.accepted")]
    ClockAccepted { wall: Timestamp },
}

impl ServerEvent {
    pub(crate) fn weight(&self) -> (Outcome, Severity) {
        match self {
            Self::Started { .. } | Self::Stopped {} | Self::SiteAdded { .. } | Self::ClockAccepted { .. } => {
                (Outcome::Success, Severity::Info)
            }
            Self::ClockStepped { .. } => (Outcome::Failure, Severity::High),
        }
    }
}
