//! Whose log it is: of a site with issuer and settings, or the server's own.

use super::digest::Entity;
use crate::event::{ServerEvent, Settings, SiteEvent};
use crate::terms::{InstanceId, ScopeSet, Seq};
use serde::Serialize;
use serde_json::Value;

/// What a site is.
#[derive(Clone, PartialEq, Debug, Serialize)]
pub struct Site {
    /// The `iss` of everything it says; endpoints stand below it.
    pub issuer: String,
    /// The vkey of its checkpoints (C2SP signed-note).
    pub checkpoint_key: String,
    /// Its policy.
    pub settings: Settings,
    /// The event that last changed it.
    pub changed: Seq,
}

impl Entity for Site {
    const KIND: &'static str = "site";
}

/// What the server's own log is.
#[derive(Clone, PartialEq, Debug, Serialize)]
pub struct Server {
    /// Tells it from every other server's.
    pub instance: InstanceId,
    /// The vkey of its checkpoints (C2SP signed-note).
    pub checkpoint_key: String,
}

impl Entity for Server {
    const KIND: &'static str = "server";
}

impl Site {
    /// Whether the thread's token policy applies to this scope: claims in the ID token, `api:` scopes as claims (SPEC.md 0.3,
    /// k-36, k-37).
    pub fn uses_seed_policy(&self, scope: &ScopeSet) -> bool {
        let smart = scope.iter().any(|scope| scope.is_smart());
        scope.iter().any(|scope| scope.is_api_family()) || (self.settings.id_token_seed_claims && !smart)
    }
}

pub(super) fn fold(site: &mut Option<Site>, event: &SiteEvent, seq: Seq) -> Result<(), &'static str> {
    match (event, site) {
        (SiteEvent::Created { issuer, checkpoint_key, settings }, site @ None) => {
            let (issuer, checkpoint_key, settings) = (issuer.clone(), checkpoint_key.clone(), (**settings).clone());
            *site = Some(Site { issuer, checkpoint_key, settings, changed: seq });
            Ok(())
        }
        (SiteEvent::Created { .. }, Some(_)) => Err("the site was created before"),
        (SiteEvent::Configured { .. }, None) => Err("the site was never created"),
        (SiteEvent::Configured { after, .. }, Some(site)) => {
            let Ok(Value::Object(mut members)) = serde_json::to_value(&site.settings) else { return Err("the settings cannot be written") };
            members.extend(after.clone());
            site.settings = serde_json::from_value(Value::Object(members)).map_err(|_| "the settings cannot be read")?;
            site.changed = seq;
            Ok(())
        }
    }
}

pub(super) fn fold_server(server: &mut Option<Server>, event: &ServerEvent, seq: Seq) -> Result<(), &'static str> {
    match (event, &server) {
        (ServerEvent::Created { instance, checkpoint_key }, None) if seq == Seq(0) => {
            *server = Some(Server { instance: *instance, checkpoint_key: checkpoint_key.clone() });
            Ok(())
        }
        (ServerEvent::Created { .. }, _) => Err("the server's log has begun before"),
        (_, None) => Err("the server's log does not begin with 'server.created'"),
        (_, Some(_)) => Ok(()),
    }
}
