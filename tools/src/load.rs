//! How much a server on this machine does, how long it takes, and what it costs, against control servers that do the least that any
//! server must. Whoever is compared is measured by turns within one run, so the ratios hold on a noisy machine; the figures
//! themselves are of this machine at this hour.

mod held;
mod process;
mod report;
mod sample;
mod seat;
mod served;
#[cfg(test)]
mod tests;
mod workload;

pub use process::{Memory, Process};
pub use report::Report;
pub use seat::Seat;
pub use workload::Workload;

use crate::control::Alg;
use crate::flows::FlowError;
use held::Held;
use process::ProcessError;
use report::{Row, Who};
use sample::measure;
use served::Served;
use std::path::PathBuf;
use std::time::Duration;
use writ::terms::SigningAlgorithm;

/// What to measure, and how long.
#[derive(clap::Args, Clone, Debug)]
pub struct Load {
    /// What is asked of the server; all if left out. May be given several times.
    #[arg(long = "workload", value_name = "NAME", value_enum)]
    workloads: Vec<Workload>,
    /// How long each server is measured at each workload, in seconds, all rounds together.
    #[arg(long, default_value_t = 10, value_parser = clap::value_parser!(u16).range(1..=3600))]
    seconds: u16,
    /// In so many rounds, each server in turn.
    #[arg(long, default_value_t = 3, value_parser = clap::value_parser!(u16).range(1..=100))]
    rounds: u16,
    /// How many keep-alive connections, each with one request at a time. The server takes 64 from an address.
    #[arg(long, default_value_t = 32, value_parser = clap::value_parser!(u16).range(1..=60))]
    connections: u16,
    /// What signs access tokens and ID tokens; both if left out. May be given twice.
    #[arg(long = "alg", value_name = "ALG", value_enum)]
    algs: Vec<Alg>,
    /// The `writ` to measure; the one beside this program if left out. Of several, each is held against the first.
    #[arg(long = "writ", value_name = "PATH")]
    writs: Vec<PathBuf>,
    /// Leave the control servers out.
    #[arg(long)]
    no_controls: bool,
    /// Where the data directories are made, for its disk counts; the system's temporary directory if left out.
    #[arg(long, value_name = "DIR")]
    directory: Option<PathBuf>,
    /// Tell the figures as NDJSON.
    #[arg(long)]
    json: bool,
}

/// Why there are no figures.
#[derive(Debug, thiserror::Error)]
pub enum LoadError {
    /// A file, a process or the runtime.
    #[error("the load cannot be run: {0}")]
    Io(#[from] std::io::Error),
    /// The binary under test refused.
    #[error("writ {what} failed: {why}")]
    Writ {
        /// The command.
        what: String,
        /// What it said.
        why: String,
    },
    /// A control server did not start.
    #[error("the control server {0} did not start")]
    Control(String),
    /// An answer without which the load cannot begin.
    #[error(transparent)]
    Flow(#[from] FlowError),
    /// The process under test cannot be looked at.
    #[error(transparent)]
    Process(#[from] ProcessError),
    /// The figures cannot be kept.
    #[error("the figures cannot be kept: {0}")]
    Histogram(String),
    /// A connection's task ended early.
    #[error("a connection of this tool broke off")]
    BrokeOff,
}

/// Before each measurement.
const WARM_UP: Duration = Duration::from_millis(500);

/// Runs the load to its end.
pub fn run(load: &Load) -> Result<Report, LoadError> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    runtime.block_on(measured(load))
}

/// A server and the connections to it, for one algorithm.
struct Subject {
    who: Who,
    alg: SigningAlgorithm,
    process: Process,
    seats: Vec<Seat>,
}

async fn measured(load: &Load) -> Result<Report, LoadError> {
    let workloads = if load.workloads.is_empty() { Workload::ALL.to_vec() } else { load.workloads.clone() };
    let algs = algorithms(&load.algs);
    let mut report = Report { as_json: load.json, ..Report::default() };
    // Both lists keep the processes alive to the end.
    let (mut served, mut held) = (Vec::new(), Vec::new());
    let mut subjects = Vec::new();
    for (name, binary) in binaries(load)? {
        let mut one = Served::start(&binary, &below(load), &algs, load.connections).await?;
        let process = one.process();
        let sites = std::mem::take(&mut one.sites);
        if sites.len() < algs.len() {
            report.notes.push(format!("{name} has no setting access_token.alg: its access tokens are measured with RS256 only"));
        }
        subjects.extend(sites.into_iter().map(|(alg, seats)| Subject { who: Who::Writ(name.clone()), alg, process, seats }));
        served.push(one);
    }
    if !load.no_controls {
        for (kind, alg) in controls(&workloads, &algs) {
            let mut one = Held::start(kind, Alg(alg), &below(load), load.connections).await?;
            let (process, seats) = (one.process(), std::mem::take(&mut one.seats));
            subjects.push(Subject { who: Who::Control(kind), alg, process, seats });
            held.push(one);
        }
    }
    for _ in 0..load.rounds {
        for workload in &workloads {
            round(load, *workload, &algs, &mut subjects, &mut report).await?;
        }
    }
    Ok(report)
}

/// Every server that has to do with the workload, one after the other.
async fn round(
    load: &Load,
    workload: Workload,
    algs: &[SigningAlgorithm],
    subjects: &mut [Subject],
    report: &mut Report,
) -> Result<(), LoadError> {
    let time = Duration::from_secs(load.seconds.into()) / u32::from(load.rounds);
    let wanted = if workload.is_signed() { algs } else { algs.get(..1).unwrap_or_default() };
    for alg in wanted {
        for subject in subjects.iter_mut().filter(|subject| subject.alg == *alg && takes_part(&subject.who, workload)) {
            let sample = measure(&mut subject.seats, workload, WARM_UP, time, subject.process).await?;
            let (who, alg) = (subject.who.clone(), workload.is_signed().then_some(*alg));
            match report.rows.iter_mut().find(|row| row.workload == workload && row.alg == alg && row.who == who) {
                Some(row) => row.samples.push(sample),
                None => report.rows.push(Row { workload, alg, who, samples: vec![sample] }),
            }
        }
    }
    Ok(())
}

fn takes_part(who: &Who, workload: Workload) -> bool {
    match who {
        Who::Writ(_) => true,
        Who::Control(kind) => workload.controls().contains(kind),
    }
}

/// Of those that are measured, RS256 first, each once.
fn algorithms(asked: &[Alg]) -> Vec<SigningAlgorithm> {
    let measured = <Alg as clap::ValueEnum>::value_variants().iter();
    measured.filter(|alg| asked.is_empty() || asked.contains(alg)).map(|alg| alg.0).collect()
}

/// The control servers that these workloads need, each once.
fn controls(workloads: &[Workload], algs: &[SigningAlgorithm]) -> Vec<(crate::control::Kind, SigningAlgorithm)> {
    let mut all = Vec::new();
    for alg in algs {
        for kind in workloads.iter().flat_map(|workload| workload.controls()) {
            if !all.contains(&(*kind, *alg)) {
                all.push((*kind, *alg));
            }
        }
    }
    all
}

/// The binaries to measure and what they are called in the report.
fn binaries(load: &Load) -> Result<Vec<(String, PathBuf)>, LoadError> {
    match load.writs.as_slice() {
        [] => Ok(vec![("writ".to_owned(), std::env::current_exe()?.with_file_name("writ"))]),
        [only] => Ok(vec![("writ".to_owned(), only.clone())]),
        several => Ok((1..).zip(several).map(|(n, path)| (format!("writ-{n}"), path.clone())).collect()),
    }
}

fn below(load: &Load) -> PathBuf {
    load.directory.clone().unwrap_or_else(std::env::temp_dir)
}
