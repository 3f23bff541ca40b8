//! The search parameters of a granular scope, as in `patient/Observation.rs?category=…|laboratory` (SMART App Launch 2.2 §3.0.2).
//!
//! They say what a resource server compares, so each has one spelling: what may stand as it is, is not escaped.

use std::fmt;

/// Only what a FHIR search for these parameters finds: all of them apply, and of the alternatives of one any will do.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Search(Vec<Parameter>);

/// One parameter; names differ within a search.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
struct Parameter {
    name: String,
    /// Sorted.
    alternatives: Vec<String>,
}

/// Parameters of results, like `_include`, would widen what is found; these of their spelling do not.
const UNDERSCORED: [&str; 4] = ["_id", "_profile", "_security", "_tag"];
/// What a value may have besides letters and digits. A backslash or a bar would change where FHIR splits a value.
const BARE: &[u8] = b"-._~:/|@!$*'()";

impl Search {
    /// Reads what stands behind the question mark.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let mut parameters: Vec<Parameter> = text.split('&').map(Parameter::parse).collect::<Option<_>>()?;
        parameters.sort();
        let repeated = parameters.windows(2).any(|two| matches!(two, [a, b] if a.name == b.name));
        (!repeated).then_some(Self(parameters))
    }
    /// Whether whatever this finds, the other finds too.
    pub fn is_within(&self, other: &Self) -> bool {
        let narrows = |wide: &Parameter| {
            let mut own = self.0.iter().filter(|own| own.name == wide.name);
            own.any(|own| own.alternatives.iter().all(|value| wide.alternatives.binary_search(value).is_ok()))
        };
        other.0.iter().all(narrows)
    }
    /// The alternatives of the parameter, if it is the only one.
    pub fn only(&self, name: &str) -> Option<impl Iterator<Item = &str>> {
        match self.0.as_slice() {
            [only] if only.name == name => Some(only.alternatives.iter().map(String::as_str)),
            _ => None,
        }
    }
}
impl fmt::Display for Search {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().enumerate().try_for_each(|(n, parameter)| {
            write!(f, "{}{}={}", if n == 0 { "" } else { "&" }, parameter.name, parameter.alternatives.join(","))
        })
    }
}

impl Parameter {
    fn parse(text: &str) -> Option<Self> {
        let (name, value) = text.split_once('=')?;
        if !is_name(name) {
            return None;
        }
        let mut alternatives: Vec<String> = value.split(',').map(str::to_owned).collect();
        alternatives.sort();
        let distinct = alternatives.windows(2).all(|two| matches!(two, [a, b] if a != b));
        // Behind a modifier, as in `code:not=a,b`, more values may find less.
        let plain = alternatives.len() == 1 || !name.contains(':');
        let good = distinct && plain && alternatives.iter().all(|value| is_value(value));
        good.then(|| Self { name: name.to_owned(), alternatives })
    }
}

fn is_name(name: &str) -> bool {
    let plain = name.starts_with(|c: char| c.is_ascii_alphabetic());
    let allowed = |c: u8| c.is_ascii_alphanumeric() || b"-.:".contains(&c);
    UNDERSCORED.contains(&name) || (plain && name.bytes().all(allowed))
}

fn is_bare(c: u8) -> bool {
    c.is_ascii_alphanumeric() || BARE.contains(&c)
}

fn is_value(text: &str) -> bool {
    let mut rest = text.bytes();
    while let Some(c) = rest.next() {
        let good = match c {
            b'%' => escaped(&mut rest).is_some_and(needs_escape),
            c => is_bare(c),
        };
        if !good {
            return false;
        }
    }
    !text.is_empty()
}

/// The byte that two hexadecimal digits stand for.
fn escaped(rest: &mut impl Iterator<Item = u8>) -> Option<u8> {
    let (high, low) = (hex(rest.next()?)?, hex(rest.next()?)?);
    Some(high << 4 | low)
}

/// The comma and the backslash mean something to FHIR, escaped or not; control characters mean nothing to anyone.
fn needs_escape(c: u8) -> bool {
    !is_bare(c) && !matches!(c, b',' | b'\\' | 0..=0x1f | 0x7f)
}

fn hex(digit: u8) -> Option<u8> {
    match digit {
        b'0'..=b'9' => digit.checked_sub(b'0'),
        b'A'..=b'F' => digit.checked_sub(b'A' - 10),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn search(text: &str) -> Search {
        Search::parse(text).unwrap_or_else(|| panic!("{text}"))
    }

    #[test]
    fn the_order_of_parameters_and_of_alternatives_means_nothing() {
        assert_eq!(search("a=1&b=2"), search("b=2&a=1"));
        assert_eq!(search("a=1,2"), search("a=2,1"));
        assert_ne!(search("a=1"), search("a=2"));
        assert_ne!(search("a=1"), search("A=1"));
    }

    #[test]
    fn more_parameters_or_fewer_alternatives_find_less() {
        let within = |a: &str, b: &str| search(a).is_within(&search(b));
        assert!(within("a=1&b=2", "a=1") && !within("a=1", "a=1&b=2"));
        assert!(within("a=1", "a=1,2") && !within("a=1,2", "a=1"));
        assert!(!within("a=1", "b=1") && !within("a=3", "a=1,2"));
        assert!(!within("a:not=1", "a=1") && !within("a=1", "a:not=1"));
    }

    #[test]
    fn what_has_two_spellings_or_finds_more_is_no_search() {
        let bad = [
            "",
            "a",
            "a=",
            "=1",
            "&",
            "a=1&",
            "a=1&&b=2",
            "a=1,",
            "a=1,1",
            "a=1&a=2",
            "a=1=2",
            "a=1?b=2",
            "a=1;b=2",
            "a=1+2",
            "a=1#",
            "a=%7C",
            "a=%2C",
            "a=%5C",
            "a=%3d",
            "a=%2",
            "a=%",
            "a=%zz",
            "a=%00",
            "a=%0A",
            "a=%41",
            "a:not=1,2",
            "_include=x",
            "_revinclude=x",
            "_count=1",
            "_has:Observation:patient:code=1",
            "1=a",
            "a b=1",
            "ä=1",
            "a=ä",
        ];
        for text in bad {
            assert_eq!(Search::parse(text), None, "{text}");
        }
        for good in ["_tag=x", "code:in=http://v.example/s", "subject.name=x", "a=%20%25%2B%3D", "a=%C3%A4", "date=ge2020-01-01"] {
            assert_eq!(search(good).to_string(), good);
        }
    }
}
