//! Scopes on health records: `(patient|user|system)/Resource.rights[?search]`, both versions of SMART's syntax and the operations
//! (SPEC.md e.1).

use super::Spelling;
use super::rights::Rights;
use super::search::Search;
use crate::terms::protocol::words;
use std::fmt;

words!(
    /// Whose records.
    Level, "scope level", {
        /// Those of one patient.
        Patient = "patient",
        /// Those that the person who is signed in may use.
        User = "user",
        /// Those of everybody, with nobody signed in.
        System = "system",
    }
);

/// A scope on health records.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Records {
    /// Whose.
    pub level: Level,
    /// Which.
    pub resource: Resource,
    /// What may be done with them.
    pub act: Act,
}

/// A FHIR resource type, a resource of the record system's own interface (in lower case), or every FHIR resource type.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Resource(Box<str>);

/// What may be done.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Act {
    /// The usual, with all or some of the resources.
    Use(Rights, Option<Search>),
    /// An operation, as `$export`. It is allowed by its own name only: no letters and no `*` contain it.
    Operation(Box<str>),
}

impl Resource {
    const EVERY: &str = "*";
    fn parse(text: &str) -> Option<Self> {
        let fhir = text.starts_with(|c: char| c.is_ascii_uppercase()) && text.bytes().all(|c| c.is_ascii_alphabetic());
        let own = text.starts_with(|c: char| c.is_ascii_lowercase()) && text.bytes().all(|c| c.is_ascii_lowercase() || c == b'_');
        (fhir || own || text == Self::EVERY).then(|| Self(text.into()))
    }
    /// Its name, or `*`.
    pub fn as_str(&self) -> &str {
        &self.0
    }
    /// Whether it is every FHIR resource type.
    pub fn is_every(&self) -> bool {
        self.as_str() == Self::EVERY
    }
    /// `*` is all of FHIR, but nothing of the record system's own interface.
    fn is_within(&self, other: &Self) -> bool {
        self == other || (other.is_every() && self.0.starts_with(|c: char| c.is_ascii_uppercase()))
    }
}

/// The stricter of two, if one of them is.
fn stricter<'a, T>(a: &'a T, b: &'a T, is_within: impl Fn(&T, &T) -> bool) -> Option<&'a T> {
    match (is_within(a, b), is_within(b, a)) {
        (true, _) => Some(a),
        (false, true) => Some(b),
        (false, false) => None,
    }
}

fn search_is_within(a: &Option<Search>, b: &Option<Search>) -> bool {
    match (a, b) {
        (_, None) => true,
        (None, Some(_)) => false,
        (Some(a), Some(b)) => a.is_within(b),
    }
}

impl Records {
    pub(super) fn parse(text: &str) -> Option<(Self, Spelling)> {
        let (level, rest) = text.split_once('/')?;
        let (resource, act) = rest.split_once('.')?;
        let (level, resource) = (level.parse().ok()?, Resource::parse(resource)?);
        let of = |act| Self { level, resource: resource.clone(), act };
        if is_operation(act) {
            return Some((of(Act::Operation(act.into())), Spelling::Canonical));
        }
        if let Some(rights) = Rights::of_word(act) {
            return Some((of(Act::Use(rights, None)), Spelling::Version1));
        }
        let (letters, search) = act.split_once('?').map_or((act, None), |(letters, search)| (letters, Some(search)));
        let search = search.map(|search| Search::parse(search).ok_or(())).transpose().ok()?;
        let records = of(Act::Use(Rights::of_letters(letters)?, search));
        let spelling = if records.to_string() == text { Spelling::Canonical } else { Spelling::Verbatim(text.into()) };
        Some((records, spelling))
    }

    /// Whether the other allows all of this.
    pub fn is_within(&self, other: &Self) -> bool {
        match &self.act {
            Act::Use(rights, _) => self.rights_within(other) == Some(*rights),
            Act::Operation(_) => self == other,
        }
    }
    /// Those of its rights that the other gives for all that this is about.
    pub(super) fn rights_within(&self, other: &Self) -> Option<Rights> {
        let (Act::Use(rights, search), Act::Use(others, wider)) = (&self.act, &other.act) else { return None };
        let same = self.level == other.level && self.resource.is_within(&other.resource) && search_is_within(search, wider);
        rights.and(*others).filter(|_| same)
    }
    /// What both allow. A search is never made up: of two different ones neither is the other's part, and nothing is left.
    pub(super) fn and(&self, other: &Self) -> Option<Self> {
        let (Act::Use(rights, search), Act::Use(others, wider)) = (&self.act, &other.act) else {
            return (self == other).then(|| self.clone());
        };
        if self.level != other.level {
            return None;
        }
        let resource = stricter(&self.resource, &other.resource, Resource::is_within)?.clone();
        let act = Act::Use(rights.and(*others)?, stricter(search, wider, search_is_within)?.clone());
        Some(Self { level: self.level, resource, act })
    }
    /// Whether there may be something that both allow, whatever their searches find.
    pub(super) fn touches(&self, other: &Self) -> bool {
        let (Act::Use(rights, _), Act::Use(others, _)) = (&self.act, &other.act) else { return self == other };
        let same = self.level == other.level && stricter(&self.resource, &other.resource, Resource::is_within).is_some();
        same && rights.and(*others).is_some()
    }
    /// Whether both are about the same, whatever may be done with it.
    pub(super) fn is_about_the_same(&self, other: &Self) -> bool {
        let searches = match (&self.act, &other.act) {
            (Act::Use(_, own), Act::Use(_, others)) => own == others,
            (own, others) => own == others,
        };
        searches && self.level == other.level && self.resource == other.resource
    }
    /// The rights, unless it is an operation.
    pub(super) fn rights(&self) -> Option<Rights> {
        match &self.act {
            Act::Use(rights, _) => Some(*rights),
            Act::Operation(_) => None,
        }
    }
    /// The same with these rights besides; an operation has none to add to.
    pub(super) fn and_also(&mut self, more: Rights) {
        match &mut self.act {
            Act::Use(rights, _) => *rights = rights.or(more),
            Act::Operation(_) => {}
        }
    }
    /// The word of version 1 that stands for what may be done, if there is one.
    pub(super) fn word(&self) -> Option<&'static str> {
        match &self.act {
            Act::Use(rights, None) => rights.word(),
            Act::Use(_, Some(_)) | Act::Operation(_) => None,
        }
    }
}
impl fmt::Display for Records {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}.", self.level, self.resource.as_str())?;
        match &self.act {
            Act::Use(rights, None) => write!(f, "{rights}"),
            Act::Use(rights, Some(search)) => write!(f, "{rights}?{search}"),
            Act::Operation(name) => f.write_str(name),
        }
    }
}

fn is_operation(text: &str) -> bool {
    let name = text.strip_prefix('$').filter(|name| name.starts_with(|c: char| c.is_ascii_lowercase()));
    name.is_some_and(|name| name.bytes().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == b'-'))
}
