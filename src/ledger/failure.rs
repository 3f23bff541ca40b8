//! A request that could not be served, through no fault of its own. Never told as a refusal, and never as "inactive".

/// Why a request could not be served.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Failure {
    /// Too much is waiting already; nothing was decided.
    #[error("the server is too busy; nothing was decided")]
    Busy,
    /// The wall clock jumped and nothing is issued until it is right again.
    #[error("the clock is not trusted; nothing is issued")]
    ClockUntrusted,
    /// The log takes nothing any more; the process is about to end.
    #[error("the log has stopped")]
    Stopped,
    /// The log could not be read.
    #[error("the log cannot be read: {0}")]
    Unreadable(String),
    /// A secret or key could not be had.
    #[error("the vault failed: {0}")]
    Vault(String),
    /// There is no checkpoint to be had.
    #[error("there is no checkpoint: {0}")]
    Checkpoint(String),
    /// State and log disagree, or a value cannot be written: a fault of ours.
    #[error("an internal contradiction: {0}")]
    Contradiction(String),
}

impl From<crate::vault::VaultError> for Failure {
    fn from(error: crate::vault::VaultError) -> Self {
        Self::Vault(error.to_string())
    }
}
impl From<crate::vault::Busy> for Failure {
    fn from(_: crate::vault::Busy) -> Self {
        Self::Busy
    }
}
impl From<crate::log::Stopped> for Failure {
    fn from(_: crate::log::Stopped) -> Self {
        Self::Stopped
    }
}
impl From<crate::jose::JoseError> for Failure {
    fn from(error: crate::jose::JoseError) -> Self {
        Self::Contradiction(error.to_string())
    }
}
