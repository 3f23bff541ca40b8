//! `writ keys`: the site's signing keys.

use super::exit::CliError;
use super::output::Output;
use super::reach::Reach;
use super::table::{cell, table};
use clap::Subcommand;
use http::Method;
use serde_json::{Value, json};

#[derive(Subcommand, Debug)]
pub(super) enum KeysCommand {
    /// The keys and what each is for
    List,
    /// Make a new key; it is shown first for as long as the site says, then it signs, and the one before goes on verifying
    Rotate {
        /// The algorithm of the key: RS256, PS256, ES256 or EdDSA
        #[arg(long, default_value = "RS256", value_name = "ALG")]
        alg: String,
        /// It signs at once: the key before is not to be used any more
        #[arg(long)]
        now: bool,
    },
    /// Take a key out: what it signed is no longer good
    Retire {
        /// The key's id
        kid: String,
        /// Even if tokens that are still good were signed with it: they die with it
        #[arg(long)]
        force: bool,
    },
}

pub(super) async fn run(command: KeysCommand, reach: &Reach, output: &mut Output) -> Result<(), CliError> {
    let changed = match command {
        KeysCommand::List => return list(reach, output).await,
        KeysCommand::Rotate { alg, now } => reach.ask(Method::POST, &["keys"], Some(&json!({ "alg": alg, "now": now }))).await?,
        KeysCommand::Retire { kid, force } => reach.ask(Method::DELETE, &["keys", &kid], Some(&json!({ "force": force }))).await?,
    };
    match output.is_table() {
        true => output.line(&told(&changed)),
        false => output.value(&changed),
    }
}

fn told(key: &Value) -> String {
    let (kid, state, until) = (cell(key, "kid"), cell(key, "state"), cell(key, "until"));
    match state.as_str() {
        "published" => format!("key {kid} published; it signs from {until}"),
        _ => format!("key {kid} {state}"),
    }
}

async fn list(reach: &Reach, output: &mut Output) -> Result<(), CliError> {
    let answer = reach.ask(Method::GET, &["keys"], None).await?;
    let keys = answer.get("keys").and_then(Value::as_array).cloned().unwrap_or_default();
    if !output.is_table() {
        return output.values(&keys);
    }
    let rows: Vec<Vec<String>> =
        keys.iter().map(|key| ["kid", "alg", "state", "since", "until"].map(|name| cell(key, name)).to_vec()).collect();
    table(output, &["KEY", "ALGORITHM", "STATE", "SINCE", "UNTIL"], &rows)
}
