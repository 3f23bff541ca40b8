//! Claims that were asked for one by one.

use serde::{Deserialize, Serialize};

/// Names of claims, by where they are to be told (OpenID Connect Core §5.5). Sorted, none twice.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct AskedClaims {
    /// At the UserInfo endpoint.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub userinfo: Vec<String>,
    /// In the ID token.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub id_token: Vec<String>,
}

impl AskedClaims {
    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.userinfo.is_empty() && self.id_token.is_empty()
    }
    /// Every name, wherever it is to be told; sorted, none twice.
    pub fn names(&self) -> Vec<&str> {
        let mut names: Vec<&str> = self.userinfo.iter().chain(&self.id_token).map(String::as_str).collect();
        names.sort_unstable();
        names.dedup();
        names
    }
    /// Those whose names are allowed.
    pub fn only(&self, allowed: impl Fn(&str) -> bool) -> Self {
        let kept = |names: &[String]| names.iter().filter(|name| allowed(name)).cloned().collect();
        Self { userinfo: kept(&self.userinfo), id_token: kept(&self.id_token) }
    }
}
