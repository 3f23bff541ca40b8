//! A client's own server, whose `/keys` is its `jwks_uri` and which is told of sign-outs: real TLS on loopback, behaving well or badly.

use http::{HeaderValue, Response};
use http_body_util::{BodyExt, Full};
use hyper::body::{Bytes, Incoming};
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use rcgen::{CertifiedKey, KeyPair, generate_simple_self_signed};
use serde_json::{Value, json};
use std::convert::Infallible;
use std::sync::{Arc, LazyLock, Mutex};
use std::time::Duration;
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::{ServerConfig, crypto::aws_lc_rs, pki_types::PrivateKeyDer};

/// The certificate of every key server, which every server of the harness trusts.
static CERTIFICATE: LazyLock<CertifiedKey<KeyPair>> = LazyLock::new(|| {
    let names = ["localhost", "127.0.0.1", "127.0.0.2"].map(str::to_owned);
    generate_simple_self_signed(names).unwrap()
});

/// That certificate as PEM.
pub fn certificate() -> String {
    CERTIFICATE.cert.pem()
}

/// How the key server answers.
#[derive(Clone)]
pub struct Behaviour {
    pub status: u16,
    pub headers: Vec<(&'static str, String)>,
    pub body: String,
    pub delay: Duration,
}

impl Behaviour {
    /// A key set with these keys that may be kept for ten minutes.
    pub fn keys(keys: &[Value]) -> Self {
        let headers = vec![("content-type", "application/json".to_owned()), ("cache-control", "max-age=600".to_owned())];
        Self { status: 200, headers, body: json!({ "keys": keys }).to_string(), delay: Duration::ZERO }
    }
    /// This document.
    pub fn document(body: &Value) -> Self {
        Self { body: body.to_string(), ..Self::keys(&[]) }
    }
    /// An answer of this status without a body.
    pub fn status(status: u16) -> Self {
        Self { status, headers: vec![], body: String::new(), delay: Duration::ZERO }
    }
    /// No answer for so long that nobody waits for it.
    pub fn silent() -> Self {
        Self { delay: Duration::from_secs(600), ..Self::status(200) }
    }
    pub fn cache_control(mut self, value: &str) -> Self {
        self.headers.retain(|(name, _)| *name != "cache-control");
        self.headers.push(("cache-control", value.to_owned()));
        self
    }
}

/// A client's server.
pub struct KeyServer {
    pub url: String,
    behaviour: Arc<Mutex<Behaviour>>,
    heard: Arc<Mutex<Vec<Heard>>>,
}

/// A request that it was sent.
#[derive(Clone, Debug)]
pub struct Heard {
    pub method: String,
    pub path: String,
    pub content_type: String,
    pub body: String,
}

impl KeyServer {
    /// At an address that the servers of the harness may reach.
    pub async fn start(behaviour: Behaviour) -> Self {
        Self::at("127.0.0.1", behaviour).await
    }
    pub async fn at(ip: &str, behaviour: Behaviour) -> Self {
        let listener = TcpListener::bind((ip, 0)).await.unwrap();
        let url = format!("https://{}/keys", listener.local_addr().unwrap());
        let key = PrivateKeyDer::try_from(CERTIFICATE.signing_key.serialize_der()).unwrap();
        let builder = ServerConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()));
        let builder = builder.with_safe_default_protocol_versions().unwrap().with_no_client_auth();
        let acceptor = TlsAcceptor::from(Arc::new(builder.with_single_cert(vec![CERTIFICATE.cert.der().clone()], key).unwrap()));
        let server = Self { url, behaviour: Arc::new(Mutex::new(behaviour)), heard: Arc::default() };
        let (behaviour, heard) = (server.behaviour.clone(), server.heard.clone());
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let (acceptor, behaviour, heard) = (acceptor.clone(), behaviour.clone(), heard.clone());
                tokio::spawn(async move {
                    let Ok(stream) = acceptor.accept(stream).await else { return };
                    let answer = service_fn(move |request| answer(request, behaviour.clone(), heard.clone()));
                    let _ = hyper::server::conn::http1::Builder::new().serve_connection(TokioIo::new(stream), answer).await;
                });
            }
        });
        server
    }
    pub fn behave(&self, behaviour: Behaviour) {
        *self.behaviour.lock().unwrap() = behaviour;
    }
    /// How often it was asked.
    pub fn requests(&self) -> usize {
        self.heard.lock().unwrap().len()
    }
    /// All that it was sent, in order.
    pub fn heard(&self) -> Vec<Heard> {
        self.heard.lock().unwrap().clone()
    }
    /// Waits until it has been sent so many requests.
    pub async fn until_heard(&self, requests: usize) {
        let heard = async {
            while self.requests() < requests {
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        };
        let in_time = tokio::time::timeout(Duration::from_secs(60), heard).await;
        assert!(in_time.is_ok(), "{} requests of {requests}", self.requests());
    }
}

async fn answer(
    request: http::Request<Incoming>,
    behaviour: Arc<Mutex<Behaviour>>,
    heard: Arc<Mutex<Vec<Heard>>>,
) -> Result<Response<Full<Bytes>>, Infallible> {
    let (head, body) = request.into_parts();
    let body = body.collect().await.map(|body| body.to_bytes()).unwrap_or_default();
    let content_type = head.headers.get("content-type").map(|value| value.to_str().unwrap().to_owned()).unwrap_or_default();
    let (method, path) = (head.method.to_string(), head.uri.to_string());
    heard.lock().unwrap().push(Heard { method, path, content_type, body: String::from_utf8(body.to_vec()).unwrap() });
    let behaviour = behaviour.lock().unwrap().clone();
    tokio::time::sleep(behaviour.delay).await;
    let mut response = Response::new(Full::new(Bytes::from(behaviour.body)));
    *response.status_mut() = behaviour.status.try_into().unwrap();
    for (name, value) in behaviour.headers {
        response.headers_mut().insert(name, HeaderValue::from_str(&value).unwrap());
    }
    Ok(response)
}
