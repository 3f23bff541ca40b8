//! How long a data directory takes to open, and the memory of the process that has it open.

use super::{GrowError, Grown};
use crate::load::{Memory, Process};
use std::fmt;
use std::path::Path;
use std::process::Command;
use std::time::Duration;
use tokio::time::Instant;
use writ::ledger::{Ledger, OpenSettings};
use writ::log::EngineKind;

/// An opening.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Opening {
    took: Duration,
    memory: Memory,
}

/// Opens it in this process.
pub fn measure(data: &Path, engine: EngineKind) -> Result<Grown, GrowError> {
    let directory = data.to_owned();
    let outbound = Default::default();
    let settings = OpenSettings { directory, engine, master_key_file: None, clock: None, outbound, on_fatal: Box::new(|_| {}) };
    let begun = Instant::now();
    let ledger = Ledger::open(settings)?;
    let took = begun.elapsed();
    let memory = Process(std::process::id()).memory().map_err(|error| GrowError::Opening(error.to_string()))?;
    ledger.shut_down();
    Ok(Grown { opening: Some(Opening { took, memory }), ..Grown::default() })
}

/// Opens it in another one, whose memory was not used for growing.
pub fn in_another_process(data: &Path, segment: bool) -> Result<Opening, GrowError> {
    let mut command = Command::new(std::env::current_exe()?);
    command.args(["grow", "--measure-open"]).arg(data);
    if segment {
        command.arg("--segment");
    }
    let output = command.output()?;
    let told = String::from_utf8_lossy(&output.stdout);
    let opening = told.lines().last().and_then(Opening::read).filter(|_| output.status.success());
    opening.ok_or_else(|| GrowError::Opening(String::from_utf8_lossy(&output.stderr).trim().to_owned()))
}

impl Opening {
    /// Reads what [`fmt::Display`] wrote.
    fn read(line: &str) -> Option<Self> {
        let numbers: Vec<u64> = line.split(|c: char| !c.is_ascii_digit()).filter_map(|digits| digits.parse().ok()).collect();
        let [millis, resident, peak] = *numbers.as_slice() else { return None };
        Some(Self { took: Duration::from_millis(millis), memory: Memory { resident: resident * 1024, peak: peak * 1024 } })
    }
}

impl fmt::Display for Opening {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Memory { resident, peak } = self.memory;
        write!(f, "opened in {} ms, {} MiB resident, {} MiB at the peak", self.took.as_millis(), resident / 1024, peak / 1024)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_another_process_told_is_read_back() {
        let opening = Opening { took: Duration::from_millis(1234), memory: Memory { resident: 40 * 1024, peak: 50 * 1024 } };
        assert_eq!(opening.to_string(), "opened in 1234 ms, 40 MiB resident, 50 MiB at the peak");
        assert_eq!(Opening::read(&opening.to_string()), Some(opening));
        assert_eq!(Opening::read("opened in 1234 ms"), None);
    }
}
