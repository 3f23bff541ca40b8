//! What came back.

use http::HeaderMap;
use serde_json::Value;
use url::Url;

/// A whole answer.
#[derive(Clone, Debug)]
pub struct Answer {
    pub url: Url,
    pub status: u16,
    pub headers: HeaderMap,
    pub body: Vec<u8>,
}

impl Answer {
    /// The one value of a header field.
    pub fn header(&self, name: &str) -> Option<&str> {
        let mut values = self.headers.get_all(name).iter();
        let first = values.next()?.to_str().unwrap();
        assert!(values.next().is_none(), "{name} is sent twice");
        Some(first)
    }
    pub fn text(&self) -> String {
        String::from_utf8(self.body.clone()).unwrap()
    }
    /// The body, which has to be declared as JSON.
    pub fn json(&self) -> Value {
        let kind = self.header("content-type").unwrap_or_default();
        assert!(kind.starts_with("application/json"), "{} is {kind}: {}", self.url.path(), self.text());
        serde_json::from_slice(&self.body).unwrap()
    }
    /// A string member of the JSON body.
    pub fn member(&self, name: &str) -> String {
        self.json()[name].as_str().unwrap_or_else(|| panic!("no {name}: {}", self.text())).to_owned()
    }
    /// Where it redirects to.
    pub fn location(&self) -> Option<Url> {
        self.header("location").map(|to| self.url.join(to).unwrap())
    }
    /// Status and error code of a JSON refusal.
    pub fn refusal(&self) -> (u16, String) {
        (self.status, self.json()["error"].as_str().unwrap_or("(no error)").to_owned())
    }
    /// Demands this status and error code, and what every refusal owes (RFC 6749 §5.2).
    #[track_caller]
    pub fn assert_refused(&self, status: u16, error: &str) {
        assert_eq!((self.status, self.json()["error"].as_str()), (status, Some(error)), "{}: {}", self.url.path(), self.text());
        let description = self.json()["error_description"].as_str().unwrap_or_default().to_owned();
        assert!(!description.is_empty() && description.bytes().all(|c| (0x20..=0x7e).contains(&c) && c != b'"' && c != b'\\'));
        self.assert_not_stored();
    }
    /// Demands success and gives the JSON.
    #[track_caller]
    pub fn assert_ok(&self) -> Value {
        assert_eq!(self.status, 200, "{}: {}", self.url.path(), self.text());
        self.json()
    }
    /// Nothing with a token, code, secret or their status may be cached (RFC 6749 §5.1, SPEC.md 0.2).
    #[track_caller]
    pub fn assert_not_stored(&self) {
        assert!(self.header("cache-control").unwrap_or_default().contains("no-store"), "{:?}", self.headers);
    }
}

/// The one value of a query parameter.
#[track_caller]
pub fn query_of(url: &Url, name: &str) -> Option<String> {
    let mut values = url.query_pairs().filter(|(own, _)| own == name).map(|(_, value)| value.into_owned());
    let first = values.next();
    assert!(values.next().is_none(), "{name} is twice in {url}");
    first
}
