//! Refreshing (RFC 6749 §6), with rotation, reuse detection (RFC 9700 §4.14.2) and the retry of a lost response (DESIGN.md §6).

use super::redeem_code::end_of;
use super::tokens::{About, denied, issue, still_allowed};
use super::{ClientProof, Decide, Decision, Draft, Refused, SecretFact, client_auth};
use crate::event::{Endpoint, Event, GrantEnd, IssuedTokens, RefreshEvent, Refusal};
use crate::projection::{Client, Grant, Life, State};
use crate::terms::{Actor, GrantId, GrantType, Moment, ScopeSet, SecretlessGrant};
use serde::{Deserialize, Serialize};

/// A client presents a refresh token.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct RotateRefresh {
    /// What the token turned out to be.
    pub refresh_token: RefreshFact,
    /// A narrower scope, if asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub scope: Option<ScopeSet>,
    /// Who the client says it is. A public client need not say (CONFORMANCE.md §1).
    pub client_auth: ClientProof,
}

/// What a refresh token turned out to be, its MAC having been checked before.
#[derive(Clone, Copy, PartialEq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RefreshFact {
    /// Ours.
    Genuine {
        /// Its grant.
        grant: GrantId,
        /// Its generation.
        generation: u32,
    },
    /// Not ours.
    Foreign,
}

/// What to hand out.
#[derive(Clone, PartialEq, Debug)]
pub struct Refreshed {
    /// The tokens; for a retry the very ones of the lost response.
    pub tokens: IssuedTokens,
    /// Whether they were handed out before.
    pub retried: bool,
}

impl Decide for RotateRefresh {
    const NAME: &'static str = "rotate_refresh";
    const ISSUES: bool = true;
    type Answer = Refreshed;

    fn decide(&self, state: &State, moment: &Moment) -> Decision<Refreshed> {
        let proof = self.named_proof(state);
        client_auth::acting_for(state, &proof, Some(SecretlessGrant::Refresh), Endpoint::Token, moment, |client| {
            self.rotate(state, client, moment)
        })
    }
}

impl RotateRefresh {
    fn rotate(&self, state: &State, client: &Client, moment: &Moment) -> Decision<Refreshed> {
        let about = About { client, grant_type: GrantType::RefreshToken, grant: None, code: None };
        if !client.metadata.grant_types.contains(&GrantType::RefreshToken) {
            return denied(about, Refusal::GrantTypeNotAllowed, moment);
        }
        let RefreshFact::Genuine { grant, generation } = self.refresh_token else {
            return denied(about, Refusal::RefreshUnknown, moment);
        };
        // A genuine token whose grant is forgotten is one whose time is long over.
        let Some(grant) = state.grants.by_id(&grant) else { return denied(about, Refusal::RefreshExpired, moment) };
        if grant.client != client.id {
            return denied(about, Refusal::RefreshOfAnotherClient, moment);
        }
        let about = About { grant: Some(grant), ..about };
        let Some((tokens, current)) = grant.tokens.as_ref().and_then(|tokens| Some((tokens, tokens.generation?))) else {
            return denied(about, Refusal::RefreshUnknown, moment);
        };
        if generation > current {
            return denied(about, Refusal::RefreshUnknown, moment);
        }
        // Whoever took the grant from the client took back what stood for the person's consent.
        if grant.grant_type == GrantType::Password && client.passwords_at.is_none() {
            return denied(about, Refusal::GrantEnded, moment);
        }
        let life = state.grant_liveness(&grant.id, moment.now).life;
        if life != Life::Active {
            return denied(about, Refusal::GrantEnded, moment);
        }
        if generation < current {
            let retry = generation.checked_add(1) == Some(current) && may_retry(state, client, &self.client_auth, grant, moment);
            return match retry {
                true => retried(grant, tokens, generation, current, moment),
                false => reused(state, grant, generation, current, moment),
            };
        }
        if tokens.refresh_expires_at.is_none_or(|end| moment.now >= end) {
            return denied(about, Refusal::RefreshExpired, moment);
        }
        let scope = match &self.scope {
            Some(narrower) if !narrower.is_within(&grant.scope) => return denied(about, exceeding(narrower, &grant.scope), moment),
            Some(narrower) if !narrower.is_empty() => narrower.clone(),
            Some(_) | None => grant.scope.clone(),
        };
        let Some(site) = &state.site else { return denied(about, Refusal::KeyMissing, moment) };
        let Some(user) = grant.user.and_then(|user| state.users.by_id(&user)) else { return denied(about, Refusal::GrantEnded, moment) };
        let scope = still_allowed(&scope, client, site, user);
        if scope.is_empty() {
            return denied(about, Refusal::GrantEnded, moment);
        }
        let Some(rotated) = issue(state, site, client, grant, scope, moment) else { return denied(about, Refusal::KeyMissing, moment) };
        accepted(grant, rotated, moment)
    }

    /// The proof, with the client filled in for a public client that did not name itself.
    fn named_proof(&self, state: &State) -> ClientProof {
        let RefreshFact::Genuine { grant, .. } = self.refresh_token else { return self.client_auth.clone() };
        let owner = state.grants.by_id(&grant).and_then(|grant| state.clients.by_id(&grant.client));
        match (&self.client_auth.client, self.client_auth.secret, owner) {
            (None, SecretFact::Absent, Some(owner)) if owner.metadata.is_public() => {
                ClientProof { client: Some(owner.id.clone()), ..self.client_auth.clone() }
            }
            (_, _, _) => self.client_auth.clone(),
        }
    }
}

/// Whether a rotation this young may be asked for again: its successor has not been used, or it would not be the last.
fn may_retry(state: &State, client: &Client, proof: &ClientProof, grant: &Grant, moment: &Moment) -> bool {
    let window = state.site.as_ref().map_or(0, |site| match client.metadata.is_public() || !proof.shows_something() {
        true => site.settings.refresh_retry_public_seconds,
        false => site.settings.refresh_retry_seconds,
    });
    window > 0 && moment.now < grant.rotated_at.plus_seconds(window)
}

fn exceeding(asked: &ScopeSet, granted: &ScopeSet) -> Refused {
    Refused::about(Refusal::ScopeExceedsGrant, asked.beyond(granted).to_string())
}

fn accepted(grant: &Grant, tokens: IssuedTokens, moment: &Moment) -> Decision<Refreshed> {
    let event = RefreshEvent::Rotated(Box::new(tokens.clone()));
    let draft = Draft::new(Actor::Client(grant.client.clone()), Event::Refresh(event)).caused_by(grant.rotated);
    Decision::accepted(Refreshed { tokens, retried: false }, vec![draft.seen(moment, grant.subject())])
}

fn retried(grant: &Grant, tokens: &IssuedTokens, generation: u32, current: u32, moment: &Moment) -> Decision<Refreshed> {
    let (client, user) = (grant.client.clone(), grant.user);
    let event = RefreshEvent::Retried { grant: grant.id, client, user, generation, current, token: tokens.token };
    let draft = Draft::new(Actor::Client(grant.client.clone()), Event::Refresh(event)).caused_by(grant.rotated);
    let answer = Refreshed { tokens: tokens.clone(), retried: true };
    Decision::accepted(answer, vec![draft.seen(moment, grant.subject())])
}

fn reused(state: &State, grant: &Grant, generation: u32, current: u32, moment: &Moment) -> Decision<Refreshed> {
    let (client, user) = (grant.client.clone(), grant.user);
    let event = RefreshEvent::ReuseDetected { grant: grant.id, client, user, generation, current };
    let reuse = Draft::new(Actor::Client(grant.client.clone()), Event::Refresh(event)).caused_by(grant.rotated);
    let events = vec![reuse.seen(moment, grant.subject()), end_of(grant, GrantEnd::RefreshReused).caused_by(state.head)];
    Decision::refused(Refusal::RefreshReused, events)
}
