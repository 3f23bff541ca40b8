//! Issuer and settings.

use crate::event::{Settings, SiteEvent};
use crate::terms::Seq;
use serde_json::Value;

/// What a site is.
#[derive(Clone, PartialEq, Debug)]
pub struct Site {
    /// The `iss` of everything it says; endpoints stand below it.
    pub issuer: String,
    /// Its policy.
    pub settings: Settings,
    /// The event that last changed it.
    pub changed: Seq,
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
