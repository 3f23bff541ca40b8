//! Checking and setting passwords. The slow part happens here, before any lock.

use super::{Failure, Ledger, Site, draw_id};
use crate::command::PasswordFact;
use crate::terms::{CredentialId, Digest, Secret};
use crate::vault::PasswordText;
use std::net::IpAddr;
use unicode_normalization::UnicodeNormalization;

impl Ledger {
    /// The name under which a username is looked up: an HMAC of it, trimmed, folded to lower case and normalized, so that no
    /// spelling dodges a count (THREATS.md A70).
    pub fn login_of(&self, site: &Site, username: &str) -> Digest {
        let folded: String = username.trim().nfkc().collect::<String>().to_lowercase();
        site.keys.login(&folded.nfkc().collect::<String>())
    }

    /// What comes of a password. An unknown name costs the same work as a known one (THREATS.md A68); nothing is looked at
    /// while a pause has to pass.
    pub async fn check_password(
        &self,
        site: &Site,
        login: &Digest,
        password: &Secret,
        ip: Option<IpAddr>,
    ) -> Result<PasswordFact, Failure> {
        let now = self.now();
        if ip.is_some_and(|ip| self.shared.tallies.is_guessing(ip, now)) {
            return Ok(PasswordFact::Unchecked);
        }
        let (paused, credential) = site.read(|state| {
            let paused = state.logins.attempts(login).is_some_and(|attempts| now < attempts.paused_until());
            (paused, state.users.by_login(login).and_then(|user| user.credential))
        });
        if paused {
            return Ok(PasswordFact::Unchecked);
        }
        let fact = self.compare(site, credential, password).await?;
        if let (PasswordFact::Wrong, Some(ip)) = (fact, ip) {
            self.shared.tallies.count_wrong_password(ip, now);
        }
        Ok(fact)
    }

    /// The slow comparison.
    async fn compare(&self, site: &Site, credential: Option<CredentialId>, password: &Secret) -> Result<PasswordFact, Failure> {
        let Ok(text) = PasswordText::parse(password) else { return Ok(PasswordFact::Wrong) };
        let stored = match credential {
            Some(credential) => {
                let name = site.name().clone();
                self.with_vault(move |vault| vault.password(&name, credential)).await?
            }
            None => None,
        };
        let right = self.shared.passwords.verify(text, stored).await?;
        Ok(match (right, credential) {
            (true, Some(credential)) => PasswordFact::Ok(credential),
            (_, _) => PasswordFact::Wrong,
        })
    }

    /// Puts a new password into the vault: durable there before any event names it.
    pub async fn store_password(&self, site: &Site, password: PasswordText) -> Result<CredentialId, Failure> {
        let credential = draw_id();
        let phc = self.shared.passwords.hash(password).await?;
        let name = site.name().clone();
        self.with_vault(move |vault| vault.store_password(&name, credential, &phc)).await?;
        Ok(credential)
    }
}
