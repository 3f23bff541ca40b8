//! Before a browser leaves for an app that nobody has checked (RFC 9700 §4.11.2, THREATS.md A13).

use super::{AppView, DisplayText, Page, policy};
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
    /// The whole answer to it: a redirection URI of its own, already matched, with the error.
    pub href: &'a str,
    /// What the app would be told.
    pub code: ErrorCode,
    /// The request's id, under which the log knows more.
    pub request_id: RequestId,
}

impl Page for OnwardPage<'_> {
    fn policy(&self) -> String {
        policy::still_page()
    }
}
