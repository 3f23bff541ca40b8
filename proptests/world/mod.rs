//! A whole server in process, without a socket: a ledger in a directory of its own, its routes, and those who use it.

mod admin;
mod app;
mod browser;
mod log_view;
mod template;
mod wire;

pub use admin::Admin;
pub use app::{App, AppKind, Tokens};
pub use browser::{Authorized, Browser, CodeInHand, Wish};
pub use log_view::{decisions, records, states};
pub use wire::{Reply, claims};

use bytes::Bytes;
use http::Request;
use http_body_util::Full;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use writ::event::{Edition, Profile};
use writ::http::context::Context;
use writ::http::peer::{Connection, TrustedProxies};
use writ::http::{AllowedHosts, Door, DoorSettings, routes};
use writ::ledger::{Clock, FrozenClock, Ledger, OpenSettings, Site};
use writ::log::EngineKind;
use writ::terms::{Actor, Role, Secret, SiteName, Timestamp, UserId};
use writ::vault::PasswordText;

/// The host of every site.
pub const HOST: &str = "op.test";
/// When the frozen clock begins: 2026-11-21T12:00:00Z.
const NOON: u64 = 1_795_262_400;

/// A running server.
pub struct World {
    pub ledger: Ledger,
    /// Moves the time; none when the machine's clock is used.
    pub clock: Option<FrozenClock>,
    pub people: Vec<Person>,
    /// Every answer, in the order of their ends, with the path that was asked.
    answers: Mutex<Vec<(String, Reply)>>,
    door: Door,
    engine: EngineKind,
    directory: PathBuf,
    /// The directory goes with the server, unless somebody else keeps it.
    temporary: Option<tempfile::TempDir>,
}

/// Someone with an account.
#[derive(Clone, Serialize, Deserialize)]
pub struct Person {
    pub site: SiteName,
    pub username: String,
    pub password: String,
    pub user: UserId,
}

impl World {
    /// A new server without sites.
    pub fn new(engine: EngineKind, clock: Option<FrozenClock>) -> Self {
        let temporary = tempfile::tempdir().unwrap();
        let world = Self::at(temporary.path(), engine, clock);
        Self { temporary: Some(temporary), ..world }
    }
    /// A server with a frozen clock and these sites, one person each and a second one at the first.
    pub async fn with_sites(engine: EngineKind, names: &[&str]) -> Self {
        let (template, people) = template::of(engine, names).await;
        let temporary = tempfile::tempdir().unwrap();
        template::copy(&template, temporary.path());
        let world = Self::at(temporary.path(), engine, Some(frozen()));
        Self { people, temporary: Some(temporary), ..world }
    }
    /// A server on this directory, which stays.
    pub fn at(directory: &Path, engine: EngineKind, clock: Option<FrozenClock>) -> Self {
        let ledger = open_ledger(directory, engine, clock.clone());
        let ids = ledger.clone();
        let settings = DoorSettings::new(AllowedHosts::from_iter([HOST]), TrustedProxies::default(), Arc::new(move || ids.request_id()));
        let door = Door::new(settings, routes::public(Context { ledger: ledger.clone() }));
        Self {
            ledger,
            clock,
            people: Vec::new(),
            answers: Mutex::default(),
            door,
            engine,
            directory: directory.to_owned(),
            temporary: None,
        }
    }
    /// Ends the server in order and starts it again on the same directory.
    pub fn reopened(self) -> Self {
        let Self { ledger, clock, people, answers, door, engine, directory, temporary } = self;
        ledger.shut_down();
        drop(door);
        drop(ledger);
        Self { people, temporary, answers, ..Self::at(&directory, engine, clock) }
    }
    pub async fn add_site(&mut self, name: &str, profile: Profile) {
        let issuer = format!("https://{HOST}/oauth2/{name}");
        self.ledger.create_site(&name.parse().unwrap(), issuer, profile, name.to_owned(), Actor::Os(0)).await.unwrap();
    }
    pub async fn add_person(&mut self, site: &str, username: &str) -> Person {
        let password = format!("open {username}");
        let text = PasswordText::parse_new(&Secret::new(password.clone())).unwrap();
        let claims = Map::from_iter([("email".to_owned(), Value::from(format!("{username}@example.org")))]);
        let (site, by) = (self.site(site), Actor::Os(0));
        let request = self.ledger.own_request();
        let user = self.ledger.create_user(&site, username, Some(text), Role::Users, claims, by, request).await.unwrap();
        let person = Person { site: site.name().clone(), username: username.to_owned(), password, user };
        self.people.push(person.clone());
        person
    }
    /// The site of this name.
    #[track_caller]
    pub fn site(&self, name: &str) -> Arc<Site> {
        self.ledger.site(&name.parse().unwrap()).unwrap()
    }
    /// Lets this time pass.
    pub fn advance(&self, seconds: u64) {
        self.clock.as_ref().expect("only a frozen clock can be moved").advance_seconds(seconds);
    }
    /// Sets the wall clock back, so little that the server follows it. Where it would go back too far altogether, nothing happens.
    pub fn set_back(&self, seconds: u64) {
        let clock = self.clock.as_ref().expect("only a frozen clock can be moved");
        let (wall, reached) = (clock.now().minus_seconds(seconds), self.ledger.now());
        if reached.seconds_since(wall) < 60 {
            clock.set(wall);
        }
    }
    /// Does what an administrator can do. A refusal is an answer too.
    pub async fn administer<C: writ::command::Decide>(&self, site: &str, command: C) -> bool {
        self.ledger.carry_out(&self.site(site), command, self.ledger.own_request()).await.is_ok()
    }
    /// Sets flags of a site.
    pub async fn configure(&self, site: &str, flags: &[(&str, Value)]) {
        let change: Map<_, _> = flags.iter().map(|(name, value)| ((*name).to_owned(), value.clone())).collect();
        self.administer(site, writ::command::ConfigureSite { change: change.clone(), edition: Edition::CURRENT, by: Actor::Os(0) }).await;
        let settings = self.site(site).read(|state| serde_json::to_value(&state.site.as_ref().unwrap().settings).unwrap());
        assert!(change.iter().all(|(name, value)| settings.get(name) == Some(value)), "{settings}");
    }
    /// Sends one request over TLS from the address of a reader at home.
    pub async fn send(&self, request: Request<Full<Bytes>>) -> Reply {
        self.send_from(IpAddr::from([192, 0, 2, 7]), request).await
    }
    /// Sends one request over TLS from this address.
    pub async fn send_from(&self, remote: IpAddr, request: Request<Full<Bytes>>) -> Reply {
        let connection = Connection::Tcp { remote, tls: true, loopback_listener: false };
        let path = request.uri().path().to_owned();
        let reply = Reply::of(self.door.answer(connection, request).await.unwrap()).await;
        self.answers.lock().unwrap().push((path, reply.clone()));
        reply
    }
    /// Every answer so far, with the path that was asked.
    pub fn answers(&self) -> Vec<(String, Reply)> {
        self.answers.lock().unwrap().clone()
    }
    /// Where the log, the vault and the keys are.
    pub fn directory(&self) -> &Path {
        &self.directory
    }
}

/// A clock that stands where every story begins.
pub fn frozen() -> FrozenClock {
    FrozenClock::at(Timestamp::from_unix_seconds(NOON))
}

/// Opens the directory as a start of the server would.
fn open_ledger(directory: &Path, engine: EngineKind, clock: Option<FrozenClock>) -> Ledger {
    let settings = OpenSettings {
        directory: directory.to_owned(),
        engine,
        master_key_file: None,
        clock: clock.map(Clock::frozen),
        outbound: Default::default(),
        on_fatal: Box::new(|fatal| eprintln!("the log stopped: {fatal}")),
    };
    Ledger::open(settings).unwrap()
}
