//! What a process has used, as Linux counts it.

use std::fs;
use std::time::Duration;

/// A running process.
#[derive(Clone, Copy, Debug)]
pub struct Process(pub u32);

/// What a process holds in memory, in KiB.
#[derive(Clone, Copy, PartialEq, Debug, Default)]
pub struct Memory {
    /// Now (`VmRSS`).
    pub resident: u64,
    /// At most so far (`VmHWM`).
    pub peak: u64,
}

/// Why nothing is known of a process.
#[derive(Debug, thiserror::Error)]
#[error("process {pid} cannot be looked at: {why}")]
pub struct ProcessError {
    pid: u32,
    why: String,
}

impl Process {
    /// The CPU time of all its threads so far, user and system (proc_pid_stat(5), fields 14 and 15).
    pub fn cpu(self) -> Result<Duration, ProcessError> {
        let stat = self.read("stat")?;
        let ticks = cpu_ticks(&stat).ok_or_else(|| self.error("its stat has another form"))?;
        let per_second = rustix::param::clock_ticks_per_second().max(1);
        Ok(Duration::from_nanos(ticks.saturating_mul(1_000_000_000 / per_second)))
    }
    /// Its memory (proc_pid_status(5)).
    pub fn memory(self) -> Result<Memory, ProcessError> {
        let status = self.read("status")?;
        let kib = |name: &str| kib(&status, name).ok_or_else(|| self.error(&format!("its status has no {name}")));
        Ok(Memory { resident: kib("VmRSS:")?, peak: kib("VmHWM:")? })
    }

    fn read(self, file: &str) -> Result<String, ProcessError> {
        fs::read_to_string(format!("/proc/{}/{file}", self.0)).map_err(|error| self.error(&error.to_string()))
    }
    fn error(self, why: &str) -> ProcessError {
        ProcessError { pid: self.0, why: why.to_owned() }
    }
}

/// utime + stime. The name before them may hold blanks and parentheses, so counting begins behind the last parenthesis.
fn cpu_ticks(stat: &str) -> Option<u64> {
    let (_, fields) = stat.rsplit_once(')')?;
    let mut numbers = fields.split_whitespace().skip(11).map(str::parse::<u64>);
    let (user, system) = (numbers.next()?.ok()?, numbers.next()?.ok()?);
    Some(user.saturating_add(system))
}

fn kib(status: &str, name: &str) -> Option<u64> {
    let line = status.lines().find_map(|line| line.strip_prefix(name))?;
    line.trim().strip_suffix("kB")?.trim().parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn time_and_memory_are_read_where_the_manual_says() {
        let stat = "42 (a) b (c)) S 1 42 42 0 -1 4194560 2215 0 0 0 123 45 7 8 20 0 9 0 1000 1 2";
        assert_eq!(cpu_ticks(stat), Some(168));
        assert_eq!(cpu_ticks("42 (short) S 1"), None);
        let status = "Name:\twrit\nVmHWM:\t    2048 kB\nVmRSS:\t     512 kB\n";
        assert_eq!((kib(status, "VmRSS:"), kib(status, "VmHWM:"), kib(status, "VmSwap:")), (Some(512), Some(2048), None));
    }

    #[test]
    fn this_process_uses_time_and_memory_and_one_that_is_none_is_an_error() {
        let this = Process(std::process::id());
        let memory = this.memory().unwrap();
        assert!(memory.resident > 0 && memory.peak >= memory.resident);
        let before = this.cpu().unwrap();
        assert!((0..200_000_000_u64).fold(0, |sum: u64, n| sum.wrapping_mul(31) ^ n) != 1);
        assert!(this.cpu().unwrap() > before);
        assert!(Process(u32::MAX).cpu().unwrap_err().to_string().contains("cannot be looked at"));
    }
}
