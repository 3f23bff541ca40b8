//! A control server as a child of the load: this program run again, so that its CPU time is read like Writ's.

use super::LoadError;
use super::process::Process;
use super::seat::Seat;
use crate::control::{Alg, Kind};
use crate::flows::target::Target;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};

/// A running control server. It ends when this is dropped.
pub struct Held {
    /// The connections to it.
    pub seats: Vec<Seat>,
    child: Child,
}

impl Held {
    /// Starts it; what it appends goes to a file below this folder.
    pub async fn start(kind: Kind, alg: Alg, below: &Path, seats: u16) -> Result<Self, LoadError> {
        let mut command = Command::new(std::env::current_exe()?);
        command.args(["control", "--kind", kind.name(), "--alg", alg.name(), "--directory"]).arg(below);
        // It ends when its input does, so it does not outlive a load that was killed.
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn()?;
        let mut line = String::new();
        if let Some(told) = child.stdout.take() {
            BufReader::new(told).read_line(&mut line)?;
        }
        let mut held = Self { seats: Vec::new(), child };
        let address = line.trim().strip_prefix("listening on ").ok_or_else(|| LoadError::Control(kind.name().to_owned()))?;
        let target = Target::parse(&format!("http://{address}/oauth2/control"))?;
        for _ in 0..seats {
            held.seats.push(Seat::at_control(&target).await?);
        }
        Ok(held)
    }

    /// Its process.
    pub fn process(&self) -> Process {
        Process(self.child.id())
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        // An error means that it has ended by itself.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
