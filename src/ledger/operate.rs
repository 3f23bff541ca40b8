//! What takes more than one command, or the vault beside the log: sites, keys, users, clients.

use super::{Failure, Ledger, Site, draw_id};
use crate::command::{
    ChangeUser, CreateSite, CreateUser, Decide, GenerateKey, Noted, Refused, RegisterClient, RetireKey, SecretFact, UserChange,
};
use crate::event::{Profile, PublicJwk};
use crate::jose::{KeyMaterial, SigningKey};
use crate::projection::State;
use crate::query::{self, Introspection, Status, TokenFacts};
use crate::terms::{Actor, ClientId, KeyId, RequestFacts, Role, Secret, SigningAlgorithm, SiteName, Subject, UserId};
use crate::vault::PasswordText;
use serde_json::{Map, Value};
use std::sync::{Arc, PoisonError};

/// Why something could not be done to a site.
#[derive(Debug, thiserror::Error)]
pub enum SiteError {
    /// The request was wrong.
    #[error("{}", .0.refusal.reply().description)]
    Refused(Refused),
    /// The request could not be served.
    #[error(transparent)]
    Failure(#[from] Failure),
}

impl From<Refused> for SiteError {
    fn from(refused: Refused) -> Self {
        Self::Refused(refused)
    }
}

impl Ledger {
    /// Decides, and waits until it is durable.
    pub async fn carry_out<C: Decide>(&self, site: &Arc<Site>, command: C, request: RequestFacts) -> Result<C::Answer, SiteError> {
        Ok(self.submit(site, command, request).await?.durable().await??)
    }

    /// Makes a site with its first signing keys. The vault is durable before the events that rest on it.
    pub async fn create_site(
        &self,
        name: &SiteName,
        issuer: String,
        profile: Profile,
        title: String,
        by: Actor,
    ) -> Result<Arc<Site>, SiteError> {
        let site = self.enter_site(name)?;
        self.carry_out(&site, CreateSite { issuer, profile, title, by: by.clone() }, self.own_request()).await?;
        for alg in SigningAlgorithm::ALL {
            self.generate_key(&site, *alg, by.clone(), self.own_request()).await?;
        }
        if let Some(server) = self.site(&SiteName::server()) {
            self.note_by(&server, Noted::SiteAdded { name: name.clone() }, by, self.own_request()).await?;
        }
        Ok(site)
    }

    /// The site, empty if it is new.
    fn enter_site(&self, name: &SiteName) -> Result<Arc<Site>, Failure> {
        if let Some(site) = self.site(name) {
            return Ok(site);
        }
        let keys = self.shared.vault.create_site(name)?;
        let mut sites = self.shared.sites.write().unwrap_or_else(PoisonError::into_inner);
        let lane = self.shared.committer.lane(name);
        let new = || Arc::new(Site::new(name.clone(), lane, keys, State::default(), super::index::Index::default()));
        Ok(Arc::clone(sites.entry(name.clone()).or_insert_with(new)))
    }

    /// Makes a signing key that takes over at once; the one before goes on verifying.
    pub async fn generate_key(
        &self,
        site: &Arc<Site>,
        alg: SigningAlgorithm,
        by: Actor,
        request: RequestFacts,
    ) -> Result<KeyId, SiteError> {
        let kid = draw_id();
        let (vault, name) = (Arc::clone(&self.shared.vault), site.name().clone());
        let made = tokio::task::spawn_blocking(move || vault.create_signing_key(&name, kid, alg)).await;
        let der = made.map_err(|_| Failure::Stopped)?.map_err(Failure::from)?;
        let key = SigningKey::from_pkcs8(kid, alg, &der).map_err(Failure::from)?;
        let jwk = match key.public_jwk().material {
            KeyMaterial::Rsa { n, e } => PublicJwk::Rsa { n, e },
            KeyMaterial::Okp { x, .. } => PublicJwk::Okp { crv: "Ed25519".to_owned(), x },
        };
        self.carry_out(site, GenerateKey { kid, alg, jwk, by }, request).await?;
        Ok(kid)
    }

    /// Makes the keys that a site lacks: its making was cut short, or an algorithm is new.
    pub async fn complete_keys(&self, site: &Arc<Site>) -> Result<(), SiteError> {
        for alg in SigningAlgorithm::ALL {
            if site.read(|state| state.keys.signing(*alg).is_none()) {
                self.generate_key(site, *alg, Actor::Server, self.own_request()).await?;
            }
        }
        Ok(())
    }

    /// Takes a key out of the JWK Set: first in the log, then in the vault.
    pub async fn retire_key(&self, site: &Arc<Site>, kid: KeyId, force: bool, by: Actor, request: RequestFacts) -> Result<(), SiteError> {
        self.carry_out(site, RetireKey { kid, force, by }, request).await?;
        self.shared.vault.destroy_signing_key(site.name(), kid).map_err(Failure::from)?;
        Ok(())
    }

    /// Makes an end-user. `claims` are those of OpenID Connect Core §5.1; they are sealed under the person's own key.
    #[expect(clippy::too_many_arguments, reason = "what a person begins with, each of its own type")]
    pub async fn create_user(
        &self,
        site: &Arc<Site>,
        username: &str,
        password: Option<PasswordText>,
        role: Role,
        claims: Map<String, Value>,
        by: Actor,
        request: RequestFacts,
    ) -> Result<UserId, SiteError> {
        let user: UserId = draw_id();
        self.shared.vault.ensure_subject(site.name(), &Subject::User(user)).map_err(Failure::from)?;
        let credential = match password {
            Some(password) => Some(self.store_password(site, password).await?),
            None => None,
        };
        let claims = claims.into_iter().map(|(name, value)| (format!("claim.{name}"), value));
        let personal = std::iter::once(("username".to_owned(), Value::from(username))).chain(claims).collect();
        let command = CreateUser { user, login: self.login_of(site, username), role, credential, by, personal };
        self.carry_out(site, command, request).await
    }

    /// Sets a person's password.
    pub async fn set_password(
        &self,
        site: &Arc<Site>,
        user: UserId,
        password: PasswordText,
        by: Actor,
        request: RequestFacts,
    ) -> Result<(), SiteError> {
        let credential = self.store_password(site, password).await?;
        let before = site.read(|state| state.users.by_id(&user).and_then(|user| user.credential));
        self.carry_out(site, ChangeUser { user, change: UserChange::SetPassword(credential), by }, request).await?;
        if let Some(before) = before {
            self.shared.vault.destroy_password(site.name(), before).map_err(Failure::from)?;
        }
        Ok(())
    }

    /// Makes every sealed field about a person unreadable for ever: first in the log, then in the vault.
    pub async fn erase_user(&self, site: &Arc<Site>, user: UserId, by: Actor, request: RequestFacts) -> Result<(), SiteError> {
        let credential = site.read(|state| state.users.by_id(&user).and_then(|user| user.credential));
        self.carry_out(site, ChangeUser { user, change: UserChange::Erase, by }, request).await?;
        self.shared.vault.destroy_subject(site.name(), &Subject::User(user)).map_err(Failure::from)?;
        if let Some(credential) = credential {
            self.shared.vault.destroy_password(site.name(), credential).map_err(Failure::from)?;
        }
        Ok(())
    }

    /// Registers a client; its contacts are sealed under a key of its own.
    pub async fn register_client(
        &self,
        site: &Arc<Site>,
        command: RegisterClient,
        request: RequestFacts,
    ) -> Result<<RegisterClient as Decide>::Answer, SiteError> {
        if !command.contacts.is_empty() {
            self.ensure_client_subject(site, &command.client)?;
        }
        self.carry_out(site, command, request).await
    }

    /// Makes the key under which a client's contacts are sealed.
    pub fn ensure_client_subject(&self, site: &Site, client: &ClientId) -> Result<(), Failure> {
        self.shared.vault.ensure_subject(site.name(), &Subject::Client(client.clone()))?;
        Ok(())
    }

    /// What becomes of a client secret that was presented. An unknown client costs the same comparison (THREATS.md A62).
    pub fn check_secret(&self, site: &Site, client: &ClientId, secret: Option<&Secret>) -> SecretFact {
        let Some(secret) = secret else { return SecretFact::Absent };
        let stored = site.read(|state| state.clients.by_id(client).and_then(|client| client.secret));
        let right = secret.matches(&stored.unwrap_or_else(|| crate::terms::Digest::of(b"")));
        match stored {
            Some(stored) if right => SecretFact::Verified(stored),
            Some(_) | None => SecretFact::Wrong,
        }
    }

    /// What is known of a presented token now, waiting until that is durable. Things that state has forgotten are looked up
    /// through the index; a token of ours that the log does not know sounds the alarm.
    pub async fn introspect(
        &self,
        site: &Arc<Site>,
        presented: &super::Presented,
        request: RequestFacts,
    ) -> Result<Introspection, Failure> {
        use crate::command::RefreshFact;
        let now = self.now();
        let found = match presented {
            super::Presented::Access(claims) => site.read(|state| query::introspect_access(state, &claims.jti, now)),
            super::Presented::Refresh(RefreshFact::Genuine { grant, generation }) => {
                site.read(|state| query::introspect_refresh(state, grant, *generation, now))
            }
            super::Presented::Refresh(RefreshFact::Foreign)
            | super::Presented::BadSignature
            | super::Presented::OtherJwt
            | super::Presented::Unreadable => Introspection { status: Status::Unknown, facts: None, rests_on: Default::default() },
        };
        if found.facts.is_some() {
            site.wait(found.rests_on).await?;
            return Ok(found);
        }
        if let super::Presented::Access(claims) = presented {
            if let Some(forgotten) = self.forgotten(site, &claims.jti.to_string())? {
                return Ok(forgotten);
            }
            self.sound_alarm(site, claims, now, request).await;
        }
        Ok(found)
    }

    /// An access token that state has forgotten: its time is over, and whether it had been revoked before is in the log.
    #[expect(clippy::wildcard_enum_match_arm, reason = "of all that may name a token only a few events decide about it")]
    fn forgotten(&self, site: &Site, token: &str) -> Result<Option<Introspection>, Failure> {
        use crate::event::{Event, RefreshEvent, TokenEvent};
        let mut facts: Option<TokenFacts> = None;
        let mut status = Status::Expired;
        for seq in site.events_of(token) {
            match self.record(site, seq)?.event {
                Event::Token(TokenEvent::Granted(issued)) | Event::Refresh(RefreshEvent::Rotated(issued)) => {
                    facts = Some(TokenFacts {
                        jti: Some(issued.token),
                        grant: issued.grant,
                        client: issued.client,
                        user: issued.user,
                        session: issued.session,
                        scope: issued.scope,
                        audience: issued.audience,
                        issued_at: issued.issued_at,
                        expires_at: issued.expires_at,
                    });
                }
                Event::Token(TokenEvent::Revoked { .. }) => status = Status::Revoked,
                _ => {}
            }
        }
        let Some(facts) = facts else { return Ok(None) };
        let mut causes = site.events_of(&facts.grant.to_string());
        causes.extend(site.events_of(&facts.session.to_string()));
        for seq in causes {
            let record = self.record(site, seq)?;
            let ends = match &record.event {
                Event::Grant(_) => true,
                Event::Session(crate::event::SessionEvent::Ended { reason, .. }) => reason.ends_grants(),
                _ => false,
            };
            if ends && record.t < facts.expires_at {
                status = Status::Revoked;
            }
        }
        Ok(Some(Introspection { status, facts: Some(facts), rests_on: Default::default() }))
    }
}
