//! A site's signing keys, parsed once (ENGINE.md §4).

use super::{Failure, Ledger, Site};
use crate::jose::{PublicKey, SigningKey};
use crate::query;
use crate::terms::KeyId;
use std::collections::HashMap;
use std::sync::{Arc, PoisonError, RwLock};

/// Keys in use. Filled on first need; a key never changes under its id.
#[derive(Default)]
pub(super) struct Keyring {
    private: RwLock<HashMap<KeyId, Arc<SigningKey>>>,
    public: RwLock<HashMap<KeyId, Arc<PublicKey>>>,
}

impl Ledger {
    /// The private key that signs under this id.
    pub(super) fn signing_key(&self, site: &Site, kid: KeyId) -> Result<Arc<SigningKey>, Failure> {
        if let Some(key) = site.keyring.private.read().unwrap_or_else(PoisonError::into_inner).get(&kid) {
            return Ok(Arc::clone(key));
        }
        let known = site.read(|state| state.keys.by_id(&kid).map(|key| key.alg));
        let alg = known.ok_or_else(|| Failure::Contradiction(format!("no key {kid} in the log")))?;
        let der = self.shared.vault.signing_key(site.name(), kid)?;
        let der = der.ok_or_else(|| Failure::Vault(format!("the private key {kid} is missing")))?;
        let key = Arc::new(SigningKey::from_pkcs8(kid, alg, &der)?);
        site.keyring.private.write().unwrap_or_else(PoisonError::into_inner).insert(kid, Arc::clone(&key));
        Ok(key)
    }

    /// Lets go of a private key that signs no more.
    pub(super) fn forget_signing_key(site: &Site, kid: KeyId) {
        site.keyring.private.write().unwrap_or_else(PoisonError::into_inner).remove(&kid);
    }

    /// The public key of this id, retired or not; whoever asks decides whether a retired one counts.
    pub(super) fn public_key(&self, site: &Site, kid: KeyId) -> Option<Arc<PublicKey>> {
        if let Some(key) = site.keyring.public.read().unwrap_or_else(PoisonError::into_inner).get(&kid) {
            return Some(Arc::clone(key));
        }
        let jwk = site.read(|state| state.keys.by_id(&kid).map(query::jwk))?;
        let key = Arc::new(PublicKey::from_jwk(&jwk).ok()?);
        site.keyring.public.write().unwrap_or_else(PoisonError::into_inner).insert(kid, Arc::clone(&key));
        Some(key)
    }
}
