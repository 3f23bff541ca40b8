//! A log of so many events, for later measurements. Every event is decided by Writ's own commands, folded, sealed, framed and
//! committed by its own ledger; only passwords are checked once a person and nothing is signed. The clock is one that is moved by
//! hand, so that the events lie as far apart as those of a busy server and what they rest on ends between them.

mod opening;
mod people;
mod visit;

use opening::Opening;
use people::{Population, Town};
use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;
use tokio::time::Instant;
use writ::ledger::{Clock, FrozenClock, Ledger, OpenSettings, SiteError, StartError};
use writ::log::EngineKind;
use writ::terms::Timestamp;

/// What to grow.
#[derive(clap::Args, Clone, Debug)]
pub struct Grow {
    /// At least so many events; `1000000` is a million.
    #[arg(long, default_value_t = 1_000_000, value_parser = clap::value_parser!(u64).range(1..=1_000_000_000))]
    events: u64,
    /// The data directory; it must not be there yet.
    #[arg(long, value_name = "DIR", required_unless_present = "measure_open")]
    data: Option<PathBuf>,
    /// Over so many sites.
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u16).range(1..=1000))]
    sites: u16,
    /// So many events happen in a second of the log's time; it ends about now.
    #[arg(long, default_value_t = 20, value_parser = clap::value_parser!(u64).range(1..=100_000))]
    per_second: u64,
    /// In the plain segment engine instead of sled.
    #[arg(long)]
    segment: bool,
    /// Then open it again, in a process of its own, and tell how long that takes and how much memory it has then.
    #[arg(long)]
    open: bool,
    /// Only open this data directory, and tell that.
    #[arg(long, value_name = "DIR", conflicts_with_all = ["data", "open"])]
    measure_open: Option<PathBuf>,
}

/// Why nothing grew.
#[derive(Debug, thiserror::Error)]
pub enum GrowError {
    /// Something lies there already.
    #[error("{0} is there already: a log is grown in a directory of its own")]
    Exists(PathBuf),
    /// A file or the runtime.
    #[error("the log cannot be grown: {0}")]
    Io(#[from] std::io::Error),
    /// The data directory.
    #[error(transparent)]
    Start(#[from] StartError),
    /// Writ refused what should have been accepted.
    #[error("a command of the story was refused: {0}")]
    Refused(#[from] SiteError),
    /// Something of the story is not as Writ wants it.
    #[error("the story cannot be told: {0}")]
    Story(String),
    /// The process that opens.
    #[error("the grown log could not be opened: {0}")]
    Opening(String),
}

/// What grew.
#[derive(Debug, Default)]
pub struct Grown {
    events: u64,
    took: Duration,
    bytes: u64,
    opening: Option<Opening>,
}

/// Grows, or opens what has grown.
pub fn run(grow: &Grow) -> Result<Grown, GrowError> {
    let engine = if grow.segment { EngineKind::File } else { EngineKind::Sled };
    let data = match (&grow.measure_open, &grow.data) {
        (Some(data), _) => return opening::measure(data, engine),
        (None, Some(data)) if data.exists() => return Err(GrowError::Exists(data.clone())),
        (None, Some(data)) => data,
        (None, None) => return Err(GrowError::Story("no data directory".to_owned())),
    };
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let (events, took) = runtime.block_on(grown(grow, data, engine))?;
    let opening = if grow.open { Some(opening::in_another_process(data, grow.segment)?) } else { None };
    Ok(Grown { events, took, bytes: bytes_below(&log_in(data, engine))?, opening })
}

async fn grown(grow: &Grow, data: &Path, engine: EngineKind) -> Result<(u64, Duration), GrowError> {
    let clock = FrozenClock::at(Timestamp::from_unix_seconds(beginning(grow.events / grow.per_second)));
    let settings = OpenSettings {
        directory: data.to_owned(),
        engine,
        master_key_file: None,
        clock: Some(Clock::frozen(clock.clone())),
        // The commands fail then, and with them the growing.
        outbound: Default::default(),
        on_fatal: Box::new(|_| {}),
    };
    let ledger = Ledger::open(settings)?;
    let mut towns = Vec::new();
    for n in 0..grow.sites {
        towns.push(Town::found(&ledger, n).await?);
    }
    let begun = Instant::now();
    let population = Arc::new(Population::new(ledger.clone(), towns, clock, grow.per_second, grow.events));
    let told = visit::until_grown(&population).await;
    let (took, events) = (begun.elapsed(), population.events());
    drop(population);
    let ended = tokio::task::spawn_blocking(move || ledger.shut_down()).await;
    told?;
    ended.map_err(|error| GrowError::Story(error.to_string()))?;
    Ok((events, took))
}

/// So many seconds and a day before now: the log must not end in the future of who opens it.
#[expect(clippy::disallowed_methods, reason = "a tool has no ledger to ask before it has opened one")]
fn beginning(span_seconds: u64) -> u64 {
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default().as_secs();
    now.saturating_sub(span_seconds).saturating_sub(86_400)
}

fn log_in(data: &Path, engine: EngineKind) -> PathBuf {
    data.join(match engine {
        EngineKind::Sled => "sled",
        EngineKind::File => "segment",
    })
}

/// The length of all files below a path.
fn bytes_below(path: &Path) -> Result<u64, GrowError> {
    let metadata = path.metadata()?;
    if !metadata.is_dir() {
        return Ok(metadata.len());
    }
    std::fs::read_dir(path)?.try_fold(0, |sum: u64, entry| Ok(sum.saturating_add(bytes_below(&entry?.path())?)))
}

impl Grown {
    /// Whether the log was opened, or anything grew.
    pub fn is_flawless(&self) -> bool {
        self.events > 0 || self.opening.is_some()
    }
}

impl fmt::Display for Grown {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let count = |n: u64| u32::try_from(n).map_or(f64::from(u32::MAX), f64::from);
        if self.events > 0 {
            let rate = count(self.events) / self.took.as_secs_f64().max(f64::MIN_POSITIVE);
            let each = self.bytes / self.events.max(1);
            write!(f, "{} events in {:.1} s: {rate:.0} events/s, {each} bytes an event", self.events, self.took.as_secs_f64())?;
        }
        if let Some(opening) = &self.opening {
            if self.events > 0 {
                f.write_str("; ")?;
            }
            write!(f, "{opening}")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
