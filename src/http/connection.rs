//! One connection, from its first byte to its last.

use super::{
    Response,
    front_door::{AnswerTimeout, Door},
    peer::Connection,
    pulse::{Expiry, InFlight, Pulse},
    strict_io::{Framing, Reins, StrictIo},
};
use http::{HeaderValue, Request, Version, header::CONNECTION};
use hyper::{
    body::{Body, Frame, Incoming, SizeHint},
    server::conn::{http1, http2},
    service::service_fn,
};
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use std::{
    pin::{Pin, pin},
    task::{Context, Poll},
    time::Duration,
};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    sync::watch,
    time::sleep,
};

/// What the server is doing; only [`super::server`] changes it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Phase {
    /// Taking requests.
    Serving,
    /// Finishing those it has.
    Draining,
    /// Gone.
    Closed,
}

/// Waits for such a phase. A server that is gone is closed.
pub async fn until(phase: &mut watch::Receiver<Phase>, wanted: fn(Phase) -> bool) {
    let _ = phase.wait_for(|phase| wanted(*phase)).await;
}

/// The most bytes of a head (THREATS.md §F).
const HEAD_BYTES: usize = 16 * 1024;
/// The most requests at once on an HTTP/2 connection.
const STREAMS: u32 = 64;
/// How long a goodbye may take when nothing is under way.
const GOODBYE: Duration = Duration::from_secs(1);

/// Serves the connection until either side ends it.
pub async fn serve<S>(stream: S, from: Connection, http_2: bool, pulse: Pulse, door: Door, phase: watch::Receiver<Phase>)
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let (waits, reins) = (pulse.waits(), Reins::default());
    let answer = {
        let (pulse, reins) = (pulse.clone(), reins.clone());
        service_fn(move |request: Request<Incoming>| {
            let framing = Framing::of(request.headers());
            reins.follow(framing);
            answer(door.clone(), from, request, framing, pulse.request_begins())
        })
    };
    if http_2 {
        let mut builder = http2::Builder::new(TokioExecutor::new());
        builder.timer(TokioTimer::new()).max_concurrent_streams(STREAMS).max_header_list_size(16 * 1024);
        builder.keep_alive_interval(waits.idle).keep_alive_timeout(waits.write);
        let io = TokioIo::new(StrictIo::http_2(stream, pulse.clone()));
        let connection = pin!(builder.serve_connection(io, answer));
        return run(connection, http2::Connection::graceful_shutdown, pulse, phase).await;
    }
    let mut builder = http1::Builder::new();
    // Hyper's own timer covers waiting and reading together, so it is only the net below the pulse.
    builder.timer(TokioTimer::new()).header_read_timeout(waits.idle + waits.head);
    builder.max_header_size(HEAD_BYTES).max_headers(super::request_head::FIELDS).max_buf_size(4 * HEAD_BYTES);
    let io = TokioIo::new(StrictIo::http_1(stream, pulse.clone(), reins));
    let connection = pin!(builder.serve_connection(io, answer));
    run(connection, http1::Connection::graceful_shutdown, pulse, phase).await;
}

/// Drives the connection. What hyper says about its end is of no use to anybody: the other side went away or spoke badly.
async fn run<C: Future>(mut connection: Pin<&mut C>, say_goodbye: fn(Pin<&mut C>), pulse: Pulse, mut phase: watch::Receiver<Phase>) {
    tokio::select! {
        _ = connection.as_mut() => return,
        () = until(&mut phase, |phase| phase != Phase::Serving) => {}
        expiry = pulse.expired() => match expiry {
            Expiry::Slow => return,
            Expiry::Idle => {
                say_goodbye(connection.as_mut());
                return leave(connection, pulse, phase).await;
            }
        },
    }
    say_goodbye(connection.as_mut());
    tokio::select! {
        _ = connection.as_mut() => {}
        () = until(&mut phase, |phase| phase == Phase::Closed) => {}
    }
}

/// Ends a connection that was idle. What the other side had sent before it read the goodbye is answered; how long that may take, the door
/// and the pulse say.
async fn leave<C: Future>(mut connection: Pin<&mut C>, pulse: Pulse, mut phase: watch::Receiver<Phase>) {
    loop {
        tokio::select! {
            _ = connection.as_mut() => return,
            Expiry::Slow = pulse.expired() => return,
            () = until(&mut phase, |phase| phase == Phase::Closed) => return,
            () = sleep(GOODBYE) => {}
        }
        if pulse.idle_since().is_some_and(|since| since.elapsed() >= GOODBYE) {
            return;
        }
    }
}

async fn answer(
    door: Door,
    from: Connection,
    request: Request<Incoming>,
    framing: Framing,
    in_flight: InFlight,
) -> Result<http::Response<impl Body<Data = bytes::Bytes, Error = warp::Error>>, AnswerTimeout> {
    let http_1 = request.version() != Version::HTTP_2;
    let mut response: Response = door.answer(from, request).await?;
    if http_1 && framing == Framing::Chunked {
        response.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
    }
    in_flight.handed_over(true);
    Ok(response.map(|body| Tracked { body, in_flight }))
}

/// A body whose request is under way until hyper has taken the last of it.
struct Tracked<B> {
    body: B,
    in_flight: InFlight,
}

impl<B: Body + Unpin> Body for Tracked<B> {
    type Data = B::Data;
    type Error = B::Error;
    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<B::Data>, B::Error>>> {
        let frame = Pin::new(&mut self.body).poll_frame(cx);
        self.in_flight.handed_over(frame.is_ready());
        frame
    }
    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }
    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
