//! What an authorization request asks for, and how the answer travels (RFC 6749 §3.1.1, OAuth 2.0 Multiple Response Type Encoding
//! Practices §2 and §5).

use super::protocol::words;

words!(
    /// What an authorization request asks for: a set of words, written here as OpenID does. [`ResponseType::read`] takes them in any
    /// order.
    #[derive(Default)]
    ResponseType, "response_type", {
        /// RFC 6749 §4.1.
        #[default]
        Code = "code",
        /// RFC 6749 §4.2.
        Token = "token",
        /// OpenID Connect Core §3.2.
        IdToken = "id_token",
        /// OpenID Connect Core §3.2.
        IdTokenToken = "id_token token",
        /// OpenID Connect Core §3.3.
        CodeIdToken = "code id_token",
        /// OpenID Connect Core §3.3.
        CodeToken = "code token",
        /// OpenID Connect Core §3.3.
        CodeIdTokenToken = "code id_token token",
    }
);

words!(
    /// How the parameters of an answer travel.
    ResponseMode, "response_mode", {
        /// In the query of the redirection URI.
        Query = "query",
        /// In its fragment, which no server sees.
        Fragment = "fragment",
        /// As a form that the browser posts there (OAuth 2.0 Form Post Response Mode §2).
        FormPost = "form_post",
    }
);

impl ResponseType {
    /// Whether it is what a request that does not say is taken for.
    pub fn is_code(&self) -> bool {
        *self == Self::Code
    }
    /// The type of these words, in whatever order they stand; nothing if there is none.
    pub fn read(text: &str) -> Option<Self> {
        let sorted = |text: &str| {
            let mut words: Vec<String> = text.split(' ').map(str::to_owned).collect();
            words.sort_unstable();
            words
        };
        let asked = sorted(text);
        Self::ALL.iter().copied().find(|own| sorted(own.as_str()) == asked)
    }
    /// Whether the answer has a code.
    pub fn has_code(self) -> bool {
        self.as_str().split(' ').any(|word| word == "code")
    }
    /// Whether the answer has an access token.
    pub fn has_token(self) -> bool {
        self.as_str().split(' ').any(|word| word == "token")
    }
    /// Whether the words ask for an ID token.
    pub fn has_id_token(self) -> bool {
        self.as_str().split(' ').any(|word| word == "id_token")
    }
    /// Whether the answer has a token, which must never stand in a query.
    pub fn is_at_front(self) -> bool {
        self.has_token() || self.has_id_token()
    }
    /// How the answer travels if the request does not say (OAuth 2.0 Multiple Response Type Encoding Practices §5).
    pub fn mode(self) -> ResponseMode {
        if self.is_at_front() { ResponseMode::Fragment } else { ResponseMode::Query }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_words_of_a_response_type_stand_in_any_order() {
        for (text, read) in [
            ("code", ResponseType::Code),
            ("token id_token", ResponseType::IdTokenToken),
            ("id_token token", ResponseType::IdTokenToken),
            ("id_token code", ResponseType::CodeIdToken),
            ("token code", ResponseType::CodeToken),
            ("token id_token code", ResponseType::CodeIdTokenToken),
            ("id_token code token", ResponseType::CodeIdTokenToken),
        ] {
            assert_eq!(ResponseType::read(text), Some(read), "{text}");
        }
        for text in ["", "cod", "code code", "code  token", " code", "Code", "none", "code none", "code,token", "id_token id_token"] {
            assert_eq!(ResponseType::read(text), None, "{text}");
        }
    }

    #[test]
    fn whatever_brings_a_token_travels_in_the_fragment() {
        for kind in ResponseType::ALL {
            assert_eq!(kind.mode() == ResponseMode::Query, *kind == ResponseType::Code, "{kind}");
            assert_eq!(kind.is_at_front(), kind.as_str().contains("token"), "{kind}");
        }
    }
}
