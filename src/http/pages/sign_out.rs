//! Signing out (OpenID Connect RP-Initiated Logout §2).

use super::{DisplayText, Form, FormTargets, Page, WebLink, policy};
use askama::Template;

/// Asks whether to sign out: the form sends `decision` = `allow` or `deny`.
#[derive(Template)]
#[template(path = "sign_out.html")]
pub struct SignOutPage<'a> {
    /// The site's name for people.
    pub site_title: DisplayText,
    /// Who is signed in.
    pub username: Option<DisplayText>,
    /// The app that asked.
    pub app_name: Option<DisplayText>,
    /// What is wrong with how it asked: one of our own fixed sentences.
    pub error: Option<&'static str>,
    /// Where the form goes.
    pub form: Form<'a>,
    /// Where the browser may end up after it.
    pub form_targets: FormTargets,
}

impl Page for SignOutPage<'_> {
    fn policy(&self) -> String {
        policy::form_page(&self.form_targets)
    }
}

/// Says what became of signing out.
#[derive(Template)]
#[template(path = "signed_out.html")]
pub struct SignedOutPage {
    /// The site's name for people.
    pub site_title: DisplayText,
    /// What happened, in two or three of our own words.
    pub title: &'static str,
    /// What happened: one of our own fixed sentences.
    pub sentence: &'static str,
    /// Where to go from here.
    pub back_to: Option<(DisplayText, WebLink)>,
}

impl Page for SignedOutPage {
    fn policy(&self) -> String {
        policy::still_page()
    }
}
