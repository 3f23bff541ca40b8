//! Which events a query means.

use super::when::When;
use crate::event::{Outcome, Severity};
use crate::ledger::{Failure, Ledger, Site};
use crate::terms::{Timestamp, UserId};
use serde_json::{Map, Value};

/// Every condition holds, or the event is not meant.
#[derive(Clone, Debug, Default)]
pub struct Filter {
    types: Vec<Glob>,
    /// Member and value; the ones by which the index finds events.
    ids: Vec<(&'static str, String)>,
    outcome: Option<Outcome>,
    least: Option<Severity>,
    /// Not before.
    pub from: Option<When>,
    /// Not after.
    pub to: Option<When>,
    /// Only so many, the newest.
    pub newest: Option<usize>,
    /// Newest first.
    pub reverse: bool,
}

/// Why a filter cannot be read.
#[derive(Clone, PartialEq, Debug, thiserror::Error)]
pub enum FilterError {
    /// A parameter that no filter has.
    #[error("there is no filter '{0}'")]
    Unknown(String),
    /// A value that the parameter cannot have.
    #[error("the filter '{name}' cannot be '{value}': {why}")]
    Malformed {
        /// The parameter.
        name: String,
        /// Its value.
        value: String,
        /// What it has to be.
        why: String,
    },
    /// A person is named that the site does not have.
    #[error("no user of that id or name at this site")]
    NoSuchUser,
    /// A client is named that the site neither has nor had.
    #[error("no client of that id at this site")]
    NoSuchClient,
    /// The log could not be read.
    #[error(transparent)]
    Failure(#[from] Failure),
}

/// The parameters that name an id, each the member of the leaf that holds it.
const IDS: [&str; 9] = ["client", "code", "consent", "corr", "grant", "kid", "session", "token", "user"];

impl Filter {
    /// Reads a query's parameters: `type` (repeatable, with `*`), ids, `outcome`, `sev` (at least), `from`, `to`, `n`, `reverse`.
    /// A `user` may be named by id or by username.
    pub fn parse<'a>(pairs: impl Iterator<Item = (&'a str, &'a str)>, ledger: &Ledger, site: &Site) -> Result<Self, FilterError> {
        let mut filter = Self::default();
        for (name, value) in pairs {
            filter.take(name, value, ledger.now())?;
        }
        for (_, value) in filter.ids.iter_mut().filter(|(member, _)| *member == "user") {
            *value = find_user(ledger, site, value).ok_or(FilterError::NoSuchUser)?.to_string();
        }
        Ok(filter)
    }

    fn take(&mut self, name: &str, value: &str, now: Timestamp) -> Result<(), FilterError> {
        let malformed = |why: String| FilterError::Malformed { name: name.to_owned(), value: value.to_owned(), why };
        if let Some(member) = IDS.into_iter().find(|member| *member == name) {
            self.ids.push((member, value.to_owned()));
            return Ok(());
        }
        match name {
            "type" => self.types.push(Glob(value.to_owned())),
            "outcome" => self.outcome = Some(value.parse().map_err(|_| malformed(alternatives(Outcome::ALL)))?),
            "sev" => self.least = Some(value.parse().map_err(|_| malformed(alternatives(Severity::ALL)))?),
            "from" => self.from = Some(When::parse(value, now).map_err(|error| malformed(error.to_string()))?),
            "to" => self.to = Some(When::parse(value, now).map_err(|error| malformed(error.to_string()))?),
            "n" => self.newest = Some(value.parse().map_err(|_| malformed("not a number of events".to_owned()))?),
            "reverse" => self.reverse = value == "true",
            _ => return Err(FilterError::Unknown(name.to_owned())),
        }
        Ok(())
    }

    /// The id by which the index finds the candidates; none if all events are.
    pub fn indexed_id(&self) -> Option<&str> {
        self.ids.first().map(|(_, id)| id.as_str())
    }

    /// Whether an event with these members is meant, apart from its place and time.
    pub fn matches(&self, members: &Map<String, Value>) -> bool {
        let text = |name: &str| members.get(name).and_then(Value::as_str).unwrap_or_default();
        let of_type = self.types.is_empty() || self.types.iter().any(|glob| glob.matches(text("type")));
        let severity = text("sev").parse::<Severity>().ok();
        // Who asks about a token is a client too.
        let named = |(name, id): &(&'static str, String)| text(name) == id || (*name == "client" && text("asker") == id);
        of_type
            && self.ids.iter().all(named)
            && self.outcome.is_none_or(|outcome| text("outcome") == outcome.as_str())
            && self.least.is_none_or(|least| severity.is_some_and(|severity| severity >= least))
    }
}

/// The user with this id or username.
pub fn find_user(ledger: &Ledger, site: &Site, named: &str) -> Option<UserId> {
    let by_id = named.parse::<UserId>().ok().filter(|id| site.read(|state| state.users.by_id(id).is_some()));
    let login = ledger.login_of(site, named);
    by_id.or_else(|| site.read(|state| state.users.by_login(&login).map(|user| user.id)))
}

fn alternatives<T: std::fmt::Display>(all: &[T]) -> String {
    format!("it is one of {}", all.iter().map(ToString::to_string).collect::<Vec<_>>().join(", "))
}

/// A text in which `*` stands for anything.
#[derive(Clone, Debug)]
struct Glob(String);

impl Glob {
    fn matches(&self, text: &str) -> bool {
        let mut parts = self.0.split('*');
        let Some(mut rest) = text.strip_prefix(parts.next().unwrap_or_default()) else { return false };
        let Some(last) = parts.next_back() else { return rest.is_empty() };
        for part in parts {
            let Some((_, after)) = rest.split_once(part) else { return false };
            rest = after;
        }
        rest.ends_with(last)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_star_stands_for_anything() {
        let matches = |glob: &str, text: &str| Glob(glob.to_owned()).matches(text);
        for (glob, text) in
            [("refresh.*", "refresh.rotated"), ("*", "a.b"), ("*.revoked", "grant.revoked"), ("t*n.*d", "token.granted"), ("a.b", "a.b")]
        {
            assert!(matches(glob, text), "{glob} {text}");
        }
        for (glob, text) in [("refresh", "refresh.rotated"), ("refresh.*", "token.granted"), ("*.x", "a.b"), ("a*a", "a"), ("", "a")] {
            assert!(!matches(glob, text), "{glob} {text}");
        }
    }

    #[test]
    fn severity_means_at_least() {
        let members = |sev: &str| Map::from_iter([("sev".to_owned(), Value::from(sev))]);
        let filter = Filter { least: Some(Severity::Medium), ..Filter::default() };
        assert!(filter.matches(&members("medium")) && filter.matches(&members("critical")));
        assert!(!filter.matches(&members("low")));
    }

    #[test]
    fn an_unknown_filter_is_refused() {
        let now = Timestamp::default();
        assert_eq!(Filter::default().take("colour", "red", now), Err(FilterError::Unknown("colour".to_owned())));
        assert!(Filter::default().take("sev", "loud", now).is_err());
        assert!(Filter::default().take("n", "-1", now).is_err());
    }
}
