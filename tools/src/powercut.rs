//! The power goes: a file system of our own under the real server forgets what was not synced, or keeps parts of it; and whether
//! everything that was acknowledged is still there.

mod disk;
#[cfg(target_os = "linux")]
mod mounted;
#[cfg(target_os = "linux")]
mod store;

use crate::victim::VictimError;
use std::fmt;
use std::path::PathBuf;

/// How often, and with what file system.
#[derive(clap::Args, Clone, Debug)]
pub struct Powercut {
    /// Cuts that drop all that was not synced.
    #[arg(long, default_value_t = 100, value_parser = clap::value_parser!(u32).range(0..=100_000))]
    cuts: u32,
    /// Cuts that keep some sectors of it.
    #[arg(long, default_value_t = 100, value_parser = clap::value_parser!(u32).range(0..=100_000))]
    torn: u32,
    /// Let the file system answer our own sync of the log without doing it: then events must be lost, or this tool is blind.
    #[arg(long)]
    without_fdatasync: bool,
    /// How many clients at once, each with a browser.
    #[arg(long, default_value_t = 6, value_parser = clap::value_parser!(u16).range(1..=32))]
    clients: u16,
    /// Where chance begins; a run says its own.
    #[arg(long)]
    seed: Option<u64>,
    /// The program under which the power goes [default: `writ` beside this one]
    #[arg(long, value_name = "PATH")]
    writ: Option<PathBuf>,
}

/// What came of it.
#[derive(Clone, PartialEq, Eq, Default, Debug)]
pub struct Figures {
    seed: u64,
    cuts: u32,
    torn: u32,
    /// Cuts while a store was made, and while the server started.
    early: u32,
    acknowledged: usize,
    lost: Vec<String>,
    unopenable: Vec<String>,
    unexplained: Vec<String>,
    is_deaf: bool,
    skipped: Option<String>,
}

/// Runs all cuts. Where no file system can be mounted, says so and is content.
#[cfg(target_os = "linux")]
pub fn run(powercut: &Powercut) -> Result<Figures, VictimError> {
    store::run(powercut)
}

/// Runs nothing: FUSE is mounted on Linux only.
#[cfg(not(target_os = "linux"))]
pub fn run(_: &Powercut) -> Result<Figures, VictimError> {
    Ok(Figures { skipped: Some("this is not Linux".to_owned()), ..Figures::default() })
}

impl Figures {
    /// Whether nothing was lost; or, without our sync, whether that was noticed.
    pub fn is_flawless(&self) -> bool {
        let is_whole = self.lost.is_empty() && self.unopenable.is_empty() && self.unexplained.is_empty();
        self.skipped.is_some() || is_whole != self.is_deaf
    }
}

impl fmt::Display for Figures {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(why) = &self.skipped {
            return write!(f, "skipped: no file system can be mounted here ({why})");
        }
        self.unopenable.iter().chain(&self.lost).chain(&self.unexplained).take(20).try_for_each(|what| writeln!(f, "{what}"))?;
        writeln!(f, "seed {}; {} of the cuts while a store was made or a server started", self.seed, self.early)?;
        if self.is_deaf {
            writeln!(f, "our own sync of the log was switched off: what follows must not be flawless")?;
        }
        write!(
            f,
            "{} cuts + {} torn: {} acknowledged, {} lost, {} unopenable, {} unexplained",
            self.cuts,
            self.torn,
            self.acknowledged,
            self.lost.len(),
            self.unopenable.len(),
            self.unexplained.len()
        )
    }
}
