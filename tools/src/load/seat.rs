//! One connection and what it needs for every workload: an app, a person who is signed in, a grant and some live tokens.

use super::workload::Workload;
use crate::flows::FlowError;
use crate::flows::client::{Client, Person, checked, metadata};
use crate::flows::target::Target;
use crate::flows::wire::{Cargo, Wire};
use writ::terms::SigningAlgorithm;

/// Takes turns at one server.
pub struct Seat {
    client: Client,
    /// The way to the metadata document.
    discovery: String,
    /// The way to the admin API's clients; none at a control server, which has none.
    registration: Option<Registration>,
    /// The grant's current refresh token.
    refresh: String,
    /// Live access tokens, each of a grant of its own.
    access: Vec<String>,
    /// Which of them is asked about next.
    next: usize,
}

struct Registration {
    wire: Wire,
    path: String,
    body: String,
}

/// So many access tokens each connection asks about in turn.
const LIVE_TOKENS: usize = 8;
const DISCOVERY: &str = "/.well-known/openid-configuration";

impl Seat {
    /// A seat at a site of Writ: registers an app and signs its person in, once.
    pub async fn at_site(target: &Target, admin: &Target, site: &str, person: Person, alg: SigningAlgorithm) -> Result<Self, FlowError> {
        let mut client = Client::register(target, person, alg.as_str()).await?;
        let mut refresh = String::new();
        let mut access = Vec::with_capacity(LIVE_TOKENS);
        for _ in 0..LIVE_TOKENS {
            let tokens = client.sign_in().await?;
            refresh = tokens.refresh;
            access.push(tokens.access);
        }
        let (path, body) = (format!("{}?site={site}", admin.path("/clients")), metadata(alg.as_str()).to_string());
        let registration = Some(Registration { wire: Wire::new(admin), path, body });
        client.wire().hang_up();
        Ok(Self { client, discovery: target.path(DISCOVERY), registration, refresh, access, next: 0 })
    }

    /// A seat at a control server, whose tokens are whatever it gives out.
    pub async fn at_control(target: &Target) -> Result<Self, FlowError> {
        let mut client = Client::unregistered(target);
        let mut refresh = "r".repeat(80);
        let mut access = Vec::with_capacity(LIVE_TOKENS);
        for _ in 0..LIVE_TOKENS {
            let tokens = client.refresh(&refresh).await?;
            refresh = tokens.refresh;
            access.push(tokens.access);
        }
        Ok(Self { client, discovery: target.path(DISCOVERY), registration: None, refresh, access, next: 0 })
    }

    /// One turn. An error is an answer that is not the right one.
    pub async fn turn(&mut self, workload: Workload) -> Result<(), FlowError> {
        match workload {
            Workload::Discovery => self.discover().await,
            Workload::Registration => self.register().await,
            Workload::CodeFlow => self.client.sign_in().await.map(drop),
            Workload::Refresh => self.rotate().await,
            Workload::Introspection => self.introspect().await,
        }
    }

    /// Ends its connections; the next turn opens them again.
    pub fn hang_up(&mut self) {
        self.client.wire().hang_up();
        if let Some(registration) = &mut self.registration {
            registration.wire.hang_up();
        }
    }

    async fn discover(&mut self) -> Result<(), FlowError> {
        let answer = self.client.wire().send(&self.discovery, &Cargo::default()).await?;
        checked(&self.discovery, &answer, 200).map(drop)
    }

    async fn register(&mut self) -> Result<(), FlowError> {
        let Some(Registration { wire, path, body }) = &mut self.registration else { return Ok(()) };
        let answer = wire.send(path, &Cargo { json: Some(body.clone()), ..Cargo::default() }).await?;
        checked(path, &answer, 201).map(drop)
    }

    async fn rotate(&mut self) -> Result<(), FlowError> {
        self.refresh = self.client.refresh(&self.refresh).await?.refresh;
        Ok(())
    }

    async fn introspect(&mut self) -> Result<(), FlowError> {
        self.next = (self.next + 1) % LIVE_TOKENS;
        match self.access.get(self.next) {
            Some(token) => self.client.introspect(token).await,
            None => Ok(()),
        }
    }
}
