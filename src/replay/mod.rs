//! Replay: a site's records folded once more, up to a point or to the end. It has no clock, no randomness and no truth of its own: what
//! it gives follows from the log alone.
//!
//! | file | what it answers |
//! |---|---|
//! | [`at`] | the state of a site at a point of its history |
//! | [`Watch`] | how far a replay has come; it ends early when nobody wants it any more |
//! | [`view`] | what a state says under a path, as JSON |
//! | [`verify`] | whether a replay adds up to what the server recorded and to what it lives on |
//!
//! Everything here reads the log record by record, so memory grows with the state and not with the log; and it takes as long as the log
//! is long, so it is never called from a thread that serves requests.

pub mod at;
pub mod verify;
pub mod view;
mod watch;

pub use at::state_at;
pub use verify::{Asked, Difference, Verified, verify};
pub use view::{PathError, view};
pub use watch::{ReplayError, Watch};
