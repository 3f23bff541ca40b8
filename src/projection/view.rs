//! State as JSON, entity by entity: what `writ state` shows, and the same writing of each that the digest hashes.

use super::State;
use super::digest::Entity;
use super::table::Table;
use crate::terms::protocol::words;
use serde::Serialize;
use serde_json::Value;
use std::collections::BTreeMap;
use std::hash::Hash;

words!(
    /// The kinds of entities that there are many of.
    Collection, "collection", {
        /// Assertions that clients have used, by a tag of client and `jti`.
        Assertions = "assertions",
        /// Registered clients, by id.
        Clients = "clients",
        /// Authorization codes, by id.
        Codes = "codes",
        /// Standing permissions, by `user/client`.
        Consents = "consents",
        /// Grants, by id.
        Grants = "grants",
        /// Initial access tokens, by id.
        Invitations = "invitations",
        /// Signing keys, by `kid`.
        Keys = "keys",
        /// Failed sign-ins, by login.
        Logins = "logins",
        /// Clients that have yet to be told that a session is over, by id.
        Logouts = "logouts",
        /// Browser sessions, by `sid`.
        Sessions = "sessions",
        /// Access tokens, by `jti`.
        Tokens = "tokens",
        /// End-users, by `sub`.
        Users = "users",
    }
);

impl State {
    /// How many there are of this kind.
    pub fn count(&self, of: Collection) -> usize {
        match of {
            Collection::Assertions => self.assertions.table().len(),
            Collection::Clients => self.clients.table().len(),
            Collection::Codes => self.grants.codes_table().len(),
            Collection::Consents => self.consents.table().len(),
            Collection::Grants => self.grants.table().len(),
            Collection::Invitations => self.invitations.table().len(),
            Collection::Keys => self.keys.table().len(),
            Collection::Logins => self.logins.table().len(),
            Collection::Logouts => self.logouts.table().len(),
            Collection::Sessions => self.sessions.table().len(),
            Collection::Tokens => self.grants.tokens_table().len(),
            Collection::Users => self.users.table().len(),
        }
    }

    /// The entities of this kind whose ids are wanted, by id.
    pub fn entities(&self, of: Collection, wanted: &dyn Fn(&str) -> bool) -> BTreeMap<String, Value> {
        match of {
            Collection::Assertions => written(self.assertions.table(), |id, _| id.to_string(), wanted),
            Collection::Clients => written(self.clients.table(), |id, _| id.to_string(), wanted),
            Collection::Codes => written(self.grants.codes_table(), |_, code| code.id.to_string(), wanted),
            Collection::Consents => written(self.consents.table(), |(user, client), _| format!("{user}/{client}"), wanted),
            Collection::Grants => written(self.grants.table(), |id, _| id.to_string(), wanted),
            Collection::Invitations => written(self.invitations.table(), |id, _| id.to_string(), wanted),
            Collection::Keys => written(self.keys.table(), |id, _| id.to_string(), wanted),
            Collection::Logins => written(self.logins.table(), |id, _| id.to_string(), wanted),
            Collection::Logouts => written(self.logouts.table(), |id, _| id.to_string(), wanted),
            Collection::Sessions => written(self.sessions.table(), |id, _| id.to_string(), wanted),
            Collection::Tokens => written(self.grants.tokens_table(), |id, _| id.to_string(), wanted),
            Collection::Users => written(self.users.table(), |id, _| id.to_string(), wanted),
        }
    }
}

fn written<K: Eq + Hash + Serialize, V: Entity>(
    table: &Table<K, V>,
    name: impl Fn(&K, &V) -> String,
    wanted: &dyn Fn(&str) -> bool,
) -> BTreeMap<String, Value> {
    let named = table.iter().map(|(id, entity)| (name(id, entity), entity)).filter(|(id, _)| wanted(id));
    // What the digest can write can be written here.
    named.map(|(id, entity)| (id, serde_json::to_value(entity).unwrap_or_default())).collect()
}
