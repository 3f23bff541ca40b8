//! A ledger with a person and an app, and a clock that is moved by hand.

mod digests;
mod logouts;
mod rotation;

use super::*;
use crate::command::*;
use crate::event::{AuditEvent, ClientMetadata, Edition, Event, IssuedTokens, Profile, ServerEvent, TokenEvent};
use crate::jose::{AccessTokenClaims, FurtherClaims};
use crate::log::EngineKind;
use crate::projection::State;
use crate::query::Status;
use crate::terms::{
    Actor, ClientId, Digest, RequestFacts, Role, ScopeSet, Secret, Seq, SessionId, SigningAlgorithm, Subject, Timestamp, UserId,
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
        let code = draw_secret::<32>().digest();
        let issue = IssueCode {
            session,
            client: self.client.clone(),
            requested_scope: ScopeSet::parse(scope).unwrap(),
            scope: ScopeSet::parse(scope).unwrap(),
            consent: ConsentFact::Given,
            code: Some(code),
            redirect_uri: None,
            code_challenge: None,
            audience: None,
            has_nonce: false,
            nonce: None,
            wishes: Default::default(),
        };
        self.carry_out(issue).await.unwrap();
        self.carry_out(RedeemCode { code: Some(code), redirect_uri: None, verifier: None, client_auth: self.proof() }).await.unwrap()
    }
    async fn refreshed(&self, tokens: &IssuedTokens) -> IssuedTokens {
        let refresh_token = RefreshFact::Genuine { grant: tokens.grant, generation: tokens.generation.unwrap() };
        self.carry_out(RotateRefresh { refresh_token, scope: None, client_auth: self.proof() }).await.unwrap().tokens
    }
    fn proof(&self) -> ClientProof {
        ClientProof { client: Some(self.client.clone()), via: Via::Post, secret: SecretFact::Verified(self.secret), assertion: None }
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
        let noted = Noted::RequestRefused {
            endpoint: crate::event::Endpoint::Token,
            reason: crate::event::Refusal::CodeUnknown,
            client: None,
            times: None,
        };
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

/// What may happen to a token of the session while it lives, and what is said of the access token and the refresh token for ever.
#[tokio::test(flavor = "multi_thread")]
async fn what_ended_a_token_is_known_after_state_has_forgotten_it() {
    use Status::{Expired, Revoked};
    let world = world(Profile::Openemr, "openid offline_access").await;
    let mut all = Vec::new();
    let session = world.sign_in(None, "jane").await;
    let fresh = async || world.tokens(world.sign_in(None, "jane").await, "openid offline_access").await;

    all.push(("nothing", fresh().await, (Expired, Expired)));

    let rotated = fresh().await;
    let successor = world.refreshed(&rotated).await;
    all.push(("rotation", rotated, (Expired, Revoked)));
    all.push(("being the successor", successor, (Expired, Expired)));

    let revoked = fresh().await;
    let token = PresentedToken::Access(revoked.token);
    world.carry_out(RevokeToken { token, client_auth: world.proof() }).await.unwrap();
    all.push(("revocation of the access token", revoked, (Revoked, Expired)));

    let revoked = fresh().await;
    let token = PresentedToken::Refresh(RefreshFact::Genuine { grant: revoked.grant, generation: 0 });
    world.carry_out(RevokeToken { token, client_auth: world.proof() }).await.unwrap();
    all.push(("revocation of the refresh token", revoked, (Revoked, Revoked)));

    let signed_out = world.tokens(session, "openid offline_access").await;
    world.carry_out(EndSession { session: Some(session), everywhere: None, by: EndedBy::Hint }).await.unwrap();
    all.push(("signing out", signed_out, (Revoked, Revoked)));

    let withdrawn = fresh().await;
    world.carry_out(WithdrawConsent { user: world.user, client: world.client.clone(), by: Actor::Os(0) }).await.unwrap();
    for (what, _, (access, refresh)) in &mut all {
        // The permission behind all of them was withdrawn.
        assert!(!what.is_empty());
        (*access, *refresh) = (Revoked, Revoked);
    }
    all.push(("withdrawal", withdrawn, (Revoked, Revoked)));
    let everywhere = fresh().await;
    let command = EndSession { session: None, everywhere: Some((world.user, world.client.clone())), by: EndedBy::Hint };
    world.carry_out(command).await.unwrap();
    all.push(("signing out everywhere", everywhere, (Revoked, Revoked)));
    all.push(("nothing, after a withdrawal", fresh().await, (Expired, Expired)));
    let rotated = fresh().await;
    let successor = world.refreshed(&rotated).await;
    all.push(("rotation, after a withdrawal", rotated, (Expired, Revoked)));
    all.push(("being the successor, after a withdrawal", successor, (Expired, Expired)));

    world.clock.advance_seconds(300 * DAY);
    for turn in ["before", "after"] {
        for (what, tokens, (access, refresh)) in &all {
            let said = world.statuses(tokens).await;
            assert_eq!(said, (*access, *refresh), "{what}, {turn} anything else happened");
        }
        world.anything().await;
        assert_eq!(world.site.read(|state| state.grants.iter().count()), 0, "state has forgotten them");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_rests_on_a_disabled_person_or_client_is_revoked_even_when_forgotten() {
    for of_client in [false, true] {
        let world = world(Profile::Openemr, "openid").await;
        let tokens = world.tokens(world.sign_in(None, "jane").await, "openid").await;
        match of_client {
            false => {
                let change = UserChange::Disable;
                world.carry_out(ChangeUser { user: world.user, change, by: Actor::Os(0) }).await.unwrap();
            }
            true => {
                let change = ClientChange::Delete;
                let command = ChangeClient { client: world.client.clone(), change, by: Actor::Os(0), presented_token: None };
                world.ledger.change_client(&world.site, command, world.ledger.own_request()).await.unwrap();
            }
        }
        for _ in 0..2 {
            assert_eq!(world.statuses(&tokens).await, (Status::Revoked, Status::Revoked));
            world.clock.advance_seconds(300 * DAY);
            world.anything().await;
        }
        let world = world.reopened();
        assert_eq!(world.statuses(&tokens).await, (Status::Revoked, Status::Revoked), "after a restart");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_session_that_was_left_to_somebody_else_and_then_signed_out_of_ended_its_tokens() {
    let world = world(Profile::Openemr, "openid").await;
    let password = PasswordText::parse(&Secret::new("correct horse".to_owned())).ok();
    let request = world.ledger.own_request();
    world.ledger.create_user(&world.site, "bob", password, Role::Users, Default::default(), Actor::Os(0), request).await.unwrap();
    let session = world.sign_in(None, "jane").await;
    let tokens = world.tokens(session, "openid").await;
    world.sign_in(Some(session), "bob").await;
    assert_eq!(world.statuses(&tokens).await, (Status::Active, Status::Active));
    let replaced = tokens;
    let session = world.sign_in(None, "jane").await;
    let tokens = world.tokens(session, "openid").await;
    world.carry_out(EndSession { session: Some(session), everywhere: None, by: EndedBy::Hint }).await.unwrap();
    world.clock.advance_seconds(300 * DAY);
    world.anything().await;
    assert_eq!(world.statuses(&replaced).await, (Status::Expired, Status::Expired));
    assert_eq!(world.statuses(&tokens).await, (Status::Revoked, Status::Revoked));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_comes_after_a_tokens_end_does_not_end_it() {
    let world = world(Profile::Openemr, "openid").await;
    let session = world.sign_in(None, "jane").await;
    let tokens = world.tokens(session, "openid").await;
    world.clock.advance_seconds(3601);
    world.carry_out(EndSession { session: Some(session), everywhere: None, by: EndedBy::Hint }).await.unwrap();
    assert_eq!(world.statuses(&tokens).await, (Status::Expired, Status::Revoked));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_forgery_names_the_key_that_signed_it_and_is_told_once() {
    let world = world(Profile::Standard, "openid").await;
    let key = world.site.read(|state| state.keys.youngest(SigningAlgorithm::EdDsa).unwrap().kid);
    let claims = AccessTokenClaims {
        iss: world.site.issuer(),
        sub: world.user.to_string(),
        aud: world.client.to_string(),
        client_id: world.client.clone(),
        jti: draw_id(),
        iat: START,
        nbf: START,
        exp: START + 3600,
        scope: ScopeSet::parse("openid").unwrap(),
        site: world.site.name().clone(),
        sid: None,
        further: FurtherClaims::default(),
    };
    let forged = Secret::new(world.ledger.signing_key(&world.site, key).unwrap().sign(claims.typ(), &claims).unwrap());
    for _ in 0..5 {
        assert_eq!(world.status(&forged).await, Status::Unknown);
    }
    world.ledger.tell_tallies(true).await.unwrap();
    assert_eq!(world.status(&forged).await, Status::Unknown);
    let told = world.events(&world.site).into_iter().filter_map(|event| {
        let Event::Token(TokenEvent::ForgeryDetected { token, kid, times }) = event else { return None };
        Some((token, kid, times.map(|times| times.count)))
    });
    assert_eq!(told.collect::<Vec<_>>(), [(claims.jti, key, None), (claims.jti, key, Some(4))]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refused_registration_leaves_nothing_in_the_vault() {
    let world = world(Profile::Standard, "openid").await;
    let before = world.subjects();
    let file = world.folder.path().join("data/vault.sqlite");
    let length = || std::fs::metadata(&file).unwrap().len();
    let bytes = length();
    for _ in 0..100 {
        let command = registration("not-offered", Actor::Anonymous, &["a@example.org"]);
        world.ledger.register_client(&world.site, command, world.facts("192.0.2.1")).await.unwrap_err();
    }
    assert_eq!((world.subjects(), length()), (before, bytes));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refused_person_leaves_nothing_in_the_vault() {
    let world = world(Profile::Standard, "openid").await;
    let credentials = |world: &World| world.ledger.shared.vault.credentials(world.site.name()).unwrap();
    let before = (world.subjects(), credentials(&world));
    let password = || PasswordText::parse(&Secret::new("correct horse".to_owned()));
    let (by, request) = (Actor::Os(0), world.ledger.own_request());
    let again = world.ledger.create_user(&world.site, "jane", password().ok(), Role::Users, Default::default(), by, request).await;
    assert!(matches!(again, Err(SiteError::Refused(_))));
    let nobody = world.ledger.set_password(&world.site, draw_id(), password().unwrap(), Actor::Os(0), world.ledger.own_request()).await;
    assert!(matches!(nobody, Err(SiteError::Refused(_))));
    assert_eq!((world.subjects(), credentials(&world)), before);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_contacts_of_a_deleted_client_cannot_be_opened_any_more() {
    let world = world(Profile::Standard, "openid").await;
    let command = registration("openid", Actor::Anonymous, &["a@example.org"]);
    let client = command.client.clone();
    world.ledger.register_client(&world.site, command, world.facts("192.0.2.1")).await.unwrap();
    let contacts_at = world.site.read(|state| state.clients.by_id(&client).unwrap().contacts_at);
    assert!(world.ledger.disclosed(&world.site, contacts_at).unwrap().contains_key("contacts"));
    let command = ChangeClient { client: client.clone(), change: ClientChange::Delete, by: Actor::Os(0), presented_token: None };
    world.ledger.change_client(&world.site, command, world.ledger.own_request()).await.unwrap();
    assert!(!world.subjects().contains(&Subject::Client(client)));
    assert!(!world.ledger.disclosed(&world.site, contacts_at).unwrap().contains_key("contacts"));
}

#[tokio::test(flavor = "multi_thread")]
async fn keys_of_subjects_that_are_not_in_the_log_are_swept_at_the_start() {
    let world = world(Profile::Standard, "openid").await;
    let command = registration("openid", Actor::Os(0), &["a@example.org"]);
    let kept = Subject::Client(command.client.clone());
    world.ledger.register_client(&world.site, command, world.ledger.own_request()).await.unwrap();
    let before = world.subjects();
    assert!(before.contains(&kept));
    world.ledger.ensure_client_subject(&world.site, &ClientId::from_bytes(draw_bytes())).await.unwrap();
    world.ledger.shared.vault.ensure_subject(world.site.name(), &Subject::User(draw_id())).unwrap();
    assert_eq!(world.subjects().len(), before.len() + 2);
    assert_eq!(world.reopened().subjects(), before);
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_swept_from_a_vault_that_lacks_something() {
    let world = world(Profile::Standard, "openid").await;
    let command = registration("openid", Actor::Os(0), &["a@example.org"]);
    let lost = Subject::Client(command.client.clone());
    world.ledger.register_client(&world.site, command, world.ledger.own_request()).await.unwrap();
    world.ledger.shared.vault.destroy_subject(world.site.name(), &lost).unwrap();
    world.ledger.shared.vault.ensure_subject(world.site.name(), &Subject::User(draw_id())).unwrap();
    let before = world.subjects();
    assert_eq!(world.reopened().subjects(), before, "what looks superfluous may be what a repair looks for");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stranger_who_registers_too_often_is_told_to_wait_and_an_administrator_is_not() {
    let world = world(Profile::Standard, "openid").await;
    let register = async |by, ip| world.ledger.register_client(&world.site, registration("openid", by, &[]), world.facts(ip)).await;
    for _ in 0..10 {
        register(Actor::Anonymous, "192.0.2.1").await.unwrap();
    }
    let Err(SiteError::Refused(refused)) = register(Actor::Anonymous, "192.0.2.1").await else { panic!("it was registered") };
    assert_eq!((refused.refusal.as_str(), refused.refusal.reply().status), ("registration_too_frequent", 429));
    register(Actor::Os(0), "192.0.2.1").await.unwrap();
    register(Actor::Anonymous, "192.0.2.2").await.unwrap();
    assert_eq!(world.ledger.registration_pause(&world.site, "192.0.2.1".parse().unwrap()), 3600);
    world.clock.advance_seconds(3600);
    register(Actor::Anonymous, "192.0.2.1").await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_step_of_the_clock_is_recorded_whoever_reads_it_first() {
    let world = world(Profile::Standard, "openid").await;
    let server = world.ledger.site(&SiteName::server()).unwrap();
    let turns = || {
        let events = world.events(&server).into_iter();
        let turn = |event| {
            if let Event::Server(ServerEvent::ClockStepped { wall, kept }) = event {
                return Some(("stepped", wall, Some(kept)));
            }
            let Event::Server(ServerEvent::ClockAccepted { wall }) = event else { return None };
            Some(("accepted", wall, None))
        };
        events.filter_map(turn).collect::<Vec<_>>()
    };
    world.clock.set(at(DAY));
    assert_eq!(world.ledger.now(), at(0));
    assert_eq!(world.ledger.now(), at(0));
    world.ledger.tell_tallies(false).await.unwrap();
    assert_eq!(turns(), [("stepped", at(DAY), Some(at(0)))]);

    let refused = world.carry_out(registration("openid", Actor::Os(0), &[])).await;
    assert!(matches!(refused, Err(SiteError::Failure(Failure::ClockUntrusted))));

    world.clock.set(at(0));
    assert_eq!(world.ledger.now(), at(0));
    world.carry_out(registration("openid", Actor::Os(0), &[])).await.unwrap();
    world.ledger.tell_tallies(false).await.unwrap();
    let told = async || {
        while turns().len() < 2 {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(std::time::Duration::from_secs(20), told()).await.unwrap();
    assert_eq!(turns()[1..], [("accepted", at(0), None)]);
}

#[tokio::test(flavor = "multi_thread")]
async fn after_a_step_back_was_accepted_time_goes_on_and_things_end() {
    let world = world(Profile::Standard, "openid").await;
    let tokens = world.tokens(world.sign_in(None, "jane").await, "openid").await;
    let access = world.ledger.mint(&world.site, &tokens).unwrap().access_token;
    world.clock.set(Timestamp::from_unix_seconds(START - DAY));
    let wall = world.ledger.accept_clock(Actor::Os(7), world.ledger.own_request()).await.unwrap();
    assert_eq!(wall, Timestamp::from_unix_seconds(START - DAY));
    let server = world.ledger.site(&SiteName::server()).unwrap();
    let last = world.ledger.record(&server, Seq(server.durable().events - 1)).unwrap();
    assert_eq!((last.event, last.actor), (Event::Server(ServerEvent::ClockAccepted { wall }), Actor::Os(7)));

    assert_eq!(world.status(&access).await, Status::Active);
    world.clock.advance_seconds(4100);
    world.anything().await;
    assert_eq!(world.site.read(|state| state.last_t), at(3690), "a tenth slower than it passes");
    assert_eq!(world.status(&access).await, Status::Expired);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_clock_that_is_corrected_backwards_brings_nothing_back_that_was_forgotten() {
    let world = world(Profile::Standard, "openid").await;
    let tokens = world.tokens(world.sign_in(None, "jane").await, "openid").await;
    world.clock.advance_seconds(3605);
    // Decided about the state at that time, but nothing is recorded.
    let nothing = UserChange::Unlock;
    world.carry_out(ChangeUser { user: world.user, change: nothing, by: Actor::Os(0) }).await.unwrap_err();
    assert!(world.site.read(|state| state.grants.token(&tokens.token).is_none()), "the live state has forgotten the token");
    world.clock.set(at(3590));
    let token = PresentedToken::Access(tokens.token);
    world.carry_out(RevokeToken { token, client_auth: world.proof() }).await.unwrap();
    world.anything().await;
    let (mut live, mut replayed) = (world.site.read(Clone::clone), world.replayed());
    for state in [&mut live, &mut replayed] {
        state.forget(world.ledger.now());
    }
    assert_eq!(replayed, live);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_thing_that_is_prolonged_waits_for_its_end_once_and_is_forgotten_then() {
    let world = world(Profile::Openemr, "openid").await;
    let session = world.sign_in(None, "jane").await;
    let mut tokens = world.tokens(session, "openid").await;
    let waiting = || world.site.read(State::waiting);
    let before = waiting();
    for _ in 0..50 {
        world.clock.advance_seconds(10);
        tokens = world.refreshed(&tokens).await;
    }
    assert_eq!(waiting(), before + 50, "each access token has an end of its own; the grant still has one");
    world.clock.advance_seconds(3605);
    world.anything().await;
    assert_eq!(waiting(), 2, "grant and session");
    let of_session = world.tokens(session, "openid").await.grant;
    assert_eq!(waiting(), 4, "another grant and its token");
    world.clock.set(tokens.refresh_expires_at.unwrap().plus_seconds(3600 * 2));
    world.ledger.accept_clock(Actor::Os(0), world.ledger.own_request()).await.unwrap();
    world.anything().await;
    assert!(world.site.read(|state| state.grants.by_id(&tokens.grant).is_none() && state.grants.by_id(&of_session).is_none()));
    assert!(world.site.read(|state| state.sessions.by_id(&session).is_none()));
    assert_eq!(waiting(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_months_keys_are_made_once_and_ahead_of_time() {
    let world = world(Profile::Standard, "openid").await;
    let months = |world: &World| {
        let all = world.ledger.shared.vault.subjects(world.site.name()).unwrap();
        all.into_iter().filter(|subject| matches!(subject, Subject::Month(_))).count()
    };
    assert_eq!(months(&world), 1);
    assert!(world.site.has_months_until(at(DAY)) && !world.site.has_months_until(at(DAY + 1)));
    for day in 1..=40 {
        world.clock.advance_seconds(DAY);
        world.anything().await;
        let month = Subject::Month(world.ledger.now().month());
        assert!(world.ledger.shared.vault.subject_key(world.site.name(), &month).unwrap().is_some(), "day {day}");
    }
    assert_eq!(months(&world), 3, "September, October, and November a day ahead");
}

#[tokio::test(flavor = "multi_thread")]
async fn why_something_leaves_the_log_is_sealed_in_the_record_of_it() {
    let world = world(Profile::Standard, "openid").await;
    let exported = Noted::AuditExported {
        format: "ndjson".to_owned(),
        from: Seq(0),
        to: Seq(4),
        events: 4,
        disclosed: 1,
        withheld: 2,
        bundle_digest: Digest::of(b"bundle"),
        checkpoint_size: 5,
        filter: Digest::of(b"filter"),
        identified: true,
        purpose: Some("a complaint of Jane Doe".to_owned()),
        basis: Some("45 CFR 164.528".to_owned()),
        reason: None,
    };
    world.ledger.note_by(&world.site, exported, Actor::Os(7), world.ledger.own_request()).await.unwrap();
    let stored = world.ledger.stored(&world.site, Seq(world.site.durable().events - 1)).unwrap();
    assert!(!String::from_utf8_lossy(&stored.leaf).contains("Jane"));
    let opened = world.ledger.open_fields(&world.site, &stored).unwrap();
    assert_eq!(json!(opened), json!({ "purpose": "a complaint of Jane Doe", "basis": "45 CFR 164.528" }));
    let Event::Audit(AuditEvent::Exported { to, withheld, identified, .. }) = world.events(&world.site).pop().unwrap() else { panic!() };
    assert_eq!((to, withheld, identified), (Seq(4), 2, true));
}
