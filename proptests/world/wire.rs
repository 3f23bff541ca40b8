//! Requests and answers.

use super::HOST;
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use bytes::Bytes;
use http::header::{CONTENT_TYPE, HOST as HOST_FIELD, LOCATION};
use http::{HeaderMap, Method, Request};
use http_body_util::{BodyExt, Full};
use serde_json::Value;
use url::Url;
use writ::terms::RequestId;

/// A whole answer.
#[derive(Clone, Debug)]
pub struct Reply {
    pub status: u16,
    pub headers: HeaderMap,
    pub body: Vec<u8>,
}

impl Reply {
    pub async fn of(response: writ::http::Response) -> Self {
        let (head, body) = response.into_parts();
        Self { status: head.status.as_u16(), headers: head.headers, body: body.collect().await.unwrap().to_bytes().to_vec() }
    }
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }
    /// The JSON of the body; null if it is none.
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_default()
    }
    /// A member of the body that is a text.
    pub fn member(&self, name: &str) -> Option<String> {
        self.json().get(name).and_then(Value::as_str).map(str::to_owned)
    }
    pub fn is_ok(&self) -> bool {
        self.status == 200
    }
    /// The id under which its events stand in the log.
    pub fn corr(&self) -> RequestId {
        self.headers["x-request-id"].to_str().unwrap().parse().unwrap()
    }
    /// Where it redirects to.
    pub fn location(&self) -> Option<Url> {
        let to = self.headers.get(LOCATION)?.to_str().unwrap();
        Some(Url::parse(&format!("https://{HOST}/")).unwrap().join(to).unwrap())
    }
    /// The value of a hidden field of the page.
    pub fn field(&self, name: &str) -> Option<String> {
        self.fields(name).into_iter().next()
    }
    /// The values of all fields of this name.
    pub fn fields(&self, name: &str) -> Vec<String> {
        let (text, mark) = (self.text(), format!("name=\"{name}\" value=\""));
        text.split(&mark).skip(1).filter_map(|rest| rest.split('"').next()).map(str::to_owned).collect()
    }
}

/// A request with these header fields and this body.
pub fn request(method: Method, target: &str, headers: &[(&str, &str)], body: String) -> Request<Full<Bytes>> {
    let builder = Request::builder().method(method).uri(target).header(HOST_FIELD, HOST);
    let builder = headers.iter().fold(builder, |builder, (name, value)| builder.header(*name, *value));
    builder.body(Full::new(Bytes::from(body))).unwrap()
}

/// A form that is posted.
pub fn form(target: &str, headers: &[(&str, &str)], pairs: &[(&str, &str)]) -> Request<Full<Bytes>> {
    let headers: Vec<_> = headers.iter().copied().chain([(CONTENT_TYPE.as_str(), "application/x-www-form-urlencoded")]).collect();
    request(Method::POST, target, &headers, encoded(pairs))
}

/// `a=b&c=d`.
pub fn encoded(pairs: &[(&str, &str)]) -> String {
    url::form_urlencoded::Serializer::new(String::new()).extend_pairs(pairs).finish()
}

/// A parameter of a URL.
pub fn query_of(url: &Url, name: &str) -> Option<String> {
    url.query_pairs().find(|(own, _)| own == name).map(|(_, value)| value.into_owned())
}

/// The claims of a JWT's payload, unverified.
pub fn claims(payload: &str) -> Value {
    serde_json::from_slice(&URL_SAFE_NO_PAD.decode(payload).unwrap()).unwrap()
}
