//! How the command line reaches the admin API: over the Unix socket of the server that has the data directory, or in process when
//! none has it. The filter that answers is the same.

use super::{Admin, routes};
use crate::http::exchange::exchange;
use crate::http::inbound::Inbound;
use crate::http::peer::Peer;
use crate::http::recover::recover;
use crate::ledger::Ledger;
use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Method, Request, StatusCode, header};
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt, Full};
use hyper::service::Service;
use hyper_util::service::TowerToHyperService;
use std::io;
use std::net::Ipv4Addr;
use std::path::Path;
use std::sync::Arc;
use tokio::net::UnixStream;
use tokio::sync::watch;
use warp::Filter;

/// A way to the admin API.
pub struct AdminClient {
    way: Way,
}

enum Way {
    Socket(std::path::PathBuf),
    InProcess { ledger: Ledger, uid: u32, stopping: watch::Sender<bool> },
}

/// What came back. The body is read piece by piece: it may be a stream without an end.
pub struct AdminAnswer {
    /// The status.
    pub status: StatusCode,
    body: UnsyncBoxBody<Bytes, ClientError>,
}

/// Why the admin API could not be asked.
#[derive(Debug, thiserror::Error)]
pub enum ClientError {
    /// Nobody listens on the socket.
    #[error("the server at {path} cannot be reached: {error}")]
    Unreachable {
        /// The socket.
        path: String,
        /// What the system says.
        error: io::Error,
    },
    /// The connection broke.
    #[error("the server hung up: {0}")]
    Broken(String),
    /// A path or value that cannot be sent.
    #[error("the request cannot be sent: {0}")]
    Unsendable(String),
}

impl AdminClient {
    /// To the server that listens here; fails if none does.
    pub async fn over_socket(path: &Path) -> Result<Self, ClientError> {
        let unreachable = |error| ClientError::Unreachable { path: path.display().to_string(), error };
        UnixStream::connect(path).await.map_err(unreachable)?;
        Ok(Self { way: Way::Socket(path.to_owned()) })
    }

    /// To this ledger, as this operating-system user.
    pub fn in_process(ledger: Ledger, uid: u32) -> Self {
        Self { way: Way::InProcess { ledger, uid, stopping: watch::Sender::new(false) } }
    }

    /// Whether a server answers.
    pub fn is_served(&self) -> bool {
        matches!(self.way, Way::Socket(_))
    }

    /// Asks. `target` is path and query.
    pub async fn ask(&self, method: Method, target: &str, content_type: &'static str, body: Bytes) -> Result<AdminAnswer, ClientError> {
        match &self.way {
            Way::Socket(path) => over_socket(path, method, target, content_type, body).await,
            Way::InProcess { ledger, uid, stopping } => {
                let admin = Admin { ledger: ledger.clone(), hosts: None, public_url: None, stopping: stopping.subscribe() };
                in_process(admin, *uid, method, target, content_type, body).await
            }
        }
    }
}

impl AdminAnswer {
    /// The next piece of the body; none at its end.
    pub async fn piece(&mut self) -> Result<Option<Bytes>, ClientError> {
        loop {
            match self.body.frame().await.transpose()? {
                None => return Ok(None),
                Some(frame) => {
                    if let Ok(piece) = frame.into_data() {
                        return Ok(Some(piece));
                    }
                }
            }
        }
    }

    /// The whole body.
    pub async fn whole(self) -> Result<Bytes, ClientError> {
        Ok(self.body.collect().await?.to_bytes())
    }
}

/// The user that this process runs as, by the word of the system.
pub fn own_uid() -> io::Result<u32> {
    let (one, _other) = UnixStream::pair()?;
    Ok(one.peer_cred()?.uid())
}

fn request(method: Method, target: &str, content_type: &'static str, body: Bytes) -> Result<Request<Full<Bytes>>, ClientError> {
    let builder = Request::builder().method(method).uri(target).header(header::HOST, "localhost");
    let builder = if body.is_empty() { builder } else { builder.header(header::CONTENT_TYPE, content_type) };
    builder.body(Full::new(body)).map_err(|error| ClientError::Unsendable(error.to_string()))
}

async fn over_socket(
    path: &Path,
    method: Method,
    target: &str,
    content_type: &'static str,
    body: Bytes,
) -> Result<AdminAnswer, ClientError> {
    let unreachable = |error| ClientError::Unreachable { path: path.display().to_string(), error };
    let broken = |error: hyper::Error| ClientError::Broken(error.to_string());
    let stream = UnixStream::connect(path).await.map_err(unreachable)?;
    let response = exchange(stream, request(method, target, content_type, body)?).await.map_err(ClientError::Broken)?;
    let status = response.status();
    Ok(AdminAnswer { status, body: response.into_body().map_err(broken).boxed_unsync() })
}

async fn in_process(
    admin: Admin,
    uid: u32,
    method: Method,
    target: &str,
    content_type: &'static str,
    body: Bytes,
) -> Result<AdminAnswer, ClientError> {
    let mut request = request(method.clone(), target, content_type, body.clone())?;
    let mut headers = HeaderMap::new();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(content_type));
    let inbound = Inbound {
        method,
        path: request.uri().path().to_owned(),
        query: request.uri().query().map(str::to_owned),
        headers,
        body,
        peer: Peer { ip: Ipv4Addr::LOCALHOST.into(), secure: true, local_uid: Some(uid) },
        corr: admin.ledger.request_id(),
    };
    request.extensions_mut().insert(Arc::new(inbound));
    let service = TowerToHyperService::new(warp::service(routes(admin).recover(recover)));
    let response = service.call(request).await.unwrap_or_else(|never| match never {});
    let status = response.status();
    let broken = |error: warp::Error| ClientError::Broken(error.to_string());
    Ok(AdminAnswer { status, body: response.into_body().map_err(broken).boxed_unsync() })
}
