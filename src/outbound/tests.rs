//! The fetcher against servers that behave well and badly, over real TLS on loopback.

use super::*;
use rcgen::{CertifiedKey, KeyPair, generate_simple_self_signed};
use std::net::SocketAddr;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::{ServerConfig, pki_types::PrivateKeyDer};

/// A TLS server for `keys.test` and `127.0.0.1` that answers every request with the same bytes.
struct KeyServer {
    address: SocketAddr,
    folder: tempfile::TempDir,
    connections: Arc<AtomicUsize>,
    heads: Arc<Mutex<Vec<String>>>,
}

/// What is sent, piece by piece, with a pause after each.
type Pieces = Vec<(Vec<u8>, Duration)>;

fn at_once(answer: impl Into<Vec<u8>>) -> Pieces {
    vec![(answer.into(), Duration::ZERO)]
}

fn ok(body: &str) -> Pieces {
    at_once(format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\nCache-Control: max-age=60\r\n\r\n{body}", body.len()))
}

impl KeyServer {
    async fn answering(pieces: Pieces) -> Self {
        let CertifiedKey::<KeyPair> { cert, signing_key } =
            generate_simple_self_signed(["keys.test".to_owned(), "127.0.0.1".to_owned()]).unwrap();
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("ca.pem"), cert.pem()).unwrap();
        let key = PrivateKeyDer::try_from(signing_key.serialize_der()).unwrap();
        let provider = Arc::new(tokio_rustls::rustls::crypto::aws_lc_rs::default_provider());
        let config = ServerConfig::builder_with_provider(provider).with_safe_default_protocol_versions().unwrap();
        let config = config.with_no_client_auth().with_single_cert(vec![cert.der().clone()], key).unwrap();
        let (acceptor, listener) = (TlsAcceptor::from(Arc::new(config)), TcpListener::bind("127.0.0.1:0").await.unwrap());
        let (address, connections, heads) = (listener.local_addr().unwrap(), Arc::<AtomicUsize>::default(), Arc::<Mutex<_>>::default());
        let (counted, heard): (Arc<AtomicUsize>, Arc<Mutex<Vec<String>>>) = (Arc::clone(&connections), Arc::clone(&heads));
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                counted.fetch_add(1, Ordering::SeqCst);
                let (acceptor, pieces, heard) = (acceptor.clone(), pieces.clone(), Arc::clone(&heard));
                tokio::spawn(async move {
                    let Ok(mut stream) = acceptor.accept(stream).await else { return };
                    let mut head = vec![0; 4096];
                    let read = stream.read(&mut head).await.unwrap_or_default();
                    heard.lock().unwrap().push(String::from_utf8_lossy(&head[..read]).into_owned());
                    for (piece, pause) in pieces {
                        if stream.write_all(&piece).await.is_err() || stream.flush().await.is_err() {
                            return;
                        }
                        tokio::time::sleep(pause).await;
                    }
                    let _ = stream.shutdown().await;
                });
            }
        });
        Self { address, folder, connections, heads }
    }
    fn settings(&self, allow: &[&str]) -> OutboundSettings {
        let allow = allow.iter().map(|range| range.parse().unwrap()).collect();
        OutboundSettings { allow, ca_file: Some(self.folder.path().join("ca.pem")) }
    }
    fn fetcher(&self) -> Outbound {
        Outbound::new(self.settings(&["127.0.0.0/8"])).unwrap()
    }
    /// A fetcher for whom every name has these addresses, one list a look-up.
    fn misled(&self, answers: Vec<Vec<SocketAddr>>) -> (Outbound, Arc<AtomicUsize>) {
        let lookups = Arc::<AtomicUsize>::default();
        let counted = Arc::clone(&lookups);
        let resolver: Resolver = Arc::new(move |_, _| {
            let answer = answers[counted.fetch_add(1, Ordering::SeqCst).min(answers.len() - 1)].clone();
            Box::pin(async move { Ok(answer) })
        });
        let settings = self.settings(&["127.0.0.1/32"]);
        (Outbound::with(settings.allow, Roots::with(settings.ca_file.as_deref()).unwrap(), resolver), lookups)
    }
    fn url(&self) -> HttpsUrl {
        format!("https://{}/keys?v=1", self.address).parse().unwrap()
    }
    fn connections(&self) -> usize {
        self.connections.load(Ordering::SeqCst)
    }
}

async fn fetched(pieces: Pieces) -> Result<Fetched, FetchError> {
    let server = KeyServer::answering(pieces).await;
    server.fetcher().get(Errand::Keys, &server.url()).await
}

#[tokio::test]
async fn a_document_comes_with_its_freshness_and_nothing_of_ours_is_told() {
    let server = KeyServer::answering(ok("{\"keys\":[]}")).await;
    let fetched = server.fetcher().get(Errand::Keys, &server.url()).await.unwrap();
    assert_eq!((&fetched.body[..], fetched.freshness), (&b"{\"keys\":[]}"[..], Freshness::Seconds(60)));
    let head = server.heads.lock().unwrap().concat().to_ascii_lowercase();
    assert!(head.starts_with(&format!("get /keys?v=1 http/1.1\r\nhost: {}\r\n", server.address)), "{head}");
    let names: Vec<&str> = head.lines().skip(1).filter_map(|line| line.split_once(':')).map(|(name, _)| name).collect();
    assert_eq!(names, ["host", "user-agent", "accept", "accept-encoding"]);
}

#[tokio::test]
async fn what_is_not_a_plain_success_of_at_most_64_kib_is_refused() {
    let whole = |length: usize| ok(&"x".repeat(length));
    assert_eq!(fetched(whole(64 * 1024)).await.unwrap().body.len(), 64 * 1024);
    assert_eq!(fetched(whole(64 * 1024 + 1)).await.unwrap_err(), FetchError::TooLarge);
    let endless = (0..40).map(|_| (vec![b'x'; 4096], Duration::ZERO));
    let head = (b"HTTP/1.1 200 OK\r\n\r\n".to_vec(), Duration::ZERO);
    assert_eq!(fetched(std::iter::once(head).chain(endless).collect()).await.unwrap_err(), FetchError::TooLarge);
    let redirect = "HTTP/1.1 302 Found\r\nLocation: https://127.0.0.1:1/\r\nContent-Length: 0\r\n\r\n";
    assert_eq!(fetched(at_once(redirect)).await.unwrap_err(), FetchError::Redirected(302));
    let missing = "HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n";
    assert_eq!(fetched(at_once(missing)).await.unwrap_err(), FetchError::Status(404));
    let packed = "HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 1\r\n\r\nx";
    assert_eq!(fetched(at_once(packed)).await.unwrap_err(), FetchError::Encoded);
    let head = format!("HTTP/1.1 200 OK\r\nX: {}\r\nContent-Length: 0\r\n\r\n", "x".repeat(40_000));
    for broken in ["garbage\r\n\r\n", "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nshort", "", &head] {
        assert!(matches!(fetched(at_once(broken)).await, Err(FetchError::Broken(_))), "{:.40}", broken);
    }
}

#[tokio::test]
async fn an_answer_that_is_not_whole_within_three_seconds_is_none() {
    let head = b"HTTP/1.1 200 OK\r\nContent-Length: 60\r\n\r\n".to_vec();
    let drops = std::iter::repeat_n((b"x".to_vec(), Duration::from_millis(300)), 60);
    let dripping: Pieces = std::iter::once((head, Duration::ZERO)).chain(drops).collect();
    let silent = vec![(Vec::new(), Duration::from_secs(30))];
    let (dripping, silent) = tokio::join!(fetched(dripping), fetched(silent));
    assert_eq!((dripping.unwrap_err(), silent.unwrap_err()), (FetchError::Slow, FetchError::Slow));
}

#[tokio::test]
async fn an_address_that_is_not_allowed_gets_no_packet() {
    let server = KeyServer::answering(ok("{}")).await;
    let fetcher = Outbound::new(server.settings(&["10.0.0.0/8"])).unwrap();
    let port = server.address.port();
    for host in ["127.0.0.1", "localhost", "2130706433", "[::ffff:127.0.0.1]", "0.0.0.0", "[::1]", "169.254.169.254"] {
        let url = format!("https://{host}:{port}/").parse().unwrap();
        assert_eq!(fetcher.get(Errand::Keys, &url).await.unwrap_err(), FetchError::NotPublic, "{host}");
    }
    assert_eq!(server.connections(), 0);
}

#[tokio::test]
async fn a_name_is_looked_up_once_and_the_address_that_was_checked_is_the_one_connected_to() {
    let server = KeyServer::answering(ok("{}")).await;
    let elsewhere: SocketAddr = "10.0.0.7:443".parse().unwrap();
    let url: HttpsUrl = "https://keys.test/".parse().unwrap();
    let (fetcher, lookups) = server.misled(vec![vec![server.address], vec![elsewhere]]);
    assert!(fetcher.get(Errand::Keys, &url).await.is_ok());
    assert_eq!(lookups.load(Ordering::SeqCst), 1);
    assert_eq!(fetcher.get(Errand::Keys, &url).await.unwrap_err(), FetchError::NotPublic, "rebound");
    let (fetcher, _) = server.misled(vec![vec![elsewhere, server.address]]);
    assert!(fetcher.get(Errand::Keys, &url).await.is_ok(), "of several, the allowed one");
    let (fetcher, _) = server.misled(vec![vec![]]);
    assert_eq!(fetcher.get(Errand::Keys, &url).await.unwrap_err(), FetchError::Unresolved);
}

#[tokio::test]
async fn a_certificate_that_is_not_trusted_or_not_the_hosts_is_refused() {
    let (server, other) = (KeyServer::answering(ok("{}")).await, KeyServer::answering(ok("{}")).await);
    let stranger = other.fetcher().get(Errand::Keys, &server.url()).await;
    assert!(matches!(stranger, Err(FetchError::Tls(_))), "{stranger:?}");
    let (fetcher, _) = server.misled(vec![vec![server.address]]);
    let misnamed = fetcher.get(Errand::Keys, &"https://other.test/".parse().unwrap()).await;
    assert!(matches!(misnamed, Err(FetchError::Tls(_))), "{misnamed:?}");
    let nobody = other.fetcher().get(Errand::Keys, &"https://127.0.0.1:1/".parse().unwrap()).await;
    assert!(matches!(nobody, Err(FetchError::Unreachable(_))), "{nobody:?}");
    let plain = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("https://{}/", plain.local_addr().unwrap()).parse().unwrap();
    tokio::spawn(async move {
        let (mut stream, _) = plain.accept().await.unwrap();
        let _ = stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}").await;
    });
    assert!(matches!(other.fetcher().get(Errand::Keys, &url).await, Err(FetchError::Tls(_))));
}

#[tokio::test]
async fn a_slow_host_holds_its_own_places_and_no_others() {
    let (slow, quick) = (KeyServer::answering(vec![(Vec::new(), Duration::from_secs(30))]).await, KeyServer::answering(ok("{}")).await);
    let (url, allow) = (slow.url(), ["127.0.0.0/8".parse().unwrap()].to_vec());
    let pem = ["ca.pem"; 2].iter().zip([&slow, &quick]).map(|(name, server)| std::fs::read_to_string(server.folder.path().join(name)));
    let ca_file = slow.folder.path().join("both.pem");
    std::fs::write(&ca_file, pem.collect::<Result<Vec<_>, _>>().unwrap().concat()).unwrap();
    let fetcher = Outbound::new(OutboundSettings { allow, ca_file: Some(ca_file) }).unwrap();
    let waiting: Vec<_> = (0..8)
        .map(|_| {
            let (fetcher, url) = (fetcher.clone(), url.clone());
            tokio::spawn(async move { fetcher.get(Errand::Keys, &url).await })
        })
        .collect();
    while slow.heads.lock().unwrap().len() < 8 {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    assert_eq!(fetcher.get(Errand::Keys, &url).await.unwrap_err(), FetchError::Busy);
    let other = format!("https://localhost:{}/", quick.address.port()).parse().unwrap();
    assert_eq!(fetcher.get(Errand::Keys, &other).await.unwrap_err(), FetchError::Busy, "another name of the same network");
    for waiting in waiting {
        assert_eq!(waiting.await.unwrap().unwrap_err(), FetchError::Slow);
    }
    assert!(fetcher.get(Errand::Keys, &quick.url()).await.is_ok(), "the places are free again");
}

#[test]
fn a_ca_file_without_certificates_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("ca.pem");
    let made = |path: &std::path::Path| Outbound::new(OutboundSettings { allow: Vec::new(), ca_file: Some(path.to_owned()) });
    assert!(matches!(made(&path), Err(RootsError::Unreadable { .. })));
    std::fs::write(&path, "no certificate").unwrap();
    assert!(matches!(made(&path), Err(RootsError::NoCertificate(_))));
}
