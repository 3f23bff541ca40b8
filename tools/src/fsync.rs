//! The disk reports that a sync failed, at each sync in turn: whether anything is acknowledged afterwards, how the server ends, and
//! whether the next start has everything (THREATS.md §B, F-06).

use crate::crowd::{Gone, Shared, register};
use crate::flip::copy;
use crate::flows::wire::Wire;
use crate::record;
use crate::victim::{Binary, Home, Victim, VictimError, io};
use rustix::process::{Pid, Signal, kill_process};
use std::fmt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

/// How many syncs, one run each.
#[derive(clap::Args, Clone, Debug)]
pub struct Fsync {
    /// Fail the log's 1st, 2nd, … up to this sync and all after it; and then the same for whatever is synced by whichever thread.
    #[arg(long, default_value_t = 50, value_parser = clap::value_parser!(u32).range(1..=1000))]
    calls: u32,
    /// The program whose syncs fail [default: `writ` beside this one]
    #[arg(long, value_name = "PATH")]
    writ: Option<PathBuf>,
}

/// What came of it.
#[derive(Clone, PartialEq, Eq, Default, Debug)]
pub struct Figures {
    calls: u32,
    /// Runs in which the server had not begun to listen.
    at_start: u32,
    acknowledged: usize,
    after_failure: u32,
    exits_with_3: u32,
    /// The vault was the first to fail, at the start: it says so with 7.
    refused_by_vault: u32,
    other_ends: Vec<String>,
    lost: Vec<String>,
    skipped: Option<String>,
}

/// Which syncs fail.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Aim {
    /// Those of the log's own file, by the commit thread.
    Log,
    /// Each thread's, of any file: also those of the start, the mark and the vault.
    Any,
}

/// An end that does not come by itself within this is none.
const PATIENCE: Duration = Duration::from_secs(30);

/// Runs all. Where there is no strace that may trace, says so and is content.
pub fn run(fsync: &Fsync) -> Result<Figures, VictimError> {
    let mut figures = Figures::default();
    let tried = Command::new("strace").args(["-f", "-e", "trace=none", "true"]).stdout(Stdio::null()).stderr(Stdio::null()).status();
    if !tried.is_ok_and(|status| status.success()) {
        figures.skipped = Some("there is no strace here that may trace".to_owned());
        return Ok(figures);
    }
    let directory = tempfile::tempdir().map_err(io("making a directory"))?;
    let home = Home::new(&Binary::find(fsync.writ.as_deref())?, &directory.path().join("made"))?;
    home.settle()?;
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().map_err(io("starting the runtime"))?;
    for aim in [Aim::Log, Aim::Any] {
        for call in 1..=fsync.calls {
            let data = directory.path().join(format!("{aim:?}-{call}"));
            copy(home.data(), &data).map_err(io("copying the directory"))?;
            runtime.block_on(one_run(&home.moved(&data), aim, call, &mut figures))?;
            std::fs::remove_dir_all(&data).map_err(io("removing a directory"))?;
        }
    }
    Ok(figures)
}

async fn one_run(home: &Home, aim: Aim, call: u32, figures: &mut Figures) -> Result<(), VictimError> {
    figures.calls += 1;
    let history = Shared::default();
    let mut victim = home.serve_under(&strace(home.data(), aim, call))?;
    let was_listening = tokio::task::block_in_place(|| victim.listens(PATIENCE));
    if was_listening {
        // One after the other, so each waits for a sync of its own.
        register_until_refused(home, &history, call + 20).await?;
    } else {
        figures.at_start += 1;
    }
    let what = format!("{aim:?} sync {call}");
    match end_of(&mut victim, home.data())? {
        Some(3) => figures.exits_with_3 += 1,
        Some(7) if !was_listening => figures.refused_by_vault += 1,
        Some(other) => figures.other_ends.push(format!("{what}: it ended with {other}: {}", victim.said_to_the_end())),
        None => figures.other_ends.push(format!("{what}: it did not end by itself")),
    }
    if was_listening && !home.data().join("suspect").exists() {
        figures.other_ends.push(format!("{what}: the directory is not suspect"));
    }
    history.lock().died();
    let promised = history.lock().acknowledged().to_vec();
    figures.acknowledged += promised.len();
    // With so many syncs at most so many of them can have been acknowledged; the server's own start took one, too.
    if u32::try_from(promised.len()).is_ok_and(|promised| promised >= call) {
        figures.after_failure += 1;
    }
    let mut again = home.serve()?;
    if let Err(error) = again.ready() {
        figures.lost.push(format!("{what}: the next start is refused: {error}"));
        return Ok(());
    }
    again.end()?;
    if home.data().join("suspect").exists() {
        figures.other_ends.push(format!("{what}: the directory stays suspect"));
    }
    match record::recorded(home.data()) {
        Ok(recorded) => figures.lost.extend(recorded.lost(&promised).into_iter().map(|lost| format!("{what}: {lost}"))),
        Err(error) => figures.lost.push(format!("{what}: {error}")),
    }
    Ok(())
}

/// strace counts the calls of each thread for itself.
fn strace(data: &Path, aim: Aim, call: u32) -> Vec<String> {
    let calls = if aim == Aim::Log { "fdatasync" } else { "fdatasync,fsync" };
    let mut command: Vec<String> = ["strace", "-f", "-qqq", "-o", "/dev/null"].map(str::to_owned).to_vec();
    if aim == Aim::Log {
        command.extend(["-P".to_owned(), data.join("sled/db").display().to_string()]);
    }
    command.extend(["-e".to_owned(), format!("trace={calls}"), "-e".to_owned(), format!("inject={calls}:error=EIO:when={call}+")]);
    command
}

async fn register_until_refused(home: &Home, history: &Shared, most: u32) -> Result<(), VictimError> {
    let target = home.target()?;
    let mut wire = Wire::new(&target);
    for _ in 0..most {
        let outcome = tokio::time::timeout(PATIENCE, register(&target, history, &mut wire)).await;
        if !matches!(outcome, Ok(Ok(()))) {
            let _: Result<Result<(), Gone>, _> = outcome;
            return Ok(());
        }
    }
    Ok(())
}

/// The exit code; none if it had to be killed. strace is let go only after the program that it traces.
fn end_of(victim: &mut Victim, data: &Path) -> Result<Option<i32>, VictimError> {
    if let Some(status) = victim.try_exited(PATIENCE)? {
        return Ok(status.code());
    }
    let pid = std::fs::read_to_string(data.join("lock")).ok().and_then(|pid| pid.trim().parse().ok()).and_then(Pid::from_raw);
    if let Some(pid) = pid {
        // Gone already if the lock is an old one.
        let _ = kill_process(pid, Signal::KILL);
    }
    victim.exited(PATIENCE)?;
    Ok(None)
}

impl Figures {
    /// Whether every run ended as it should.
    pub fn is_flawless(&self) -> bool {
        let is_clean = self.after_failure == 0 && self.other_ends.is_empty() && self.lost.is_empty();
        self.skipped.is_some() || (is_clean && self.acknowledged > 0 && self.exits_with_3 + self.refused_by_vault == self.calls)
    }
}

impl fmt::Display for Figures {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(why) = &self.skipped {
            return write!(f, "skipped: {why}");
        }
        self.other_ends.iter().chain(&self.lost).take(20).try_for_each(|what| writeln!(f, "{what}"))?;
        writeln!(f, "{} of the runs failed before the server listened; {} answers were promised in all", self.at_start, self.acknowledged)?;
        write!(
            f,
            "{} calls: {} acknowledged after a failed sync, {} exits with 3, {} starts refused by the vault, {} lost",
            self.calls,
            self.after_failure,
            self.exits_with_3,
            self.refused_by_vault,
            self.lost.len()
        )
    }
}
