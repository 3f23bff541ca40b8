//! A93, A94: slow and large requests.

use crate::harness::{App, Request, Server, Site, send_raw};
use http::Method;
use std::time::{Duration, Instant};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

#[tokio::test]
async fn a93_an_unfinished_request_is_hung_up_on() {
    let server = Server::shared().await;
    let address = server.address();
    let head = format!("POST /oauth2/default/token HTTP/1.1\r\nHost: {address}\r\nContent-Type: application/x-www-form-urlencoded\r\n");
    let slow_head = send_raw(&address, head.as_bytes(), Duration::from_secs(20));
    let slow_body = format!("{head}Content-Length: 100\r\n\r\ngrant");
    let slow_body = send_raw(&address, slow_body.as_bytes(), Duration::from_secs(30));
    let before = Instant::now();
    let (head, body) = tokio::join!(slow_head, slow_body);
    assert!(before.elapsed() < Duration::from_secs(30), "both were closed by the server");
    for answer in [head, body] {
        assert!(answer.is_empty() || answer.starts_with("HTTP/1.1 4"), "{answer}");
    }
    assert_eq!(server.site("default").get("/jwk").await.status, 200);
}

#[tokio::test]
async fn a93_one_address_holds_64_connections_and_no_more() {
    let server = Server::alone().await;
    let mut held = vec![];
    for _ in 0..64 {
        let mut stream = TcpStream::connect(server.address()).await.unwrap();
        stream.write_all(b"GET /oauth2/default/jwk HTTP/1.1\r\n").await.unwrap();
        held.push(stream);
    }
    tokio::time::sleep(Duration::from_millis(300)).await;
    let mut one_more = TcpStream::connect(server.address()).await.unwrap();
    let request = format!("GET /oauth2/default/jwk HTTP/1.1\r\nHost: {}\r\nConnection: close\r\n\r\n", server.address());
    let _ = one_more.write_all(request.as_bytes()).await;
    let mut answer = String::new();
    let read = tokio::time::timeout(Duration::from_secs(4), one_more.read_to_string(&mut answer)).await;
    assert!(!answer.contains("200 OK"), "the 65th was served: {read:?} {answer}");
    drop(held);
    let free = async {
        while !send_raw(&server.address(), request.as_bytes(), Duration::from_secs(4)).await.starts_with("HTTP/1.1 200") {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(20), free).await.unwrap();
}

#[tokio::test]
async fn a94_large_and_deep_requests_are_refused_before_they_cost() {
    let site = Site::standard().await;
    let deep = format!("{{\"redirect_uris\":[\"{}\"],\"x\":{}1{}}}", App::REDIRECT_URI, "[".repeat(10_000), "]".repeat(10_000));
    let answer = Request::new(Method::POST, &site.url("/registration")).body("application/json", deep).send().await;
    answer.assert_refused(400, "invalid_client_metadata");
    let announced = format!(
        "POST /oauth2/default/token HTTP/1.1\r\nHost: {}\r\nContent-Type: application/x-www-form-urlencoded\r\nContent-Length: 999999999\r\n\r\n",
        site.server.address()
    );
    let told = send_raw(&site.server.address(), announced.as_bytes(), Duration::from_secs(3)).await;
    assert!(told.starts_with("HTTP/1.1 413"), "{told}");
    let long_uri = format!("GET /oauth2/default/jwk?{} HTTP/1.1\r\nHost: {}\r\n\r\n", "a".repeat(9 * 1024), site.server.address());
    let told = send_raw(&site.server.address(), long_uri.as_bytes(), Duration::from_secs(3)).await;
    assert!(told.starts_with("HTTP/1.1 414") || told.starts_with("HTTP/1.1 431") || told.starts_with("HTTP/1.1 400"), "{told}");
    let many = format!("GET /oauth2/default/jwk HTTP/1.1\r\nHost: {}\r\n{}\r\n", site.server.address(), "X-A: b\r\n".repeat(100));
    let told = send_raw(&site.server.address(), many.as_bytes(), Duration::from_secs(3)).await;
    assert!(told.starts_with("HTTP/1.1 431") || told.starts_with("HTTP/1.1 400"), "{told}");
    assert_eq!(site.get("/jwk").await.status, 200);
}
