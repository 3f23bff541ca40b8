//! What takes more than one command, or the vault beside the log: sites, users, clients.

use super::digests::Digests;
use super::index::Index;
use super::{Counted, Failure, Ledger, Site, draw_id, log_key};
use crate::command::{
    ChangeClient, ChangeUser, ClientChange, CreateSite, CreateUser, Decide, Noted, Refused, RegisterClient, SecretFact, SectorFact,
    TakesOver, UserChange,
};
use crate::event::{Edition, Profile};
use crate::projection::State;
use crate::terms::{Actor, ClientId, CredentialId, RequestFacts, Role, Secret, SigningAlgorithm, SiteName, Subject, UserId};
use crate::vault::{PasswordText, Vault, VaultError};
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
        let site = self.enter_site(name).await?;
        let checkpoint_key = log_key::of_issuer(&site.keys, &issuer, name)?.verifier().to_string();
        self.carry_out(
            &site,
            CreateSite { issuer, checkpoint_key, profile, title, edition: Edition::CURRENT, by: by.clone() },
            self.own_request(),
        )
        .await?;
        for alg in SigningAlgorithm::ALL {
            self.generate_key(&site, *alg, TakesOver::AtOnce, by.clone(), self.own_request()).await?;
        }
        if let Some(server) = self.site(&SiteName::server()) {
            self.note_by(&server, Noted::SiteAdded { name: name.clone() }, by, self.own_request()).await?;
        }
        Ok(site)
    }

    /// The site, empty if it is new.
    pub(super) async fn enter_site(&self, name: &SiteName) -> Result<Arc<Site>, Failure> {
        if let Some(site) = self.site(name) {
            return Ok(site);
        }
        let new = name.clone();
        let keys = self.with_vault(move |vault| vault.create_site(&new)).await?;
        let mut sites = self.shared.sites.write().unwrap_or_else(PoisonError::into_inner);
        let lane = self.shared.committer.lane(name);
        let digests = Digests::of(self.directory(), name);
        let new = || Arc::new(Site::new(lane, keys, digests, State::default(), Index::default()));
        Ok(Arc::clone(sites.entry(name.clone()).or_insert_with(new)))
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
        self.ensure_subject(site, Subject::User(user)).await?;
        let credential = match password {
            Some(password) => Some(self.store_password(site, password).await?),
            None => None,
        };
        let claims = claims.into_iter().map(|(name, value)| (format!("claim.{name}"), value));
        let personal = std::iter::once(("username".to_owned(), Value::from(username))).chain(claims).collect();
        let command = CreateUser { user, login: self.login_of(site, username), role, credential, by, personal };
        let created = self.carry_out(site, command, request).await;
        if created.as_ref().is_err_and(nothing_was_decided) {
            self.destroy_subject(site, Subject::User(user)).await?;
            self.destroy_passwords(site, credential).await?;
        }
        created
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
        let set = self.carry_out(site, ChangeUser { user, change: UserChange::SetPassword(credential), by }, request).await;
        match &set {
            Ok(()) => self.destroy_passwords(site, before).await?,
            Err(error) if nothing_was_decided(error) => self.destroy_passwords(site, Some(credential)).await?,
            Err(_) => {}
        }
        set
    }

    /// Ends every browser session of a person.
    pub async fn sign_out_user(&self, site: &Arc<Site>, user: UserId, by: Actor, request: RequestFacts) -> Result<(), SiteError> {
        let sign_out = || ChangeUser { user, change: UserChange::SignOut, by: by.clone() };
        self.carry_out(site, sign_out(), request.clone()).await?;
        // A decision ends only so many; a person with more of them has automated something.
        while self.would_accept(site, &sign_out(), &request) {
            self.carry_out(site, sign_out(), request.clone()).await?;
        }
        Ok(())
    }

    /// Makes every sealed field about a person unreadable for ever: first in the log, then in the vault.
    pub async fn erase_user(&self, site: &Arc<Site>, user: UserId, by: Actor, request: RequestFacts) -> Result<(), SiteError> {
        let credential = site.read(|state| state.users.by_id(&user).and_then(|user| user.credential));
        self.carry_out(site, ChangeUser { user, change: UserChange::Erase, by }, request).await?;
        self.destroy_subject(site, Subject::User(user)).await?;
        Ok(self.destroy_passwords(site, credential).await?)
    }

    /// Registers a client; its contacts are sealed under a key of its own. The vault is touched only for a registration that would be
    /// accepted, and those of strangers have a budget unless somebody invited them: refused ones leave nothing behind that grows.
    pub async fn register_client(
        &self,
        site: &Arc<Site>,
        mut command: RegisterClient,
        request: RequestFacts,
    ) -> Result<<RegisterClient as Decide>::Answer, SiteError> {
        // The sector's document is read for nobody who is refused even if it is good.
        let at_best = command.metadata.sector_identifier_uri.as_ref().map(|_| SectorFact::Complete);
        if !self.would_accept(site, &RegisterClient { sector_document: at_best, ..command.clone() }, &request) {
            return self.carry_out(site, command, request).await;
        }
        if let (Actor::Anonymous, None, Some(ip)) = (&command.by, &command.initial_token, request.ip) {
            self.take_registration(site, Counted::Registration, ip, None, &request).await?;
        }
        command.sector_document = self.read_sector(&command.metadata, None).await?;
        if command.contacts.is_empty() {
            return self.carry_out(site, command, request).await;
        }
        let client = command.client.clone();
        self.ensure_client_subject(site, &client).await?;
        let registered = self.carry_out(site, command, request).await;
        if registered.as_ref().is_err_and(nothing_was_decided) {
            self.destroy_subject(site, Subject::Client(client)).await?;
        }
        registered
    }

    /// Changes a client. With a deleted one its contacts become unreadable: first in the log, then in the vault.
    pub async fn change_client(&self, site: &Arc<Site>, command: ChangeClient, request: RequestFacts) -> Result<(), SiteError> {
        let deleted = (command.change == ClientChange::Delete).then(|| command.client.clone());
        self.carry_out(site, command, request).await?;
        match deleted {
            Some(client) => Ok(self.destroy_subject(site, Subject::Client(client)).await?),
            None => Ok(()),
        }
    }

    /// Makes the key under which a client's contacts are sealed.
    pub async fn ensure_client_subject(&self, site: &Site, client: &ClientId) -> Result<(), Failure> {
        self.ensure_subject(site, Subject::Client(client.clone())).await
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

    /// Works on the vault, which waits for the disk, away from the threads that serve requests.
    pub(super) async fn with_vault<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Vault) -> Result<T, VaultError> + Send + 'static,
    ) -> Result<T, Failure> {
        let vault = Arc::clone(&self.shared.vault);
        let worked = tokio::task::spawn_blocking(move || work(&vault)).await;
        Ok(worked.map_err(|_| Failure::Stopped)??)
    }

    async fn ensure_subject(&self, site: &Site, subject: Subject) -> Result<(), Failure> {
        let name = site.name().clone();
        self.with_vault(move |vault| vault.ensure_subject(&name, &subject).map(drop)).await
    }

    async fn destroy_subject(&self, site: &Site, subject: Subject) -> Result<(), Failure> {
        let name = site.name().clone();
        self.with_vault(move |vault| vault.destroy_subject(&name, &subject).map(drop)).await
    }

    async fn destroy_passwords(&self, site: &Site, credential: Option<CredentialId>) -> Result<(), Failure> {
        let Some(credential) = credential else { return Ok(()) };
        let name = site.name().clone();
        self.with_vault(move |vault| vault.destroy_password(&name, credential).map(drop)).await
    }
}

/// Whether it is certain that no event rests on what was put into the vault.
pub(super) fn nothing_was_decided(error: &SiteError) -> bool {
    match error {
        SiteError::Refused(_) | SiteError::Failure(Failure::Busy | Failure::ClockUntrusted) => true,
        SiteError::Failure(_) => false,
    }
}
