//! `writ replay`: the whole log folded once more, and compared with what the server recorded and lives on.

use super::exit::CliError;
use super::output::{Output, progress};
use super::reach::Reach;
use super::state::{WHEN, say_point};
use super::table::{cell, pairs};
use clap::Args;
use serde_json::Value;

#[derive(Args, Debug)]
#[command(after_help = WHEN)]
pub(super) struct ReplayArgs {
    /// Up to this point of the history [default: its end]
    #[arg(long, value_name = "WHEN", allow_hyphen_values = true)]
    until: Option<String>,
    /// Fail with 8 if a digest differs that the server recorded, or the one of its live state
    #[arg(long)]
    verify_digest: bool,
    /// Count events by type, and what is in the state at the end
    #[arg(long)]
    stats: bool,
}

pub(super) async fn run(args: ReplayArgs, reach: &Reach, output: &mut Output) -> Result<(), CliError> {
    let mut query: Vec<(&str, &str)> = args.until.iter().map(|until| ("until", until.as_str())).collect();
    query.extend(args.stats.then_some(("stats", "true")));
    let result = last_line(reach, &query).await?;
    say_point(&result);
    let verified = result.get("verified").unwrap_or(&Value::Null);
    match output.is_table() {
        true => draw(verified, args.stats, output)?,
        false => output.value(verified)?,
    }
    match args.verify_digest && result.get("equal") != Some(&Value::Bool(true)) {
        true => Err(CliError::replay_differs(difference(verified))),
        false => Ok(()),
    }
}

/// Reads the stream to its end, saying how far the replay has come.
async fn last_line(reach: &Reach, query: &[(&str, &str)]) -> Result<Value, CliError> {
    let mut answer = reach.stream(&["replay"], query).await?;
    let mut rest = Vec::new();
    let mut last = Value::Null;
    while let Some(piece) = answer.piece().await? {
        rest.extend_from_slice(&piece);
        let whole = rest.iter().rposition(|byte| *byte == b'\n').map_or(0, |at| at + 1);
        let lines: Vec<u8> = rest.drain(..whole).collect();
        for line in lines.split(|byte| *byte == b'\n').filter(|line| !line.is_empty()) {
            last = serde_json::from_slice(line).map_err(|_| CliError::unreachable("the server's answer is not JSON"))?;
            if last.get("folded").is_some() {
                progress(&format!("replaying  {}/{}", cell(&last, "folded"), cell(&last, "of")));
            }
        }
    }
    match (last.get("result"), last.get("problem")) {
        (Some(result), _) => Ok(result.clone()),
        (None, Some(problem)) => Err(CliError::problem(&cell(problem, "code"), cell(problem, "detail"))),
        (None, None) => Err(CliError::unreachable("the replay was broken off")),
    }
}

fn draw(verified: &Value, stats: bool, output: &mut Output) -> Result<(), CliError> {
    let live = match verified.get("live_is_equal") {
        Some(Value::Bool(true)) => "equal",
        Some(Value::Bool(false)) => "DIFFERENT",
        _ => "not compared: the replay ends before it",
    };
    let count =
        |name: &str, words: &str| Some(cell(verified, name)).filter(|count| count != "0").map(|count| format!(" · {count} {words}"));
    let others = [count("skipped", "of another fold skipped"), count("beyond", "beyond the end"), count("unreadable", "unreadable")];
    let others: String = others.into_iter().flatten().collect();
    let rows = [
        ("events", cell(verified, "events")),
        ("digest", format!("{}  fold {}", cell(verified, "digest"), cell(verified, "fold"))),
        ("recorded", format!("{} compared{others}", cell(verified, "compared"))),
        ("live", live.to_owned()),
    ];
    pairs(output, &rows)?;
    for name in ["types", "entities"] {
        if let Some(Value::Object(counts)) = verified.get(name).filter(|_| stats) {
            output.line("")?;
            let rows: Vec<(&str, String)> = counts.iter().map(|(name, count)| (name.as_str(), count.to_string())).collect();
            pairs(output, &rows)?;
        }
    }
    Ok(())
}

/// Where log and state parted, in a sentence.
fn difference(verified: &Value) -> String {
    let Some(differs) = verified.get("differs").filter(|differs| !differs.is_null()) else {
        return "the live state is not what the log adds up to; restart the server and report this".to_owned();
    };
    let from = match cell(differs, "last_good") {
        seq if seq.is_empty() => "the first event".to_owned(),
        seq => format!("#{seq}"),
    };
    format!("the replay differs from what was recorded, somewhere after {from} and not after #{}", cell(differs, "first_bad"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_difference_is_said_with_its_interval() {
        let said = |differs: Value| difference(&json!({ "differs": differs, "live_is_equal": true }));
        assert!(said(json!({ "last_good": 9999, "first_bad": 19999 })).ends_with("somewhere after #9999 and not after #19999"));
        assert!(said(json!({ "last_good": null, "first_bad": 9999 })).contains("after the first event and not after #9999"));
        assert!(said(Value::Null).starts_with("the live state"));
    }
}
