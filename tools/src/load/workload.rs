//! What can be asked of a server again and again. `client_credentials` joins the list when Writ answers it.

use crate::control::Kind;

/// One kind of work. A turn of it is one request, but for the code flow, of which it is two.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, clap::ValueEnum)]
pub enum Workload {
    /// The metadata document.
    Discovery,
    /// A client registered by an administrator: strangers may register only so many a minute.
    Registration,
    /// From a signed-in browser's authorization request to tokens.
    CodeFlow,
    /// A refresh token for the next, each connection with a grant of its own.
    Refresh,
    /// Whether one of several live access tokens is good.
    Introspection,
}

impl Workload {
    /// All of them, in the order of the report.
    pub const ALL: [Self; 5] = [Self::Discovery, Self::Registration, Self::CodeFlow, Self::Refresh, Self::Introspection];

    /// Its name in the report and on the command line.
    pub fn name(self) -> &'static str {
        match self {
            Self::Discovery => "discovery",
            Self::Registration => "registration",
            Self::CodeFlow => "code-flow",
            Self::Refresh => "refresh",
            Self::Introspection => "introspection",
        }
    }
    /// Whether what signs access tokens makes a difference.
    pub fn is_signed(self) -> bool {
        match self {
            Self::Discovery | Self::Registration => false,
            Self::CodeFlow | Self::Refresh | Self::Introspection => true,
        }
    }
    /// What it is held against: the least that any server would have to do for it, step by step.
    pub fn controls(self) -> &'static [Kind] {
        match self {
            Self::Discovery => &[Kind::Parse],
            Self::Registration | Self::CodeFlow => &[],
            Self::Refresh => &[Kind::Parse, Kind::Sign, Kind::Append],
            Self::Introspection => &[Kind::Parse, Kind::Sign],
        }
    }
}
