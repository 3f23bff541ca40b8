//! The private keys that sign tokens.

use super::{
    Vault, VaultError,
    store::{Kind, parse_names},
};
use crate::terms::{KeyId, SigningAlgorithm, SiteName};
use aws_lc_rs::{
    encoding::{AsDer, Pkcs8V1Der},
    rsa::{KeyPair, KeySize},
    signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, Ed25519KeyPair},
};
use zeroize::Zeroizing;

/// A private key as PKCS#8 (RFC 5958) in DER.
pub type Pkcs8 = Zeroizing<Vec<u8>>;

impl Vault {
    /// Makes a key (RSA of 2048 bits, P-256 or Ed25519) and keeps it. Takes up to a second for RSA; the vault stays usable meanwhile.
    ///
    /// # Errors
    /// [`VaultError::AlreadyThere`] if the name is taken; any failure of file or entropy.
    pub fn create_signing_key(&self, site: &SiteName, kid: KeyId, algorithm: SigningAlgorithm) -> Result<Pkcs8, VaultError> {
        let pkcs8 = generate(algorithm)?;
        self.inner().store.insert_new(Kind::SigningKey, site, &kid.to_string(), &pkcs8)?;
        Ok(pkcs8)
    }

    /// The key; nothing if the vault does not have it.
    ///
    /// # Errors
    /// A damaged entry or a failing file.
    pub fn signing_key(&self, site: &SiteName, kid: KeyId) -> Result<Option<Pkcs8>, VaultError> {
        self.inner().store.read(Kind::SigningKey, site.as_str(), &kid.to_string())
    }

    /// Destroys the key; says whether there was one.
    ///
    /// # Errors
    /// A failing file; then the key may still exist.
    pub fn destroy_signing_key(&self, site: &SiteName, kid: KeyId) -> Result<bool, VaultError> {
        self.inner().store.erase(Kind::SigningKey, site, &kid.to_string())
    }

    /// The names of the site's keys, for the comparison at start.
    ///
    /// # Errors
    /// A damaged entry or a failing file.
    pub fn signing_keys(&self, site: &SiteName) -> Result<Vec<KeyId>, VaultError> {
        let names = self.inner().store.names(Kind::SigningKey, site)?;
        parse_names(Kind::SigningKey, site, names)
    }
}

fn generate(algorithm: SigningAlgorithm) -> Result<Pkcs8, VaultError> {
    match algorithm {
        SigningAlgorithm::Rs256 | SigningAlgorithm::Ps256 => {
            let der = AsDer::<Pkcs8V1Der<'_>>::as_der(&KeyPair::generate(KeySize::Rsa2048)?)?;
            Ok(Zeroizing::new(der.as_ref().to_vec()))
        }
        SigningAlgorithm::Es256 => {
            let pair = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING)?;
            Ok(Zeroizing::new(pair.to_pkcs8v1()?.as_ref().to_vec()))
        }
        SigningAlgorithm::EdDsa => Ok(Zeroizing::new(Ed25519KeyPair::generate()?.to_pkcs8()?.as_ref().to_vec())),
    }
}
