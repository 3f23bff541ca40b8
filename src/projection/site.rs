//! Issuer and settings.

use super::digest::Entity;
use crate::event::{Settings, SiteEvent};
use crate::terms::{ScopeSet, Seq};
use serde::Serialize;
use serde_json::Value;

/// What a site is.
#[derive(Clone, PartialEq, Debug, Serialize)]
pub struct Site {
    /// The `iss` of everything it says; endpoints stand below it.
    pub issuer: String,
    /// Its policy.
    pub settings: Settings,
    /// The event that last changed it.
    pub changed: Seq,
}

impl Entity for Site {
    const KIND: &'static str = "site";
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
        (SiteEvent::Created { issuer, settings }, site @ None) => {
            *site = Some(Site { issuer: issuer.clone(), settings: (**settings).clone(), changed: seq });
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
