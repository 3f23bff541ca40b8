//! Grants with their codes and access tokens.

#![expect(missing_docs, reason = "a member whose type says what it is needs no sentence of its own")]

mod grant;

pub use grant::Grant;

use super::digest::Entity;
use super::expiry::{Expiries, Thing};
use super::table::Table;
use crate::event::{Beginning, CodeEvent, ConsentEvent, GrantEvent, IssuedIdToken, IssuedTokens, RefreshEvent, TokenEvent};
use crate::terms::{
    ClientId, CodeChallenge, CodeId, Digest, GrantId, GrantType, InteractionId, KeyId, ScopeSet, Sector, Seq, SessionId, Timestamp,
    TokenId, UserId,
};
use serde::Serialize;
use std::collections::{HashMap, HashSet};

/// An end that an event put to something.
#[derive(Clone, Copy, PartialEq, Debug, Serialize)]
pub struct Ending {
    /// The event.
    pub by: Seq,
    /// When it came.
    pub at: Timestamp,
    /// Whether what rests on it ends with it.
    pub ends_grants: bool,
}

/// An authorization code.
#[derive(Clone, PartialEq, Debug, Serialize)]
pub struct Code {
    pub id: CodeId,
    pub grant: GrantId,
    /// Digest of the request's `redirect_uri`, if it had one.
    pub redirect_uri: Option<Digest>,
    pub challenge: Option<CodeChallenge>,
    pub expires_at: Timestamp,
}

/// An access token.
#[derive(Clone, PartialEq, Debug, Serialize)]
pub struct Token {
    pub grant: GrantId,
    pub scope: ScopeSet,
    /// The claims that userinfo tells besides those of the scope.
    pub claims: Vec<String>,
    pub audience: Option<String>,
    /// The sector whose name for the person it bears; none if it bears the user's own id.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sector: Option<Sector>,
    /// The keys that signed it and the ID token that went with it.
    pub signed_by: [Option<KeyId>; 2],
    pub issued_at: Timestamp,
    pub expires_at: Timestamp,
    /// The event that revoked just this token.
    pub revoked: Option<Seq>,
    /// The record that granted it.
    pub granted: Seq,
    /// The event that last changed it.
    pub changed: Seq,
}

impl Entity for Code {
    const KIND: &'static str = "code";
}
impl Entity for Token {
    const KIND: &'static str = "token";
}

/// An expired code is told apart from an unknown one for this long.
const EXPIRED_CODE_SECONDS: u64 = 600;
/// A page of ours may be answered for this long, and what came of the last answer is known until then.
pub const ANSWERABLE_SECONDS: u64 = 1800;

/// The grants of a site.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct Grants {
    by_id: Table<GrantId, Grant>,
    by_code: Table<Digest, Code>,
    by_token: Table<TokenId, Token>,
    /// What a session's end and a person's withdrawal reach.
    by_session: HashMap<SessionId, HashSet<GrantId>>,
    by_consent: HashMap<(UserId, ClientId), HashSet<GrantId>>,
    /// The last answer to a showing of our pages.
    by_interaction: HashMap<InteractionId, GrantId>,
}

impl Grants {
    /// The grant with this identifier.
    pub fn by_id(&self, id: &GrantId) -> Option<&Grant> {
        self.by_id.get(id)
    }
    /// The code with this digest.
    pub fn code(&self, digest: &Digest) -> Option<&Code> {
        self.by_code.get(digest)
    }
    /// The access token with this `jti`.
    pub fn token(&self, id: &TokenId) -> Option<&Token> {
        self.by_token.get(id)
    }
    /// The grants that rest on this person's permission to this client, in no order.
    pub fn of_consent(&self, user: UserId, client: &ClientId) -> impl Iterator<Item = &Grant> {
        let ids = self.by_consent.get(&(user, client.clone()));
        ids.into_iter().flatten().filter_map(|id| self.by_id.get(id))
    }
    /// The grants that came from this session, in no order.
    pub fn of_session(&self, session: &SessionId) -> impl Iterator<Item = &Grant> {
        self.by_session.get(session).into_iter().flatten().filter_map(|id| self.by_id.get(id))
    }
    /// The grant of the last answer to a showing of our pages.
    pub fn answering(&self, interaction: &InteractionId) -> Option<&Grant> {
        self.by_interaction.get(interaction).and_then(|id| self.by_id.get(id))
    }
    /// Every grant that is remembered, in no order.
    pub fn iter(&self) -> impl Iterator<Item = &Grant> {
        self.by_id.values()
    }
    /// Every access token that is remembered, in no order.
    pub fn tokens(&self) -> impl Iterator<Item = (&TokenId, &Token)> {
        self.by_token.iter()
    }
    pub(super) fn table(&self) -> &Table<GrantId, Grant> {
        &self.by_id
    }
    pub(super) fn codes_table(&self) -> &Table<Digest, Code> {
        &self.by_code
    }
    pub(super) fn tokens_table(&self) -> &Table<TokenId, Token> {
        &self.by_token
    }
    /// Until when a grant rests on this session.
    pub(super) fn needs_session_until(&self, session: &SessionId) -> Option<Timestamp> {
        self.of_session(session).filter(|grant| grant.ended.is_none()).map(|grant| grant.expires_at).max()
    }

    pub(super) fn fold(&mut self, event: &GrantEvent, seq: Seq, t: Timestamp) -> Result<(), &'static str> {
        match event {
            GrantEvent::Revoked { grant, .. } => {
                self.change(grant, seq, |grant| grant.ended = grant.ended.or(Some(Ending { by: seq, at: t, ends_grants: true })))
            }
            GrantEvent::AllRevoked { user, client, .. } => {
                self.end_all(*user, client, seq, t);
                Ok(())
            }
        }
    }

    /// A withdrawn consent ends every grant under it.
    pub(super) fn fold_consent(&mut self, event: &ConsentEvent, seq: Seq, t: Timestamp) {
        if let ConsentEvent::Revoked { user, client } = event {
            self.end_all(*user, client, seq, t);
        }
    }

    fn end_all(&mut self, user: UserId, client: &ClientId, seq: Seq, t: Timestamp) {
        let living: Vec<GrantId> = self.of_consent(user, client).filter(|grant| grant.ended.is_none()).map(|grant| grant.id).collect();
        for id in living {
            self.by_id.change(&id, |grant| {
                grant.ended = Some(Ending { by: seq, at: t, ends_grants: true });
                grant.changed = seq;
            });
        }
    }

    pub(super) fn fold_code(&mut self, event: &CodeEvent, seq: Seq, expiries: &mut Expiries) -> Result<(), &'static str> {
        match event {
            CodeEvent::Issued {
                code,
                digest,
                grant,
                client,
                user,
                session,
                scope,
                redirect_uri,
                code_challenge,
                audience,
                has_nonce,
                auth_time,
                amr,
                acr,
                claims,
                refresh,
                expires_at,
                interaction,
                consent: _,
            } => {
                let beginning = Beginning {
                    grant_type: GrantType::AuthorizationCode,
                    auth_time: Some(*auth_time),
                    amr: amr.clone(),
                    passwords_at: None,
                    interaction: *interaction,
                };
                let kept = interaction.map_or(EXPIRED_CODE_SECONDS, |_| ANSWERABLE_SECONDS);
                let end = expires_at.plus_seconds(kept);
                let new = Grant {
                    scope: scope.clone(),
                    acr: *acr,
                    claims: claims.clone(),
                    audience: audience.clone(),
                    refresh: *refresh,
                    code: Some(*digest),
                    has_nonce: *has_nonce,
                    ..Grant::begun(*grant, client, (Some(*user), Some(*session)), &beginning, seq, end)
                };
                let challenge = *code_challenge;
                let code = Code { id: *code, grant: *grant, redirect_uri: *redirect_uri, challenge, expires_at: *expires_at };
                self.by_code.insert(*digest, code);
                self.begin(new, expiries);
                Ok(())
            }
            CodeEvent::Redeemed { grant, .. } | CodeEvent::Replayed { grant, .. } => self.change(grant, seq, |_| ()),
        }
    }

    fn begin(&mut self, grant: Grant, expiries: &mut Expiries) {
        let id = grant.id;
        if let Some(session) = grant.session {
            self.by_session.entry(session).or_default().insert(id);
        }
        if let Some(user) = grant.user {
            self.by_consent.entry((user, grant.client.clone())).or_default().insert(id);
        }
        if let Some(interaction) = grant.interaction {
            self.by_interaction.insert(interaction, id);
        }
        expiries.add(grant.expires_at, Thing::Grant(id));
        self.by_id.insert(id, grant);
    }

    pub(super) fn fold_token(&mut self, event: &TokenEvent, seq: Seq, expiries: &mut Expiries) -> Result<(), &'static str> {
        match event {
            TokenEvent::Granted(tokens) => self.issue(tokens, seq, expiries),
            TokenEvent::IdTokenIssued(issued) => self.issue_alone(issued, seq, expiries),
            TokenEvent::Denied { grant, reason, .. } => {
                if let Some(grant) = grant.filter(|_| *reason == crate::event::Refusal::VerifierMismatch) {
                    self.by_id.change(&grant, |grant| grant.verifier_failures = grant.verifier_failures.saturating_add(1));
                }
                Ok(())
            }
            TokenEvent::Revoked { token, .. } => {
                self.by_token.change(token, |token| {
                    token.revoked = token.revoked.or(Some(seq));
                    token.changed = seq;
                });
                Ok(())
            }
            TokenEvent::Introspected { .. } | TokenEvent::UserinfoRead { .. } | TokenEvent::ForgeryDetected { .. } => Ok(()),
        }
    }

    pub(super) fn fold_refresh(&mut self, event: &RefreshEvent, seq: Seq, expiries: &mut Expiries) -> Result<(), &'static str> {
        match event {
            RefreshEvent::Rotated(tokens) => self.issue(tokens, seq, expiries),
            RefreshEvent::Retried { .. } | RefreshEvent::ReuseDetected { .. } => Ok(()),
        }
    }

    fn issue(&mut self, tokens: &IssuedTokens, seq: Seq, expiries: &mut Expiries) -> Result<(), &'static str> {
        let token = Token {
            grant: tokens.grant,
            scope: tokens.scope.clone(),
            claims: tokens.userinfo_claims.clone(),
            audience: tokens.audience.clone(),
            sector: tokens.sector.clone(),
            signed_by: [Some(tokens.kid), tokens.id_token.as_ref().map(|id_token| id_token.kid)],
            issued_at: tokens.issued_at,
            expires_at: tokens.expires_at,
            revoked: None,
            granted: seq,
            changed: seq,
        };
        let end = tokens.refresh_expires_at.unwrap_or_default().max(tokens.expires_at);
        if let Some(beginning) = tokens.begins.as_ref().filter(|_| self.by_id(&tokens.grant).is_none()) {
            self.begin(Grant::without_code(tokens, beginning, seq, end), expiries);
        }
        self.change(&tokens.grant, seq, |grant| {
            grant.expires_at = grant.expires_at.max(end);
            // The code is still to be redeemed, and what it gives is what may be refreshed.
            if tokens.beside_code {
                return;
            }
            grant.redeemed_at = grant.redeemed_at.or(Some(tokens.issued_at));
            grant.rotated_at = tokens.issued_at;
            grant.rotated = seq;
            grant.tokens = Some(tokens.clone());
        })?;
        expiries.add(tokens.expires_at, Thing::Token(tokens.token));
        self.by_token.insert(tokens.token, token);
        Ok(())
    }

    /// An ID token alone: nothing of it is remembered, but its grant may begin with it.
    fn issue_alone(&mut self, issued: &IssuedIdToken, seq: Seq, expiries: &mut Expiries) -> Result<(), &'static str> {
        if let Some(beginning) = issued.begins.as_ref().filter(|_| self.by_id(&issued.grant).is_none()) {
            let grant = Grant {
                scope: issued.scope.clone(),
                ..Grant::begun(issued.grant, &issued.client, (Some(issued.user), Some(issued.session)), beginning, seq, issued.expires_at)
            };
            self.begin(grant, expiries);
        }
        self.change(&issued.grant, seq, |grant| grant.expires_at = grant.expires_at.max(issued.expires_at))
    }

    pub(super) fn forget_token(&mut self, id: &TokenId) {
        self.by_token.remove(id);
    }

    pub(super) fn forget_grant(&mut self, id: &GrantId, t: Timestamp, expiries: &mut Expiries) {
        let Some(grant) = self.by_id.get(id) else { return };
        if grant.expires_at >= t {
            return expiries.add(grant.expires_at, Thing::Grant(*id));
        }
        if let Some(grant) = self.by_id.remove(id) {
            if let Some(code) = grant.code {
                self.by_code.remove(&code);
            }
            if let Some(interaction) = grant.interaction.filter(|interaction| self.by_interaction.get(interaction) == Some(id)) {
                self.by_interaction.remove(&interaction);
            }
            if let Some(session) = grant.session {
                leave(&mut self.by_session, &session, id);
            }
            if let Some(user) = grant.user {
                leave(&mut self.by_consent, &(user, grant.client), id);
            }
        }
    }

    fn change<T>(&mut self, id: &GrantId, seq: Seq, change: impl FnOnce(&mut Grant) -> T) -> Result<T, &'static str> {
        let changed = self.by_id.change(id, |grant| {
            grant.changed = seq;
            change(grant)
        });
        changed.ok_or("the grant is unknown")
    }
}

/// Takes a grant out of a set, and the set away with its last one.
fn leave<K: Eq + std::hash::Hash>(sets: &mut HashMap<K, HashSet<GrantId>>, key: &K, grant: &GrantId) {
    if let Some(set) = sets.get_mut(key) {
        set.remove(grant);
        if set.is_empty() {
            sets.remove(key);
        }
    }
}
