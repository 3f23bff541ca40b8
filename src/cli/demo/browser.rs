//! The demo's browser and app in one: HTTP/1.1 over loopback, one cookie, forms read from the pages.

use crate::cli::exit::CliError;
use crate::http::exchange::exchange_whole;
use bytes::Bytes;
use http::header::{CONTENT_TYPE, COOKIE, HOST, LOCATION, SET_COOKIE};
use http::{Method, Request, StatusCode};
use http_body_util::Full;
use std::net::SocketAddr;
use tokio::net::TcpStream;

/// The story did not go as it should.
pub(super) fn unexpected(text: impl Into<String>) -> CliError {
    CliError::differs(text)
}

/// A browser with one server and one cookie.
pub(super) struct Browser {
    address: SocketAddr,
    cookie: Option<String>,
}

/// An answer, read whole.
pub(super) struct Answer {
    /// Its status.
    pub status: StatusCode,
    /// Where it sends the browser.
    pub location: Option<String>,
    /// Its body.
    pub body: String,
}

/// What a request carries.
pub(super) enum Body<'a> {
    /// Nothing.
    None,
    /// A JSON text.
    Json(String),
    /// A form.
    Form(&'a [(&'a str, &'a str)]),
}

impl Browser {
    /// A browser for this server.
    pub fn new(address: SocketAddr) -> Self {
        Self { address, cookie: None }
    }

    /// Sends a request to this URL or path of the server.
    pub async fn send(
        &mut self,
        method: Method,
        url: &str,
        headers: &[(&'static str, String)],
        body: Body<'_>,
    ) -> Result<Answer, CliError> {
        let origin = format!("http://{}", self.address);
        let path = url.strip_prefix(&origin).unwrap_or(url);
        let mut request = Request::builder().method(method).uri(path).header(HOST, self.address.to_string());
        for (name, value) in headers {
            request = request.header(*name, value);
        }
        if let Some(cookie) = &self.cookie {
            request = request.header(COOKIE, cookie);
        }
        let (content_type, bytes) = match body {
            Body::None => (None, Bytes::new()),
            Body::Json(text) => (Some("application/json"), Bytes::from(text)),
            Body::Form(fields) => (Some("application/x-www-form-urlencoded"), Bytes::from(encoded(fields))),
        };
        if let Some(content_type) = content_type {
            request = request.header(CONTENT_TYPE, content_type);
        }
        let request = request.body(Full::new(bytes)).map_err(|error| unexpected(error.to_string()))?;
        self.exchange(request).await
    }

    async fn exchange(&mut self, request: Request<Full<Bytes>>) -> Result<Answer, CliError> {
        let unreachable = |error: &dyn std::fmt::Display| CliError::unreachable(format!("the server does not answer: {error}"));
        let stream = TcpStream::connect(self.address).await.map_err(|error| unreachable(&error))?;
        let (head, body) = exchange_whole(stream, request).await.map_err(|error| unreachable(&error))?.into_parts();
        if let Some(cookie) = head.headers.get(SET_COOKIE).and_then(|value| value.to_str().ok()) {
            self.cookie = cookie.split(';').next().map(str::to_owned);
        }
        let location = head.headers.get(LOCATION).and_then(|value| value.to_str().ok()).map(str::to_owned);
        Ok(Answer { status: head.status, location, body: String::from_utf8_lossy(&body).into_owned() })
    }
}

impl Answer {
    /// The body as JSON.
    pub fn json(&self) -> Result<serde_json::Value, CliError> {
        serde_json::from_str(&self.body).map_err(|_| unexpected(format!("{}: not JSON", self.status)))
    }
    /// A string member of the JSON body.
    pub fn member(&self, name: &str) -> Result<String, CliError> {
        let found = self.json()?.get(name).and_then(|value| value.as_str().map(str::to_owned));
        found.ok_or_else(|| unexpected(format!("{}: no {name} in the answer", self.status)))
    }
    /// The value of a hidden field of the page.
    pub fn field(&self, name: &str) -> Result<String, CliError> {
        let at = format!("name=\"{name}\" value=\"");
        let found = self.body.split_once(&at).and_then(|(_, rest)| rest.split_once('"')).map(|(value, _)| value.to_owned());
        found.ok_or_else(|| unexpected(format!("{}: no field {name} on the page", self.status)))
    }
    /// A parameter of the address that the browser is sent to.
    pub fn sent_with(&self, name: &str) -> Result<String, CliError> {
        let url = self.location.as_deref().and_then(|location| url::Url::parse(location).ok());
        let found = url.and_then(|url| url.query_pairs().find(|(own, _)| own == name).map(|(_, value)| value.into_owned()));
        found.ok_or_else(|| unexpected(format!("{}: not sent on with {name}", self.status)))
    }
}

fn encoded(fields: &[(&str, &str)]) -> String {
    url::form_urlencoded::Serializer::new(String::new()).extend_pairs(fields).finish()
}
