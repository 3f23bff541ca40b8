//! One request and its answer over a stream that somebody connected: what the command line speaks to a server with.

use bytes::Bytes;
use http::{Request, Response};
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite};

/// Sends the request and reads the head of the answer; its body comes piece by piece. The text is what broke.
pub async fn exchange(
    stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
    request: Request<Full<Bytes>>,
) -> Result<Response<Incoming>, String> {
    let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await.map_err(|error| error.to_string())?;
    // The connection lives as long as the answer is being read, and ends with it.
    tokio::spawn(connection);
    sender.send_request(request).await.map_err(|error| error.to_string())
}

/// The same, with the body read whole.
pub async fn exchange_whole(
    stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
    request: Request<Full<Bytes>>,
) -> Result<Response<Bytes>, String> {
    use http_body_util::BodyExt;
    let (head, body) = exchange(stream, request).await?.into_parts();
    let body = body.collect().await.map_err(|error| error.to_string())?.to_bytes();
    Ok(Response::from_parts(head, body))
}
