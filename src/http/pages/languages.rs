//! In which language a person reads what an app calls itself (OpenID Connect Registration §2.1, Core §3.1.2.1 `ui_locales`).

use crate::event::ClientMetadata;
use serde_json::Value;

/// The languages that a person reads, the dearest first.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Languages(Vec<String>);

/// No more wishes are heard.
const MOST: usize = 16;
/// Nor one that is longer: no client registers a longer tag, and each part of it would be looked for.
const TAG_LENGTH_MAX: usize = 35;

impl Languages {
    /// Those that the request names, and then those of the browser (RFC 9110 §12.5.4).
    pub fn of(ui_locales: Option<&str>, accept_language: Option<&str>) -> Self {
        let named = ui_locales.unwrap_or_default().split_ascii_whitespace().filter(|tag| tag.len() <= TAG_LENGTH_MAX).map(str::to_owned);
        let mut heard: Vec<(&str, u32)> = accept_language.unwrap_or_default().split(',').filter_map(weighed).take(MOST).collect();
        heard.sort_by_key(|(_, weight)| std::cmp::Reverse(*weight));
        Self(named.take(MOST).chain(heard.into_iter().map(|(tag, _)| tag.to_owned())).collect())
    }

    /// A member of the client's metadata in the best language that it has (RFC 4647 §3.4), else without a language.
    pub fn best<'a>(&self, metadata: &'a ClientMetadata, name: &str, plain: Option<&'a str>) -> Option<&'a str> {
        let in_language = |tag: &str| {
            let own = metadata.localized.iter().find(|(own, _)| own.split_once('#').is_some_and(|own| is_of(own, name, tag)));
            own.and_then(|(_, value)| value.as_str())
        };
        let wanted = self.0.iter().flat_map(|tag| ranges(tag));
        wanted.filter_map(in_language).next().or(plain).or_else(|| first(metadata, name))
    }
}

fn is_of((own_name, own_tag): (&str, &str), name: &str, tag: &str) -> bool {
    own_name == name && own_tag.eq_ignore_ascii_case(tag)
}

/// If there is no member without a language, any is better than none.
fn first<'a>(metadata: &'a ClientMetadata, name: &str) -> Option<&'a str> {
    let own = metadata.localized.iter().find(|(own, _)| own.split_once('#').is_some_and(|(own, _)| own == name));
    own.and_then(|(_, value): (_, &Value)| value.as_str())
}

/// `de-Latn-AT`, `de-Latn`, `de`.
fn ranges(tag: &str) -> impl Iterator<Item = &str> {
    std::iter::successors(Some(tag), |tag| tag.rsplit_once('-').map(|(shorter, _)| shorter))
}

/// A tag and its weight in thousandths; nothing if it is unwanted or is no tag.
fn weighed(item: &str) -> Option<(&str, u32)> {
    let (tag, params) = item.split_once(';').unwrap_or((item, ""));
    let tag = tag.trim();
    let weight = match params.trim().strip_prefix("q=") {
        Some(text) => thousandths(text.trim())?,
        None => 1000,
    };
    let is_tag = (1..=TAG_LENGTH_MAX).contains(&tag.len()) && tag.bytes().all(|c| c.is_ascii_alphanumeric() || c == b'-');
    (is_tag && weight > 0).then_some((tag, weight))
}

/// `0.8` is 800 (RFC 9110 §12.4.2).
fn thousandths(text: &str) -> Option<u32> {
    let (whole, part) = text.split_once('.').unwrap_or((text, ""));
    let digits = format!("{whole}{part:0<3}");
    let weight = digits.parse().ok().filter(|_| whole.len() == 1 && digits.len() == 4);
    weight.filter(|weight| *weight <= 1000)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn client(members: Value) -> ClientMetadata {
        let mut metadata = json!({
            "application_type": "web", "redirect_uris": ["https://a.example/cb"], "token_endpoint_auth_method": "none",
            "grant_types": ["authorization_code"], "response_types": ["code"], "scope": "openid", "id_token_signed_response_alg": "RS256",
        });
        metadata["localized"] = members;
        serde_json::from_value(metadata).unwrap()
    }

    #[test]
    fn a_name_is_shown_in_the_language_that_the_person_reads_best() {
        let client =
            client(json!({"client_name#de": "Wachstum", "client_name#fr-CA": "Croissance", "logo_uri#de": "https://a.example/de"}));
        let name = |ui: &str, accept: &str| {
            let languages = Languages::of(Some(ui), Some(accept));
            languages.best(&client, "client_name", Some("Growth")).unwrap().to_owned()
        };
        assert_eq!(name("", ""), "Growth");
        assert_eq!(name("", "de"), "Wachstum");
        assert_eq!(name("", "DE-at, en;q=0.9"), "Wachstum");
        assert_eq!(name("", "fr-CA;q=0.5, de;q=0.4, *;q=0.1"), "Croissance");
        assert_eq!(name("", "fr, it"), "Growth", "who reads French may not read Canadian French");
        assert_eq!(name("fr-ca", "de"), "Croissance", "the request knows better than the browser");
        assert_eq!(name("", "de;q=0, fr-CA;q=2, de;q=x"), "Growth");
        let [most, long] = [16, 17].map(|subtags| format!("de{}", "-a".repeat(subtags)));
        assert_eq!((name("", &most), name("", &long)), ("Wachstum".into(), "Growth".into()), "no tag is so long");
        assert_eq!((name(&most, ""), name(&long, "")), ("Wachstum".into(), "Growth".into()));
        assert_eq!(Languages::default().best(&client, "client_name", None), Some("Wachstum"));
        assert_eq!(Languages::default().best(&client, "tos_uri", None), None);
    }
}
