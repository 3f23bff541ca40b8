//! What an administrator lets a client do that it cannot ask for itself: other grant types, a grant without its secret, and asking about
//! everybody's tokens (SPEC.md b.1, h, k-15).

use super::manage_client::difference;
use super::register_client::{acceptable, with_implied};
use super::{Decide, Decision, Draft, Refused};
use crate::event::{ClientEvent, ClientMetadata, ClientPrivileges, Edition, Event, Refusal};
use crate::projection::{Client, State};
use crate::terms::{Actor, ClientId, GrantType, Moment};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// An administrator changes what a client may do.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct ConfigureClient {
    /// Which client.
    pub client: ClientId,
    /// `grant_types`, or the members of [`ClientPrivileges`], with their new values.
    pub change: Map<String, Value>,
    /// By which edition it is meant.
    pub edition: Edition,
    /// Who changes it.
    pub by: Actor,
}

impl Decide for ConfigureClient {
    const NAME: &'static str = "configure_client";
    type Answer = ();

    fn decide(&self, state: &State, moment: &Moment) -> Decision<()> {
        let Some(client) = state.clients.by_id(&self.client) else { return refused(Refusal::ClientUnknown) };
        let mut change = self.change.clone();
        let metadata = match change.remove(GRANT_TYPES).map(|value| self.regranted(state, client, &value)).transpose() {
            Ok(metadata) => metadata,
            Err(refused) => return Decision::refused(refused, Vec::new()),
        };
        let (before, after) = match privileges(client, &change) {
            Ok(changed) => changed,
            Err(refused) => return Decision::refused(refused, Vec::new()),
        };
        let mut events = Vec::new();
        if let Some((before, after)) = metadata.map(|new| difference(&client.metadata, &new)).filter(|(_, after)| !after.is_empty()) {
            let (client, status) = (client.id.clone(), client.status);
            events.push(ClientEvent::Updated { client, before, after, status, registration_token: None });
        }
        if !after.is_empty() {
            events.push(ClientEvent::Configured { client: client.id.clone(), before, after });
        }
        if events.is_empty() {
            return refused(Refusal::NothingToChange);
        }
        let told = |event| Draft::new(self.by.clone(), Event::Client(event)).seen(moment, None);
        Decision::accepted((), events.into_iter().map(told).collect())
    }
}

const GRANT_TYPES: &str = "grant_types";
const INTROSPECT_ANY: &str = "introspect_any";

impl ConfigureClient {
    /// The metadata with these grant types, if the client could be registered like that.
    fn regranted(&self, state: &State, client: &Client, value: &Value) -> Result<ClientMetadata, Refused> {
        let types: Option<Vec<GrantType>> = serde_json::from_value(value.clone()).ok().filter(|types: &Vec<_>| !types.is_empty());
        let types = types.ok_or_else(|| Refused::about(Refusal::SettingUnknown, GRANT_TYPES))?;
        let site = state.site.as_ref().ok_or(Refusal::ClientUnknown)?;
        let metadata = ClientMetadata { grant_types: with_implied(types), ..client.metadata.clone() };
        acceptable(state, &metadata, &site.settings, self.edition)?;
        Ok(metadata)
    }
}

type Members = Map<String, Value>;

/// The members that differ, as they are and as they shall be.
fn privileges(client: &Client, change: &Members) -> Result<(Members, Members), Refused> {
    let now = members(&client.privileges);
    let mut trial = now.clone();
    for (name, value) in change {
        let is_known = trial.insert(name.clone(), value.clone()).is_some();
        if !is_known || serde_json::from_value::<ClientPrivileges>(Value::Object(trial.clone())).is_err() {
            return Err(Refused::about(Refusal::SettingUnknown, name.clone()));
        }
        if name == INTROSPECT_ANY && *value == Value::Bool(true) && client.metadata.is_public() {
            let about = "introspect_any is for a client that can prove who it is";
            return Err(Refused::about(Refusal::SettingUnknown, about));
        }
    }
    let after: Members = trial.into_iter().filter(|(name, value)| now.get(name) != Some(value)).collect();
    Ok((now.into_iter().filter(|(name, _)| after.contains_key(name)).collect(), after))
}

fn members(privileges: &ClientPrivileges) -> Members {
    match serde_json::to_value(privileges) {
        Ok(Value::Object(members)) => members,
        Ok(_) | Err(_) => Map::new(),
    }
}

fn refused(refusal: Refusal) -> Decision<()> {
    Decision::refused(refusal, Vec::new())
}
