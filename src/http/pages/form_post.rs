//! `response_mode=form_post` (OAuth 2.0 Form Post Response Mode §2; THREATS.md A11).

use super::{
    DisplayText, FormTargets, Page,
    style::{CSS_SOURCE, hash_source},
};
use askama::Template;

/// It sends the form. Without scripts the button does.
const SUBMIT: &str = "document.forms[0].submit()";

/// Sends the authorization response to the client as a form.
#[derive(Template)]
#[template(path = "form_post.html")]
pub struct FormPostPage<'a> {
    /// The site's name for people.
    pub site_title: DisplayText,
    /// The client's redirect URI, already matched.
    pub action: &'a str,
    /// The parameters of the response.
    pub fields: Vec<(&'a str, &'a str)>,
}

impl Page for FormPostPage<'_> {
    fn policy(&self) -> String {
        let (style, script, form) = (&*CSS_SOURCE, hash_source(SUBMIT), FormTargets::then(self.action).source());
        format!("default-src 'none'; style-src {style}; script-src {script}; base-uri 'none'; form-action {form}; frame-ancestors 'none'")
    }
}
