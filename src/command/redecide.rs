//! The law of `asked` (DESIGN.md §1): a command rebuilt from the record, decided again on the state before it, at the
//! recorded time and with the recorded ids, yields the recorded events.

use super::{
    AuthenticateClient, ChangeClient, ChangeUser, ConfigureClient, ConfigureSite, CreateServer, CreateSite, CreateUser, Decide, Decision,
    DenyConsent, EndLogoutAttempt, EndSession, GenerateKey, GrantToClient, InviteClient, IssueCode, Note, ReceiveToken, RedeemCode,
    RedeemPassword, RegisterClient, RetireKey, RevokeInvitation, RevokeToken, RotateRefresh, SignIn, SignLogout, UpdateClient,
    WithdrawConsent,
};
use crate::event::Record;
use crate::projection::State;
use crate::terms::{IdSeed, Moment, RequestFacts};
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

/// Why a record could not be decided again.
#[derive(Debug, thiserror::Error)]
pub enum RedecideError {
    /// The record is not the first of its decision.
    #[error("the record has no 'asked'")]
    NotAsked,
    /// `asked` names a command that this program does not know, or its parameters cannot be read.
    #[error("the recorded command '{0}' cannot be rebuilt")]
    Unreadable(String),
}

/// What deciding again gives.
pub type Redecided = Result<Decision<()>, RedecideError>;

/// Decides the command of a decision's first record again, on the state before it. Like the decision, this first lets the state
/// forget what had ended by then, as the record's fold would.
pub fn redecide(state: &mut State, first: &Record) -> Redecided {
    state.forget(first.t);
    let Some(Value::Object(asked)) = first.asked.clone() else { return Err(RedecideError::NotAsked) };
    let name = asked.get("command").and_then(Value::as_str).unwrap_or_default().to_owned();
    let seed: Option<IdSeed> = asked.get("seed").and_then(Value::as_str).and_then(|seed| seed.parse().ok());
    let seed = seed.ok_or_else(|| RedecideError::Unreadable(name.clone()))?;
    let request = RequestFacts { corr: first.corr, ip: None, user_agent: None };
    let moment = Moment { now: first.t, seed, request };
    let again = Again { state, asked, moment };
    match name.as_str() {
        AuthenticateClient::NAME => again.decide::<AuthenticateClient>(),
        ChangeClient::NAME => again.decide::<ChangeClient>(),
        ChangeUser::NAME => again.decide::<ChangeUser>(),
        ConfigureClient::NAME => again.decide::<ConfigureClient>(),
        ConfigureSite::NAME => again.decide::<ConfigureSite>(),
        CreateServer::NAME => again.decide::<CreateServer>(),
        CreateSite::NAME => again.decide::<CreateSite>(),
        CreateUser::NAME => again.decide::<CreateUser>(),
        DenyConsent::NAME => again.decide::<DenyConsent>(),
        EndLogoutAttempt::NAME => again.decide::<EndLogoutAttempt>(),
        EndSession::NAME => again.decide::<EndSession>(),
        GenerateKey::NAME => again.decide::<GenerateKey>(),
        GrantToClient::NAME => again.decide::<GrantToClient>(),
        InviteClient::NAME => again.decide::<InviteClient>(),
        IssueCode::NAME => again.decide::<IssueCode>(),
        Note::NAME => again.decide::<Note>(),
        ReceiveToken::NAME => again.decide::<ReceiveToken>(),
        RedeemCode::NAME => again.decide::<RedeemCode>(),
        RedeemPassword::NAME => again.decide::<RedeemPassword>(),
        RegisterClient::NAME => again.decide::<RegisterClient>(),
        RetireKey::NAME => again.decide::<RetireKey>(),
        RevokeInvitation::NAME => again.decide::<RevokeInvitation>(),
        RevokeToken::NAME => again.decide::<RevokeToken>(),
        RotateRefresh::NAME => again.decide::<RotateRefresh>(),
        SignIn::NAME => again.decide::<SignIn>(),
        SignLogout::NAME => again.decide::<SignLogout>(),
        UpdateClient::NAME => again.decide::<UpdateClient>(),
        WithdrawConsent::NAME => again.decide::<WithdrawConsent>(),
        _ => Err(RedecideError::Unreadable(name)),
    }
}

struct Again<'a> {
    state: &'a State,
    asked: Map<String, Value>,
    moment: Moment,
}

impl Again<'_> {
    fn decide<C: Decide + DeserializeOwned>(self) -> Redecided {
        let command: C = serde_json::from_value(Value::Object(self.asked)).map_err(|_| RedecideError::Unreadable(C::NAME.into()))?;
        Ok(command.decide(self.state, &self.moment).events_only())
    }
}

/// What `asked` records of a command: its name, its public parameters, its verified facts as words, and the seed of its ids.
pub fn asked<C: Decide>(command: &C, seed: IdSeed) -> Result<Value, serde_json::Error> {
    let mut asked = match serde_json::to_value(command)? {
        Value::Object(members) => members,
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Array(_) => Map::new(),
    };
    asked.insert("command".into(), C::NAME.into());
    asked.insert("seed".into(), seed.to_string().into());
    Ok(Value::Object(asked))
}
