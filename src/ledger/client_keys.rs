//! The keys of clients: registered with them, or read from their `jwks_uri` and kept for as long as the answer allows.
//!
//! One request at a time reads a document, and those that came meanwhile share what it got. A client whose document is slow, large or
//! broken makes its own requests slow and refused, and nobody else's: nothing is held meanwhile but that document's turn.

use super::{Ledger, Site};
use crate::event::ClientMetadata;
use crate::jose::{ClientKeySet, NoSuchKey};
use crate::outbound::{Errand, FetchError, Freshness};
use crate::terms::{ClientAlgorithm, HttpsUrl, Timestamp};
use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

/// The documents read for a site's clients. Locked for a look-up, never while one is read.
#[derive(Default)]
pub(super) struct ClientKeys(Mutex<HashMap<String, Arc<Document>>>);

/// One key set document.
#[derive(Default)]
struct Document {
    /// Held by the request that reads it.
    turn: tokio::sync::Mutex<()>,
    /// What the last reading gave. Locked for a look.
    last: Mutex<Reading>,
}

/// What a reading gave.
#[derive(Clone, Default)]
struct Reading {
    /// How many there were.
    count: u64,
    /// The keys; none if they could not be read.
    keys: Option<Arc<ClientKeySet>>,
    /// When it was.
    at: Timestamp,
    /// Until when it counts.
    until: Timestamp,
    /// When it was last read again before its time, for a key that it did not have.
    hurried_at: Timestamp,
}

/// What is known of a key from what it signed.
#[derive(Clone, Copy)]
pub(super) struct WantedKey<'a> {
    pub(super) kid: Option<&'a str>,
    pub(super) algorithm: ClientAlgorithm,
}

/// Why there are no keys.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum NoKeys {
    /// The document cannot be read, or is no key set.
    Unavailable,
    /// We have no room to read it now.
    Busy,
}

/// A document that does not say for how long it may be kept is kept this long.
const KEPT_SECONDS: u64 = 300;
/// None is kept longer, whatever it says: a key that its owner gave up must die.
const KEPT_SECONDS_MAX: u64 = 3600;
/// A document that could not be read is not asked for again before this has passed.
const PAUSE_SECONDS: u64 = 5;
/// A document is read again before its time, for an unknown key, only so often: anybody may invent a `kid`.
const HURRY_SECONDS: u64 = 5;
/// So many documents of a site are kept.
const DOCUMENTS_MAX: usize = 1024;
/// So long a request waits for others that read the same document: longer than one reading takes.
const TURN_PATIENCE: Duration = Duration::from_secs(4);

impl Ledger {
    /// The key set in which the key is to be found.
    pub(super) async fn keys_for(&self, site: &Site, client: &ClientMetadata, wanted: WantedKey<'_>) -> Result<Arc<ClientKeySet>, NoKeys> {
        match (&client.jwks, &client.jwks_uri) {
            (Some(jwks), _) => Ok(Arc::new(ClientKeySet::of(&jwks.keys))),
            (None, Some(uri)) => self.keys_at(site, uri, wanted).await,
            (None, None) => Err(NoKeys::Unavailable),
        }
    }

    async fn keys_at(&self, site: &Site, uri: &HttpsUrl, wanted: WantedKey<'_>) -> Result<Arc<ClientKeySet>, NoKeys> {
        let document = site.client_keys.document(uri, self.now());
        let before = document.last();
        let hurried = match before.answer(self.now()) {
            Some(Err(why)) => return Err(why),
            Some(Ok(keys)) if !lacks_key(&keys, wanted) => return Ok(keys),
            Some(Ok(keys)) if !before.may_hurry(self.now()) => return Ok(keys),
            Some(Ok(_)) => true,
            None => false,
        };
        let turn = tokio::time::timeout(TURN_PATIENCE, document.turn.lock()).await.map_err(|_| NoKeys::Busy)?;
        let last = document.last();
        // Somebody's reading ended while we waited: it is as young as ours would be.
        if last.count != before.count {
            return last.keys.ok_or(NoKeys::Unavailable);
        }
        let reading = self.read(uri, &last, hurried).await?;
        *document.last.lock().unwrap_or_else(PoisonError::into_inner) = reading.clone();
        drop(turn);
        reading.keys.ok_or(NoKeys::Unavailable)
    }

    async fn read(&self, uri: &HttpsUrl, last: &Reading, hurried: bool) -> Result<Reading, NoKeys> {
        let fetched = self.shared.outbound.get(Errand::Keys, uri).await;
        let now = self.now();
        let (keys, until) = match fetched {
            Err(FetchError::Busy) => return Err(NoKeys::Busy),
            Err(error) => {
                tracing::info!(host = uri.url().host_str(), %error, "a client's key set could not be read");
                (None, now.plus_seconds(PAUSE_SECONDS))
            }
            Ok(fetched) => match ClientKeySet::parse(&fetched.body) {
                Some(keys) => (Some(Arc::new(keys)), kept_until(fetched.freshness, now)),
                None => {
                    tracing::info!(host = uri.url().host_str(), "a client's jwks_uri leads to something that is no key set");
                    (None, now.plus_seconds(PAUSE_SECONDS))
                }
            },
        };
        let hurried_at = if hurried { now } else { last.hurried_at };
        Ok(Reading { count: last.count.wrapping_add(1), keys, at: now, until, hurried_at })
    }
}

fn lacks_key(keys: &ClientKeySet, wanted: WantedKey<'_>) -> bool {
    matches!(keys.find(wanted.kid, wanted.algorithm), Err(NoSuchKey::Unknown))
}

fn kept_until(freshness: Freshness, now: Timestamp) -> Timestamp {
    let said = match freshness {
        Freshness::Unsaid => now.plus_seconds(KEPT_SECONDS),
        Freshness::Seconds(seconds) => now.plus_seconds(seconds),
        Freshness::Until(then) => then,
    };
    said.min(now.plus_seconds(KEPT_SECONDS_MAX))
}

impl ClientKeys {
    fn document(&self, uri: &HttpsUrl, now: Timestamp) -> Arc<Document> {
        let mut documents = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(document) = documents.get(uri.as_str()) {
            return Arc::clone(document);
        }
        if documents.len() >= DOCUMENTS_MAX {
            documents.retain(|_, document| document.last().answer(now).is_some());
        }
        if documents.len() >= DOCUMENTS_MAX {
            let oldest = documents.iter().min_by_key(|(_, document)| document.last().at).map(|(uri, _)| uri.clone());
            oldest.map(|uri| documents.remove(&uri));
        }
        let document = Arc::<Document>::default();
        documents.insert(uri.as_str().to_owned(), Arc::clone(&document));
        document
    }
}

impl Document {
    fn last(&self) -> Reading {
        self.last.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl Reading {
    /// What it says at this time; nothing if it counts no more.
    fn answer(&self, now: Timestamp) -> Option<Result<Arc<ClientKeySet>, NoKeys>> {
        (self.count > 0 && now < self.until).then(|| self.keys.clone().ok_or(NoKeys::Unavailable))
    }
    fn may_hurry(&self, now: Timestamp) -> bool {
        now >= self.hurried_at.plus_seconds(HURRY_SECONDS)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_document_is_kept_no_longer_than_it_says_and_never_longer_than_an_hour() {
        let now = Timestamp::from_unix_seconds(1_790_000_000);
        let kept = |freshness| kept_until(freshness, now).seconds_since(now);
        assert_eq!([0, 1, 3600, 86_400].map(|seconds| kept(Freshness::Seconds(seconds))), [0, 1, 3600, 3600]);
        assert_eq!(kept(Freshness::Unsaid), 300);
        assert_eq!(kept(Freshness::Until(now.plus_seconds(9))), 9);
        assert!(kept_until(Freshness::Until(now.minus_seconds(9)), now) < now);
    }

    #[test]
    fn the_documents_of_a_site_are_bounded_and_the_stale_ones_go_first() {
        let (keys, now) = (ClientKeys::default(), Timestamp::from_unix_seconds(1_790_000_000));
        let uri = |n: usize| format!("https://a.example/{n}").parse::<HttpsUrl>().unwrap();
        for n in 0..DOCUMENTS_MAX {
            let document = keys.document(&uri(n), now);
            let until = if n == 7 { now } else { now.plus_seconds(60) };
            *document.last.lock().unwrap() = Reading { count: 1, at: now, until, ..Reading::default() };
        }
        keys.document(&uri(DOCUMENTS_MAX), now);
        let held = |n: usize| keys.0.lock().unwrap().contains_key(uri(n).as_str());
        assert!(!held(7) && held(0) && held(DOCUMENTS_MAX));
        for n in 0..10 {
            keys.document(&uri(DOCUMENTS_MAX + 1 + n), now);
        }
        assert_eq!(keys.0.lock().unwrap().len(), DOCUMENTS_MAX);
    }
}
