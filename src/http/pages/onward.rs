//! Before a browser leaves for an app that nobody has checked (RFC 9700 §4.11.2, THREATS.md A13).

use super::{AppView, DisplayText, FormTargets, Page, policy};
use crate::terms::{ErrorCode, RequestId};
use askama::Template;

/// Names the place that a request would send the person to; going there is the person's own decision.
#[derive(Template)]
#[template(path = "onward.html")]
pub struct OnwardPage<'a> {
    /// The site's name for people.
    pub site_title: DisplayText,
    /// The app that asked.
    pub app: AppView,
    /// The whole answer to it, with the error.
    pub onward: Onward<'a>,
    /// What the app would be told.
    pub code: ErrorCode,
    /// The request's id, under which the log knows more.
    pub request_id: RequestId,
}

/// How the person goes on.
pub enum Onward<'a> {
    /// By a link to a redirection URI of the app's, already matched, with the answer in it.
    Link(String),
    /// By a form that posts the answer there.
    Form {
        /// The redirection URI.
        action: &'a str,
        /// The parameters of the answer.
        fields: Vec<(&'a str, &'a str)>,
    },
}

impl Page for OnwardPage<'_> {
    fn policy(&self) -> String {
        match &self.onward {
            Onward::Link(_) => policy::still_page(),
            Onward::Form { action, .. } => policy::form_page(&FormTargets::then(action)),
        }
    }
}
