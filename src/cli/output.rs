//! The only owner of stdout, and of the words on stderr.

use super::exit::CliError;
use clap::ValueEnum;
use serde_json::Value;
use std::io::{self, IsTerminal, Write};

/// How data is printed.
#[derive(Clone, Copy, PartialEq, Eq, Debug, ValueEnum)]
pub(super) enum Format {
    /// For people.
    Table,
    /// One JSON value, indented.
    Json,
    /// One JSON value a line.
    Ndjson,
}

/// Where data goes.
pub(super) struct Output {
    pub(super) format: Format,
    /// Whether a terminal shows it, so that it may have colours.
    coloured: bool,
    /// Stands before every line for people.
    margin: &'static str,
    /// Whether all of it is needed, so that a reader that goes away is a failure.
    must_arrive: bool,
    stdout: io::Stdout,
}

/// How a text stands out on a terminal.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Tone {
    Plain,
    Dim,
    Bold,
    Alarm,
}

impl Output {
    pub(super) fn new(asked: Option<Format>) -> Self {
        let stdout = io::stdout();
        let terminal = stdout.is_terminal();
        let format = asked.unwrap_or(if terminal { Format::Table } else { Format::Ndjson });
        let coloured = terminal && std::env::var_os("NO_COLOR").is_none_or(|set| set.is_empty());
        Self { format, coloured, margin: "", must_arrive: false, stdout }
    }

    /// What is printed from now on cannot be had again, or is of no use in part: that its reader went away is a failure.
    pub(super) fn must_arrive(&mut self) {
        self.must_arrive = true;
    }

    /// The same with this before every line for people.
    pub(super) fn with_margin(self, margin: &'static str) -> Self {
        Self { margin, ..self }
    }

    /// Whether people read it.
    pub(super) fn is_table(&self) -> bool {
        self.format == Format::Table
    }

    /// One line for people. Whatever could steer a terminal is shown as `�`.
    pub(super) fn line(&mut self, text: &str) -> Result<(), CliError> {
        self.toned(Tone::Plain, text)
    }

    /// One line for people that stands out.
    pub(super) fn toned(&mut self, tone: Tone, text: &str) -> Result<(), CliError> {
        let text: String = text.chars().map(|c| if steers(c) { '\u{fffd}' } else { c }).collect();
        let (before, after) = match tone {
            _ if !self.coloured => ("", ""),
            Tone::Plain => ("", ""),
            Tone::Dim => ("\u{1b}[2m", "\u{1b}[0m"),
            Tone::Bold => ("\u{1b}[1m", "\u{1b}[0m"),
            Tone::Alarm => ("\u{1b}[31m", "\u{1b}[0m"),
        };
        self.write(format!("{before}{}{}{after}\n", self.margin, text.trim_end()).as_bytes())
    }

    /// One value for programs: indented, or on one line.
    pub(super) fn value(&mut self, value: &Value) -> Result<(), CliError> {
        let text = match self.format {
            Format::Json => serde_json::to_string_pretty(value),
            Format::Ndjson | Format::Table => serde_json::to_string(value),
        };
        let text = text.map_err(|error| CliError::output(&error.into()))?;
        self.write(format!("{}\n", escaped(&text)).as_bytes())
    }

    /// A list for programs: indented as one array, or an item a line.
    pub(super) fn values(&mut self, values: &[Value]) -> Result<(), CliError> {
        match self.format {
            Format::Json => self.value(&Value::from(values)),
            Format::Ndjson | Format::Table => values.iter().try_for_each(|value| self.value(value)),
        }
    }

    /// Bytes as they are.
    pub(super) fn write(&mut self, bytes: &[u8]) -> Result<(), CliError> {
        let mut stdout = self.stdout.lock();
        let failed = if self.must_arrive { CliError::undelivered } else { CliError::output };
        stdout.write_all(bytes).and_then(|()| stdout.flush()).map_err(|error| failed(&error))
    }
}

/// The same JSON in characters that a terminal only shows (RFC 8259 §7): it escapes the first 32 control characters by itself, and
/// whatever else steers stands within a string.
fn escaped(json: &str) -> String {
    let within = |c: char| steers(c) && c != '\n';
    json.chars().map(|c| if within(c) { format!("\\u{:04x}", u32::from(c)) } else { c.to_string() }).collect()
}

/// Control characters, and those that turn the direction of writing.
fn steers(c: char) -> bool {
    c.is_control() || matches!(c, '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

/// Says something on stderr. Who does not listen is not asked to. What came from strangers cannot steer the terminal here either.
pub(super) fn words(text: &str) {
    let text: String = text.chars().map(|c| if steers(c) && c != '\n' { '\u{fffd}' } else { c }).collect();
    drop(writeln!(io::stderr(), "{text}"));
}

/// Says how far something has come, to a person who watches.
pub(super) fn progress(text: &str) {
    if io::stderr().is_terminal() {
        words(text);
    }
}

/// Lets traces of at least these levels go to stderr.
pub(super) fn trace_words(filter: &str) {
    let filter = tracing_subscriber::EnvFilter::try_new(filter).unwrap_or_default();
    let coloured = io::stderr().is_terminal();
    let built = tracing_subscriber::fmt().with_env_filter(filter).with_writer(io::stderr).with_ansi(coloured).with_target(false).try_init();
    // Only the first one counts: tests run several commands in one process.
    drop(built);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_steers_the_terminal() {
        assert!(steers('\u{1b}') && steers('\n') && steers('\u{202e}') && steers('\u{200f}') && !steers('ü') && !steers('…'));
    }

    #[test]
    fn json_means_the_same_and_steers_nothing() {
        let value = serde_json::json!({ "client_name": "a\u{9b}31m\u{7f}\u{202e}b\u{1b}ü", "list": [1, "x"] });
        for text in [serde_json::to_string_pretty(&value).unwrap(), value.to_string()] {
            let shown = escaped(&text);
            assert!(shown.chars().all(|c| c == '\n' || !steers(c)), "{shown}");
            assert_eq!(serde_json::from_str::<Value>(&shown).unwrap(), value);
        }
    }
}
