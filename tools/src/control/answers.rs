//! What the control servers answer: the members and the lengths of Writ's answers.

use super::journal::Journal;
use super::signer::{Signed, Signer};
use super::{ControlError, Kind};
use bytes::Bytes;
use http::header::{CACHE_CONTROL, CONTENT_TYPE};
use http::{HeaderValue, StatusCode};
use serde_json::{Value, json};
use std::sync::Arc;
use warp::filters::BoxedFilter;
use warp::reply::Response;
use warp::{Filter, path};

/// The answers of a control server of one kind.
#[derive(Clone)]
pub struct Answers {
    kind: Kind,
    signer: Arc<Signer>,
    journal: Journal,
    record_bytes: usize,
    /// Made once, for the kind that signs nothing.
    tokens: Arc<Value>,
    discovery: Bytes,
}

/// The metadata document of a site with its first settings is about so long.
const DISCOVERY_BYTES: usize = 3600;
/// As long as a refresh token of Writ.
const REFRESH_CHARACTERS: usize = 80;

impl Answers {
    /// Of this kind.
    pub fn new(kind: Kind, signer: Arc<Signer>, journal: Journal, record_bytes: usize) -> Result<Self, ControlError> {
        let tokens = Arc::new(token_answer(&signer.sign()?));
        let discovery = Bytes::from(json!({ "issuer": "x".repeat(DISCOVERY_BYTES) }).to_string());
        Ok(Self { kind, signer, journal, record_bytes, tokens, discovery })
    }

    /// `POST …/token`, `POST …/introspect`, and the metadata document at every other path.
    pub fn routes(self) -> BoxedFilter<(Response,)> {
        let site = || path("oauth2").and(path::param::<String>());
        let own = self.clone();
        let token = site().and(path("token")).and(path::end()).and(warp::post()).and(warp::body::bytes());
        let token = token.then(move |_, body: Bytes| own.clone().token(body));
        let own = self.clone();
        let introspect = site().and(path("introspect")).and(path::end()).and(warp::post()).and(warp::body::bytes());
        let introspect = introspect.map(move |_, body: Bytes| own.introspect(&body));
        let document = warp::get().map(move || reply(StatusCode::OK, self.discovery.clone()));
        introspect.or(token).unify().or(document).unify().boxed()
    }

    async fn token(self, body: Bytes) -> Response {
        let fields = fields(&body);
        if field(&fields, "grant_type").is_none() || field(&fields, "refresh_token").is_none() {
            return failed();
        }
        let durable = (self.kind == Kind::Append).then(|| self.journal.append(vec![b'e'; self.record_bytes]));
        // Signed while the disk syncs, as Writ does.
        let answer = match self.kind {
            Kind::Parse => reply(StatusCode::OK, Bytes::from(self.tokens.to_string())),
            Kind::Sign | Kind::Append => match self.signer.sign() {
                Ok(signed) => reply(StatusCode::OK, Bytes::from(token_answer(&signed).to_string())),
                Err(_) => return failed(),
            },
        };
        let is_durable = match durable {
            Some(durable) => durable.await.is_ok(),
            None => true,
        };
        if is_durable { answer } else { failed() }
    }

    fn introspect(&self, body: &[u8]) -> Response {
        let fields = fields(body);
        let Some(token) = field(&fields, "token") else { return failed() };
        if self.kind != Kind::Parse && !self.signer.has_signed(token) {
            return failed();
        }
        let answer = json!({
            "active": true,
            "status": "active",
            "scope": "openid profile offline_access site:control",
            "client_id": "x".repeat(43),
            "username": "ada",
            "token_type": "Bearer",
            "exp": 1_790_003_600_u64,
            "iat": 1_790_000_000_u64,
            "nbf": 1_790_000_000_u64,
            "sub": "0190a0b0-0000-4000-8000-000000000001",
            "aud": "x".repeat(43),
            "iss": "http://127.0.0.1:20000/oauth2/control",
            "jti": "x".repeat(26),
            "site": "control",
        });
        reply(StatusCode::OK, Bytes::from(answer.to_string()))
    }
}

fn token_answer(signed: &Signed) -> Value {
    json!({
        "id_token": signed.id_token,
        "token_type": "Bearer",
        "expires_in": 3600,
        "access_token": signed.access_token,
        "refresh_token": "r".repeat(REFRESH_CHARACTERS),
        "scope": "openid profile offline_access site:control",
    })
}

fn fields(body: &[u8]) -> Vec<(String, String)> {
    url::form_urlencoded::parse(body).into_owned().collect()
}

fn field<'a>(fields: &'a [(String, String)], name: &str) -> Option<&'a str> {
    fields.iter().find(|(own, _)| own == name).map(|(_, value)| value.as_str())
}

fn failed() -> Response {
    reply(StatusCode::BAD_REQUEST, Bytes::from_static(br#"{"error":"invalid_request"}"#))
}

fn reply(status: StatusCode, body: Bytes) -> Response {
    let mut response = Response::new(body.into());
    *response.status_mut() = status;
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json;charset=UTF-8"));
    response.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}
