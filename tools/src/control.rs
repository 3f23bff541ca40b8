//! Control servers: the least that any server must do for a request, step by step, over the same HTTP stack and with the same keys as
//! Writ. What Writ takes beyond them is what recording, deciding and answering strictly cost.
//!
//! `parse` reads the request and answers a constant of the same size. `sign` also signs the tokens of the answer, or verifies the
//! token asked about. `append` also writes a record of a refresh and answers when a sync, shared by all that wait, has returned.

mod answers;
mod journal;
mod server;
mod signer;

use journal::Journal;
use signer::Signer;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use tokio::net::TcpListener;
use warp::filters::BoxedFilter;
use warp::reply::Response;
use writ::terms::SigningAlgorithm;

/// Which control server to be.
#[derive(clap::Args, Clone, Debug)]
pub struct Control {
    /// How much of the work is done.
    #[arg(long, value_enum)]
    kind: Kind,
    /// What signs.
    #[arg(long, value_enum, default_value = "RS256")]
    alg: Alg,
    /// Where what is appended goes; the system's temporary directory if left out.
    #[arg(long, value_name = "DIR")]
    directory: Option<PathBuf>,
    /// Length of a record.
    #[arg(long, default_value_t = 600, value_parser = clap::value_parser!(u32).range(1..=65_536))]
    record_bytes: u32,
}

/// How much of the work a control server does.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, clap::ValueEnum)]
pub enum Kind {
    /// Reads the request and answers.
    Parse,
    /// And signs, or verifies.
    Sign,
    /// And appends, durably.
    Append,
}

impl Kind {
    /// Its name on the command line.
    pub fn name(self) -> &'static str {
        match self {
            Self::Parse => "parse",
            Self::Sign => "sign",
            Self::Append => "append",
        }
    }
}

/// A signature algorithm as an argument.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Alg(pub SigningAlgorithm);

impl Alg {
    /// Its name on the command line.
    pub fn name(self) -> &'static str {
        self.0.as_str()
    }
}

impl clap::ValueEnum for Alg {
    fn value_variants<'a>() -> &'a [Self] {
        &[Self(SigningAlgorithm::Rs256), Self(SigningAlgorithm::EdDsa)]
    }
    fn to_possible_value(&self) -> Option<clap::builder::PossibleValue> {
        Some(clap::builder::PossibleValue::new(self.name()))
    }
}

/// Why it does not serve.
#[derive(Debug, thiserror::Error)]
pub enum ControlError {
    /// The socket, the file or the runtime.
    #[error("the control server cannot run: {0}")]
    Io(#[from] std::io::Error),
    /// The key.
    #[error("there is no key to sign with: {0}")]
    Key(String),
}

/// Serves on a free port of loopback, which it tells as its first line, until its input ends.
pub fn run(control: &Control) -> Result<(), ControlError> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    runtime.block_on(served(control))
}

#[expect(clippy::print_stdout, reason = "whoever starts it learns the address from its first line")]
async fn served(control: &Control) -> Result<(), ControlError> {
    let below = control.directory.clone().unwrap_or_else(std::env::temp_dir);
    let folder = tempfile::Builder::new().prefix("writ-control-").tempdir_in(below)?;
    let routes = routes(control.kind, control.alg.0, folder.path(), control.record_bytes)?;
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    println!("listening on {}", listener.local_addr()?);
    tokio::select! {
        () = server::serve(listener, routes) => {}
        // An error is an end too.
        _ = tokio::task::spawn_blocking(|| std::io::copy(&mut std::io::stdin(), &mut std::io::sink())) => {}
    }
    Ok(())
}

/// The routes of a control server that keeps its key and its journal in this folder.
fn routes(kind: Kind, alg: SigningAlgorithm, folder: &Path, record_bytes: u32) -> Result<BoxedFilter<(Response,)>, ControlError> {
    let signer = Arc::new(Signer::new(alg, folder)?);
    let journal = Journal::open(&folder.join("journal"))?;
    let record_bytes = usize::try_from(record_bytes).unwrap_or(usize::MAX);
    Ok(answers::Answers::new(kind, signer, journal, record_bytes)?.routes())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::flows::target::Target;
    use crate::load::{Seat, Workload};
    use clap::ValueEnum;

    #[tokio::test(flavor = "multi_thread")]
    async fn each_kind_answers_as_the_load_expects_and_only_the_last_appends() {
        for (kind, Alg(alg)) in Kind::value_variants().iter().flat_map(|kind| Alg::value_variants().iter().map(move |alg| (*kind, *alg))) {
            let folder = tempfile::tempdir().unwrap();
            let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
            let target = Target::parse(&format!("http://{}/oauth2/control", listener.local_addr().unwrap())).unwrap();
            let server = tokio::spawn(server::serve(listener, routes(kind, alg, folder.path(), 600).unwrap()));
            let mut seat = Seat::at_control(&target).await.unwrap();
            let before = std::fs::metadata(folder.path().join("journal")).unwrap().len();
            for workload in [Workload::Discovery, Workload::Refresh, Workload::Introspection] {
                seat.turn(workload).await.unwrap();
            }
            let after = std::fs::metadata(folder.path().join("journal")).unwrap().len();
            assert_eq!(after - before, if kind == Kind::Append { 600 } else { 0 }, "{kind:?}");
            server.abort();
        }
    }
}
