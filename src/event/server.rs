//! The server itself: the site `_server`.

use super::{Outcome, Severity};
use crate::terms::{InstanceId, SiteName, Timestamp};
use serde::{Deserialize, Serialize};

/// What happened to the server.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[serde(tag = "type")]
pub enum ServerEvent {
    /// The server's own log begins: its first event, written when a data directory is made, before anything else is.
    #[serde(rename = "server.created")]
    Created {
        /// Tells this log from every other server's.
        instance: InstanceId,
        /// What the checkpoints of this log are verified with: a vkey (C2SP signed-note) of the origin `{instance}/writ/_server`.
        checkpoint_key: String,
    },
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
            Self::Created { .. } | Self::Started { .. } | Self::Stopped {} | Self::SiteAdded { .. } | Self::ClockAccepted { .. } => {
                (Outcome::Success, Severity::Info)
            }
            Self::ClockStepped { .. } => (Outcome::Failure, Severity::High),
        }
    }
}
