//! The pages people see: escaped by askama, one primary button a page, usable without JavaScript. Those that pass something on
//! (`form_post`, `front_channel`, `check_session`) have one short script each. Nothing is loaded from anywhere but the picture of the app
//! that asks (docs/decisions/0020) and the frames of a front-channel sign-out (0018).
//!
//! What a stranger chose (an app's name, its links) comes in as [`DisplayText`] and [`WebLink`], so that no page can show it raw
//! (THREATS.md A59). Answers are made by [`html`], which gives them the page's own content security policy.

mod app_view;
mod check_session;
mod consent;
mod display_text;
mod error;
mod form_post;
mod front_channel;
mod languages;
mod onward;
mod policy;
mod scope_words;
mod sign_in;
mod sign_out;
mod style;

pub use app_view::{AppView, Logo, WebLink};
pub use check_session::CheckSessionPage;
pub use consent::{ClaimChoice, ConsentPage, OfflineChoice, PatientChoice, ScopeChoice, ScopeGroup};
pub use display_text::DisplayText;
pub use error::{ErrorPage, NextStep};
pub use form_post::FormPostPage;
pub use front_channel::FrontChannelPage;
pub use languages::Languages;
pub use onward::{Onward, OnwardPage};
pub use policy::FormTargets;
pub use scope_words::{ScopeKind, ScopeWords, scope_words};
pub use sign_in::{SecondFactorPage, SignInPage};
pub use sign_out::{SignOutPage, SignedOutPage};

use super::{Response, reply};
use http::{HeaderValue, StatusCode, header::CONTENT_SECURITY_POLICY};

/// What every form carries back: where it goes and what it belongs to.
#[derive(Clone, Copy)]
pub struct Form<'a> {
    /// The path that takes the POST.
    pub action: &'a str,
    /// The opaque handle of the interaction, field `interaction`; everything else about the request stays at the server.
    pub interaction: &'a str,
    /// The interaction's token against forged requests, field `csrf_token`.
    pub csrf_token: &'a str,
}

/// A page with the policy under which a browser may show it.
pub trait Page: askama::Template {
    /// The `Content-Security-Policy` of this page.
    fn policy(&self) -> String;
}

/// The page as an answer: not to be stored, under its own content security policy.
pub fn html(status: StatusCode, page: &impl Page) -> Response {
    let Ok(body) = page.render() else { return reply::server_error() };
    let Ok(policy) = HeaderValue::try_from(page.policy()) else { return reply::server_error() };
    let response = reply::no_store(reply::content(status, "text/html;charset=UTF-8", body));
    reply::with_header(response, CONTENT_SECURITY_POLICY, policy)
}

#[cfg(test)]
mod tests;
