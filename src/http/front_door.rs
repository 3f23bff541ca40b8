//! What every request passes before any route sees it, and every response before it leaves (THREATS.md §F, A81–A86, A92).

use super::{
    Response,
    allowed_hosts::AllowedHosts,
    inbound::Inbound,
    peer::{Connection, Peer, TrustedProxies},
    recover::recover,
    reply,
    request_head::{self, HeadRefusal},
    security_headers,
};
use crate::terms::RequestId;
use bytes::Bytes;
use http::{
    HeaderValue, Request, StatusCode, Version,
    header::{ALLOW, CONNECTION},
    request::Parts,
};
use http_body_util::{BodyExt, Full, LengthLimitError, Limited};
use hyper::{body::Body, service::Service};
use hyper_util::service::TowerToHyperService;
use std::{
    error::Error,
    future::poll_fn,
    panic::{AssertUnwindSafe, catch_unwind},
    pin::{Pin, pin},
    sync::Arc,
    task::Poll,
    time::Duration,
};
use warp::{Filter, filters::BoxedFilter};

/// Where request ids come from: the ledger's entropy, or a counter in tests.
pub type RequestIds = Arc<dyn Fn() -> RequestId + Send + Sync>;

/// What the door lets through.
#[derive(Clone)]
pub struct DoorSettings {
    /// The authorities that are ours.
    pub hosts: AllowedHosts,
    /// The proxies that are believed.
    pub proxies: TrustedProxies,
    /// Draws each request's id.
    pub request_ids: RequestIds,
    /// The most bytes of a body, declared or not; 64 KiB.
    pub body_bytes: usize,
    /// How long a body may take to arrive; 10 s.
    pub body_time: Duration,
    /// How long a route may take to answer; 30 s.
    pub answer_time: Duration,
}

impl DoorSettings {
    /// The settings of DESIGN.md §7.
    pub fn new(hosts: AllowedHosts, proxies: TrustedProxies, request_ids: RequestIds) -> Self {
        let (body_time, answer_time) = (Duration::from_secs(10), Duration::from_secs(30));
        Self { hosts, proxies, request_ids, body_bytes: 64 * 1024, body_time, answer_time }
    }
}

/// A route took too long. Nothing may be said then: what it was doing may have become true (DESIGN.md §1.2), so the connection
/// is closed.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[error("the answer took too long")]
pub struct AnswerTimeout;

/// The door in front of the routes. Cheap to clone.
#[derive(Clone)]
pub struct Door {
    settings: Arc<DoorSettings>,
    routes: Routes,
}

type Answer = Pin<Box<dyn Future<Output = Response> + Send>>;
type Routes = Arc<dyn Fn(Request<Full<Bytes>>) -> Answer + Send + Sync>;

impl Door {
    /// A door in front of these routes. What they reject is answered by [`recover`].
    pub fn new(settings: DoorSettings, routes: BoxedFilter<(Response,)>) -> Self {
        let service = TowerToHyperService::new(warp::service(routes.recover(recover)));
        let call = move |request| -> Answer {
            let answer = service.call(request);
            Box::pin(async move { answer.await.unwrap_or_else(|never| match never {}) })
        };
        Self { settings: Arc::new(settings), routes: Arc::new(call) }
    }
    /// The proxies that are believed.
    pub fn proxies(&self) -> &TrustedProxies {
        &self.settings.proxies
    }
    /// Answers one request that came on this connection.
    pub async fn answer<B>(&self, connection: Connection, request: Request<B>) -> Result<Response, AnswerTimeout>
    where
        B: Body<Data: Send, Error: Into<Box<dyn Error + Send + Sync>>> + Send,
    {
        let corr = (self.settings.request_ids)();
        let (head, body) = request.into_parts();
        let version = head.version;
        let peer = Peer::of(connection, &head.headers, &self.settings.proxies);
        let mut response = match self.admit(connection, peer.ok(), corr, head, body).await {
            Err(refusal) => refusal.answer(version),
            Ok(inbound) => self.ask_routes(inbound).await?,
        };
        security_headers::add(&mut response, corr, peer.ok());
        Ok(response)
    }

    async fn admit<B>(&self, on: Connection, peer: Option<Peer>, corr: RequestId, head: Parts, body: B) -> Result<Inbound, Refusal>
    where
        B: Body<Data: Send, Error: Into<Box<dyn Error + Send + Sync>>> + Send,
    {
        let local = matches!(on, Connection::Local { .. });
        let secure = peer.is_some_and(|peer| peer.secure);
        request_head::check(&head, local, |authority| local || self.settings.hosts.holds(authority, secure))?;
        let peer = peer.ok_or(Refusal::PlainHttp)?;
        let body = self.whole_body(body).await?;
        let (path, query) = (head.uri.path().to_owned(), head.uri.query().map(str::to_owned));
        Ok(Inbound { method: head.method, path, query, headers: head.headers, body, peer, corr })
    }

    async fn whole_body<B>(&self, body: B) -> Result<Bytes, Refusal>
    where
        B: Body<Data: Send, Error: Into<Box<dyn Error + Send + Sync>>> + Send,
    {
        let most = self.settings.body_bytes;
        if body.size_hint().lower() > u64::try_from(most).unwrap_or(u64::MAX) {
            return Err(Refusal::BodyTooLarge);
        }
        let collected = tokio::time::timeout(self.settings.body_time, Limited::new(body, most).collect()).await;
        match collected.map_err(|_| Refusal::BodyTooSlow)? {
            Ok(body) => Ok(body.to_bytes()),
            Err(error) if error.is::<LengthLimitError>() => Err(Refusal::BodyTooLarge),
            Err(_) => Err(Refusal::BodyBroken),
        }
    }

    async fn ask_routes(&self, inbound: Inbound) -> Result<Response, AnswerTimeout> {
        let corr = inbound.corr;
        let mut request = Request::new(Full::new(inbound.body.clone()));
        *request.method_mut() = inbound.method.clone();
        *request.headers_mut() = inbound.headers.clone();
        let target = inbound.query.as_ref().map_or_else(|| inbound.path.clone(), |query| format!("{}?{query}", inbound.path));
        *request.uri_mut() = target.parse().unwrap_or_default();
        request.extensions_mut().insert(Arc::new(inbound));
        match tokio::time::timeout(self.settings.answer_time, unwound(|| (self.routes)(request))).await {
            Ok(Some(response)) => Ok(response),
            Ok(None) => {
                tracing::error!(%corr, "a route panicked; the request was answered with 500");
                Ok(reply::server_error())
            }
            Err(_) => {
                tracing::error!(%corr, "a route took too long; the connection was closed without an answer");
                Err(AnswerTimeout)
            }
        }
    }
}

/// The last resort (ASVS 16.5.4): a panic costs one request. `None` if the routes panicked.
async fn unwound(start: impl FnOnce() -> Answer) -> Option<Response> {
    let mut answer = pin!(catch_unwind(AssertUnwindSafe(start)).ok()?);
    poll_fn(|cx| match catch_unwind(AssertUnwindSafe(|| answer.as_mut().poll(cx))) {
        Ok(Poll::Ready(response)) => Poll::Ready(Some(response)),
        Ok(Poll::Pending) => Poll::Pending,
        Err(_) => Poll::Ready(None),
    })
    .await
}

/// Why no route sees the request.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Refusal {
    Head(HeadRefusal),
    PlainHttp,
    BodyTooLarge,
    BodyTooSlow,
    BodyBroken,
}
impl From<HeadRefusal> for Refusal {
    fn from(refusal: HeadRefusal) -> Self {
        Self::Head(refusal)
    }
}
/// What some address or other takes (RFC 9110 §15.5.6).
const METHODS: &str = "GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS";

impl Refusal {
    /// The answer, after which an HTTP/1 connection is closed: what else it holds is not to be trusted.
    fn answer(self, version: Version) -> Response {
        let is_method = matches!(self, Self::Head(HeadRefusal::Method));
        let (status, description) = match self {
            Self::Head(refusal) => refusal.status_and_description(),
            Self::PlainHttp => (StatusCode::BAD_REQUEST, "This server speaks HTTPS only."),
            Self::BodyTooLarge => (StatusCode::PAYLOAD_TOO_LARGE, "The body is too large."),
            Self::BodyTooSlow => (StatusCode::REQUEST_TIMEOUT, "The body took too long to arrive."),
            Self::BodyBroken => (StatusCode::BAD_REQUEST, "The body could not be read."),
        };
        let response = reply::request_error(status, description);
        let response = if is_method { reply::with_header(response, ALLOW, HeaderValue::from_static(METHODS)) } else { response };
        if version == Version::HTTP_2 {
            return response;
        }
        reply::with_header(response, CONNECTION, HeaderValue::from_static("close"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http::{inbound::inbound, reply::tests::text};
    use crate::terms::IdSeed;
    use http::Method;
    use std::net::{IpAddr, Ipv4Addr};

    fn door() -> Door {
        let echo = inbound().map(|inbound: Arc<Inbound>| {
            let seen = format!("{} {} {}", inbound.path, inbound.query.as_deref().unwrap_or("-"), inbound.body.len());
            reply::content(StatusCode::OK, "text/plain", seen)
        });
        let panics = warp::path!("panic").map(|| -> Response { std::panic::panic_any("on purpose") });
        let sleeps = warp::path!("sleep").then(|| async {
            tokio::time::sleep(Duration::from_secs(60)).await;
            reply::empty(StatusCode::OK)
        });
        let routes = panics.or(sleeps).unify().or(echo).unify().boxed();
        let ids: RequestIds = Arc::new(|| IdSeed::from_bytes([9; 16]).id());
        Door::new(DoorSettings::new(AllowedHosts::from_iter(["op.test"]), TrustedProxies::default(), ids), routes)
    }
    const LISTENED: Connection = Connection::Tcp { remote: IpAddr::V4(Ipv4Addr::new(192, 0, 2, 1)), tls: true, loopback_listener: false };

    async fn answer(request: Request<Full<Bytes>>) -> Result<Response, AnswerTimeout> {
        door().answer(LISTENED, request).await
    }
    fn get(path: &str) -> Request<Full<Bytes>> {
        Request::get(path).header("host", "op.test").body(Full::default()).unwrap()
    }

    #[tokio::test]
    async fn a_good_request_reaches_its_route_and_every_answer_has_its_headers() {
        let response = answer(get("/a/b?c=d")).await.unwrap();
        let corr = IdSeed::from_bytes([9; 16]).id::<RequestId>().to_string();
        assert_eq!(response.headers()["x-request-id"], corr.as_str());
        assert_eq!(text(response).await, "/a/b c=d 0");
        for path in ["/a", "/panic", "/%zz"] {
            let response = answer(get(path)).await.unwrap();
            let policy = response.headers()["content-security-policy"].to_str().unwrap();
            assert!(policy.contains("frame-ancestors 'none'"), "{path}");
            for name in
                ["x-request-id", "x-content-type-options", "referrer-policy", "cross-origin-opener-policy", "strict-transport-security"]
            {
                assert!(response.headers().contains_key(name), "{path}: {name}");
            }
        }
    }

    #[tokio::test]
    async fn a_panic_costs_one_request() {
        let response = answer(get("/panic")).await.unwrap();
        assert_eq!(response.status(), StatusCode::INTERNAL_SERVER_ERROR);
        assert!(!text(response).await.contains("on purpose"));
    }

    #[tokio::test]
    async fn a_route_that_takes_too_long_is_never_answered() {
        let mut impatient = door();
        Arc::make_mut(&mut impatient.settings).answer_time = Duration::from_millis(20);
        assert_eq!(impatient.answer(LISTENED, get("/sleep")).await.err(), Some(AnswerTimeout));
    }

    #[tokio::test]
    async fn a_body_of_the_limit_passes_and_one_byte_more_does_not() {
        let post = |size| Request::post("/a").header("host", "op.test").body(Full::new(Bytes::from(vec![b'a'; size]))).unwrap();
        assert_eq!(text(answer(post(65_536)).await.unwrap()).await, "/a - 65536");
        assert_eq!(answer(post(65_537)).await.unwrap().status(), StatusCode::PAYLOAD_TOO_LARGE);
    }

    #[tokio::test]
    async fn clear_text_is_refused_off_loopback_and_has_no_hsts_on_it() {
        let ask = |loopback_listener| {
            let connection = Connection::Tcp { remote: "127.0.0.1".parse().unwrap(), tls: false, loopback_listener };
            async move { door().answer(connection, get("/a")).await.unwrap() }
        };
        assert_eq!(ask(false).await.status(), StatusCode::BAD_REQUEST);
        let fine = ask(true).await;
        assert_eq!(fine.status(), StatusCode::OK);
        assert!(!fine.headers().contains_key("strict-transport-security"));
    }

    #[tokio::test]
    async fn the_unix_socket_answers_under_any_host() {
        let request = Request::builder().method(Method::GET).uri("/a").header("host", "localhost").body(Full::<Bytes>::default()).unwrap();
        assert_eq!(door().answer(Connection::Local { uid: 0 }, request).await.unwrap().status(), StatusCode::OK);
        assert_eq!(answer(Request::get("/a").header("host", "localhost").body(Full::default()).unwrap()).await.unwrap().status(), 421);
    }
}
