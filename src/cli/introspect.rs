//! `writ introspect`: what the introspection endpoint would have answered about a token at a point of the history, and why.

use super::exit::CliError;
use super::explain::token;
use super::output::{Output, words};
use super::reach::Reach;
use super::state::{WHEN, json, say_point};
use super::table::cell;
use clap::Args;
use serde_json::Value;

#[derive(Args, Debug)]
#[command(after_help = WHEN)]
pub(super) struct IntrospectArgs {
    /// The token's id: tok_…, or grt_… for a grant's refresh token (grt_…#2 for the one of generation 2); `-` reads the token itself from
    /// stdin
    id: String,
    /// At this point of the history
    #[arg(long, value_name = "WHEN", default_value = "now", allow_hyphen_values = true)]
    at: String,
    /// As this client would have seen it [default: the token's own client]
    #[arg(long, value_name = "ID")]
    as_client: Option<String>,
}

pub(super) async fn run(args: IntrospectArgs, reach: &Reach, output: &mut Output) -> Result<(), CliError> {
    let mut query = vec![("at", args.at.as_str())];
    query.extend(args.as_client.as_deref().map(|client| ("as_client", client)));
    let answer = match args.id.as_str() {
        "" => return Err(CliError::usage("the id is empty")),
        "-" => reach.ask_about(&["tokens", "introspection"], &query, token()?.expose()).await?,
        // A token on a command line stands in the shell's history and in everybody's process list.
        id if id.len() > 64 => return Err(CliError::usage("never type a token itself: writ introspect - reads it from stdin")),
        id => reach.find(&["tokens", id, "introspection"], &query).await?,
    };
    say_point(&answer);
    for (why, next) in [("withheld", " (--identify --reason TEXT)"), ("erased", "")] {
        if answer.get(why).is_some() {
            words(&format!("{why}: {}{next}", cell(&answer, why)));
        }
    }
    let body = told(&answer);
    json(&body, output)?;
    match body.get("active") {
        Some(Value::Bool(true)) => Ok(()),
        _ => Err(CliError::no()),
    }
}

/// The body of then, and beside it what it is the answer of: `_at`, the last event that had happened; `_because`, the event that decided
/// it and what led to that; `_status`, where it was not 200.
fn told(answer: &Value) -> Value {
    let mut body = answer.get("body").and_then(Value::as_object).cloned().unwrap_or_default();
    body.insert("_at".into(), answer.pointer("/at/seq").cloned().unwrap_or_default());
    body.insert("_because".into(), answer.get("because").cloned().unwrap_or_default());
    let status = answer.get("status").filter(|status| status.as_u64() != Some(200));
    body.extend(status.map(|status| ("_status".to_owned(), status.clone())));
    Value::Object(body)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn the_answer_of_then_stands_beside_what_it_rests_on() {
        let answer =
            json!({ "at": { "seq": 4, "t": "2026-03-14T09:01:20.300Z" }, "status": 200, "body": { "active": true }, "because": [4, 0] });
        assert_eq!(told(&answer), json!({ "active": true, "_at": 4, "_because": [4, 0] }));
        let refused = json!({ "at": { "seq": 4 }, "status": 401, "body": { "error": "invalid_client" }, "because": [] });
        assert_eq!(told(&refused), json!({ "error": "invalid_client", "_at": 4, "_because": [], "_status": 401 }));
    }
}
