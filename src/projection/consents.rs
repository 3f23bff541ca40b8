//! What people allowed which client, so that they are not asked again for the same.

use super::digest::Entity;
use super::table::Table;
use crate::event::ConsentEvent;
use crate::terms::{ClientId, ConsentId, ScopeSet, Seq, UserId};
use serde::Serialize;
use std::collections::BTreeSet;

/// A standing permission.
#[derive(Clone, PartialEq, Debug, Serialize)]
pub struct Consent {
    /// The last decision it comes from.
    pub id: ConsentId,
    /// What the person allowed.
    pub scope: ScopeSet,
    /// The claims they allowed by name.
    pub claims: BTreeSet<String>,
    /// The event that last changed it.
    pub changed: Seq,
}

impl Entity for Consent {
    const KIND: &'static str = "consent";
}

/// The standing permissions of a site.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct Consents(Table<(UserId, ClientId), Consent>);

impl Consents {
    /// What this person allowed this client.
    pub fn of(&self, user: UserId, client: &ClientId) -> Option<&Consent> {
        self.0.get(&(user, client.clone()))
    }

    pub(super) fn table(&self) -> &Table<(UserId, ClientId), Consent> {
        &self.0
    }

    pub(super) fn fold(&mut self, event: &ConsentEvent, seq: Seq) {
        match event {
            ConsentEvent::Granted { consent, user, client, requested_scope, scope, requested_claims, claims, .. } => {
                let key = (*user, client.clone());
                // What was asked for and left out is allowed no more; what was not asked for stays as it was.
                let left_out = requested_scope.beyond(scope);
                let before = self.0.get(&key);
                let scope = before.map(|before| before.scope.without(&left_out)).unwrap_or_default().union(scope);
                let mut named = before.map(|before| before.claims.clone()).unwrap_or_default();
                let asked = requested_claims.names();
                named.retain(|name| !asked.contains(&name.as_str()));
                named.extend(claims.names().into_iter().map(str::to_owned));
                self.0.insert(key, Consent { id: *consent, scope, claims: named, changed: seq });
            }
            ConsentEvent::Denied { user, client, .. } | ConsentEvent::Revoked { user, client } => {
                self.0.remove(&(*user, client.clone()));
            }
        }
    }
}
