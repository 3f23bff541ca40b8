//! The form of one of our own pages, as much as a person's browser would send of it.

/// Where a form goes and what it holds: hidden fields, ticked boxes, and the first button that has a name.
#[derive(Clone, PartialEq, Debug)]
pub struct Form {
    /// The path it is posted to.
    pub action: String,
    /// Its pairs, in the order of the page.
    pub pairs: Vec<(String, String)>,
}

impl Form {
    /// The first form of the page.
    pub fn of(html: &str) -> Option<Self> {
        let (_, from) = html.split_once("<form")?;
        let (head, rest) = from.split_once('>')?;
        let (inside, _) = rest.split_once("</form>")?;
        let mut form = Self { action: attribute(head, "action")?, pairs: Vec::new() };
        let inputs = inside.split("<input").skip(1).filter_map(|part| part.split('>').next());
        form.pairs.extend(inputs.filter_map(sent));
        let button = inside.split("<button").skip(1).filter_map(|part| part.split('>').next()).next();
        form.pairs.extend(button.and_then(named));
        Some(form)
    }
    /// Whether it asks for a password.
    pub fn asks_for(html: &str, field: &str) -> bool {
        html.contains(&format!("name=\"{field}\""))
    }
}

/// What an input sends without a person typing into it.
fn sent(input: &str) -> Option<(String, String)> {
    match attribute(input, "type")?.as_str() {
        "hidden" => named(input),
        "checkbox" if input.contains(" checked") && !input.contains(" disabled") => named(input),
        _ => None,
    }
}

fn named(tag: &str) -> Option<(String, String)> {
    Some((attribute(tag, "name")?, attribute(tag, "value")?))
}

fn attribute(tag: &str, name: &str) -> Option<String> {
    let (_, from) = tag.split_once(&format!(" {name}=\""))?;
    let (value, _) = from.split_once('"')?;
    Some(unescaped(value))
}

/// The characters that our templates escape, by number.
fn unescaped(text: &str) -> String {
    let numbers = [("&#60;", "<"), ("&#62;", ">"), ("&#34;", "\""), ("&#39;", "'"), ("&#38;", "&")];
    numbers.iter().fold(text.to_owned(), |text, (escaped, plain)| text.replace(escaped, plain))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_form_sends_hidden_fields_ticked_boxes_and_its_first_button() {
        let html = r#"<p name="x" value="y"><form method="post" action="/oauth2/a/consent">
            <input type="hidden" name="interaction" value="a&#38;b">
            <input type="text" name="username" value="typed">
            <input type="hidden" name="scope" value="openid"><input type="checkbox" checked disabled>
            <input type="checkbox" name="scope" value="email" checked><input type="checkbox" name="scope" value="phone">
            <button type="submit" name="decision" value="allow">Allow</button><button name="decision" value="deny">Deny</button></form>"#;
        let form = Form::of(html).unwrap();
        let pairs: Vec<(&str, &str)> = form.pairs.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        assert_eq!(form.action, "/oauth2/a/consent");
        assert_eq!(pairs, [("interaction", "a&b"), ("scope", "openid"), ("scope", "email"), ("decision", "allow")]);
        assert!(Form::asks_for(html, "username") && !Form::asks_for(html, "password"));
        assert_eq!(Form::of("<p>no form</p>"), None);
    }
}
