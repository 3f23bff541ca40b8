//! `cargo tool mutate`: changes bundles in every way that somebody might, and asks `writ audit verify` and the Python verifier about
//! each. Both have to come to the same verdict, with the same name and the same event.

mod dice;
mod judges;
mod mutation;
mod specimen;

use clap::Args;
use dice::Dice;
use judges::Python;
use mutation::{KINDS, mutate};
use specimen::Specimen;
use std::collections::BTreeMap;
use std::fmt;
use std::path::PathBuf;

/// What to do.
#[derive(Args, Clone, Debug)]
pub struct Mutate {
    /// How many bundles are changed.
    #[arg(long, default_value_t = 1000)]
    bundles: u32,
    /// Tells the changes; the same again with the same number.
    #[arg(long, default_value_t = 20_261_121)]
    seed: u64,
    /// A Python that has the package cryptography.
    #[arg(long, default_value = "target/python/bin/python")]
    python: PathBuf,
}

/// Why there is no figure.
#[derive(Debug, thiserror::Error)]
pub enum MutateError {
    /// A file or program cannot be used.
    #[error("{0}")]
    Io(#[from] std::io::Error),
    /// A log that is fit for nothing.
    #[error("no bundle could be made: {0}")]
    Specimen(&'static str),
    /// The Python verifier did not say something of each bundle.
    #[error("the Python verifier failed: {0}")]
    Python(String),
}

/// What came of it.
pub struct Figures {
    bundles: u32,
    disagreements: Vec<String>,
    /// What was accepted although its events or its checkpoint are not the log's, read with the log's key.
    missed: Vec<String>,
    /// The same, read with the key that the bundle brought along.
    self_signed: u32,
    /// How many got each verdict.
    verdicts: BTreeMap<String, u32>,
}

/// So many bundles are put before the verifiers at a time.
const BATCH: u32 = 100;

/// Changes bundles and compares the verdicts.
pub fn run(mutate: &Mutate) -> Result<Figures, MutateError> {
    let mut dice = Dice::new(mutate.seed);
    let python = Python::new(&mutate.python)?;
    let mut figures = Figures { bundles: 0, disagreements: Vec::new(), missed: Vec::new(), self_signed: 0, verdicts: BTreeMap::new() };
    while figures.bundles < mutate.bundles {
        let batch = BATCH.min(mutate.bundles.saturating_sub(figures.bundles));
        figures.take_batch(batch, &mut dice, &python)?;
    }
    Ok(figures)
}

impl Figures {
    /// Whether the verifiers never disagreed, missed nothing, and saw something to refuse.
    pub fn is_flawless(&self) -> bool {
        self.disagreements.is_empty() && self.missed.is_empty() && self.verdicts.len() > 1
    }

    /// Every other batch is read with the key of the log, the rest with the key that each bundle brings along.
    fn take_batch(&mut self, bundles: u32, dice: &mut Dice, python: &Python) -> Result<(), MutateError> {
        let specimen = Specimen::new(dice)?;
        let key = dice.is_heads().then(|| specimen.vkey());
        let genuine = judges::what_is_proven(&specimen.bundle()?.pack()?)?;
        let mut changed = Vec::new();
        for n in 0..bundles {
            let kind = KINDS.get(usize::try_from(self.bundles.saturating_add(n)).unwrap_or_default() % KINDS.len()).copied();
            let kind = kind.ok_or(MutateError::Specimen("there is no kind of change"))?;
            changed.push((kind, mutate(kind, &specimen, dice)?));
        }
        let theirs = python.judge(key.as_deref(), changed.iter().map(|(_, bytes)| &bytes[..]))?;
        for ((kind, bytes), theirs) in changed.iter().zip(theirs) {
            let ours = judges::ours(key.as_deref(), bytes)?;
            if ours != theirs {
                self.disagreements.push(format!("bundle {} ({kind:?}): Writ says {ours}, Python says {theirs}", self.bundles));
            }
            if ours == judges::VERIFIED && judges::what_is_proven(bytes)? != genuine {
                match &key {
                    Some(_) => self.missed.push(format!("bundle {} ({kind:?}) was accepted", self.bundles)),
                    None => self.self_signed = self.self_signed.saturating_add(1),
                }
            }
            let verdict = ours.split(" at ").next().unwrap_or_default().to_owned();
            *self.verdicts.entry(verdict).or_default() += 1;
            self.bundles = self.bundles.saturating_add(1);
        }
        Ok(())
    }
}

impl fmt::Display for Figures {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.disagreements.iter().chain(&self.missed).try_for_each(|line| writeln!(f, "{line}"))?;
        let accepted = self.verdicts.get(judges::VERIFIED).copied().unwrap_or_default();
        let harmless = accepted.saturating_sub(self.self_signed).saturating_sub(u32::try_from(self.missed.len()).unwrap_or(u32::MAX));
        let (bundles, disagreements, missed) = (self.bundles, self.disagreements.len(), self.missed.len());
        write!(f, "{bundles} bundles, {disagreements} disagreements, {missed} missed, {harmless} accepted (harmless), ")?;
        write!(f, "{} signed by the forger and read without the log's key", self.self_signed)?;
        let mut refused = self.verdicts.iter().filter(|(verdict, _)| *verdict != judges::VERIFIED);
        refused.try_for_each(|(verdict, count)| write!(f, ", {count} {}", verdict.trim_start_matches("FAILED ")))
    }
}
