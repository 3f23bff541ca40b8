//! Each write of a whole story fails once, in every way that a write can fail: what was acknowledged is there after a restart, and
//! what is not there was not acknowledged.

use super::*;
use crate::command::*;
use crate::event::{ClientMetadata, Profile};
use crate::log::{EngineKind, EventLog, Fault, LogStore, MemoryLog};
use crate::terms::{Actor, ClientId, Digest, RequestFacts, Role, ScopeSet, Secret, SiteName};
use crate::vault::PasswordText;
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::path::Path;

const FAULTS: [Fault; 4] = [Fault::Lost, Fault::KeptButReportedLost, Fault::Torn, Fault::Stopped];
const PASSWORD: &str = "correct horse";
/// More appends than the story has.
const APPENDS_MAX: u64 = 64;

/// Who was told what: the ids of the requests that were answered and of those that were not.
#[derive(Default)]
struct Told {
    done: Vec<RequestId>,
    failed: Vec<RequestId>,
}

/// A site with one person, made before anything fails.
struct Base {
    folder: tempfile::TempDir,
    engine: MemoryLog,
    password: PasswordFact,
}

/// A story in steps that stops at the first one that is not acknowledged.
struct Story<'a> {
    ledger: &'a Ledger,
    told: &'a mut Told,
    client: ClientProof,
}

fn open(folder: &Path, engine: Arc<dyn EventLog>) -> Result<Ledger, StartError> {
    let directory = DataDirectory::open(folder)?;
    let store = LogStore::over(&directory, engine)?;
    let settings = OpenSettings {
        directory: folder.to_owned(),
        engine: EngineKind::File,
        master_key_file: None,
        clock: None,
        outbound: Default::default(),
        on_fatal: Box::new(|_| {}),
    };
    Ledger::over(directory, store, settings)
}

impl Story<'_> {
    fn facts(&self) -> RequestFacts {
        self.ledger.own_request()
    }
    fn note<T, E>(&mut self, corr: RequestId, outcome: Result<T, E>) -> Option<T> {
        match outcome {
            Ok(answer) => {
                self.told.done.push(corr);
                Some(answer)
            }
            Err(_) => {
                self.told.failed.push(corr);
                None
            }
        }
    }
    async fn step<C: Decide>(&mut self, site: &Arc<Site>, command: C) -> Option<C::Answer> {
        let facts = self.facts();
        let corr = facts.corr;
        let outcome = self.ledger.carry_out(site, command, facts).await;
        self.note(corr, outcome)
    }

    /// The site and its person.
    async fn found(&mut self) -> Option<()> {
        let issuer = "https://op.test/oauth2/default".to_owned();
        let made = self.ledger.create_site(&SiteName::default_site(), issuer, Profile::Standard, "Test".to_owned(), Actor::Os(0)).await;
        let site = made.ok()?;
        let password = PasswordText::parse(&Secret::new(PASSWORD.to_owned())).ok();
        let facts = self.facts();
        let corr = facts.corr;
        let user = self.ledger.create_user(&site, "jane", password, Role::Users, Default::default(), Actor::Os(0), facts).await;
        self.note(corr, user).map(drop)
    }

    /// From the app to the end of a session.
    async fn go_on(&mut self, password: PasswordFact) -> Option<()> {
        let site = self.ledger.site(&SiteName::default_site())?;
        let facts = self.facts();
        let corr = facts.corr;
        let registered = self.ledger.register_client(&site, registration(&self.client), facts).await;
        self.note(corr, registered)?;
        let login = self.ledger.login_of(&site, "jane");
        let cookie = draw_secret::<32>().digest();
        let session = self.step(&site, SignIn { login, role: None, password, cookie, session: None, client: None }).await?.session;
        let code = draw_secret::<32>().digest();
        self.step(&site, issue(session, self.client.client.clone()?, code)).await?;
        let client_auth = self.client.clone();
        let redeem = RedeemCode { code: Some(code), redirect_uri: None, verifier: None, client_auth };
        let tokens = self.step(&site, redeem).await?;
        for generation in 0..3 {
            let refresh_token = RefreshFact::Genuine { grant: tokens.grant, generation };
            self.step(&site, RotateRefresh { refresh_token, scope: None, client_auth: self.client.clone() }).await?;
        }
        let token = PresentedToken::Refresh(RefreshFact::Genuine { grant: tokens.grant, generation: 3 });
        self.step(&site, RevokeToken { token, client_auth: self.client.clone() }).await?;
        self.step(&site, EndSession { session: Some(session), everywhere: None, by: EndedBy::Hint }).await.map(drop)
    }

    /// Whether anything at all is still acknowledged.
    async fn is_anything_acknowledged(&mut self) -> bool {
        let reason = crate::event::Refusal::CodeUnknown;
        let noted = Noted::RequestRefused { endpoint: crate::event::Endpoint::Token, reason, client: None, times: None };
        let sites: Vec<Arc<Site>> = self.ledger.sites().into_iter().chain(self.ledger.site(&SiteName::server())).collect();
        for site in sites {
            let facts = self.facts();
            let corr = facts.corr;
            let outcome = self.ledger.note(&site, noted.clone(), facts).await;
            if self.note(corr, outcome).is_some() {
                return true;
            }
        }
        false
    }
}

fn registration(proof: &ClientProof) -> RegisterClient {
    let metadata: ClientMetadata = serde_json::from_value(json!({
        "application_type": "web", "redirect_uris": ["https://a.example/cb"], "token_endpoint_auth_method": "client_secret_post",
        "grant_types": ["authorization_code", "refresh_token"], "response_types": ["code"], "scope": "openid offline_access",
        "id_token_signed_response_alg": "RS256",
    }))
    .unwrap();
    let SecretFact::Verified(secret) = proof.secret else { panic!("no secret") };
    let client = proof.client.clone().unwrap();
    RegisterClient {
        client,
        metadata,
        secret: Some(secret),
        registration_token: secret,
        by: Actor::Os(0),
        edition: crate::event::Edition::CURRENT,
        initial_token: None,
        sector_document: None,
        contacts: vec![],
    }
}

fn issue(session: crate::terms::SessionId, client: ClientId, code: Digest) -> IssueCode {
    let scope = ScopeSet::parse("openid offline_access").unwrap();
    IssueCode {
        session,
        interaction: None,
        client,
        requested_scope: scope.clone(),
        scope,
        consent: ConsentFact::Given,
        code: Some(code),
        redirect_uri: None,
        code_challenge: None,
        audience: None,
        has_nonce: false,
        nonce: None,
        wishes: Default::default(),
    }
}

/// The requests that a log knows.
fn recorded(engine: &MemoryLog) -> BTreeSet<String> {
    let mut assembler = crate::log::Assembler::new();
    let frames = engine.read_from(crate::log::Position(0)).map(Result::unwrap);
    let records = frames.filter_map(|(position, frame)| assembler.push(position, &frame).unwrap());
    let corr = |leaf: Value| leaf["corr"].as_str().unwrap().to_owned();
    records.map(|record| corr(serde_json::from_slice(&record.leaf).unwrap())).collect()
}

async fn founded() -> Base {
    let (folder, engine) = (tempfile::tempdir().unwrap(), MemoryLog::new());
    let ledger = open(folder.path(), Arc::new(engine.clone())).unwrap();
    let mut told = Told::default();
    Story { ledger: &ledger, told: &mut told, client: stranger() }.found().await.unwrap();
    let site = ledger.site(&SiteName::default_site()).unwrap();
    let login = ledger.login_of(&site, "jane");
    let password = ledger.check_password(&site, &login, &Secret::new(PASSWORD.to_owned()), None).await.unwrap();
    ledger.shut_down();
    Base { folder, engine, password }
}

fn stranger() -> ClientProof {
    let secret = SecretFact::Verified(draw_secret::<64>().digest());
    ClientProof { client: Some(ClientId::from_bytes(draw_bytes())), via: Via::Post, secret, assertion: None }
}

/// Tells a story with one fault: the founding of a site, or what goes on at one. Whether it was told to its end.
async fn told_with(fault: Fault, nth: u64, base: Option<&Base>) -> bool {
    let what = format!("{fault:?} at append {nth}");
    let folder = tempfile::tempdir().unwrap();
    for file in base.into_iter().flat_map(|base| std::fs::read_dir(base.folder.path()).unwrap().map(Result::unwrap)) {
        if file.file_type().unwrap().is_file() {
            std::fs::copy(file.path(), folder.path().join(file.file_name())).unwrap();
        }
    }
    let engine = base.map_or_else(MemoryLog::new, |base| base.engine.reopen());
    engine.arm(nth, fault);
    let ledger = open(folder.path(), Arc::new(engine.clone())).unwrap();
    let mut told = Told::default();
    let mut story = Story { ledger: &ledger, told: &mut told, client: stranger() };
    let end = match base {
        Some(base) => story.go_on(base.password).await,
        None => story.found().await,
    };
    if end.is_none() {
        assert!(!story.is_anything_acknowledged().await, "{what}: something was acknowledged after the fault");
    }
    ledger.shut_down();
    drop(ledger);
    check(&what, fault, &told, folder.path(), &engine);
    end.is_some()
}

/// Holds what was told against what a restart finds.
fn check(what: &str, fault: Fault, told: &Told, data: &Path, engine: &MemoryLog) {
    let after = engine.reopen();
    let recorded = recorded(&after);
    for corr in &told.done {
        assert!(recorded.contains(&corr.to_string()), "{what}: {corr} was acknowledged and is not in the log");
    }
    let kept = told.failed.iter().filter(|corr| recorded.contains(&corr.to_string())).count();
    let kept_max = usize::from(matches!(fault, Fault::KeptButReportedLost | Fault::Torn));
    assert!(kept <= kept_max, "{what}: {kept} requests that failed are in the log");
    match open(data, Arc::new(after)) {
        Ok(again) => again.shut_down(),
        // Half a decision, which a sound engine never leaves, may be a contradiction; then it is named.
        Err(error) => assert!(fault == Fault::Torn && error.to_string().contains("position"), "{what}: {error}"),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn whichever_write_fails_nothing_acknowledged_is_missing_and_nothing_missing_acknowledged() {
    let base = founded().await;
    for (base, appends) in [(None, 4), (Some(&base), 8)] {
        for fault in FAULTS {
            let mut nth = 1;
            while !told_with(fault, nth, base).await {
                nth += 1;
                assert!(nth < APPENDS_MAX, "{fault:?}: the story has no end");
            }
            assert!(nth > appends, "{fault:?}: only {nth} appends");
        }
    }
}
