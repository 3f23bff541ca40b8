//! Making and changing end-users. Administrators do it; who they are as persons is sealed under their own key.

#![expect(missing_docs, reason = "a member whose type says what it is needs no sentence of its own")]

use super::tell_clients::Untold;
use super::{Decide, Decision, Draft, Refused};
use crate::event::{Event, Refusal, SessionEnd, SessionEvent, UserEvent};
use crate::projection::State;
use crate::terms::{Actor, CredentialId, Digest, Moment, Role, Subject, UserId};
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// A person gets an account.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct CreateUser {
    /// The `sub`; drawn before, because the sealed fields need the person's key.
    pub user: UserId,
    /// HMAC of the normalized username.
    pub login: Digest,
    pub role: Role,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub credential: Option<CredentialId>,
    pub by: Actor,
    /// `username` and the claims (OpenID Connect Core §5.1); sealed.
    #[serde(skip)]
    pub personal: Vec<(String, Value)>,
}

impl Decide for CreateUser {
    const NAME: &'static str = "create_user";
    type Answer = UserId;

    fn decide(&self, state: &State, moment: &Moment) -> Decision<UserId> {
        if state.users.by_login(&self.login).is_some() || state.users.by_id(&self.user).is_some() {
            return Decision::refused(Refusal::UserExists, Vec::new());
        }
        let (user, login, role, credential) = (self.user, self.login, self.role, self.credential);
        let created = Draft::new(self.by.clone(), Event::User(UserEvent::Created { user, login, role, credential }));
        let sealing = |draft: Draft, (name, value): &(String, Value)| draft.sealing(Subject::User(user), name.clone(), value.clone());
        let created = self.personal.iter().fold(created, sealing);
        Decision::accepted(user, vec![created.seen(moment, None)])
    }
}

/// One step in the life of an account.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct ChangeUser {
    pub user: UserId,
    pub change: UserChange,
    pub by: Actor,
}

/// What is to change.
#[derive(Clone, Copy, PartialEq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum UserChange {
    Disable,
    Enable,
    Unlock,
    /// The new credential.
    SetPassword(CredentialId),
    /// Every browser session ends, and what rests on it.
    SignOut,
    Erase,
}

impl Decide for ChangeUser {
    const NAME: &'static str = "change_user";
    type Answer = ();

    fn decide(&self, state: &State, moment: &Moment) -> Decision<()> {
        let Some(user) = state.users.by_id(&self.user) else { return Decision::refused(Refusal::UserUnknown, Vec::new()) };
        let id = self.user;
        let failing = state.logins.attempts(&user.login).is_some();
        let event = match self.change {
            UserChange::Erase if user.erased => return Decision::refused(Refusal::NothingToChange, Vec::new()),
            _ if user.erased => return Decision::refused(Refused::about(Refusal::UserUnknown, "the user is erased"), Vec::new()),
            UserChange::Disable if user.disabled.is_none() => UserEvent::Disabled { user: id },
            UserChange::Enable if user.disabled.is_some() => UserEvent::Enabled { user: id },
            UserChange::Unlock if user.locked || failing => UserEvent::Unlocked { user: id },
            UserChange::SetPassword(credential) => UserEvent::PasswordReset { user: id, credential, before: user.credential },
            UserChange::Erase => UserEvent::Erased { user: id },
            UserChange::SignOut => return self.sign_out(state, moment),
            UserChange::Disable | UserChange::Enable | UserChange::Unlock => {
                return Decision::refused(Refusal::NothingToChange, Vec::new());
            }
        };
        let mut events = vec![Draft::new(self.by.clone(), Event::User(event)).seen(moment, None)];
        // Whoever was disabled before has been told of then.
        if matches!(self.change, UserChange::Disable | UserChange::Erase) && user.disabled.is_none() {
            let mut untold = Untold::default();
            untold.of_user(state, &id);
            events.extend(untold.requested(state, id, moment).0);
        }
        Decision::accepted((), events)
    }
}

/// So many sessions end in one decision, which is one batch of the log; whoever asks again ends the next ones.
const SESSIONS_MAX: usize = 1024;

impl ChangeUser {
    fn sign_out(&self, state: &State, moment: &Moment) -> Decision<()> {
        let mut untold = Untold::default();
        untold.of_user(state, &self.user);
        let standing = state.sessions.of_user(&self.user).filter(|session| session.ended.is_none_or(|ending| !ending.ends_grants));
        let ended = standing.take(SESSIONS_MAX).map(|session| {
            let ended = SessionEvent::Ended { session: session.id, user: self.user, reason: SessionEnd::Administrator };
            Draft::new(self.by.clone(), Event::Session(ended)).caused_by(session.changed)
        });
        let mut events: Vec<Draft> = ended.collect();
        match events.is_empty() {
            true => Decision::refused(Refusal::NothingToChange, events),
            false => {
                events.extend(untold.requested(state, self.user, moment).0);
                Decision::accepted((), events)
            }
        }
    }
}
