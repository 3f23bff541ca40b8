//! Telling a client that a session is over, step by step: a token is signed, sent, and what came of it recorded (OpenID Connect
//! Back-Channel Logout §2.4, §2.5, §2.8; docs/decisions/0017).

use super::{Decide, Decision, Draft};
use crate::event::{Event, LogoutEvent, LogoutFailure, SignedLogout};
use crate::projection::{PendingLogout, State};
use crate::terms::{Actor, HttpsUrl, LogoutId, Moment};
use serde::{Deserialize, Serialize};

/// How long after each attempt the next one follows: about a day in all. There is nothing random in it, so that replay tells the same;
/// clients do not fail in step with each other, for each is asked about its own people.
const PAUSES_SECONDS: [u64; 8] = [5, 30, 120, 600, 3600, 10_800, 21_600, 43_200];
/// One attempt before the first pause and one after each.
const ATTEMPTS_MAX: u32 = 9;
/// A client that answers that it will not is asked so often in all: it may have been about to fetch our new key, or to mend itself.
const REFUSALS_MAX: u32 = 3;
/// Life of a logout token (OpenID Connect Back-Channel Logout §2.4: at most two minutes). Each attempt has one of its own.
const TOKEN_SECONDS: u64 = 120;

/// The next attempt begins.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct SignLogout {
    /// Which one.
    pub logout: LogoutId,
    /// By whoever requested it: it need not be due yet.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub at_once: bool,
}

/// A token that is to be made, and where it goes.
#[derive(Clone, PartialEq, Debug)]
pub struct LogoutToSend {
    /// What it says.
    pub signed: SignedLogout,
    /// The client's `backchannel_logout_uri`.
    pub uri: HttpsUrl,
}

impl Decide for SignLogout {
    const NAME: &'static str = "sign_logout";
    /// Nothing if there is nothing to do: it is done, or another attempt is under way.
    type Answer = Option<LogoutToSend>;

    fn decide(&self, state: &State, moment: &Moment) -> Decision<Option<LogoutToSend>> {
        let pending = state.logouts.by_id(&self.logout);
        let due = |pending: &&PendingLogout| moment.now >= pending.next_at || self.at_once && pending.attempts == 0;
        let Some(pending) = pending.filter(due) else { return Decision::accepted(None, Vec::new()) };
        let client = state.clients.by_id(&pending.client).filter(|client| client.is_enabled());
        let Some((client, uri)) = client.and_then(|client| Some((client, client.metadata.backchannel_logout_uri.clone()?))) else {
            return Decision::accepted(None, vec![abandoned(pending, LogoutFailure::ClientGone, None)]);
        };
        if pending.attempts >= ATTEMPTS_MAX {
            return Decision::accepted(None, vec![abandoned(pending, LogoutFailure::Unheard, None)]);
        }
        let Some(key) = state.keys.signing(client.metadata.id_token_signed_response_alg, moment.now) else {
            return Decision::accepted(None, Vec::new());
        };
        let signed = SignedLogout {
            logout: pending.id,
            client: pending.client.clone(),
            user: pending.user,
            session: pending.session,
            sector: client.metadata.sector(),
            attempt: pending.attempts.saturating_add(1),
            alg: key.alg,
            kid: key.kid,
            issued_at: moment.now,
            expires_at: moment.now.plus_seconds(TOKEN_SECONDS),
            next_at: moment.now.plus_seconds(pause_after(pending.attempts.saturating_add(1)).unwrap_or(TOKEN_SECONDS)),
        };
        let event = LogoutEvent::Signed(signed.clone());
        let draft = Draft::new(Actor::Server, Event::Logout(event)).caused_by(pending.changed);
        Decision::accepted(Some(LogoutToSend { signed, uri }), vec![draft])
    }
}

/// An attempt has an outcome.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct EndLogoutAttempt {
    /// Which one.
    pub logout: LogoutId,
    /// Which attempt.
    pub attempt: u32,
    /// What came of it; none is success.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failure: Option<LogoutFailure>,
    /// What the client answered, if it did.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status: Option<u16>,
}

impl Decide for EndLogoutAttempt {
    const NAME: &'static str = "end_logout_attempt";
    type Answer = ();

    fn decide(&self, state: &State, moment: &Moment) -> Decision<()> {
        let own = |pending: &&PendingLogout| pending.under_way && pending.attempts == self.attempt;
        let Some(pending) = state.logouts.by_id(&self.logout).filter(own) else { return Decision::accepted((), Vec::new()) };
        let (logout, client, attempt, status) = (pending.id, pending.client.clone(), self.attempt, self.status);
        let event = match (self.failure, self.pause_after()) {
            (None, _) => LogoutEvent::Delivered { logout, client, attempt, status: status.unwrap_or_default() },
            (Some(reason), None) => return Decision::accepted((), vec![abandoned(pending, reason, status)]),
            (Some(reason), Some(pause)) => {
                LogoutEvent::Failed { logout, client, attempt, reason, status, next_at: moment.now.plus_seconds(pause) }
            }
        };
        Decision::accepted((), vec![Draft::new(Actor::Server, Event::Logout(event)).caused_by(pending.changed)])
    }
}

impl EndLogoutAttempt {
    /// How long until the next one; none if there is none.
    fn pause_after(&self) -> Option<u64> {
        let refused = self.failure == Some(LogoutFailure::Refused) && self.attempt >= REFUSALS_MAX;
        pause_after(self.attempt).filter(|_| !refused)
    }
}

/// The pause after this attempt; none after the last one.
fn pause_after(attempt: u32) -> Option<u64> {
    PAUSES_SECONDS.get(usize::try_from(attempt).ok()?.checked_sub(1)?).copied()
}

fn abandoned(pending: &PendingLogout, reason: LogoutFailure, status: Option<u16>) -> Draft {
    let (logout, client, attempt) = (pending.id, pending.client.clone(), pending.attempts);
    let event = LogoutEvent::Abandoned { logout, client, attempt, reason, status };
    Draft::new(Actor::Server, Event::Logout(event)).caused_by(pending.changed)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pause(attempt: u32, failure: LogoutFailure) -> Option<u64> {
        let logout = crate::terms::IdSeed::from_bytes([1; 16]).id();
        EndLogoutAttempt { logout, attempt, failure: Some(failure), status: None }.pause_after()
    }

    #[test]
    fn a_silent_client_is_asked_nine_times_within_a_day_and_one_that_refuses_three_times() {
        let pauses: Vec<u64> = (1..=ATTEMPTS_MAX).map_while(|attempt| pause(attempt, LogoutFailure::Slow)).collect();
        assert_eq!(pauses, PAUSES_SECONDS);
        assert!((79_000..86_400).contains(&pauses.iter().sum::<u64>()), "{pauses:?}");
        let refused = [1, 2, 3].map(|attempt| pause(attempt, LogoutFailure::Refused));
        assert_eq!(refused, [Some(5), Some(30), None]);
    }
}
