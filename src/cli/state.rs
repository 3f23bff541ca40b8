//! `writ state`: what a site's state was at a point of its history.

use super::exit::CliError;
use super::output::{Output, words};
use super::reach::Reach;
use super::table::cell;
use clap::Args;
use serde_json::Value;

/// How points in time are written, for the help of every command that takes one.
pub(super) const WHEN: &str = "WHEN is an event's number (48213 or #48213), an RFC 3339 time, a while ago (-2h, -15m, -3d), now, \
    'yesterday 09:00' (UTC), boot, checkpoint:12, event:ID, or before: and one of these.";

#[derive(Args, Debug)]
#[command(after_help = WHEN)]
pub(super) struct StateArgs {
    /// What of it, as clients/ID, 'sessions?user=ID', grants, site; how many of everything, if left out
    path: Option<String>,
    /// At this point of the history
    #[arg(long, value_name = "WHEN", default_value = "now", allow_hyphen_values = true)]
    at: String,
    /// Only what it adds up to: the state digest
    #[arg(long, conflicts_with = "path")]
    digest: bool,
}

pub(super) async fn run(args: StateArgs, reach: &Reach, output: &mut Output) -> Result<(), CliError> {
    let mut query = vec![("at", args.at.as_str())];
    query.extend(args.path.as_deref().map(|path| ("path", path)));
    query.extend(args.digest.then_some(("digest", "true")));
    let answer = reach.find(&["state"], &query).await?;
    say_point(&answer);
    match (args.digest, answer.get("state")) {
        (true, _) if output.is_table() => output.line(&format!("{}  fold {}", cell(&answer, "digest"), cell(&answer, "fold"))),
        (true, _) => output.value(&answer),
        (false, Some(Value::Array(entities))) if !output.is_table() => output.values(entities),
        (false, state) => json(state.unwrap_or(&Value::Null), output),
    }
}

/// Says which point was meant.
pub(super) fn say_point(answer: &Value) {
    let Some(at) = answer.get("at") else { return };
    let seq = cell(at, "seq");
    let seq = if seq.is_empty() { "before the first event".to_owned() } else { format!("#{seq}") };
    words(&format!("at {seq} {}", cell(at, "t")));
}

/// JSON: indented for people.
pub(super) fn json(value: &Value, output: &mut Output) -> Result<(), CliError> {
    match output.is_table() {
        true => format!("{value:#}").lines().try_for_each(|line| output.line(line)),
        false => output.value(value),
    }
}
