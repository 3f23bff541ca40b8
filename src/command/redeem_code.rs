//! Redeeming an authorization code (RFC 6749 §4.1.3, RFC 7636 §4.5–4.6, RFC 9700 §2.1.1).

use super::tokens::{About, denial, denied, issue, still_allowed};
use super::{ClientProof, Decide, Decision, Draft, client_auth};
use crate::event::{CodeEvent, Endpoint, Event, GrantEnd, GrantEvent, IssuedTokens, Refusal, TokenEvent};
use crate::projection::{Client, Code, Grant, Life, State};
use crate::terms::{Actor, CodeChallenge, Digest, GrantType, Moment};
use serde::{Deserialize, Serialize};

/// A client presents a code. The code, the redirection URI and the verifier stand here only as what was computed of them.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct RedeemCode {
    /// Digest of the code; none if what was sent has not the form of one.
    #[serde(rename = "code_digest", default, skip_serializing_if = "Option::is_none")]
    pub code: Option<Digest>,
    /// Digest of `redirect_uri`; none if it was not sent.
    #[serde(rename = "redirect_uri_digest", default, skip_serializing_if = "Option::is_none")]
    pub redirect_uri: Option<Digest>,
    /// S256 of the `code_verifier`; none if it was not sent.
    #[serde(rename = "verifier_digest", default, skip_serializing_if = "Option::is_none")]
    pub verifier: Option<CodeChallenge>,
    /// Who the client says it is.
    pub client_auth: ClientProof,
}

/// So many wrong verifiers end the grant (THREATS.md A22).
const VERIFIER_FAILURES: u32 = 5;

impl Decide for RedeemCode {
    const NAME: &'static str = "redeem_code";
    const ISSUES: bool = true;
    type Answer = IssuedTokens;

    fn decide(&self, state: &State, moment: &Moment) -> Decision<IssuedTokens> {
        client_auth::acting(state, &self.client_auth, Endpoint::Token, moment, |client| self.redeem(state, client, moment))
    }
}

impl RedeemCode {
    fn redeem(&self, state: &State, client: &Client, moment: &Moment) -> Decision<IssuedTokens> {
        let about = About { client, grant_type: GrantType::AuthorizationCode, grant: None, code: None };
        if !client.metadata.grant_types.contains(&GrantType::AuthorizationCode) {
            return denied(about, Refusal::GrantTypeNotAllowed, moment);
        }
        let found = self.code.and_then(|digest| state.grants.code(&digest)).and_then(|code| Some((code, state.grants.by_id(&code.grant)?)));
        let Some((code, grant)) = found else { return denied(about, Refusal::CodeUnknown, moment) };
        if grant.client != client.id {
            return denied(about, Refusal::CodeOfAnotherClient, moment);
        }
        let about = About { grant: Some(grant), code: Some(code), ..about };
        if grant.redeemed_at.is_some() {
            return replayed(state, about, code, grant, moment);
        }
        if moment.now >= code.expires_at {
            return denied(about, Refusal::CodeExpired, moment);
        }
        if state.grant_liveness(&grant.id, moment.now).life != Life::Active {
            return denied(about, Refusal::GrantEnded, moment);
        }
        if code.redirect_uri.is_some() && self.redirect_uri != code.redirect_uri {
            return denied(about, Refusal::CodeRedirectUriMismatch, moment);
        }
        match (code.challenge, self.verifier) {
            (Some(_), None) => return denied(about, Refusal::VerifierMissing, moment),
            (None, Some(_)) => return denied(about, Refusal::VerifierUnexpected, moment),
            (Some(challenge), Some(verifier)) if challenge != verifier => return mismatched(state, about, grant, moment),
            (Some(_), Some(_)) | (None, None) => {}
        }
        let Some(site) = &state.site else { return denied(about, Refusal::KeyMissing, moment) };
        let Some(user) = grant.user.and_then(|user| state.users.by_id(&user)) else { return denied(about, Refusal::GrantEnded, moment) };
        let scope = still_allowed(&grant.scope, client, site, user);
        if scope.is_empty() {
            return denied(about, Refusal::GrantEnded, moment);
        }
        let Some(tokens) = issue(state, site, client, grant, scope, moment) else { return denied(about, Refusal::KeyMissing, moment) };
        redeemed(state, code, tokens, grant, moment)
    }
}

fn redeemed(state: &State, code: &Code, tokens: IssuedTokens, grant: &Grant, moment: &Moment) -> Decision<IssuedTokens> {
    let actor = Actor::Client(grant.client.clone());
    let redeemed = CodeEvent::Redeemed { code: code.id, grant: grant.id, client: grant.client.clone() };
    let granted = TokenEvent::Granted(Box::new(tokens.clone()));
    let events = vec![
        Draft::new(actor.clone(), Event::Code(redeemed)).caused_by(grant.issued).seen(moment, grant.subject()),
        Draft::new(actor, Event::Token(granted)).caused_by(state.head),
    ];
    Decision::accepted(tokens, events)
}

/// A code that comes back ends its grant, in the same batch (RFC 6749 §4.1.2).
fn replayed(state: &State, about: About<'_>, code: &Code, grant: &Grant, moment: &Moment) -> Decision<IssuedTokens> {
    let event = CodeEvent::Replayed { code: code.id, grant: grant.id, client: grant.client.clone() };
    let replay = Draft::new(Actor::Client(about.client.id.clone()), Event::Code(event)).caused_by(grant.issued);
    let mut events = vec![replay.seen(moment, grant.subject())];
    if grant.ended.is_none() {
        events.push(end_of(grant, GrantEnd::CodeReplayed).caused_by(state.head));
    }
    Decision::refused(Refusal::CodeReplayed, events)
}

fn mismatched(state: &State, about: About<'_>, grant: &Grant, moment: &Moment) -> Decision<IssuedTokens> {
    let mut events = vec![denial(about, Refusal::VerifierMismatch, moment)];
    if grant.verifier_failures.saturating_add(1) >= VERIFIER_FAILURES {
        events.push(end_of(grant, GrantEnd::VerifierGuessed).caused_by(state.head));
    }
    Decision::refused(Refusal::VerifierMismatch, events)
}

/// The event that ends a grant by the server's own rules.
pub(super) fn end_of(grant: &Grant, reason: GrantEnd) -> Draft {
    let event = GrantEvent::Revoked { grant: grant.id, client: grant.client.clone(), user: grant.user, reason };
    Draft::new(Actor::Server, Event::Grant(event))
}
