//! Request objects that come with authorization requests: fetched where they come by reference, and checked (RFC 9101 §5 and §6,
//! OpenID Connect Core §6).

use super::client_keys::WantedKey;
use super::documents::{Documents, NoDocument, Published};
use super::{Failure, Ledger, Site};
use crate::event::Refusal;
use crate::jose::{RequestObject, RequestObjectError};
use crate::outbound::Errand;
use crate::projection::Client;
use crate::terms::{HttpsUrl, Timestamp};
use serde_json::{Map, Value};
use std::sync::Arc;

/// A request object as it was sent.
#[derive(Clone, Copy, Debug)]
pub enum SentObject<'a> {
    /// The parameter `request`.
    ByValue(&'a str),
    /// The parameter `request_uri`.
    ByReference(&'a str),
}

/// The request objects fetched for a site's clients, by their whole `request_uri`: another fragment is another object
/// (OpenID Connect Core §6.2).
pub(super) type RequestObjects = Documents<Arc<str>>;

/// So many of them are kept.
pub(super) const OBJECTS_MAX: usize = 256;
/// One that says nothing is kept this long if its address has a fragment, and not at all otherwise: it may be the next request's.
const KEPT_SECONDS: u64 = 300;
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
        let published = Published {
            url: &url,
            address: uri,
            errand: Errand::RequestObject,
            unsaid_seconds: if fragment.is_some() { KEPT_SECONDS } else { 0 },
            what: "request object",
            parse: |body| std::str::from_utf8(body).ok().map(|text| Arc::from(text.trim())),
        };
        match self.document(&site.request_objects, &published, |_| false).await {
            Ok(text) => Ok(Ok(text)),
            Err(NoDocument::Busy) => Err(Failure::Busy),
            Err(NoDocument::Unavailable) => Ok(Err(Refusal::RequestUriUnreachable)),
        }
    }

    async fn has_right_signature(&self, site: &Site, client: &Client, object: &RequestObject) -> Result<Result<(), Refusal>, Failure> {
        let Some(algorithm) = object.signed_with() else { return Ok(Ok(())) };
        let wanted = WantedKey { kid: object.kid.as_deref(), algorithm };
        let keys = match self.keys_for(site, &client.metadata, wanted).await {
            Ok(keys) => keys,
            Err(NoDocument::Busy) => return Err(Failure::Busy),
            Err(NoDocument::Unavailable) => return Ok(Err(Refusal::RequestObjectKeyUnknown)),
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
