//! Sets of scopes, taken together: what two scopes allow between them, a third may need.

use super::meaning::is_misspelt;
use super::records::{Level, Records};
use super::{Meaning, NamedScope, Scope, ScopeError, Spelling};
use crate::terms::{Role, SiteName};
use serde::{Deserialize, Serialize};
use std::fmt;

/// A set of scopes. Of two that mean the same the first stays, except in what a record says. Order and repetition mean nothing (RFC
/// 6749 §3.3); printing is sorted, except that `openid` comes first.
#[derive(Clone, Default, Debug, Deserialize)]
#[serde(try_from = "String")]
pub struct ScopeSet(
    /// Sorted by meaning.
    Vec<Scope>,
);

/// The most scopes and characters of one `scope` parameter (THREATS.md A95).
const SCOPES_MAX: usize = 100;
const LENGTH_MAX: usize = 4096;

impl ScopeSet {
    /// Reads a `scope` parameter, a space-separated list.
    ///
    /// # Errors
    /// [`ScopeError`] if it is too long or has a word that is no scope.
    pub fn parse(text: &str) -> Result<Self, ScopeError> {
        words_within_limits(text)?.map(str::parse).collect()
    }
    /// Reads a `scope` parameter and leaves out what cannot be understood (SPEC.md k-10, `scope.unknown=ignore`).
    ///
    /// # Errors
    /// [`ScopeError`] if it is too long or has a character that no scope has.
    pub fn parse_understood(text: &str) -> Result<Self, ScopeError> {
        let scopes = words_within_limits(text)?.map(str::parse);
        scopes.filter(|scope| !matches!(scope, Err(ScopeError::Misspelt(_)))).collect()
    }
    /// The word that would be refused if a client sent this set today, if there is one.
    pub fn misspelt(&self) -> Option<&str> {
        self.0.iter().find_map(|scope| match scope.meaning() {
            Meaning::Custom(word) => Some(word.as_str()).filter(|word| is_misspelt(word)),
            Meaning::Named(_) | Meaning::Site(_) | Meaning::Records(_) => None,
        })
    }

    /// Whether the set has this scope.
    pub fn has(&self, named: NamedScope) -> bool {
        self.holds(&Meaning::Named(named))
    }
    /// Whether what it allows ends with the browser's session: `online_access` without `offline_access` (SMART App Launch §5.4).
    pub fn is_online_only(&self) -> bool {
        self.has(NamedScope::OnlineAccess) && !self.has(NamedScope::OfflineAccess)
    }
    /// Whether a `scope` parameter may be as long as this set.
    fn fits_a_parameter(&self) -> bool {
        words_within_limits(&self.to_string()).is_ok()
    }
    /// Whether the set is empty.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
    /// How many scopes.
    pub fn len(&self) -> usize {
        self.0.len()
    }
    /// The scopes.
    pub fn iter(&self) -> impl Iterator<Item = &Scope> {
        self.0.iter()
    }
    /// The scopes as they are spelt: sorted, `openid` first.
    pub fn spelt(&self) -> Vec<String> {
        let mut all: Vec<String> = self.0.iter().map(ToString::to_string).collect();
        all.sort_by(|a, b| (a != NamedScope::Openid.as_str(), a).cmp(&(b != NamedScope::Openid.as_str(), b)));
        all
    }

    /// What this set allows and the other does too, as this one spells it. A scope that the other allows only in part is narrowed
    /// to that part: of `user/Patient.*` within `user/*.read` there is left `user/Patient.read`.
    pub fn intersection(&self, other: &Self) -> Self {
        if self.0.iter().all(|scope| other.holds(scope.meaning())) {
            return self.clone();
        }
        self.0.iter().flat_map(|scope| other.part_of(scope)).collect()
    }
    /// The same for a set that somebody sends: one word may stand for many, and is not worked out further than a parameter may be long.
    ///
    /// # Errors
    /// [`ScopeError::TooLong`] if what is left is longer than a `scope` parameter may be.
    pub fn narrowed_to(&self, other: &Self) -> Result<Self, ScopeError> {
        let mut left = Vec::new();
        for scope in &self.0 {
            left.extend(other.part_of(scope));
            if left.len() > SCOPES_MAX {
                return Err(ScopeError::TooLong);
            }
        }
        Some(left.into_iter().collect::<Self>()).filter(Self::fits_a_parameter).ok_or(ScopeError::TooLong)
    }
    /// The scopes in either.
    pub fn union(&self, other: &Self) -> Self {
        self.0.iter().chain(&other.0).cloned().collect()
    }
    /// The scopes of this set that have nothing in common with any of the other's.
    pub fn without(&self, other: &Self) -> Self {
        self.only(|scope| !other.0.iter().any(|gone| gone.touches(scope)))
    }
    /// The scopes of this set that the other does not allow in full.
    pub fn beyond(&self, other: &Self) -> Self {
        self.only(|scope| !other.allows(scope))
    }
    /// The scopes of this set of which the other allows nothing.
    pub fn foreign_to(&self, other: &Self) -> Self {
        self.only(|scope| match scope.meaning() {
            Meaning::Records(records) => !other.records().any(|own| records.and(own).is_some()),
            meaning @ (Meaning::Named(_) | Meaning::Site(_) | Meaning::Custom(_)) => !other.holds(meaning),
        })
    }
    /// Whether the other set allows all that this one does.
    pub fn is_within(&self, other: &Self) -> bool {
        self.0.iter().all(|scope| other.allows(scope))
    }
    /// The set with one scope more.
    pub fn with(self, scope: Scope) -> Self {
        self.0.into_iter().chain([scope]).collect()
    }
    /// The set without the tenant's own scope, which the server itself adds: a client may send back what it was told.
    pub fn without_site(mut self, site: &SiteName) -> Self {
        self.0.retain(|scope| !matches!(scope.meaning(), Meaning::Site(own) if own == site));
        self
    }
    /// What a person of this directory may let a client have (SPEC.md e.4). Nobody who signs in has `system/`.
    pub fn of_role(&self, role: Role) -> Self {
        self.only(|scope| is_open_to(role, scope.meaning()))
    }

    /// The scopes of which this is so.
    fn only(&self, is_so: impl Fn(&Scope) -> bool) -> Self {
        Self(self.0.iter().filter(|scope| is_so(scope)).cloned().collect())
    }
    /// Whether it has a scope that means this.
    fn holds(&self, meaning: &Meaning) -> bool {
        self.0.binary_search_by(|own| own.meaning().cmp(meaning)).is_ok()
    }
    /// Whether its scopes together allow all of this one.
    fn allows(&self, scope: &Scope) -> bool {
        if self.holds(scope.meaning()) {
            return true;
        }
        let Meaning::Records(records) = scope.meaning() else { return false };
        let mut missing = records.rights();
        for given in self.records().filter_map(|own| records.rights_within(own)) {
            missing = missing.and_then(|missing| missing.without(given));
        }
        missing.is_none() && records.rights().is_some()
    }
    /// What its scopes together allow of this one: all of it, or the parts that no other part contains.
    fn part_of(&self, scope: &Scope) -> Vec<Scope> {
        if self.allows(scope) {
            return vec![scope.clone()];
        }
        let Meaning::Records(records) = scope.meaning() else { return Vec::new() };
        let mut parts: Vec<Records> = Vec::new();
        for common in self.records().filter_map(|own| records.and(own)) {
            match (parts.iter_mut().find(|part| part.is_about_the_same(&common)), common.rights()) {
                (Some(part), Some(rights)) => part.and_also(rights),
                (_, _) => parts.push(common),
            }
        }
        let largest = |part: &&Records| !parts.iter().any(|other| other != *part && part.is_within(other));
        // What version 1 has no word for has one spelling, however it was asked for.
        let spelling = |part: &Records| match scope.spelling == Spelling::Version1 && part.word().is_some() {
            true => Spelling::Version1,
            false => Spelling::Canonical,
        };
        let spelt = |part: &Records| Scope { meaning: Meaning::Records(Box::new(part.clone())), spelling: spelling(part) };
        parts.iter().filter(largest).map(spelt).collect()
    }
    fn records(&self) -> impl Iterator<Item = &Records> {
        self.0.iter().filter_map(|scope| match scope.meaning() {
            Meaning::Records(records) => Some(&**records),
            Meaning::Named(_) | Meaning::Site(_) | Meaning::Custom(_) => None,
        })
    }
}

/// SPEC.md e.4. `user/` is for staff: what a patient may see is the record, and `patient/` says that.
fn is_open_to(role: Role, meaning: &Meaning) -> bool {
    match (role, meaning) {
        (Role::Users, Meaning::Named(named)) => !matches!(named, NamedScope::ApiPort | NamedScope::ApiPofh),
        (Role::Patient, Meaning::Named(named)) => !matches!(named, NamedScope::ApiOemr | NamedScope::Admin),
        (Role::Users, Meaning::Records(records)) => records.level != Level::System,
        (Role::Patient, Meaning::Records(records)) => records.level == Level::Patient,
        (Role::Users | Role::Patient, Meaning::Site(_) | Meaning::Custom(_)) => true,
    }
}

fn words(text: &str) -> impl Iterator<Item = &str> {
    text.split(' ').filter(|word| !word.is_empty())
}

fn words_within_limits(text: &str) -> Result<impl Iterator<Item = &str>, ScopeError> {
    match text.len() > LENGTH_MAX || words(text).count() > SCOPES_MAX {
        true => Err(ScopeError::TooLong),
        false => Ok(words(text)),
    }
}

impl FromIterator<Scope> for ScopeSet {
    fn from_iter<I: IntoIterator<Item = Scope>>(scopes: I) -> Self {
        let mut scopes: Vec<Scope> = scopes.into_iter().collect();
        scopes.sort_by(|a, b| a.meaning.cmp(&b.meaning));
        scopes.dedup();
        scopes.shrink_to_fit();
        Self(scopes)
    }
}
/// Sets are equal if they are spelt the same: they stand in records, and a record is what it says. [`ScopeSet::is_within`] compares
/// what they mean.
impl PartialEq for ScopeSet {
    fn eq(&self, other: &Self) -> bool {
        let spelt = |a: &Scope, b: &Scope| a.meaning == b.meaning && a.spelling == b.spelling;
        self.0.len() == other.0.len() && self.0.iter().zip(&other.0).all(|(a, b)| spelt(a, b))
    }
}
impl Eq for ScopeSet {}
impl fmt::Display for ScopeSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.spelt().join(" "))
    }
}
impl Serialize for ScopeSet {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}
impl TryFrom<String> for ScopeSet {
    type Error = ScopeError;
    /// Reads what a record says: a site's catalogue has more scopes than a parameter may name. What stands there in two spellings
    /// stays so, or the record could not be written again as it was.
    fn try_from(text: String) -> Result<Self, ScopeError> {
        let mut scopes: Vec<Scope> = words(&text).map(Scope::recorded).collect::<Result<_, _>>()?;
        scopes.sort_by_cached_key(|scope| (scope.meaning.clone(), scope.to_string()));
        scopes.dedup_by(|a, b| a == b && a.spelling == b.spelling);
        Ok(Self(scopes))
    }
}
