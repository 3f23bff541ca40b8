//! Grants that begin with their tokens, because no code began them: a client's own (RFC 6749 §4.4), a password's (RFC 6749 §4.3).

use super::tokens::{Authentication, id_token_facts};
use crate::event::{Beginning, IssuedTokens};
use crate::projection::{Client, Site, State};
use crate::terms::{Moment, NamedScope, ScopeSet, UserId};

/// What begins.
pub(super) struct Begun<'a> {
    pub(super) client: &'a Client,
    /// None where the client acts for itself.
    pub(super) user: Option<UserId>,
    pub(super) scope: ScopeSet,
    pub(super) beginning: Beginning,
    /// Whether a refresh token goes with the access token.
    pub(super) refreshes: bool,
    /// How long the access token is good.
    pub(super) seconds: u64,
}

/// The first tokens of a new grant; none if the site has no key for them.
pub(super) fn begin(state: &State, site: &Site, begun: Begun<'_>, moment: &Moment) -> Option<IssuedTokens> {
    let Begun { client, user, scope, beginning, refreshes, seconds } = begun;
    let settings = &site.settings;
    let alg = client.metadata.id_token_signed_response_alg;
    let id_kid = state.keys.signing(alg, moment.now)?.kid;
    let id_token = beginning.auth_time.filter(|_| scope.has(NamedScope::Openid)).map(|auth_time| {
        let proof = Authentication { user, auth_time, amr: &beginning.amr };
        id_token_facts(state, site, (id_kid, alg), proof, &scope, None)
    });
    let refresh_seconds = settings.refresh_seconds.min(settings.refresh_absolute_seconds);
    Some(IssuedTokens {
        token: moment.seed.id(),
        grant: moment.seed.id(),
        client: client.id.clone(),
        user,
        session: None,
        sector: user.and(client.metadata.sector()),
        begins: Some(beginning),
        scope,
        beside_code: false,
        userinfo_claims: Vec::new(),
        audience: None,
        kid: state.keys.signing(settings.access_token_alg, moment.now)?.kid,
        id_token,
        generation: refreshes.then_some(0),
        refresh_expires_at: refreshes.then(|| moment.now.plus_seconds(refresh_seconds)),
        issued_at: moment.now,
        expires_at: moment.now.whole_second().plus_seconds(seconds),
    })
}
