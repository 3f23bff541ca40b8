//! Things that are only noted: nothing is decided about them.

use super::{Decide, Decision, Draft};
use crate::event::{AuditEvent, ClientEvent, Count, Endpoint, Event, Refusal, RequestEvent, ServerEvent, TokenEvent};
use crate::projection::State;
use crate::terms::{Actor, ClientId, Digest, ErrorCode, KeyId, Moment, Seq, SiteName, Subject, Timestamp, TokenId};
use serde::{Deserialize, Serialize};

/// Something to be noted in the log.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct Note {
    /// What.
    pub noted: Noted,
    /// Who did it.
    pub by: Actor,
}

/// What can be noted.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[expect(missing_docs, reason = "each variant is the event that it becomes")]
pub enum Noted {
    ServerStarted {
        version: String,
        pid: u32,
    },
    ServerStopped {},
    SiteAdded {
        name: SiteName,
    },
    ClockStepped {
        wall: Timestamp,
        kept: Timestamp,
    },
    ClockAccepted {
        wall: Timestamp,
    },
    AuditRead {
        query: String,
        #[serde(rename = "filter_hmac")]
        filter: Digest,
        rows: u64,
        /// Whether people were shown by name.
        identified: bool,
        /// Why they were; sealed.
        #[serde(skip)]
        reason: Option<String>,
    },
    AuditExported {
        format: String,
        from: Seq,
        to: Seq,
        events: u64,
        disclosed: u64,
        withheld: u64,
        bundle_digest: Digest,
        checkpoint_size: u64,
        #[serde(rename = "filter_hmac")]
        filter: Digest,
        /// Whether people are shown by name.
        identified: bool,
        /// What it is for; sealed.
        #[serde(skip)]
        purpose: Option<String>,
        /// By what right it leaves, as `45 CFR 164.528`; sealed.
        #[serde(skip)]
        basis: Option<String>,
        /// Why people are shown; sealed.
        #[serde(skip)]
        reason: Option<String>,
    },
    RequestRefused {
        endpoint: Endpoint,
        reason: Refusal,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        client: Option<ClientId>,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        times: Option<Count>,
    },
    TokenIntrospected {
        token: TokenId,
        asker: ClientId,
        active: bool,
        times: Count,
    },
    UserinfoRead {
        token: TokenId,
        times: Count,
    },
    ForgeryDetected {
        token: TokenId,
        kid: KeyId,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        times: Option<Count>,
    },
}

impl Decide for Note {
    const NAME: &'static str = "note";
    type Answer = ();

    fn decide(&self, state: &State, moment: &Moment) -> Decision<()> {
        match self.event(state) {
            Some((event, cause)) => {
                let draft = Draft::new(self.by.clone(), event).seen(moment, None);
                let draft = cause.into_iter().fold(draft, Draft::caused_by);
                let month = || Subject::Month(moment.now.month());
                let draft = self.noted.free_text().into_iter().fold(draft, |draft, (name, text)| draft.sealing(month(), name, text));
                Decision::accepted((), vec![draft])
            }
            None => Decision::accepted((), Vec::new()),
        }
    }
}

impl Noted {
    /// What somebody wrote in their own words: it may name people, so it is sealed.
    #[expect(clippy::wildcard_enum_match_arm, reason = "only what people ask for has words of theirs")]
    fn free_text(&self) -> Vec<(&'static str, &str)> {
        let texts = match self {
            Self::AuditRead { reason, .. } => vec![("reason", reason)],
            Self::AuditExported { purpose, basis, reason, .. } => vec![("purpose", purpose), ("basis", basis), ("reason", reason)],
            _ => Vec::new(),
        };
        texts.into_iter().filter_map(|(name, text)| Some((name, text.as_deref()?))).collect()
    }
}

impl Note {
    /// The event and what led to it; nothing if the token it tells of has been forgotten.
    fn event(&self, state: &State) -> Option<(Event, Option<Seq>)> {
        let about = |id: &TokenId| state.grants.token(id).and_then(|token| Some((token, state.grants.by_id(&token.grant)?)));
        let root = |event| Some((event, None));
        match self.noted.clone() {
            Noted::ServerStarted { version, pid } => root(Event::Server(ServerEvent::Started { version, pid })),
            Noted::ServerStopped {} => root(Event::Server(ServerEvent::Stopped {})),
            Noted::SiteAdded { name } => root(Event::Server(ServerEvent::SiteAdded { name })),
            Noted::ClockStepped { wall, kept } => root(Event::Server(ServerEvent::ClockStepped { wall, kept })),
            Noted::ClockAccepted { wall } => root(Event::Server(ServerEvent::ClockAccepted { wall })),
            Noted::AuditRead { query, filter, rows, identified, reason: _ } => {
                root(Event::Audit(AuditEvent::Read { query, filter, rows, identified }))
            }
            Noted::AuditExported {
                format,
                from,
                to,
                events,
                disclosed,
                withheld,
                bundle_digest,
                checkpoint_size,
                filter,
                identified,
                purpose: _,
                basis: _,
                reason: _,
            } => root(Event::Audit(AuditEvent::Exported {
                format,
                from,
                to,
                events,
                disclosed,
                withheld,
                bundle_digest,
                checkpoint_size,
                filter,
                identified,
            })),
            // A client that is not believed has an event of its own; counts of such refusals are told like any other's.
            Noted::RequestRefused { endpoint, reason, client, times: None } if reason.reply().code == ErrorCode::InvalidClient => {
                root(Event::Client(ClientEvent::AuthFailed { client, endpoint, reason }))
            }
            Noted::RequestRefused { endpoint, reason, client, times } => {
                root(Event::Request(RequestEvent::Refused { endpoint, reason, client, times }))
            }
            Noted::TokenIntrospected { token, asker, active, times } => {
                let (found, grant) = about(&token)?;
                let event = TokenEvent::Introspected { token, grant: grant.id, asker, active, times };
                Some((Event::Token(event), Some(found.granted)))
            }
            Noted::UserinfoRead { token, times } => {
                let (found, grant) = about(&token)?;
                let event = TokenEvent::UserinfoRead { token, grant: grant.id, client: grant.client.clone(), user: grant.user?, times };
                Some((Event::Token(event), Some(found.granted)))
            }
            Noted::ForgeryDetected { token, kid, times } => root(Event::Token(TokenEvent::ForgeryDetected { token, kid, times })),
        }
    }
}
