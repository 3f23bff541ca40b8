//! Initial access tokens (RFC 7591 §3): who may register clients besides everybody or nobody.

use super::digest::Entity;
use super::table::Table;
use crate::event::ClientEvent;
use crate::terms::{Digest, InvitationId, Seq, Timestamp};
use serde::Serialize;
use std::collections::HashMap;

/// An initial access token.
#[derive(Clone, PartialEq, Debug, Serialize)]
pub struct Invitation {
    /// Its name.
    pub id: InvitationId,
    /// Its digest.
    pub token: Digest,
    /// How many clients may still register with it.
    pub uses_left: u32,
    /// When it was handed out.
    pub issued_at: Timestamp,
    /// When its time is over.
    pub expires_at: Timestamp,
    /// Whether an administrator took it back.
    pub revoked: bool,
    /// The event that last changed it.
    pub changed: Seq,
}

impl Entity for Invitation {
    const KIND: &'static str = "invitation";
}

/// The initial access tokens of a site. None is forgotten: each was handed out by an administrator, so they are few, and what is wrong
/// with an old one can be said.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct Invitations {
    by_id: Table<InvitationId, Invitation>,
    by_token: HashMap<Digest, InvitationId>,
}

impl Invitations {
    /// The one of this name.
    pub fn by_id(&self, id: &InvitationId) -> Option<&Invitation> {
        self.by_id.get(id)
    }
    /// The one of this digest.
    pub fn by_token(&self, token: &Digest) -> Option<&Invitation> {
        self.by_token.get(token).and_then(|id| self.by_id.get(id))
    }
    /// Every one, in no order.
    pub fn iter(&self) -> impl Iterator<Item = &Invitation> {
        self.by_id.values()
    }
    pub(super) fn table(&self) -> &Table<InvitationId, Invitation> {
        &self.by_id
    }

    pub(super) fn fold(&mut self, event: &ClientEvent, seq: Seq, t: Timestamp) -> Result<(), &'static str> {
        match event {
            ClientEvent::Invited { invitation, token, uses, expires_at } => {
                let new = Invitation {
                    id: *invitation,
                    token: *token,
                    uses_left: *uses,
                    issued_at: t,
                    expires_at: *expires_at,
                    revoked: false,
                    changed: seq,
                };
                self.by_token.insert(*token, *invitation);
                self.by_id.insert(*invitation, new).map_or(Ok(()), |_| Err("the invitation was handed out before"))
            }
            ClientEvent::Registered { invitation: Some(invitation), .. } => self.change(invitation, seq, |invitation| {
                invitation.uses_left = invitation.uses_left.checked_sub(1).ok_or("the invitation was used up")?;
                Ok(())
            })?,
            ClientEvent::InvitationRevoked { invitation } => self.change(invitation, seq, |invitation| invitation.revoked = true),
            ClientEvent::Registered { invitation: None, .. }
            | ClientEvent::Updated { .. }
            | ClientEvent::Configured { .. }
            | ClientEvent::SecretRotated { .. }
            | ClientEvent::Approved { .. }
            | ClientEvent::Disabled { .. }
            | ClientEvent::Enabled { .. }
            | ClientEvent::Deleted { .. }
            | ClientEvent::AuthFailed { .. }
            | ClientEvent::AssertionUsed { .. } => Ok(()),
        }
    }

    fn change<T>(&mut self, id: &InvitationId, seq: Seq, change: impl FnOnce(&mut Invitation) -> T) -> Result<T, &'static str> {
        let changed = self.by_id.change(id, |invitation| {
            invitation.changed = seq;
            change(invitation)
        });
        changed.ok_or("the invitation is unknown")
    }
}
