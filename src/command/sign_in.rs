//! Signing in with a password (OpenID Connect Core §3.1.2.3). The story's first event is the attempt.

#![expect(missing_docs, reason = "a member whose type says what it is needs no sentence of its own")]

use super::{Decide, Decision, Draft};
use crate::event::{Event, LoginEvent, Refusal, SessionEnd, SessionEvent, UserEvent};
use crate::projection::{State, User};
use crate::terms::{Actor, ClientId, CredentialId, Digest, Moment, Role, SessionId, Subject, Timestamp, UserId};
use serde::{Deserialize, Serialize};

/// Somebody at a browser sends name and password. The password was checked before; here stands what came of it.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct SignIn {
    /// HMAC of the normalized name.
    pub login: Digest,
    /// Which directory the button was for; none where there is only one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub role: Option<Role>,
    /// What came of the password.
    pub password: PasswordFact,
    /// Digest of the secret that the new cookie will carry.
    #[serde(rename = "cookie_digest")]
    pub cookie: Digest,
    /// The session that this browser has.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub session: Option<SessionId>,
    /// The client whose authorization request led here.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub client: Option<ClientId>,
}

/// What came of a password.
#[derive(Clone, Copy, PartialEq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PasswordFact {
    /// It is the one of this credential.
    Ok(CredentialId),
    /// It is not, or there is no such user.
    Wrong,
    /// It was not looked at, because a pause has to pass first.
    Unchecked,
}

/// A person at a browser.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct SignedIn {
    pub session: SessionId,
    pub user: UserId,
    pub auth_time: Timestamp,
}

/// So many wrong passwords in a row need an administrator (NIST SP 800-63B §5.2.2).
const LOCKING_FAILURES: u32 = 100;

impl Decide for SignIn {
    const NAME: &'static str = "sign_in";
    const ISSUES: bool = true;
    type Answer = SignedIn;

    fn decide(&self, state: &State, moment: &Moment) -> Decision<SignedIn> {
        let user = match believed(state, &self.login, self.role, self.password, moment) {
            Ok(user) => user,
            Err(Unbelieved::Delayed) => return refused(Refusal::SignInDelayed, Vec::new()),
            Err(Unbelieved::Failed(user, reason)) => {
                return refused(reason, failed(state, user, &self.login, self.client.as_ref(), reason, moment));
            }
        };
        self.succeeded(state, user, moment)
    }
}

impl SignIn {
    fn succeeded(&self, state: &State, user: &User, moment: &Moment) -> Decision<SignedIn> {
        let before = self.session.and_then(|id| state.sessions.by_id(&id)).filter(|before| before.ended.is_none());
        let same = before.filter(|before| before.user == user.id && moment.now < before.expires_at);
        let session = same.map_or_else(|| moment.seed.id(), |before| before.id);
        let actor = Actor::User(user.id);
        let amr = vec!["pwd".to_owned()];
        let login = LoginEvent::Succeeded {
            user: user.id,
            session: Some(session),
            login: self.login,
            amr: amr.clone(),
            client: self.client.clone(),
        };
        let mut events = vec![Draft::new(actor.clone(), Event::Login(login)).seen(moment, Some(Subject::User(user.id)))];
        if let Some(other) = before.filter(|_| same.is_none()) {
            let ended = SessionEvent::Ended { session: other.id, user: other.user, reason: SessionEnd::Replaced };
            events.push(Draft::new(actor.clone(), Event::Session(ended)).caused_by(state.head));
        }
        let (cookie, auth_time, user_id) = (self.cookie, moment.now, user.id);
        let started = match same {
            Some(_) => SessionEvent::Renewed { session, user: user_id, cookie, auth_time, amr },
            None => SessionEvent::Started { session, user: user_id, cookie, auth_time, amr },
        };
        events.push(Draft::new(actor, Event::Session(started)).caused_by(state.head));
        Decision::accepted(SignedIn { session, user: user.id, auth_time: moment.now }, events)
    }
}

fn refused(refusal: Refusal, events: Vec<Draft>) -> Decision<SignedIn> {
    Decision::refused(refusal, events)
}

/// Why a name and a password are not believed.
pub(super) enum Unbelieved<'a> {
    /// A pause has to pass first; nothing is told of it.
    Delayed,
    /// They are wrong, or this person may not sign in. Whose they are, if that is known.
    Failed(Option<&'a User>, Refusal),
}

/// Whose name and password these are, at a browser or at the token endpoint.
pub(super) fn believed<'a>(
    state: &'a State,
    login: &Digest,
    role: Option<Role>,
    password: PasswordFact,
    moment: &Moment,
) -> Result<&'a User, Unbelieved<'a>> {
    let user = state.users.by_login(login).filter(|user| role.is_none_or(|role| role == user.role));
    let attempts = state.logins.attempts(login);
    if attempts.is_some_and(|attempts| moment.now < attempts.paused_until()) || password == PasswordFact::Unchecked {
        return Err(Unbelieved::Delayed);
    }
    let (PasswordFact::Ok(credential), Some(user)) = (password, user) else {
        return Err(Unbelieved::Failed(user, Refusal::PasswordWrong));
    };
    if user.credential != Some(credential) {
        return Err(Unbelieved::Failed(Some(user), Refusal::CredentialStale));
    }
    if user.locked {
        return Err(Unbelieved::Failed(Some(user), Refusal::UserLocked));
    }
    if user.disabled.is_some() {
        return Err(Unbelieved::Failed(Some(user), Refusal::UserDisabled));
    }
    Ok(user)
}

/// The events that tell of a failure, and of the lock that it may lead to.
pub(super) fn failed(
    state: &State,
    user: Option<&User>,
    login: &Digest,
    client: Option<&ClientId>,
    reason: Refusal,
    moment: &Moment,
) -> Vec<Draft> {
    let event = LoginEvent::Failed { user: user.map(|user| user.id), login: *login, reason, client: client.cloned() };
    let subject = user.map(|user| Subject::User(user.id));
    let mut events = vec![Draft::new(Actor::Anonymous, Event::Login(event)).seen(moment, subject)];
    let failures = state.logins.attempts(login).map_or(0, |attempts| attempts.failures).saturating_add(1);
    if let Some(user) = user.filter(|user| failures >= LOCKING_FAILURES && !user.locked) {
        let locked = UserEvent::Locked { user: user.id, failures };
        events.push(Draft::new(Actor::Server, Event::User(locked)).caused_by(state.head));
    }
    events
}
