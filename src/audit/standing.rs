//! How something stands now: active, expired or ended, since when and by which event. State is asked first; what it has forgotten
//! is found out from the story's own events.

use super::gather::Gathered;
use super::story::Kind;
use crate::event::{ClientStatus, ConsentEvent, Event, GrantEvent, IssuedTokens, Outcome, Record, RefreshEvent, SessionEvent, TokenEvent};
use crate::ledger::Site;
use crate::projection::{Life, State};
use crate::terms::{Seq, Timestamp};
use std::str::FromStr;

/// How something stands.
#[derive(Clone, PartialEq, Debug)]
pub(super) struct Standing {
    /// One word in capitals.
    pub(super) word: &'static str,
    /// The event that made it so.
    pub(super) by: Option<Seq>,
    /// When its time is or was over.
    pub(super) expires_at: Option<Timestamp>,
}

impl Standing {
    fn new(word: &'static str) -> Self {
        Self { word, by: None, expires_at: None }
    }
    fn by(mut self, by: impl Into<Option<Seq>>) -> Self {
        self.by = by.into();
        self
    }
    fn until(mut self, at: impl Into<Option<Timestamp>>) -> Self {
        self.expires_at = at.into();
        self
    }
}

/// How the thing of this story stands at `now`.
pub(super) fn standing(site: &Site, kind: Kind, id: &str, gathered: &Gathered, now: Timestamp) -> Standing {
    let of_state = site.read(|state| match kind {
        Kind::Token => parsed(id).and_then(|id| {
            let expires_at = state.grants.token(&id)?.expires_at;
            of_life(state.token_liveness(&id, now).life).map(|standing| standing.until(expires_at))
        }),
        Kind::Grant => parsed(id).and_then(|id| of_grant(state, &id, now)),
        Kind::Session => parsed(id).and_then(|id| of_session(state, &id, now)),
        Kind::Client => parsed(id).and_then(|id| of_client(state, &id)),
        Kind::User => parsed(id).and_then(|id| of_user(state, &id)),
        Kind::Code | Kind::Consent | Kind::Request => None,
    });
    of_state.unwrap_or_else(|| of_events(kind, id, gathered, now))
}

fn parsed<T: FromStr>(id: &str) -> Option<T> {
    id.parse().ok()
}

fn of_life(life: Life) -> Option<Standing> {
    match life {
        Life::Active => Some(Standing::new("ACTIVE")),
        Life::Expired => Some(Standing::new("EXPIRED")),
        Life::Revoked { by } => Some(Standing::new("REVOKED").by(by)),
        Life::Unknown => None,
    }
}

fn of_grant(state: &State, id: &crate::terms::GrantId, now: Timestamp) -> Option<Standing> {
    let tokens = state.grants.by_id(id)?.tokens.as_ref();
    let end = tokens.map(|tokens| tokens.refresh_expires_at.unwrap_or(tokens.expires_at).max(tokens.expires_at));
    let standing = of_life(state.grant_liveness(id, now).life)?;
    match end.is_some_and(|end| now >= end) && standing.word == "ACTIVE" {
        true => Some(Standing::new("EXPIRED").until(end)),
        false => Some(standing.until(end)),
    }
}

fn of_session(state: &State, id: &crate::terms::SessionId, now: Timestamp) -> Option<Standing> {
    let session = state.sessions.by_id(id)?;
    Some(match session.ended {
        Some(ending) => Standing::new("ENDED").by(ending.by),
        None if now >= session.expires_at => Standing::new("EXPIRED").until(session.expires_at),
        None => Standing::new("ACTIVE").until(session.expires_at),
    })
}

fn of_client(state: &State, id: &crate::terms::ClientId) -> Option<Standing> {
    let client = state.clients.by_id(id)?;
    Some(match client.status {
        ClientStatus::Enabled => Standing::new("ENABLED"),
        ClientStatus::PendingApproval => Standing::new("WAITS FOR APPROVAL"),
        ClientStatus::Disabled => Standing::new("DISABLED").by(client.changed),
    })
}

fn of_user(state: &State, id: &crate::terms::UserId) -> Option<Standing> {
    let user = state.users.by_id(id)?;
    Some(match user.disabled {
        _ if user.erased => Standing::new("ERASED").by(user.changed),
        Some(by) => Standing::new("DISABLED").by(by),
        None if user.locked => Standing::new("LOCKED").by(user.changed),
        None => Standing::new("ENABLED"),
    })
}

/// What the story's events say of something that state has forgotten or never holds.
fn of_events(kind: Kind, id: &str, gathered: &Gathered, now: Timestamp) -> Standing {
    let records = || gathered.records.values().map(|(record, _)| record);
    match kind {
        Kind::Client => Standing::new("DELETED").by(last(records(), |event| matches!(event, Event::Client(_)))),
        Kind::Code => of_code(records, id, now),
        Kind::Consent => of_consent(records, id),
        Kind::Request => {
            match records().filter(|record| record.corr.to_string() == id).find(|record| record.event.weight().0 != Outcome::Success) {
                Some(bad) => Standing::new("REFUSED").by(bad.seq),
                None => Standing::new("DONE"),
            }
        }
        Kind::Grant | Kind::Session | Kind::Token => {
            let issued = records().filter_map(|record| issued(&record.event));
            // A session's own time is in no event once state has forgotten it.
            let of_id = issued.filter(|tokens| kind == Kind::Grant || tokens.token.to_string() == id);
            let expires_at = of_id.map(|tokens| tokens.expires_at).max();
            let ended = records().find(|record| ends(&record.event, kind, id) && expires_at.is_none_or(|end| record.t < end));
            match ended {
                Some(ended) => Standing::new(if kind == Kind::Session { "ENDED" } else { "REVOKED" }).by(ended.seq),
                None => Standing::new("EXPIRED").until(expires_at),
            }
        }
        Kind::User => Standing::new("UNKNOWN"),
    }
}

fn of_code<'a, I: Iterator<Item = &'a Record>>(records: impl Fn() -> I, id: &str, now: Timestamp) -> Standing {
    use crate::event::CodeEvent::{Issued, Redeemed, Replayed};
    let replayed = records().find(|record| matches!(&record.event, Event::Code(Replayed { code, .. }) if code.to_string() == id));
    let redeemed = records().find(|record| matches!(&record.event, Event::Code(Redeemed { code, .. }) if code.to_string() == id));
    let expires_at = records().find_map(|record| {
        let Event::Code(Issued { code, expires_at, .. }) = &record.event else { return None };
        (code.to_string() == id).then_some(*expires_at)
    });
    match (replayed, redeemed) {
        (Some(replayed), _) => Standing::new("REPLAYED").by(replayed.seq),
        (None, Some(redeemed)) => Standing::new("REDEEMED").by(redeemed.seq),
        (None, None) if expires_at.is_some_and(|end| now >= end) => Standing::new("EXPIRED").until(expires_at),
        (None, None) => Standing::new("ACTIVE").until(expires_at),
    }
}

fn of_consent<'a, I: Iterator<Item = &'a Record>>(records: impl Fn() -> I, id: &str) -> Standing {
    let decision = records().find_map(|record| {
        let Event::Consent(event) = &record.event else { return None };
        match event {
            ConsentEvent::Granted { consent, .. } => (consent.to_string() == id).then(|| Standing::new("GRANTED")),
            ConsentEvent::Denied { consent, .. } => (consent.to_string() == id).then(|| Standing::new("DENIED").by(record.seq)),
            ConsentEvent::Revoked { .. } => None,
        }
    });
    let revoked = last(records(), |event| matches!(event, Event::Consent(ConsentEvent::Revoked { .. })));
    match revoked {
        Some(by) => Standing::new("REVOKED").by(by),
        None => decision.unwrap_or_else(|| Standing::new("UNKNOWN")),
    }
}

fn last<'a>(records: impl Iterator<Item = &'a Record>, meant: impl Fn(&Event) -> bool) -> Option<Seq> {
    records.filter(|record| meant(&record.event)).last().map(|record| record.seq)
}

/// Whether an event ends the thing of a story.
fn ends(event: &Event, kind: Kind, id: &str) -> bool {
    if let Event::Session(SessionEvent::Ended { reason, .. }) = event {
        return kind == Kind::Session || reason.ends_grants();
    }
    if let Event::Token(TokenEvent::Revoked { token, .. }) = event {
        return kind == Kind::Token && token.to_string() == id;
    }
    kind != Kind::Session && matches!(event, Event::Grant(GrantEvent::Revoked { .. }) | Event::Consent(ConsentEvent::Revoked { .. }))
}

/// The tokens that an event handed out.
pub(super) fn issued(event: &Event) -> Option<&IssuedTokens> {
    if let Event::Token(TokenEvent::Granted(tokens)) | Event::Refresh(RefreshEvent::Rotated(tokens)) = event {
        return Some(tokens);
    }
    None
}

/// Whether an event tells that something was used with success.
pub(super) fn is_use(event: &Event) -> bool {
    if let Event::Token(TokenEvent::Introspected { active, .. }) = event {
        return *active;
    }
    let again = matches!(event, Event::Token(TokenEvent::UserinfoRead { .. }) | Event::Refresh(RefreshEvent::Retried { .. }));
    again || issued(event).is_some()
}
