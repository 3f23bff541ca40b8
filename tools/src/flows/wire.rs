//! One HTTP/1.1 connection that is opened again when the server closes it.

use super::target::{Place, Target};
use bytes::Bytes;
use http::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE, COOKIE, HOST, LOCATION, SET_COOKIE};
use http::{HeaderMap, Method, Request};
use http_body_util::{BodyExt, Full};
use hyper::client::conn::http1::{SendRequest, handshake};
use hyper_util::rt::TokioIo;
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpStream, UnixStream};

/// Why nothing came back.
#[derive(Debug, thiserror::Error)]
pub enum WireError {
    /// Nobody listens.
    #[error("{0} cannot be reached: {1}")]
    Unreachable(Place, std::io::Error),
    /// The connection broke.
    #[error("the connection broke: {0}")]
    Broken(#[from] hyper::Error),
    /// The request cannot be written.
    #[error("a request cannot be written: {0}")]
    Request(#[from] http::Error),
    /// It took too long.
    #[error("no answer within 30 s")]
    TooSlow,
}

/// What came back.
pub struct Answer {
    /// The status code.
    pub status: u16,
    /// The header fields.
    pub headers: HeaderMap,
    /// The whole body.
    pub body: Bytes,
}

impl Answer {
    /// Where it redirects to.
    pub fn location(&self) -> Option<&str> {
        self.headers.get(LOCATION)?.to_str().ok()
    }
    /// The id under which the log has what the request did.
    pub fn request_id(&self) -> &str {
        self.headers.get("x-request-id").and_then(|id| id.to_str().ok()).unwrap_or_default()
    }
    /// The body as JSON; null if it is none.
    pub fn json(&self) -> serde_json::Value {
        serde_json::from_slice(&self.body).unwrap_or_default()
    }
}

/// What a request carries besides its path.
#[derive(Default)]
pub struct Cargo<'a> {
    /// Form pairs; with them it is a POST.
    pub form: Option<&'a [(&'a str, &'a str)]>,
    /// A JSON body; with it it is a POST.
    pub json: Option<String>,
    /// The value of `Authorization`.
    pub authorization: Option<&'a str>,
    /// Whether it comes with the browser's cookie and wants a page.
    pub browser: bool,
    /// Its method, if that does not follow from what it carries.
    pub method: Option<Method>,
    /// A bearer token.
    pub bearer: Option<&'a str>,
}

/// A connection and the cookie of the browser behind it.
pub struct Wire {
    target: Target,
    sender: Option<SendRequest<Full<Bytes>>>,
    cookie: Option<String>,
}

const PATIENCE: Duration = Duration::from_secs(30);

impl Wire {
    /// Not connected yet.
    pub fn new(target: &Target) -> Self {
        Self { target: target.clone(), sender: None, cookie: None }
    }

    /// The server was started again: the next request opens a connection of its own.
    pub fn forget_connection(&mut self) {
        self.sender = None;
    }

    /// Sends one request and reads the whole answer. What is sent is sent once: a code must not be presented twice.
    pub async fn send(&mut self, path: &str, cargo: &Cargo<'_>) -> Result<Answer, WireError> {
        let request = self.request(path, cargo)?;
        let answer = tokio::time::timeout(PATIENCE, self.exchange(request)).await.unwrap_or(Err(WireError::TooSlow));
        match answer {
            Ok(answer) => {
                self.keep_cookie(&answer);
                Ok(answer)
            }
            Err(error) => {
                self.sender = None;
                Err(error)
            }
        }
    }

    fn request(&self, path: &str, cargo: &Cargo<'_>) -> Result<Request<Full<Bytes>>, WireError> {
        let mut builder = Request::builder().uri(path).header(HOST, &self.target.authority);
        builder = cargo.authorization.iter().fold(builder, |builder, value| builder.header(AUTHORIZATION, *value));
        if cargo.browser {
            builder = builder.header(ACCEPT, "text/html");
            builder = self.cookie.iter().fold(builder, |builder, cookie| builder.header(COOKIE, cookie));
        }
        let body = match (cargo.form, &cargo.json) {
            (Some(pairs), _) => {
                builder = builder.method(Method::POST).header(CONTENT_TYPE, "application/x-www-form-urlencoded");
                url::form_urlencoded::Serializer::new(String::new()).extend_pairs(pairs).finish()
            }
            (None, Some(json)) => {
                builder = builder.method(Method::POST).header(CONTENT_TYPE, "application/json");
                json.clone()
            }
            (None, None) => String::new(),
        };
        if let Some(method) = &cargo.method {
            builder = builder.method(method);
        }
        if let Some(token) = cargo.bearer {
            builder = builder.header(AUTHORIZATION, format!("Bearer {token}"));
        }
        Ok(builder.body(Full::new(Bytes::from(body)))?)
    }

    async fn exchange(&mut self, request: Request<Full<Bytes>>) -> Result<Answer, WireError> {
        let mut sender = match self.sender.take() {
            Some(sender) => sender,
            None => self.connect().await?,
        };
        if sender.ready().await.is_err() {
            sender = self.connect().await?;
        }
        let (head, body) = sender.send_request(request).await?.into_parts();
        let body = body.collect().await?.to_bytes();
        self.sender = Some(sender);
        Ok(Answer { status: head.status.as_u16(), headers: head.headers, body })
    }

    async fn connect(&self) -> Result<SendRequest<Full<Bytes>>, WireError> {
        let place = &self.target.place;
        let unreachable = |error| WireError::Unreachable(place.clone(), error);
        match place {
            Place::Loopback(address) => {
                let stream = TcpStream::connect(address).await.map_err(unreachable)?;
                // A small request must not wait for the other side's acknowledgement of the one before.
                stream.set_nodelay(true).map_err(unreachable)?;
                spoken_over(stream).await
            }
            Place::Socket(path) => spoken_over(UnixStream::connect(path).await.map_err(unreachable)?).await,
        }
    }

    /// The next request opens a new connection.
    pub fn hang_up(&mut self) {
        self.sender = None;
    }

    /// The site has one cookie; the last one set is the one.
    fn keep_cookie(&mut self, answer: &Answer) {
        let lines = answer.headers.get_all(SET_COOKIE).iter().filter_map(|line| line.to_str().ok());
        if let Some(pair) = lines.filter_map(|line| line.split(';').next()).next_back() {
            self.cookie = Some(pair.to_owned());
        }
    }
}

async fn spoken_over<S>(stream: S) -> Result<SendRequest<Full<Bytes>>, WireError>
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let (sender, connection) = handshake(TokioIo::new(stream)).await?;
    tokio::spawn(connection);
    Ok(sender)
}
