//! A whole server in process, without a socket: a ledger in a directory of its own, its routes, and those who use it.

mod app;
mod browser;
mod log_view;
mod wire;

pub use app::{App, AppKind, Tokens};
pub use browser::{Authorized, Browser, CodeInHand, Wish};
pub use log_view::{decisions, records, states};
pub use wire::{Reply, query_of};

use bytes::Bytes;
use http::Request;
use http_body_util::Full;
use serde_json::{Map, Value};
use std::net::IpAddr;
use std::path::Path;
use std::sync::Arc;
use writ::event::Profile;
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
    door: Door,
    engine: EngineKind,
    directory: tempfile::TempDir,
}

/// Someone with an account.
#[derive(Clone)]
pub struct Person {
    pub site: SiteName,
    pub username: String,
    pub password: String,
    pub user: UserId,
}

impl World {
    /// A new server without sites.
    pub fn new(engine: EngineKind, clock: Option<FrozenClock>) -> Self {
        Self::open(tempfile::tempdir().unwrap(), engine, clock, Vec::new())
    }
    /// A server with a frozen clock and these sites, one person each.
    pub async fn with_sites(engine: EngineKind, names: &[&str]) -> Self {
        let mut world = Self::new(engine, Some(FrozenClock::at(Timestamp::from_unix_seconds(NOON))));
        for name in names {
            world.add_site(name, Profile::Openemr).await;
            world.add_person(name, &format!("alice.{name}")).await;
        }
        world
    }
    fn open(directory: tempfile::TempDir, engine: EngineKind, clock: Option<FrozenClock>, people: Vec<Person>) -> Self {
        let ledger = open_ledger(directory.path(), engine, clock.clone());
        let ids = ledger.clone();
        let settings = DoorSettings::new(AllowedHosts::from_iter([HOST]), TrustedProxies::default(), Arc::new(move || ids.request_id()));
        let door = Door::new(settings, routes::public(Context { ledger: ledger.clone() }));
        Self { ledger, clock, people, door, engine, directory }
    }
    /// Ends the server in order and starts it again on the same directory.
    pub fn reopened(self) -> Self {
        let Self { ledger, clock, people, door, engine, directory } = self;
        ledger.shut_down();
        drop(door);
        drop(ledger);
        Self::open(directory, engine, clock, people)
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
    /// Does what an administrator can do. A refusal is an answer too.
    pub async fn administer<C: writ::command::Decide>(&self, site: &str, command: C) -> bool {
        self.ledger.carry_out(&self.site(site), command, self.ledger.own_request()).await.is_ok()
    }
    /// Sets flags of a site.
    pub async fn configure(&self, site: &str, flags: &[(&str, Value)]) {
        let change = flags.iter().map(|(name, value)| ((*name).to_owned(), value.clone())).collect();
        assert!(self.administer(site, writ::command::ConfigureSite { change, by: Actor::Os(0) }).await);
    }
    /// Sends one request over TLS from the address of a reader at home.
    pub async fn send(&self, request: Request<Full<Bytes>>) -> Reply {
        let remote = IpAddr::from([192, 0, 2, 7]);
        let connection = Connection::Tcp { remote, tls: true, loopback_listener: false };
        Reply::of(self.door.answer(connection, request).await.unwrap()).await
    }
}

/// Opens the directory as a start of the server would.
pub fn open_ledger(directory: &Path, engine: EngineKind, clock: Option<FrozenClock>) -> Ledger {
    let settings = OpenSettings {
        directory: directory.to_owned(),
        engine,
        master_key_file: None,
        clock: clock.map(Clock::frozen),
        on_fatal: Box::new(|fatal| eprintln!("the log stopped: {fatal}")),
    };
    Ledger::open(settings).unwrap()
}
