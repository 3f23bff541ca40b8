//! How often, how long, how wrong.

use super::FlowError;
use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

/// What is measured by itself.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Step {
    /// From the authorization request to the code, pages included.
    Authorize,
    /// The code for tokens.
    Redeem,
    /// A refresh token for the next.
    Refresh,
    /// Whether an access token is good.
    Introspect,
}

/// The times of every step, and the failures.
#[derive(Default, Debug)]
pub struct Figures {
    times: BTreeMap<Step, Vec<Duration>>,
    failures: BTreeMap<String, u64>,
    /// How long the load ran.
    pub took: Duration,
}

impl Figures {
    /// A step was answered as it should.
    pub fn took(&mut self, step: Step, time: Duration) {
        self.times.entry(step).or_default().push(time);
    }
    /// A round broke off.
    pub fn failed(&mut self, error: &FlowError) {
        *self.failures.entry(error.to_string()).or_default() += 1;
    }
    /// What a client leaves that broke off.
    pub fn panicked() -> Self {
        Self { failures: BTreeMap::from([("a client of this tool broke off".to_owned(), 1)]), ..Self::default() }
    }
    /// Another client's figures too.
    pub fn add(&mut self, other: Self) {
        for (step, times) in other.times {
            self.times.entry(step).or_default().extend(times);
        }
        for (failure, count) in other.failures {
            *self.failures.entry(failure).or_default() += count;
        }
    }
    /// Whether something was done and nothing failed.
    pub fn is_flawless(&self) -> bool {
        self.failures.is_empty() && !self.times.is_empty()
    }
}

impl fmt::Display for Figures {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let line = |f: &mut fmt::Formatter<'_>, name: &str, times: &[Duration]| {
            let per_second = f64::from(u32::try_from(times.len()).unwrap_or(u32::MAX)) / self.took.as_secs_f64().max(f64::EPSILON);
            let (p50, p99) = (millis(quantile(times, 50)), millis(quantile(times, 99)));
            write!(f, "{name:<11} {:>8} {per_second:>9.1}/s   p50 {p50:>8.2} ms   p99 {p99:>8.2} ms", times.len())
        };
        for (failure, count) in &self.failures {
            writeln!(f, "failed {count} times: {failure}")?;
        }
        for (step, times) in &self.times {
            line(f, &format!("{step:?}").to_lowercase(), times)?;
            writeln!(f)?;
        }
        let all: Vec<Duration> = self.times.values().flatten().copied().collect();
        line(f, "all", &all)?;
        write!(f, "   {} failures in {:.1} s", self.failures.values().sum::<u64>(), self.took.as_secs_f64())
    }
}

/// The time that this many per cent do not exceed (nearest rank).
fn quantile(times: &[Duration], percent: usize) -> Duration {
    let mut sorted = times.to_vec();
    sorted.sort_unstable();
    let rank = (sorted.len() * percent).div_ceil(100);
    sorted.get(rank.saturating_sub(1)).copied().unwrap_or_default()
}

fn millis(time: Duration) -> f64 {
    time.as_secs_f64() * 1000.0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantiles_are_by_nearest_rank() {
        let times: Vec<Duration> = (1..=200).rev().map(Duration::from_millis).collect();
        assert_eq!(quantile(&times, 50), Duration::from_millis(100));
        assert_eq!(quantile(&times, 99), Duration::from_millis(198));
        assert_eq!(quantile(&times[..1], 99), Duration::from_millis(200));
        assert_eq!(quantile(&[], 50), Duration::ZERO);
    }

    #[test]
    fn the_last_line_sums_up_and_failures_are_told() {
        let mut figures = Figures { took: Duration::from_secs(2), ..Figures::default() };
        figures.took(Step::Redeem, Duration::from_millis(10));
        figures.took(Step::Refresh, Duration::from_millis(20));
        assert!(figures.is_flawless());
        figures.failed(&FlowError::NotLoopback("x".into()));
        let text = figures.to_string();
        let last = text.lines().last().unwrap();
        assert!(last.starts_with("all                2       1.0/s"), "{text}");
        assert!(last.ends_with("1 failures in 2.0 s") && !figures.is_flawless(), "{text}");
        assert!(text.starts_with("failed 1 times: x is not"), "{text}");
        assert!(!Figures::default().is_flawless());
    }
}
