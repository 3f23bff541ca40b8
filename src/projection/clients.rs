//! Registered clients.

use super::digest::Entity;
use super::table::Table;
use crate::event::{ClientEvent, ClientMetadata, ClientPrivileges, ClientStatus};
use crate::terms::{Actor, ClientId, Digest, GrantType, RegistrationPath, Seq, Timestamp};
use serde::Serialize;
use serde_json::{Map, Value};
use std::collections::HashMap;

/// A client and what it may do.
#[derive(Clone, PartialEq, Debug, Serialize)]
pub struct Client {
    /// Its identifier.
    pub id: ClientId,
    /// Its public metadata.
    pub metadata: ClientMetadata,
    /// What an administrator lets it do besides.
    pub privileges: ClientPrivileges,
    /// Whether it may act.
    pub status: ClientStatus,
    /// Whether an administrator registered or approved it as it is now; otherwise nobody here has checked who it is.
    pub verified: bool,
    /// Whether it waits for approval, also while it is disabled.
    pub waits: bool,
    /// Digest of its secret; none for a public client.
    pub secret: Option<Digest>,
    /// Digest of its registration access token.
    pub registration_token: Digest,
    /// Digest of the registration access token before, until the new one has been used: the response with it may have been lost.
    pub earlier_token: Option<Digest>,
    /// Where it manages itself.
    pub registration_path: RegistrationPath,
    /// When it was registered: `client_id_issued_at`.
    pub registered_at: Timestamp,
    /// The record that holds its sealed contacts.
    pub contacts_at: Seq,
    /// The record that last said how it authenticates: its method, its keys, or where they are.
    pub keys_at: Seq,
    /// The record by which an administrator let it take people's passwords; none if nobody did.
    pub passwords_at: Option<Seq>,
    /// The event that last changed it.
    pub changed: Seq,
}

impl Entity for Client {
    const KIND: &'static str = "client";
}

impl Client {
    /// Whether this is the digest of a registration access token that it may use.
    pub fn manages_with(&self, token: &Digest) -> bool {
        self.registration_token == *token || self.earlier_token == Some(*token)
    }
}

impl Client {
    /// Takes over changed metadata, and what follows from it for proofs and trust.
    fn amend(
        &mut self,
        before: &Map<String, Value>,
        after: &Map<String, Value>,
        by_administrator: bool,
        seq: Seq,
    ) -> Result<(), &'static str> {
        let Ok(Value::Object(mut members)) = serde_json::to_value(&self.metadata) else {
            return Err("the metadata cannot be written");
        };
        members.retain(|name, _| !before.contains_key(name));
        members.extend(after.clone());
        self.metadata = serde_json::from_value(Value::Object(members)).map_err(|_| "the metadata cannot be read")?;
        if authenticates_otherwise(before, after) {
            self.keys_at = seq;
        }
        self.passwords_at = match takes_passwords(&self.metadata) {
            true => self.passwords_at.or(by_administrator.then_some(seq)),
            false => None,
        };
        if !self.metadata.has_secret() {
            self.secret = None;
        }
        self.verified = self.verified && (by_administrator || !is_another_app(before, after));
        Ok(())
    }
}

impl Client {
    /// Whether it is a resource server, which may ask about the tokens of every client of its site. One that cannot prove who it is
    /// never may.
    pub fn may_ask_about_any(&self) -> bool {
        self.privileges.introspect_any && !self.metadata.is_public()
    }
    /// Whether it may see what a token of this client says (THREATS.md A39).
    pub fn may_see(&self, owner: &ClientId) -> bool {
        self.id == *owner || self.may_ask_about_any()
    }
}

/// Whether a change of metadata makes another app of a client: where it sends people, what it calls itself, what it shows them.
pub fn is_another_app(before: &Map<String, Value>, after: &Map<String, Value>) -> bool {
    const SEEN: [&str; 9] = [
        "redirect_uris",
        "post_logout_redirect_uris",
        "client_name",
        "client_uri",
        "logo_uri",
        "policy_uri",
        "tos_uri",
        "initiate_login_uri",
        "localized",
    ];
    SEEN.iter().any(|name| before.get(*name) != after.get(*name))
}

/// Whether a change of metadata changes how the client proves who it is.
fn authenticates_otherwise(before: &Map<String, Value>, after: &Map<String, Value>) -> bool {
    const PROOF: [&str; 4] = ["token_endpoint_auth_method", "token_endpoint_auth_signing_alg", "jwks", "jwks_uri"];
    PROOF.iter().any(|name| before.get(*name) != after.get(*name))
}

/// The clients of a site.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct Clients {
    by_id: Table<ClientId, Client>,
    by_path: HashMap<RegistrationPath, ClientId>,
}

impl Clients {
    /// The client with this identifier.
    pub fn by_id(&self, id: &ClientId) -> Option<&Client> {
        self.by_id.get(id)
    }
    /// The client that manages itself at this path.
    pub fn by_path(&self, path: &RegistrationPath) -> Option<&Client> {
        self.by_path.get(path).and_then(|id| self.by_id.get(id))
    }
    pub(super) fn table(&self) -> &Table<ClientId, Client> {
        &self.by_id
    }
    /// Every client, in no order.
    pub fn iter(&self) -> impl Iterator<Item = &Client> {
        self.by_id.values()
    }

    pub(super) fn fold(&mut self, event: &ClientEvent, actor: &Actor, seq: Seq, t: Timestamp) -> Result<(), &'static str> {
        match event {
            ClientEvent::Registered { client, metadata, status, secret, registration_token, registration_path, invitation: _ } => {
                let new = Client {
                    id: client.clone(),
                    metadata: (**metadata).clone(),
                    privileges: ClientPrivileges::default(),
                    status: *status,
                    verified: is_administrator(actor),
                    waits: *status == ClientStatus::PendingApproval,
                    secret: *secret,
                    registration_token: *registration_token,
                    earlier_token: None,
                    registration_path: *registration_path,
                    registered_at: t,
                    contacts_at: seq,
                    keys_at: seq,
                    passwords_at: takes_passwords(metadata).then_some(seq).filter(|_| is_administrator(actor)),
                    changed: seq,
                };
                self.by_path.insert(*registration_path, client.clone());
                self.by_id.insert(client.clone(), new).map_or(Ok(()), |_| Err("the client was registered before"))
            }
            ClientEvent::Updated { client, before, after, status, registration_token } => {
                self.change(client, seq, |found| {
                    if before.is_empty() && after.is_empty() && *registration_token == Some(found.registration_token) {
                        found.earlier_token = None;
                        return Ok(());
                    }
                    found.amend(before, after, is_administrator(actor), seq)?;
                    found.status = *status;
                    found.waits = *status == ClientStatus::PendingApproval;
                    if let Some(new) = registration_token {
                        // A change under the earlier token leaves that one standing: the one between was never received.
                        found.earlier_token = found.earlier_token.or(Some(found.registration_token));
                        found.registration_token = *new;
                    }
                    found.contacts_at = seq;
                    Ok(())
                })?
            }
            ClientEvent::Configured { client, after, .. } => self.change(client, seq, |found| {
                let Ok(Value::Object(mut members)) = serde_json::to_value(&found.privileges) else {
                    return Err("the privileges cannot be written");
                };
                members.extend(after.clone());
                found.privileges = serde_json::from_value(Value::Object(members)).map_err(|_| "the privileges cannot be read")?;
                Ok(())
            })?,
            ClientEvent::SecretRotated { client, secret } => self.change(client, seq, |client| client.secret = Some(*secret)),
            ClientEvent::Approved { client } => self.change(client, seq, |client| {
                client.status = if client.status == ClientStatus::Disabled { client.status } else { ClientStatus::Enabled };
                client.waits = false;
                client.verified = true;
            }),
            ClientEvent::Enabled { client } => self.change(client, seq, |client| {
                client.status = if client.waits { ClientStatus::PendingApproval } else { ClientStatus::Enabled }
            }),
            ClientEvent::Disabled { client } => self.change(client, seq, |client| client.status = ClientStatus::Disabled),
            ClientEvent::Deleted { client } => {
                let gone = self.by_id.remove(client).ok_or("the client is unknown")?;
                self.by_path.remove(&gone.registration_path);
                Ok(())
            }
            ClientEvent::Invited { .. }
            | ClientEvent::InvitationRevoked { .. }
            | ClientEvent::AuthFailed { .. }
            | ClientEvent::AssertionUsed { .. } => Ok(()),
        }
    }

    fn change<T>(&mut self, id: &ClientId, seq: Seq, change: impl FnOnce(&mut Client) -> T) -> Result<T, &'static str> {
        let changed = self.by_id.change(id, |client| {
            client.changed = seq;
            change(client)
        });
        changed.ok_or("the client is unknown")
    }
}

fn takes_passwords(metadata: &ClientMetadata) -> bool {
    metadata.grant_types.contains(&GrantType::Password)
}

fn is_administrator(actor: &Actor) -> bool {
    match actor {
        Actor::Os(_) | Actor::User(_) | Actor::Server => true,
        Actor::Anonymous | Actor::Client(_) => false,
    }
}
