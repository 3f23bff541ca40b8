//! Answering an authorization request with a code (RFC 6749 §4.1.2), the person having consented now or before.

use super::tokens::{refreshes, still_allowed};
use super::{Decide, Decision, Draft};
use crate::event::{CodeEvent, ConsentEvent, Endpoint, Event, Refusal, RequestEvent};
use crate::projection::{Session, State};
use crate::terms::{Actor, ClientId, CodeChallenge, ConsentId, Digest, Moment, ScopeSet, SessionId, Subject, Timestamp};
use serde::{Deserialize, Serialize};

/// A signed-in person lets a client have a code.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct IssueCode {
    /// Whose browser it is.
    pub session: SessionId,
    /// The client.
    pub client: ClientId,
    /// What was asked for.
    pub requested_scope: ScopeSet,
    /// What the person allows of it.
    pub scope: ScopeSet,
    /// How they allowed it.
    pub consent: ConsentFact,
    /// Digest of the code that will be handed out.
    #[serde(rename = "code_digest")]
    pub code: Digest,
    /// Digest of the request's `redirect_uri`; none if it had none.
    #[serde(rename = "redirect_uri_digest", default, skip_serializing_if = "Option::is_none")]
    pub redirect_uri: Option<Digest>,
    /// The request's `code_challenge`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub code_challenge: Option<CodeChallenge>,
    /// The API named by `aud`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub audience: Option<String>,
    /// Whether the request had a `nonce`.
    pub has_nonce: bool,
    /// The `nonce` itself, which is sealed.
    #[serde(skip)]
    pub nonce: Option<String>,
}

/// How a person allowed something.
#[derive(Clone, Copy, PartialEq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ConsentFact {
    /// On the consent page, just now.
    Given,
    /// Earlier; the page was skipped.
    Remembered,
}

/// The code is good.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct IssuedCode {
    /// Until when.
    pub expires_at: Timestamp,
}

impl Decide for IssueCode {
    const NAME: &'static str = "issue_code";
    const ISSUES: bool = true;
    type Answer = IssuedCode;

    fn decide(&self, state: &State, moment: &Moment) -> Decision<IssuedCode> {
        let Some(site) = &state.site else { return self.refused(Refusal::ClientUnknown, moment) };
        let Some(client) = state.clients.by_id(&self.client) else { return self.refused(Refusal::ClientUnknown, moment) };
        if !client.is_enabled() {
            return self.refused(Refusal::ClientDisabled, moment);
        }
        let session = state.sessions.by_id(&self.session).filter(|session| session.ended.is_none() && moment.now < session.expires_at);
        let Some(session) = session else { return self.refused(Refusal::LoginRequired, moment) };
        let Some(user) = state.users.by_id(&session.user).filter(|user| user.disabled.is_none()) else {
            return self.refused(Refusal::UserDisabled, moment);
        };
        let allowed = still_allowed(&self.scope.intersection(&self.requested_scope), client, site, user);
        if allowed.is_empty() {
            return self.refused(Refusal::ScopeEmpty, moment);
        }
        let standing = state.consents.of(session.user, &self.client);
        let consent = match (self.consent, standing) {
            (ConsentFact::Given, _) => moment.seed.id(),
            (ConsentFact::Remembered, Some(standing)) if allowed.is_within(&standing.scope) => standing.id,
            (ConsentFact::Remembered, _) => return self.refused(Refusal::ConsentRequired, moment),
        };
        let expires_at = moment.now.plus_seconds(site.settings.code_seconds);
        let events = self.events(state, session, allowed, consent, expires_at, moment);
        Decision::accepted(IssuedCode { expires_at }, events)
    }
}

impl IssueCode {
    fn events(
        &self,
        state: &State,
        session: &Session,
        scope: ScopeSet,
        consent: ConsentId,
        expires_at: Timestamp,
        moment: &Moment,
    ) -> Vec<Draft> {
        let (user, client, grant) = (session.user, self.client.clone(), moment.seed.id());
        let actor = Actor::User(user);
        let issued = CodeEvent::Issued {
            code: moment.seed.id(),
            digest: self.code,
            grant,
            consent,
            client: client.clone(),
            user,
            session: session.id,
            scope: scope.clone(),
            redirect_uri: self.redirect_uri,
            code_challenge: self.code_challenge,
            audience: self.audience.clone(),
            has_nonce: self.has_nonce,
            auth_time: session.auth_time,
            amr: session.amr.clone(),
            refresh: refreshes(&self.requested_scope, &scope),
            expires_at,
        };
        let mut code = Draft::new(actor.clone(), Event::Code(issued));
        if let Some(nonce) = &self.nonce {
            code = code.sealing(Subject::User(user), "nonce", nonce.clone());
        }
        match self.consent {
            ConsentFact::Remembered => vec![code.caused_by(session.changed).seen(moment, Some(Subject::User(user)))],
            ConsentFact::Given => {
                let requested_scope = self.requested_scope.clone();
                let granted = ConsentEvent::Granted { consent, grant, user, client, session: session.id, requested_scope, scope };
                let granted = Draft::new(actor, Event::Consent(granted)).caused_by(session.changed);
                vec![granted.seen(moment, Some(Subject::User(user))), code.caused_by(state.head)]
            }
        }
    }

    fn refused(&self, reason: Refusal, moment: &Moment) -> Decision<IssuedCode> {
        let event = RequestEvent::Refused { endpoint: Endpoint::Consent, reason, client: Some(self.client.clone()), times: None };
        Decision::refused(reason, vec![Draft::new(Actor::Anonymous, Event::Request(event)).seen(moment, None)])
    }
}
