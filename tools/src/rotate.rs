//! Signing keys rotate, by hand and by schedule, while clients refresh, verify with the keys they have, introspect and ask for
//! userinfo. Nothing may fail: a verifier keeps the JWK Set for as long as it may and never fetches it sooner for an unknown `kid`.

mod user;
mod verifier;

use crate::crowd::Credentials;
use crate::flows::FlowError;
use crate::flows::client::{Client, Person};
use crate::victim::{Binary, Home, Victim, VictimError, io};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::time::{Instant, sleep};
use user::User;

/// How many rotations, and under what load.
#[derive(clap::Args, Clone, Debug)]
pub struct Rotate {
    /// How often the key that signs access tokens changes: the first half by hand, the rest by the site's schedule.
    #[arg(long, default_value_t = 10, value_parser = clap::value_parser!(u16).range(1..=100))]
    rotations: u16,
    /// How many clients at once, each with a connection and its verifier with another. The algorithm of their ID tokens differs.
    #[arg(long, default_value_t = 8, value_parser = clap::value_parser!(u16).range(1..=30))]
    clients: u16,
    /// How long a new key is shown before it signs, in seconds. The JWK Set may be kept for a little less.
    #[arg(long, default_value_t = 3, value_parser = clap::value_parser!(u16).range(2..=600))]
    publish_seconds: u16,
    /// The program to ask [default: `writ` beside this one]
    #[arg(long, value_name = "PATH")]
    writ: Option<PathBuf>,
}

/// Why there are no figures.
#[derive(Debug, thiserror::Error)]
pub enum RotateError {
    /// There is nothing to ask.
    #[error("{0}")]
    Victim(#[from] VictimError),
    /// A client cannot even begin.
    #[error("{0}")]
    Flow(#[from] FlowError),
    /// A key was made and never signed.
    #[error("no new key began to sign within {} s", PATIENCE.as_secs())]
    NotRotated,
    /// A client's task ended early.
    #[error("a client of this tool broke off")]
    BrokeOff,
}

/// What came of it.
#[derive(Clone, PartialEq, Eq, Default, Debug)]
pub struct Figures {
    asked: u16,
    rotations: usize,
    requests: u64,
    failures: BTreeMap<String, u64>,
}

/// What the clients have seen so far.
#[derive(Clone, Default)]
struct Seen(Arc<Mutex<Sight>>);

#[derive(Default)]
struct Sight {
    /// The keys that signed access tokens.
    signers: BTreeSet<String>,
    requests: u64,
    failures: BTreeMap<String, u64>,
    /// Nobody begins another round.
    is_over: bool,
}

impl Seen {
    fn lock(&self) -> MutexGuard<'_, Sight> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
    fn rotations(&self) -> usize {
        self.lock().signers.len().saturating_sub(1)
    }
}

/// So long a rotation may take on a slow machine.
const PATIENCE: Duration = Duration::from_secs(120);
/// What signs the clients' ID tokens, in turn.
const ALGORITHMS: [&str; 4] = ["RS256", "EdDSA", "ES256", "PS256"];

/// Rotates to the end.
pub fn run(rotate: &Rotate) -> Result<Figures, RotateError> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().map_err(io("starting the runtime"))?;
    let folder = tempfile::tempdir().map_err(io("making a directory"))?;
    let home = Home::new(&Binary::find(rotate.writ.as_deref())?, folder.path())?;
    home.settle()?;
    set(&home, "keys.publish_seconds", rotate.publish_seconds)?;
    let mut served = home.serve()?;
    served.ready()?;
    runtime.block_on(rotated(rotate, &home, &mut served))
}

fn set(home: &Home, name: &str, seconds: u16) -> Result<(), VictimError> {
    home.writ(&["site", "set", "default", &format!("{name}={seconds}")], "")
}

async fn rotated(rotate: &Rotate, home: &Home, served: &mut Victim) -> Result<Figures, RotateError> {
    let seen = Seen::default();
    let mut running = Vec::new();
    for alg in ALGORITHMS.iter().cycle().take(rotate.clients.into()) {
        let person = Person { username: Credentials::USERNAME.to_owned(), password: Credentials::PASSWORD.to_owned() };
        let client = Client::register(&home.target()?, person, alg).await?;
        let user = User::begin(client, &home.target()?, seen.clone()).await?;
        running.push(tokio::spawn(user.go_round()));
    }
    let result = rotations(rotate, home, &seen).await;
    seen.lock().is_over = true;
    for one in running {
        one.await.map_err(|_| RotateError::BrokeOff)?;
    }
    result?;
    served.end()?;
    let rotations = seen.rotations();
    let seen = seen.lock();
    Ok(Figures { asked: rotate.rotations, rotations, requests: seen.requests, failures: seen.failures.clone() })
}

/// The first half by hand; the schedule does the rest.
async fn rotations(rotate: &Rotate, home: &Home, seen: &Seen) -> Result<(), RotateError> {
    until(seen, |seen| !seen.lock().signers.is_empty()).await?;
    let by_hand = usize::from(rotate.rotations.div_ceil(2));
    for rotation in 1..=by_hand {
        home.writ(&["keys", "rotate"], "")?;
        until(seen, |seen| seen.rotations() >= rotation).await?;
    }
    if by_hand < usize::from(rotate.rotations) {
        set(home, "keys.rotate_seconds", rotate.publish_seconds.saturating_add(3).max(5))?;
        until(seen, |seen| seen.rotations() >= usize::from(rotate.rotations)).await?;
        set(home, "keys.rotate_seconds", 0)?;
    }
    // What was verified with a set that was kept goes on for as long as such a set is kept.
    sleep(Duration::from_secs(rotate.publish_seconds.into())).await;
    Ok(())
}

async fn until(seen: &Seen, is_so: impl Fn(&Seen) -> bool) -> Result<(), RotateError> {
    let begun = Instant::now();
    while !is_so(seen) {
        if begun.elapsed() > PATIENCE {
            return Err(RotateError::NotRotated);
        }
        sleep(Duration::from_millis(50)).await;
    }
    Ok(())
}

impl Figures {
    /// Whether every rotation happened, something was asked, and nothing failed.
    pub fn is_flawless(&self) -> bool {
        self.rotations >= self.asked.into() && self.requests > 0 && self.failures.is_empty()
    }
}

impl fmt::Display for Figures {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (failure, times) in &self.failures {
            writeln!(f, "failed {times} times: {failure}")?;
        }
        let failures: u64 = self.failures.values().sum();
        write!(f, "{} rotations, {} requests, {failures} failures", self.rotations, self.requests)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failure_or_a_rotation_too_few_is_no_success() {
        let mut figures = Figures { asked: 10, rotations: 10, requests: 5, failures: BTreeMap::new() };
        assert!(figures.is_flawless());
        assert_eq!(figures.to_string(), "10 rotations, 5 requests, 0 failures");
        figures.rotations = 9;
        assert!(!figures.is_flawless());
        figures.rotations = 10;
        figures.failures.insert("the kid is unknown".to_owned(), 2);
        assert!(!figures.is_flawless() && figures.to_string().starts_with("failed 2 times: the kid is unknown\n"));
        assert!(figures.to_string().ends_with("10 rotations, 5 requests, 2 failures"));
        assert!(!Figures::default().is_flawless(), "nothing was asked");
    }
}
