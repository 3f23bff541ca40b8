//! A running server and those who use it, so that a test reads as sentences.

mod answer;
mod app;
mod authorization;
mod browser;
mod callback;
mod key_server;
mod page;
mod server;
mod signer;
mod site;
mod wire;

pub use answer::{Answer, query_of};
pub use app::{App, Tokens};
pub use authorization::Authorization;
pub use browser::{Browser, Stop};
pub use callback::{Callback, Way};
pub use key_server::{Behaviour, Heard, KeyServer};
pub use page::{Page, between};
pub use server::Server;
pub use signer::{ClientKey, JWT_BEARER, Signer, now};
pub use site::{PASSWORD, Site, USERNAME};
pub use wire::{Request, form_encoded, send_raw};

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use serde_json::Value;
use std::collections::BTreeSet;

/// A code verifier of RFC 7636 and its S256 challenge.
pub struct Pkce {
    pub verifier: String,
    pub challenge: String,
}

impl Pkce {
    pub fn new() -> Self {
        let mut bytes = [0; 32];
        aws_lc_rs::rand::fill(&mut bytes).unwrap();
        Self::of(&URL_SAFE_NO_PAD.encode(bytes))
    }
    pub fn of(verifier: &str) -> Self {
        Self { verifier: verifier.to_owned(), challenge: s256(verifier) }
    }
}

pub fn s256(verifier: &str) -> String {
    URL_SAFE_NO_PAD.encode(aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, verifier.as_bytes()))
}

/// The reason that the log gives for an answer.
#[track_caller]
pub fn reason_of(site: &Site, answer: &Answer) -> String {
    let corr = answer.header("x-request-id").unwrap();
    let log = site.server.writ(&["--site", &site.name, "log", "-o", "ndjson", "-n", "300"], "");
    let told = log.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
    let refused = told.filter(|event| event["corr"] == *corr).find_map(|event| event["reason"].as_str().map(str::to_owned));
    refused.unwrap_or_else(|| panic!("{corr} is not in the log"))
}

/// The scopes of a space-separated list, whose order means nothing (RFC 6749 §3.3).
pub fn scopes(list: &Value) -> BTreeSet<String> {
    list.as_str().unwrap_or_default().split(' ').map(str::to_owned).collect()
}

/// The members of a JWT's part: 0 is the header, 1 the claims. Nothing is verified.
pub fn jwt_part(token: &str, part: usize) -> Value {
    let text = token.split('.').nth(part).unwrap();
    serde_json::from_slice(&URL_SAFE_NO_PAD.decode(text).unwrap()).unwrap()
}

/// A JWT with another part in place of this one.
pub fn jwt_with(token: &str, part: usize, value: &Value) -> String {
    let mut parts: Vec<String> = token.split('.').map(str::to_owned).collect();
    parts[part] = URL_SAFE_NO_PAD.encode(value.to_string());
    parts.join(".")
}
