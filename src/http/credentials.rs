//! The `Authorization` header field: `Basic` for clients (RFC 6749 §2.3.1), `Bearer` for tokens (RFC 6750 §2.1).

use super::percent::decode_form;
use crate::terms::Secret;
use base64::{Engine, engine::general_purpose::STANDARD};
use http::{HeaderMap, header::AUTHORIZATION};

/// What a request authenticates itself with.
pub enum Credentials {
    /// A client's id and secret, both decoded.
    Basic {
        /// The client identifier as sent; not empty.
        client_id: String,
        /// The client secret; may be empty.
        client_secret: Secret,
    },
    /// A token.
    Bearer(Secret),
}

/// Why the header field holds no usable credentials. All of them are answered with 401 (THREATS.md A63).
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum CredentialsError {
    /// The header field is sent more than once.
    #[error("there is more than one Authorization header")]
    Several,
    /// Bytes that are not visible ASCII.
    #[error("the Authorization header holds characters that are not allowed")]
    Characters,
    /// A scheme that this server does not know, or none.
    #[error("the authentication scheme is not supported")]
    Scheme,
    /// A scheme and nothing after it.
    #[error("the Authorization header holds no credentials")]
    Empty,
    /// Something after the credentials: a second scheme, a parameter.
    #[error("the Authorization header holds more than one thing")]
    Trailing,
    /// Not `base64(urlencode(id) ":" urlencode(secret))`, or an empty id.
    #[error("the Basic credentials are not well-formed")]
    MalformedBasic,
    /// Not a `b64token`.
    #[error("the Bearer token is not well-formed")]
    MalformedBearer,
}

impl Credentials {
    /// The request's credentials; `None` without the header field.
    pub fn of(headers: &HeaderMap) -> Result<Option<Self>, CredentialsError> {
        let mut values = headers.get_all(AUTHORIZATION).iter();
        let Some(value) = values.next() else { return Ok(None) };
        if values.next().is_some() {
            return Err(CredentialsError::Several);
        }
        let text = value.to_str().map_err(|_| CredentialsError::Characters)?;
        let (scheme, rest) = text.split_once(' ').unwrap_or((text, ""));
        let rest = rest.trim_matches(' ');
        if scheme.eq_ignore_ascii_case("basic") {
            return basic(one_thing(rest)?).map(Some);
        }
        if scheme.eq_ignore_ascii_case("bearer") {
            return bearer(one_thing(rest)?).map(Some);
        }
        Err(CredentialsError::Scheme)
    }
}

fn one_thing(rest: &str) -> Result<&str, CredentialsError> {
    if rest.is_empty() {
        return Err(CredentialsError::Empty);
    }
    if rest.contains([' ', '\t', ',']) {
        return Err(CredentialsError::Trailing);
    }
    Ok(rest)
}

fn basic(encoded: &str) -> Result<Credentials, CredentialsError> {
    let bytes = STANDARD.decode(encoded).map_err(|_| CredentialsError::MalformedBasic)?;
    let text = String::from_utf8(bytes).map_err(|_| CredentialsError::MalformedBasic)?;
    let (id, secret) = text.split_once(':').ok_or(CredentialsError::MalformedBasic)?;
    let decode = |part: &str| decode_form(part.as_bytes()).map_err(|_| CredentialsError::MalformedBasic);
    let (client_id, secret) = (decode(id)?, decode(secret)?);
    if client_id.is_empty() || client_id.contains(char::is_control) || secret.contains(char::is_control) {
        return Err(CredentialsError::MalformedBasic);
    }
    Ok(Credentials::Basic { client_id, client_secret: Secret::new(secret) })
}

fn bearer(token: &str) -> Result<Credentials, CredentialsError> {
    let body = token.trim_end_matches('=');
    let allowed = |c: u8| c.is_ascii_alphanumeric() || b"-._~+/".contains(&c);
    if body.is_empty() || !body.bytes().all(allowed) {
        return Err(CredentialsError::MalformedBearer);
    }
    Ok(Credentials::Bearer(Secret::new(token.to_owned())))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(value: &str) -> Result<Option<(String, String)>, CredentialsError> {
        let mut headers = HeaderMap::new();
        headers.insert(AUTHORIZATION, value.parse().unwrap());
        Ok(Credentials::of(&headers)?.map(|credentials| match credentials {
            Credentials::Basic { client_id, client_secret } => (client_id, client_secret.expose().to_owned()),
            Credentials::Bearer(token) => ("bearer".to_owned(), token.expose().to_owned()),
        }))
    }
    fn basic_of(pair: &str) -> String {
        format!("Basic {}", STANDARD.encode(pair))
    }
    fn pair(a: &str, b: &str) -> Result<Option<(String, String)>, CredentialsError> {
        Ok(Some((a.to_owned(), b.to_owned())))
    }

    #[test]
    fn no_header_means_no_credentials() {
        assert!(Credentials::of(&HeaderMap::new()).unwrap().is_none());
    }

    #[test]
    fn both_parts_of_basic_are_form_decoded() {
        assert_eq!(read(&basic_of("id:secret")), pair("id", "secret"));
        assert_eq!(read(&basic_of("a%3Ab:p%25+q:r")), pair("a:b", "p% q:r"));
        assert_eq!(read(&basic_of("id:")), pair("id", ""));
        assert_eq!(read(&basic_of("id:secret").replace("Basic", "bAsIc")), pair("id", "secret"));
    }

    #[test]
    fn loose_basic_is_refused() {
        let unpadded = basic_of("ab:cd").replace('=', "");
        assert!(basic_of("ab:cd").contains('='));
        for value in [unpadded, basic_of("no-colon"), basic_of(":secret"), basic_of("a:%zz"), basic_of("a:b\n"), "Basic @@@@".into()] {
            assert_eq!(read(&value), Err(CredentialsError::MalformedBasic), "{value}");
        }
    }

    #[test]
    fn a_bearer_token_is_a_b64token() {
        assert_eq!(read("Bearer abc.DEF-_~+/123=="), pair("bearer", "abc.DEF-_~+/123=="));
        assert_eq!(read("bearer  abc"), pair("bearer", "abc"));
        for value in ["Bearer =", "Bearer a=b", "Bearer a;b", "Bearer \"a\""] {
            assert_eq!(read(value), Err(CredentialsError::MalformedBearer), "{value}");
        }
    }

    #[test]
    fn empty_double_and_unknown_credentials_each_have_their_error() {
        for value in ["Bearer", "Bearer ", "Basic", "Basic   "] {
            assert_eq!(read(value), Err(CredentialsError::Empty), "{value}");
        }
        for value in ["Bearer a Basic b", "Bearer a, Bearer b", "Basic Bearer a"] {
            assert_eq!(read(value), Err(CredentialsError::Trailing), "{value}");
        }
        for value in ["", "Digest a", "Bearerabc", "Bearer\tabc", " Bearer a"] {
            assert_eq!(read(value), Err(CredentialsError::Scheme), "{value}");
        }
    }

    #[test]
    fn two_headers_are_refused() {
        let mut headers = HeaderMap::new();
        headers.append(AUTHORIZATION, "Bearer a".parse().unwrap());
        headers.append(AUTHORIZATION, "Bearer a".parse().unwrap());
        assert_eq!(Credentials::of(&headers).err(), Some(CredentialsError::Several));
    }
}
