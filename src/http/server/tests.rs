//! The door as the network meets it: bytes in, bytes out.

use super::*;
use crate::http::{AllowedHosts, DoorSettings, Inbound, RequestIds, Response, inbound, peer::TrustedProxies, reply};
use crate::terms::IdSeed;
use http::StatusCode;
use std::{
    pin::Pin,
    task::{Context, Poll},
};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::time::Instant;
use warp::{Filter, Reply};

/// More than all buffers between two sockets hold.
const BIG: usize = 64 << 20;

pub(super) fn door_for(hosts: AllowedHosts, adjust: impl FnOnce(&mut DoorSettings)) -> Door {
    let ids: RequestIds = Arc::new(|| IdSeed::from_bytes([5; 16]).id());
    let mut settings = DoorSettings::new(hosts, TrustedProxies::default(), ids);
    adjust(&mut settings);
    let echo = inbound().map(|inbound: Arc<Inbound>| -> Response {
        let uid = inbound.peer.local_uid.map_or_else(|| "-".to_owned(), |uid| uid.to_string());
        let said = format!("[{} {} {}]", inbound.path, String::from_utf8_lossy(&inbound.body), uid);
        reply::content(StatusCode::OK, "text/plain", said)
    });
    let big = warp::path!("big").map(|| reply::content(StatusCode::OK, "text/plain", vec![b'x'; BIG]));
    let slow = warp::path!("slow").then(|| async {
        sleep(Duration::from_millis(300)).await;
        reply::content(StatusCode::OK, "text/plain", "finished")
    });
    let pieces = warp::path!("pieces").map(|| -> Response { warp::reply::stream(Pieces(BIG / PIECE)).into_response() });
    Door::new(settings, big.or(slow).unify().or(pieces).unify().or(echo).unify().boxed())
}

const PIECE: usize = 16 << 10;

/// So many pieces, always ready.
struct Pieces(usize);

impl warp::Stream for Pieces {
    type Item = Result<Vec<u8>, io::Error>;
    fn poll_next(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let left = self.0.checked_sub(1);
        self.0 = left.unwrap_or(0);
        Poll::Ready(left.map(|_| Ok(vec![b'x'; PIECE])))
    }
}

async fn serve_with(settings: ServerSettings, adjust: impl FnOnce(&mut DoorSettings)) -> (Server, SocketAddr) {
    let door = door_for(AllowedHosts::from_iter(["op.test"]), adjust);
    let listen = Listen::Tcp { address: "127.0.0.1:0".parse().unwrap(), tls: None };
    let server = Server::bind(listen, settings, door).await.unwrap();
    let address = server.address().unwrap();
    (server, address)
}
async fn serve_default() -> (Server, SocketAddr) {
    serve_with(ServerSettings::default(), |_| {}).await
}
/// Everything that comes back until the other side closes.
async fn hear(stream: &mut TcpStream) -> String {
    let mut heard = Vec::new();
    let read = timeout(Duration::from_secs(20), stream.read_to_end(&mut heard)).await;
    assert!(read.is_ok(), "the server never closed; it said {:?}", String::from_utf8_lossy(&heard));
    String::from_utf8_lossy(&heard).into_owned()
}
async fn say(address: SocketAddr, bytes: &str) -> String {
    let mut stream = TcpStream::connect(address).await.unwrap();
    // A server that refuses may close while we still speak.
    let _ = stream.write_all(bytes.as_bytes()).await;
    hear(&mut stream).await
}
fn statuses(heard: &str) -> Vec<&str> {
    heard.split("HTTP/1.1 ").skip(1).filter_map(|answer| answer.get(..3)).collect()
}
const CLOSE: &str = "Host: op.test\r\nConnection: close\r\n";

#[tokio::test]
async fn a_good_request_is_answered() {
    let (_server, at) = serve_default().await;
    let heard = say(at, &format!("GET /a HTTP/1.1\r\n{CLOSE}\r\n")).await;
    assert!(heard.starts_with("HTTP/1.1 200") && heard.contains("[/a  -]") && heard.contains("x-request-id: req_"), "{heard}");
    assert!(heard.contains("frame-ancestors 'none'") && !heard.contains("strict-transport-security"));
}

#[tokio::test]
async fn requests_follow_each_other_on_one_connection_with_and_without_bodies() {
    let (_server, at) = serve_default().await;
    let post = "POST /b HTTP/1.1\r\nHost: op.test\r\nContent-Length: 5\r\n\r\nhello";
    let heard = say(at, &format!("{post}\r\nGET /c HTTP/1.1\r\nHost: op.test\r\n\r\n{post}GET /d HTTP/1.1\r\n{CLOSE}\r\n")).await;
    assert_eq!(statuses(&heard), ["200"; 4], "{heard}");
    assert_eq!(heard.matches("[/b hello -]").count(), 2);
    assert!(heard.contains("[/c  -]") && heard.contains("[/d  -]"));
}

#[tokio::test]
async fn a_head_that_two_servers_could_read_differently_is_refused_and_the_connection_closed() {
    let (_server, at) = serve_default().await;
    let follow = "GET /smuggled HTTP/1.1\r\nHost: op.test\r\n\r\n";
    let refused = [
        ("no host", "400", "GET / HTTP/1.1\r\n\r\n"),
        ("two hosts", "400", "GET / HTTP/1.1\r\nHost: op.test\r\nHost: op.test\r\n\r\n"),
        ("another host", "421", "GET / HTTP/1.1\r\nHost: evil.test\r\n\r\n"),
        ("a host with a path", "421", "GET / HTTP/1.1\r\nHost: op.test/a\r\n\r\n"),
        ("absolute-form", "400", "GET http://evil.test/ HTTP/1.1\r\nHost: op.test\r\n\r\n"),
        ("absolute-form with our host", "400", "GET http://op.test/ HTTP/1.1\r\nHost: op.test\r\n\r\n"),
        ("CONNECT", "405", "CONNECT op.test:80 HTTP/1.1\r\nHost: op.test\r\n\r\n"),
        ("TRACE", "405", "TRACE / HTTP/1.1\r\nHost: op.test\r\n\r\n"),
        ("asterisk", "400", "OPTIONS * HTTP/1.1\r\nHost: op.test\r\n\r\n"),
        ("bare LF after the request line", "400", "GET / HTTP/1.1\nHost: op.test\r\n\r\n"),
        ("bare LF after a field", "400", "GET / HTTP/1.1\r\nHost: op.test\n\r\n"),
        ("bare LF at the end", "400", "GET / HTTP/1.1\r\nHost: op.test\r\n\n"),
        ("bare CR in a field", "400", "GET / HTTP/1.1\r\nHost: op.test\r\nX: a\rb\r\n\r\n"),
        ("CL and TE", "400", "POST / HTTP/1.1\r\nHost: op.test\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"),
        ("TE and CL", "400", "POST / HTTP/1.1\r\nHost: op.test\r\nTransfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n0\r\n\r\n"),
        ("two CL", "400", "POST / HTTP/1.1\r\nHost: op.test\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab"),
        ("two equal CL", "400", "POST / HTTP/1.1\r\nHost: op.test\r\nContent-Length: 1\r\nContent-Length: 1\r\n\r\na"),
        ("a CL list", "400", "POST / HTTP/1.1\r\nHost: op.test\r\nContent-Length: 1, 1\r\n\r\na"),
        ("a CL with a sign", "400", "POST / HTTP/1.1\r\nHost: op.test\r\nContent-Length: +1\r\n\r\na"),
        ("an unknown TE", "400", "POST / HTTP/1.1\r\nHost: op.test\r\nTransfer-Encoding: xchunked\r\n\r\n0\r\n\r\n"),
        ("TE in HTTP/1.0", "400", "POST / HTTP/1.0\r\nHost: op.test\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"),
        ("space before the colon", "400", "GET / HTTP/1.1\r\nHost : op.test\r\n\r\n"),
        ("a folded line", "400", "GET / HTTP/1.1\r\nHost: op.test\r\nX: a\r\n b\r\n\r\n"),
        ("NUL", "400", "GET / HTTP/1.1\r\nHost: op.test\r\nX: a\0b\r\n\r\n"),
        ("broken percent-encoding", "400", "GET /%zz HTTP/1.1\r\nHost: op.test\r\n\r\n"),
        ("a hidden slash", "400", "GET /a%2fb HTTP/1.1\r\nHost: op.test\r\n\r\n"),
        ("two Authorization", "400", "GET / HTTP/1.1\r\nHost: op.test\r\nAuthorization: Bearer a\r\nAuthorization: Bearer b\r\n\r\n"),
    ];
    for (name, status, bytes) in refused {
        let heard = say(at, &format!("{bytes}{follow}")).await;
        assert_eq!(statuses(&heard), [status], "{name}: {heard}");
        assert_eq!(heard.contains("\r\nallow: GET, "), status == "405", "{name}: {heard}");
        assert!(!heard.contains("smuggled"), "{name}");
    }
}

#[tokio::test]
async fn a_bad_chunk_is_refused_and_nothing_after_a_chunked_body_is_read_as_a_request() {
    let (_server, at) = serve_default().await;
    let chunked = "POST /c HTTP/1.1\r\nHost: op.test\r\nTransfer-Encoding: chunked\r\n\r\n";
    let follow = "GET /smuggled HTTP/1.1\r\nHost: op.test\r\n\r\n";
    let heard = say(at, &format!("{chunked}5\r\nhello\r\n0\r\n\r\n{follow}")).await;
    assert_eq!(statuses(&heard), ["200"], "{heard}");
    assert!(heard.contains("[/c hello -]") && heard.contains("connection: close"));
    for bad in ["xyz\r\nhello\r\n0\r\n\r\n", "5\r\nhelloXX0\r\n\r\n", "-5\r\nhello\r\n", "fffffffffffffffff\r\n"] {
        let heard = say(at, &format!("{chunked}{bad}{follow}")).await;
        assert_eq!(statuses(&heard), ["400"], "{bad:?}: {heard}");
    }
}

#[tokio::test]
async fn bodies_over_the_limit_are_refused_declared_or_not() {
    let (_server, at) = serve_default().await;
    let declared = format!("POST / HTTP/1.1\r\nHost: op.test\r\nContent-Length: 65537\r\n\r\n{}", "a".repeat(1000));
    assert_eq!(statuses(&say(at, &declared).await), ["413"]);
    let chunk = format!("1000\r\n{}\r\n", "a".repeat(4096));
    let chunked = format!("POST / HTTP/1.1\r\nHost: op.test\r\nTransfer-Encoding: chunked\r\n\r\n{}1\r\na\r\n0\r\n\r\n", chunk.repeat(16));
    assert_eq!(statuses(&say(at, &chunked).await), ["413"]);
    let fitting = format!("POST / HTTP/1.1\r\nHost: op.test\r\nTransfer-Encoding: chunked\r\n\r\n{}0\r\n\r\n", chunk.repeat(16));
    assert_eq!(statuses(&say(at, &fitting).await), ["200"]);
}

#[tokio::test]
async fn long_addresses_and_heads_are_refused() {
    let (_server, at) = serve_default().await;
    let long = format!("GET /{} HTTP/1.1\r\nHost: op.test\r\n\r\n", "a".repeat(8192));
    assert_eq!(statuses(&say(at, &long).await), ["414"]);
    let fat = format!("GET / HTTP/1.1\r\nHost: op.test\r\nX: {}\r\n\r\n", "a".repeat(17 * 1024));
    assert_eq!(statuses(&say(at, &fat).await), ["431"]);
    let many = format!("GET / HTTP/1.1\r\nHost: op.test\r\n{}\r\n", "X: a\r\n".repeat(64));
    assert_eq!(statuses(&say(at, &many).await), ["431"]);
}

#[tokio::test]
async fn half_a_head_half_a_body_and_silence_are_closed() {
    let short = Duration::from_millis(150);
    let settings = ServerSettings { head_time: short, idle_time: short, ..ServerSettings::default() };
    let (_server, at) = serve_with(settings, |door| door.body_time = short).await;
    assert_eq!(say(at, "").await, "");
    assert_eq!(say(at, "GET / HTTP/1.1\r\nHo").await, "");
    let half_body = say(at, "POST / HTTP/1.1\r\nHost: op.test\r\nContent-Length: 5\r\n\r\nhe").await;
    assert_eq!(statuses(&half_body), ["408"]);
    let idle = say(at, "GET / HTTP/1.1\r\nHost: op.test\r\n\r\n").await;
    assert_eq!(statuses(&idle), ["200"]);
    let second_half = say(at, "GET / HTTP/1.1\r\nHost: op.test\r\n\r\nGET / HT").await;
    assert_eq!(statuses(&second_half), ["200"]);
}

#[tokio::test]
async fn a_head_sent_in_drips_has_no_more_time_than_any_other() {
    let settings = ServerSettings { head_time: Duration::from_millis(200), ..ServerSettings::default() };
    let (_server, at) = serve_with(settings, |_| {}).await;
    let mut stream = TcpStream::connect(at).await.unwrap();
    let begun = Instant::now();
    let mut dripped = 0;
    for byte in "GET / HTTP/1.1\r\nHost: op.test\r\nX: slowly slowly slowly slowly slowly slowly\r\n".bytes() {
        if stream.write_all(&[byte]).await.is_err() || begun.elapsed() > Duration::from_secs(5) {
            break;
        }
        dripped += 1;
        sleep(Duration::from_millis(20)).await;
    }
    assert!(dripped < 60, "{dripped} bytes were taken one by one");
}

#[tokio::test]
async fn a_reader_that_takes_its_time_gets_everything() {
    let settings =
        ServerSettings { write_time: Duration::from_millis(300), idle_time: Duration::from_millis(50), ..ServerSettings::default() };
    let (_server, at) = serve_with(settings, |_| {}).await;
    let mut stream = TcpStream::connect(at).await.unwrap();
    stream.write_all(format!("GET /big HTTP/1.1\r\n{CLOSE}\r\n").as_bytes()).await.unwrap();
    sleep(Duration::from_millis(100)).await;
    assert!(hear(&mut stream).await.len() > BIG);
}

#[tokio::test]
async fn a_reader_that_takes_nothing_is_hung_up_on() {
    let settings = ServerSettings { write_time: Duration::from_millis(150), ..ServerSettings::default() };
    let (_server, at) = serve_with(settings, |_| {}).await;
    let mut stream = TcpStream::connect(at).await.unwrap();
    stream.write_all(b"GET /big HTTP/1.1\r\nHost: op.test\r\n\r\n").await.unwrap();
    sleep(Duration::from_millis(600)).await;
    let mut heard = Vec::new();
    let _ = stream.read_to_end(&mut heard).await;
    assert!(heard.starts_with(b"HTTP/1.1 200") && heard.len() < BIG, "{} bytes", heard.len());
}

#[tokio::test]
async fn the_sixty_fifth_busy_connection_of_an_address_is_refused_and_a_place_comes_free() {
    let (_server, at) = serve_default().await;
    let mut open = Vec::new();
    for _ in 0..64 {
        let mut stream = TcpStream::connect(at).await.unwrap();
        stream.write_all(b"GET / HTTP/1.1\r\n").await.unwrap();
        open.push(stream);
    }
    let request = format!("GET / HTTP/1.1\r\n{CLOSE}\r\n");
    let mut refused = TcpStream::connect(at).await.unwrap();
    let _ = refused.write_all(request.as_bytes()).await;
    assert!(!matches!(refused.read(&mut [0; 512]).await, Ok(1..)));
    drop(open.pop());
    let free = async {
        while statuses(&say(at, &request).await) != ["200"] {
            sleep(Duration::from_millis(20)).await;
        }
    };
    timeout(Duration::from_secs(20), free).await.unwrap();
}

#[tokio::test]
async fn a_connection_that_waits_for_nothing_makes_way_for_the_sixty_fifth() {
    let (_server, at) = serve_default().await;
    let mut idle = Vec::new();
    for _ in 0..64 {
        let mut stream = TcpStream::connect(at).await.unwrap();
        stream.write_all(b"GET / HTTP/1.1\r\nHost: op.test\r\n\r\n").await.unwrap();
        assert!(stream.read(&mut [0; 512]).await.unwrap() > 0);
        idle.push(stream);
    }
    let request = format!("GET / HTTP/1.1\r\n{CLOSE}\r\n");
    assert_eq!(statuses(&say(at, &request).await), ["200"]);
    let longest = &mut idle[0];
    assert_eq!(timeout(Duration::from_secs(5), longest.read(&mut [0; 512])).await.unwrap().unwrap(), 0, "the longest idle one stayed");
    let newest = &mut idle[63];
    newest.write_all(request.as_bytes()).await.unwrap();
    assert_eq!(statuses(&hear(newest).await), ["200"], "one that had not to go was closed");
}

#[tokio::test]
async fn shutting_down_finishes_what_is_under_way_and_takes_nothing_more() {
    let (server, at) = serve_default().await;
    let mut busy = TcpStream::connect(at).await.unwrap();
    busy.write_all(b"GET /slow HTTP/1.1\r\nHost: op.test\r\n\r\n").await.unwrap();
    let mut idle = TcpStream::connect(at).await.unwrap();
    idle.write_all(b"GET /a HTTP/1.1\r\nHost: op.test\r\n\r\n").await.unwrap();
    assert!(idle.read(&mut [0; 512]).await.unwrap() > 0);
    sleep(Duration::from_millis(50)).await;
    let begun = Instant::now();
    server.shut_down().await;
    assert!(begun.elapsed() < Duration::from_secs(5), "an idle connection held up the end");
    assert!(hear(&mut busy).await.ends_with("finished"));
    assert!(TcpStream::connect(at).await.is_err());
}

#[tokio::test]
async fn what_does_not_finish_in_time_is_closed() {
    let settings = ServerSettings { drain_time: Duration::from_millis(50), ..ServerSettings::default() };
    let (server, at) = serve_with(settings, |_| {}).await;
    let mut busy = TcpStream::connect(at).await.unwrap();
    busy.write_all(b"GET /slow HTTP/1.1\r\nHost: op.test\r\n\r\n").await.unwrap();
    sleep(Duration::from_millis(20)).await;
    server.shut_down().await;
    assert_eq!(hear(&mut busy).await, "");
}

#[tokio::test]
async fn an_answer_that_takes_too_long_is_a_closed_connection_not_a_lie() {
    let (_server, at) = serve_with(ServerSettings::default(), |door| door.answer_time = Duration::from_millis(50)).await;
    assert_eq!(say(at, "GET /slow HTTP/1.1\r\nHost: op.test\r\n\r\n").await, "");
}

#[tokio::test]
async fn the_unix_socket_tells_who_connects_and_goes_when_the_server_does() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("admin.sock");
    let door = door_for(AllowedHosts::default(), |_| {});
    let server = Server::bind(Listen::Unix { path: path.clone() }, ServerSettings::default(), door).await.unwrap();
    let mut stream = UnixStream::connect(&path).await.unwrap();
    stream.write_all(b"GET /who HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n").await.unwrap();
    let mut heard = String::new();
    stream.read_to_string(&mut heard).await.unwrap();
    let me = std::os::unix::fs::MetadataExt::uid(&std::fs::metadata(folder.path()).unwrap());
    assert!(heard.ends_with(&format!("[/who  {me}]")), "{heard}");
    server.shut_down().await;
    assert!(!path.exists());
}

#[tokio::test]
async fn http_2_is_not_spoken_in_clear() {
    let (_server, at) = serve_default().await;
    let heard = say(at, "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n").await;
    assert!(!heard.contains("200"), "{heard:?}");
}
