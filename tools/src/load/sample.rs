//! One measurement: so many connections, each in a closed loop, for so long.

use super::LoadError;
use super::process::{Memory, Process};
use super::seat::Seat;
use super::workload::Workload;
use hdrhistogram::Histogram;
use std::collections::BTreeMap;
use std::time::Duration;
use tokio::time::Instant;

/// What came of it.
#[derive(Clone, Debug)]
pub struct Sample {
    /// How long it took.
    pub took: Duration,
    /// How long each turn took, in µs; its length is the number of turns.
    pub latencies: Histogram<u64>,
    /// What went wrong, and how often.
    pub failures: BTreeMap<String, u64>,
    /// The CPU time that the server used meanwhile.
    pub cpu: Duration,
    /// What the server held at the end.
    pub memory: Memory,
}

/// The longest latency that is told apart from longer ones.
const LATENCY_MAX_MICROS: u64 = 60_000_000;
/// After a failure, so that a server in trouble is not also hammered.
const PAUSE: Duration = Duration::from_millis(200);

impl Sample {
    /// Turns in a second.
    pub fn per_second(&self) -> f64 {
        self.turns() / self.took.as_secs_f64().max(f64::MIN_POSITIVE)
    }
    /// The CPU milliseconds of a thousand turns.
    pub fn cpu_per_1000(&self) -> f64 {
        1000.0 * 1000.0 * self.cpu.as_secs_f64() / self.turns().max(1.0)
    }
    /// Failures of all kinds.
    pub fn failed(&self) -> u64 {
        self.failures.values().sum()
    }
    fn turns(&self) -> f64 {
        u32::try_from(self.latencies.len()).unwrap_or(u32::MAX).into()
    }
}

/// A histogram of latencies: three of a hundred apart at any length.
pub fn latencies() -> Result<Histogram<u64>, LoadError> {
    Histogram::new_with_bounds(1, LATENCY_MAX_MICROS, 2).map_err(|error| LoadError::Histogram(error.to_string()))
}

/// Lets every seat take turns until the time is over. Warms up first: connections are opened and the caches of both sides filled.
pub async fn measure(
    seats: &mut Vec<Seat>,
    workload: Workload,
    warm_up: Duration,
    time: Duration,
    server: Process,
) -> Result<Sample, LoadError> {
    let warm = all_turn(seats, workload, warm_up).await?;
    let (cpu, begun) = (server.cpu()?, Instant::now());
    let mut measured = all_turn(seats, workload, time).await?;
    measured.took = begun.elapsed();
    measured.cpu = server.cpu()?.saturating_sub(cpu);
    measured.memory = server.memory()?;
    // Those of who is not measured must not take the places of who is: the server has 64 for all from this address.
    seats.iter_mut().for_each(Seat::hang_up);
    for (failure, times) in warm.failures {
        *measured.failures.entry(failure).or_default() += times;
    }
    Ok(measured)
}

async fn all_turn(seats: &mut Vec<Seat>, workload: Workload, time: Duration) -> Result<Sample, LoadError> {
    let until = Instant::now() + time;
    let running: Vec<_> = seats.drain(..).map(|seat| tokio::spawn(turns(seat, workload, until))).collect();
    let mut all = empty()?;
    for one in running {
        let (seat, sample) = one.await.map_err(|_| LoadError::BrokeOff)??;
        all.latencies += &sample.latencies;
        for (failure, times) in sample.failures {
            *all.failures.entry(failure).or_default() += times;
        }
        seats.push(seat);
    }
    Ok(all)
}

async fn turns(mut seat: Seat, workload: Workload, until: Instant) -> Result<(Seat, Sample), LoadError> {
    let mut own = empty()?;
    loop {
        let begun = Instant::now();
        if begun >= until {
            return Ok((seat, own));
        }
        match seat.turn(workload).await {
            Ok(()) => own.latencies.saturating_record(u64::try_from(begun.elapsed().as_micros()).unwrap_or(u64::MAX)),
            Err(failure) => {
                *own.failures.entry(failure.to_string()).or_default() += 1;
                tokio::time::sleep(PAUSE).await;
            }
        }
    }
}

fn empty() -> Result<Sample, LoadError> {
    let (took, cpu, memory) = (Duration::ZERO, Duration::ZERO, Memory::default());
    Ok(Sample { took, latencies: latencies()?, failures: BTreeMap::new(), cpu, memory })
}
