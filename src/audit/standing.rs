//! How something stands now: active, expired or ended, since when and by which event. State is asked first; what it has forgotten
//! is found out from the story's own events.

use super::gather::Gathered;
use super::lineage::deletion;
use super::story::Kind;
use crate::event::{
    ClientStatus, CodeEvent, ConsentEvent, Event, GrantEvent, IssuedTokens, Outcome, Record, RefreshEvent, SessionEvent, TokenEvent,
};
use crate::ledger::{Failure, Ledger, Site};
use crate::projection::{Life, State};
use crate::terms::{ClientId, Seq, Timestamp};
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
pub(super) fn standing(
    ledger: &Ledger,
    site: &Site,
    kind: Kind,
    id: &str,
    gathered: &Gathered,
    now: Timestamp,
) -> Result<Standing, Failure> {
    let of_state = site.read(|state| match kind {
        Kind::Token => parsed(id).and_then(|id| of_token(state, &id, now)),
        Kind::Grant => parsed(id).and_then(|id| of_grant(state, &id, now)),
        Kind::Session => parsed(id).and_then(|id| of_session(state, &id, now)),
        Kind::Client => parsed(id).and_then(|id| of_client(state, &id)),
        Kind::User => parsed(id).and_then(|id| of_user(state, &id)),
        Kind::Code | Kind::Consent | Kind::Request => None,
    });
    match (of_state, kind) {
        // State has forgotten by which event: that of its client's end.
        (Some(dead), Kind::Token | Kind::Grant) if dead.word == REVOKED && dead.by.is_none() => {
            let deleted = clients_deletion(ledger, site, gathered)?;
            Ok(dead.by(deleted.map(|deleted| deleted.seq)))
        }
        (Some(standing), _) => Ok(standing),
        (None, Kind::Token | Kind::Grant) => of_tokens(ledger, site, kind, id, gathered),
        (None, _) => Ok(of_events(kind, id, gathered, now)),
    }
}

const REVOKED: &str = "REVOKED";

fn parsed<T: FromStr>(id: &str) -> Option<T> {
    id.parse().ok()
}

/// What is dead for ever has no time that is over.
fn of_life(life: Life, expires_at: Option<Timestamp>) -> Option<Standing> {
    match life {
        Life::Active => Some(Standing::new("ACTIVE").until(expires_at)),
        Life::Expired => Some(Standing::new("EXPIRED").until(expires_at)),
        Life::Revoked { by } => Some(Standing::new(REVOKED).by(by)),
        Life::Unknown => None,
    }
}

/// A token is as good as its grant and as the key that signed it.
fn of_token(state: &State, id: &crate::terms::TokenId, now: Timestamp) -> Option<Standing> {
    let token = state.grants.token(id)?;
    let kid = token.signed_by.first().copied().flatten();
    let disowned = kid.and_then(|kid| state.keys.disowned_by(&kid, token.expires_at));
    let life = match (state.token_liveness(id, now).life, disowned) {
        (Life::Revoked { by: Some(by) }, Some(disowned)) => Life::Revoked { by: Some(by.min(disowned)) },
        (Life::Active | Life::Expired, Some(disowned)) => Life::Revoked { by: Some(disowned) },
        (life, _) => life,
    };
    of_life(life, Some(token.expires_at))
}

fn of_grant(state: &State, id: &crate::terms::GrantId, now: Timestamp) -> Option<Standing> {
    let tokens = state.grants.by_id(id)?.tokens.as_ref();
    let end = tokens.map(|tokens| tokens.refresh_expires_at.unwrap_or(tokens.expires_at).max(tokens.expires_at));
    let life = match state.grant_liveness(id, now).life {
        Life::Active if end.is_some_and(|end| now >= end) => Life::Expired,
        life @ (Life::Active | Life::Expired | Life::Revoked { .. } | Life::Unknown) => life,
    };
    of_life(life, end)
}

/// A session gives nothing while its user is kept out.
fn of_session(state: &State, id: &crate::terms::SessionId, now: Timestamp) -> Option<Standing> {
    let session = state.sessions.by_id(id)?;
    let kept_out = state.users.by_id(&session.user).filter(|user| user.disabled.is_some()).and_then(|user| of_user(state, &user.id));
    Some(match (session.ended, kept_out) {
        (Some(ending), _) => Standing::new("ENDED").by(ending.by),
        (None, _) if now >= session.expires_at => Standing::new("EXPIRED").until(session.expires_at),
        (None, Some(kept_out)) => kept_out,
        (None, None) => Standing::new("ACTIVE").until(session.expires_at),
    })
}

fn of_client(state: &State, id: &ClientId) -> Option<Standing> {
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
        // A session's own time is in no event once state has forgotten it.
        Kind::Session => match records().find(|record| ends(&record.event, kind, id)) {
            Some(ended) => Standing::new("ENDED").by(ended.seq),
            None => Standing::new("EXPIRED"),
        },
        Kind::Grant | Kind::Token | Kind::User => Standing::new("UNKNOWN"),
    }
}

/// The same of a token or a grant. Only what came before its time was over has ended it.
fn of_tokens(ledger: &Ledger, site: &Site, kind: Kind, id: &str, gathered: &Gathered) -> Result<Standing, Failure> {
    let records = || gathered.records.values().map(|(record, _)| record);
    let of_id = || records().filter_map(|record| issued(&record.event)).filter(|one| kind == Kind::Grant || one.token.to_string() == id);
    let ends_at = |tokens: &IssuedTokens| tokens.refresh_expires_at.filter(|_| kind == Kind::Grant).max(Some(tokens.expires_at));
    let expires_at = of_id().filter_map(ends_at).max();
    let in_time = |record: &&Record| expires_at.is_none_or(|end| record.t < end);
    let own = records().filter(in_time).find(|record| ends(&record.event, kind, id)).map(|record| record.seq);
    let deleted = clients_deletion(ledger, site, gathered)?.filter(|record| in_time(&record)).map(|record| record.seq);
    let signed = of_id().next().filter(|_| kind == Kind::Token);
    let disowned = signed.and_then(|tokens| site.read(|state| state.keys.disowned_by(&tokens.kid, tokens.expires_at)));
    Ok(match [own, deleted, disowned].into_iter().flatten().min() {
        Some(ended) => Standing::new(REVOKED).by(ended),
        None => Standing::new("EXPIRED").until(expires_at),
    })
}

/// What ended the client of these tokens.
fn clients_deletion(ledger: &Ledger, site: &Site, gathered: &Gathered) -> Result<Option<Record>, Failure> {
    let client = gathered.records.values().find_map(|(record, _)| client_of(&record.event));
    client.map_or(Ok(None), |client| deletion(ledger, site, client, site.durable().events))
}

/// Whose code or tokens an event handed out.
fn client_of(event: &Event) -> Option<&ClientId> {
    if let Event::Code(CodeEvent::Issued { client, .. }) = event {
        return Some(client);
    }
    if let Event::Token(TokenEvent::IdTokenIssued(issued)) = event {
        return Some(&issued.client);
    }
    issued(event).map(|tokens| &tokens.client)
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
        Some(by) => Standing::new(REVOKED).by(by),
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
