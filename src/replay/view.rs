//! What a state says under a path, as JSON: everything in outline, all of a kind, one entity, or a member of it.
//!
//! | path | what |
//! |---|---|
//! | (none) | how many there are of each kind |
//! | `site`, `server` | issuer and settings; or, of the server's own log, whose it is |
//! | `clients`, `sessions?user=U` | every entity of a kind, or those with such a member |
//! | `clients/ID`, `clients/ID/metadata/scope` | one entity, or a member of it |
//!
//! No personal data is in state, so none is in a view of it.

use crate::projection::{Collection, Life, State};
use crate::terms::Timestamp;
use serde_json::{Map, Value, json};

/// Why a state has nothing under a path.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum PathError {
    /// No path of a state begins so.
    #[error("state has no '{name}'; it has: site, server, {kinds}")]
    NoSuchKind {
        /// What was asked for.
        name: String,
        /// What there is.
        kinds: String,
    },
    /// A condition that is none.
    #[error("a condition is written as {kind}?member=value, not '{text}'")]
    Condition {
        /// The kind of entity.
        kind: &'static str,
        /// What was written.
        text: String,
    },
    /// There was no such thing then.
    #[error("there was no {0} then")]
    Absent(String),
}

/// What the state says under this path when the clock stands at `t`.
pub fn view(state: &State, path: &str, t: Timestamp) -> Result<Value, PathError> {
    let absent = || PathError::Absent(path.to_owned());
    let (path, condition) = path.split_once('?').map_or((path, None), |(path, condition)| (path, Some(condition)));
    let path = path.trim_matches('/');
    let (name, rest) = path.split_once('/').unwrap_or((path, ""));
    match name {
        "" => return Ok(outline(state)),
        "site" => return member(&json!(state.site.as_ref()), rest).ok_or_else(absent),
        "server" => return member(&json!(state.server.as_ref()), rest).ok_or_else(absent),
        _ => {}
    }
    let kind: Collection = name.parse().map_err(|_| no_such_kind(name))?;
    if rest.is_empty() {
        return all(state, kind, condition, t);
    }
    let (id, rest) = split_id(kind, rest);
    let found = state.entities(kind, &|own| own == id).pop_first();
    let (id, entity) = found.ok_or_else(|| PathError::Absent(format!("{kind}/{id}")))?;
    member(&shown(state, kind, id, entity, t), rest).ok_or_else(absent)
}

fn no_such_kind(name: &str) -> PathError {
    let kinds: Vec<&str> = Collection::ALL.iter().map(|kind| kind.as_str()).collect();
    PathError::NoSuchKind { name: name.to_owned(), kinds: kinds.join(", ") }
}

fn outline(state: &State) -> Value {
    let counts: Map<String, Value> = Collection::ALL.iter().map(|kind| (kind.as_str().to_owned(), state.count(*kind).into())).collect();
    let site = state.site.as_ref().map(|site| json!({ "issuer": site.issuer, "profile": site.settings.profile, "changed": site.changed }));
    json!({ "site": site, "entities": counts })
}

fn all(state: &State, kind: Collection, condition: Option<&str>, t: Timestamp) -> Result<Value, PathError> {
    let wrong = |text: &str| PathError::Condition { kind: kind.as_str(), text: text.to_owned() };
    let conditions = condition.into_iter().flat_map(|text| text.split('&'));
    let conditions: Vec<_> = conditions.map(|text| text.split_once('=').ok_or_else(|| wrong(text))).collect::<Result<_, _>>()?;
    let shown = state.entities(kind, &|_| true).into_iter().map(|(id, entity)| shown(state, kind, id, entity, t));
    let meant = shown.filter(|entity| conditions.iter().all(|(path, wanted)| member(entity, path).is_some_and(|value| is(&value, wanted))));
    Ok(Value::Array(meant.collect()))
}

fn is(value: &Value, wanted: &str) -> bool {
    match value {
        Value::String(text) => text == wanted,
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::Array(_) | Value::Object(_) => {
            serde_json::from_str::<Value>(wanted).is_ok_and(|wanted| wanted == *value)
        }
    }
}

/// A permission's id has two parts.
fn split_id(kind: Collection, path: &str) -> (&str, &str) {
    let parts = if kind == Collection::Consents { 2 } else { 1 };
    match path.match_indices('/').nth(parts - 1) {
        Some((at, _)) => (path.get(..at).unwrap_or(path), path.get(at.saturating_add(1)..).unwrap_or_default()),
        None => (path, ""),
    }
}

/// The entity with its id; and of what lives for a while, whether it did.
fn shown(state: &State, kind: Collection, id: String, entity: Value, t: Timestamp) -> Value {
    let life = match kind {
        Collection::Grants => id.parse().ok().map(|id| state.grant_liveness(&id, t).life),
        Collection::Tokens => id.parse().ok().map(|id| state.token_liveness(&id, t).life),
        Collection::Assertions
        | Collection::Clients
        | Collection::Codes
        | Collection::Consents
        | Collection::Invitations
        | Collection::Keys
        | Collection::Logins
        | Collection::Logouts
        | Collection::Sessions
        | Collection::Users => None,
    };
    let mut shown = Map::from_iter([("id".to_owned(), Value::from(id))]);
    shown.extend(life.map(|life| ("state".to_owned(), word(life).into())));
    match entity {
        Value::Object(members) => shown.extend(members.into_iter().filter(|(name, _)| name != "id")),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Array(_) => {}
    }
    Value::Object(shown)
}

fn word(life: Life) -> &'static str {
    match life {
        Life::Active => "active",
        Life::Expired => "expired",
        Life::Revoked { .. } => "revoked",
        Life::Unknown => "unknown",
    }
}

/// What stands under these names, one below the other.
fn member(value: &Value, path: &str) -> Option<Value> {
    let names = path.split('/').filter(|name| !name.is_empty());
    let found = names.into_iter().try_fold(value, |value, name| match value {
        Value::Object(members) => members.get(name),
        Value::Array(items) => name.parse::<usize>().ok().and_then(|at| items.get(at)),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => None,
    });
    found.cloned()
}
