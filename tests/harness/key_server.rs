//! A client's own server, whose `/keys` is its `jwks_uri`: real TLS on loopback, behaving well or badly.

use http::{HeaderValue, Response};
use http_body_util::Full;
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
    requests: Arc<Mutex<usize>>,
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
        let server = Self { url, behaviour: Arc::new(Mutex::new(behaviour)), requests: Arc::default() };
        let (behaviour, requests) = (server.behaviour.clone(), server.requests.clone());
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let (acceptor, behaviour, requests) = (acceptor.clone(), behaviour.clone(), requests.clone());
                tokio::spawn(async move {
                    let Ok(stream) = acceptor.accept(stream).await else { return };
                    let answer = service_fn(move |_: http::Request<Incoming>| answer(behaviour.clone(), requests.clone()));
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
        *self.requests.lock().unwrap()
    }
}

async fn answer(behaviour: Arc<Mutex<Behaviour>>, requests: Arc<Mutex<usize>>) -> Result<Response<Full<Bytes>>, Infallible> {
    *requests.lock().unwrap() += 1;
    let behaviour = behaviour.lock().unwrap().clone();
    tokio::time::sleep(behaviour.delay).await;
    let mut response = Response::new(Full::new(Bytes::from(behaviour.body)));
    *response.status_mut() = behaviour.status.try_into().unwrap();
    for (name, value) in behaviour.headers {
        response.headers_mut().insert(name, HeaderValue::from_str(&value).unwrap());
    }
    Ok(response)
}
