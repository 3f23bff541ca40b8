//! Telling clients that a session is over (OpenID Connect Back-Channel Logout 1.0; docs/decisions/0017).
//!
//! What is to be done is state, so it is known after any restart. Whoever signs somebody out makes the first attempts and waits for
//! them for a while; everything else is due for [`Ledger::deliver_logouts`]. Nobody waits for a place: what finds none is due again.

use super::site::Site;
use super::{Failure, Ledger};
use crate::command::{EndLogoutAttempt, EndSession, LogoutToSend, SignLogout, SignedOut};
use crate::event::{LogoutFailure, SignedLogout};
use crate::jose::{LogoutTokenClaims, TYP_LOGOUT_TOKEN, backchannel_logout_event};
use crate::outbound::{Errand, FetchError};
use crate::terms::{ClientId, RequestFacts, Secret, SiteName};
use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::sync::Notify;
use tokio::task::JoinSet;

/// The attempts under way.
#[derive(Clone, Default)]
pub(super) struct Attempts(Arc<Shared>);

#[derive(Default)]
struct Shared {
    /// How many each client has. Locked for a look.
    of_clients: Mutex<HashMap<(SiteName, ClientId), usize>>,
    /// Told when a place becomes free.
    freed: Notify,
}

/// A place for one attempt, until it is dropped.
struct Place {
    whose: (SiteName, ClientId),
    attempts: Attempts,
}

/// So many attempts at once, in all: as many as the way out has places for this errand.
const PLACES: usize = 48;
/// So many of them for one client.
const PLACES_OF_CLIENT: usize = 4;
/// How often it is looked at what is due.
const LOOK_EVERY: Duration = Duration::from_secs(1);
/// So long a sign-out waits for the first attempts, all at once.
const PATIENCE: Duration = Duration::from_secs(3);

impl Ledger {
    /// Signs out, and tells the clients: when this returns they have been told, or three seconds have passed.
    ///
    /// # Errors
    /// Nothing was decided, or nobody knows.
    pub async fn end_session(&self, site: &Arc<Site>, command: EndSession, request: RequestFacts) -> Result<SignedOut, Failure> {
        let answer = self.submit(site, command, request).await?.durable().await?;
        let signed_out = answer.map_err(|refused| Failure::Contradiction(refused.refusal.to_string()))?;
        let mut first = JoinSet::new();
        for logout in &signed_out.logouts {
            let client = site.read(|state| state.logouts.by_id(logout).map(|pending| pending.client.clone()));
            if let Some(place) = client.and_then(|client| self.shared.logouts.take(site.name(), &client)) {
                let attempt = self.clone().attempt(Arc::clone(site), SignLogout { logout: *logout, at_once: true }, place);
                // What takes longer than we wait goes on by itself.
                let attempt = tokio::spawn(attempt);
                first.spawn(async move { drop(attempt.await) });
            }
        }
        let told = tokio::time::timeout(PATIENCE, async { while first.join_next().await.is_some() {} }).await;
        if told.is_err() {
            tracing::info!(site = %site.name(), "a sign-out goes on before every client has been told");
        }
        Ok(signed_out)
    }

    /// Tells the clients that are due to be told, for ever. To be run beside the server.
    pub async fn deliver_logouts(self) {
        let mut look = tokio::time::interval(LOOK_EVERY);
        let mut under_way = JoinSet::new();
        loop {
            tokio::select! {
                _ = look.tick() => {}
                () = self.shared.logouts.0.freed.notified() => {}
            }
            self.begin_due(&mut under_way);
            while under_way.try_join_next().is_some() {}
        }
    }

    /// Tells the clients that are due to be told now, each at most a few times, and waits for what comes of it.
    pub async fn deliver_due_logouts(&self) {
        let mut under_way = JoinSet::new();
        self.begin_due(&mut under_way);
        under_way.join_all().await;
    }

    fn begin_due(&self, under_way: &mut JoinSet<()>) {
        let now = self.now();
        for site in self.sites() {
            let due = site.read(|state| state.logouts.due(now, PLACES_OF_CLIENT));
            for (client, logout) in due {
                if let Some(place) = self.shared.logouts.take(site.name(), &client) {
                    let attempt = SignLogout { logout, at_once: false };
                    under_way.spawn(self.clone().attempt(Arc::clone(&site), attempt, place));
                }
            }
        }
    }

    /// One attempt: signed, sent, and its outcome recorded. What cannot be recorded is tried again, like what nobody heard of.
    async fn attempt(self, site: Arc<Site>, command: SignLogout, place: Place) {
        if let Err(failure) = self.try_attempt(&site, command).await {
            tracing::warn!(site = %site.name(), %failure, "a client could not be told of a sign-out yet");
        }
        drop(place);
    }

    async fn try_attempt(&self, site: &Arc<Site>, command: SignLogout) -> Result<(), Failure> {
        let signing = self.submit(site, command, self.own_request()).await?.durable().await?;
        let Some(LogoutToSend { signed, uri }) = signing.map_err(|refused| Failure::Contradiction(refused.refusal.to_string()))? else {
            return Ok(());
        };
        let token = self.mint_logout_token(site, &signed)?;
        let form = format!("logout_token={}", token.expose());
        let (failure, status) = outcome(self.shared.outbound.post_form(Errand::Logout, &uri, form).await);
        let end = EndLogoutAttempt { logout: signed.logout, attempt: signed.attempt, failure, status };
        let recorded = self.submit(site, end, self.own_request()).await?.durable().await?;
        recorded.map_err(|refused| Failure::Contradiction(refused.refusal.to_string()))
    }

    /// The logout token of an attempt: the same event gives the same token.
    ///
    /// # Errors
    /// A key that the vault does not have, or a vault that fails.
    pub fn mint_logout_token(&self, site: &Site, signed: &SignedLogout) -> Result<Secret, Failure> {
        let claims = LogoutTokenClaims {
            iss: site.issuer(),
            aud: signed.client.clone(),
            iat: signed.issued_at.unix_seconds(),
            exp: signed.expires_at.unix_seconds(),
            jti: format!("{}.{}", signed.logout, signed.attempt),
            events: backchannel_logout_event(),
            sub: site.subject(Some(signed.user), &signed.client, signed.sector.as_ref()),
            sid: signed.session,
        };
        Ok(Secret::new(self.signing_key(site, signed.kid)?.sign(TYP_LOGOUT_TOKEN, &claims)?))
    }
}

/// What came of it, and what the client answered, if it did (OpenID Connect Back-Channel Logout §2.8).
fn outcome(posted: Result<u16, FetchError>) -> (Option<LogoutFailure>, Option<u16>) {
    match posted {
        Ok(status) => (None, Some(status)),
        Err(FetchError::Status(400)) => (Some(LogoutFailure::Refused), Some(400)),
        Err(FetchError::Status(status)) => (Some(LogoutFailure::Status), Some(status)),
        Err(FetchError::Redirected(status)) => (Some(LogoutFailure::Redirected), Some(status)),
        Err(FetchError::Slow) => (Some(LogoutFailure::Slow), None),
        Err(FetchError::Unresolved) => (Some(LogoutFailure::Unresolved), None),
        Err(FetchError::NotPublic) => (Some(LogoutFailure::NotPublic), None),
        Err(FetchError::Unreachable(_)) => (Some(LogoutFailure::Unreachable), None),
        Err(FetchError::Tls(_)) => (Some(LogoutFailure::Tls), None),
        Err(FetchError::Broken(_) | FetchError::Encoded | FetchError::TooLarge) => (Some(LogoutFailure::Broken), None),
        Err(FetchError::Busy) => (Some(LogoutFailure::Busy), None),
    }
}

impl Attempts {
    /// A place for an attempt to tell this client; none if it has its share, or there is none left.
    fn take(&self, site: &SiteName, client: &ClientId) -> Option<Place> {
        let mut taken = self.0.of_clients.lock().unwrap_or_else(PoisonError::into_inner);
        let whose = (site.clone(), client.clone());
        let own = taken.get(&whose).copied().unwrap_or_default();
        if own >= PLACES_OF_CLIENT || taken.values().sum::<usize>() >= PLACES {
            return None;
        }
        taken.insert(whose.clone(), own.saturating_add(1));
        Some(Place { whose, attempts: self.clone() })
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut taken = self.attempts.0.of_clients.lock().unwrap_or_else(PoisonError::into_inner);
        match taken.get(&self.whose).copied().unwrap_or_default().saturating_sub(1) {
            0 => drop(taken.remove(&self.whose)),
            left => drop(taken.insert(self.whose.clone(), left)),
        }
        drop(taken);
        self.attempts.0.freed.notify_one();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_client_has_four_places_and_leaves_the_others_theirs() {
        let (attempts, site) = (Attempts::default(), SiteName::default_site());
        let take = |n: u8| attempts.take(&site, &ClientId::from_bytes([n; 32]));
        let mut places: Vec<Place> = (0..4).map(|_| take(0).unwrap()).collect();
        assert!(take(0).is_none());
        places.extend((1..12).flat_map(|n| (0..4).map(move |_| n)).map(|n| take(n).unwrap()));
        assert!(places.len() == PLACES && take(200).is_none());
        places.pop();
        assert!(take(200).is_some());
        drop(places);
        assert!(attempts.0.of_clients.lock().unwrap().is_empty(), "what is not taken is not remembered");
    }
}
