//! Request objects that come with authorization requests: fetched where they come by reference, and checked (RFC 9101 §5 and §6,
//! OpenID Connect Core §6).

use super::client_keys::{NoKeys, WantedKey};
use super::{Failure, Ledger, Site};
use crate::event::Refusal;
use crate::jose::{RequestObject, RequestObjectError};
use crate::outbound::{Errand, FetchError, Freshness};
use crate::projection::Client;
use crate::terms::{HttpsUrl, Timestamp};
use serde_json::{Map, Value};
use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

/// A request object as it was sent.
#[derive(Clone, Copy, Debug)]
pub enum SentObject<'a> {
    /// The parameter `request`.
    ByValue(&'a str),
    /// The parameter `request_uri`.
    ByReference(&'a str),
}

/// The request objects fetched for a site's clients, by their whole `request_uri`: another fragment is another object
/// (OpenID Connect Core §6.2). What could not be read stands there without one. Locked for a look-up, never while one is fetched.
#[derive(Default)]
pub(super) struct RequestObjects(Mutex<HashMap<String, Kept>>);

/// What a reading gave, and until when it counts.
#[derive(Clone)]
struct Kept {
    text: Option<Arc<str>>,
    until: Timestamp,
}

/// A document that says nothing is kept this long if its address has a fragment, and not at all otherwise: it may be the next
/// request's.
const KEPT_SECONDS: u64 = 300;
/// None is kept longer, whatever it says.
const KEPT_SECONDS_MAX: u64 = 3600;
/// A document that could not be read is not asked for again before this has passed.
const PAUSE_SECONDS: u64 = 5;
/// So many documents of a site are kept.
const DOCUMENTS_MAX: usize = 256;
/// What a request object says of itself as a JWT. None of it is a parameter.
const OF_THE_JWT: [&str; 7] = ["iss", "aud", "exp", "nbf", "iat", "jti", "sub"];

impl Ledger {
    /// The parameters in a request object of this client, whose signature, times and addressees have been checked.
    ///
    /// # Errors
    /// [`Failure::Busy`] if there is no room for reading the object or the client's keys now.
    pub async fn read_request_object(
        &self,
        site: &Site,
        client: &Client,
        sent: SentObject<'_>,
    ) -> Result<Result<Map<String, Value>, Refusal>, Failure> {
        let text: Arc<str> = match sent {
            SentObject::ByValue(text) => text.into(),
            SentObject::ByReference(uri) => match self.fetched(site, client, uri).await? {
                Ok(text) => text,
                Err(refusal) => return Ok(Err(refusal)),
            },
        };
        let object = match parse(client, &text) {
            Ok(object) => object,
            Err(refusal) => return Ok(Err(refusal)),
        };
        if let Err(refusal) = self.has_right_signature(site, client, &object).await? {
            return Ok(Err(refusal));
        }
        let checked = is_meant(client, &site.issuer(), &object.claims, self.now());
        Ok(checked.map(|()| object.claims.into_iter().filter(|(name, _)| !OF_THE_JWT.contains(&name.as_str())).collect()))
    }

    /// The text at a `request_uri` that the client registered. Another one is never asked for anything (THREATS.md A53).
    async fn fetched(&self, site: &Site, client: &Client, uri: &str) -> Result<Result<Arc<str>, Refusal>, Failure> {
        let (place, fragment) = without_fragment(uri);
        if !client.metadata.request_uris.iter().any(|own| without_fragment(own).0 == place) {
            return Ok(Err(Refusal::RequestUriUnregistered));
        }
        let Ok(url) = place.parse::<HttpsUrl>() else { return Ok(Err(Refusal::RequestUriUnregistered)) };
        if let Some(Some(text)) = site.request_objects.kept(uri, self.now()) {
            return Ok(Ok(text));
        }
        // Anybody may invent a fragment, and each would ask the same address: what failed there a moment ago fails for all of them.
        if matches!(site.request_objects.kept(place, self.now()), Some(None)) {
            return Ok(Err(Refusal::RequestUriUnreachable));
        }
        let fetched = match self.shared.outbound.get(Errand::RequestObject, &url).await {
            Err(FetchError::Busy) => return Err(Failure::Busy),
            fetched => fetched,
        };
        let now = self.now();
        let found = fetched.map_err(|error| tracing::info!(host = url.url().host_str(), %error, "a request object could not be read"));
        let text = found.as_ref().ok().and_then(|found| std::str::from_utf8(&found.body).ok()).map(|text| Arc::from(text.trim()));
        let until = match (&found, &text) {
            (Ok(found), Some(_)) => kept_until(found.freshness, fragment, now),
            (_, _) => now.plus_seconds(PAUSE_SECONDS),
        };
        let whose = if text.is_some() { uri } else { place };
        site.request_objects.keep(whose, Kept { text: text.clone(), until }, now);
        Ok(text.ok_or(Refusal::RequestUriUnreachable))
    }

    async fn has_right_signature(&self, site: &Site, client: &Client, object: &RequestObject) -> Result<Result<(), Refusal>, Failure> {
        let Some(algorithm) = object.signed_with() else { return Ok(Ok(())) };
        let wanted = WantedKey { kid: object.kid.as_deref(), algorithm };
        let keys = match self.keys_for(site, &client.metadata, wanted).await {
            Ok(keys) => keys,
            Err(NoKeys::Busy) => return Err(Failure::Busy),
            Err(NoKeys::Unavailable) => return Ok(Err(Refusal::RequestObjectKeyUnknown)),
        };
        Ok(match keys.find(wanted.kid, algorithm) {
            Err(_) => Err(Refusal::RequestObjectKeyUnknown),
            Ok(key) if object.is_signed_by(key) => Ok(()),
            Ok(_) => Err(Refusal::RequestObjectSignatureWrong),
        })
    }
}

/// Takes it apart, and holds its algorithm against what the client registered. A client that registered none may leave it unsigned
/// (OpenID Connect Registration §2).
fn parse(client: &Client, text: &str) -> Result<RequestObject, Refusal> {
    let object = RequestObject::parse(text).map_err(|error| match error {
        RequestObjectError::Malformed => Refusal::RequestObjectMalformed,
        RequestObjectError::AlgorithmRefused => Refusal::RequestObjectAlgorithmRefused,
    })?;
    match client.metadata.request_object_signing_alg.is_none_or(|registered| registered == object.algorithm) {
        true => Ok(object),
        false => Err(Refusal::RequestObjectAlgorithmRefused),
    }
}

/// Whether an object is this client's, for this server, and for now (RFC 9101 §4, §6.3, §10.8).
fn is_meant(client: &Client, issuer: &str, claims: &Map<String, Value>, now: Timestamp) -> Result<(), Refusal> {
    if claims.contains_key("request") || claims.contains_key("request_uri") {
        return Err(Refusal::RequestObjectMalformed);
    }
    let is_client = |value: &Value| value.as_str() == Some(client.id.as_str());
    let is_own = |name: &str| claims.get(name).is_none_or(is_client);
    let is_for_us = match claims.get("aud") {
        None => true,
        Some(Value::Array(all)) => all.iter().any(|one| one.as_str() == Some(issuer)),
        Some(one) => one.as_str() == Some(issuer),
    };
    // An assertion by which the client authenticates has it as its subject; it must not be taken for a request.
    if !is_own("iss") || !is_own("client_id") || !is_for_us || claims.get("sub").is_some_and(is_client) {
        return Err(Refusal::RequestObjectMismatch);
    }
    let time = |name: &str| claims.get(name).map(|value| value.as_u64().ok_or(Refusal::RequestObjectMalformed)).transpose();
    let (exp, nbf) = (time("exp")?, time("nbf")?);
    let is_over = exp.is_some_and(|exp| now >= Timestamp::from_unix_seconds(exp));
    let is_early = nbf.is_some_and(|nbf| Timestamp::from_unix_seconds(nbf) > now.plus_seconds(CLOCK_DIFFERENCE_SECONDS));
    if is_over || is_early { Err(Refusal::RequestObjectExpired) } else { Ok(()) }
}

/// The clock of a client may be ahead of ours by this much.
const CLOCK_DIFFERENCE_SECONDS: u64 = 60;

fn without_fragment(uri: &str) -> (&str, Option<&str>) {
    uri.split_once('#').map_or((uri, None), |(place, fragment)| (place, Some(fragment)))
}

fn kept_until(freshness: Freshness, fragment: Option<&str>, now: Timestamp) -> Timestamp {
    let said = match (freshness, fragment) {
        (Freshness::Unsaid, None) => now,
        (Freshness::Unsaid, Some(_)) => now.plus_seconds(KEPT_SECONDS),
        (Freshness::Seconds(seconds), _) => now.plus_seconds(seconds),
        (Freshness::Until(then), _) => then,
    };
    said.min(now.plus_seconds(KEPT_SECONDS_MAX))
}

impl RequestObjects {
    fn kept(&self, uri: &str, now: Timestamp) -> Option<Option<Arc<str>>> {
        let documents = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        documents.get(uri).filter(|kept| now < kept.until).map(|kept| kept.text.clone())
    }
    fn keep(&self, uri: &str, new: Kept, now: Timestamp) {
        let mut documents = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        documents.retain(|_, kept| now < kept.until);
        if documents.len() >= DOCUMENTS_MAX {
            let next = documents.iter().min_by_key(|(_, kept)| kept.until).map(|(uri, _)| uri.clone());
            next.map(|uri| documents.remove(&uri));
        }
        if now < new.until {
            documents.insert(uri.to_owned(), new);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_object_is_kept_as_long_as_it_says_and_without_a_word_only_by_its_fragment() {
        let now = Timestamp::from_unix_seconds(1_790_000_000);
        let kept = |freshness, fragment| kept_until(freshness, fragment, now).seconds_since(now);
        assert_eq!([kept(Freshness::Unsaid, None), kept(Freshness::Unsaid, Some("x"))], [0, 300]);
        assert_eq!([0, 60, 86_400].map(|seconds| kept(Freshness::Seconds(seconds), None)), [0, 60, 3600]);
        assert_eq!(kept(Freshness::Until(now.plus_seconds(9)), Some("x")), 9);
    }

    #[test]
    fn the_objects_of_a_site_are_bounded_and_go_when_their_time_is_over() {
        let (objects, now) = (RequestObjects::default(), Timestamp::from_unix_seconds(1_790_000_000));
        let kept = |seconds| Kept { text: Some("x".into()), until: now.plus_seconds(seconds) };
        objects.keep("https://a.example/never", kept(0), now);
        assert!(objects.0.lock().unwrap().is_empty());
        for n in 0..300 {
            objects.keep(&format!("https://a.example/{n}"), kept(60 + n), now);
        }
        assert_eq!(objects.0.lock().unwrap().len(), DOCUMENTS_MAX);
        assert!(objects.kept("https://a.example/0", now).is_none() && objects.kept("https://a.example/299", now).is_some());
        let later = now.plus_seconds(1000);
        assert!(objects.kept("https://a.example/299", later).is_none());
        objects.keep("https://a.example/new", Kept { text: None, until: later.plus_seconds(5) }, later);
        assert_eq!(objects.kept("https://a.example/new", later), Some(None), "a failure is kept too");
        assert_eq!(objects.0.lock().unwrap().len(), 1);
    }
}
