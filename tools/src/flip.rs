//! Bits flipped, files cut off, emptied, removed or put back, one damage at a time: whether it is harmless, refused or said.

mod damage;
mod secrets;
mod trial;

pub use damage::copy;

use crate::crowd::Crowd;
use crate::record::{self, RecordError};
use crate::victim::{Binary, Home, VictimError, io};
use damage::{Class, Sound};
use fastrand::Rng;
use std::collections::BTreeMap;
use std::fmt;
use std::path::{Path, PathBuf};
use std::time::Duration;
use trial::{Known, Outcome};
use writ::terms::SiteName;

/// How often, and of what.
#[derive(clap::Args, Clone, Debug)]
pub struct Flip {
    /// Damages, each to a fresh copy of a directory that real clients made.
    #[arg(long, default_value_t = 5000, value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    flips: u32,
    /// How many at once [default: one a processor]
    #[arg(long, value_parser = clap::value_parser!(u16).range(1..=64))]
    jobs: Option<u16>,
    /// Where chance begins; a run says its own.
    #[arg(long)]
    seed: Option<u64>,
    /// The program that opens the copies [default: `writ` beside this one]
    #[arg(long, value_name = "PATH")]
    writ: Option<PathBuf>,
}

/// Why there are no figures.
#[derive(Debug, thiserror::Error)]
pub enum FlipError {
    /// There is nothing to damage.
    #[error("{0}")]
    Victim(#[from] VictimError),
    /// The undamaged log is not read.
    #[error("the log cannot be read before anything was damaged: {0}")]
    Record(#[from] RecordError),
    /// The undamaged vault is not read.
    #[error("the vault cannot be read before anything was damaged: {0}")]
    Vault(#[from] writ::vault::VaultError),
    /// A thread of this tool broke off.
    #[error("a thread of this tool broke off")]
    Broken,
}

/// What came of it.
#[derive(Default, Debug)]
pub struct Figures {
    seed: u64,
    events: usize,
    by_class: BTreeMap<Class, Counts>,
    told: Vec<String>,
    sentences: BTreeMap<String, u32>,
}

#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
struct Counts {
    harmless: u32,
    said: u32,
    refused: u32,
    silent: u32,
    panics: u32,
    hangs: u32,
}

/// So many answers are in the directory before it is copied as the old one, and as many again after it.
const ANSWERS: u64 = 150;

/// Makes a directory, and tries all damages to copies of it.
pub fn run(flip: &Flip) -> Result<Figures, FlipError> {
    let memory = Path::new("/dev/shm");
    let builder = tempfile::Builder::new();
    let directory = if memory.is_dir() { builder.tempdir_in(memory) } else { builder.tempdir() }.map_err(io("making a directory"))?;
    let mut rng = Rng::with_seed(flip.seed.unwrap_or_else(|| fastrand::u64(..)));
    let mut figures = Figures { seed: rng.get_seed(), ..Figures::default() };
    let home = Home::new(&Binary::find(flip.writ.as_deref())?, &directory.path().join("made"))?;
    let bases = make(&home, directory.path(), &mut rng)?;
    figures.events = bases.killed.records.len();
    let jobs = flip.jobs.map_or_else(|| std::thread::available_parallelism().map_or(1, usize::from), usize::from);
    let jobs = u32::try_from(jobs).unwrap_or(1);
    let parts: Vec<Result<Figures, FlipError>> = std::thread::scope(|scope| {
        let start = |job: u32, mut rng: Rng| {
            let (home, bases, path) = (&home, &bases, directory.path().join(format!("trial-{job}")));
            let trials = flip.flips / jobs + u32::from(job < flip.flips % jobs);
            scope.spawn(move || try_all(home, bases, &path, trials, &mut rng))
        };
        let running: Vec<_> = (0..jobs).map(|job| start(job, rng.fork())).collect();
        running.into_iter().map(|job| job.join().unwrap_or(Err(FlipError::Broken))).collect()
    });
    for part in parts {
        figures.add(part?);
    }
    Ok(figures)
}

/// The same directory after a clean end and after a kill.
struct Bases {
    clean: Known,
    killed: Known,
}

fn make(home: &Home, root: &Path, rng: &mut Rng) -> Result<Bases, FlipError> {
    home.settle()?;
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().map_err(io("starting the runtime"))?;
    let mut crowd = Crowd::new(&home.target()?, 4, rng);
    runtime.block_on(use_until_killed(home, &mut crowd, ANSWERS))?;
    end_cleanly(home)?;
    let [old, killed, clean] = ["old", "killed", "clean"].map(|name| root.join(name));
    copy(home.data(), &old).map_err(io("copying the directory"))?;
    home.writ(&["user", "add", "--username", "bob", "--password-stdin"], "another horse battery staple")?;
    runtime.block_on(use_until_killed(home, &mut crowd, 2 * ANSWERS))?;
    copy(home.data(), &killed).map_err(io("copying the directory"))?;
    end_cleanly(home)?;
    copy(home.data(), &clean).map_err(io("copying the directory"))?;
    Ok(Bases { clean: known(clean, &old, root)?, killed: known(killed, &old, root)? })
}

async fn use_until_killed(home: &Home, crowd: &mut Crowd, answers: u64) -> Result<(), VictimError> {
    let mut victim = home.serve()?;
    victim.ready()?;
    let history = crowd.history();
    let killing = async {
        while history.lock().answered() < answers {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        tokio::task::block_in_place(|| victim.kill())
    };
    let (_, killed) = tokio::join!(crowd.live(), killing);
    killed
}

fn end_cleanly(home: &Home) -> Result<(), VictimError> {
    let mut victim = home.serve()?;
    victim.ready()?;
    victim.end().map(drop)
}

fn known(path: PathBuf, old: &Path, root: &Path) -> Result<Known, FlipError> {
    let sites = vec![SiteName::server(), SiteName::default_site()];
    let copied = root.join("read");
    copy(&path, &copied).map_err(io("copying the directory"))?;
    let records = record::records_in_place(&copied)?;
    let secrets = secrets::secrets(&copied, &sites)?;
    std::fs::remove_dir_all(&copied).map_err(io("removing a copy"))?;
    let sound = Sound::at(path, old.to_owned()).map_err(io("reading the directory"))?;
    Ok(Known { sound, records, secrets, sites })
}

fn try_all(home: &Home, bases: &Bases, path: &Path, trials: u32, rng: &mut Rng) -> Result<Figures, FlipError> {
    std::fs::create_dir(path).map_err(io("making a directory"))?;
    let mut figures = Figures::default();
    let mut done = 0;
    while done < trials {
        let class = class(rng);
        let base = if class == Class::BitNearTheTail || rng.bool() { &bases.killed } else { &bases.clean };
        let Some(damage) = base.sound.damage(class, rng) else { continue };
        let Some(outcome) = base.attempt(home, &damage, path)? else { continue };
        figures.count(class, &damage.to_string(), outcome);
        done += 1;
    }
    Ok(figures)
}

/// Half of all near the tail; of the rest, most are bits.
fn class(rng: &mut Rng) -> Class {
    match rng.u8(..20) {
        0..10 => Class::BitNearTheTail,
        10..15 => Class::BitAnywhere,
        15 => Class::CutOff,
        16 | 17 => Class::Zeroed,
        18 => Class::Missing,
        _ => Class::Old,
    }
}

impl Figures {
    /// Whether everything was harmless, refused or said.
    pub fn is_flawless(&self) -> bool {
        let all = self.all();
        all.silent + all.panics + all.hangs == 0 && all.harmless + all.refused > 0
    }
    fn all(&self) -> Counts {
        self.by_class.values().fold(Counts::default(), |all, counts| all.plus(*counts))
    }
    fn count(&mut self, class: Class, damage: &str, outcome: Outcome) {
        let counts = self.by_class.entry(class).or_default();
        match outcome {
            Outcome::Harmless => counts.harmless += 1,
            Outcome::Said(_) => counts.said += 1,
            Outcome::Refused(sentence) => {
                counts.refused += 1;
                let shape: String = sentence.chars().filter(|c| !c.is_ascii_digit()).take(90).collect();
                *self.sentences.entry(shape).or_default() += 1;
            }
            Outcome::SilentLoss(what) => {
                counts.silent += 1;
                self.told.push(format!("SILENT: {damage}: {what}"));
            }
            Outcome::Panic(what) => {
                counts.panics += 1;
                self.told.push(format!("PANIC: {damage}: {what}"));
            }
            Outcome::Hang => {
                counts.hangs += 1;
                self.told.push(format!("HANG: {damage}"));
            }
        }
    }
    fn add(&mut self, other: Self) {
        for (class, counts) in other.by_class {
            let all = self.by_class.entry(class).or_default();
            *all = all.plus(counts);
        }
        for (sentence, times) in other.sentences {
            *self.sentences.entry(sentence).or_default() += times;
        }
        self.told.extend(other.told);
    }
}

impl Counts {
    fn plus(self, other: Self) -> Self {
        Self {
            harmless: self.harmless + other.harmless,
            said: self.said + other.said,
            refused: self.refused + other.refused,
            silent: self.silent + other.silent,
            panics: self.panics + other.panics,
            hangs: self.hangs + other.hangs,
        }
    }
    fn trials(self) -> u32 {
        self.harmless + self.said + self.refused + self.silent + self.panics + self.hangs
    }
}

impl fmt::Display for Figures {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.told.iter().take(20).try_for_each(|what| writeln!(f, "{what}"))?;
        self.sentences.iter().try_for_each(|(sentence, times)| writeln!(f, "{times:>6}× {sentence}"))?;
        writeln!(f, "{:<16} {:>8} {:>8} {:>8} {:>8} {:>8}", "", "damages", "harmless", "said", "refused", "wrong")?;
        for (class, counts) in &self.by_class {
            let wrong = counts.silent + counts.panics + counts.hangs;
            let (name, trials) = (format!("{class:?}"), counts.trials());
            writeln!(f, "{name:<16} {trials:>8} {:>8} {:>8} {:>8} {wrong:>8}", counts.harmless, counts.said, counts.refused)?;
        }
        writeln!(f, "seed {}; {} events in the log", self.seed, self.events)?;
        let all = self.all();
        write!(
            f,
            "{} flips: {} harmless, {} said, {} refused, {} silent losses, {} panics, {} hangs",
            all.trials(),
            all.harmless,
            all.said,
            all.refused,
            all.silent,
            all.panics,
            all.hangs
        )
    }
}
