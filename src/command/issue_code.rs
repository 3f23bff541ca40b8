//! Answering an authorization request (RFC 6749 §4.1.2 and §4.2.2, OpenID Connect Core §3), the person having consented now or before:
//! with a code, with tokens, or with both.

use super::answered::{end_of_superseded, superseded};
use super::tokens::{Authentication, ClaimWishes, id_token_facts, refreshes, still_allowed};
use super::{Decide, Decision, Draft, OpenidWishes};
use crate::event::{
    Beginning, CodeEvent, ConsentEvent, Endpoint, Event, IdTokenFacts, IssuedIdToken, IssuedTokens, Refusal, RequestEvent, TokenEvent,
};
use crate::jose::{hashes_with_sha_512, left_half};
use crate::projection::{Client, Grant, Session, Site, State};
use crate::terms::{
    Acr, Actor, ClientId, CodeChallenge, ConsentId, Digest, GrantId, GrantType, InteractionId, Moment, NamedScope, ScopeSet, Seq,
    SessionId, Subject,
};
use serde::{Deserialize, Serialize};

/// A signed-in person lets a client have a code, tokens, or both.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct IssueCode {
    /// Whose browser it is.
    pub session: SessionId,
    /// Which showing of our pages this answers; none if nobody was shown one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub interaction: Option<InteractionId>,
    /// The client.
    pub client: ClientId,
    /// What was asked for.
    pub requested_scope: ScopeSet,
    /// What the person allows of it.
    pub scope: ScopeSet,
    /// How they allowed it.
    pub consent: ConsentFact,
    /// Digest of the code that will be handed out; none if there will be none.
    #[serde(rename = "code_digest", default, skip_serializing_if = "Option::is_none")]
    pub code: Option<Digest>,
    /// Digest of the request's `redirect_uri`; none if it had none.
    #[serde(rename = "redirect_uri_digest", default, skip_serializing_if = "Option::is_none")]
    pub redirect_uri: Option<Digest>,
    /// The request's `code_challenge`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub code_challenge: Option<CodeChallenge>,
    /// The API named by `aud`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub audience: Option<String>,
    /// Whether the request had a `nonce`.
    pub has_nonce: bool,
    /// The `nonce` itself, which is sealed.
    #[serde(skip)]
    pub nonce: Option<String>,
    /// What else was asked for.
    #[serde(flatten)]
    pub wishes: OpenidWishes,
}

/// How a person allowed something.
#[derive(Clone, Copy, PartialEq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ConsentFact {
    /// On the consent page, just now.
    Given,
    /// Earlier; the page was skipped.
    Remembered,
}

/// What goes back to the client, the code apart, which only the browser's answer holds.
#[derive(Clone, PartialEq, Debug)]
pub struct IssuedAtFront {
    /// An access token, perhaps with an ID token.
    pub tokens: Option<IssuedTokens>,
    /// An ID token alone.
    pub id_token: Option<IssuedIdToken>,
}

/// What has been found good.
struct Granting<'a> {
    state: &'a State,
    site: &'a Site,
    client: &'a Client,
    session: &'a Session,
    scope: ScopeSet,
    consent: ConsentId,
    grant: GrantId,
    /// The record that will hold the sealed nonce, if there is one.
    nonce_at: Option<Seq>,
    /// What an earlier answer to the same pages began.
    superseded: Option<&'a Grant>,
}

impl Decide for IssueCode {
    const NAME: &'static str = "issue_code";
    const ISSUES: bool = true;
    type Answer = IssuedAtFront;

    fn decide(&self, state: &State, moment: &Moment) -> Decision<IssuedAtFront> {
        let superseded = match superseded(state, self.interaction) {
            Ok(superseded) => superseded,
            Err(refusal) => return self.refused(refusal, None, state, moment),
        };
        let granted = self.granting(state, superseded, moment).and_then(|granting| self.grant(granting, moment));
        granted.unwrap_or_else(|refusal| self.refused(refusal, superseded, state, moment))
    }
}

impl IssueCode {
    /// What has been found good, or why nothing comes of it.
    fn granting<'a>(&self, state: &'a State, superseded: Option<&'a Grant>, moment: &Moment) -> Result<Granting<'a>, Refusal> {
        let site = state.site.as_ref().ok_or(Refusal::ClientUnknown)?;
        let client = state.clients.by_id(&self.client).ok_or(Refusal::ClientUnknown)?;
        if !client.is_enabled() {
            return Err(Refusal::ClientDisabled);
        }
        let response_type = self.wishes.response_type;
        if !site.settings.allows(response_type) || !client.metadata.has_response_type(response_type) {
            return Err(Refusal::ResponseTypeNotAllowed);
        }
        let session = state.sessions.by_id(&self.session).filter(|session| session.ended.is_none() && moment.now < session.expires_at);
        let session = session.ok_or(Refusal::LoginRequired)?;
        let user = state.users.by_id(&session.user).filter(|user| user.disabled.is_none()).ok_or(Refusal::UserDisabled)?;
        let scope = still_allowed(&self.scope.intersection(&self.requested_scope), client, site, user);
        if scope.is_empty() {
            return Err(Refusal::ScopeEmpty);
        }
        if response_type.has_id_token() && !scope.has(NamedScope::Openid) {
            return Err(Refusal::ResponseTypeNeedsOpenid);
        }
        let consent = self.consent(state, session, &scope, moment).ok_or(Refusal::ConsentRequired)?;
        let asked_now = self.consent == ConsentFact::Given;
        let sealing = if asked_now { state.head.next() } else { state.head };
        let nonce_at = self.has_nonce.then_some(sealing);
        Ok(Granting { state, site, client, session, scope, consent, grant: moment.seed.id(), nonce_at, superseded })
    }

    /// The permission that this rests on; none if the person was not asked and had not allowed as much before.
    fn consent(&self, state: &State, session: &Session, scope: &ScopeSet, moment: &Moment) -> Option<ConsentId> {
        if self.consent == ConsentFact::Given {
            return Some(moment.seed.id());
        }
        let standing = state.consents.of(session.user, &self.client)?;
        let covers = scope.is_within(&standing.scope) && self.wishes.claims.names().iter().all(|name| standing.claims.contains(*name));
        covers.then_some(standing.id)
    }

    fn grant(&self, granting: Granting<'_>, moment: &Moment) -> Result<Decision<IssuedAtFront>, Refusal> {
        let response_type = self.wishes.response_type;
        let id_token = match self.has_id_token(&granting.scope) {
            true => self.id_token(&granting, moment),
            false => None,
        };
        if id_token.is_none() && self.has_id_token(&granting.scope) {
            return Err(Refusal::KeyMissing);
        }
        let mut issued = IssuedAtFront { tokens: None, id_token: None };
        match (response_type.has_token(), id_token) {
            (true, id_token) => {
                issued.tokens = self.tokens(&granting, id_token, moment);
                if issued.tokens.is_none() {
                    return Err(Refusal::KeyMissing);
                }
            }
            (false, Some(id_token)) => issued.id_token = Some(self.id_token_alone(&granting, id_token, moment)),
            (false, None) => {}
        }
        let events = self.events(&granting, &issued, moment);
        Ok(Decision::accepted(issued, events))
    }

    /// The words say so; or an access token comes alone and `openid` was asked for, which the reference answers with both (SPEC.md k-3).
    fn has_id_token(&self, scope: &ScopeSet) -> bool {
        let response_type = self.wishes.response_type;
        let by_scope = response_type.has_token() && !response_type.has_code() && scope.has(NamedScope::Openid);
        response_type.has_id_token() || by_scope
    }

    fn id_token(&self, granting: &Granting<'_>, moment: &Moment) -> Option<IdTokenFacts> {
        let alg = granting.client.metadata.id_token_signed_response_alg;
        let c_hash = match (self.code, hashes_with_sha_512(alg)) {
            (None, _) => None,
            (Some(code), false) => Some(left_half(code.bytes())),
            (Some(_), true) => Some(self.wishes.code_half_sha512.clone()?),
        };
        let kid = granting.state.keys.signing(alg, moment.now)?.kid;
        let session = granting.session;
        let proof = Authentication { user: Some(session.user), auth_time: session.auth_time, amr: &session.amr };
        let facts = id_token_facts(granting.state, granting.site, (kid, alg), proof, &granting.scope, granting.nonce_at);
        // With no access token at all nobody will ask userinfo.
        let is_all = !self.wishes.response_type.has_token() && self.code.is_none();
        let wishes = ClaimWishes { acr: self.acr(), claims: &self.wishes.claims.id_token, is_all };
        let facts = wishes.added_to(facts, granting.state, Some(session.user));
        Some(IdTokenFacts { c_hash, ..facts })
    }

    fn acr(&self) -> Option<Acr> {
        self.wishes.acr.then_some(Acr::OneFactor)
    }

    /// What the grant rests on if no code begins it.
    fn begins(&self, session: &Session) -> Option<Beginning> {
        let (auth_time, amr) = (Some(session.auth_time), session.amr.clone());
        let beginning = Beginning { grant_type: GrantType::Implicit, auth_time, amr, passwords_at: None, interaction: self.interaction };
        self.code.is_none().then_some(beginning)
    }

    /// Never with a refresh token (RFC 6749 §4.2.2).
    fn tokens(&self, granting: &Granting<'_>, id_token: Option<IdTokenFacts>, moment: &Moment) -> Option<IssuedTokens> {
        let settings = &granting.site.settings;
        Some(IssuedTokens {
            token: moment.seed.id(),
            grant: granting.grant,
            client: self.client.clone(),
            user: Some(granting.session.user),
            session: Some(granting.session.id),
            begins: self.begins(granting.session),
            scope: granting.scope.clone(),
            beside_code: self.code.is_some(),
            userinfo_claims: self.wishes.claims.userinfo.clone(),
            audience: self.audience.clone(),
            sector: granting.client.metadata.sector(),
            kid: granting.state.keys.signing(settings.access_token_alg, moment.now)?.kid,
            id_token,
            generation: None,
            refresh_expires_at: None,
            issued_at: moment.now,
            expires_at: moment.now.whole_second().plus_seconds(settings.access_seconds),
        })
    }

    fn id_token_alone(&self, granting: &Granting<'_>, id_token: IdTokenFacts, moment: &Moment) -> IssuedIdToken {
        IssuedIdToken {
            grant: granting.grant,
            client: self.client.clone(),
            user: granting.session.user,
            session: granting.session.id,
            begins: self.begins(granting.session),
            scope: granting.scope.clone(),
            sector: granting.client.metadata.sector(),
            id_token,
            issued_at: moment.now,
            expires_at: moment.now.whole_second().plus_seconds(granting.site.settings.access_seconds),
        }
    }

    /// Each event is caused by the one before it, the first by what the person did last.
    fn events(&self, granting: &Granting<'_>, issued: &IssuedAtFront, moment: &Moment) -> Vec<Draft> {
        let actor = Actor::User(granting.session.user);
        let subject = Subject::User(granting.session.user);
        let consented = (self.consent == ConsentFact::Given).then(|| self.consented(granting));
        let code = self.code.map(|digest| self.code_issued(granting, digest, moment));
        let tokens = issued.tokens.clone().map(|tokens| Event::Token(TokenEvent::Granted(Box::new(tokens))));
        let id_token = issued.id_token.clone().map(|issued| Event::Token(TokenEvent::IdTokenIssued(Box::new(issued))));
        let is_sealing = |event: &Event| !matches!(event, Event::Consent(_));
        let (mut drafts, mut cause, mut nonce): (Vec<Draft>, _, _) = (Vec::new(), granting.session.changed, self.nonce.clone());
        for event in [consented, code, tokens, id_token].into_iter().flatten() {
            let mut draft = Draft::new(actor.clone(), event).caused_by(cause);
            if let Some(nonce) = nonce.take_if(|_| is_sealing(&draft.event)) {
                draft = draft.sealing(subject.clone(), "nonce", nonce);
            }
            if drafts.is_empty() {
                draft = draft.seen(moment, Some(subject.clone()));
            }
            cause = drafts.iter().fold(granting.state.head, |seq, _| seq.next());
            drafts.push(draft);
        }
        drafts.extend(granting.superseded.map(|earlier| end_of_superseded(granting.state, earlier)));
        drafts
    }

    fn consented(&self, granting: &Granting<'_>) -> Event {
        Event::Consent(ConsentEvent::Granted {
            consent: granting.consent,
            grant: granting.grant,
            user: granting.session.user,
            client: self.client.clone(),
            session: granting.session.id,
            requested_scope: self.requested_scope.clone(),
            scope: granting.scope.clone(),
            requested_claims: self.wishes.requested_claims.clone(),
            claims: self.wishes.claims.clone(),
        })
    }

    fn code_issued(&self, granting: &Granting<'_>, digest: Digest, moment: &Moment) -> Event {
        let (session, scope) = (granting.session, granting.scope.clone());
        Event::Code(CodeEvent::Issued {
            code: moment.seed.id(),
            digest,
            grant: granting.grant,
            consent: granting.consent,
            interaction: self.interaction,
            client: self.client.clone(),
            user: session.user,
            session: session.id,
            redirect_uri: self.redirect_uri,
            code_challenge: self.code_challenge,
            audience: self.audience.clone(),
            has_nonce: self.has_nonce,
            auth_time: session.auth_time,
            amr: session.amr.clone(),
            acr: self.acr(),
            claims: self.wishes.claims.clone(),
            refresh: refreshes(&self.requested_scope, &scope),
            scope,
            expires_at: moment.now.plus_seconds(granting.site.settings.code_seconds),
        })
    }

    /// Where the request came that is answered: no page was shown, or one to sign in alone.
    fn endpoint(&self) -> Endpoint {
        match (self.consent, self.interaction) {
            (ConsentFact::Given, _) => Endpoint::Consent,
            (ConsentFact::Remembered, Some(_)) => Endpoint::Login,
            (ConsentFact::Remembered, None) => Endpoint::Authorize,
        }
    }

    /// What the app is told is an answer too: it ends what an earlier one began.
    fn refused(&self, reason: Refusal, superseded: Option<&Grant>, state: &State, moment: &Moment) -> Decision<IssuedAtFront> {
        let event = RequestEvent::Refused { endpoint: self.endpoint(), reason, client: Some(self.client.clone()), times: None };
        let refused = Draft::new(Actor::Anonymous, Event::Request(event)).seen(moment, None);
        let earlier = superseded.filter(|_| reason.reply().travels).map(|earlier| end_of_superseded(state, earlier));
        Decision::refused(reason, std::iter::once(refused).chain(earlier).collect())
    }
}
