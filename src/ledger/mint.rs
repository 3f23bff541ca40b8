//! Minting the tokens of a response from the recorded event: the same event and key give the same bytes.

use super::{Failure, Ledger, SignedToken, Site, refresh_token};
use crate::event::{IdTokenFacts, IssuedTokens};
use crate::jose::{AccessTokenClaims, FurtherClaims, IdTokenClaims, at_hash};
use crate::query;
use crate::terms::{ClientId, ScopeSet, Secret, SigningAlgorithm, Timestamp};
use serde_json::Map;

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
        let issuer = site.issuer();
        let scope = query::visible_scope(&issued.scope, site.name());
        let claims = AccessTokenClaims {
            iss: issuer.clone(),
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
                let claims = self.id_token_claims(site, issued, facts, issuer, at_hash(facts.alg, &access_token))?;
                Some(Secret::new(self.signing_key(site, facts.kid)?.sign(crate::jose::TYP_JWT, &claims)?))
            }
            None => None,
        };
        let refresh_token = issued.generation.map(|generation| refresh_token::write(site, issued.grant, generation));
        Ok(MintedTokens { access_token: Secret::new(access_token), id_token, refresh_token, scope, expires_at: issued.expires_at })
    }

    fn id_token_claims(
        &self,
        site: &Site,
        issued: &IssuedTokens,
        facts: &IdTokenFacts,
        iss: String,
        at_hash: String,
    ) -> Result<IdTokenClaims, Failure> {
        let nonce = match facts.nonce_at {
            Some(seq) => self.disclosed(site, seq)?.get("nonce").and_then(|nonce| nonce.as_str().map(str::to_owned)),
            None => None,
        };
        let known = match facts.claims_at {
            Some(seq) => self.claims_at(site, seq)?,
            None => Map::new(),
        };
        let mut further = match facts.seed_policy {
            true => query::claims_of(&issued.scope, &known),
            false => known.into_iter().filter(|(name, _)| name == "fhirUser").collect(),
        };
        if facts.seed_policy {
            further.extend(query::seed_claims(&issued.scope));
        }
        Ok(IdTokenClaims {
            iss,
            sub: site.subject(issued.user, &issued.client, issued.sector.as_ref()),
            aud: issued.client.clone(),
            exp: issued.expires_at.unix_seconds(),
            iat: issued.issued_at.unix_seconds(),
            auth_time: Some(facts.auth_time.unix_seconds()),
            nonce,
            sid: issued.session,
            site: facts.seed_policy.then(|| site.name().clone()),
            at_hash: Some(at_hash),
            acr: None,
            amr: facts.amr.clone(),
            further: FurtherClaims::new(further)?,
        })
    }
}
