//! A page as a person meets it: its text, its first form and that form's buttons.

use super::{Answer, Request};
use url::Url;

/// A page that was shown.
#[derive(Clone, Debug)]
pub struct Page {
    pub answer: Answer,
    /// Where the form goes; `None` without a form.
    pub action: Option<Url>,
    /// What the form holds: hidden and text fields, ticked boxes, chosen options.
    pub fields: Vec<(String, String)>,
    buttons: Vec<Vec<(String, String)>>,
}

impl Page {
    pub fn of(answer: Answer) -> Self {
        let text = answer.text();
        let tags = tags(&text);
        let action = tags.iter().find(|tag| tag.0 == "form").map(|tag| answer.url.join(&value(tag, "action").unwrap()).unwrap());
        let fields = tags.iter().filter_map(field).collect();
        let buttons = tags.iter().filter(|tag| tag.0 == "button").map(|tag| tag.1.clone()).collect();
        Self { answer, action, fields, buttons }
    }
    pub fn status(&self) -> u16 {
        self.answer.status
    }
    pub fn text(&self) -> String {
        self.answer.text()
    }
    pub fn title(&self) -> String {
        between(&self.text(), "<title>", "</title>")
    }
    pub fn has_field(&self, name: &str) -> bool {
        self.fields.iter().any(|(own, _)| own == name)
    }
    pub fn is_sign_in(&self) -> bool {
        self.title().contains("Sign in") && self.has_field("username") && self.has_field("password")
    }
    pub fn is_consent(&self) -> bool {
        self.buttons.iter().any(|button| button.contains(&("value".to_owned(), "deny".to_owned())))
    }
    /// The page with this box unticked.
    pub fn unticked(mut self, name: &str, value: &str) -> Self {
        let before = self.fields.len();
        self.fields.retain(|(own, ticked)| (own.as_str(), ticked.as_str()) != (name, value));
        assert_eq!(self.fields.len() + 1, before, "no box {name}={value}: {}", self.text());
        self
    }
    /// The request that pressing a button sends, with some fields filled in. `button` is its value or its class.
    pub fn pressed(&self, button: &str, values: &[(&str, &str)]) -> Request {
        let pressed = self
            .buttons
            .iter()
            .find(|attributes| attributes.iter().any(|(name, value)| (name == "value" || name == "class") && value == button));
        let pressed = pressed.unwrap_or_else(|| panic!("no button {button}: {}", self.text()));
        let attribute = |name: &str| pressed.iter().find(|(own, _)| own == name).map(|(_, value)| value.clone());
        let mut pairs = self.fields.clone();
        for (name, value) in values {
            let field = pairs.iter_mut().find(|(own, _)| own == name).unwrap_or_else(|| panic!("no field {name}: {}", self.text()));
            field.1 = (*value).to_owned();
        }
        pairs.extend(attribute("name").zip(attribute("value")));
        Request::form(self.action.as_ref().unwrap().as_str(), &pairs).header("accept", "text/html")
    }
}

type Tag = (String, Vec<(String, String)>);

fn field(tag: &Tag) -> Option<(String, String)> {
    let has = |name: &str| value(tag, name).is_some();
    let kind = value(tag, "type").unwrap_or_default();
    let counts = tag.0 == "input" && !has("disabled") && (has("checked") || !["checkbox", "radio"].contains(&kind.as_str()));
    counts.then(|| Some((value(tag, "name")?, value(tag, "value").unwrap_or_default()))).flatten()
}

fn value(tag: &Tag, name: &str) -> Option<String> {
    tag.1.iter().find(|(own, _)| own == name).map(|(_, value)| value.clone())
}

/// Every opening tag with its attributes. Our own pages are well-formed, which `pages_*` tests see to.
fn tags(html: &str) -> Vec<Tag> {
    html.split('<').skip(1).filter(|piece| piece.starts_with(|c: char| c.is_ascii_alphabetic())).map(tag).collect()
}

fn tag(piece: &str) -> Tag {
    let name: String = piece.chars().take_while(char::is_ascii_alphanumeric).collect();
    let mut rest = &piece[name.len()..];
    let mut attributes = vec![];
    loop {
        rest = rest.trim_start();
        let own: String = rest.chars().take_while(|c| c.is_ascii_alphanumeric() || *c == '-').collect();
        if own.is_empty() {
            return (name, attributes);
        }
        rest = &rest[own.len()..];
        let value = rest.strip_prefix("=\"").map(|quoted| quoted.split('"').next().unwrap());
        rest = value.map_or(rest, |value| &rest[value.len() + 3..]);
        attributes.push((own, unescape(value.unwrap_or_default())));
    }
}

fn unescape(text: &str) -> String {
    let named = [
        ("&#60;", "<"),
        ("&#62;", ">"),
        ("&#34;", "\""),
        ("&#39;", "'"),
        ("&lt;", "<"),
        ("&gt;", ">"),
        ("&quot;", "\""),
        ("&#38;", "&"),
        ("&amp;", "&"),
    ];
    named.iter().fold(text.to_owned(), |text, (from, to)| text.replace(from, to))
}

/// What stands between two marks.
pub fn between(text: &str, from: &str, to: &str) -> String {
    text.split_once(from).and_then(|(_, rest)| rest.split_once(to)).map(|(inside, _)| inside.to_owned()).unwrap_or_default()
}
