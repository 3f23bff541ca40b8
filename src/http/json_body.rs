//! JSON bodies, read strictly: no member twice, no deep nesting, no surprise at the end (THREATS.md M12, A94).

use super::inbound::Inbound;
use http::header::CONTENT_TYPE;
use serde::de::{DeserializeSeed, Deserializer, Error, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Value};
use std::fmt;

/// How deep arrays and objects may nest: the outermost one is 1.
pub const DEPTH: usize = 16;

/// Which rule the body breaks.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum JsonBodyError {
    /// The body is not declared to be JSON.
    #[error("the Content-Type must be application/json")]
    ContentType,
    /// Larger than the endpoint allows.
    #[error("the body is too large")]
    TooLarge,
    /// Not JSON, or deeper than [`DEPTH`], or a member given twice in one object.
    #[error("the body is not a JSON text that this server reads")]
    Malformed,
}

/// Reads the request's body of at most `limit` bytes.
pub fn json_body(inbound: &Inbound, limit: usize) -> Result<Value, JsonBodyError> {
    if !inbound.header(CONTENT_TYPE).is_some_and(is_json) {
        return Err(JsonBodyError::ContentType);
    }
    if inbound.body.len() > limit {
        return Err(JsonBodyError::TooLarge);
    }
    parse_json(&inbound.body)
}

/// Reads a JSON text (RFC 8259), refusing duplicate members and nesting deeper than [`DEPTH`].
pub fn parse_json(text: &[u8]) -> Result<Value, JsonBodyError> {
    let mut reader = serde_json::Deserializer::from_slice(text);
    let value = Strict { room: DEPTH }.deserialize(&mut reader).map_err(|_| JsonBodyError::Malformed)?;
    reader.end().map_err(|_| JsonBodyError::Malformed)?;
    Ok(value)
}

fn is_json(content_type: &str) -> bool {
    let media = content_type.split(';').next().unwrap_or_default().trim();
    media.eq_ignore_ascii_case("application/json")
}

/// Builds a value with so many levels of nesting left.
#[derive(Clone, Copy)]
struct Strict {
    room: usize,
}

impl Strict {
    fn deeper<E: Error>(self) -> Result<Self, E> {
        self.room.checked_sub(1).map(|room| Self { room }).ok_or_else(|| E::custom("nested too deeply"))
    }
}

impl<'de> DeserializeSeed<'de> for Strict {
    type Value = Value;
    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Strict {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }
    fn visit_unit<E: Error>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }
    fn visit_bool<E: Error>(self, value: bool) -> Result<Value, E> {
        Ok(Value::Bool(value))
    }
    fn visit_i64<E: Error>(self, value: i64) -> Result<Value, E> {
        Ok(value.into())
    }
    fn visit_u64<E: Error>(self, value: u64) -> Result<Value, E> {
        Ok(value.into())
    }
    fn visit_f64<E: Error>(self, value: f64) -> Result<Value, E> {
        Ok(value.into())
    }
    fn visit_str<E: Error>(self, value: &str) -> Result<Value, E> {
        Ok(value.into())
    }
    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Value, A::Error> {
        let inner = self.deeper()?;
        let mut all = Vec::new();
        while let Some(item) = items.next_element_seed(inner)? {
            all.push(item);
        }
        Ok(Value::Array(all))
    }
    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Value, A::Error> {
        let inner = self.deeper()?;
        let mut all = Map::new();
        while let Some(name) = members.next_key::<String>()? {
            let value = members.next_value_seed(inner)?;
            if all.insert(name, value).is_some() {
                return Err(A::Error::custom("a member is given twice"));
            }
        }
        Ok(Value::Object(all))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_plain_text_reads_as_serde_reads_it() {
        let text = r#" {"a":[1,-2,3.5,null,true,"\u00e9"],"b":{"c":{}}} "#;
        assert_eq!(parse_json(text.as_bytes()), Ok(serde_json::from_str(text).unwrap()));
    }

    #[test]
    fn a_member_given_twice_is_refused_at_any_depth() {
        for text in [r#"{"a":1,"a":1}"#, r#"{"a":1,"\u0061":2}"#, r#"[{"x":{"a":1,"a":2}}]"#] {
            assert_eq!(parse_json(text.as_bytes()), Err(JsonBodyError::Malformed), "{text}");
        }
        assert!(parse_json(br#"{"a":{"a":1}}"#).is_ok());
    }

    #[test]
    fn sixteen_levels_pass_and_seventeen_do_not() {
        let nested = |depth: usize| "[".repeat(depth) + &"]".repeat(depth);
        assert!(parse_json(nested(16).as_bytes()).is_ok());
        assert_eq!(parse_json(nested(17).as_bytes()), Err(JsonBodyError::Malformed));
        assert_eq!(parse_json(nested(100_000).as_bytes()), Err(JsonBodyError::Malformed));
    }

    #[test]
    fn what_is_not_json_is_refused() {
        for text in ["", "{", "{} {}", "{\"a\":1,}", "nul", "\"\u{1}\"", "1e999"] {
            assert_eq!(parse_json(text.as_bytes()), Err(JsonBodyError::Malformed), "{text}");
        }
        assert_eq!(parse_json(b"\"\xff\""), Err(JsonBodyError::Malformed));
    }

    #[test]
    fn only_json_is_json() {
        assert!(is_json("application/json") && is_json("Application/JSON; charset=utf-8"));
        assert!(!is_json("application/jsonp") && !is_json("text/json") && !is_json(""));
    }
}
