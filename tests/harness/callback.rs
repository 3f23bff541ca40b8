//! What came to a client's redirection URI, and by which way.

use super::Stop;
use std::collections::BTreeMap;

/// How an answer came.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Way {
    Query,
    Fragment,
    FormPost,
}

impl Way {
    /// The `response_mode` of this way.
    pub fn mode(self) -> &'static str {
        match self {
            Self::Query => "query",
            Self::Fragment => "fragment",
            Self::FormPost => "form_post",
        }
    }
}

/// An authorization response.
#[derive(Clone, Debug)]
pub struct Callback {
    pub way: Way,
    pub params: BTreeMap<String, String>,
    /// The names in the order in which they came.
    pub names: Vec<String>,
    /// All that came, as it stood on the wire.
    pub raw: String,
}

impl Callback {
    /// Reads the answer where it stands, and demands that it stands nowhere else. A redirection URI with a query of its own keeps it.
    #[track_caller]
    pub fn of(stop: Stop, redirect_uri: &str) -> Self {
        let (way, to, raw, pairs): (_, _, _, Vec<(String, String)>) = match stop {
            Stop::Shown(page) => {
                let action = page.action.clone().unwrap_or_else(|| panic!("no form: {} {}", page.status(), page.text()));
                (Way::FormPost, action.to_string(), String::new(), page.fields)
            }
            Stop::Left(left) => {
                let rest = left.as_str().strip_prefix(redirect_uri).unwrap_or_else(|| panic!("{left} is not {redirect_uri}"));
                let way = if rest.starts_with('#') { Way::Fragment } else { Way::Query };
                let raw = rest.trim_start_matches(['#', '?', '&']).to_owned();
                assert!(!raw.contains('#'), "two places: {left}");
                let pairs = url::form_urlencoded::parse(raw.as_bytes()).into_owned().collect();
                (way, redirect_uri.to_owned(), raw, pairs)
            }
        };
        assert_eq!(to, redirect_uri);
        let names: Vec<String> = pairs.iter().map(|(name, _)| name.clone()).collect();
        let params: BTreeMap<String, String> = pairs.into_iter().collect();
        assert_eq!(params.len(), names.len(), "a parameter is twice: {names:?}");
        Self { way, params, names, raw }
    }
    pub fn get(&self, name: &str) -> Option<&str> {
        self.params.get(name).map(String::as_str)
    }
    #[track_caller]
    pub fn must(&self, name: &str) -> &str {
        self.get(name).unwrap_or_else(|| panic!("no {name}: {:?}", self.params))
    }
}
