//! Playing a story against a server.

use super::step::{Administration, Ask, Bend, Setting, Step};
use crate::world::{App, AppKind, Authorized, Browser, CodeInHand, Person, Reply, Tokens, Wish, World};
use http::Method;
use serde_json::{Value, json};
use writ::command::{ChangeClient, ChangeUser, ClientChange, ConfigureClient, TakesOver, UserChange};
use writ::terms::{Actor, Digest, Secret, SigningAlgorithm};
use writ::vault::PasswordText;

/// A server and all that its users hold in their hands.
pub struct Story {
    pub world: World,
    pub sites: Vec<String>,
    pub apps: Vec<App>,
    pub browsers: Vec<Browser>,
    /// Every code ever handed out, and to which app.
    pub codes: Vec<(usize, CodeInHand)>,
    /// Every answer with tokens, and to which app.
    pub tokens: Vec<(usize, Tokens)>,
    /// Every password that was guessed.
    pub guesses: Vec<String>,
    /// Every answer of the server, in order.
    pub replies: Vec<(String, Reply)>,
}

/// Scopes that apps register or ask for.
const SCOPES: [&str; 10] = [
    App::SCOPE,
    "openid offline_access",
    "openid email online_access patient/Observation.read",
    "patient/Observation.read",
    "openid email profile",
    "openid user/Patient.read offline_access",
    "openid patient/*.rs api:fhir api:pofh",
    "openid patient/Observation.r patient/Observation.rs?category=a|b patient/Patient.* online_access",
    "openid user/*.cruds patient/Patient.s api:oemr",
    "openid system/Patient.rs system/Observation.r",
];

impl Story {
    /// A story about to begin: each site has one app and one person.
    pub async fn begin(world: World, sites: &[&str]) -> Self {
        let mut apps = Vec::new();
        for site in sites {
            let on = [("password_grant", "both".into()), ("authorize.implicit", true.into()), ("authorize.hybrid", true.into())];
            world.configure(site, &on).await;
            let app = App::at_front(&world, site, AppKind::Basic, App::SCOPE).await;
            world.administer(site, lets_take_passwords(&app, true)).await;
            apps.push(app);
        }
        let sites = sites.iter().map(|site| (*site).to_owned()).collect();
        let browsers = vec![Browser::default(); 2];
        Self { world, sites, apps, browsers, codes: Vec::new(), tokens: Vec::new(), guesses: Vec::new(), replies: Vec::new() }
    }

    pub async fn play(&mut self, steps: &[Step]) {
        for step in steps {
            self.step(step).await;
        }
    }

    async fn step(&mut self, step: &Step) {
        match step.clone() {
            Step::Register { site, kind, scope } => self.register(site, kind, scope).await,
            Step::Update { app, token, scope } => self.update(app, token, scope).await,
            Step::Unregister { app } => self.unregister(app).await,
            Step::Authorize { app, browser, scope, ask, right_password } => self.authorize(app, browser, scope, ask, right_password).await,
            Step::GuessPassword { person, times } => self.guess(person, times).await,
            Step::Redeem { code, bend } => self.redeem(code, bend).await,
            Step::Refresh { tokens, app, scope, forged } => self.refresh(tokens, app, scope, forged).await,
            Step::GrantToApp { app, scope } => self.grant_to_app(app, scope).await,
            Step::SendPassword { app, person, scope, right, bare } => self.send_password(app, person, scope, right, bare).await,
            Step::Introspect { tokens, app, refresh } => self.introspect(tokens, app, refresh).await,
            Step::Userinfo { tokens, site } => {
                let Some((_, tokens)) = from_end(&self.tokens, tokens) else { return };
                let reply = App::userinfo(&self.world, self.site_name(site), &tokens.access).await;
                self.note("userinfo", reply);
            }
            Step::Revoke { tokens, app, refresh } => self.revoke(tokens, app, refresh).await,
            Step::SignOut { browser, site, hint, everywhere } => self.sign_out(browser, site, hint, everywhere).await,
            Step::Administer { site, what } => self.administer(site, what).await,
            Step::Advance { seconds } => self.world.advance(seconds),
            Step::SetBack { seconds } => self.world.set_back(seconds),
            Step::Tell => {
                self.world.ledger.tell_tallies(true).await.unwrap();
                self.world.ledger.deliver_due_logouts().await;
            }
        }
    }

    fn note(&mut self, what: &str, reply: Reply) -> &Reply {
        assert!(reply.status < 500, "{what} was answered with {}: {}", reply.status, reply.text());
        self.replies.push((what.to_owned(), reply));
        &self.replies[self.replies.len() - 1].1
    }

    async fn register(&mut self, site: u8, kind: AppKind, scope: u8) {
        let site = pick(&self.sites, site).clone();
        let reply = App::register(&self.world, &site, kind, scope_of(scope)).await;
        let app = App::of(&site, kind, self.note("registration", reply));
        self.apps.extend(app);
    }

    async fn update(&mut self, app: u8, token: u8, scope: u8) {
        let at = usize::from(app) % self.apps.len();
        let app = &self.apps[at];
        let token = from_end(&app.registration_tokens, token % 4).unwrap();
        let reply = app.manage(&self.world, Method::PUT, token, app.new_metadata(scope_of(scope), "B app")).await;
        let new = self.note("update", reply).member("registration_access_token");
        self.apps[at].registration_tokens.extend(new);
    }

    async fn unregister(&mut self, app: u8) {
        // Those that the story began with stay: a story without apps is over.
        let Some(app) = from_end(&self.apps[self.sites.len()..], app) else { return };
        let token = app.registration_tokens.last().unwrap();
        let reply = app.manage(&self.world, Method::DELETE, token, json!({})).await;
        self.note("delete", reply);
    }

    async fn authorize(&mut self, app: u8, browser: u8, scope: u8, ask: Ask, right_password: bool) {
        let at = usize::from(app) % self.apps.len();
        let app = &self.apps[at];
        let person = self.person_of(&app.site, browser);
        let mut wish = wish(ask);
        wish.scope = scope_of(scope / 2).to_owned();
        if !right_password {
            let guess = format!("guess-{}", self.guesses.len());
            self.guesses.push(guess.clone());
            wish.password = Some(guess);
        }
        let count = self.browsers.len();
        let browser = &mut self.browsers[usize::from(browser) % count];
        match browser.authorize(&self.world, app, &person, &wish).await {
            Authorized::Code(code) => self.codes.push((at, code)),
            Authorized::Front(code, tokens) => {
                self.codes.extend(code.map(|code| (at, code)));
                self.tokens.push((at, tokens));
            }
            Authorized::Error(_) => {}
            Authorized::Page(reply) => drop(self.note("authorize", reply)),
        }
    }

    /// Types wrong passwords where the first app of the person's site sends them.
    async fn guess(&mut self, person: u8, times: u8) {
        let person = pick(&self.world.people, person).clone();
        let Some(app) = self.apps.iter().find(|app| app.site == person.site.as_str()) else { return };
        for n in 0..times {
            let guess = format!("guess-{}", self.guesses.len());
            self.guesses.push(guess.clone());
            let person = Person { username: spelled(&person.username, n), ..person.clone() };
            let wish = Wish { password: Some(guess), ..Wish::default() };
            let answered = Browser::default().authorize(&self.world, app, &person, &wish).await;
            assert!(!matches!(answered, Authorized::Code(_)), "a guessed password gave a code");
        }
    }

    async fn redeem(&mut self, code: u8, bend: Bend) {
        let Some((owner, code)) = from_end(&self.codes, code).cloned() else { return };
        let (mut app, mut redeemer) = (self.apps[owner].clone(), owner);
        let mut site = app.site.clone();
        let mut pairs = vec![("grant_type", "authorization_code")];
        let mut text = code.code.clone();
        let mut verifier = code.verifier.clone();
        let mut redirect_uri = code.redirect_uri.clone();
        match bend {
            Bend::Nothing => {}
            Bend::OtherApp(other) => {
                redeemer = usize::from(other) % self.apps.len();
                app = self.apps[redeemer].clone();
                site = app.site.clone();
            }
            Bend::OtherSite => site = self.sites.iter().find(|other| **other != site).unwrap_or(&site).clone(),
            Bend::WrongSecret => app.secret = Some("wrong".to_owned()),
            Bend::WrongVerifier => verifier = Some("w".repeat(43)),
            Bend::NoVerifier => verifier = None,
            Bend::WrongRedirectUri => redirect_uri = Some(App::OTHER_REDIRECT_URI.to_owned()),
            Bend::NoRedirectUri => redirect_uri = None,
            Bend::MadeUpCode => text = "c".repeat(43),
        }
        pairs.push(("code", &text));
        pairs.extend(verifier.as_deref().map(|verifier| ("code_verifier", verifier)));
        pairs.extend(redirect_uri.as_deref().map(|uri| ("redirect_uri", uri)));
        let reply = app.post_at(&self.world, &site, "token", &pairs).await;
        let tokens = Tokens::of(self.note("redeem", reply));
        self.tokens.extend(tokens.map(|tokens| (redeemer, tokens)));
    }

    async fn refresh(&mut self, tokens: u8, app: Option<u8>, scope: u8, forged: bool) {
        let refreshing: Vec<_> = self.tokens.iter().filter_map(|(owner, tokens)| Some((*owner, tokens.refresh.clone()?))).collect();
        let Some((owner, mut refresh)) = from_end(&refreshing, tokens).cloned() else { return };
        if forged {
            refresh.replace_range(60..61, if &refresh[60..61] == "A" { "B" } else { "A" });
        }
        let by = app.map_or(owner, |app| usize::from(app) % self.apps.len());
        let mut pairs = vec![("grant_type", "refresh_token"), ("refresh_token", refresh.as_str())];
        if scope < 64 {
            pairs.push(("scope", scope_of(scope)));
        }
        let reply = self.apps[by].post(&self.world, "token", &pairs).await;
        let tokens = Tokens::of(self.note("refresh", reply));
        self.tokens.extend(tokens.map(|tokens| (by, tokens)));
    }

    async fn grant_to_app(&mut self, app: u8, scope: u8) {
        let at = usize::from(app) % self.apps.len();
        let mut pairs = vec![("grant_type", "client_credentials")];
        if scope < 128 {
            pairs.push(("scope", scope_of(scope)));
        }
        let reply = self.apps[at].post(&self.world, "token", &pairs).await;
        let tokens = Tokens::of(self.note("client_credentials", reply));
        self.tokens.extend(tokens.map(|tokens| (at, tokens)));
    }

    /// A bare app leaves its secret out.
    async fn send_password(&mut self, app: u8, person: u8, scope: u8, right: bool, bare: bool) {
        let at = usize::from(app) % self.apps.len();
        let app = match bare {
            true => App { kind: AppKind::Public, ..self.apps[at].clone() },
            false => self.apps[at].clone(),
        };
        let person = self.person_of(&app.site, person);
        let guess = format!("guess-{}", self.guesses.len());
        let mut pairs = vec![("grant_type", "password"), ("username", person.username.as_str()), ("scope", scope_of(scope))];
        match right {
            true => pairs.push(("password", &person.password)),
            false => {
                self.guesses.push(guess.clone());
                pairs.push(("password", &guess));
            }
        }
        let reply = app.post(&self.world, "token", &pairs).await;
        assert!(right || reply.status != 200, "a guessed password gave tokens");
        let tokens = Tokens::of(self.note("password", reply));
        self.tokens.extend(tokens.map(|tokens| (at, tokens)));
    }

    async fn introspect(&mut self, tokens: u8, app: u8, refresh: bool) {
        let Some((owner, tokens)) = from_end(&self.tokens, tokens) else { return };
        let text = tokens.refresh.as_ref().filter(|_| refresh).unwrap_or(&tokens.access);
        let by = if app < 192 { &self.apps[*owner] } else { pick(&self.apps, app) };
        let reply = by.introspect(&self.world, text).await;
        self.note("introspect", reply);
    }

    async fn revoke(&mut self, tokens: u8, app: Option<u8>, refresh: bool) {
        let Some((owner, tokens)) = from_end(&self.tokens, tokens) else { return };
        let text = tokens.refresh.as_ref().filter(|_| refresh).unwrap_or(&tokens.access);
        let by = app.map_or(&self.apps[*owner], |app| pick(&self.apps, app));
        let reply = by.revoke(&self.world, text).await;
        self.note("revoke", reply);
    }

    async fn sign_out(&mut self, browser: u8, site: u8, hint: Option<u8>, everywhere: bool) {
        let hint = hint.and_then(|hint| from_end(&self.tokens, hint)).and_then(|(owner, tokens)| Some((*owner, tokens.id.clone()?)));
        let site = hint.as_ref().map_or(pick(&self.sites, site), |(owner, _)| &self.apps[*owner].site).clone();
        let count = self.browsers.len();
        let browser = &mut self.browsers[usize::from(browser) % count];
        let reply = browser.sign_out(&self.world, &site, hint.as_ref().map(|(_, id)| id.as_str()), everywhere).await;
        self.note("logout", reply);
    }

    async fn administer(&mut self, site: u8, what: Administration) {
        use Administration::*;
        let by = Actor::Os(0);
        let at = |apps: &[App], app: u8| (pick(apps, app).site.clone(), pick(apps, app).id.parse().unwrap());
        match what {
            DisableClient(app) | EnableClient(app) | ApproveClient(app) | RotateSecret(app) => {
                let (site, client) = at(&self.apps, app);
                let change = client_change(what);
                let done = self.world.administer(&site, ChangeClient { client, change, by, presented_token: None }).await;
                if let (ClientChange::RotateSecret(_), true) = (change, done) {
                    let at = usize::from(app) % self.apps.len();
                    self.apps[at].secret = Some(NEW_SECRET.to_owned());
                }
            }
            DisableUser(person) | EnableUser(person) | UnlockUser(person) => {
                let person = pick(&self.world.people, person);
                let command = ChangeUser { user: person.user, change: user_change(what), by };
                self.world.administer(person.site.as_str(), command).await;
            }
            SetPassword(person) => {
                let at = usize::from(person) % self.world.people.len();
                let (person, request) = (self.world.people[at].clone(), self.world.ledger.own_request());
                let text = PasswordText::parse_new(&Secret::new("another password".to_owned())).unwrap();
                let site = self.world.site(person.site.as_str());
                if self.world.ledger.set_password(&site, person.user, text, by, request).await.is_ok() {
                    self.world.people[at].password = "another password".to_owned();
                }
            }
            EraseUser(person) => {
                let (person, request) = (pick(&self.world.people, person), self.world.ledger.own_request());
                let site = self.world.site(person.site.as_str());
                drop(self.world.ledger.erase_user(&site, person.user, by, request).await);
            }
            WithdrawConsent(person, app) => {
                let (site, client) = at(&self.apps, app);
                let user = self.person_of(&site, person).user;
                self.world.administer(&site, writ::command::WithdrawConsent { user, client, by }).await;
            }
            LetTakePasswords(app, on) => {
                let app = pick(&self.apps, app).clone();
                self.world.administer(&app.site, lets_take_passwords(&app, on)).await;
            }
            LetLeaveOutSecret(app, on) => {
                let app = pick(&self.apps, app).clone();
                let grants = if on { json!(["password", "refresh"]) } else { json!([]) };
                self.world.administer(&app.site, configures(&app, "legacy_secretless", grants)).await;
            }
            Configure(setting) => {
                let (name, value) = flag(setting);
                let change = [(name.to_owned(), value)].into_iter().collect();
                self.world
                    .administer(self.site_name(site), writ::command::ConfigureSite { change, edition: writ::event::Edition::CURRENT, by })
                    .await;
            }
            RotateKey(at_once) => {
                let (site, request) = (self.world.site(self.site_name(site)), self.world.ledger.own_request());
                let (alg, takes_over) = match at_once {
                    true => (SigningAlgorithm::Rs256, TakesOver::AtOnce),
                    false => (SigningAlgorithm::EdDsa, TakesOver::WhenShown),
                };
                self.world.ledger.generate_key(&site, alg, takes_over, by, request).await.unwrap();
            }
            TendKeys => self.world.ledger.tend_keys(&self.world.site(self.site_name(site))).await.unwrap(),
            RetireKey(key) => {
                let (site, request) = (self.world.site(self.site_name(site)), self.world.ledger.own_request());
                let kids: Vec<_> = site.read(|state| state.keys.iter().map(|key| key.kid).collect());
                drop(self.world.ledger.retire_key(&site, *pick(&kids, key), true, by, request).await);
            }
        }
    }

    fn site_name(&self, n: u8) -> &str {
        pick(&self.sites, n).as_str()
    }

    /// Each browser belongs to one person of a site, as long as there are enough.
    pub fn person_of(&self, site: &str, browser: u8) -> Person {
        let people: Vec<_> = self.world.people.iter().filter(|person| person.site.as_str() == site).collect();
        pick(&people, browser).to_owned().clone()
    }
}

const NEW_SECRET: &str = "a secret from the administrator";

/// What an administrator lets an app do besides.
fn configures(app: &App, name: &str, value: Value) -> ConfigureClient {
    let change = [(name.to_owned(), value)].into_iter().collect();
    ConfigureClient { client: app.id.parse().unwrap(), change, edition: writ::event::Edition::CURRENT, by: Actor::Os(0) }
}

fn lets_take_passwords(app: &App, on: bool) -> ConfigureClient {
    let all = json!(["authorization_code", "client_credentials", "password"]);
    configures(app, "grant_types", if on { all } else { json!(["authorization_code", "client_credentials"]) })
}

fn client_change(what: Administration) -> ClientChange {
    match what {
        Administration::EnableClient(_) => ClientChange::Enable,
        Administration::ApproveClient(_) => ClientChange::Approve,
        Administration::RotateSecret(_) => ClientChange::RotateSecret(Digest::of(NEW_SECRET.as_bytes())),
        _ => ClientChange::Disable,
    }
}

fn user_change(what: Administration) -> UserChange {
    match what {
        Administration::EnableUser(_) => UserChange::Enable,
        Administration::UnlockUser(_) => UserChange::Unlock,
        _ => UserChange::Disable,
    }
}

fn flag(setting: Setting) -> (&'static str, Value) {
    match setting {
        Setting::CodeSeconds(seconds) => ("code_seconds", seconds.into()),
        Setting::AccessSeconds(seconds) => ("access_seconds", seconds.into()),
        Setting::RefreshSeconds(seconds) => ("refresh_seconds", seconds.into()),
        Setting::RefreshAbsoluteSeconds(seconds) => ("refresh_absolute_seconds", seconds.into()),
        Setting::RetrySeconds(seconds) => ("refresh_retry_seconds", seconds.into()),
        Setting::RetryPublicSeconds(seconds) => ("refresh_retry_public_seconds", seconds.into()),
        Setting::SessionIdleSeconds(seconds) => ("session_idle_seconds", seconds.into()),
        Setting::PkceForAll(on) => ("pkce.require_all", on.into()),
        Setting::KeysRotateSeconds(seconds) => ("keys.rotate_seconds", seconds.into()),
        Setting::KeysPublishSeconds(seconds) => ("keys.publish_seconds", seconds.into()),
        Setting::AccessTokenEdDsa(on) => ("access_token.alg", if on { "EdDSA" } else { "RS256" }.into()),
        Setting::PasswordGrant(n) => ("password_grant", (*pick(&["off", "users", "patient", "both", "both"], n)).into()),
        Setting::SystemScopes(on) => ("system_scopes", on.into()),
        Setting::ManualApproval(on) => ("app_approval", if on { "manual" } else { "auto_patient" }.into()),
    }
}

fn wish(ask: Ask) -> Wish {
    let right = Wish::default();
    match ask {
        Ask::Rightly => right,
        Ask::WithNonce => Wish { nonce: Some("n-0S6_WzA2Mj".to_owned()), ..right },
        Ask::WithoutPkce => Wish { pkce: false, ..right },
        Ask::WithoutRedirectUri => Wish { redirect_uri: None, ..right },
        Ask::ForOtherAddress => Wish { redirect_uri: Some(App::OTHER_REDIRECT_URI.to_owned()), ..right },
        Ask::Silently => Wish { prompt: Some("none"), ..right },
        Ask::AnewWithPassword => Wish { prompt: Some("login"), ..right },
        Ask::AnewWithConsent => Wish { prompt: Some("consent"), ..right },
        Ask::AndIsDenied => Wish { allows: false, prompt: Some("consent"), ..right },
        Ask::AtFront(response_type) => Wish { response_type, nonce: Some("n-0S6_WzA2Mj".to_owned()), ..right },
        Ask::AndGetsLess => Wish { without: Some("offline_access".to_owned()), ..right },
    }
}

/// The same name, written another way.
fn spelled(username: &str, n: u8) -> String {
    match n % 3 {
        0 => username.to_owned(),
        1 => username.to_uppercase(),
        _ => format!(" {username} "),
    }
}

fn scope_of(n: u8) -> &'static str {
    SCOPES[usize::from(n) % SCOPES.len()]
}

fn pick<T>(from: &[T], n: u8) -> &T {
    &from[usize::from(n) % from.len()]
}

fn from_end<T>(from: &[T], n: u8) -> Option<&T> {
    let n = usize::from(n).checked_rem(from.len())?;
    from.iter().rev().nth(n)
}
