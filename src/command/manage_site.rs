//! Making and configuring sites, and the server's own log before all of them.

use super::{Decide, Decision, Draft, Refused};
use crate::event::{Edition, Event, Flag, Profile, Refusal, ServerEvent, Settings, SiteEvent};
use crate::projection::State;
use crate::terms::{Actor, InstanceId, Meaning, Moment, Scope, ScopeSet};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// The server's own log begins.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct CreateServer {
    /// Tells this log from every other server's.
    pub instance: InstanceId,
    /// The vkey of its checkpoints.
    pub checkpoint_key: String,
}

impl Decide for CreateServer {
    const NAME: &'static str = "create_server";
    type Answer = ();

    fn decide(&self, state: &State, _: &Moment) -> Decision<()> {
        if state.server.is_some() {
            return Decision::refused(Refusal::SiteExists, Vec::new());
        }
        let event = ServerEvent::Created { instance: self.instance, checkpoint_key: self.checkpoint_key.clone() };
        Decision::accepted((), vec![Draft::new(Actor::Server, Event::Server(event))])
    }
}

/// A site comes to be.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct CreateSite {
    /// The `iss` of everything it will say.
    pub issuer: String,
    /// The vkey of its checkpoints.
    pub checkpoint_key: String,
    /// The word that sets its flags.
    pub profile: Profile,
    /// The name people see.
    pub title: String,
    /// By which edition the profile is meant.
    #[serde(default = "Edition::unsaid", skip_serializing_if = "Edition::is_unsaid")]
    pub edition: Edition,
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
        let settings = Box::new(Settings::of(self.profile, &self.title, self.edition));
        let event = SiteEvent::Created { issuer: self.issuer.clone(), checkpoint_key: self.checkpoint_key.clone(), settings };
        Decision::accepted((), vec![Draft::new(self.by.clone(), Event::Site(event)).seen(moment, None)])
    }
}

/// Some flags change.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct ConfigureSite {
    /// The flags by name, with their new values.
    pub change: Map<String, Value>,
    /// By which edition it is meant.
    #[serde(default = "Edition::unsaid", skip_serializing_if = "Edition::is_unsaid")]
    pub edition: Edition,
    /// Who changes them.
    pub by: Actor,
}

/// Scopes that may be asked for: words that mean something, and not the server's own.
fn is_catalogue(scopes: &ScopeSet, edition: Edition) -> bool {
    let own = |scope: &Scope| matches!(scope.meaning(), Meaning::Site(_));
    !scopes.is_empty() && (edition == Edition::First || (scopes.misspelt().is_none() && !scopes.iter().any(own)))
}

fn members(settings: &Settings) -> Map<String, Value> {
    match serde_json::to_value(settings) {
        Ok(Value::Object(members)) => members,
        Ok(_) | Err(_) => Map::new(),
    }
}

impl Decide for ConfigureSite {
    const NAME: &'static str = "configure_site";
    type Answer = ();

    fn decide(&self, state: &State, moment: &Moment) -> Decision<()> {
        let Some(site) = &state.site else { return Decision::refused(Refusal::SettingUnknown, Vec::new()) };
        let now = members(&site.settings);
        // A profile is a word for all flags: choosing one sets them all but what names the operator and whether the site is on, and the
        // flags named beside it go before it.
        let mut change = match self.change.get("profile").map(|profile| serde_json::from_value::<Profile>(profile.clone())) {
            None => Map::new(),
            Some(Ok(profile)) => {
                let of_profile = Settings::of(profile, &site.settings.title, self.edition);
                let own = &site.settings;
                members(&Settings {
                    api_enabled: own.api_enabled,
                    service_documentation: own.service_documentation.clone(),
                    op_policy_uri: own.op_policy_uri.clone(),
                    op_tos_uri: own.op_tos_uri.clone(),
                    ..of_profile
                })
            }
            // The same is found out below, where it is said what a profile may be.
            Some(Err(_)) => Map::new(),
        };
        change.extend(self.change.clone());
        for (name, value) in &change {
            let Some(flag) = Flag::named(name) else {
                return Decision::refused(Refused::about(Refusal::SettingUnknown, format!("there is no {name}")), Vec::new());
            };
            let mut trial = now.clone();
            trial.insert(name.clone(), value.clone());
            let trial = serde_json::from_value::<Settings>(Value::Object(trial)).ok().filter(|_| flag.takes.is_within(value));
            let is_right =
                |trial: Settings| [trial.scopes, trial.dcr_default_scope].iter().all(|scopes| is_catalogue(scopes, self.edition));
            if !trial.is_some_and(is_right) {
                let about = format!("{name} is {}", flag.takes);
                return Decision::refused(Refused::about(Refusal::SettingUnknown, about), Vec::new());
            }
        }
        let differs = |(name, value): &(&String, &Value)| now.get(*name) != Some(value);
        let after: Map<String, Value> = change.iter().filter(differs).map(|(name, value)| (name.clone(), value.clone())).collect();
        if after.is_empty() {
            return Decision::refused(Refusal::NothingToChange, Vec::new());
        }
        let before = now.into_iter().filter(|(name, _)| after.contains_key(name)).collect();
        let event = SiteEvent::Configured { before, after };
        Decision::accepted((), vec![Draft::new(self.by.clone(), Event::Site(event)).seen(moment, None)])
    }
}
