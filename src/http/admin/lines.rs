//! A body that is written while it is read: NDJSON, one JSON value a line; or bytes as they come.

use crate::http::Response;
use crate::http::reply::{content, no_store};
use bytes::Bytes;
use http::StatusCode;
use http_body_util::BodyDataStream;
use hyper::body::{Body, Frame};
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};
use tokio::sync::mpsc;
use warp::Reply;

/// Where lines are put. One that cannot be taken means that nobody reads any more.
pub(super) struct Writer {
    pieces: mpsc::Sender<io::Result<Bytes>>,
    buffer: Vec<u8>,
}

/// So many pieces wait to be read; then the writer waits.
const PIECES: usize = 8;
/// A piece is handed over when it has so many bytes.
const PIECE_BYTES: usize = 16 * 1024;

/// Nobody reads any more.
#[derive(Debug)]
pub(super) struct Gone;

impl Writer {
    /// Adds a line; it goes out when there are enough of them.
    pub(super) async fn line(&mut self, value: &impl serde::Serialize) -> Result<(), Gone> {
        serde_json::to_writer(&mut self.buffer, value).map_err(|_| Gone)?;
        self.buffer.push(b'\n');
        match self.buffer.len() >= PIECE_BYTES {
            true => self.flush().await,
            false => Ok(()),
        }
    }
    /// Lets everything go out.
    pub(super) async fn flush(&mut self) -> Result<(), Gone> {
        if self.buffer.is_empty() {
            return Ok(());
        }
        let piece = Bytes::from(std::mem::take(&mut self.buffer));
        self.pieces.send(Ok(piece)).await.map_err(|_| Gone)
    }
    /// Breaks the answer off: what was told is not all there is.
    pub(super) async fn fail(&self) {
        drop(self.pieces.send(Err(io::ErrorKind::BrokenPipe.into())).await);
    }
    /// Waits until nobody reads any more.
    pub(super) async fn gone(&self) {
        self.pieces.closed().await;
    }
}

/// A writer, and the answer that carries what it is given. The answer ends when the writer is dropped.
pub(super) fn lines() -> (Writer, Response) {
    let (sink, response) = pieces("application/x-ndjson");
    (Writer { pieces: sink.0, buffer: Vec::new() }, response)
}

/// The same for bytes, of a thread that may wait until they are taken.
pub(super) fn pieces(content_type: &'static str) -> (Sink, Response) {
    let (pieces, read) = mpsc::channel(PIECES);
    let streamed = warp::reply::stream(BodyDataStream::new(Pieces(read))).into_response();
    let mut response = no_store(content(StatusCode::OK, content_type, Vec::new()));
    *response.body_mut() = streamed.into_body();
    (Sink(pieces), response)
}

/// Where bytes are put. Not to be written to on a thread that serves requests.
#[derive(Clone)]
pub(super) struct Sink(mpsc::Sender<io::Result<Bytes>>);

impl Sink {
    /// Breaks the answer off: what was told is not all there is.
    pub(super) async fn fail(&self) {
        drop(self.0.send(Err(io::ErrorKind::BrokenPipe.into())).await);
    }
}

impl io::Write for Sink {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let sent = self.0.blocking_send(Ok(Bytes::copy_from_slice(bytes)));
        sent.map(|()| bytes.len()).map_err(|_| io::ErrorKind::BrokenPipe.into())
    }
    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

struct Pieces(mpsc::Receiver<io::Result<Bytes>>);

impl Body for Pieces {
    type Data = Bytes;
    type Error = io::Error;
    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<io::Result<Frame<Bytes>>>> {
        self.0.poll_recv(cx).map(|piece| piece.map(|piece| piece.map(Frame::data)))
    }
}
