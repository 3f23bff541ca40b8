//! When nothing can be sent to the app, the person is told (RFC 6749 §4.1.2.1). Never repeats text of the request (THREATS.md A91).

use super::{DisplayText, Page, policy};
use crate::terms::{ErrorCode, RequestId};
use askama::Template;

/// An error for people: what happened, what to do, and what to tell whoever can help.
#[derive(Template)]
#[template(path = "error.html")]
pub struct ErrorPage<'a> {
    /// The site's name for people.
    pub site_title: DisplayText,
    /// What happened, in a few words.
    pub title: &'a str,
    /// What happened, in one or two of our own sentences.
    pub sentence: &'a str,
    /// The registered code.
    pub code: ErrorCode,
    /// The request's id, under which the log knows more.
    pub request_id: RequestId,
    /// What the person can do now.
    pub next: Option<NextStep<'a>>,
}

/// A link onwards.
#[derive(Clone, Copy)]
pub struct NextStep<'a> {
    /// Its words.
    pub label: &'a str,
    /// A path of ours.
    pub href: &'a str,
}

impl Page for ErrorPage<'_> {
    fn policy(&self) -> String {
        policy::still_page()
    }
}
