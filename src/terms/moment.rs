//! All that a decision may know beside the log.

use super::{IdSeed, RequestId, Timestamp};
use std::net::IpAddr;

/// The instant of a decision: time, public randomness, and the facts of the request. Made by the ledger, and by replay.
#[derive(Clone, Debug)]
pub struct Moment {
    /// The site's time: never before its last event.
    pub now: Timestamp,
    /// Where the decision's identifiers come from.
    pub seed: IdSeed,
    /// What the request brought along.
    pub request: RequestFacts,
}

/// What is known of a request that no command carries.
#[derive(Clone, Debug)]
pub struct RequestFacts {
    /// Ties all events of the request.
    pub corr: RequestId,
    /// The peer's address; sealed when recorded.
    pub ip: Option<IpAddr>,
    /// The `User-Agent` header, cut to 256 characters; sealed when recorded.
    pub user_agent: Option<String>,
}
