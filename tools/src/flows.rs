//! A small load: each client registers, signs its person in once, and then goes round: authorize, redeem, refresh, introspect.

pub(crate) mod client;
mod figures;
pub(crate) mod page;
pub(crate) mod target;
#[cfg(test)]
pub(crate) mod tests;
pub(crate) mod wire;

pub use figures::Figures;

use client::{Client, Person};
use std::time::Duration;
use target::Target;
use tokio::time::Instant;

/// What to run, and against what.
#[derive(clap::Args, Clone, Debug)]
pub struct Flows {
    /// The site's issuer, on loopback.
    #[arg(long, default_value = "http://127.0.0.1:9080/oauth2/default")]
    issuer: String,
    /// A person of the site.
    #[arg(long)]
    username: String,
    /// Their password; better given by the environment, which other users of the machine cannot read.
    #[arg(long, env = "WRIT_TOOL_PASSWORD", hide_env_values = true)]
    password: String,
    /// How many clients at once, each with one connection. The server takes 64 connections from an address.
    #[arg(long, default_value_t = 8, value_parser = clap::value_parser!(u16).range(1..=60))]
    clients: u16,
    /// How long, in seconds.
    #[arg(long, default_value_t = 10, value_parser = clap::value_parser!(u16).range(1..=600))]
    seconds: u16,
    /// Refreshes after each redemption; an introspection follows each.
    #[arg(long, default_value_t = 4, value_parser = clap::value_parser!(u16).range(0..=100))]
    refreshes: u16,
}

/// Why there are no figures.
#[derive(Debug, thiserror::Error)]
pub enum FlowError {
    /// The address is refused: these tools load nobody else's machine.
    #[error("{0} is not an http address on this machine's loopback")]
    NotLoopback(String),
    /// The runtime did not start.
    #[error("the runtime cannot be started: {0}")]
    Runtime(#[from] std::io::Error),
    /// The connection failed.
    #[error("{0}")]
    Wire(#[from] wire::WireError),
    /// The server answered something that the flow cannot go on with.
    #[error("{at} was answered with {status}: {body}")]
    Answer {
        /// Method and path.
        at: String,
        /// The status.
        status: u16,
        /// The beginning of the body.
        body: String,
    },
}

/// Runs the load to its end. The first client that cannot even register or sign in ends it all.
pub fn run(flows: &Flows) -> Result<Figures, FlowError> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    runtime.block_on(load(flows))
}

async fn load(flows: &Flows) -> Result<Figures, FlowError> {
    let target = Target::parse(&flows.issuer)?;
    let person = Person { username: flows.username.clone(), password: flows.password.clone() };
    let mut clients = Vec::new();
    for _ in 0..flows.clients {
        let mut client = Client::register(&target, person.clone(), "RS256").await?;
        client.round(0, &mut Figures::default()).await?;
        clients.push(client);
    }
    let begun = Instant::now();
    let until = begun + Duration::from_secs(flows.seconds.into());
    let running: Vec<_> = clients.into_iter().map(|client| tokio::spawn(go_round(client, flows.refreshes, until))).collect();
    let mut all = Figures::default();
    for one in running {
        all.add(one.await.unwrap_or_else(|_| Figures::panicked()));
    }
    all.took = begun.elapsed();
    Ok(all)
}

/// A round that fails is counted, and the next one begins after a pause, so that a server in trouble is not also hammered.
async fn go_round(mut client: Client, refreshes: u16, until: Instant) -> Figures {
    let mut figures = Figures::default();
    while Instant::now() < until {
        if let Err(error) = client.round(refreshes, &mut figures).await {
            figures.failed(&error);
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
    }
    figures
}
