//! Making and configuring sites.

use super::{Decide, Decision, Draft, Refused};
use crate::event::{Event, Profile, Refusal, Settings, SiteEvent};
use crate::projection::State;
use crate::terms::{Actor, Moment};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// A site comes to be.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct CreateSite {
    /// The `iss` of everything it will say.
    pub issuer: String,
    /// The word that sets its flags.
    pub profile: Profile,
    /// The name people see.
    pub title: String,
    /// Who makes it.
    pub by: Actor,
}

impl Decide for CreateSite {
    const NAME: &'static str = "create_site";
    type Answer = ();

    fn decide(&self, state: &State, moment: &Moment) -> Decision<()> {
        if state.site.is_some() {
            return Decision::refused(Refusal::SiteExists, Vec::new());
        }
        let event = SiteEvent::Created { issuer: self.issuer.clone(), settings: Box::new(Settings::of(self.profile, &self.title)) };
        Decision::accepted((), vec![Draft::new(self.by.clone(), Event::Site(event)).seen(moment, None)])
    }
}

/// Some flags change.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct ConfigureSite {
    /// The flags by name, with their new values.
    pub change: Map<String, Value>,
    /// Who changes them.
    pub by: Actor,
}

/// No code may live longer (SPEC.md f, RFC 6749 §4.1.2).
const CODE_SECONDS_MAX: u64 = 300;

impl Decide for ConfigureSite {
    const NAME: &'static str = "configure_site";
    type Answer = ();

    fn decide(&self, state: &State, moment: &Moment) -> Decision<()> {
        let Some(site) = &state.site else { return Decision::refused(Refusal::SettingUnknown, Vec::new()) };
        let Ok(Value::Object(now)) = serde_json::to_value(&site.settings) else {
            return Decision::refused(Refusal::SettingUnknown, Vec::new());
        };
        for (name, value) in &self.change {
            let mut trial = now.clone();
            if trial.insert(name.clone(), value.clone()).is_none() {
                return Decision::refused(Refused::about(Refusal::SettingUnknown, name.clone()), Vec::new());
            }
            let trial = serde_json::from_value::<Settings>(Value::Object(trial));
            if trial.is_err() || trial.is_ok_and(|trial| trial.code_seconds > CODE_SECONDS_MAX) {
                return Decision::refused(Refused::about(Refusal::SettingUnknown, name.clone()), Vec::new());
            }
        }
        let differs = |(name, value): &(&String, &Value)| now.get(*name) != Some(value);
        let after: Map<String, Value> = self.change.iter().filter(differs).map(|(name, value)| (name.clone(), value.clone())).collect();
        if after.is_empty() {
            return Decision::refused(Refusal::NothingToChange, Vec::new());
        }
        let before = now.into_iter().filter(|(name, _)| after.contains_key(name)).collect();
        let event = SiteEvent::Configured { before, after };
        Decision::accepted((), vec![Draft::new(self.by.clone(), Event::Site(event)).seen(moment, None)])
    }
}
