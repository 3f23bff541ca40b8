//! Signing in (SPEC.md a.4, CONFORMANCE.md §2).

use super::{AppView, DisplayText, Form, FormTargets, Page, policy};
use askama::Template;

/// `GET …/login`: fields `username`, `password`, perhaps `email` and `persist_login`; the button pressed is `user_role` =
/// `api` (the site's own users) or `portal-api` (patients).
#[derive(Template)]
#[template(path = "sign_in.html")]
pub struct SignInPage<'a> {
    /// The site's name for people.
    pub site_title: DisplayText,
    /// The app that asked; `None` when the person came to the site itself.
    pub app: Option<AppView>,
    /// Where the form goes.
    pub form: Form<'a>,
    /// Where the browser may end up after it.
    pub form_targets: FormTargets,
    /// Fills in the user name: `login_hint`, or what was typed before.
    pub username_hint: Option<&'a str>,
    /// Why this page is shown again: one of our own fixed sentences.
    pub error: Option<&'a str>,
    /// Whether patients have their own button.
    pub patient_directory: bool,
    /// Whether the e-mail address is asked for.
    pub show_email: bool,
    /// Whether "stay signed in" is offered.
    pub offer_remember: bool,
}

impl SignInPage<'_> {
    fn has_hint(&self) -> bool {
        self.username_hint.is_some_and(|hint| !hint.is_empty())
    }
}

impl Page for SignInPage<'_> {
    fn policy(&self) -> String {
        policy::form_page_with(&self.form_targets, self.app.as_ref().and_then(|app| app.logo.as_ref()))
    }
}

/// The second step after a right password: field `mfa_token`, six digits (RFC 6238).
#[derive(Template)]
#[template(path = "second_factor.html")]
pub struct SecondFactorPage<'a> {
    /// The site's name for people.
    pub site_title: DisplayText,
    /// Where the form goes.
    pub form: Form<'a>,
    /// Where the browser may end up after it.
    pub form_targets: FormTargets,
    /// Why this page is shown again: one of our own fixed sentences.
    pub error: Option<&'a str>,
}

impl Page for SecondFactorPage<'_> {
    fn policy(&self) -> String {
        policy::form_page(&self.form_targets)
    }
}
