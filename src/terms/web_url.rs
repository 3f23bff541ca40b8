//! Addresses of pages that people open and the server never reads.

use super::https_url::plain_url;
use super::{ParseError, serde_as_text};
use std::{fmt, str::FromStr};

/// An `https` or `http` URL with a host, without a user name or password, of at most 2000 characters. Kept and echoed as it was sent.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct WebUrl(String);

impl WebUrl {
    /// As it was sent.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}
impl fmt::Display for WebUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}
impl FromStr for WebUrl {
    type Err = ParseError;
    fn from_str(text: &str) -> Result<Self, ParseError> {
        let is_one = ["https", "http"].iter().any(|scheme| plain_url(text, scheme).is_some());
        if is_one { Ok(Self(text.to_owned())) } else { Err(ParseError { what: "http or https URL" }) }
    }
}
serde_as_text!(WebUrl);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_page_on_the_web_is_one() {
        for yes in ["https://a.example/policy#part-2", "http://a.example:8080/?x=1", "HTTPS://A.example", "https://[2001:db8::1]/"] {
            assert_eq!(yes.parse::<WebUrl>().unwrap().as_str(), yes);
        }
        let no = ["", "a.example", "javascript:alert(1)", "data:text/html,x", "ftp://a.example/", "//a.example/", "https://", "http:a"];
        for no in
            no.into_iter().chain(["https://u@a.example/", "http://u:p@a.example/", "https:\\\\a", "https://a.example/\n", "https:///k"])
        {
            assert!(no.parse::<WebUrl>().is_err(), "{no}");
        }
        let long = |length: usize| format!("http://a.example/{}", "k".repeat(length - 17));
        assert!(long(2000).parse::<WebUrl>().is_ok() && long(2001).parse::<WebUrl>().is_err());
    }
}
