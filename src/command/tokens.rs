//! What the grants of the token endpoint share: what is issued, and how a refusal of a known client is told.

use super::{Decision, Draft, Refused};
use crate::event::{Event, IdTokenFacts, IssuedTokens, Refusal, TokenEvent, UnknownScope};
use crate::jose::access_token_fits;
use crate::projection::{Client, Code, Grant, Site, State, User};
use crate::terms::{Acr, Actor, GrantType, KeyId, Moment, NamedScope, Scope, ScopeSet, Seq, SigningAlgorithm, Timestamp, UserId};

/// The tokens of one response. `generation` is the refresh token's; none if there is to be none.
pub(super) fn issue(state: &State, site: &Site, client: &Client, grant: &Grant, scope: ScopeSet, moment: &Moment) -> Option<IssuedTokens> {
    let settings = &site.settings;
    let kid = state.keys.signing(settings.access_token_alg, moment.now)?.kid;
    let alg = client.metadata.id_token_signed_response_alg;
    let id_key = state.keys.signing(alg, moment.now)?;
    let first = grant.redeemed_at.is_none();
    let generation = match grant.tokens.as_ref().and_then(|tokens| tokens.generation) {
        Some(before) => Some(before.checked_add(1)?),
        None => (first && grant.refresh && client.metadata.grant_types.contains(&GrantType::RefreshToken)).then_some(0),
    };
    let absolute_end = grant.redeemed_at.unwrap_or(moment.now).plus_seconds(settings.refresh_absolute_seconds);
    let sliding_end = moment.now.plus_seconds(settings.refresh_seconds);
    // An ID token tells of a person who signed in.
    let id_token = grant.auth_time.filter(|_| scope.has(NamedScope::Openid)).map(|auth_time| {
        let proof = Authentication { user: grant.user, auth_time, amr: &grant.amr };
        let nonce_at = (first && grant.has_nonce).then_some(grant.issued);
        let facts = id_token_facts(state, site, (id_key.kid, alg), proof, &scope, nonce_at);
        let wishes = ClaimWishes { acr: grant.acr, claims: &grant.claims.id_token, is_all: false };
        wishes.added_to(facts, state, grant.user)
    });
    Some(IssuedTokens {
        token: moment.seed.id(),
        grant: grant.id,
        client: client.id.clone(),
        user: grant.user,
        session: grant.session,
        begins: None,
        scope,
        beside_code: false,
        userinfo_claims: grant.claims.userinfo.clone(),
        audience: grant.audience.clone(),
        sector: grant.user.and(client.metadata.sector()),
        kid,
        id_token,
        generation,
        refresh_expires_at: generation.map(|_| sliding_end.min(absolute_end)),
        issued_at: moment.now,
        expires_at: moment.now.whole_second().plus_seconds(settings.access_seconds),
    })
}

/// Who signed in, when and how.
#[derive(Clone, Copy)]
pub(super) struct Authentication<'a> {
    pub(super) user: Option<UserId>,
    pub(super) auth_time: Timestamp,
    pub(super) amr: &'a [String],
}

/// What an ID token of this scope rests on.
pub(super) fn id_token_facts(
    state: &State,
    site: &Site,
    (kid, alg): (KeyId, SigningAlgorithm),
    proof: Authentication<'_>,
    scope: &ScopeSet,
    nonce_at: Option<Seq>,
) -> IdTokenFacts {
    let seed_policy = site.uses_seed_policy(scope);
    // SMART's sso-openid-connect wants fhirUser in the ID token; everything else waits at userinfo (SPEC.md k-37).
    let shows_claims = seed_policy || scope.has(NamedScope::FhirUser);
    IdTokenFacts {
        kid,
        alg,
        auth_time: proof.auth_time,
        amr: proof.amr.to_vec(),
        nonce_at,
        claims_at: proof.user.and_then(|user| state.users.by_id(&user)).filter(|_| shows_claims).map(|user| user.claims_at),
        seed_policy,
        scope_claims: false,
        claims: Vec::new(),
        acr: None,
        c_hash: None,
    }
}

/// What an ID token is to tell besides.
#[derive(Clone, Copy)]
pub(super) struct ClaimWishes<'a> {
    /// How strong the sign-in was, if that was asked for.
    pub(super) acr: Option<Acr>,
    /// The claims asked for by name.
    pub(super) claims: &'a [String],
    /// Whether all claims of the scope are in it.
    pub(super) is_all: bool,
}

impl ClaimWishes<'_> {
    /// The facts with these wishes granted.
    pub(super) fn added_to(self, facts: IdTokenFacts, state: &State, user: Option<UserId>) -> IdTokenFacts {
        let shows_more = self.is_all || !self.claims.is_empty();
        let more_at = user.and_then(|user| state.users.by_id(&user)).filter(|_| shows_more).map(|user| user.claims_at);
        let claims_at = facts.claims_at.or(more_at);
        IdTokenFacts { claims_at, scope_claims: self.is_all, claims: self.claims.to_vec(), acr: self.acr, ..facts }
    }
}

/// Asked for ∩ registered ∩ offered ∩ what may be had this way (SPEC.md e.4). Of what the site does not know at all the request is
/// refused, or it is dropped; of what it knows the rest is dropped, and the response says so (SPEC.md k-10).
pub(super) fn asked_scope(
    asked: &ScopeSet,
    client: &Client,
    site: &Site,
    may_be_had: impl Fn(&ScopeSet) -> ScopeSet,
) -> Result<ScopeSet, Refused> {
    let unknown = asked.foreign_to(&site.settings.scopes);
    if site.settings.scope_unknown == UnknownScope::Reject && !unknown.is_empty() {
        return Err(Refused::about(Refusal::ScopeUnknown, unknown.to_string()));
    }
    let registered = asked.narrowed_to(&client.metadata.scope).and_then(|registered| registered.narrowed_to(&site.settings.scopes));
    let scope = may_be_had(&registered.map_err(|_| Refusal::ParameterTooLong)?);
    if scope.is_empty() {
        return Err(Refused::about(Refusal::ScopeEmpty, asked.without(&unknown).to_string()));
    }
    match access_token_fits(&scope, &site.issuer, None) {
        true => Ok(scope),
        false => Err(Refusal::ParameterTooLong.into()),
    }
}

/// Whether a refresh token is to go with the access token (SPEC.md k-13): always, unless a SMART scope was asked for; then only if
/// access was allowed while the person is away, or for as long as they are there.
pub(super) fn refreshes(requested: &ScopeSet, allowed: &ScopeSet) -> bool {
    let smart = requested.iter().any(Scope::is_smart);
    !smart || allowed.has(NamedScope::OfflineAccess) || allowed.has(NamedScope::OnlineAccess)
}

/// What of this scope client, site and the person's role still allow: granted ⊆ registered ⊆ site (THREATS.md A30, SPEC.md e.4).
pub(super) fn still_allowed(scope: &ScopeSet, client: &Client, site: &Site, user: &User) -> ScopeSet {
    scope.intersection(&client.metadata.scope).intersection(&site.settings.scopes).of_role(user.role)
}

/// What a refused token request was about.
#[derive(Clone, Copy)]
pub(super) struct About<'a> {
    pub(super) client: &'a Client,
    pub(super) grant_type: GrantType,
    pub(super) grant: Option<&'a Grant>,
    pub(super) code: Option<&'a Code>,
}

/// The event that tells of a refused token request.
pub(super) fn denial(about: About<'_>, refusal: Refusal, moment: &Moment) -> Draft {
    let event = TokenEvent::Denied {
        client: about.client.id.clone(),
        grant_type: about.grant_type,
        reason: refusal,
        grant: about.grant.map(|grant| grant.id),
        code: about.code.map(|code| code.id),
    };
    let draft = Draft::new(Actor::Client(about.client.id.clone()), Event::Token(event));
    let draft = draft.seen(moment, about.grant.and_then(Grant::subject));
    match about.grant {
        Some(grant) => draft.caused_by(grant.rotated),
        None => draft,
    }
}

/// A refused token request.
pub(super) fn denied<A>(about: About<'_>, refused: impl Into<Refused>, moment: &Moment) -> Decision<A> {
    let refused = refused.into();
    let event = denial(about, refused.refusal, moment);
    Decision::refused(refused, vec![event])
}
