//! One damage tried: what the real program says to it, and whether that is true.

use super::damage::{Damage, Sound};
use super::secrets::{Secrets, secrets};
use crate::record;
use crate::victim::{Home, VictimError, io};
use std::path::Path;
use std::time::Duration;
use writ::log::StoredRecord;
use writ::terms::SiteName;

/// What came of it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Outcome {
    /// Everything is there and equal, and nothing was said.
    Harmless,
    /// What is served is whole, or what is unusable was said.
    Said(String),
    /// Nothing is served, for this reason.
    Refused(String),
    /// Something is not there or another, and nobody was told.
    SilentLoss(String),
    /// A trace instead of a sentence.
    Panic(String),
    /// No word within the patience.
    Hang,
}

/// A sound directory and what is in it.
pub struct Known {
    pub sound: Sound,
    pub records: Vec<StoredRecord>,
    pub secrets: Secrets,
    pub sites: Vec<SiteName>,
}

const PATIENCE: Duration = Duration::from_secs(30);

impl Known {
    /// Damages a copy and opens it. None if the damage changed nothing.
    pub fn attempt(&self, home: &Home, damage: &Damage, trial: &Path) -> Result<Option<Outcome>, VictimError> {
        let data = trial.join("data");
        let outcome = match self.sound.copy_damaged(damage, &data).map_err(io("copying the directory"))? {
            true => Some(self.opened(&home.moved(&data))?),
            false => None,
        };
        std::fs::remove_dir_all(&data).map_err(io("removing a copy"))?;
        // What is moved aside stays within the data directory.
        Ok(outcome)
    }

    fn opened(&self, home: &Home) -> Result<Outcome, VictimError> {
        let mut victim = home.check()?;
        let Some(status) = victim.exited(PATIENCE)? else { return Ok(Outcome::Hang) };
        let said = victim.said_to_the_end();
        if said.contains("panicked at") || said.contains("RUST_BACKTRACE") || status.code().is_none_or(|code| code == 101) {
            return Ok(Outcome::Panic(format!("{status}: {said}")));
        }
        if !status.success() {
            let sentences: Vec<&str> = said.lines().filter(|line| line.starts_with("writ: ")).collect();
            return Ok(match sentences.as_slice() {
                [sentence] => Outcome::Refused((*sentence).to_owned()),
                _ => Outcome::SilentLoss(format!("{status} without one sentence: {said}")),
            });
        }
        let warnings: Vec<&str> = said.lines().filter(|line| line.contains("WARN") || line.contains("ERROR")).collect();
        let warnings = warnings.join(" | ");
        match record::records_in_place(home.data()) {
            Err(error) => return Ok(Outcome::SilentLoss(format!("served, but {error}"))),
            Ok(records) if records != self.records => return Ok(Outcome::SilentLoss(difference(&self.records, &records))),
            Ok(_) => {}
        }
        let found = secrets(home.data(), &self.sites);
        let is_vault_whole = found.as_ref().is_ok_and(|found| self.secrets.iter().all(|(name, secret)| found.get(name) == Some(secret)));
        Ok(match (is_vault_whole, warnings.is_empty()) {
            (true, true) => Outcome::Harmless,
            (_, false) => Outcome::Said(warnings),
            (false, true) => Outcome::SilentLoss(match found {
                Ok(found) => format!("of the vault's {} secrets {} are left, and nothing was said", self.secrets.len(), found.len()),
                Err(error) => format!("the vault is served and cannot be read: {error}"),
            }),
        })
    }
}

fn difference(expected: &[StoredRecord], found: &[StoredRecord]) -> String {
    let first = expected.iter().zip(found).position(|(expected, found)| expected != found);
    format!("of {} records {} are served; the first other one is {first:?}", expected.len(), found.len())
}
