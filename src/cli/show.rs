//! `writ show`: one event with all its members, what led to it and what came of it.

use super::exit::CliError;
use super::log::weight;
use super::output::{Output, Tone};
use super::reach::Reach;
use super::table::{cell, cut, pairs};
use clap::Args;
use http::Method;
use serde_json::Value;

#[derive(Args, Debug)]
pub(super) struct ShowArgs {
    /// The event's number, as 48213 or #48213
    seq: String,
}

/// Members that have a place of their own.
const APART: [&str; 5] = ["asked", "disclosed", "erased", "facts", "withheld"];
/// Members in the order in which people look for them; all others follow.
const FIRST: [&str; 11] = ["seq", "t", "site", "type", "outcome", "sev", "actor", "corr", "cause", "id", "v"];

pub(super) async fn run(args: ShowArgs, reach: &Reach, output: &mut Output) -> Result<(), CliError> {
    let shown = reach.ask(Method::GET, &["events", args.seq.trim_start_matches('#')], None).await?;
    if !output.is_table() {
        return output.value(&shown);
    }
    let none = Value::Null;
    let event = shown.get("event").unwrap_or(&none);
    output.toned(Tone::Bold, &format!("#{} {}  {}", cell(event, "seq"), cell(event, "type"), cell(event, "facts")))?;
    members(event, output)?;
    let list = |name: &str| shown.get(name).and_then(Value::as_array).cloned().unwrap_or_default();
    chain("what led to it", &list("causes"), output)?;
    chain("what came of it", &list("effects"), output)?;
    if shown.get("more_effects") == Some(&Value::Bool(true)) {
        output.line("  … and more: writ explain grant ID")?;
    }
    Ok(())
}

fn members(event: &Value, output: &mut Output) -> Result<(), CliError> {
    let all = event.as_object().cloned().unwrap_or_default();
    let others = all.keys().map(String::as_str).filter(|name| !FIRST.contains(name) && !APART.contains(name));
    let names: Vec<&str> = FIRST.into_iter().filter(|name| all.contains_key(*name)).chain(others).collect();
    let rows: Vec<(&str, String)> = names.iter().map(|name| (*name, cell(event, name))).collect();
    pairs(output, &rows)?;
    for (title, name) in [("asked", "asked"), ("disclosed", "disclosed")] {
        if let Some(Value::Object(members)) = all.get(name) {
            output.line("")?;
            output.toned(Tone::Dim, title)?;
            let whole = Value::Object(members.clone());
            let rows: Vec<(&str, String)> = members.keys().map(|name| (name.as_str(), cell(&whole, name))).collect();
            pairs(output, &rows)?;
        }
    }
    if all.contains_key("withheld") {
        output.line("")?;
        output.line(&format!("withheld  {}  (--identify --reason TEXT)", cell(event, "withheld")))?;
    }
    if all.contains_key("erased") {
        output.line("")?;
        output.line(&format!("erased    {}", cell(event, "erased")))?;
    }
    Ok(())
}

fn chain(title: &str, events: &[Value], output: &mut Output) -> Result<(), CliError> {
    if events.is_empty() {
        return Ok(());
    }
    output.line("")?;
    output.toned(Tone::Dim, title)?;
    for event in events {
        let (severe, tone) = weight(&cell(event, "sev"));
        let mark = if severe.is_empty() { ' ' } else { '!' };
        let time = cell(event, "t").replace('T', " ").replace('Z', "");
        let text = format!("{mark} #{:<6} {time}  {:<22}  {}", cell(event, "seq"), cell(event, "type"), cell(event, "facts"));
        output.toned(tone, &cut(&text, 120))?;
    }
    Ok(())
}
