//! Addresses of documents that the server may read for a client.

use super::{ParseError, serde_as_text};
use std::{fmt, str::FromStr};
use url::Url;

/// An `https` URL with a host, without a user name, password or fragment, of at most 2000 characters. Kept and echoed as it was sent.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct HttpsUrl {
    text: String,
    url: Url,
}

/// The longest one.
const LENGTH_MAX: usize = 2000;

impl HttpsUrl {
    /// As it was sent.
    pub fn as_str(&self) -> &str {
        &self.text
    }
    /// The same, taken apart.
    pub fn url(&self) -> &Url {
        &self.url
    }
}
impl fmt::Display for HttpsUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}
impl FromStr for HttpsUrl {
    type Err = ParseError;
    fn from_str(text: &str) -> Result<Self, ParseError> {
        let url = plain_url(text, "https").filter(|url| url.fragment().is_none());
        url.map(|url| Self { text: text.to_owned(), url }).ok_or(ParseError { what: "https URL" })
    }
}
serde_as_text!(HttpsUrl);

/// The URL, if it is one of this scheme, written out in full, with a host and without user information. Its parser alone would read
/// `https:a`, `https:///a` and `https:\\a` as if they were written well.
pub(super) fn plain_url(text: &str, scheme: &str) -> Option<Url> {
    let rest = text.split_at_checked(scheme.len()).filter(|(own, _)| own.eq_ignore_ascii_case(scheme))?.1;
    let is_written_out = rest.strip_prefix("://").is_some_and(|rest| !rest.starts_with('/') && !rest.contains('\\'));
    if text.len() > LENGTH_MAX || !text.bytes().all(|c| c.is_ascii_graphic()) || !is_written_out {
        return None;
    }
    let url = Url::parse(text).ok()?;
    (url.scheme() == scheme && url.has_host() && url.username().is_empty() && url.password().is_none()).then_some(url)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_bare_https_url_is_one() {
        for yes in ["https://a.example/keys", "https://a.example:8443/k?x=1", "https://[2001:db8::1]/", "https://192.0.2.1/k"] {
            assert_eq!(yes.parse::<HttpsUrl>().unwrap().as_str(), yes);
        }
        let no =
            ["", "http://a.example/", "https://", "https:///k", "https://u@a.example/", "https://u:p@a.example/", "file:///etc/passwd"];
        for no in
            no.into_iter().chain(["https://a.example/#f", "https://a.example/\n", " https://a.example/", "https://ä.example/", "//a/k"])
        {
            assert!(no.parse::<HttpsUrl>().is_err(), "{no}");
        }
        let long = |length: usize| format!("https://a.example/{}", "k".repeat(length - 18));
        assert!(long(2000).parse::<HttpsUrl>().is_ok() && long(2001).parse::<HttpsUrl>().is_err());
    }
}
