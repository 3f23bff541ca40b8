//! Scopes (RFC 6749 §3.3), parsed at the edge to what they mean, so that two spellings of one scope are never taken for two
//! (THREATS.md A31). How a client spelt a scope is kept beside its meaning, and is what it reads again.

mod meaning;
mod records;
mod rights;
mod search;
mod set;
#[cfg(test)]
mod tests;

pub use meaning::{CustomScope, Meaning, NamedScope};
pub use records::{Act, Level, Records, Resource};
pub use rights::Rights;
pub use search::Search;
pub use set::ScopeSet;

use crate::terms::SiteName;
use meaning::{SITE, is_misspelt};
use std::{fmt, str::FromStr};

/// One scope-token: what it means, and how it was spelt. Scopes are compared by what they mean.
#[derive(Clone)]
pub struct Scope {
    meaning: Meaning,
    spelling: Spelling,
}

/// How a scope is printed.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
enum Spelling {
    /// As its meaning is.
    Canonical,
    /// With the word of SMART's version 1, because that was asked for (SMART App Launch 2.2 §3.0.2.3).
    Version1,
    /// With its search as it was sent.
    Verbatim(Box<str>),
}

/// Why a `scope` parameter is not a set of scopes.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum ScopeError {
    /// A character that no scope has, or a scope of more than 256.
    #[error("the scope has a character that is not allowed")]
    Malformed,
    /// More than 100 scopes or 4,096 characters (THREATS.md A95).
    #[error("the scope has more than 100 entries or 4096 characters")]
    TooLong,
    /// This word is no scope, but could be mistaken for one.
    #[error("scope {0} is not spelt as any scope is")]
    Misspelt(String),
}

impl Scope {
    /// What it allows.
    pub fn meaning(&self) -> &Meaning {
        &self.meaning
    }
    /// The tenant's scope, which the server adds (SPEC.md e.1).
    pub fn of_site(site: SiteName) -> Self {
        Meaning::Site(site).into()
    }
    /// Whether it is this word.
    pub fn is(&self, named: NamedScope) -> bool {
        self.meaning == Meaning::Named(named)
    }
    /// Whether it belongs to SMART App Launch: with any of these the SMART token policy applies (SPEC.md 0.3).
    pub fn is_smart(&self) -> bool {
        match &self.meaning {
            Meaning::Named(named) => named.is_smart(),
            Meaning::Records(_) => true,
            Meaning::Site(_) | Meaning::Custom(_) => false,
        }
    }
    /// Whether it names an API family of the thread, as `api:fhir`.
    pub fn is_api_family(&self) -> bool {
        matches!(self.meaning, Meaning::Named(named) if named.is_api_family())
    }
    /// Whose records it opens, if it opens any.
    pub fn level(&self) -> Option<Level> {
        match &self.meaning {
            Meaning::Records(records) => Some(records.level),
            Meaning::Named(_) | Meaning::Site(_) | Meaning::Custom(_) => None,
        }
    }
    /// Whether the other allows all that this does. Reflexive, transitive, and only equal scopes are within each other.
    pub fn is_within(&self, other: &Self) -> bool {
        match (&self.meaning, &other.meaning) {
            (Meaning::Records(own), Meaning::Records(other)) => own.is_within(other),
            (own, other) => own == other,
        }
    }
    /// Whether there may be something that both allow.
    pub fn touches(&self, other: &Self) -> bool {
        match (&self.meaning, &other.meaning) {
            (Meaning::Records(own), Meaning::Records(other)) => own.touches(other),
            (own, other) => own == other,
        }
    }
    /// Every way to spell it that a client may read in a list: its own, and SMART's other version.
    pub fn spellings(&self) -> Vec<String> {
        let of = |spelling| Self { meaning: self.meaning.clone(), spelling }.to_string();
        let mut all = vec![self.to_string(), of(Spelling::Version1), of(Spelling::Canonical)];
        all.sort();
        all.dedup();
        all
    }
    /// Reads what a record says. A word that would be refused today means itself and nothing else.
    fn recorded(text: &str) -> Result<Self, ScopeError> {
        let allowed = |c: u8| c == 0x21 || (0x23..=0x5b).contains(&c) || (0x5d..=0x7e).contains(&c);
        if !(1..=256).contains(&text.len()) || !text.bytes().all(allowed) {
            return Err(ScopeError::Malformed);
        }
        if let Ok(named) = text.parse() {
            return Ok(Meaning::Named(named).into());
        }
        if let Some((records, spelling)) = Records::parse(text) {
            return Ok(Self { meaning: Meaning::Records(Box::new(records)), spelling });
        }
        let site = text.strip_prefix(SITE).and_then(|site| site.parse().ok());
        Ok(site.map_or_else(|| Meaning::Custom(CustomScope::recorded(text)), Meaning::Site).into())
    }
}
impl From<Meaning> for Scope {
    fn from(meaning: Meaning) -> Self {
        Self { meaning, spelling: Spelling::Canonical }
    }
}
impl FromStr for Scope {
    type Err = ScopeError;
    /// Reads what a client or an administrator sends.
    fn from_str(text: &str) -> Result<Self, ScopeError> {
        let scope = Self::recorded(text)?;
        match &scope.meaning {
            Meaning::Custom(word) if is_misspelt(word.as_str()) => Err(ScopeError::Misspelt(text.to_owned())),
            Meaning::Custom(_) | Meaning::Named(_) | Meaning::Records(_) | Meaning::Site(_) => Ok(scope),
        }
    }
}
impl PartialEq for Scope {
    fn eq(&self, other: &Self) -> bool {
        self.meaning == other.meaning
    }
}
impl Eq for Scope {}
impl std::hash::Hash for Scope {
    fn hash<H: std::hash::Hasher>(&self, state: &mut H) {
        self.meaning.hash(state);
    }
}
impl fmt::Display for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (&self.spelling, &self.meaning) {
            (Spelling::Verbatim(text), _) => f.write_str(text),
            (Spelling::Version1, Meaning::Records(records)) => match records.word() {
                Some(word) => write!(f, "{}/{}.{word}", records.level, records.resource.as_str()),
                None => write!(f, "{records}"),
            },
            (Spelling::Canonical | Spelling::Version1, meaning) => write!(f, "{meaning}"),
        }
    }
}
impl fmt::Debug for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}
impl serde::Serialize for Scope {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}
impl<'de> serde::Deserialize<'de> for Scope {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
        Self::recorded(&text).map_err(serde::de::Error::custom)
    }
}
