//! `password` (RFC 6749 §4.3, SPEC.md e.4): a name and a password that a person typed into the client. OAuth 2.1 has no such grant, so
//! a site has to switch it on, and an administrator has to let each client have it.
//!
//! It is a sign-in without a browser: the same pauses, the same lock, the same events. The person is asked nothing, so the
//! administrator's act by which the client may take passwords stands for their consent, and the grant says which act that was.

use super::begin::{Begun, begin};
use super::sign_in::{Unbelieved, believed, failed};
use super::tokens::{About, asked_scope, denied, refreshes};
use super::{ClientProof, Decide, Decision, Draft, PasswordFact, client_auth};
use crate::event::{Beginning, Endpoint, Event, IssuedTokens, LoginEvent, PasswordGrant, Refusal, TokenEvent};
use crate::projection::{Client, Site, State, User};
use crate::terms::{
    Actor, Digest, GrantType, Meaning, Moment, NamedScope, Role, Scope, ScopeSet, SecretlessGrant, Seq, Subject, Timestamp,
};
use serde::{Deserialize, Serialize};

/// A client sends a person's name and password, which were checked before.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct RedeemPassword {
    /// HMAC of the normalized name.
    pub login: Digest,
    /// Which directory the person is said to belong to.
    pub role: Role,
    /// What came of the password.
    pub password: PasswordFact,
    /// What came of the e-mail address; none for a role that needs none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub email: Option<EmailFact>,
    /// What is asked for; `openid`, if the request does not say (SPEC.md k-11).
    pub scope: ScopeSet,
    /// Who the client says it is.
    pub client_auth: ClientProof,
}

/// What came of an e-mail address that was compared with the person's own.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum EmailFact {
    /// It is theirs.
    Ok,
    /// It is not, or nothing is known of either.
    Wrong,
}

impl Decide for RedeemPassword {
    const NAME: &'static str = "redeem_password";
    const ISSUES: bool = true;
    type Answer = IssuedTokens;

    fn decide(&self, state: &State, moment: &Moment) -> Decision<IssuedTokens> {
        let secretless = Some(SecretlessGrant::Password);
        client_auth::acting_for(state, &self.client_auth, secretless, Endpoint::Token, moment, |client| self.redeem(state, client, moment))
    }
}

impl RedeemPassword {
    fn redeem(&self, state: &State, client: &Client, moment: &Moment) -> Decision<IssuedTokens> {
        let about = About { client, grant_type: GrantType::Password, grant: None, code: None };
        let (site, passwords_at) = match admitted(state, client, self.role) {
            Ok(admitted) => admitted,
            Err(refusal) => return denied(about, refusal, moment),
        };
        let scope = match asked_scope(&self.scope, client, site, |scope| open_to(scope, self.role)) {
            Ok(scope) => scope,
            Err(refused) => return denied(about, refused, moment),
        };
        let user = match believed(state, &self.login, Some(self.role), self.password, moment) {
            Ok(user) => user,
            // No password was looked at; whoever asks tells it by the minute.
            Err(Unbelieved::Delayed) => return Decision::refused(Refusal::SignInDelayed, Vec::new()),
            Err(Unbelieved::Failed(user, reason)) => return self.failed(state, client, user, reason, moment),
        };
        // Asked last, so that a wrong address tells nothing of a wrong password.
        if self.role == Role::Patient && self.email != Some(EmailFact::Ok) {
            return self.failed(state, client, Some(user), Refusal::EmailWrong, moment);
        }
        let begun = Begun {
            client,
            user: Some(user.id),
            refreshes: refreshes(&self.scope, &scope) && client.metadata.grant_types.contains(&GrantType::RefreshToken),
            scope,
            beginning: beginning(passwords_at, moment.now),
            seconds: site.settings.access_seconds,
        };
        let Some(tokens) = begin(state, site, begun, moment) else { return denied(about, Refusal::KeyMissing, moment) };
        self.succeeded(state, client, user, tokens, moment)
    }

    fn failed(&self, state: &State, client: &Client, user: Option<&User>, reason: Refusal, moment: &Moment) -> Decision<IssuedTokens> {
        Decision::refused(reason, failed(state, user, &self.login, Some(&client.id), reason, moment))
    }

    fn succeeded(&self, state: &State, client: &Client, user: &User, tokens: IssuedTokens, moment: &Moment) -> Decision<IssuedTokens> {
        let amr = vec![PASSWORD.to_owned()];
        let login = LoginEvent::Succeeded { user: user.id, session: None, login: self.login, amr, client: Some(client.id.clone()) };
        let granted = TokenEvent::Granted(Box::new(tokens.clone()));
        let events = vec![
            Draft::new(Actor::User(user.id), Event::Login(login)).seen(moment, Some(Subject::User(user.id))),
            Draft::new(Actor::Client(client.id.clone()), Event::Token(granted)).caused_by(state.head),
        ];
        Decision::accepted(tokens, events)
    }
}

/// RFC 8176 §2.
const PASSWORD: &str = "pwd";

fn beginning(passwords_at: Seq, auth_time: Timestamp) -> Beginning {
    let (grant_type, auth_time) = (GrantType::Password, Some(auth_time));
    Beginning { grant_type, auth_time, amr: vec![PASSWORD.to_owned()], passwords_at: Some(passwords_at), interaction: None }
}

/// What a person of this role may let a client have without a browser: there is no session that `online_access` could end with.
fn open_to(scope: &ScopeSet, role: Role) -> ScopeSet {
    let needs_session = |scope: &&Scope| matches!(scope.meaning(), Meaning::Named(NamedScope::OnlineAccess));
    scope.of_role(role).iter().filter(|scope| !needs_session(scope)).cloned().collect()
}

/// Whether this client may send the password of a person of this role at all: the site, and the act that lets the client do so.
fn admitted<'a>(state: &'a State, client: &Client, role: Role) -> Result<(&'a Site, Seq), Refusal> {
    let site = state.site.as_ref().ok_or(Refusal::GrantTypeUnsupported)?;
    let allowed = match site.settings.password_grant {
        PasswordGrant::Off => return Err(Refusal::GrantTypeUnsupported),
        PasswordGrant::Users => role == Role::Users,
        PasswordGrant::Patient => role == Role::Patient,
        PasswordGrant::Both => true,
    };
    match client.passwords_at {
        None => Err(Refusal::GrantTypeNotAllowed),
        Some(_) if !allowed => Err(Refusal::RoleNotAllowed),
        Some(passwords_at) => Ok((site, passwords_at)),
    }
}

/// Whether a password is worth the work of looking at it: for a client that is not believed or may not send one, it is not.
pub fn looks_at_password(state: &State, proof: &ClientProof, role: Role, now: Timestamp) -> bool {
    let authenticated = client_auth::authenticate_for(state, proof, Some(SecretlessGrant::Password), now);
    authenticated.is_ok_and(|authenticated| admitted(state, authenticated.client(), role).is_ok())
}
