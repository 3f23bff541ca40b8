//! JSON bodies, read strictly: no member twice, no deep nesting, no surprise at the end (THREATS.md M12, A94).

use super::inbound::Inbound;
use crate::terms::strict_json;
use http::header::CONTENT_TYPE;
use serde_json::Value;

/// Which rule the body breaks.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum JsonBodyError {
    /// The body is not declared to be JSON.
    #[error("the Content-Type must be application/json")]
    ContentType,
    /// Larger than the endpoint allows.
    #[error("the body is too large")]
    TooLarge,
    /// Not JSON, or nested too deeply, or a member given twice in one object.
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

/// Reads a JSON text strictly ([`strict_json`]).
pub fn parse_json(text: &[u8]) -> Result<Value, JsonBodyError> {
    strict_json(text).ok_or(JsonBodyError::Malformed)
}

fn is_json(content_type: &str) -> bool {
    let media = content_type.split(';').next().unwrap_or_default().trim();
    media.eq_ignore_ascii_case("application/json")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_json_is_json() {
        assert!(is_json("application/json") && is_json("Application/JSON; charset=utf-8"));
        assert!(!is_json("application/jsonp") && !is_json("text/json") && !is_json(""));
    }
}
