//! The signing keys of every site: made before they are needed, retired after they are (SPEC.md a.7). What is due is a question to the
//! state, so it is the same after a restart.

use super::operate::nothing_was_decided;
use super::{Failure, Ledger, Site, SiteError, draw_id};
use crate::command::{GenerateKey, RetireKey, TakesOver};
use crate::event::PublicJwk;
use crate::jose::{KeyMaterial, SigningKey};
use crate::terms::{Actor, KeyId, RequestFacts, SigningAlgorithm};
use std::sync::Arc;
use std::time::Duration;
use tokio::time::MissedTickBehavior;

/// How often it is looked whether anything is due.
const LOOK_EVERY: Duration = Duration::from_secs(1);
/// After something failed.
const PAUSE: Duration = Duration::from_secs(60);

impl Ledger {
    /// Makes and retires keys as they become due at every site, for ever. To be run beside the server.
    pub async fn keep_keys(self) {
        let mut look = tokio::time::interval(LOOK_EVERY);
        look.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            look.tick().await;
            let mut all_well = true;
            for site in self.sites() {
                if let Err(error) = self.tend_keys(&site).await {
                    tracing::error!(site = %site.name(), %error, "the signing keys could not be tended to");
                    all_well = false;
                }
            }
            if !all_well {
                tokio::time::sleep(PAUSE).await;
            }
        }
    }

    /// Does what is due with a site's keys now: those that nothing needs any more are retired, and those that the schedule asks for
    /// are made.
    ///
    /// # Errors
    /// A log or vault that fails.
    pub async fn tend_keys(&self, site: &Arc<Site>) -> Result<(), SiteError> {
        let now = self.now();
        for kid in site.read(|state| state.keys.spent(now)) {
            self.retire_key(site, kid, false, Actor::Server, self.own_request()).await?;
        }
        let is_due =
            |alg: &SigningAlgorithm| site.read(|state| state.site.as_ref().is_some_and(|of| state.keys.is_due(*alg, &of.settings, now)));
        for alg in SigningAlgorithm::ALL.iter().filter(|alg| is_due(alg)) {
            self.generate_key(site, *alg, TakesOver::OnSchedule, Actor::Server, self.own_request()).await?;
        }
        Ok(())
    }

    /// Makes a signing key, first in the vault and then in the log; the one before goes on verifying.
    ///
    /// # Errors
    /// [`crate::event::Refusal::NothingToChange`] if none is due; a log or vault that fails.
    pub async fn generate_key(
        &self,
        site: &Arc<Site>,
        alg: SigningAlgorithm,
        takes_over: TakesOver,
        by: Actor,
        request: RequestFacts,
    ) -> Result<KeyId, SiteError> {
        let kid = draw_id();
        let name = site.name().clone();
        let der = self.with_vault(move |vault| vault.create_signing_key(&name, kid, alg)).await?;
        let key = SigningKey::from_pkcs8(kid, alg, &der).map_err(Failure::from)?;
        let jwk = match key.public_jwk().material {
            KeyMaterial::Rsa { n, e } => PublicJwk::Rsa { n, e },
            KeyMaterial::Ec { x, y, .. } => PublicJwk::Ec { crv: "P-256".to_owned(), x, y },
            KeyMaterial::Okp { x, .. } => PublicJwk::Okp { crv: "Ed25519".to_owned(), x },
        };
        let generated = self.carry_out(site, GenerateKey { kid, alg, jwk, takes_over, by }, request).await;
        if generated.as_ref().is_err_and(nothing_was_decided) {
            self.destroy_signing_key(site, kid).await?;
        }
        generated.map(|()| kid)
    }

    /// Makes the keys that a site lacks: its making was cut short, or an algorithm is new.
    ///
    /// # Errors
    /// A log or vault that fails.
    pub async fn complete_keys(&self, site: &Arc<Site>) -> Result<(), SiteError> {
        for alg in SigningAlgorithm::ALL {
            if site.read(|state| !state.keys.has(*alg)) {
                self.generate_key(site, *alg, TakesOver::AtOnce, Actor::Server, self.own_request()).await?;
            }
        }
        Ok(())
    }

    /// Takes a key out of the JWK Set: first in the log, then in the vault and in memory.
    ///
    /// # Errors
    /// What [`RetireKey`] refuses; a log or vault that fails. What is left in the vault then is swept at the next opening.
    pub async fn retire_key(&self, site: &Arc<Site>, kid: KeyId, force: bool, by: Actor, request: RequestFacts) -> Result<(), SiteError> {
        self.carry_out(site, RetireKey { kid, force, by }, request).await?;
        Self::forget_signing_key(site, kid);
        Ok(self.destroy_signing_key(site, kid).await?)
    }

    async fn destroy_signing_key(&self, site: &Site, kid: KeyId) -> Result<(), Failure> {
        let name = site.name().clone();
        self.with_vault(move |vault| vault.destroy_signing_key(&name, kid).map(drop)).await
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::command::CreateSite;
    use crate::event::{Edition, Profile};
    use crate::ledger::{OpenSettings, log_key};
    use crate::log::EngineKind;
    use crate::terms::SiteName;

    #[tokio::test(flavor = "multi_thread")]
    async fn a_site_that_is_older_than_an_algorithm_gets_its_key_once() {
        let folder = tempfile::tempdir().unwrap();
        let open = || {
            let directory = folder.path().join("data");
            let on_fatal = Box::new(|fatal: &_| panic!("{fatal}"));
            let (engine, outbound) = (EngineKind::File, Default::default());
            Ledger::open(OpenSettings { directory, engine, master_key_file: None, clock: None, outbound, on_fatal }).unwrap()
        };
        let (ledger, name, by) = (open(), SiteName::default_site(), Actor::Os(0));
        let site = ledger.enter_site(&name).await.unwrap();
        let issuer = "https://op.test/oauth2/default".to_owned();
        let checkpoint_key = log_key::of_issuer(&site.keys, &issuer, &name).unwrap().verifier().to_string();
        let (profile, title, edition) = (Profile::Standard, "T".to_owned(), Edition::CURRENT);
        let create = CreateSite { issuer, checkpoint_key, profile, title, edition, by: by.clone() };
        ledger.carry_out(&site, create, ledger.own_request()).await.unwrap();
        let mut kept = Vec::new();
        for alg in [SigningAlgorithm::Rs256, SigningAlgorithm::EdDsa] {
            kept.push(ledger.generate_key(&site, alg, TakesOver::AtOnce, by.clone(), ledger.own_request()).await.unwrap());
        }
        ledger.shut_down();
        drop((site, ledger));

        let ledger = open();
        let site = ledger.site(&name).unwrap();
        for _ in 0..2 {
            ledger.complete_keys(&site).await.unwrap();
            let signing = |alg| site.read(|state| state.keys.youngest(alg).map(|key| key.kid));
            assert_eq!(
                [SigningAlgorithm::Rs256, SigningAlgorithm::EdDsa].map(signing).to_vec(),
                kept.iter().copied().map(Some).collect::<Vec<_>>()
            );
            for alg in SigningAlgorithm::ALL {
                let kid = signing(*alg).unwrap();
                assert_eq!(ledger.signing_key(&site, kid).unwrap().algorithm(), *alg);
            }
            assert_eq!(site.read(|state| state.head), crate::terms::Seq(5));
        }
    }
}
