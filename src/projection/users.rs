//! End-users, without anything that tells who they are.

use super::digest::Entity;
use super::table::Table;
use crate::event::UserEvent;
use crate::terms::{CredentialId, Digest, Role, Seq, UserId};
use serde::Serialize;
use std::collections::HashMap;

/// What is known of an end-user in the open.
#[derive(Clone, PartialEq, Debug, Serialize)]
pub struct User {
    /// The `sub`.
    pub id: UserId,
    /// HMAC of the normalized username.
    pub login: Digest,
    /// The directory they belong to.
    pub role: Role,
    /// The password that is current; the hash is in the vault.
    pub credential: Option<CredentialId>,
    /// Disabled by an administrator: since which event.
    pub disabled: Option<Seq>,
    /// Locked after too many failures.
    pub locked: bool,
    /// Their key is destroyed.
    pub erased: bool,
    /// The record that holds their sealed claims.
    pub claims_at: Seq,
    /// The event that last changed them.
    pub changed: Seq,
}

impl User {
    /// Whether they may begin anything.
    pub fn may_sign_in(&self) -> bool {
        self.disabled.is_none() && !self.erased
    }
}

impl Entity for User {
    const KIND: &'static str = "user";
}

/// The end-users of a site.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct Users {
    by_id: Table<UserId, User>,
    by_login: HashMap<Digest, UserId>,
    patients: u64,
}

impl Users {
    /// The user with this identifier.
    pub fn by_id(&self, id: &UserId) -> Option<&User> {
        self.by_id.get(id)
    }
    /// The user who signs in with this name.
    pub fn by_login(&self, login: &Digest) -> Option<&User> {
        self.by_login.get(login).and_then(|id| self.by_id.get(id))
    }
    /// Whether anybody belongs to the patients' directory.
    pub fn has_patients(&self) -> bool {
        self.patients > 0
    }
    pub(super) fn table(&self) -> &Table<UserId, User> {
        &self.by_id
    }
    /// Every user, in no order.
    pub fn iter(&self) -> impl Iterator<Item = &User> {
        self.by_id.values()
    }

    pub(super) fn fold(&mut self, event: &UserEvent, seq: Seq) -> Result<(), &'static str> {
        match event {
            UserEvent::Created { user, login, role, credential } => {
                let new = User {
                    id: *user,
                    login: *login,
                    role: *role,
                    credential: *credential,
                    disabled: None,
                    locked: false,
                    erased: false,
                    claims_at: seq,
                    changed: seq,
                };
                self.by_login.insert(*login, *user);
                self.patients = self.patients.saturating_add(u64::from(*role == Role::Patient));
                self.by_id.insert(*user, new).map_or(Ok(()), |_| Err("the user was created before"))
            }
            UserEvent::PasswordReset { user, credential, .. } => self.change(user, seq, |user| user.credential = Some(*credential)),
            UserEvent::Disabled { user } => self.change(user, seq, |user| user.disabled = Some(seq)),
            UserEvent::Enabled { user } => self.change(user, seq, |user| user.disabled = None),
            UserEvent::Locked { user, .. } => self.change(user, seq, |user| user.locked = true),
            UserEvent::Unlocked { user } => self.change(user, seq, |user| user.locked = false),
            UserEvent::Erased { user } => {
                self.by_login.retain(|_, id| id != user);
                self.change(user, seq, |user| {
                    user.erased = true;
                    user.credential = None;
                    user.disabled = user.disabled.or(Some(seq));
                })
            }
        }
    }

    fn change(&mut self, id: &UserId, seq: Seq, change: impl FnOnce(&mut User)) -> Result<(), &'static str> {
        let changed = self.by_id.change(id, |user| {
            change(user);
            user.changed = seq;
        });
        changed.ok_or("the user is unknown")
    }
}
