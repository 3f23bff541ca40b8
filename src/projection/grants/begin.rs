//! How a grant begins that no code begins.

use super::Grant;
use crate::event::{AskedClaims, Beginning, IssuedTokens};
use crate::terms::{ClientId, GrantId, ScopeSet, Seq, SessionId, Timestamp, UserId};

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
}
