//! `writ log`: the events, newest last.

use super::exit::CliError;
use super::output::{Output, Tone, words};
use super::reach::Reach;
use super::table::{cell, cut};
use crate::http::admin::AdminAnswer;
use clap::Args;
use serde_json::Value;

#[derive(Args, Debug)]
#[command(after_help = super::state::WHEN)]
pub(super) struct LogArgs {
    /// Go on with what comes
    #[arg(short, long)]
    follow: bool,
    /// Only the newest N
    #[arg(short, value_name = "N")]
    n: Option<u64>,
    /// Not before
    #[arg(long, value_name = "WHEN", allow_hyphen_values = true)]
    from: Option<String>,
    /// Not after
    #[arg(long, value_name = "WHEN", allow_hyphen_values = true)]
    to: Option<String>,
    /// Of this type, as token.granted or 'refresh.*' (repeatable)
    #[arg(long = "type", value_name = "GLOB")]
    types: Vec<String>,
    /// About this user, by id or username
    #[arg(long, value_name = "USER")]
    user: Option<String>,
    /// About this client
    #[arg(long, value_name = "ID")]
    client: Option<String>,
    /// Of this session
    #[arg(long, value_name = "ID")]
    session: Option<String>,
    /// Of this grant
    #[arg(long, value_name = "ID")]
    grant: Option<String>,
    /// About this token
    #[arg(long, value_name = "ID")]
    token: Option<String>,
    /// Of this request
    #[arg(long, value_name = "ID")]
    corr: Option<String>,
    /// success, failure or denied
    #[arg(long, value_name = "OUTCOME")]
    outcome: Option<String>,
    /// At least this severe: info, low, medium, high or critical
    #[arg(long, value_name = "SEVERITY")]
    sev: Option<String>,
    /// Newest first
    #[arg(long, conflicts_with = "follow")]
    reverse: bool,
}

pub(super) async fn run(args: LogArgs, reach: &Reach, output: &mut Output) -> Result<(), CliError> {
    let follow = args.follow && reach.is_served();
    if args.follow && !follow {
        words("no server is running, so nothing more will come");
    }
    let newest = args.n.map(|n| n.to_string());
    let mut query: Vec<(&str, &str)> = args.types.iter().map(|glob| ("type", glob.as_str())).collect();
    let given = [
        ("from", &args.from),
        ("to", &args.to),
        ("user", &args.user),
        ("client", &args.client),
        ("session", &args.session),
        ("grant", &args.grant),
        ("token", &args.token),
        ("corr", &args.corr),
        ("outcome", &args.outcome),
        ("sev", &args.sev),
        ("n", &newest),
    ];
    query.extend(given.into_iter().filter_map(|(name, value)| Some((name, value.as_deref()?))));
    query.extend(args.reverse.then_some(("reverse", "true")));
    query.extend(follow.then_some(("follow", "true")));
    query.extend(output.is_table().then_some(("facts", "true")));
    let answer = reach.stream(&["events"], &query).await?;
    let mut printer = Printer { output, day: String::new(), told: 0 };
    let printed = printer.all(answer).await;
    let told = printer.told;
    match printed {
        Ok(()) if told == 0 => Err(CliError::no()),
        other => other,
    }
}

struct Printer<'a> {
    output: &'a mut Output,
    /// The day of the last event.
    day: String,
    told: u64,
}

impl Printer<'_> {
    async fn all(&mut self, mut answer: AdminAnswer) -> Result<(), CliError> {
        let mut rest = Vec::new();
        let mut printed = Ok(());
        while let Some(piece) = answer.piece().await? {
            // Once nobody listens, the rest is still read: the record of this query is made at its end.
            if printed.is_err() {
                continue;
            }
            rest.extend_from_slice(&piece);
            let whole = rest.iter().rposition(|byte| *byte == b'\n').map_or(0, |last| last + 1);
            let lines: Vec<u8> = rest.drain(..whole).collect();
            printed = lines.split(|byte| *byte == b'\n').filter(|line| !line.is_empty()).try_for_each(|line| self.event(line));
        }
        printed
    }

    fn event(&mut self, line: &[u8]) -> Result<(), CliError> {
        self.told = self.told.saturating_add(1);
        if self.output.format == super::output::Format::Ndjson {
            return self.output.write(&[line, b"\n"].concat());
        }
        let event: Value = serde_json::from_slice(line).map_err(|_| CliError::unreachable("the server's answer is not JSON"))?;
        if !self.output.is_table() {
            return self.output.value(&event);
        }
        let t = cell(&event, "t");
        let (day, time) = t.split_once('T').unwrap_or_default();
        if day != self.day {
            self.output.toned(Tone::Dim, &format!("── {day} UTC ──"))?;
            self.day = day.to_owned();
        }
        let (text, tone) = row(&event, time.trim_end_matches('Z'));
        self.output.toned(tone, &text)
    }
}

/// A terminal's line.
const WIDTH: usize = 120;

/// One event on one line.
fn row(event: &Value, time: &str) -> (String, Tone) {
    let (severe, tone) = weight(&cell(event, "sev"));
    let mark = if severe.is_empty() { ' ' } else { '!' };
    let head = format!("{mark} #{:<6} {time}  {:<22}  ", cell(event, "seq"), cell(event, "type"));
    let tail = if severe.is_empty() { String::new() } else { format!("  {severe}") };
    let room = WIDTH.saturating_sub(head.chars().count() + tail.chars().count());
    (format!("{head}{}{tail}", cut(&cell(event, "facts"), room)), tone)
}

/// What a severity is on a line, and how the line stands out.
pub(super) fn weight(sev: &str) -> (&'static str, Tone) {
    match sev {
        "critical" => ("CRITICAL", Tone::Alarm),
        "high" => ("HIGH", Tone::Alarm),
        _ => ("", Tone::Plain),
    }
}
