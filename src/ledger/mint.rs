//! Minting the tokens of a response from the recorded event: the same event and key give the same bytes.

use super::{Failure, Ledger, SignedToken, Site, refresh_token};
use crate::event::{IdTokenFacts, IssuedIdToken, IssuedTokens};
use crate::jose::{AccessTokenClaims, FurtherClaims, IdTokenClaims, at_hash};
use crate::query;
use crate::terms::{ClientId, NamedScope, ScopeSet, Secret, Sector, SessionId, SigningAlgorithm, Timestamp, UserId};
use serde_json::{Map, Value};

/// The tokens of one response.
pub struct MintedTokens {
    /// A JWT.
    pub access_token: Secret,
    /// A JWT; only with `openid`.
    pub id_token: Option<Secret>,
    /// Opaque.
    pub refresh_token: Option<Secret>,
    /// The scope as it is shown.
    pub scope: ScopeSet,
    /// When the access token's time is over.
    pub expires_at: Timestamp,
}

impl Ledger {
    /// Has the keys at hand that would sign this client's tokens now and a minute later, so that signing will not fail for want of one
    /// even if another key takes over meanwhile.
    ///
    /// # Errors
    /// A key of the log that the vault does not have, or a vault that fails.
    pub fn ready_to_sign(&self, site: &Site, client: Option<&ClientId>) -> Result<(), Failure> {
        let now = self.now();
        let keys = site.read(|state| {
            let own = client.and_then(|id| state.clients.by_id(id)).map(|client| client.metadata.id_token_signed_response_alg);
            let access = state.site.as_ref().map(|site| site.settings.access_token_alg);
            let signing = |alg: SigningAlgorithm| [now, now.plus_seconds(60)].map(|then| state.keys.signing(alg, then).map(|key| key.kid));
            [access, own].map(|alg| alg.map(signing))
        });
        keys.into_iter().flatten().flatten().flatten().try_for_each(|kid| self.signing_key(site, kid).map(drop))
    }

    /// Signs what was granted.
    pub fn mint(&self, site: &Site, issued: &IssuedTokens) -> Result<MintedTokens, Failure> {
        let scope = query::visible_scope(&issued.scope, site.name());
        let claims = AccessTokenClaims {
            iss: site.issuer(),
            sub: site.subject(issued.user, &issued.client, issued.sector.as_ref()),
            aud: issued.audience.clone().unwrap_or_else(|| issued.client.to_string()),
            client_id: issued.client.clone(),
            jti: issued.token,
            iat: issued.issued_at.unix_seconds(),
            nbf: issued.issued_at.unix_seconds(),
            exp: issued.expires_at.unix_seconds(),
            scope: scope.clone(),
            site: site.name().clone(),
            sid: issued.session,
            further: FurtherClaims::default(),
        };
        let access_token = self.signing_key(site, issued.kid)?.sign(claims.typ(), &claims)?;
        self.shared.known_tokens.remember(site.name(), &access_token, SignedToken::new(&claims, issued.kid));
        let id_token = match &issued.id_token {
            Some(facts) => {
                let at_hash = Some(at_hash(facts.alg, &access_token));
                Some(self.sign_id_token(site, &Addressed::of(issued), facts, at_hash)?)
            }
            None => None,
        };
        let refresh_token = issued.generation.map(|generation| refresh_token::write(site, issued.grant, generation));
        Ok(MintedTokens { access_token: Secret::new(access_token), id_token, refresh_token, scope, expires_at: issued.expires_at })
    }

    /// Signs an ID token that comes without an access token.
    pub fn mint_id_token(&self, site: &Site, issued: &IssuedIdToken) -> Result<Secret, Failure> {
        self.sign_id_token(site, &Addressed::of_alone(issued), &issued.id_token, None)
    }

    fn sign_id_token(&self, site: &Site, to: &Addressed<'_>, facts: &IdTokenFacts, at_hash: Option<String>) -> Result<Secret, Failure> {
        let nonce = match facts.nonce_at {
            Some(seq) => self.disclosed(site, seq)?.get("nonce").and_then(|nonce| nonce.as_str().map(str::to_owned)),
            None => None,
        };
        let claims = IdTokenClaims {
            iss: site.issuer(),
            sub: site.subject(to.user, to.client, to.sector),
            aud: to.client.clone(),
            exp: to.expires_at.unix_seconds(),
            iat: to.issued_at.unix_seconds(),
            auth_time: Some(facts.auth_time.unix_seconds()),
            nonce,
            sid: to.session,
            site: facts.seed_policy.then(|| site.name().clone()),
            at_hash,
            c_hash: facts.c_hash.clone(),
            acr: facts.acr,
            amr: facts.amr.clone(),
            further: FurtherClaims::new(self.further(site, to.scope, facts)?)?,
        };
        Ok(Secret::new(self.signing_key(site, facts.kid)?.sign(crate::jose::TYP_JWT, &claims)?))
    }

    /// What an ID token tells of the person.
    fn further(&self, site: &Site, scope: &ScopeSet, facts: &IdTokenFacts) -> Result<Map<String, Value>, Failure> {
        let known = match facts.claims_at {
            Some(seq) => self.claims_at(site, seq)?,
            None => Map::new(),
        };
        let mut further = match facts.seed_policy || facts.scope_claims {
            true => query::claims_of(scope, &known),
            false => known.iter().filter(|(name, _)| *name == "fhirUser" && scope.has(NamedScope::FhirUser)).map(owned).collect(),
        };
        further.extend(query::claims_named(&facts.claims, &known));
        if facts.seed_policy {
            further.extend(query::seed_claims(scope));
        }
        Ok(further)
    }
}

fn owned((name, value): (&String, &Value)) -> (String, Value) {
    (name.clone(), value.clone())
}

/// Whom an ID token is about and for.
struct Addressed<'a> {
    client: &'a ClientId,
    user: Option<UserId>,
    session: Option<SessionId>,
    scope: &'a ScopeSet,
    sector: Option<&'a Sector>,
    issued_at: Timestamp,
    expires_at: Timestamp,
}

impl<'a> Addressed<'a> {
    fn of(issued: &'a IssuedTokens) -> Self {
        let IssuedTokens { client, user, session, scope, sector, issued_at, expires_at, .. } = issued;
        let sector = sector.as_ref();
        Self { client, user: *user, session: *session, scope, sector, issued_at: *issued_at, expires_at: *expires_at }
    }
    fn of_alone(issued: &'a IssuedIdToken) -> Self {
        let IssuedIdToken { client, user, session, scope, sector, issued_at, expires_at, .. } = issued;
        let sector = sector.as_ref();
        Self { client, user: Some(*user), session: Some(*session), scope, sector, issued_at: *issued_at, expires_at: *expires_at }
    }
}
