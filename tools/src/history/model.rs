//! What an object may do: one state, one table a kind.

/// What is watched.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Kind {
    /// A code and the family of refresh tokens that comes of it.
    Grant,
    /// A client's registration (RFC 7591, RFC 7592).
    Client,
    /// A person's session in a browser.
    Session,
}

/// What was asked.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Act {
    /// A code for the grant.
    Issue,
    /// The code for tokens.
    Redeem,
    /// The refresh token of this generation for the next.
    Refresh(u32),
    /// The grant's end: revocation, logout, or its client deleted.
    End,
    /// Whether the access token of this generation is active.
    ReadAccess(u32),
    /// Whether the refresh token of this generation is active.
    ReadRefresh(u32),
    /// A registration.
    Register,
    /// A registration replaced, the so-manyeth time.
    Update(u32),
    /// A registration deleted.
    Delete,
    /// Which version of the registration is in force.
    ReadClient,
    /// A sign-in.
    SignIn,
    /// A logout.
    SignOut,
    /// Whether the browser is signed in.
    ReadSession,
}

/// What was told.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Outcome {
    /// Done, as asked.
    Done,
    /// Refused.
    Refused,
    /// A question was answered: a version, or 1 for yes and 0 for no.
    Saw(u32),
    /// No answer came.
    Unknown,
}

/// The state of one object.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum State {
    Grant(Grant),
    Client(Client),
    Session { is_signed_in: bool },
}

/// fresh → live with a generation → ended.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Grant {
    Nothing,
    Fresh,
    Live(u32),
    Ended,
}

/// nothing → registered with a version → deleted.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Client {
    Nothing,
    Registered(u32),
    Deleted,
}

impl State {
    /// Before anything was asked.
    pub fn begin(kind: Kind) -> Self {
        match kind {
            Kind::Grant => Self::Grant(Grant::Nothing),
            Kind::Client => Self::Client(Client::Nothing),
            Kind::Session => Self::Session { is_signed_in: false },
        }
    }

    /// The state after an act with this outcome; none if the model does not allow it.
    pub fn after(self, act: Act, outcome: Outcome) -> Option<Self> {
        match self {
            Self::Grant(grant) => grant.after(act, outcome).map(Self::Grant),
            Self::Client(client) => client.after(act, outcome).map(Self::Client),
            Self::Session { is_signed_in } => session_after(is_signed_in, act, outcome),
        }
    }
}

impl Grant {
    fn after(self, act: Act, outcome: Outcome) -> Option<Self> {
        match (act, outcome) {
            (Act::Issue, Outcome::Done) => (self == Self::Nothing).then_some(Self::Fresh),
            (Act::Redeem, Outcome::Done) => (self == Self::Fresh).then_some(Self::Live(0)),
            (Act::Redeem, Outcome::Refused) => match self {
                Self::Fresh => None,
                Self::Nothing => Some(self),
                // A code that comes twice has been stolen by one of the two (RFC 6749 §4.1.2).
                Self::Live(_) | Self::Ended => Some(Self::Ended),
            },
            (Act::Refresh(old), Outcome::Done) => match self {
                Self::Live(generation) if generation == old => Some(Self::Live(generation + 1)),
                Self::Live(_) | Self::Nothing | Self::Fresh | Self::Ended => None,
            },
            (Act::Refresh(old), Outcome::Refused) => match self {
                Self::Live(generation) if old < generation => Some(Self::Ended),
                Self::Ended => Some(self),
                Self::Live(_) | Self::Nothing | Self::Fresh => None,
            },
            (Act::End, Outcome::Done) => Some(Self::Ended),
            (Act::ReadAccess(of), Outcome::Saw(seen)) => {
                let is_active = matches!(self, Self::Live(generation) if of <= generation);
                (is_active == (seen == 1)).then_some(self)
            }
            (Act::ReadRefresh(of), Outcome::Saw(seen)) => ((self == Self::Live(of)) == (seen == 1)).then_some(self),
            _ => None,
        }
    }
}

impl Client {
    fn after(self, act: Act, outcome: Outcome) -> Option<Self> {
        let is_registered = matches!(self, Self::Registered(_));
        match (act, outcome) {
            (Act::Register, Outcome::Done) => (self == Self::Nothing).then_some(Self::Registered(0)),
            (Act::Update(version), Outcome::Done) => is_registered.then_some(Self::Registered(version)),
            (Act::Delete, Outcome::Done) => is_registered.then_some(Self::Deleted),
            (Act::Update(_) | Act::Delete | Act::ReadClient, Outcome::Refused) => (!is_registered).then_some(self),
            (Act::ReadClient, Outcome::Saw(version)) => (self == Self::Registered(version)).then_some(self),
            _ => None,
        }
    }
}

fn session_after(is_signed_in: bool, act: Act, outcome: Outcome) -> Option<State> {
    match (act, outcome) {
        (Act::SignIn, Outcome::Done) => Some(State::Session { is_signed_in: true }),
        (Act::SignOut, Outcome::Done) => Some(State::Session { is_signed_in: false }),
        (Act::ReadSession, Outcome::Saw(seen)) => (is_signed_in == (seen == 1)).then_some(State::Session { is_signed_in }),
        _ => None,
    }
}
