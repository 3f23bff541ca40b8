//! Documents that clients publish: key sets and request objects. Read when somebody needs them, kept for as long as the answer allows.
//!
//! One request at a time reads a document. Those that came before it began to share what it gets; whoever comes later shares it if it
//! may be kept, and never otherwise: it may have changed since. A client whose document is slow, large or broken makes its own requests
//! slow and refused, and nobody else's: nothing is held meanwhile but that document's turn.

use super::Ledger;
use crate::outbound::{Errand, FetchError, Freshness};
use crate::terms::{HttpsUrl, Timestamp};
use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

/// The documents of one kind that are held for a site's clients, by their addresses. Locked for a look-up, never while one is read.
pub(super) struct Documents<T> {
    held: Mutex<HashMap<String, Arc<Document<T>>>>,
    /// The URLs at which nothing could be read a moment ago, and until when they are not asked again. Locked for a look-up.
    failed: Mutex<HashMap<String, Timestamp>>,
    most: usize,
}

/// One document.
struct Document<T> {
    /// Held by the request that reads it.
    turn: tokio::sync::Mutex<()>,
    /// How many readings have begun. Counted by whoever has the turn.
    begun: AtomicU64,
    /// What the last reading gave. Locked for a look.
    last: Mutex<Reading<T>>,
}

/// What a reading gave.
#[derive(Clone)]
struct Reading<T> {
    /// The how manieth it was; 0 is none.
    number: u64,
    /// The document; none if it could not be read.
    found: Option<T>,
    /// When it was.
    at: Timestamp,
    /// Until when it counts.
    until: Timestamp,
    /// When it was last read again before its time, for something that it did not have.
    hurried_at: Timestamp,
}

/// Where a document is, and what it has to be.
pub(super) struct Published<'a, T> {
    /// What is fetched.
    pub(super) url: &'a HttpsUrl,
    /// What it is kept under: the URL, perhaps with a fragment.
    pub(super) address: &'a str,
    /// What it is fetched for.
    pub(super) errand: Errand,
    /// So long it is kept if it does not say.
    pub(super) unsaid_seconds: u64,
    /// What it is, in words.
    pub(super) what: &'static str,
    /// What its body says; nothing if it is something else.
    pub(super) parse: fn(&[u8]) -> Option<T>,
}

/// Why there is no document.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum NoDocument {
    /// It cannot be read, or is something else.
    Unavailable,
    /// We have no room to read it now.
    Busy,
}

/// None is kept longer, whatever it says: a key that its owner gave up must die.
const KEPT_SECONDS_MAX: u64 = 3600;
/// One that could not be read is not asked for again before this has passed.
const PAUSE_SECONDS: u64 = 5;
/// One is read again before its time, for what it does not have, only so often: anybody may invent a `kid`.
const HURRY_SECONDS: u64 = 5;
/// So long a request waits for its turn: longer than the reading takes that goes on when it comes, and the next one.
const TURN_PATIENCE: Duration = Duration::from_secs(7);

impl Ledger {
    /// The document: as it was read last while that counts and `lacks` finds in it what is needed, read again otherwise.
    pub(super) async fn document<T: Clone>(
        &self,
        documents: &Documents<T>,
        published: &Published<'_, T>,
        lacks: impl Fn(&T) -> bool,
    ) -> Result<T, NoDocument> {
        let document = documents.document(published.address, self.now());
        if let Some(answer) = document.last().answer(self.now(), &lacks) {
            return answer;
        }
        // Anybody may invent a fragment, and each would ask the same server: what failed there fails for all of them.
        if documents.has_failed(published.url, self.now()) {
            return Err(NoDocument::Unavailable);
        }
        let begun = document.begun.load(Ordering::SeqCst);
        let turn = tokio::time::timeout(TURN_PATIENCE, document.turn.lock()).await.map_err(|_| NoDocument::Busy)?;
        let last = document.last();
        // A reading that began while we waited is as young as ours would be.
        if last.number > begun {
            return last.found.ok_or(NoDocument::Unavailable);
        }
        if let Some(answer) = last.answer(self.now(), &lacks) {
            return answer;
        }
        let is_hurried = last.counts(self.now());
        let number = document.begun.fetch_add(1, Ordering::SeqCst).saturating_add(1);
        let (read, until) = self.read(published).await?;
        let at = self.now();
        if read.is_none() {
            documents.remember_failure(published.url, until, at);
        }
        // Anybody may ask for what is not there: such a reading takes nothing from one that still counts.
        let (found, until) = if read.is_none() && is_hurried { (last.found, last.until) } else { (read, until) };
        let hurried_at = if is_hurried { at } else { last.hurried_at };
        document.keep(Reading { number, found: found.clone(), at, until, hurried_at });
        drop(turn);
        found.ok_or(NoDocument::Unavailable)
    }

    /// The document as it is now, and until when that counts.
    async fn read<T>(&self, published: &Published<'_, T>) -> Result<(Option<T>, Timestamp), NoDocument> {
        let (host, what) = (published.url.url().host_str(), published.what);
        let fetched = self.shared.outbound.get(published.errand, published.url).await;
        let now = self.now();
        let found = match fetched {
            Err(FetchError::Busy) => return Err(NoDocument::Busy),
            Err(error) => {
                tracing::info!(host, what, %error, "a client's document could not be read");
                None
            }
            Ok(fetched) => {
                let found = (published.parse)(&fetched.body);
                if found.is_none() {
                    tracing::info!(host, what, "a client's document is something else than it should be");
                }
                found.map(|found| (found, kept_until(fetched.freshness, published.unsaid_seconds, now)))
            }
        };
        Ok(found.map_or((None, now.plus_seconds(PAUSE_SECONDS)), |(found, until)| (Some(found), until)))
    }
}

fn kept_until(freshness: Freshness, unsaid_seconds: u64, now: Timestamp) -> Timestamp {
    let said = match freshness {
        Freshness::Unsaid => now.plus_seconds(unsaid_seconds),
        Freshness::Seconds(seconds) => now.plus_seconds(seconds),
        Freshness::Until(then) => then,
    };
    said.min(now.plus_seconds(KEPT_SECONDS_MAX))
}

impl<T: Clone> Documents<T> {
    /// Room for so many.
    pub(super) fn at_most(most: usize) -> Self {
        Self { held: Mutex::default(), failed: Mutex::default(), most }
    }
    fn has_failed(&self, url: &HttpsUrl, now: Timestamp) -> bool {
        self.failed.lock().unwrap_or_else(PoisonError::into_inner).get(url.as_str()).is_some_and(|until| now < *until)
    }
    fn remember_failure(&self, url: &HttpsUrl, until: Timestamp, now: Timestamp) {
        let mut failed = self.failed.lock().unwrap_or_else(PoisonError::into_inner);
        failed.retain(|_, until| now < *until);
        if failed.len() < self.most {
            failed.insert(url.as_str().to_owned(), until);
        }
    }
    fn document(&self, address: &str, now: Timestamp) -> Arc<Document<T>> {
        let mut held = self.held.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(document) = held.get(address) {
            return Arc::clone(document);
        }
        // One that somebody has in hand stays, so that those who come share it: there are no more of them than requests.
        let is_in_hand = |document: &Arc<Document<T>>| Arc::strong_count(document) > 1;
        if held.len() >= self.most {
            held.retain(|_, document| is_in_hand(document) || document.last().counts(now));
        }
        if held.len() >= self.most {
            let idle = held.iter().filter(|(_, document)| !is_in_hand(document));
            let oldest = idle.min_by_key(|(_, document)| document.last().at).map(|(address, _)| address.clone());
            oldest.map(|address| held.remove(&address));
        }
        let document = Arc::<Document<T>>::default();
        held.insert(address.to_owned(), Arc::clone(&document));
        document
    }
}

impl<T> Default for Document<T> {
    fn default() -> Self {
        let none =
            Reading { number: 0, found: None, at: Timestamp::default(), until: Timestamp::default(), hurried_at: Timestamp::default() };
        Self { turn: tokio::sync::Mutex::default(), begun: AtomicU64::default(), last: Mutex::new(none) }
    }
}

impl<T: Clone> Document<T> {
    fn last(&self) -> Reading<T> {
        self.last.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
    fn keep(&self, reading: Reading<T>) {
        *self.last.lock().unwrap_or_else(PoisonError::into_inner) = reading;
    }
}

impl<T: Clone> Reading<T> {
    fn counts(&self, now: Timestamp) -> bool {
        self.number > 0 && now < self.until
    }
    /// What it says at this time; nothing if it counts no more, or lacks something and may be read again for that.
    fn answer(&self, now: Timestamp, lacks: impl Fn(&T) -> bool) -> Option<Result<T, NoDocument>> {
        if !self.counts(now) {
            return None;
        }
        let may_hurry = now >= self.hurried_at.plus_seconds(HURRY_SECONDS);
        match &self.found {
            None => Some(Err(NoDocument::Unavailable)),
            Some(found) if may_hurry && lacks(found) => None,
            Some(found) => Some(Ok(found.clone())),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: u64 = 1_790_000_000;

    fn reading(found: Option<u8>, until: Timestamp) -> Reading<u8> {
        Reading { number: 1, found, at: Timestamp::from_unix_seconds(NOW), until, hurried_at: Timestamp::default() }
    }

    #[test]
    fn a_document_is_kept_no_longer_than_it_says_and_never_longer_than_an_hour() {
        let now = Timestamp::from_unix_seconds(NOW);
        let kept = |freshness| kept_until(freshness, 300, now).seconds_since(now);
        assert_eq!([0, 1, 3600, 86_400].map(|seconds| kept(Freshness::Seconds(seconds))), [0, 1, 3600, 3600]);
        assert_eq!((kept(Freshness::Unsaid), kept_until(Freshness::Unsaid, 0, now)), (300, now));
        assert_eq!(kept(Freshness::Until(now.plus_seconds(9))), 9);
        assert!(kept_until(Freshness::Until(now.minus_seconds(9)), 300, now) < now);
    }

    #[test]
    fn what_is_missing_in_a_document_is_looked_for_before_its_time_but_not_again_and_again() {
        let (now, later) = (Timestamp::from_unix_seconds(NOW), Timestamp::from_unix_seconds(NOW + 60));
        let (kept, failed) = (reading(Some(7), later), reading(None, later));
        assert_eq!((kept.answer(now, |_| false), kept.answer(now, |_| true)), (Some(Ok(7)), None));
        assert_eq!((kept.answer(later, |_| false), failed.answer(now, |_| true)), (None, Some(Err(NoDocument::Unavailable))));
        let hurried = Reading { hurried_at: now, ..kept };
        let answers = [0, 4, 5].map(|seconds| hurried.answer(now.plus_seconds(seconds), |_| true));
        assert_eq!(answers, [Some(Ok(7)), Some(Ok(7)), None]);
    }

    #[test]
    fn the_documents_of_a_site_are_bounded_and_those_in_hand_stay() {
        let (documents, now) = (Documents::<u8>::at_most(100), Timestamp::from_unix_seconds(NOW));
        let address = |n: usize| format!("https://a.example/{n}");
        let in_hand = documents.document(&address(0), now);
        for n in 1..100 {
            let until = if n == 7 { now } else { now.plus_seconds(60) };
            documents.document(&address(n), now).keep(reading(Some(1), until));
        }
        documents.document(&address(100), now);
        let holds = |n: usize| documents.held.lock().unwrap().contains_key(&address(n));
        assert!(!holds(7) && holds(0) && holds(1) && holds(100), "the stale ones go first");
        for n in 101..200 {
            documents.document(&address(n), now);
        }
        assert_eq!(documents.held.lock().unwrap().len(), 100);
        assert!(Arc::ptr_eq(&in_hand, &documents.document(&address(0), now)));
    }
}
