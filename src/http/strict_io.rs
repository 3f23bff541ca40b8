//! The bytes of a connection on their way to and from hyper: reads HTTP/1 heads strictly and tells the [`Pulse`] what happens.

use super::{
    head_lines::{HeadLines, Step},
    pulse::Pulse,
};
use bytes::{Buf, BytesMut};
use http::{HeaderMap, header::CONTENT_LENGTH, header::TRANSFER_ENCODING};
use std::{
    io,
    pin::Pin,
    sync::{Arc, Mutex, PoisonError},
    task::{Context, Poll, Waker, ready},
};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// How the body of the head just read ends, as hyper understood it. The reader hands nothing on before it is told, so both
/// always agree where the next head begins.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Framing {
    /// After so many bytes; 0 without a body.
    Length(u64),
    /// Chunked: the reader does not follow, so the connection must take no other request.
    Chunked,
}

impl Framing {
    /// The framing of a request with these header fields, which hyper has accepted.
    pub fn of(headers: &HeaderMap) -> Self {
        if headers.contains_key(TRANSFER_ENCODING) {
            return Self::Chunked;
        }
        let length = headers.get(CONTENT_LENGTH).and_then(|value| value.to_str().ok()).and_then(|text| text.parse().ok());
        Self::Length(length.unwrap_or(0))
    }
}

/// Tells the reader the framing. The service holds one end, the reader the other; the lock is never held across an await.
#[derive(Clone, Default)]
pub struct Reins(Arc<Mutex<(Option<Framing>, Option<Waker>)>>);

impl Reins {
    /// A request has been taken: its body ends like this.
    pub fn follow(&self, framing: Framing) {
        let mut shared = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        shared.0 = Some(framing);
        if let Some(waker) = shared.1.take() {
            waker.wake();
        }
    }
    fn poll_framing(&self, cx: &Context<'_>) -> Poll<Framing> {
        let mut shared = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        match shared.0.take() {
            Some(framing) => Poll::Ready(framing),
            None => {
                shared.1 = Some(cx.waker().clone());
                Poll::Pending
            }
        }
    }
}

/// A connection, read strictly.
pub struct StrictIo<S> {
    stream: S,
    pulse: Pulse,
    reins: Reins,
    state: State,
    /// Read from the stream, not yet handed on.
    held: BytesMut,
    blocked: Blocked,
}

enum State {
    /// In a head.
    Head(HeadLines),
    /// A head has been handed on; hyper has not yet told what it means.
    Handed,
    /// In a body with so many bytes left.
    Body(u64),
    /// Everything is handed on as it is: HTTP/2, and whatever follows a chunked head.
    Open,
    /// A head was wrong; nothing more is handed on, so hyper answers 400 and closes.
    Wrong,
}

/// The most that is read from the stream at once.
const CHUNK: usize = 8 * 1024;

impl<S> StrictIo<S> {
    /// Reads HTTP/1.1.
    pub fn http_1(stream: S, pulse: Pulse, reins: Reins) -> Self {
        Self { stream, pulse, reins, state: State::Head(HeadLines::default()), held: BytesMut::new(), blocked: Blocked::default() }
    }
    /// Reads HTTP/2, which has its framing from TLS on.
    pub fn http_2(stream: S, pulse: Pulse) -> Self {
        Self { stream, pulse, reins: Reins::default(), state: State::Open, held: BytesMut::new(), blocked: Blocked::default() }
    }

    /// Hands on what the state allows of what is held.
    fn hand_on(&mut self, out: &mut ReadBuf<'_>) {
        let room = out.remaining();
        let (next, count) = match &mut self.state {
            State::Head(lines) => {
                let (step, count) = read_head(lines, &mut self.held, room);
                match step {
                    Step::End => (Some(State::Handed), count),
                    Step::Wrong => (Some(State::Wrong), count),
                    Step::More => (None, count),
                }
            }
            State::Body(left) => {
                let count = self.held.len().min(room).min(usize::try_from(*left).unwrap_or(usize::MAX));
                *left -= u64::try_from(count).unwrap_or(0);
                ((*left == 0).then(|| State::Head(HeadLines::default())), count)
            }
            State::Open => (None, self.held.len().min(room)),
            State::Handed | State::Wrong => (None, 0),
        };
        out.put_slice(self.held.get(..count).unwrap_or_default());
        self.held.advance(count);
        if let Some(next) = next {
            self.state = next;
        }
    }
}

/// How many of the held bytes belong to the head, at most `room`. A wrong byte becomes NUL, which no head may hold: hyper then
/// answers 400 by itself and closes.
fn read_head(lines: &mut HeadLines, held: &mut BytesMut, room: usize) -> (Step, usize) {
    for (n, byte) in held.iter_mut().take(room).enumerate() {
        match lines.step(*byte) {
            Step::More => {}
            Step::End => return (Step::End, n + 1),
            Step::Wrong => {
                *byte = 0;
                return (Step::Wrong, n + 1);
            }
        }
    }
    (Step::More, held.len().min(room))
}

impl<S: AsyncRead + Unpin> AsyncRead for StrictIo<S> {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, out: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let this = &mut *self;
        if matches!(this.state, State::Handed) {
            this.state = match ready!(this.reins.poll_framing(cx)) {
                Framing::Length(0) => State::Head(HeadLines::default()),
                Framing::Length(length) => State::Body(length),
                Framing::Chunked => State::Open,
            };
        }
        if matches!(this.state, State::Wrong) {
            return Poll::Ready(Ok(()));
        }
        if this.held.is_empty() {
            if matches!(this.state, State::Open) {
                return Pin::new(&mut this.stream).poll_read(cx, out);
            }
            let mut chunk = [0; CHUNK];
            let mut read = ReadBuf::new(&mut chunk);
            ready!(Pin::new(&mut this.stream).poll_read(cx, &mut read))?;
            this.held.extend_from_slice(read.filled());
        }
        this.hand_on(out);
        if matches!(&this.state, State::Head(lines) if lines.is_under_way()) {
            this.pulse.head_begins();
        }
        Poll::Ready(Ok(()))
    }
}

/// Which half of writing waits for the other side. A flush that has nothing to do says nothing about a write that waits, so both
/// are remembered.
#[derive(Default)]
struct Blocked {
    write: bool,
    flush: bool,
}

impl<S> StrictIo<S> {
    fn wrote<T>(&mut self, outcome: Poll<T>) -> Poll<T> {
        if outcome.is_ready() {
            // Some bytes have been taken: whatever still waits, waits anew.
            self.pulse.writing(false);
        }
        self.blocked.write = outcome.is_pending();
        self.pulse.writing(self.blocked.write || self.blocked.flush);
        outcome
    }
    fn flushed<T>(&mut self, outcome: Poll<T>) -> Poll<T> {
        self.blocked.flush = outcome.is_pending();
        self.pulse.writing(self.blocked.write || self.blocked.flush);
        outcome
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for StrictIo<S> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let outcome = Pin::new(&mut self.stream).poll_write(cx, bytes);
        self.wrote(outcome)
    }
    fn poll_write_vectored(mut self: Pin<&mut Self>, cx: &mut Context<'_>, slices: &[io::IoSlice<'_>]) -> Poll<io::Result<usize>> {
        let outcome = Pin::new(&mut self.stream).poll_write_vectored(cx, slices);
        self.wrote(outcome)
    }
    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }
    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let outcome = Pin::new(&mut self.stream).poll_flush(cx);
        self.flushed(outcome)
    }
    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let outcome = Pin::new(&mut self.stream).poll_shutdown(cx);
        self.flushed(outcome)
    }
}
