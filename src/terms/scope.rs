//! Scopes (RFC 6749 §3.3), parsed at the edge into one spelling.

use super::{ParseError, serde_as_text};
use serde::{Deserialize, Serialize};
use std::{collections::BTreeSet, fmt, str::FromStr};

/// One scope-token: 1 to 256 visible characters without `"` and `\` (RFC 6749 §3.3).
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Scope(String);

impl Scope {
    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
    /// Whether this scope belongs to SMART App Launch: with any of these the SMART token policy applies (SPEC.md 0.3).
    pub fn is_smart(&self) -> bool {
        let named = ["fhirUser", "online_access", "offline_access", "launch"];
        let prefixed = ["launch/", "patient/", "user/", "system/"];
        named.contains(&self.as_str()) || prefixed.iter().any(|prefix| self.0.starts_with(prefix))
    }
    /// Whether this scope names an API family of the thread, as `api:fhir`.
    pub fn is_api_family(&self) -> bool {
        self.0.starts_with("api:")
    }
}
impl FromStr for Scope {
    type Err = ParseError;
    fn from_str(text: &str) -> Result<Self, ParseError> {
        let allowed = |c: u8| c == 0x21 || (0x23..=0x5b).contains(&c) || (0x5d..=0x7e).contains(&c);
        match (1..=256).contains(&text.len()) && text.bytes().all(allowed) {
            true => Ok(Self(text.to_owned())),
            false => Err(ParseError { what: "scope" }),
        }
    }
}
impl fmt::Display for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}
impl fmt::Debug for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}
serde_as_text!(Scope);

/// A set of scopes. Order and repetition mean nothing (RFC 6749 §3.3); printing is sorted, except that `openid` comes first.
#[derive(Clone, PartialEq, Eq, Default, Debug, Hash, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub struct ScopeSet(BTreeSet<Scope>);

/// Why a `scope` parameter is not a set of scopes.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum ScopeError {
    /// A character that no scope has.
    #[error("the scope has a character that is not allowed")]
    Malformed,
    /// More than 100 scopes or 4,096 characters (THREATS.md A95).
    #[error("the scope has more than 100 entries or 4096 characters")]
    TooLong,
}

impl ScopeSet {
    /// Reads a `scope` parameter, a space-separated list.
    pub fn parse(text: &str) -> Result<Self, ScopeError> {
        if text.len() > 4096 || words(text).count() > 100 {
            return Err(ScopeError::TooLong);
        }
        Self::read(text)
    }
    fn read(text: &str) -> Result<Self, ScopeError> {
        words(text).map(str::parse).collect::<Result<_, _>>().map(Self).map_err(|_| ScopeError::Malformed)
    }
    /// Whether what it allows ends with the browser's session: `online_access` without `offline_access` (SMART App Launch §5.4).
    pub fn is_online_only(&self) -> bool {
        self.has("online_access") && !self.has("offline_access")
    }
    /// Whether the set has this scope.
    pub fn has(&self, scope: &str) -> bool {
        self.0.iter().any(|own| own.as_str() == scope)
    }
    /// Whether the set is empty.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
    /// How many scopes.
    pub fn len(&self) -> usize {
        self.0.len()
    }
    /// The scopes, sorted.
    pub fn iter(&self) -> impl Iterator<Item = &Scope> {
        self.0.iter()
    }
    /// The scopes in both.
    pub fn intersection(&self, other: &Self) -> Self {
        Self(self.0.intersection(&other.0).cloned().collect())
    }
    /// The scopes in either.
    pub fn union(&self, other: &Self) -> Self {
        Self(self.0.union(&other.0).cloned().collect())
    }
    /// The scopes of this set that are not in the other.
    pub fn without(&self, other: &Self) -> Self {
        Self(self.0.difference(&other.0).cloned().collect())
    }
    /// Whether every scope of this set is in the other.
    pub fn is_within(&self, other: &Self) -> bool {
        self.0.is_subset(&other.0)
    }
    /// The set with one scope more.
    pub fn with(mut self, scope: Scope) -> Self {
        self.0.insert(scope);
        self
    }
}
impl FromIterator<Scope> for ScopeSet {
    fn from_iter<I: IntoIterator<Item = Scope>>(scopes: I) -> Self {
        Self(scopes.into_iter().collect())
    }
}
impl fmt::Display for ScopeSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let openid = self.0.iter().filter(|scope| scope.as_str() == "openid");
        let others = self.0.iter().filter(|scope| scope.as_str() != "openid");
        for (n, scope) in openid.chain(others).enumerate() {
            write!(f, "{}{scope}", if n == 0 { "" } else { " " })?;
        }
        Ok(())
    }
}
impl From<ScopeSet> for String {
    fn from(set: ScopeSet) -> Self {
        set.to_string()
    }
}
impl TryFrom<String> for ScopeSet {
    type Error = ScopeError;
    /// Reads what a record says: a site's catalogue has more scopes than a parameter may name.
    fn try_from(text: String) -> Result<Self, ScopeError> {
        Self::read(&text)
    }
}

fn words(text: &str) -> impl Iterator<Item = &str> {
    text.split(' ').filter(|word| !word.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn order_and_repetition_mean_nothing() {
        let set = ScopeSet::parse("profile  openid email openid").unwrap();
        assert_eq!(set, ScopeSet::parse("email openid profile").unwrap());
        assert_eq!(set.to_string(), "openid email profile");
        assert_eq!(ScopeSet::parse(&set.to_string()).unwrap(), set);
    }

    #[test]
    fn a_list_beyond_the_limits_is_refused() {
        let hundred = (0..100).map(|n| format!("s{n}")).collect::<Vec<_>>().join(" ");
        assert_eq!(ScopeSet::parse(&hundred).map(|set| set.len()), Ok(100));
        assert_eq!(ScopeSet::parse(&(hundred + " one-more")), Err(ScopeError::TooLong));
        assert_eq!(ScopeSet::parse("a\"b"), Err(ScopeError::Malformed));
        assert_eq!(ScopeSet::parse("a\tb"), Err(ScopeError::Malformed));
    }

    #[test]
    fn a_recorded_set_is_read_back_however_long_it_is() {
        let set: ScopeSet = (0..300).map(|n| format!("s{n}").parse::<Scope>().unwrap()).collect();
        let written = serde_json::to_value(&set).unwrap();
        assert_eq!(serde_json::from_value::<ScopeSet>(written).unwrap(), set);
        assert!(serde_json::from_value::<ScopeSet>("a\"b".into()).is_err());
    }
}
