//! TLS as clients meet it.

use super::{tests::door_for, *};
use crate::http::AllowedHosts;
use http::Request;
use http_body_util::{BodyExt, Empty};
use hyper_util::rt::{TokioExecutor, TokioIo};
use rcgen::{CertifiedKey, KeyPair, generate_simple_self_signed};
use std::{fs, path::Path};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio_rustls::{
    TlsConnector,
    client::TlsStream,
    rustls::{
        ClientConfig, ProtocolVersion, RootCertStore, SupportedProtocolVersion,
        crypto::aws_lc_rs,
        pki_types::{CertificateDer, ServerName},
        version::{TLS12, TLS13},
    },
};

/// Writes a new certificate and key for `op.test` and returns the certificate.
fn issue(files: &TlsFiles) -> CertificateDer<'static> {
    let CertifiedKey::<KeyPair> { cert, signing_key } = generate_simple_self_signed(["op.test".to_owned()]).unwrap();
    fs::write(&files.key, signing_key.serialize_pem()).unwrap();
    fs::write(&files.certificates, cert.pem()).unwrap();
    cert.der().clone()
}
fn files_in(folder: &Path) -> TlsFiles {
    TlsFiles { certificates: folder.join("cert.pem"), key: folder.join("key.pem") }
}
async fn serve(files: &TlsFiles) -> Server {
    serve_with(files, ServerSettings { certificate_check: Duration::from_millis(20), ..ServerSettings::default() }).await
}
async fn serve_with(files: &TlsFiles, settings: ServerSettings) -> Server {
    let listen = Listen::Tcp { address: "127.0.0.1:0".parse().unwrap(), tls: Some(files.clone()) };
    Server::bind(listen, settings, door_for(AllowedHosts::from_iter(["op.test"]), |_| {})).await.unwrap()
}
async fn connect(
    server: &Server,
    trusted: &CertificateDer<'static>,
    alpn: &[&str],
    versions: &[&'static SupportedProtocolVersion],
) -> io::Result<TlsStream<TcpStream>> {
    let mut roots = RootCertStore::empty();
    roots.add(trusted.clone()).unwrap();
    let builder = ClientConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()));
    let mut config = builder.with_protocol_versions(versions).unwrap().with_root_certificates(roots).with_no_client_auth();
    config.alpn_protocols = alpn.iter().map(|name| name.as_bytes().to_vec()).collect();
    let stream = TcpStream::connect(server.address().unwrap()).await?;
    TlsConnector::from(Arc::new(config)).connect(ServerName::try_from("op.test").unwrap(), stream).await
}

#[tokio::test]
async fn http_1_1_is_spoken_over_tls_1_2_and_1_3_with_hsts() {
    let folder = tempfile::tempdir().unwrap();
    let certificate = issue(&files_in(folder.path()));
    let server = serve(&files_in(folder.path())).await;
    for (version, name) in [(&TLS12, ProtocolVersion::TLSv1_2), (&TLS13, ProtocolVersion::TLSv1_3)] {
        let mut stream = connect(&server, &certificate, &["http/1.1"], &[version]).await.unwrap();
        assert_eq!(stream.get_ref().1.protocol_version(), Some(name));
        stream.write_all(b"GET /a HTTP/1.1\r\nHost: op.test\r\nConnection: close\r\n\r\n").await.unwrap();
        let mut heard = String::new();
        let _ = stream.read_to_string(&mut heard).await;
        assert!(heard.starts_with("HTTP/1.1 200") && heard.contains("strict-transport-security: max-age=31536000"), "{heard}");
    }
}

#[tokio::test]
async fn http_2_is_spoken_when_agreed_on() {
    let folder = tempfile::tempdir().unwrap();
    let certificate = issue(&files_in(folder.path()));
    let server = serve(&files_in(folder.path())).await;
    let stream = connect(&server, &certificate, &["h2", "http/1.1"], &[&TLS13]).await.unwrap();
    assert_eq!(stream.get_ref().1.alpn_protocol(), Some(&b"h2"[..]));
    let (mut sender, connection) = hyper::client::conn::http2::handshake(TokioExecutor::new(), TokioIo::new(stream)).await.unwrap();
    tokio::spawn(connection);
    for (uri, status) in [("https://op.test/a?b=c", 200), ("https://evil.test/a", 421), ("https://op.test/%zz", 400)] {
        let request = Request::get(uri).body(Empty::<bytes::Bytes>::new()).unwrap();
        let response = sender.send_request(request).await.unwrap();
        assert_eq!(response.status(), status, "{uri}");
        assert!(response.headers().contains_key("x-request-id") && !response.headers().contains_key("connection"));
        let body = response.into_body().collect().await.unwrap().to_bytes();
        assert!(!body.is_empty());
    }
    server.shut_down().await;
}

#[tokio::test]
async fn an_answer_that_a_client_leaves_in_its_window_ends_the_connection() {
    let folder = tempfile::tempdir().unwrap();
    let certificate = issue(&files_in(folder.path()));
    let (short, long) = (Duration::from_millis(300), Duration::from_secs(600));
    // In many pieces it is seen to stand still; in one piece it is hyper's, and the connection is idle.
    for (path, write_time, idle_time) in [("pieces", short, long), ("big", long, short)] {
        let settings = ServerSettings { write_time, idle_time, ..ServerSettings::default() };
        let server = serve_with(&files_in(folder.path()), settings).await;
        let stream = connect(&server, &certificate, &["h2"], &[&TLS13]).await.unwrap();
        let mut builder = hyper::client::conn::http2::Builder::new(TokioExecutor::new());
        builder.initial_stream_window_size(1024).adaptive_window(false);
        let (mut sender, connection) = builder.handshake(TokioIo::new(stream)).await.unwrap();
        let connection = tokio::spawn(connection);
        let request = Request::get(format!("https://op.test/{path}")).body(Empty::<bytes::Bytes>::new()).unwrap();
        let _untouched = sender.send_request(request).await.unwrap();
        assert!(timeout(Duration::from_secs(20), connection).await.is_ok(), "{path}");
    }
}

/// A frame of HTTP/2 (RFC 9113 §4.1).
fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let length = u32::try_from(payload.len()).unwrap().to_be_bytes();
    [&length[1..], &[kind, flags], &stream.to_be_bytes(), payload].concat()
}

#[tokio::test]
async fn what_came_before_the_goodbye_was_read_is_answered() {
    const DATA: u8 = 0;
    const HEADERS: u8 = 1;
    const SETTINGS: u8 = 4;
    const PING: u8 = 6;
    let folder = tempfile::tempdir().unwrap();
    let certificate = issue(&files_in(folder.path()));
    let settings = ServerSettings { idle_time: Duration::from_millis(200), ..ServerSettings::default() };
    let server = serve_with(&files_in(folder.path()), settings).await;
    let mut stream = connect(&server, &certificate, &["h2"], &[&TLS13]).await.unwrap();
    stream.write_all(&[b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".to_vec(), frame(SETTINGS, 0, 0, &[])].concat()).await.unwrap();
    sleep(Duration::from_millis(400)).await;
    // POST https://op.test/a, whose body is still to come.
    stream.write_all(&frame(HEADERS, 4, 1, b"\x83\x87\x04\x02/a\x01\x07op.test")).await.unwrap();
    let body = sleep(Duration::from_millis(1300));
    tokio::pin!(body);
    let mut is_answered = false;
    loop {
        let mut head = [0; 9];
        tokio::select! {
            () = &mut body, if !body.is_elapsed() => stream.write_all(&frame(DATA, 1, 1, b"x")).await.unwrap(),
            read = stream.read_exact(&mut head) => {
                if read.is_err() {
                    break;
                }
                let mut payload = vec![0; usize::from(head[1]) << 8 | usize::from(head[2])];
                stream.read_exact(&mut payload).await.unwrap();
                match (head[3], head[4], head[8]) {
                    (PING, 0, _) => stream.write_all(&frame(PING, 1, 0, &payload)).await.unwrap(),
                    (HEADERS, _, 1) => is_answered = true,
                    _ => {}
                }
            }
        }
    }
    assert!(is_answered);
}

#[tokio::test]
async fn a_changed_certificate_is_taken_and_a_broken_one_is_not() {
    let folder = tempfile::tempdir().unwrap();
    let files = files_in(folder.path());
    let first = issue(&files);
    let server = serve(&files).await;
    assert!(connect(&server, &first, &[], &[&TLS13]).await.is_ok());

    fs::write(&files.certificates, "no certificate at all").unwrap();
    sleep(Duration::from_millis(200)).await;
    assert!(connect(&server, &first, &[], &[&TLS13]).await.is_ok());

    let second = issue(&files);
    let mut taken = false;
    for _ in 0..100 {
        sleep(Duration::from_millis(50)).await;
        taken = connect(&server, &second, &[], &[&TLS13]).await.is_ok();
        if taken {
            break;
        }
    }
    assert!(taken);
    assert!(connect(&server, &first, &[], &[&TLS13]).await.is_err());
}

#[tokio::test]
async fn whoever_does_not_shake_hands_is_hung_up_on() {
    let folder = tempfile::tempdir().unwrap();
    issue(&files_in(folder.path()));
    let settings = ServerSettings { handshake_time: Duration::from_millis(200), ..ServerSettings::default() };
    let server = serve_with(&files_in(folder.path()), settings).await;
    let mut silent = TcpStream::connect(server.address().unwrap()).await.unwrap();
    let heard = timeout(Duration::from_secs(20), silent.read(&mut [0; 16])).await.unwrap();
    assert!(!matches!(heard, Ok(1..)));
}

#[tokio::test]
async fn files_that_cannot_be_used_are_refused_at_the_start() {
    let folder = tempfile::tempdir().unwrap();
    let files = files_in(folder.path());
    assert!(matches!(Tls::load(files.clone()), Err(TlsError::Unreadable { .. })));
    issue(&files);
    let swapped = TlsFiles { certificates: files.key.clone(), key: files.certificates.clone() };
    assert!(matches!(Tls::load(swapped), Err(TlsError::NotPem { .. })));
    let other = tempfile::tempdir().unwrap();
    issue(&files_in(other.path()));
    let mixed = TlsFiles { certificates: files.certificates, key: files_in(other.path()).key };
    assert!(matches!(Tls::load(mixed), Err(TlsError::Unusable(_))));
}
