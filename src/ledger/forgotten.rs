//! Tokens whose time is over and which state has forgotten: whether something had ended them before (SPEC.md h).
//!
//! One rule for access and refresh tokens: what ended the token, its grant, its session or the permission behind it counts if it
//! came while the token had time left. Whether person and client may act is asked of state, which never forgets them. The rule is the
//! same for today's state and for one of the past: only events before that state's head count.

#![expect(clippy::wildcard_enum_match_arm, reason = "of all events only a few issue or end something")]

use super::index::Index;
use super::{Failure, Ledger, Most, Site};
use crate::event::{CodeEvent, ConsentEvent, Event, GrantEvent, IssuedTokens, Record, RefreshEvent, SessionEvent, TokenEvent};
use crate::projection::State;
use crate::query::{Introspection, Status, TokenFacts, TokenName};
use crate::terms::{GrantId, ScopeSet, Seq, Timestamp, TokenId};
use std::sync::Arc;

/// A session may be left to others and signed out of later, so it may have more than one end. More than so many are not read.
const ENDS_MAX: usize = 16;
/// The code of a grant is issued by its first event or, after the consent, by its second.
const FIRST_EVENTS: usize = 2;

/// A token as the log knows it.
struct Forgotten {
    facts: TokenFacts,
    /// The event that handed it out.
    issued: Seq,
    /// Whether another one took its place.
    is_replaced: bool,
}

/// Whether person and client may act.
struct MayAct {
    is_so: bool,
    /// The event that took it from them, where state still knows it.
    taken_by: Option<Seq>,
    /// The event that this rests on.
    rests_on: Seq,
}

/// The log as it was before an event.
struct LogBefore<'a> {
    site: &'a Site,
    end: Seq,
    read: &'a dyn Fn(Seq) -> Result<Record, Failure>,
    may_act: &'a dyn Fn(&TokenFacts) -> MayAct,
}

impl Ledger {
    /// What the log knows of a token that state has forgotten; nothing if it never handed it out. `end` is the state's head.
    pub(super) async fn forgotten(&self, site: &Arc<Site>, name: TokenName, end: Seq) -> Result<Option<Introspection>, Failure> {
        let (ledger, of, runtime) = (self.clone(), Arc::clone(site), tokio::runtime::Handle::current());
        // Away from the threads that serve requests; each record is read as soon as it is durable.
        let looked_up = tokio::task::spawn_blocking(move || {
            let read = |seq| {
                runtime.block_on(of.wait(seq))?;
                ledger.record(&of, seq)
            };
            let may_act = |facts: &TokenFacts| of.read(|state| may_act(state, facts));
            LogBefore { site: &of, end, read: &read, may_act: &may_act }.look_up(&name)
        });
        let found = looked_up.await.map_err(|_| Failure::Stopped)??;
        if let Some(found) = &found {
            site.wait(found.rests_on).await?;
        }
        Ok(found)
    }

    /// What was known of a token at `now`, when the site stood as `state` says. All its events are durable. Reads the log, so not for
    /// threads that serve requests.
    pub fn introspect_then(&self, site: &Site, state: &State, name: &TokenName, now: Timestamp) -> Result<Introspection, Failure> {
        let found = crate::query::introspect(state, name, now);
        if found.facts.is_some() {
            return Ok(found);
        }
        let read = |seq| self.record(site, seq);
        let may_act = |facts: &TokenFacts| may_act(state, facts);
        let log = LogBefore { site, end: state.head, read: &read, may_act: &may_act };
        Ok(log.look_up(name)?.unwrap_or_else(Introspection::unknown))
    }
}

impl LogBefore<'_> {
    fn look_up(&self, name: &TokenName) -> Result<Option<Introspection>, Failure> {
        let forgotten = match name {
            TokenName::Access(token) => self.access(token)?,
            TokenName::Refresh { grant, generation } => self.refresh(grant, *generation)?,
        };
        forgotten.map(|forgotten| self.judge(forgotten)).transpose()
    }

    fn access(&self, token: &TokenId) -> Result<Option<Forgotten>, Failure> {
        let Some(issued) = self.site.index(|index| index.first_of_token(token)).filter(|seq| *seq < self.end) else { return Ok(None) };
        let Some(tokens) = self.issued(issued)?.filter(|tokens| tokens.token == *token) else { return Ok(None) };
        let (scope, expires_at) = (tokens.scope.clone(), tokens.expires_at);
        let facts = TokenFacts { jti: Some(tokens.token), kid: Some(tokens.kid), ..facts(tokens, scope, expires_at) };
        Ok(Some(Forgotten { facts, issued, is_replaced: false }))
    }

    /// A refresh token whose MAC is right. As while state knows the grant, the last generation's times stand for all.
    fn refresh(&self, grant: &GrantId, generation: Option<u32>) -> Result<Option<Forgotten>, Failure> {
        let Some(issued) = self.site.index(|index| index.last_issue(grant, self.end)) else { return Ok(None) };
        let Some(tokens) = self.issued(issued)?.filter(|tokens| tokens.grant == *grant) else { return Ok(None) };
        let Some(last) = tokens.generation.filter(|last| generation.is_none_or(|asked| asked <= *last)) else { return Ok(None) };
        let expires_at = tokens.refresh_expires_at.unwrap_or(tokens.expires_at);
        let scope = self.scope_of(grant)?.unwrap_or_else(|| tokens.scope.clone());
        let is_replaced = generation.is_some_and(|asked| asked < last);
        Ok(Some(Forgotten { facts: facts(tokens, scope, expires_at), issued, is_replaced }))
    }

    /// The tokens that this event handed out, if that is what it tells.
    fn issued(&self, seq: Seq) -> Result<Option<IssuedTokens>, Failure> {
        Ok(match (self.read)(seq)?.event {
            Event::Token(TokenEvent::Granted(tokens)) | Event::Refresh(RefreshEvent::Rotated(tokens)) => Some(*tokens),
            _ => None,
        })
    }

    /// What the grant allows, which may be more than its last access token does.
    fn scope_of(&self, grant: &GrantId) -> Result<Option<ScopeSet>, Failure> {
        for seq in self.site.events_of(&grant.to_string(), 0..self.end.0, Most::Oldest(FIRST_EVENTS)) {
            match (self.read)(seq)?.event {
                Event::Code(CodeEvent::Issued { scope, .. }) => return Ok(Some(scope)),
                Event::Token(TokenEvent::Granted(tokens)) if tokens.begins.is_some() => return Ok(Some(tokens.scope)),
                _ => {}
            }
        }
        Ok(None)
    }

    fn judge(&self, forgotten: Forgotten) -> Result<Introspection, Failure> {
        let may_act = (self.may_act)(&forgotten.facts);
        let mut rests_on = forgotten.issued.max(may_act.rests_on);
        let mut decided_by = match (forgotten.is_replaced, may_act.is_so) {
            (true, _) => Some(Some(forgotten.issued)),
            (false, false) => Some(may_act.taken_by),
            (false, true) => None,
        };
        for seq in self.site.index(|index| ends(index, &forgotten, self.end)) {
            if decided_by.is_some() {
                break;
            }
            rests_on = rests_on.max(seq);
            decided_by = ended(&(self.read)(seq)?, &forgotten.facts).then_some(Some(seq));
        }
        let status = if decided_by.is_some() { Status::Revoked } else { Status::Expired };
        let decided_by = decided_by.unwrap_or(Some(forgotten.issued));
        Ok(Introspection { status, facts: Some(forgotten.facts), decided_by, rests_on })
    }
}

fn facts(tokens: IssuedTokens, scope: ScopeSet, expires_at: Timestamp) -> TokenFacts {
    TokenFacts {
        jti: None,
        kid: None,
        grant: tokens.grant,
        client: tokens.client,
        user: tokens.user,
        session: tokens.session,
        scope,
        claims: tokens.userinfo_claims,
        audience: tokens.audience,
        sector: tokens.sector,
        issued_at: tokens.issued_at,
        expires_at,
    }
}

fn may_act(state: &State, facts: &TokenFacts) -> MayAct {
    match (state.clients.by_id(&facts.client), facts.user.map(|user| state.users.by_id(&user))) {
        (Some(client), user @ (None | Some(Some(_)))) => {
            let user = user.flatten();
            let taken_by = if client.is_enabled() { user.and_then(|user| user.disabled) } else { Some(client.changed) };
            let rests_on = user.map_or(client.changed, |user| client.changed.max(user.changed));
            MayAct { is_so: taken_by.is_none(), taken_by, rests_on }
        }
        // Nobody remembers which event deleted the client; it is the last one or an earlier one.
        (_, _) => MayAct { is_so: false, taken_by: None, rests_on: Seq(state.head.0.saturating_sub(1)) },
    }
}

/// The events before `end` that may have ended it.
fn ends(index: &Index, forgotten: &Forgotten, end: Seq) -> Vec<Seq> {
    let facts = &forgotten.facts;
    let before = |seqs: &[Seq]| seqs.get(..seqs.partition_point(|seq| *seq < end)).unwrap_or_default().to_vec();
    let of_token = before(facts.jti.map(|jti| index.ends_of(&jti.to_string())).unwrap_or_default());
    let of_grant = before(index.ends_of(&facts.grant.to_string()));
    // An earlier permission may have been withdrawn too; the first withdrawal after the tokens is theirs.
    let withdrawals = before(facts.user.map(|user| index.withdrawals(&user, &facts.client)).unwrap_or_default());
    let withdrawn = withdrawals.iter().find(|seq| **seq >= forgotten.issued).copied();
    let of_session = before(facts.session.map(|session| index.ends_of(&session.to_string())).unwrap_or_default());
    let single = [of_token.first().copied(), of_grant.first().copied(), withdrawn];
    single.into_iter().flatten().chain(of_session.iter().rev().take(ENDS_MAX).copied()).collect()
}

/// Whether this event ended the token while it had time left.
fn ended(record: &Record, facts: &TokenFacts) -> bool {
    let ends = match &record.event {
        Event::Token(TokenEvent::Revoked { token, .. }) => Some(*token) == facts.jti,
        Event::Grant(GrantEvent::Revoked { grant, .. }) => *grant == facts.grant,
        Event::Consent(ConsentEvent::Revoked { user, client }) | Event::Grant(GrantEvent::AllRevoked { user, client, .. }) => {
            Some(*user) == facts.user && *client == facts.client
        }
        Event::Session(SessionEvent::Ended { session, reason, .. }) => {
            Some(*session) == facts.session && (reason.ends_grants() || facts.scope.is_online_only())
        }
        _ => false,
    };
    ends && record.t <= facts.expires_at
}
