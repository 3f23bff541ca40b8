//! One connection, one request, one answer.

use super::address::Destination;
use super::limits::{Lane, Limits, Place};
use super::{Errand, FetchError, Fetched, Freshness};
use crate::terms::HttpsUrl;
use bytes::Bytes;
use http::header::{ACCEPT, ACCEPT_ENCODING, CONTENT_ENCODING, CONTENT_TYPE, HOST, USER_AGENT};
use http::response::Parts;
use http::{Method, Request, StatusCode};
use http_body_util::{BodyExt, Full, LengthLimitError, Limited};
use hyper::body::Incoming;
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::TcpStream;
use tokio::task::JoinSet;
use tokio_rustls::client::TlsStream;
use tokio_rustls::{TlsConnector, rustls::ClientConfig};
use url::Position;

/// The longest body.
const BODY_BYTES: usize = 64 * 1024;
/// The most bytes of a head, and the most header fields.
const HEAD_BYTES: usize = 16 * 1024;
const HEAD_FIELDS: usize = 64;
/// So long one address is tried before the next one.
const CONNECT_PATIENCE: Duration = Duration::from_millis(1200);
/// So many addresses are tried.
const ATTEMPTS: usize = 2;
const AGENT: &str = concat!("writ/", env!("CARGO_PKG_VERSION"));

/// Connects to the first of these addresses that answers, and takes a place in its network's lane.
pub(super) async fn connect(addresses: &[SocketAddr], limits: &Limits, errand: Errand) -> Result<(TcpStream, Place), FetchError> {
    let mut why = FetchError::Unresolved;
    for address in addresses.iter().take(ATTEMPTS) {
        let place = limits.take(Lane::of(errand, address.ip()))?;
        match tokio::time::timeout(CONNECT_PATIENCE, TcpStream::connect(address)).await {
            Ok(Ok(stream)) => return Ok((stream, place)),
            Ok(Err(error)) => why = FetchError::Unreachable(error.kind().to_string()),
            Err(_) => why = FetchError::Unreachable("it does not answer".to_owned()),
        }
    }
    Err(why)
}

/// Speaks TLS with whoever answered; its certificate must be the destination's.
pub(super) async fn secure(config: Arc<ClientConfig>, to: &Destination, stream: TcpStream) -> Result<TlsStream<TcpStream>, FetchError> {
    let connected = TlsConnector::from(config).connect(to.server_name()?, stream).await;
    connected.map_err(|error| FetchError::Tls(error.to_string()))
}

/// Asks for the document and reads it whole.
pub(super) async fn get(stream: TlsStream<TcpStream>, url: &HttpsUrl, accept: &'static str) -> Result<Fetched, FetchError> {
    let request = to(url, Method::GET).header(ACCEPT, accept).header(ACCEPT_ENCODING, "identity").body(Full::default());
    let (head, body, _running) = answered(stream, request).await?;
    if head.status != StatusCode::OK {
        return Err(FetchError::Status(head.status.as_u16()));
    }
    if head.headers.get(CONTENT_ENCODING).is_some_and(|encoding| encoding != "identity") {
        return Err(FetchError::Encoded);
    }
    let body = Limited::new(body, BODY_BYTES).collect().await.map_err(|error| match error.is::<LengthLimitError>() {
        true => FetchError::TooLarge,
        false => FetchError::Broken(error.to_string()),
    })?;
    Ok(Fetched { body: body.to_bytes(), freshness: Freshness::of(&head.headers) })
}

/// Sends the form and reads the answer's head; what follows it says nothing that is wanted.
pub(super) async fn post_form(stream: TlsStream<TcpStream>, url: &HttpsUrl, form: String) -> Result<u16, FetchError> {
    let request = to(url, Method::POST).header(CONTENT_TYPE, "application/x-www-form-urlencoded").body(Full::from(form));
    let (head, _, _running) = answered(stream, request).await?;
    match head.status.is_success() {
        true => Ok(head.status.as_u16()),
        false => Err(FetchError::Status(head.status.as_u16())),
    }
}

fn to(url: &HttpsUrl, method: Method) -> http::request::Builder {
    let url = url.url();
    Request::builder()
        .method(method)
        .uri(&url[Position::BeforePath..Position::AfterQuery])
        .header(HOST, &url[Position::BeforeHost..Position::BeforePath])
        .header(USER_AGENT, AGENT)
}

/// The answer up to its body, unless it points elsewhere. The connection ends with what is returned last.
async fn answered(
    stream: TlsStream<TcpStream>,
    request: http::Result<Request<Full<Bytes>>>,
) -> Result<(Parts, Incoming, JoinSet<hyper::Result<()>>), FetchError> {
    let mut builder = http1::Builder::new();
    builder.max_buf_size(HEAD_BYTES).max_headers(HEAD_FIELDS);
    let (mut sender, connection) = builder.handshake(TokioIo::new(stream)).await.map_err(broken)?;
    // The connection ends with this call's caller, whatever becomes of it.
    let mut running = JoinSet::new();
    running.spawn(connection);
    let request = request.map_err(|error| FetchError::Broken(error.to_string()))?;
    let (head, body) = sender.send_request(request).await.map_err(broken)?.into_parts();
    match head.status.is_redirection() {
        true => Err(FetchError::Redirected(head.status.as_u16())),
        false => Ok((head, body, running)),
    }
}

fn broken(error: hyper::Error) -> FetchError {
    FetchError::Broken(error.to_string())
}
