//! One request, one connection: HTTP/1.1 over hyper, so that nothing is pooled, followed or repaired on the way.

use super::Answer;
use http::{HeaderName, HeaderValue, Method};
use http_body_util::{BodyExt, Full};
use hyper::body::Bytes;
use hyper_util::rt::TokioIo;
use std::path::Path;
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpStream, UnixStream};
use url::Url;

const PATIENCE: Duration = Duration::from_secs(60);

/// A request to be sent.
#[derive(Clone)]
pub struct Request {
    pub method: Method,
    pub url: Url,
    pub headers: Vec<(String, String)>,
    pub body: Vec<u8>,
}

impl Request {
    pub fn new(method: Method, url: &str) -> Self {
        Self { method, url: Url::parse(url).unwrap(), headers: vec![], body: vec![] }
    }
    pub fn get(url: &str) -> Self {
        Self::new(Method::GET, url)
    }
    /// A form in the body.
    pub fn form<N: AsRef<str>, V: AsRef<str>>(url: &str, pairs: &[(N, V)]) -> Self {
        Self::new(Method::POST, url).body("application/x-www-form-urlencoded", form_encoded(pairs))
    }
    pub fn json(url: &str, value: &serde_json::Value) -> Self {
        Self::new(Method::POST, url).body("application/json", value.to_string())
    }
    pub fn body(mut self, content_type: &str, body: impl Into<Vec<u8>>) -> Self {
        self.body = body.into();
        self.header("content-type", content_type)
    }
    pub fn header(mut self, name: &str, value: &str) -> Self {
        self.headers.push((name.to_owned(), value.to_owned()));
        self
    }
    pub fn bearer(self, token: &str) -> Self {
        self.header("authorization", &format!("Bearer {token}"))
    }
    pub fn basic(self, id: &str, secret: &str) -> Self {
        use base64::{Engine, engine::general_purpose::STANDARD};
        let encode = |text: &str| url::form_urlencoded::byte_serialize(text.as_bytes()).collect::<String>();
        let pair = STANDARD.encode(format!("{}:{}", encode(id), encode(secret)));
        self.header("authorization", &format!("Basic {pair}"))
    }
    pub async fn send(self) -> Answer {
        send(self).await
    }
    /// Sends it over a Unix socket, as to the admin API.
    pub async fn send_to_socket(self, path: &Path) -> Answer {
        let stream = UnixStream::connect(path).await.unwrap();
        tokio::time::timeout(PATIENCE, exchange_over(stream, self)).await.unwrap().unwrap()
    }
    /// Sends it to a server that may die meanwhile; nothing if no whole answer came back.
    pub async fn send_to_the_dying(self) -> Option<Answer> {
        tokio::time::timeout(PATIENCE, exchange(self)).await.ok()?.ok()
    }
}

/// Pairs as `application/x-www-form-urlencoded`, repeats and all.
pub fn form_encoded<N: AsRef<str>, V: AsRef<str>>(pairs: &[(N, V)]) -> String {
    let mut text = url::form_urlencoded::Serializer::new(String::new());
    for (name, value) in pairs {
        text.append_pair(name.as_ref(), value.as_ref());
    }
    text.finish()
}

/// Sends it and reads the whole answer. Redirects are the caller's business.
pub async fn send(request: Request) -> Answer {
    let line = format!("{} {}", request.method, request.url.path());
    match tokio::time::timeout(PATIENCE, exchange(request)).await {
        Ok(answer) => answer.unwrap_or_else(|why| panic!("{line}: {why}")),
        Err(_) => panic!("{line}: no answer within {PATIENCE:?}"),
    }
}

type Wrong = Box<dyn std::error::Error + Send + Sync>;

async fn exchange(request: Request) -> Result<Answer, Wrong> {
    let host = request.url.host_str().unwrap_or_default();
    let port = request.url.port_or_known_default().unwrap_or_default();
    exchange_over(TcpStream::connect((host, port)).await?, request).await
}

async fn exchange_over<S: AsyncRead + AsyncWrite + Send + Unpin + 'static>(stream: S, request: Request) -> Result<Answer, Wrong> {
    let url = &request.url;
    let host = url.host_str().unwrap_or_default();
    let port = url.port_or_known_default().unwrap_or_default();
    let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream)).await?;
    tokio::spawn(connection);
    let path = url.query().map_or_else(|| url.path().to_owned(), |query| format!("{}?{query}", url.path()));
    let mut outgoing = hyper::Request::new(Full::new(Bytes::from(request.body.clone())));
    *outgoing.method_mut() = request.method.clone();
    *outgoing.uri_mut() = path.parse()?;
    let headers = outgoing.headers_mut();
    if !request.headers.iter().any(|(name, _)| name.eq_ignore_ascii_case("host")) {
        headers.insert("host", HeaderValue::from_str(&format!("{host}:{port}"))?);
    }
    for (name, value) in &request.headers {
        headers.append(name.parse::<HeaderName>()?, HeaderValue::from_bytes(value.as_bytes())?);
    }
    let response = sender.send_request(outgoing).await?;
    let (head, body) = response.into_parts();
    let body = body.collect().await?.to_bytes();
    Ok(Answer { url: request.url, status: head.status.as_u16(), headers: head.headers, body: body.to_vec() })
}

/// Sends these very bytes and returns what comes back until the server closes or `wait` is over.
pub async fn send_raw(address: &str, bytes: &[u8], wait: Duration) -> String {
    let mut stream = TcpStream::connect(address).await.unwrap();
    // A server that has heard enough may close while we still speak.
    let _ = stream.write_all(bytes).await;
    let mut all = vec![];
    let mut piece = [0; 4096];
    while let Ok(Ok(count @ 1..)) = tokio::time::timeout(wait, stream.read(&mut piece)).await {
        all.extend_from_slice(&piece[..count]);
    }
    String::from_utf8_lossy(&all).into_owned()
}
