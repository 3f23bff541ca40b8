//! Tokens whose time is over and which state has forgotten: whether something had ended them before (SPEC.md h).
//!
//! One rule for access and refresh tokens: what ended the token, its grant, its session or the permission behind it counts if it
//! came while the token had time left. Whether person and client may act is asked of today's state, which never forgets them.

#![expect(clippy::wildcard_enum_match_arm, reason = "of all events only a few issue or end something")]

use super::index::Index;
use super::{Failure, Ledger, Site};
use crate::event::{ConsentEvent, Event, GrantEvent, IssuedTokens, Record, RefreshEvent, SessionEvent, TokenEvent};
use crate::projection::State;
use crate::query::{Introspection, Status, TokenFacts};
use crate::terms::{GrantId, Seq, Timestamp, TokenId};
use std::sync::Arc;

/// A session may be left to others and signed out of later, so it may have more than one end. More than so many are not read.
const ENDS_MAX: usize = 16;

/// A token as the log knows it.
struct Forgotten {
    facts: TokenFacts,
    /// The event that handed it out.
    issued: Seq,
    /// Whether another one took its place.
    is_replaced: bool,
}

impl Ledger {
    /// What the log knows of an access token; nothing if it never granted it.
    pub(super) async fn forgotten_access(&self, site: &Arc<Site>, token: &TokenId) -> Result<Option<Introspection>, Failure> {
        let Some(issued) = site.index(|index| index.first_of_token(token)) else { return Ok(None) };
        let Some(tokens) = self.issued(site, issued).await?.filter(|tokens| tokens.token == *token) else { return Ok(None) };
        let (jti, expires_at) = (Some(tokens.token), tokens.expires_at);
        let facts = facts(tokens, jti, expires_at);
        self.judge(site, Forgotten { facts, issued, is_replaced: false }).await.map(Some)
    }

    /// What the log knows of a refresh token whose MAC is right; nothing if the grant never handed out that generation. As while
    /// state knows the grant, the last generation's times stand for all.
    pub(super) async fn forgotten_refresh(
        &self,
        site: &Arc<Site>,
        grant: &GrantId,
        generation: u32,
    ) -> Result<Option<Introspection>, Failure> {
        let Some(issued) = site.index(|index| index.last_issue(grant)) else { return Ok(None) };
        let Some(tokens) = self.issued(site, issued).await?.filter(|tokens| tokens.grant == *grant) else { return Ok(None) };
        let last = tokens.generation.unwrap_or_default();
        if generation > last {
            return Ok(None);
        }
        let expires_at = tokens.refresh_expires_at.unwrap_or(tokens.expires_at);
        let facts = facts(tokens, None, expires_at);
        self.judge(site, Forgotten { facts, issued, is_replaced: generation < last }).await.map(Some)
    }

    /// The tokens that this event handed out, if that is what it tells.
    async fn issued(&self, site: &Arc<Site>, seq: Seq) -> Result<Option<IssuedTokens>, Failure> {
        Ok(match self.record_later(site, seq).await?.event {
            Event::Token(TokenEvent::Granted(tokens)) | Event::Refresh(RefreshEvent::Rotated(tokens)) => Some(*tokens),
            _ => None,
        })
    }

    async fn judge(&self, site: &Arc<Site>, forgotten: Forgotten) -> Result<Introspection, Failure> {
        let (ends, may_act, changed) = site.read_with_index(|state, index| {
            let (may_act, changed) = may_act(state, &forgotten.facts);
            (ends(index, &forgotten), may_act, changed)
        });
        let mut rests_on = forgotten.issued.max(changed);
        let mut is_revoked = forgotten.is_replaced || !may_act;
        for seq in ends {
            if is_revoked {
                break;
            }
            let record = self.record_later(site, seq).await?;
            rests_on = rests_on.max(seq);
            is_revoked = ended(&record, &forgotten.facts);
        }
        site.wait(rests_on).await?;
        let status = if is_revoked { Status::Revoked } else { Status::Expired };
        Ok(Introspection { status, facts: Some(forgotten.facts), rests_on })
    }

    /// Reads a record as soon as it is durable, away from the threads that serve requests.
    async fn record_later(&self, site: &Arc<Site>, seq: Seq) -> Result<Record, Failure> {
        site.wait(seq).await?;
        let (ledger, of) = (self.clone(), Arc::clone(site));
        tokio::task::spawn_blocking(move || ledger.record(&of, seq)).await.map_err(|_| Failure::Stopped)?
    }
}

fn facts(tokens: IssuedTokens, jti: Option<TokenId>, expires_at: Timestamp) -> TokenFacts {
    TokenFacts {
        jti,
        grant: tokens.grant,
        client: tokens.client,
        user: tokens.user,
        session: tokens.session,
        scope: tokens.scope,
        audience: tokens.audience,
        issued_at: tokens.issued_at,
        expires_at,
    }
}

/// Whether person and client may act today, and the event that this rests on.
fn may_act(state: &State, facts: &TokenFacts) -> (bool, Seq) {
    match (state.clients.by_id(&facts.client), state.users.by_id(&facts.user)) {
        (Some(client), Some(user)) => (client.is_enabled() && user.disabled.is_none(), client.changed.max(user.changed)),
        // Nobody remembers which event deleted the client; it is the last one or an earlier one.
        (_, _) => (false, Seq(state.head.0.saturating_sub(1))),
    }
}

/// The events that may have ended it.
fn ends(index: &Index, forgotten: &Forgotten) -> Vec<Seq> {
    let facts = &forgotten.facts;
    let of_token = facts.jti.map(|jti| index.ends_of(&jti.to_string())).unwrap_or_default();
    let of_grant = index.ends_of(&facts.grant.to_string());
    // An earlier permission may have been withdrawn too; the first withdrawal after the tokens is theirs.
    let withdrawals = index.withdrawals(&facts.user, &facts.client);
    let withdrawn = withdrawals.get(withdrawals.partition_point(|seq| *seq < forgotten.issued)..).unwrap_or_default();
    let of_session = index.ends_of(&facts.session.to_string());
    let first = |seqs: &[Seq]| seqs.first().copied();
    let single = [first(of_token), first(of_grant), first(withdrawn)];
    single.into_iter().flatten().chain(of_session.iter().rev().take(ENDS_MAX).copied()).collect()
}

/// Whether this event ended the token while it had time left.
fn ended(record: &Record, facts: &TokenFacts) -> bool {
    let ends = match &record.event {
        Event::Token(TokenEvent::Revoked { token, .. }) => Some(*token) == facts.jti,
        Event::Grant(GrantEvent::Revoked { grant, .. }) => *grant == facts.grant,
        Event::Consent(ConsentEvent::Revoked { user, client }) | Event::Grant(GrantEvent::AllRevoked { user, client, .. }) => {
            *user == facts.user && *client == facts.client
        }
        Event::Session(SessionEvent::Ended { session, reason, .. }) => {
            *session == facts.session && (reason.ends_grants() || facts.scope.is_online_only())
        }
        _ => false,
    };
    ends && record.t <= facts.expires_at
}
