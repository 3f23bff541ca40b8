//! A grant, and how it begins.

#![expect(missing_docs, reason = "a member whose type says what it is needs no sentence of its own")]

use super::{Ending, Entity};
use crate::event::{AskedClaims, Beginning, IssuedTokens};
use crate::terms::{Acr, ClientId, Digest, GrantId, GrantType, InteractionId, ScopeSet, Seq, SessionId, Subject, Timestamp, UserId};
use serde::Serialize;

/// The authorization given by one consent or sign-in, or to a client for itself: parent of its code, if it has one, and of all tokens
/// that came from it.
#[derive(Clone, PartialEq, Debug, Serialize)]
pub struct Grant {
    pub id: GrantId,
    pub client: ClientId,
    /// Whose it is; none where the client acts for itself.
    pub user: Option<UserId>,
    /// The browser's session that it came from, if it came from one.
    pub session: Option<SessionId>,
    /// Which showing of our pages it answers, if it answers one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub interaction: Option<InteractionId>,
    /// How it began.
    pub grant_type: GrantType,
    pub scope: ScopeSet,
    /// When the person proved who they are; none where there is nobody.
    pub auth_time: Option<Timestamp>,
    pub amr: Vec<String>,
    /// How strong that was, if its ID tokens are to tell.
    pub acr: Option<Acr>,
    /// The claims that were asked for by name and allowed.
    pub claims: AskedClaims,
    pub audience: Option<String>,
    /// Whether a refresh token goes with the access token.
    pub refresh: bool,
    /// Its code, if it has one.
    pub code: Option<Digest>,
    /// The record that issued the code, or began the grant without one.
    pub issued: Seq,
    /// Whether that record holds a sealed `nonce`.
    pub has_nonce: bool,
    /// When the first tokens were handed out; the absolute end of refreshing counts from here.
    pub redeemed_at: Option<Timestamp>,
    /// What the last response handed out.
    pub tokens: Option<IssuedTokens>,
    /// When those were handed out.
    pub rotated_at: Timestamp,
    /// The record that handed them out.
    pub rotated: Seq,
    /// Wrong verifiers so far.
    pub verifier_failures: u32,
    /// The end that an event put to it.
    pub ended: Option<Ending>,
    /// The event that last changed it.
    pub changed: Seq,
    /// When nothing of it can matter any more.
    pub(super) expires_at: Timestamp,
}

impl Entity for Grant {
    const KIND: &'static str = "grant";
}

impl Grant {
    /// One that begins with its first tokens.
    pub(super) fn without_code(tokens: &IssuedTokens, beginning: &Beginning, seq: Seq, expires_at: Timestamp) -> Self {
        Self {
            scope: tokens.scope.clone(),
            audience: tokens.audience.clone(),
            refresh: tokens.generation.is_some(),
            ..Self::begun(tokens.grant, &tokens.client, (tokens.user, tokens.session), beginning, seq, expires_at)
        }
    }

    /// One that begins, with nothing in it.
    pub(super) fn begun(
        id: GrantId,
        client: &ClientId,
        (user, session): (Option<UserId>, Option<SessionId>),
        beginning: &Beginning,
        seq: Seq,
        expires_at: Timestamp,
    ) -> Self {
        Self {
            id,
            client: client.clone(),
            user,
            session,
            interaction: beginning.interaction,
            grant_type: beginning.grant_type,
            scope: ScopeSet::default(),
            auth_time: beginning.auth_time,
            amr: beginning.amr.clone(),
            acr: None,
            claims: AskedClaims::default(),
            audience: None,
            refresh: false,
            code: None,
            issued: seq,
            has_nonce: false,
            redeemed_at: None,
            tokens: None,
            rotated_at: Timestamp::default(),
            rotated: seq,
            verifier_failures: 0,
            ended: None,
            changed: seq,
            expires_at,
        }
    }

    /// Whom sealed facts about it belong to, if anybody is known.
    pub fn subject(&self) -> Option<Subject> {
        self.user.map(Subject::User)
    }
}
