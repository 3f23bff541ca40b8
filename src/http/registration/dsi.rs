//! What the reference's clients say of their decision support: it means nothing here, and comes back as it was sent (SPEC.md b.1).

use super::metadata::unacceptable;
use crate::command::Refused;
use serde_json::{Map, Value};

const NAMES: [&str; 2] = ["dsi_type", "dsi_source_attributes"];
/// The most bytes of one.
const BYTES_MAX: usize = 4096;

/// The members, if a record can hold them: RFC 8785 has no fractions.
pub(super) fn dsi(members: &Map<String, Value>) -> Result<Map<String, Value>, Refused> {
    let mut echoed = Map::new();
    for name in NAMES {
        let Some(value) = members.get(name).filter(|value| !value.is_null()) else { continue };
        if !is_recordable(value) || value.to_string().len() > BYTES_MAX {
            return Err(unacceptable(format!("{name} has fractions or is too long")));
        }
        echoed.insert(name.to_owned(), value.clone());
    }
    Ok(echoed)
}

fn is_recordable(value: &Value) -> bool {
    match value {
        Value::Null | Value::Bool(_) | Value::String(_) => true,
        Value::Number(number) => number.as_i64().is_some_and(|number| number.unsigned_abs() < 1 << 53),
        Value::Array(items) => items.iter().all(is_recordable),
        Value::Object(members) => members.values().all(is_recordable),
    }
}
