//! The parameters of a request: `application/x-www-form-urlencoded`, in the query or in the body (RFC 6749 Appendix B).

use super::{
    inbound::Inbound,
    percent::{PercentError, decode_form},
};
use crate::terms::Secret;
use http::header::CONTENT_TYPE;
use std::{collections::HashSet, fmt};

/// How many parameters there may be, and which of them more than once.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Rules {
    /// The names that may come twice.
    pub repeatable: &'static [&'static str],
    /// The most parameters in one query or body.
    pub most: usize,
}

/// The rules of the protocol endpoints: 64 parameters (THREATS.md A94), none twice (RFC 6749 §3.1, §3.2) but `resource` (RFC 8707 §2).
pub const PROTOCOL_RULES: Rules = Rules { repeatable: &["resource"], most: 64 };

/// The rules of our own consent form: a `scope` or `claim` of each ticked box, up to the 100 a scope list may have.
pub const CONSENT_RULES: Rules = Rules { repeatable: &["scope", "claim"], most: 192 };

/// Decoded parameters in the order sent. One with an empty value counts as absent (RFC 6749 §3.1).
#[derive(Default)]
pub struct Params(Vec<(String, String)>);

/// Which rule the parameters break.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum ParamsError {
    /// The body is not declared to be a form.
    #[error("the Content-Type must be application/x-www-form-urlencoded")]
    ContentType,
    /// A name or value does not decode.
    #[error("the parameters are not well-formed: {0}")]
    Encoding(#[from] PercentError),
    /// More than [`Rules::most`].
    #[error("there are too many parameters")]
    TooMany,
    /// A name is sent twice that may be sent only once.
    #[error("a parameter is sent more than once")]
    Repeated,
}

impl Params {
    /// The parameters of the request's query, by the [`PROTOCOL_RULES`].
    pub fn of_query(inbound: &Inbound) -> Result<Self, ParamsError> {
        Self::parse(inbound.query.as_deref().unwrap_or_default().as_bytes(), PROTOCOL_RULES)
    }
    /// The parameters of the request's body, which must be declared as a form, by the [`PROTOCOL_RULES`].
    pub fn of_form(inbound: &Inbound) -> Result<Self, ParamsError> {
        Self::of_form_by(PROTOCOL_RULES, inbound)
    }
    /// The parameters of the request's body, which must be declared as a form.
    pub fn of_form_by(rules: Rules, inbound: &Inbound) -> Result<Self, ParamsError> {
        if !inbound.header(CONTENT_TYPE).is_some_and(is_form) {
            return Err(ParamsError::ContentType);
        }
        Self::parse(&inbound.body, rules)
    }
    /// Decodes `encoded` by these rules.
    pub fn parse(encoded: &[u8], rules: Rules) -> Result<Self, ParamsError> {
        let (params, repeated) = Self::parse_with_repeats(encoded, rules)?;
        if repeated.is_empty() { Ok(params) } else { Err(ParamsError::Repeated) }
    }
    /// Decodes `encoded`, and says which names come twice that may not. [`Self::get`] finds none of those: which of two values is
    /// meant cannot be told. For the authorization endpoint, which tells a client of repeats by redirect (SPEC.md d).
    pub fn parse_with_repeats(encoded: &[u8], rules: Rules) -> Result<(Self, Vec<String>), ParamsError> {
        let mut params = Vec::new();
        let mut seen = HashSet::new();
        let mut repeated = Vec::new();
        for pair in encoded.split(|byte| *byte == b'&').filter(|pair| !pair.is_empty()) {
            if params.len() == rules.most {
                return Err(ParamsError::TooMany);
            }
            let mut halves = pair.splitn(2, |byte| *byte == b'=');
            let name = decode_form(halves.next().unwrap_or_default())?;
            let value = decode_form(halves.next().unwrap_or_default())?;
            if !seen.insert(name.clone()) && !rules.repeatable.contains(&name.as_str()) {
                repeated.push(name.clone());
            }
            params.push((name, value));
        }
        params.retain(|(name, value)| !value.is_empty() && !repeated.contains(name));
        Ok((Self(params), repeated))
    }
    /// The value of this parameter; the first one of a repeatable parameter.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.0.iter().find(|(own, _)| own == name).map(|(_, value)| value.as_str())
    }
    /// Every value of this parameter, in the order sent.
    pub fn all<'a, 'n>(&'a self, name: &'n str) -> impl Iterator<Item = &'a str> + use<'a, 'n> {
        self.0.iter().filter(move |(own, _)| own == name).map(|(_, value)| value.as_str())
    }
    /// The value of this parameter as a secret.
    pub fn secret(&self, name: &str) -> Option<Secret> {
        self.get(name).map(|value| Secret::new(value.to_owned()))
    }
    /// Whether this parameter was sent with a value.
    pub fn has(&self, name: &str) -> bool {
        self.get(name).is_some()
    }
    /// The pairs, in the order sent.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().map(|(name, value)| (name.as_str(), value.as_str()))
    }
}

impl fmt::Debug for Params {
    /// The names only: values may be secrets.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.0.iter().map(|(name, _)| name)).finish()
    }
}

/// Exactly a form, at most with `charset=utf-8` (any case, RFC 9110 §8.3).
fn is_form(content_type: &str) -> bool {
    let mut parts = content_type.split(';').map(|part| part.trim_matches([' ', '\t']));
    let form = parts.next().is_some_and(|media| media.eq_ignore_ascii_case("application/x-www-form-urlencoded"));
    let utf_8 = |part: &str| part.eq_ignore_ascii_case("charset=utf-8") || part.eq_ignore_ascii_case("charset=\"utf-8\"");
    let rest: Vec<&str> = parts.collect();
    form && (rest.is_empty() || matches!(rest.as_slice(), [only] if utf_8(only)))
}

impl From<Vec<(String, String)>> for Params {
    /// Parameters that were parsed before, and kept.
    fn from(pairs: Vec<(String, String)>) -> Self {
        Self(pairs)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Result<Params, ParamsError> {
        Params::parse(text.as_bytes(), PROTOCOL_RULES)
    }

    #[test]
    fn a_parameter_is_read_by_its_decoded_name() {
        let params = parse("a=1&b=x+y%20z&&c%5B%5D=%E2%9C%93&d").unwrap();
        assert_eq!(params.get("a"), Some("1"));
        assert_eq!(params.get("b"), Some("x y z"));
        assert_eq!(params.get("c[]"), Some("✓"));
        assert_eq!(parse("v=a=b").unwrap().get("v"), Some("a=b"));
    }

    #[test]
    fn an_empty_value_is_as_good_as_none() {
        let params = parse("state=&nonce&scope=openid").unwrap();
        assert!(!params.has("state") && !params.has("nonce") && params.has("scope"));
        assert_eq!(params.iter().count(), 1);
    }

    #[test]
    fn a_repeated_parameter_is_refused_even_when_empty_or_spelled_otherwise() {
        for text in ["a=1&a=1", "a=&a=1", "a&a", "state=1&stat%65=2"] {
            assert_eq!(parse(text).unwrap_err(), ParamsError::Repeated, "{text}");
        }
        let params = parse("resource=https://a&resource=https://b").unwrap();
        assert_eq!(params.all("resource").collect::<Vec<_>>(), ["https://a", "https://b"]);
    }

    #[test]
    fn sixty_four_parameters_pass_and_sixty_five_do_not() {
        let many = |count: usize| (0..count).map(|n| format!("p{n}=v")).collect::<Vec<_>>().join("&");
        assert_eq!(parse(&many(64)).unwrap().iter().count(), 64);
        assert_eq!(parse(&many(65)).unwrap_err(), ParamsError::TooMany);
        let resources = vec!["resource=r"; 65].join("&");
        assert_eq!(parse(&resources).unwrap_err(), ParamsError::TooMany);
    }

    #[test]
    fn what_does_not_decode_is_refused() {
        assert_eq!(parse("a=%zz").unwrap_err(), ParamsError::Encoding(PercentError::Escape));
        assert_eq!(parse("%ff=a").unwrap_err(), ParamsError::Encoding(PercentError::Text));
    }

    #[test]
    fn only_a_form_is_a_form() {
        for yes in ["application/x-www-form-urlencoded", "Application/X-WWW-Form-Urlencoded; charset=UTF-8"] {
            assert!(is_form(yes), "{yes}");
        }
        for no in [
            "",
            "text/plain",
            "application/json",
            "application/x-www-form-urlencoded; charset=latin1",
            "application/x-www-form-urlencoded; charset=utf-8; a=b",
            "application/x-www-form-urlencoded;",
            "application/x-www-form-urlencoded, text/plain",
        ] {
            assert!(!is_form(no), "{no}");
        }
    }

    #[test]
    fn debugging_shows_no_values() {
        assert_eq!(format!("{:?}", parse("password=hunter2").unwrap()), "[\"password\"]");
    }
}
