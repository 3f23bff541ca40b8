//! Checking and setting passwords. The slow part happens here, before any lock.

use super::{Failure, Ledger, Site, draw_id};
use crate::command::PasswordFact;
use crate::terms::{CredentialId, Digest, Secret};
use crate::vault::PasswordText;
use serde_json::Value;
use std::net::IpAddr;
use unicode_normalization::UnicodeNormalization;

impl Ledger {
    /// The name under which a username is looked up: an HMAC of it, trimmed, folded to lower case and normalized, so that no
    /// spelling dodges a count (THREATS.md A70).
    pub fn login_of(&self, site: &Site, username: &str) -> Digest {
        site.keys.login(&folded(username))
    }

    /// Whether this is the e-mail address of whoever signs in with this name, however it is spelt. For a name that is nobody's another
    /// person's address is looked at, so that it takes as long (THREATS.md A68).
    pub fn has_email(&self, site: &Site, login: &Digest, email: &str) -> Result<bool, Failure> {
        let (is_known, looked_at) = site.read(|state| {
            let own = state.users.by_login(login);
            (own.is_some(), own.or_else(|| state.users.iter().next()).map(|user| user.claims_at))
        });
        let claims = looked_at.map(|at| self.claims_at(site, at)).transpose()?.unwrap_or_default();
        let known = claims.get("email").and_then(Value::as_str).unwrap_or_default();
        let is_same = Secret::new(folded(email)).matches(&Digest::of(folded(known).as_bytes()));
        Ok(is_same && is_known && !known.is_empty())
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

/// A name or an address without its spelling: trimmed, in lower case, normalized.
fn folded(text: &str) -> String {
    let folded: String = text.trim().nfkc().collect::<String>().to_lowercase();
    folded.nfkc().collect()
}
