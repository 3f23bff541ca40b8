//! The figures of a load, for people and for programs.

use super::LoadError;
use super::sample::{Sample, latencies};
use super::workload::Workload;
use crate::control::Kind;
use serde_json::{Value, json};
use std::fmt;
use writ::terms::SigningAlgorithm;

/// Who was measured.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Who {
    /// A Writ, by the name it has in the report.
    Writ(String),
    /// A control server.
    Control(Kind),
}

impl Who {
    fn name(&self) -> String {
        match self {
            Self::Writ(name) => name.clone(),
            Self::Control(kind) => format!("control {}", kind.name()),
        }
    }
}

/// One workload at one server: a sample of each round.
#[derive(Clone, Debug)]
pub struct Row {
    /// What was asked.
    pub workload: Workload,
    /// What signed the access tokens, where that matters.
    pub alg: Option<SigningAlgorithm>,
    /// Who was asked.
    pub who: Who,
    /// What came of it, round by round.
    pub samples: Vec<Sample>,
}

/// All rows.
#[derive(Clone, Debug, Default)]
pub struct Report {
    /// In the order of measuring.
    pub rows: Vec<Row>,
    /// What should be known beside the figures.
    pub notes: Vec<String>,
    /// Whether it is told as NDJSON.
    pub as_json: bool,
}

impl Row {
    fn of(&self, figure: impl Fn(&Sample) -> f64) -> f64 {
        median(self.samples.iter().map(figure).collect())
    }
    fn failed(&self) -> u64 {
        self.samples.iter().map(Sample::failed).sum()
    }
    fn title(&self) -> String {
        self.alg.map_or_else(|| self.workload.name().to_owned(), |alg| format!("{} {alg}", self.workload.name()))
    }
    /// Milliseconds under which this share of all turns stayed.
    fn latency_ms(&self, quantile: f64) -> Result<f64, LoadError> {
        let mut all = latencies()?;
        self.samples.iter().for_each(|sample| all += &sample.latencies);
        let micros = u32::try_from(all.value_at_quantile(quantile)).unwrap_or(u32::MAX);
        Ok(f64::from(micros) / 1000.0)
    }
    /// How many times the CPU of another row this one took: the median of the rounds, each within itself.
    fn cpu_against(&self, other: &Self) -> f64 {
        let rounds = self.samples.iter().zip(&other.samples);
        median(rounds.map(|(own, other)| own.cpu_per_1000() / other.cpu_per_1000().max(f64::MIN_POSITIVE)).collect())
    }
    fn json(&self) -> Result<Value, LoadError> {
        let memory = self.samples.last().map(|sample| sample.memory).unwrap_or_default();
        Ok(json!({
            "workload": self.workload.name(),
            "alg": self.alg.map(SigningAlgorithm::as_str),
            "who": self.who.name(),
            "per_second": rounded(self.of(Sample::per_second)),
            "p50_ms": self.latency_ms(0.5)?,
            "p99_ms": self.latency_ms(0.99)?,
            "p999_ms": self.latency_ms(0.999)?,
            "cpu_ms_per_1000": rounded(self.of(Sample::cpu_per_1000)),
            "resident_kib": memory.resident,
            "peak_kib": memory.peak,
            "turns": self.samples.iter().map(|sample| sample.latencies.len()).sum::<u64>(),
            "failures": self.failed(),
            "rounds": self.samples.len(),
        }))
    }
}

/// The middle one, or the mean of the two in the middle; 0 of none.
fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    let (low, high) = (values.get(values.len().saturating_sub(1) / 2), values.get(values.len() / 2));
    low.zip(high).map_or(0.0, |(low, high)| (low + high) / 2.0)
}

fn rounded(figure: f64) -> f64 {
    (figure * 100.0).round() / 100.0
}

impl Report {
    /// Whether everything asked was answered rightly.
    pub fn is_flawless(&self) -> bool {
        !self.rows.is_empty()
            && self.rows.iter().all(|row| row.failed() == 0 && row.samples.iter().all(|sample| !sample.latencies.is_empty()))
    }

    /// One line: what each workload cost, against the controls and against the first Writ.
    pub fn ratios(&self) -> String {
        let mut titles: Vec<String> = Vec::new();
        for title in self.rows.iter().map(Row::title) {
            if !titles.contains(&title) {
                titles.push(title);
            }
        }
        let all: Vec<String> = titles.iter().filter_map(|title| self.ratios_of(title)).collect();
        let failed: u64 = self.rows.iter().map(Row::failed).sum();
        format!("cpu ratios: {}; failures {failed}", all.join("; "))
    }

    fn ratios_of(&self, title: &str) -> Option<String> {
        let rows: Vec<&Row> = self.rows.iter().filter(|row| row.title() == title).collect();
        let (writs, controls): (Vec<&Row>, Vec<&Row>) = rows.into_iter().partition(|row| matches!(row.who, Who::Writ(_)));
        let first = writs.first()?;
        let each = writs.iter().map(|writ| {
            let own = format!("{} {:.1} ms/1000", writ.who.name(), writ.of(Sample::cpu_per_1000));
            let others = (writs.len() > 1 && writ.who != first.who).then_some(first).into_iter().chain(&controls);
            others.fold(own, |text, other| format!("{text} = {:.2}× {}", writ.cpu_against(other), other.who.name()))
        });
        Some(format!("{title}: {}", each.collect::<Vec<_>>().join(", ")))
    }

    fn table(&self, f: &mut fmt::Formatter<'_>) -> Result<(), LoadError> {
        let told = |error: fmt::Error| LoadError::Histogram(error.to_string());
        let head = ("workload", "who", "per s", "p50 ms", "p99 ms", "p99.9 ms", "CPU ms/1000", "RSS MiB", "peak MiB", "failures");
        let (a, b, c, d, e, g, h, i, j, k) = head;
        writeln!(f, "{a:<20} {b:<16} {c:>8} {d:>8} {e:>8} {g:>9} {h:>12} {i:>8} {j:>9} {k:>9}").map_err(told)?;
        for row in &self.rows {
            let memory = row.samples.last().map(|sample| sample.memory).unwrap_or_default();
            let (p50, p99, p999) = (row.latency_ms(0.5)?, row.latency_ms(0.99)?, row.latency_ms(0.999)?);
            let (rate, cpu) = (row.of(Sample::per_second), row.of(Sample::cpu_per_1000));
            let (title, who, failed) = (row.title(), row.who.name(), row.failed());
            let (rss, peak) = (memory.resident / 1024, memory.peak / 1024);
            writeln!(f, "{title:<20} {who:<16} {rate:>8.0} {p50:>8.2} {p99:>8.2} {p999:>9.2} {cpu:>12.1} {rss:>8} {peak:>9} {failed:>9}")
                .map_err(told)?;
        }
        Ok(())
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.as_json {
            for row in &self.rows {
                writeln!(f, "{}", row.json().map_err(|_| fmt::Error)?)?;
            }
            return write!(f, "{}", json!({ "ratios": self.ratios(), "notes": self.notes }));
        }
        self.table(f).map_err(|_| fmt::Error)?;
        for row in &self.rows {
            for (failure, times) in row.samples.iter().flat_map(|sample| &sample.failures) {
                writeln!(f, "{} {}: failed {times} times: {failure}", row.title(), row.who.name())?;
            }
        }
        self.notes.iter().try_for_each(|note| writeln!(f, "{note}"))?;
        write!(f, "{}", self.ratios())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::load::process::Memory;
    use std::collections::BTreeMap;
    use std::time::Duration;

    fn sample(turns: u64, cpu_ms: u64) -> Sample {
        let mut all = latencies().unwrap();
        (1..=turns).for_each(|n| all.record(n * 10).unwrap());
        let (took, cpu) = (Duration::from_secs(1), Duration::from_millis(cpu_ms));
        Sample { took, latencies: all, failures: BTreeMap::new(), cpu, memory: Memory { resident: 2048, peak: 4096 } }
    }
    fn row(who: Who, cpu_ms: [u64; 3]) -> Row {
        let samples = cpu_ms.map(|cpu_ms| sample(1000, cpu_ms)).to_vec();
        Row { workload: Workload::Refresh, alg: Some(SigningAlgorithm::EdDsa), who, samples }
    }

    #[test]
    fn a_ratio_is_the_median_of_the_rounds_each_within_itself() {
        let (writ, control) = (row(Who::Writ("writ".into()), [60, 900, 80]), row(Who::Control(Kind::Append), [30, 300, 40]));
        let report = Report { rows: vec![writ.clone(), control], notes: Vec::new(), as_json: false };
        assert_eq!(writ.of(Sample::cpu_per_1000), 80.0);
        assert_eq!(report.ratios(), "cpu ratios: refresh EdDSA: writ 80.0 ms/1000 = 2.00× control append; failures 0");
        assert!(report.is_flawless());
        let text = report.to_string();
        assert!(text.lines().last().unwrap().starts_with("cpu ratios"), "{text}");
        assert!(text.lines().nth(1).unwrap().contains("1000     5.0"), "{text}");
    }

    #[test]
    fn two_builds_are_held_against_each_other() {
        let rows = vec![row(Who::Writ("before".into()), [100, 100, 100]), row(Who::Writ("after".into()), [50, 50, 50])];
        let report = Report { rows, notes: Vec::new(), as_json: false };
        assert!(report.ratios().contains("before 100.0 ms/1000, after 50.0 ms/1000 = 0.50× before"), "{}", report.ratios());
    }

    #[test]
    fn a_failure_or_a_row_without_turns_is_no_flawless_load() {
        let mut failing = row(Who::Writ("writ".into()), [1, 1, 1]);
        failing.samples[0].failures.insert("x is not an address".into(), 2);
        let report = Report { rows: vec![failing], notes: Vec::new(), as_json: false };
        assert!(!report.is_flawless() && report.to_string().contains("failed 2 times: x is not an address"));
        assert!(report.ratios().ends_with("failures 2"));
        let idle = Row { samples: vec![sample(0, 0)], ..row(Who::Control(Kind::Parse), [1, 1, 1]) };
        assert!(!Report { rows: vec![idle], ..Report::default() }.is_flawless());
        assert!(!Report::default().is_flawless());
    }

    #[test]
    fn a_program_reads_one_object_a_line() {
        let report = Report { rows: vec![row(Who::Writ("writ".into()), [10, 10, 10])], notes: Vec::new(), as_json: true };
        let lines: Vec<Value> = report.to_string().lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        assert_eq!((&lines[0]["cpu_ms_per_1000"], &lines[0]["turns"]), (&json!(10.0), &json!(3000)));
        assert!(lines[1]["ratios"].as_str().unwrap().contains("refresh EdDSA"));
    }

    #[test]
    fn the_median_of_an_even_number_is_the_mean_of_the_middle_two() {
        assert_eq!([median(vec![]), median(vec![3.0]), median(vec![4.0, 1.0]), median(vec![9.0, 1.0, 2.0])], [0.0, 3.0, 2.5, 2.0]);
    }
}
