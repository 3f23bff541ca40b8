//! Initial access tokens (RFC 7591 §3): handing one out, taking one back, and whether one lets a client register.

use super::{Decide, Decision, Draft};
use crate::event::{ClientEvent, Event, Refusal, RegistrationMode, Settings};
use crate::projection::State;
use crate::terms::{Actor, Digest, InvitationId, Moment, Timestamp};
use serde::{Deserialize, Serialize};

/// An administrator hands out an initial access token.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct InviteClient {
    /// Digest of the token.
    #[serde(rename = "initial_token_digest")]
    pub token: Digest,
    /// How many clients may register with it: 1 to 10,000.
    pub uses: u32,
    /// For how long: a second to a year.
    pub lifetime_seconds: u64,
    /// Who wants it.
    pub by: Actor,
}

/// The most clients that register with one token.
const USES_MAX: u32 = 10_000;
/// The longest life of one.
const LIFETIME_SECONDS_MAX: u64 = 365 * 86_400;

impl Decide for InviteClient {
    const NAME: &'static str = "invite_client";
    const ISSUES: bool = true;
    type Answer = (InvitationId, Timestamp);

    fn decide(&self, state: &State, moment: &Moment) -> Decision<Self::Answer> {
        let is_bounded = (1..=USES_MAX).contains(&self.uses) && (1..=LIFETIME_SECONDS_MAX).contains(&self.lifetime_seconds);
        if !is_bounded || state.invitations.by_token(&self.token).is_some() {
            return Decision::refused(Refusal::InvitationUnacceptable, Vec::new());
        }
        let (invitation, expires_at) = (moment.seed.id(), moment.now.plus_seconds(self.lifetime_seconds));
        let event = ClientEvent::Invited { invitation, token: self.token, uses: self.uses, expires_at };
        Decision::accepted((invitation, expires_at), vec![Draft::new(self.by.clone(), Event::Client(event)).seen(moment, None)])
    }
}

/// An administrator takes an initial access token back. What registered with it stays.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct RevokeInvitation {
    /// Which.
    pub invitation: InvitationId,
    /// Who wants it.
    pub by: Actor,
}

impl Decide for RevokeInvitation {
    const NAME: &'static str = "revoke_invitation";
    type Answer = ();

    fn decide(&self, state: &State, moment: &Moment) -> Decision<()> {
        let Some(invitation) = state.invitations.by_id(&self.invitation) else {
            return Decision::refused(Refusal::InvitationUnknown, Vec::new());
        };
        if invitation.revoked {
            return Decision::refused(Refusal::NothingToChange, Vec::new());
        }
        let event = ClientEvent::InvitationRevoked { invitation: self.invitation };
        let draft = Draft::new(self.by.clone(), Event::Client(event)).caused_by(invitation.changed).seen(moment, None);
        Decision::accepted((), vec![draft])
    }
}

/// What lets a stranger with this initial access token, or without one, register a client now: an invitation, or the site's openness.
/// A token that is presented must be good even where none is needed.
///
/// # Errors
/// Why it may not.
pub fn may_register(state: &State, settings: &Settings, token: Option<&Digest>, now: Timestamp) -> Result<Option<InvitationId>, Refusal> {
    let token = match (settings.dcr_mode, token) {
        (RegistrationMode::Disabled, _) => return Err(Refusal::RegistrationClosed),
        (RegistrationMode::Token, None) => return Err(Refusal::InitialTokenMissing),
        (RegistrationMode::Open, None) => return Ok(None),
        (RegistrationMode::Token | RegistrationMode::Open, Some(token)) => token,
    };
    let invitation = state.invitations.by_token(token).ok_or(Refusal::InitialTokenWrong)?;
    if invitation.revoked {
        return Err(Refusal::InitialTokenRevoked);
    }
    if now >= invitation.expires_at {
        return Err(Refusal::InitialTokenExpired);
    }
    if invitation.uses_left == 0 {
        return Err(Refusal::InitialTokenUsedUp);
    }
    Ok(Some(invitation.id))
}
