//! Typed access to the members of a registration request (THREATS.md A57).

use super::metadata::unacceptable;
use crate::command::Refused;
use crate::terms::HttpsUrl;
use serde_json::{Map, Value};
use std::str::FromStr;

/// The most URIs or contacts in one list.
pub(super) const LIST_MAX: usize = 20;
/// The longest text.
pub(super) const TEXT_MAX: usize = 2000;

/// Typed access to the members; `null` and empty texts count as absent.
pub(super) struct Reader<'a>(pub(super) &'a Map<String, Value>);

impl Reader<'_> {
    pub(super) fn text(&self, name: &str, length_max: usize) -> Result<Option<String>, Refused> {
        match self.0.get(name) {
            None | Some(Value::Null) => Ok(None),
            Some(Value::String(text)) if text.chars().count() > length_max => Err(unacceptable(format!("{name} is too long"))),
            Some(Value::String(text)) if text.is_empty() => Ok(None),
            Some(Value::String(text)) => Ok(Some(text.clone())),
            Some(_) => Err(unacceptable(format!("{name} is not a string"))),
        }
    }
    pub(super) fn word<T: FromStr>(&self, name: &str) -> Result<Option<T>, Refused> {
        let text = self.text(name, 64)?;
        text.map(|text| text.parse().map_err(|_| unacceptable(format!("Unsupported {name} value : {text}")))).transpose()
    }
    /// An https link that a page may show.
    pub(super) fn link(&self, name: &str) -> Result<Option<String>, Refused> {
        match self.text(name, TEXT_MAX)? {
            Some(text) if !is_link(&text) => Err(unacceptable(format!("{name} is not an https URL"))),
            other => Ok(other),
        }
    }
    pub(super) fn links(&self, name: &str) -> Result<Vec<String>, Refused> {
        let texts = self.list(name)?.unwrap_or_default();
        match texts.iter().all(|text| is_link(text)) {
            true => Ok(texts),
            false => Err(unacceptable(format!("{name} has something that is not an https URL"))),
        }
    }
    pub(super) fn seconds(&self, name: &str) -> Result<Option<u64>, Refused> {
        match self.0.get(name) {
            None | Some(Value::Null) => Ok(None),
            // No more than a record can say: RFC 8785 has only integers below 2^53.
            Some(value) => match value.as_u64().filter(|seconds| *seconds < 1 << 53) {
                Some(seconds) => Ok(Some(seconds)),
                None => Err(unacceptable(format!("{name} is not a number of seconds"))),
            },
        }
    }
    pub(super) fn truth(&self, name: &str) -> Result<bool, Refused> {
        match self.0.get(name) {
            None | Some(Value::Null) => Ok(false),
            Some(value) => value.as_bool().ok_or_else(|| unacceptable(format!("{name} is not a boolean"))),
        }
    }
    pub(super) fn list(&self, name: &str) -> Result<Option<Vec<String>>, Refused> {
        let Some(value) = self.0.get(name).filter(|value| !value.is_null()) else { return Ok(None) };
        let texts = value.as_array().filter(|items| items.len() <= LIST_MAX).map(|items| items.iter().map(Value::as_str));
        let texts: Option<Vec<&str>> = texts.and_then(Iterator::collect);
        match texts.filter(|texts| texts.iter().all(|text| (1..=TEXT_MAX).contains(&text.len()))) {
            Some(texts) => Ok(Some(texts.into_iter().map(str::to_owned).collect())),
            None => Err(unacceptable(format!("{name} is not a list of at most {LIST_MAX} strings, each of 1 to {TEXT_MAX} bytes"))),
        }
    }
}

/// Whether a page may show this as a link: written so that everybody reads the same place in it, without a user name before the host. It
/// may lead to a part of a document.
pub(super) fn is_link(text: &str) -> bool {
    let (document, part) = text.split_once('#').unwrap_or((text, ""));
    document.parse::<HttpsUrl>().is_ok() && part.bytes().all(|c| c.is_ascii_graphic())
}
