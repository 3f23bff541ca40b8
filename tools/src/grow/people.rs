//! Who takes part: sites, their people and their apps, and the time that passes with the events.

use super::GrowError;
use serde_json::{Map, json};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use writ::command::{ClientProof, PasswordFact, RegisterClient, SecretFact, Via};
use writ::event::{ClientMetadata, Profile};
use writ::ledger::{FrozenClock, Ledger, Site, draw_bytes, draw_secret};
use writ::terms::{Actor, ClientId, Digest, Role, Secret, SiteName};
use writ::vault::PasswordText;

/// A site with its people and apps.
pub struct Town {
    pub site: Arc<Site>,
    pub people: Vec<Person>,
    pub apps: Vec<ClientProof>,
}

/// A person whose password was checked once.
#[derive(Clone, Copy)]
pub struct Person {
    pub login: Digest,
    pub password: PasswordFact,
}

const PEOPLE: usize = 4;
const APPS: usize = 4;
/// What the apps may ask for.
pub const SCOPE: &str = "openid profile offline_access launch/patient patient/Observation.rs";

impl Town {
    /// The site of this number, with everybody.
    pub async fn found(ledger: &Ledger, number: u16) -> Result<Self, GrowError> {
        let text = if number == 0 { "default".to_owned() } else { format!("site-{number}") };
        let name: SiteName = text.parse().map_err(|error| GrowError::Story(format!("{error}")))?;
        let issuer = format!("http://127.0.0.1:9080/oauth2/{name}");
        let site = ledger.create_site(&name, issuer, Profile::Standard, "Grown".to_owned(), Actor::Server).await?;
        let mut town = Self { site, people: Vec::new(), apps: Vec::new() };
        for n in 0..PEOPLE {
            town.people.push(town.person(ledger, n).await?);
        }
        for n in 0..APPS {
            town.apps.push(town.app(ledger, n).await?);
        }
        Ok(town)
    }

    async fn person(&self, ledger: &Ledger, n: usize) -> Result<Person, GrowError> {
        let (username, secret) = (format!("person-{n}"), draw_secret::<16>());
        let password = PasswordText::parse_new(&Secret::new(secret.expose().to_owned()));
        let password = password.map_err(|error| GrowError::Story(error.to_string()))?;
        let mut claims = Map::new();
        claims.insert("name".to_owned(), json!(format!("Person {n} Park")));
        claims.insert("email".to_owned(), json!(format!("{username}@example.org")));
        let request = ledger.own_request();
        ledger.create_user(&self.site, &username, Some(password), Role::Users, claims, Actor::Server, request).await?;
        let login = ledger.login_of(&self.site, &username);
        let password = ledger.check_password(&self.site, &login, &secret, None).await;
        Ok(Person { login, password: password.map_err(|failure| GrowError::Story(failure.to_string()))? })
    }

    async fn app(&self, ledger: &Ledger, n: usize) -> Result<ClientProof, GrowError> {
        let metadata = json!({
            "application_type": "web", "client_name": format!("App {n}"), "redirect_uris": ["https://app.example.org/callback"],
            "token_endpoint_auth_method": "client_secret_basic", "grant_types": ["authorization_code", "refresh_token"],
            "response_types": ["code"], "scope": SCOPE, "id_token_signed_response_alg": "RS256",
        });
        let metadata: ClientMetadata = serde_json::from_value(metadata).map_err(|error| GrowError::Story(error.to_string()))?;
        let (client, secret) = (ClientId::from_bytes(draw_bytes()), draw_secret::<64>().digest());
        let registration_token = draw_secret::<32>().digest();
        let (by, contacts) = (Actor::Server, vec!["it@example.org".to_owned()]);
        let command = RegisterClient {
            client: client.clone(),
            metadata,
            secret: Some(secret),
            registration_token,
            by,
            edition: writ::event::Edition::CURRENT,
            initial_token: None,
            sector_document: None,
            contacts,
        };
        ledger.register_client(&self.site, command, ledger.own_request()).await?;
        Ok(ClientProof { client: Some(client), via: Via::Basic, secret: SecretFact::Verified(secret), assertion: None })
    }
}

/// All towns and their time.
pub struct Population {
    pub ledger: Ledger,
    pub towns: Vec<Town>,
    clock: FrozenClock,
    per_second: u64,
    wanted: u64,
    /// Commands that were carried out; time passes with them.
    acts: AtomicU64,
    /// Seconds that have passed.
    seconds: AtomicU64,
    /// Which visit is the next.
    visits: AtomicU64,
}

impl Population {
    /// Everybody, and how much is to happen.
    pub fn new(ledger: Ledger, towns: Vec<Town>, clock: FrozenClock, per_second: u64, wanted: u64) -> Self {
        let zero = || AtomicU64::new(0);
        Self { ledger, towns, clock, per_second, wanted, acts: zero(), seconds: zero(), visits: zero() }
    }
    /// So many events happen in a second.
    pub fn per_second(&self) -> u64 {
        self.per_second
    }
    /// How many events there are, the server's own apart.
    pub fn events(&self) -> u64 {
        self.towns.iter().map(|town| town.site.durable().events).sum()
    }
    /// The number of the next visit; none when enough has happened.
    pub fn next_visit(&self) -> Option<u64> {
        (self.events() < self.wanted).then(|| self.visits.fetch_add(1, Ordering::Relaxed))
    }
    /// A command of about so many events was carried out: as much time passes as they take.
    pub fn happened(&self, events: u64) {
        let acts = self.acts.fetch_add(events, Ordering::Relaxed) + events;
        let due = acts / self.per_second;
        let before = self.seconds.fetch_max(due, Ordering::Relaxed);
        if due > before {
            self.clock.advance_seconds(due - before);
        }
    }
}
