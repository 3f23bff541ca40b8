//! kill −9, again and again: under load, and twice while it starts; and whether everything that was acknowledged is still so.

use crate::crowd::Crowd;
use crate::record::{self, RecordError};
use crate::victim::{Binary, Home, VictimError, io};
use fastrand::Rng;
use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

/// How often, and how wild.
#[derive(clap::Args, Clone, Debug)]
pub struct Torture {
    /// Rounds of three kills: one under load, two during the start that follows.
    #[arg(long, default_value_t = 300, value_parser = clap::value_parser!(u32).range(1..=100_000))]
    cycles: u32,
    /// How many clients at once, each with a browser.
    #[arg(long, default_value_t = 8, value_parser = clap::value_parser!(u16).range(1..=32))]
    clients: u16,
    /// Where chance begins; a run says its own.
    #[arg(long)]
    seed: Option<u64>,
    /// The program to kill [default: `writ` beside this one]
    #[arg(long, value_name = "PATH")]
    writ: Option<PathBuf>,
}

/// Why there are no figures.
#[derive(Debug, thiserror::Error)]
pub enum TortureError {
    /// There is nothing to kill.
    #[error("{0}")]
    Victim(#[from] VictimError),
    /// The log cannot be read any more: everything is lost.
    #[error("cycle {cycle}: the log is refused after a kill: {error}")]
    Refused {
        /// Which.
        cycle: u32,
        /// Why.
        error: RecordError,
    },
}

/// What came of it.
#[derive(Clone, PartialEq, Eq, Default, Debug)]
pub struct Figures {
    seed: u64,
    cycles: u32,
    kills: u32,
    at_start: u32,
    operations: u64,
    acknowledged: usize,
    events: usize,
    lost: Vec<String>,
    unexplained: Vec<String>,
}

/// So many cycles share a data directory, so that the log grows and old answers are asked for again.
const CYCLES_OF_HOME: u32 = 50;

/// Runs to the end; stops early only if the log is refused or the machine is.
pub fn run(torture: &Torture) -> Result<Figures, TortureError> {
    let binary = Binary::find(torture.writ.as_deref())?;
    let mut rng = Rng::with_seed(torture.seed.unwrap_or_else(|| fastrand::u64(..)));
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().map_err(io("starting the runtime"))?;
    let mut figures = Figures { seed: rng.get_seed(), ..Figures::default() };
    while figures.cycles < torture.cycles && figures.is_flawless_so_far() {
        let directory = tempfile::tempdir().map_err(io("making a directory"))?;
        let home = Home::new(&binary, &directory.path().join("data"))?;
        home.settle()?;
        let crowd = Crowd::new(&home.target()?, torture.clients, &mut rng);
        let until = torture.cycles.min(figures.cycles + CYCLES_OF_HOME);
        runtime.block_on(one_home(&home, crowd, until, &mut rng, &mut figures))?;
    }
    Ok(figures)
}

/// Cycles in one directory: live, kill, start and kill twice, read the log, start, ask.
async fn one_home(home: &Home, mut crowd: Crowd, until: u32, rng: &mut Rng, figures: &mut Figures) -> Result<(), TortureError> {
    let history = crowd.history();
    let mut victim = home.serve()?;
    victim.ready()?;
    let (mut lost, mut unexplained) = (Vec::new(), Vec::new());
    while figures.cycles < until && lost.is_empty() && unexplained.is_empty() {
        figures.cycles += 1;
        let life = Duration::from_millis(rng.u64(1..=500));
        let killing = async {
            tokio::time::sleep(life).await;
            tokio::task::block_in_place(|| victim.kill())
        };
        let (_, killed) = tokio::join!(crowd.live(), killing);
        killed?;
        for _ in 0..2 {
            let mut starting = home.serve()?;
            // Half of them before it listens on a fast machine, and some in the first moments.
            let most = if rng.bool() { 300 } else { 60 };
            tokio::time::sleep(Duration::from_millis(rng.u64(0..=most))).await;
            starting.kill()?;
        }
        figures.kills += 3;
        figures.at_start += 2;
        let cycle = figures.cycles;
        let recorded = record::recorded(home.data()).map_err(|error| TortureError::Refused { cycle, error })?;
        {
            let history = history.lock();
            lost = recorded.lost(history.acknowledged());
            unexplained = recorded.doubles();
            let unanswered = recorded.unanswered(history.all_told());
            if unanswered > history.cut_off() {
                unexplained.push(format!("{unanswered} requests are in the log unanswered, but {} were cut off", history.cut_off()));
            }
        }
        victim = home.serve()?;
        victim.ready()?;
        crowd.look().await;
        unexplained.extend(history.lock().unexplained());
        figures.events = recorded.events;
    }
    victim.end()?;
    // What the questions themselves were answered is held against the log, too.
    let cycle = figures.cycles;
    let recorded = record::recorded(home.data()).map_err(|error| TortureError::Refused { cycle, error })?;
    let history = history.lock();
    lost.extend(recorded.lost(history.acknowledged()));
    lost.sort();
    lost.dedup();
    figures.operations += history.answered();
    figures.acknowledged += history.acknowledged().len();
    figures.lost.extend(lost.into_iter().map(|what| format!("cycle {cycle}: {what}")));
    figures.unexplained.extend(unexplained.into_iter().map(|what| format!("cycle {cycle}: {what}")));
    Ok(())
}

impl Figures {
    /// Whether nothing was lost and everything is explained.
    pub fn is_flawless(&self) -> bool {
        self.is_flawless_so_far() && self.acknowledged > 0
    }
    fn is_flawless_so_far(&self) -> bool {
        self.lost.is_empty() && self.unexplained.is_empty()
    }
}

impl fmt::Display for Figures {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.lost.iter().chain(&self.unexplained).take(20).try_for_each(|what| writeln!(f, "{what}"))?;
        writeln!(f, "seed {}; the last log held {} events", self.seed, self.events)?;
        write!(
            f,
            "{} cycles, {} kills ({} during start-up), {} operations, {} acknowledged, {} acknowledged lost, {} unexplained",
            self.cycles,
            self.kills,
            self.at_start,
            self.operations,
            self.acknowledged,
            self.lost.len(),
            self.unexplained.len()
        )
    }
}
