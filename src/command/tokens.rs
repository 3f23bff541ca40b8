//! What the grants of the token endpoint share: what is issued, and how a refusal of a known client is told.

use super::{Decision, Draft, Refused};
use crate::event::{Event, IdTokenFacts, IssuedTokens, Refusal, TokenEvent};
use crate::projection::{Client, Code, Grant, Site, State, User};
use crate::terms::{Acr, Actor, GrantType, Moment, NamedScope, ScopeSet, Seq, Timestamp, UserId};

/// The tokens of one response. `generation` is the refresh token's; none if there is to be none.
pub(super) fn issue(state: &State, site: &Site, client: &Client, grant: &Grant, scope: ScopeSet, moment: &Moment) -> Option<IssuedTokens> {
    let settings = &site.settings;
    let kid = state.keys.signing(settings.access_token_alg, moment.now)?.kid;
    let first = grant.redeemed_at.is_none();
    let generation = match grant.tokens.as_ref().and_then(|tokens| tokens.generation) {
        Some(before) => Some(before.checked_add(1)?),
        None => (first && grant.refresh && client.metadata.grant_types.contains(&GrantType::RefreshToken)).then_some(0),
    };
    let absolute_end = grant.redeemed_at.unwrap_or(moment.now).plus_seconds(settings.refresh_absolute_seconds);
    let sliding_end = moment.now.plus_seconds(settings.refresh_seconds);
    // An ID token tells of a person who signed in.
    let id_token = match grant.auth_time.filter(|_| scope.has(NamedScope::Openid)) {
        Some(auth_time) => {
            let nonce_at = (first && grant.has_nonce).then_some(grant.issued);
            let (user, amr, acr, claims) = (grant.user, &grant.amr, grant.acr, &grant.claims.id_token);
            let wishes = IdTokenWishes { user, auth_time, amr, acr, claims, nonce_at, is_all: false };
            Some(id_token_facts(state, site, client, &scope, wishes, moment.now)?)
        }
        None => None,
    };
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
        kid,
        id_token,
        generation,
        refresh_expires_at: generation.map(|_| sliding_end.min(absolute_end)),
        issued_at: moment.now,
        expires_at: moment.now.whole_second().plus_seconds(settings.access_seconds),
    })
}

/// What an ID token is to tell.
pub(super) struct IdTokenWishes<'a> {
    pub(super) user: Option<UserId>,
    pub(super) auth_time: Timestamp,
    pub(super) amr: &'a [String],
    pub(super) acr: Option<Acr>,
    /// The claims asked for by name.
    pub(super) claims: &'a [String],
    pub(super) nonce_at: Option<Seq>,
    /// Whether all claims of the scope are in it.
    pub(super) is_all: bool,
}

/// What an ID token for this scope rests on; nothing if there is no key for it.
pub(super) fn id_token_facts(
    state: &State,
    site: &Site,
    client: &Client,
    scope: &ScopeSet,
    wishes: IdTokenWishes<'_>,
    now: Timestamp,
) -> Option<IdTokenFacts> {
    let alg = client.metadata.id_token_signed_response_alg;
    let kid = state.keys.signing(alg, now)?.kid;
    let seed_policy = site.uses_seed_policy(scope);
    // SMART's sso-openid-connect wants fhirUser in the ID token; everything else waits at userinfo (SPEC.md k-37).
    let shows_claims = seed_policy || wishes.is_all || !wishes.claims.is_empty() || scope.has(NamedScope::FhirUser);
    let user = wishes.user.and_then(|user| state.users.by_id(&user));
    Some(IdTokenFacts {
        kid,
        alg,
        auth_time: wishes.auth_time,
        amr: wishes.amr.to_vec(),
        nonce_at: wishes.nonce_at,
        claims_at: user.filter(|_| shows_claims).map(|user| user.claims_at),
        seed_policy,
        scope_claims: wishes.is_all,
        claims: wishes.claims.to_vec(),
        acr: wishes.acr,
        c_hash: None,
    })
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
