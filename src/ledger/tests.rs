//! A ledger with a person and an app, and a clock that is moved by hand.

mod budgets;
mod clock;
mod digests;
mod endings;
mod logouts;
mod rotation;
mod secrets;

use super::*;
use crate::command::*;
use crate::event::{AuditEvent, ClientMetadata, Edition, Endpoint, Event, IssuedTokens, Profile, RequestEvent, ServerEvent, TokenEvent};
use crate::jose::{AccessTokenClaims, FurtherClaims};
use crate::log::EngineKind;
use crate::projection::{ANSWERABLE_SECONDS, State};
use crate::query::Status;
use crate::terms::{
    Actor, ClientId, Digest, InteractionId, RequestFacts, Role, ScopeSet, Secret, Seq, SessionId, SigningAlgorithm, Subject, Timestamp,
    UserId,
};
use crate::vault::PasswordText;
use serde_json::json;
use std::path::Path;

const START: u64 = 1_790_000_000;
const DAY: u64 = 86_400;

struct World {
    ledger: Ledger,
    site: Arc<Site>,
    clock: FrozenClock,
    user: UserId,
    client: ClientId,
    secret: Digest,
    folder: tempfile::TempDir,
}

fn at(seconds: u64) -> Timestamp {
    Timestamp::from_unix_seconds(START + seconds)
}

fn open(folder: &Path, clock: &FrozenClock) -> Ledger {
    let settings = OpenSettings {
        directory: folder.join("data"),
        engine: EngineKind::File,
        master_key_file: None,
        clock: Some(Clock::frozen(clock.clone())),
        outbound: Default::default(),
        on_fatal: Box::new(|fatal| panic!("{fatal}")),
    };
    Ledger::open(settings).unwrap()
}

async fn world(profile: Profile, scope: &str) -> World {
    let (folder, clock) = (tempfile::tempdir().unwrap(), FrozenClock::at(at(0)));
    let ledger = open(folder.path(), &clock);
    let issuer = "https://op.test/oauth2/default".to_owned();
    let site = ledger.create_site(&SiteName::default_site(), issuer, profile, "Test".to_owned(), Actor::Os(0)).await.unwrap();
    let password = PasswordText::parse(&Secret::new("correct horse".to_owned())).ok();
    let request = ledger.own_request();
    let user = ledger.create_user(&site, "jane", password, Role::Users, Default::default(), Actor::Os(0), request).await.unwrap();
    let command = registration(scope, Actor::Os(0), &[]);
    let (client, secret) = (command.client.clone(), command.secret.unwrap());
    ledger.register_client(&site, command, ledger.own_request()).await.unwrap();
    World { ledger, site, clock, user, client, secret, folder }
}

fn registration(scope: &str, by: Actor, contacts: &[&str]) -> RegisterClient {
    let metadata: ClientMetadata = serde_json::from_value(json!({
        "application_type": "web", "redirect_uris": ["https://a.example/cb"], "token_endpoint_auth_method": "client_secret_post",
        "grant_types": ["authorization_code", "refresh_token"], "response_types": ["code"], "scope": scope,
        "id_token_signed_response_alg": "RS256",
    }))
    .unwrap();
    let secret = draw_secret::<64>().digest();
    let contacts = contacts.iter().map(|&contact| contact.to_owned()).collect();
    RegisterClient {
        client: ClientId::from_bytes(draw_bytes()),
        metadata,
        secret: Some(secret),
        registration_token: secret,
        by,
        edition: Edition::CURRENT,
        initial_token: None,
        sector_document: None,
        contacts,
    }
}

impl World {
    fn facts(&self, ip: &str) -> RequestFacts {
        RequestFacts { ip: Some(ip.parse().unwrap()), ..self.ledger.own_request() }
    }
    async fn carry_out<C: Decide>(&self, command: C) -> Result<C::Answer, SiteError> {
        self.ledger.carry_out(&self.site, command, self.ledger.own_request()).await
    }
    async fn sign_in(&self, before: Option<SessionId>, name: &str) -> SessionId {
        let login = self.ledger.login_of(&self.site, name);
        let right = Secret::new("correct horse".to_owned());
        let password = self.ledger.check_password(&self.site, &login, &right, None).await.unwrap();
        let cookie = draw_secret::<32>().digest();
        self.carry_out(SignIn { login, role: None, password, cookie, session: before, client: None }).await.unwrap().session
    }
    async fn tokens(&self, session: SessionId, scope: &str) -> IssuedTokens {
        let code = self.code(session, scope, None, ConsentFact::Given).await.unwrap();
        self.carry_out(RedeemCode { code: Some(code), redirect_uri: None, verifier: None, client_auth: self.proof() }).await.unwrap()
    }
    async fn code(
        &self,
        session: SessionId,
        scope: &str,
        interaction: Option<InteractionId>,
        consent: ConsentFact,
    ) -> Result<Digest, SiteError> {
        let code = draw_secret::<32>().digest();
        let issue = IssueCode {
            session,
            interaction,
            client: self.client.clone(),
            requested_scope: ScopeSet::parse(scope).unwrap(),
            scope: ScopeSet::parse(scope).unwrap(),
            consent,
            code: Some(code),
            redirect_uri: None,
            code_challenge: None,
            audience: None,
            has_nonce: false,
            nonce: None,
            wishes: Default::default(),
        };
        self.carry_out(issue).await.map(|_| code)
    }
    async fn refreshed(&self, tokens: &IssuedTokens) -> IssuedTokens {
        let refresh_token = RefreshFact::Genuine { grant: tokens.grant, generation: tokens.generation.unwrap() };
        self.carry_out(RotateRefresh { refresh_token, scope: None, client_auth: self.proof() }).await.unwrap().tokens
    }
    fn proof(&self) -> ClientProof {
        ClientProof { client: Some(self.client.clone()), via: Via::Post, secret: SecretFact::Verified(self.secret), assertion: None }
    }
    /// What an access token of ours would say that was never granted.
    fn never_granted(&self, exp: u64) -> AccessTokenClaims {
        AccessTokenClaims {
            iss: self.site.issuer(),
            sub: self.user.to_string(),
            aud: self.client.to_string(),
            client_id: self.client.clone(),
            jti: draw_id(),
            iat: START,
            nbf: START,
            exp,
            scope: ScopeSet::parse("openid").unwrap(),
            site: self.site.name().clone(),
            sid: None,
            further: FurtherClaims::default(),
        }
    }
    async fn status(&self, token: &Secret) -> Status {
        let presented = self.ledger.present(&self.site, token.expose());
        self.ledger.introspect(&self.site, &presented, self.ledger.own_request()).await.unwrap().status
    }
    /// What is said of the access token and of the refresh token.
    async fn statuses(&self, tokens: &IssuedTokens) -> (Status, Status) {
        let minted = self.ledger.mint(&self.site, tokens).unwrap();
        (self.status(&minted.access_token).await, self.status(&minted.refresh_token.unwrap()).await)
    }
    /// Something happens, so that state forgets what is over.
    async fn anything(&self) {
        let noted =
            Noted::RequestRefused { endpoint: Endpoint::Token, reason: crate::event::Refusal::CodeUnknown, client: None, times: None };
        self.ledger.note(&self.site, noted, self.ledger.own_request()).await.unwrap();
    }
    fn events(&self, site: &Site) -> Vec<Event> {
        (0..site.durable().events).map(|seq| self.ledger.record(site, Seq(seq)).unwrap().event).collect()
    }
    fn replayed(&self) -> State {
        let mut state = State::default();
        for seq in 0..self.site.durable().events {
            state.fold(&self.ledger.record(&self.site, Seq(seq)).unwrap()).unwrap();
        }
        state
    }
    fn subjects(&self) -> Vec<Subject> {
        let all = self.ledger.shared.vault.subjects(self.site.name()).unwrap();
        all.into_iter().filter(|subject| !matches!(subject, Subject::Month(_))).collect()
    }
    fn reopened(self) -> Self {
        self.ledger.shut_down();
        let Self { ledger, site, clock, user, client, secret, folder } = self;
        drop((ledger, site));
        let ledger = open(folder.path(), &clock);
        let site = ledger.site(&SiteName::default_site()).unwrap();
        Self { ledger, site, clock, user, client, secret, folder }
    }
}
