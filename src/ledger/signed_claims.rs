//! Userinfo as a signed JWT (OpenID Connect Core §5.3.2).

use super::{Failure, Ledger, Site};
use crate::jose::TYP_JWT;
use crate::terms::{ClientId, Secret};
use serde_json::{Map, Value};

impl Ledger {
    /// The claims under our signature, if the client registered `userinfo_signed_response_alg`. They name issuer and audience and have
    /// no `exp`: nothing that takes an ID token or an access token takes them (THREATS.md A49).
    ///
    /// # Errors
    /// A key that the vault does not have, or a vault that fails.
    pub fn sign_claims(&self, site: &Site, client: &ClientId, claims: &Map<String, Value>) -> Result<Option<Secret>, Failure> {
        let now = self.now();
        let kid = site.read(|state| {
            let alg = state.clients.by_id(client)?.metadata.userinfo_signed_response_alg?;
            Some(state.keys.signing(alg, now).map(|key| key.kid).ok_or_else(|| Failure::Contradiction(format!("no key for {alg}"))))
        });
        let Some(kid) = kid.transpose()? else { return Ok(None) };
        let mut claims = claims.clone();
        claims.insert("iss".into(), site.issuer().into());
        claims.insert("aud".into(), client.as_str().into());
        Ok(Some(Secret::new(self.signing_key(site, kid)?.sign(TYP_JWT, &claims)?)))
    }
}
