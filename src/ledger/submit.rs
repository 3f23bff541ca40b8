//! The way of a command: place, lock, moment, decide, fold, queue, unlock; and later the commit point (DESIGN.md §1).

use super::digests::RecordedDigest;
use super::site::Inner;
use super::{Failure, Ledger, Site, draw_bytes};
use crate::command::{Decide, Decision, Draft, Refused, asked};
use crate::event::{ClientEvent, Event, Record, TokenEvent};
use crate::log::{PersonalField, Place, UnsealedRecord};
use crate::terms::{IdSeed, Moment, RequestFacts, Seq, SiteName, Subject, Timestamp};
use std::sync::Arc;
use std::time::Duration;

/// A decision on its way to the disk. The answer may be used for work meanwhile; it may leave only after [`Submitted::durable`].
#[must_use = "an answer must not leave before its events are durable"]
pub struct Submitted<A> {
    answer: Result<A, Refused>,
    site: Arc<Site>,
    /// The last event that the answer rests on.
    rests_on: Option<Seq>,
}

impl<A> Submitted<A> {
    /// The answer, for work that goes on while the disk syncs: signing, mostly.
    pub fn answer(&self) -> &Result<A, Refused> {
        &self.answer
    }
    /// The answer, after the commit point.
    pub async fn durable(self) -> Result<Result<A, Refused>, Failure> {
        if let Some(seq) = self.rests_on {
            self.site.wait(seq).await?;
        }
        Ok(self.answer)
    }
}

/// How many events a decision usually has at the most.
const PLACES: u32 = 4;
/// So far ahead there is a month's key.
const MONTHS_AHEAD_SECONDS: u64 = 86_400;
/// So long a request waits for a place before it is told to come back.
const PATIENCE: Duration = Duration::from_secs(5);

impl Ledger {
    /// Decides a command and queues its events.
    pub async fn submit<C: Decide>(&self, site: &Arc<Site>, command: C, request: RequestFacts) -> Result<Submitted<C::Answer>, Failure> {
        let place = self.shared.committer.reserve_within(PLACES, PATIENCE).await.ok_or(Failure::Busy)?;
        self.ensure_month(site).await?;
        let seed = IdSeed::from_bytes(draw_bytes());
        let submitted = self.decide_and_queue(site, &command, request, seed, place);
        self.tell_turns_soon();
        submitted
    }

    /// Decides a command while the data directory is being opened: nobody else asks yet, so there is no waiting for a place. Nothing
    /// personal may be in it. What is queued here is durable before anything that is queued later.
    pub(super) fn decide_at_opening<C: Decide>(&self, site: &Arc<Site>, command: &C) -> Result<(), Failure> {
        let place = self.shared.committer.reserve(PLACES).ok_or(Failure::Busy)?;
        let seed = IdSeed::from_bytes(draw_bytes());
        let submitted = self.decide_and_queue(site, command, self.own_request(), seed, place)?;
        submitted.answer.map(drop).map_err(|refused| Failure::Contradiction(refused.refusal.to_string()))
    }

    /// Whether this command would be accepted as things stand. Nothing is decided by it: it is asked before anything is put into the
    /// vault for somebody who proved nothing.
    pub(super) fn would_accept<C: Decide>(&self, site: &Site, command: &C, request: &RequestFacts) -> bool {
        let (now, seed) = (self.now(), IdSeed::from_bytes(draw_bytes()));
        site.read(|state| command.decide(state, &Moment { now, seed, request: request.clone() }).answer.is_ok())
    }

    fn decide_and_queue<C: Decide>(
        &self,
        site: &Arc<Site>,
        command: &C,
        request: RequestFacts,
        seed: IdSeed,
        place: Place,
    ) -> Result<Submitted<C::Answer>, Failure> {
        let mut inner = site.inner();
        let reading = self.shared.clock.read();
        if C::ISSUES && !reading.trusted {
            return Err(Failure::ClockUntrusted);
        }
        let moment = Moment { now: reading.now.max(inner.state.last_t), seed, request };
        inner.state.forget(moment.now);
        let Decision { events, answer } = command.decide(&inner.state, &moment);
        let events = self.without_floods(site, events, answer.is_err(), &moment);
        let command = asked(command, seed).map_err(|error| Failure::Contradiction(error.to_string()))?;
        let records = records(site.name(), inner.state.head, events, Some(command), &moment);
        let unsealed = records.iter().map(|(record, draft)| unsealed(record, draft)).collect::<Result<Vec<_>, _>>()?;
        let subjects = unsealed.iter().flat_map(|record| &record.personal).map(|field| &field.subject);
        if let Some(subject) = self.shared.damage.among(site.name(), subjects) {
            return Err(Failure::Vault(format!("the key of {subject} is damaged")));
        }
        let due = fold(&mut inner, &records, &unsealed);
        let rests_on = inner.state.head.0.checked_sub(1).map(Seq);
        self.shared.committer.enqueue(place, &site.lane, unsealed);
        drop(inner);
        self.record_digests_soon(site, due);
        Ok(Submitted { answer, site: Arc::clone(site), rests_on })
    }

    /// Refusals of callers that proved nothing are told one by one only so often (DESIGN.md §4).
    #[expect(clippy::wildcard_enum_match_arm, reason = "what is no refusal cannot be a flood of them")]
    fn without_floods(&self, site: &Site, events: Vec<Draft>, refused: bool, moment: &Moment) -> Vec<Draft> {
        let floods = |draft: &Draft| match &draft.event {
            Event::Request(crate::event::RequestEvent::Refused { endpoint, reason, client, times: None }) => {
                Some((*endpoint, *reason, client.clone()))
            }
            Event::Client(ClientEvent::AuthFailed { client, endpoint, reason }) => Some((*endpoint, *reason, client.clone())),
            Event::Token(TokenEvent::Denied { client, reason, grant: None, .. }) => {
                Some((crate::event::Endpoint::Token, *reason, Some(client.clone())))
            }
            _ => None,
        };
        match (refused, events.as_slice(), moment.request.ip) {
            (true, [only], Some(ip)) => match floods(only) {
                Some((endpoint, reason, client)) => match self.shared.tallies.tell(site.name(), ip, endpoint, reason, client, moment.now) {
                    true => events,
                    false => Vec::new(),
                },
                None => events,
            },
            (_, _, _) => events,
        }
    }

    /// The time now: never before an earlier answer, at whatever site.
    pub fn now(&self) -> Timestamp {
        self.shared.clock.read().now
    }

    /// What is sealed when nobody is known needs the month's key; the next month's is made along, lest the month turn meanwhile.
    async fn ensure_month(&self, site: &Site) -> Result<(), Failure> {
        let now = self.now();
        if site.has_months_until(now.plus_seconds(MONTHS_AHEAD_SECONDS / 2)) {
            return Ok(());
        }
        let (name, until) = (site.name().clone(), now.plus_seconds(MONTHS_AHEAD_SECONDS));
        self.with_vault(move |vault| {
            vault.ensure_subject(&name, &Subject::Month(now.month()))?;
            vault.ensure_subject(&name, &Subject::Month(until.month())).map(drop)
        })
        .await?;
        site.set_months_until(until);
        Ok(())
    }

    /// The facts of a request that nobody sent.
    pub fn own_request(&self) -> RequestFacts {
        RequestFacts { corr: self.request_id(), ip: None, user_agent: None }
    }
}

/// The decision's drafts with their places and times.
fn records(
    site: &SiteName,
    head: Seq,
    events: Vec<Draft>,
    mut command: Option<serde_json::Value>,
    moment: &Moment,
) -> Vec<(Record, Draft)> {
    let numbered = events.into_iter().zip(0_u64..);
    let record = |(draft, n): (Draft, u64)| {
        let record = Record {
            seq: Seq(head.0.saturating_add(n)),
            id: moment.seed.event_id(n, moment.now),
            t: moment.now,
            site: site.clone(),
            corr: moment.request.corr,
            cause: draft.cause,
            actor: draft.actor.clone(),
            asked: command.take(),
            event: draft.event.clone(),
        };
        (record, draft)
    };
    numbered.map(record).collect()
}

fn unsealed(record: &Record, draft: &Draft) -> Result<UnsealedRecord, Failure> {
    let members = record.members().map_err(|error| Failure::Contradiction(error.to_string()))?;
    let personal = draft.personal.iter().map(|field| PersonalField {
        subject: field.subject.clone(),
        name: field.name.clone(),
        value: field.value.clone(),
    });
    let unsealed = UnsealedRecord { seq: record.seq, members, personal: personal.collect() };
    unsealed.check().map_err(|error| Failure::Contradiction(error.to_string()))?;
    Ok(unsealed)
}

/// Folds a whole decision; gives the state digests that are due. A decision that cannot be folded has been checked by nobody: state and
/// log would part, so the process ends.
fn fold(inner: &mut Inner, records: &[(Record, Draft)], unsealed: &[UnsealedRecord]) -> Vec<RecordedDigest> {
    let mut due = Vec::new();
    for ((record, _), unsealed) in records.iter().zip(unsealed) {
        if let Err(corrupt) = inner.state.fold(record) {
            tracing::error!(%corrupt, "a decision cannot be folded");
            std::process::abort();
        }
        inner.index.add(record.seq, &unsealed.members);
        due.extend(RecordedDigest::due(&inner.state));
    }
    if !records.is_empty() {
        inner.settle();
    }
    due
}
