//! `writ explain`: the story of an id, as AUDIT.md §8.4 draws it.

use super::exit::CliError;
use super::output::{Output, Tone};
use super::reach::Reach;
use super::table::{cell, cut, span};
use crate::terms::Secret;
use clap::Args;
use http::Method;
use serde_json::Value;
use std::io::Read;

#[derive(Args, Debug)]
pub(super) struct ExplainArgs {
    /// token, session, grant, client, user, request, code or consent
    kind: String,
    /// Its id; `-` reads the token itself from stdin
    #[arg(allow_hyphen_values = true)]
    id: String,
}

impl ExplainArgs {
    /// The story of this token.
    pub(super) fn token(id: String) -> Self {
        Self { kind: "token".to_owned(), id }
    }
}

/// More than any token has.
const TOKEN_BYTES_MAX: u64 = 64 * 1024;

pub(super) async fn run(args: ExplainArgs, reach: &Reach, output: &mut Output) -> Result<(), CliError> {
    let story = story(&args, reach).await?;
    match output.is_table() {
        true => draw(&story).into_iter().try_for_each(|(tone, line)| output.toned(tone, &line)),
        false => output.value(&story),
    }
}

/// The story as people read it.
pub(super) async fn drawn(args: &ExplainArgs, reach: &Reach) -> Result<Vec<(Tone, String)>, CliError> {
    Ok(draw(&story(args, reach).await?))
}

async fn story(args: &ExplainArgs, reach: &Reach) -> Result<Value, CliError> {
    match (args.kind.as_str(), args.id.as_str()) {
        ("token", "-") => reach.ask_about(&["explain", "token"], &[], token()?.expose()).await,
        (_, "") => Err(CliError::usage("the id is empty")),
        (_, "-") => Err(CliError::usage("only a token is read from stdin: writ explain token -")),
        // A token on a command line stands in the shell's history and in everybody's process list.
        ("token", id) if id.len() > 64 => Err(CliError::usage("never type a token itself: writ explain token - reads it from stdin")),
        (kind, id) => reach.ask(Method::GET, &["explain", kind, id], None).await,
    }
}

/// A token from stdin.
pub(super) fn token() -> Result<Secret, CliError> {
    let mut text = String::new();
    let read = std::io::stdin().lock().take(TOKEN_BYTES_MAX).read_to_string(&mut text);
    read.map_err(|error| CliError::usage(format!("no token could be read: {error}")))?;
    match text.trim() {
        "" => Err(CliError::usage("there is no token on stdin")),
        token => Ok(Secret::new(token.to_owned())),
    }
}

/// The story as lines for people.
fn draw(story: &Value) -> Vec<(Tone, String)> {
    let none = Value::Null;
    let of = |name: &str| story.get(name).unwrap_or(&none);
    let mut lines = vec![(Tone::Bold, title(story))];
    if let Some(presented) = of("presented").as_object() {
        lines.push((Tone::Plain, presented_line(&Value::Object(presented.clone()))));
    }
    lines.push((Tone::Plain, state_line(of("state"))));
    if let Some(sentence) = of("because").get("sentence").and_then(Value::as_str) {
        lines.push((Tone::Plain, format!("because    {sentence}")));
    }
    lines.push((Tone::Plain, String::new()));
    lines.extend(tree(of("events").as_array().map(Vec::as_slice).unwrap_or_default()));
    lines.push((Tone::Plain, String::new()));
    lines.push((Tone::Dim, footer(story)));
    let next: Vec<&str> = of("next").as_array().into_iter().flatten().filter_map(Value::as_str).collect();
    if !next.is_empty() {
        lines.push((Tone::Plain, format!("next       {}", next.join(" · "))));
    }
    lines
}

/// The id, what it is, and what it belongs to.
fn title(story: &Value) -> String {
    let none = Value::Null;
    let subject = story.get("subject").unwrap_or(&none);
    let id = cell(story, "id");
    let kind = match cell(story, "kind").as_str() {
        "token" if is_refreshed(subject) => "access token, refreshed".to_owned(),
        "token" => "access token".to_owned(),
        other => other.to_owned(),
    };
    let named = ["grant", "session", "role"].map(|name| (name, cell(subject, name)));
    let named = named.into_iter().filter(|(_, value)| !value.is_empty() && *value != id).map(|(name, value)| format!("{name} {value}"));
    let client = Some(cell(subject, "client_name")).filter(|name| !name.is_empty());
    let parts: Vec<String> = std::iter::once(kind).chain(named).chain(client).collect();
    format!("{id}   {}", parts.join(" · "))
}

/// Whether a refresh token was spent for it: the first one of a grant has generation 0.
fn is_refreshed(token: &Value) -> bool {
    token.get("generation").and_then(Value::as_u64).is_some_and(|generation| generation > 0)
}

fn presented_line(presented: &Value) -> String {
    let generation = match (cell(presented, "generation"), cell(presented, "current")) {
        (generation, _) if generation.is_empty() => String::new(),
        (generation, current) if current.is_empty() => format!(" of generation {generation}"),
        (generation, current) if generation == current => format!(" of generation {generation}, the current one"),
        (generation, current) => format!(" of generation {generation}; {current} is current"),
    };
    format!("presented  {}{generation}", cell(presented, "as"))
}

fn state_line(state: &Value) -> String {
    let time = |name: &str| cell(state, name).replace('T', " ").replace('Z', "");
    let since = match (time("since"), cell(state, "by")) {
        (since, _) if since.is_empty() => String::new(),
        (since, by) if by.is_empty() => format!(" since {since}"),
        (since, by) => format!(" since {since} (#{by})"),
    };
    let until = Some(time("until")).filter(|until| !until.is_empty()).map(|until| format!(" until {until}")).unwrap_or_default();
    let last_use = state.get("after_last_use_ms").and_then(Value::as_u64);
    let last_use = last_use.map(|millis| format!(", {} after its last use", span(millis))).unwrap_or_default();
    format!("state      {}{since}{until}{last_use}", cell(state, "word"))
}

/// No line is indented further.
const DEPTH_MAX: u64 = 14;
const WIDTH: usize = 120;

/// One line an event, under the one that led to it.
fn tree(events: &[Value]) -> Vec<(Tone, String)> {
    let mut day = String::new();
    let mut lines = Vec::new();
    let seq_width = events.iter().map(|event| cell(event, "seq").len()).max().unwrap_or(1);
    for event in events {
        let t = cell(event, "t");
        let (date, time) = t.split_once('T').unwrap_or_default();
        if date != day {
            lines.push((Tone::Dim, format!("── {date} UTC ──")));
            day = date.to_owned();
        }
        let (severe, tone) = super::log::weight(&cell(event, "sev"));
        let mark = if severe.is_empty() { ' ' } else { '!' };
        let delta = event.get("delta_ms").and_then(Value::as_u64).map(|millis| format!("+{}", span(millis))).unwrap_or_default();
        let depth = usize::try_from(event.get("depth").and_then(Value::as_u64).unwrap_or(0).min(DEPTH_MAX)).unwrap_or(0);
        let branch = if depth == 0 { String::new() } else { format!("{}└ ", "  ".repeat(depth - 1)) };
        let head = format!(
            "{mark} #{:<seq_width$}  {}  {delta:>11}  {branch}{}",
            cell(event, "seq"),
            time.trim_end_matches('Z'),
            cell(event, "type")
        );
        let severe = if severe.is_empty() { String::new() } else { format!("  {severe}") };
        let room = WIDTH.saturating_sub(head.chars().count() + severe.chars().count() + 2);
        lines.push((tone, format!("{head}  {}{severe}", cut(&cell(event, "facts"), room.max(24)))));
    }
    lines
}

fn footer(story: &Value) -> String {
    let number = |name: &str| story.get(name).and_then(Value::as_u64).unwrap_or(0);
    let fields = |count: u64| if count == 1 { "1 field".to_owned() } else { format!("{count} fields") };
    let none = Value::Null;
    let at = format!("as of #{}", cell(story.get("at").unwrap_or(&none), "seq"));
    let omitted = (number("omitted") > 0).then(|| format!("{} events in the middle left out", number("omitted")));
    let withheld = (number("withheld") > 0).then(|| format!("{} withheld (--identify --reason TEXT)", fields(number("withheld"))));
    let erased = (number("erased") > 0).then(|| format!("{} erased", fields(number("erased"))));
    [Some(at), omitted, withheld, erased].into_iter().flatten().collect::<Vec<_>>().join(" · ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_story_is_drawn_with_its_state_its_reason_and_its_tree() {
        let story = json!({
            "kind": "token", "id": "tok_8Rn3", "subject": { "grant": "grt_19c4", "session": "ses_c0de", "client_name": "Growth Chart", "refreshes": true, "generation": 1 },
            "at": { "seq": 7 },
            "state": { "word": "REVOKED", "since": "2026-03-14T09:26:53.590Z", "by": 6, "until": null, "after_last_use_ms": 1_533_290 },
            "because": { "chain": [6, 5], "sentence": "#6 grant.revoked ← #5 refresh.reuse_detected: generation 0 came back, 1 was current" },
            "events": [
                { "seq": 0, "t": "2026-03-14T08:01:12.004Z", "type": "login.succeeded", "sev": "info", "depth": 0, "delta_ms": null, "facts": "password" },
                { "seq": 5, "t": "2026-03-14T09:26:53.589Z", "type": "refresh.reuse_detected", "sev": "high", "depth": 2, "delta_ms": 1_533_289, "facts": "generation 0" },
            ],
            "omitted": 0, "withheld": 2, "erased": 0, "next": ["writ show 5"],
        });
        let drawn: Vec<String> = draw(&story).into_iter().map(|(_, line)| line).collect();
        let expected = [
            "tok_8Rn3   access token, refreshed · grant grt_19c4 · session ses_c0de · Growth Chart",
            "state      REVOKED since 2026-03-14 09:26:53.590 (#6), 25 m 33 s after its last use",
            "because    #6 grant.revoked ← #5 refresh.reuse_detected: generation 0 came back, 1 was current",
            "",
            "── 2026-03-14 UTC ──",
            "  #0  08:01:12.004               login.succeeded  password",
            "! #5  09:26:53.589   +25 m 33 s    └ refresh.reuse_detected  generation 0  HIGH",
            "",
            "as of #7 · 2 fields withheld (--identify --reason TEXT)",
            "next       writ show 5",
        ];
        assert_eq!(drawn, expected);
    }

    #[test]
    fn only_a_token_that_a_refresh_gave_is_called_refreshed() {
        let titled = |generation: Value| {
            title(&json!({ "kind": "token", "id": "tok_8Rn3", "subject": { "refreshes": true, "generation": generation } }))
        };
        assert_eq!(titled(json!(2)), "tok_8Rn3   access token, refreshed");
        for never in [json!(0), Value::Null] {
            assert_eq!(titled(never), "tok_8Rn3   access token");
        }
    }
}
