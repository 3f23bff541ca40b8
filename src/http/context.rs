//! What every endpoint stands on.

use super::{Inbound, Response, reply};
use crate::command::Refused;
use crate::event::Refusal;
use crate::ledger::{Failure, Ledger, Site};
use crate::terms::{ErrorCode, RequestFacts, SiteName};
use http::header::{RETRY_AFTER, USER_AGENT};
use http::{HeaderValue, StatusCode};
use serde_json::Value;
use std::sync::Arc;

/// The server, as its endpoints see it. Cheap to clone.
#[derive(Clone)]
pub struct Context {
    /// Everything that can be known or done.
    pub ledger: Ledger,
}

/// One request at one site.
#[derive(Clone)]
pub struct At {
    /// The server.
    pub ledger: Ledger,
    /// The site.
    pub site: Arc<Site>,
    /// The request.
    pub inbound: Arc<Inbound>,
}

impl Context {
    /// The request at the site of this name; none if there is no such site.
    pub fn at(&self, name: &str, inbound: Arc<Inbound>) -> Option<At> {
        let named = name.parse::<SiteName>().ok().filter(|name| *name != SiteName::server());
        let site = named.and_then(|name| self.ledger.site(&name)).filter(|site| site.is_open());
        site.map(|site| At { ledger: self.ledger.clone(), site, inbound })
    }
}

/// An unknown site is said as JSON, never by redirect (SPEC.md a.0).
pub fn unknown_site() -> Response {
    reply::request_error(StatusCode::BAD_REQUEST, "There is no such site.")
}

impl At {
    /// What is recorded of the request beside its events.
    pub fn facts(&self) -> RequestFacts {
        let user_agent = self.inbound.header(USER_AGENT).map(|text| text.chars().take(256).collect());
        RequestFacts { corr: self.inbound.corr, ip: Some(self.inbound.peer.ip), user_agent }
    }
    /// The path below which the site's endpoints stand, as `/oauth2/default`.
    pub fn base_path(&self) -> String {
        let issuer = self.site.issuer();
        url::Url::parse(&issuer).map(|url| url.path().trim_end_matches('/').to_owned()).unwrap_or_default()
    }
    /// Whether the browser would rather see a page than JSON.
    pub fn wants_html(&self) -> bool {
        let accept = self.inbound.header(http::header::ACCEPT).unwrap_or_default();
        accept.contains("text/html") || accept.contains("application/xhtml+xml")
    }
}

/// A refusal as JSON (RFC 6749 §5.2).
pub fn refused(refused: &Refused) -> Response {
    let (status, body) = refused_body(refused);
    let response = reply::no_store(reply::json(status, &body));
    match status {
        StatusCode::TOO_MANY_REQUESTS | StatusCode::SERVICE_UNAVAILABLE => with_retry(response),
        _ => response,
    }
}

/// The status and body of a refusal.
pub fn refused_body(refused: &Refused) -> (StatusCode, Value) {
    let reply = refused.refusal.reply();
    let status = StatusCode::from_u16(reply.status).unwrap_or(StatusCode::BAD_REQUEST);
    (status, reply::oauth_error_body(reply.code, &description(refused)))
}

/// The `error_description`: the fixed sentence, and what it is about where somebody can act on that.
pub fn description(refused: &Refused) -> String {
    let fixed = refused.refusal.reply().description;
    match &refused.detail {
        Some(detail) => format!("{fixed}: {}", printable(detail)),
        None => fixed.to_owned(),
    }
}

/// The characters of `error_description` (RFC 6749 §5.2).
fn printable(text: &str) -> String {
    text.chars().filter(|c| (' '..='~').contains(c) && *c != '"' && *c != '\\').take(300).collect()
}

/// The same, without a detail.
pub fn refusal(refusal: Refusal) -> Response {
    refused(&Refused::from(refusal))
}

/// A request that could not be served: 503 if it may be tried again, 500 otherwise, never a false answer. Once something was
/// decided there is only the answer or a closed connection, so a log that has stopped is answered by nothing: the process is ending.
pub async fn failed(failure: Failure) -> Response {
    match failure {
        Failure::Busy | Failure::ClockUntrusted => {
            let (code, text) = (ErrorCode::TemporarilyUnavailable, "The server is too busy; please try again in a moment");
            with_retry(reply::oauth_error(StatusCode::SERVICE_UNAVAILABLE, code, text))
        }
        Failure::Stopped => std::future::pending().await,
        Failure::Unreadable(_) | Failure::Vault(_) | Failure::Checkpoint(_) | Failure::Contradiction(_) => {
            tracing::error!(%failure, "a request could not be served");
            reply::server_error()
        }
    }
}

/// A failure after something was decided: a code is redeemed, a token rotated, and an answer of any kind would make the caller's
/// retry a replay. Nothing is said, and the door closes the connection (DESIGN.md §1.2).
pub async fn failed_after_deciding(failure: Failure) -> Response {
    tracing::error!(%failure, "what was decided could not be answered; the connection is closed without an answer");
    std::future::pending().await
}

fn with_retry(response: Response) -> Response {
    reply::with_header(response, RETRY_AFTER, HeaderValue::from_static("2"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::task::Poll;

    #[tokio::test]
    async fn an_outage_is_never_told_as_an_inactive_token() {
        for (failure, status) in [
            (Failure::Busy, StatusCode::SERVICE_UNAVAILABLE),
            (Failure::ClockUntrusted, StatusCode::SERVICE_UNAVAILABLE),
            (Failure::Unreadable("x".to_owned()), StatusCode::INTERNAL_SERVER_ERROR),
            (Failure::Contradiction("x".to_owned()), StatusCode::INTERNAL_SERVER_ERROR),
        ] {
            assert_eq!(failed(failure).await.status(), status);
        }
        let mut stopped = Box::pin(failed(Failure::Stopped));
        let polled = std::future::poll_fn(|context| Poll::Ready(stopped.as_mut().poll(context).is_pending())).await;
        assert!(polled, "a log that has stopped is answered by nothing");
    }
}
