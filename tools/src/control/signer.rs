//! A key of Writ's kind and tokens of Writ's form.

use super::ControlError;
use std::path::Path;
use std::sync::Arc;
use writ::jose::{AccessTokenClaims, FurtherClaims, IdTokenClaims, PublicKey, SigningKey, TYP_JWT, at_hash, verify};
use writ::ledger::{draw_bytes, draw_id};
use writ::terms::{ClientId, ScopeSet, SessionId, SigningAlgorithm, SiteName, TokenId};
use writ::vault::Vault;

/// Parsed once, like Writ's.
pub struct Signer {
    key: SigningKey,
    public: Arc<PublicKey>,
    access: AccessTokenClaims,
    id: IdTokenClaims,
}

/// The signed part of a token answer.
pub struct Signed {
    /// A JWT.
    pub access_token: String,
    /// A JWT.
    pub id_token: String,
}

const ISSUER: &str = "http://127.0.0.1:20000/oauth2/control";
const SUBJECT: &str = "0190a0b0-0000-4000-8000-000000000001";
const NOW: u64 = 1_790_000_000;

impl Signer {
    /// Makes a key of this algorithm, in a vault in this folder.
    pub fn new(alg: SigningAlgorithm, folder: &Path) -> Result<Self, ControlError> {
        let told = |error: &dyn std::fmt::Display| ControlError::Key(error.to_string());
        let vault = Vault::open(folder, None).map_err(|error| told(&error))?;
        let (site, kid) = (SiteName::default_site(), draw_id());
        vault.create_site(&site).map_err(|error| told(&error))?;
        let der = vault.create_signing_key(&site, kid, alg).map_err(|error| told(&error))?;
        let key = SigningKey::from_pkcs8(kid, alg, &der).map_err(|error| told(&error))?;
        let public = Arc::new(key.public_key().map_err(|error| told(&error))?);
        let scope = ScopeSet::parse("openid profile offline_access site:control").map_err(|error| told(&error))?;
        let (client, session) = (ClientId::from_bytes(draw_bytes()), draw_id::<SessionId>());
        let access = AccessTokenClaims {
            iss: ISSUER.to_owned(),
            sub: SUBJECT.to_owned(),
            aud: client.to_string(),
            client_id: client.clone(),
            jti: draw_id(),
            iat: NOW,
            nbf: NOW,
            exp: NOW + 3600,
            scope,
            site,
            sid: Some(session),
            further: FurtherClaims::default(),
        };
        let id = IdTokenClaims {
            iss: ISSUER.to_owned(),
            sub: SUBJECT.to_owned(),
            aud: client,
            exp: NOW + 3600,
            iat: NOW,
            auth_time: Some(NOW),
            nonce: None,
            sid: Some(session),
            site: None,
            at_hash: None,
            c_hash: None,
            acr: None,
            amr: vec!["pwd".to_owned()],
            further: FurtherClaims::default(),
        };
        Ok(Self { key, public, access, id })
    }

    /// Both tokens of an answer, with a name of their own.
    pub fn sign(&self) -> Result<Signed, ControlError> {
        let told = |error: writ::jose::JoseError| ControlError::Key(error.to_string());
        let access = AccessTokenClaims { jti: draw_id::<TokenId>(), ..self.access.clone() };
        let access_token = self.key.sign(access.typ(), &access).map_err(told)?;
        let id = IdTokenClaims { at_hash: Some(at_hash(self.key.algorithm(), &access_token)), ..self.id.clone() };
        Ok(Signed { id_token: self.key.sign(TYP_JWT, &id).map_err(told)?, access_token })
    }

    /// Whether the key has signed this token.
    pub fn has_signed(&self, token: &str) -> bool {
        verify(token, |_| Some(Arc::clone(&self.public))).is_ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_it_signs_it_verifies_and_nothing_else() {
        for alg in SigningAlgorithm::ALL {
            let folder = tempfile::tempdir().unwrap();
            let signer = Signer::new(*alg, folder.path()).unwrap();
            let (first, second) = (signer.sign().unwrap(), signer.sign().unwrap());
            assert!(signer.has_signed(&first.access_token) && signer.has_signed(&first.id_token));
            assert_ne!(first.access_token, second.access_token);
            assert!(!signer.has_signed(&first.access_token.replace('.', "A.")));
        }
    }
}
