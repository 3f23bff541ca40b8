//! The facts, in the past tense, one file a family. Events have no behaviour: they are what the leaves say.
//!
//! Only members without personal data stand here. What names or locates a person is sealed beside the event
//! ([`Personal`]); state points at the record that holds it.

#![expect(missing_docs, reason = "a member whose type says what it is needs no sentence of its own")]

mod audit;
mod claims;
mod client;
mod code;
mod consent;
mod flags;
mod grant;
mod key;
mod login;
mod logout;
mod record;
mod refresh;
mod refusal;
mod request;
mod server;
mod session;
mod settings;
mod site;
mod token;
mod user;

pub use audit::{AuditEvent, Count};
pub use claims::AskedClaims;
pub use client::{ClientEvent, ClientJwk, ClientJwks, ClientMetadata, ClientPrivileges, ClientStatus};
pub use code::CodeEvent;
pub use consent::ConsentEvent;
pub use flags::{FLAGS, Flag, Takes};
pub use grant::{GrantEnd, GrantEvent};
pub use key::{KeyEvent, PublicJwk};
pub use login::LoginEvent;
pub use logout::{LogoutEvent, LogoutFailure, SignedLogout};
pub use record::{Outcome, Personal, Record, RecordError, Severity};
pub use refresh::RefreshEvent;
pub use refusal::Refusal;
pub use request::{Endpoint, RequestEvent};
pub use server::ServerEvent;
pub use session::{SessionEnd, SessionEvent};
pub use settings::{ApprovalMode, Edition, PasswordGrant, Profile, RegistrationMode, Settings, UnknownScope};
pub use site::SiteEvent;
pub use token::{Beginning, IdTokenFacts, IssuedIdToken, IssuedTokens, TokenEvent};
pub use user::UserEvent;

use serde_json::{Map, Value};

/// One fact. Its wire form is flat JSON with `type` = `family.past_participle`.
#[derive(Clone, PartialEq, Debug)]
#[expect(missing_docs, reason = "each variant is the family whose file documents it")]
pub enum Event {
    Audit(AuditEvent),
    Client(ClientEvent),
    Code(CodeEvent),
    Consent(ConsentEvent),
    Grant(GrantEvent),
    Key(KeyEvent),
    Login(LoginEvent),
    Logout(LogoutEvent),
    Refresh(RefreshEvent),
    Request(RequestEvent),
    Server(ServerEvent),
    Session(SessionEvent),
    Site(SiteEvent),
    Token(TokenEvent),
    User(UserEvent),
}

impl Event {
    /// The members of the leaf that this event adds, `type` among them.
    pub(crate) fn members(&self) -> Result<Map<String, Value>, serde_json::Error> {
        let value = match self {
            Self::Audit(event) => serde_json::to_value(event),
            Self::Client(event) => serde_json::to_value(event),
            Self::Code(event) => serde_json::to_value(event),
            Self::Consent(event) => serde_json::to_value(event),
            Self::Grant(event) => serde_json::to_value(event),
            Self::Key(event) => serde_json::to_value(event),
            Self::Login(event) => serde_json::to_value(event),
            Self::Logout(event) => serde_json::to_value(event),
            Self::Refresh(event) => serde_json::to_value(event),
            Self::Request(event) => serde_json::to_value(event),
            Self::Server(event) => serde_json::to_value(event),
            Self::Session(event) => serde_json::to_value(event),
            Self::Site(event) => serde_json::to_value(event),
            Self::Token(event) => serde_json::to_value(event),
            Self::User(event) => serde_json::to_value(event),
        }?;
        match value {
            Value::Object(members) => Ok(members),
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Array(_) => Ok(Map::new()),
        }
    }

    /// Its type, as `token.granted`.
    pub fn name(&self) -> String {
        let members = self.members().unwrap_or_default();
        members.get("type").and_then(Value::as_str).unwrap_or_default().to_owned()
    }

    /// Reads an event from its leaf's members. An unknown type is an error, an unknown member is not.
    pub(crate) fn from_members(members: Map<String, Value>) -> Result<Self, RecordError> {
        let kind = members.get("type").and_then(Value::as_str).unwrap_or_default().to_owned();
        let family = kind.split('.').next().unwrap_or_default();
        let value = Value::Object(members);
        let read = match family {
            "audit" => serde_json::from_value(value).map(Self::Audit),
            "client" => serde_json::from_value(value).map(Self::Client),
            "code" => serde_json::from_value(value).map(Self::Code),
            "consent" => serde_json::from_value(value).map(Self::Consent),
            "grant" => serde_json::from_value(value).map(Self::Grant),
            "key" => serde_json::from_value(value).map(Self::Key),
            "login" => serde_json::from_value(value).map(Self::Login),
            "logout" => serde_json::from_value(value).map(Self::Logout),
            "refresh" => serde_json::from_value(value).map(Self::Refresh),
            "request" => serde_json::from_value(value).map(Self::Request),
            "server" | "clock" => serde_json::from_value(value).map(Self::Server),
            "session" => serde_json::from_value(value).map(Self::Session),
            "site" => serde_json::from_value(value).map(Self::Site),
            "token" | "userinfo" | "id_token" => serde_json::from_value(value).map(Self::Token),
            "user" => serde_json::from_value(value).map(Self::User),
            _ => return Err(RecordError::UnknownType(kind)),
        };
        read.map_err(|error| RecordError::Members { kind, why: error.to_string() })
    }
}
