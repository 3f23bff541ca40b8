//! `writ user`: end-users. Passwords come in on stdin and never stand on a command line.

use super::exit::CliError;
use super::output::{Output, words};
use super::reach::Reach;
use super::table::{cell, pairs, table};
use crate::terms::Secret;
use clap::{Args, Subcommand};
use http::Method;
use serde_json::{Map, Value, json};
use std::io::{BufRead, IsTerminal};

#[derive(Subcommand, Debug)]
pub(super) enum UserCommand {
    /// Make a user
    Add(AddArgs),
    /// The users; who they are is shown with --identify --reason
    List,
    /// One user
    Show(Named),
    /// Keep a user out; their tokens are dead while this lasts
    Disable(Named),
    /// Let a disabled user in again
    Enable(Named),
    /// End every browser session of a user; their apps are told
    SignOut(Named),
    /// Let a user try again who failed too often
    Unlock(Named),
    /// Set a user's password, read from stdin
    SetPassword(Named),
    /// Take back what a user allowed a client; every token under it is dead
    Withdraw {
        /// Id or username
        user: String,
        /// The client's id
        #[arg(long, allow_hyphen_values = true)]
        client: String,
    },
    /// Destroy everything that names a person, for ever
    Erase {
        /// Id or username
        user: String,
        /// Yes, for ever
        #[arg(long)]
        yes: bool,
    },
}

#[derive(Args, Debug)]
pub(super) struct Named {
    /// Id or username
    user: String,
}

#[derive(Args, Debug)]
pub(super) struct AddArgs {
    /// What they sign in with
    #[arg(long)]
    username: String,
    /// users (staff) or patient
    #[arg(long, default_value = "users")]
    role: String,
    /// Their full name
    #[arg(long)]
    name: Option<String>,
    /// Their e-mail address
    #[arg(long)]
    email: Option<String>,
    /// Another claim of OpenID Connect Core §5.1, or fhirUser; a value that is JSON is taken as JSON, but digits alone are text
    #[arg(long, value_name = "NAME=VALUE")]
    claim: Vec<String>,
    /// Read the password from the first line of stdin
    #[arg(long)]
    password_stdin: bool,
}

pub(super) async fn run(command: UserCommand, reach: &Reach, output: &mut Output) -> Result<(), CliError> {
    let changed = match command {
        UserCommand::Add(args) => return add(args, reach, output).await,
        UserCommand::List => return list(reach, output).await,
        UserCommand::Show(named) => reach.ask(Method::GET, &["users", &named.user], None).await?,
        UserCommand::Disable(named) => reach.ask(Method::POST, &["users", &named.user, "disable"], None).await?,
        UserCommand::Enable(named) => reach.ask(Method::POST, &["users", &named.user, "enable"], None).await?,
        UserCommand::SignOut(named) => reach.ask(Method::POST, &["users", &named.user, "sign-out"], None).await?,
        UserCommand::Unlock(named) => reach.ask(Method::POST, &["users", &named.user, "unlock"], None).await?,
        UserCommand::SetPassword(named) => {
            let password = password()?;
            let body = json!({ "password": password.expose() });
            reach.ask(Method::PUT, &["users", &named.user, "password"], Some(&body)).await?
        }
        UserCommand::Withdraw { user, client } => reach.ask(Method::DELETE, &["users", &user, "consents", &client], None).await?,
        UserCommand::Erase { yes: false, .. } => {
            return Err(CliError::usage("erasing cannot be undone: say --yes if you mean it"));
        }
        UserCommand::Erase { user, yes: true } => reach.ask(Method::POST, &["users", &user, "erase"], None).await?,
    };
    show(&changed, output)
}

async fn add(args: AddArgs, reach: &Reach, output: &mut Output) -> Result<(), CliError> {
    let mut claims = Map::new();
    claims.extend(args.name.map(|name| ("name".to_owned(), name.into())));
    claims.extend(args.email.map(|email| ("email".to_owned(), email.into())));
    for claim in &args.claim {
        let (name, value) = claim.split_once('=').ok_or_else(|| CliError::usage(format!("'{claim}' is not NAME=VALUE")))?;
        claims.insert(name.to_owned(), claim_value(name, value));
    }
    let mut body = json!({ "username": args.username, "role": args.role, "claims": claims });
    if args.password_stdin
        && let Some(members) = body.as_object_mut()
    {
        members.insert("password".into(), password()?.expose().into());
    }
    let user = reach.ask(Method::POST, &["users"], Some(&body)).await?;
    if !args.password_stdin {
        words(&format!("the user cannot sign in yet; next: writ user set-password {}", cell(&user, "user")));
    }
    match output.is_table() {
        true => output.line(&format!("user {} made", cell(&user, "user"))),
        false => output.value(&user),
    }
}

/// A JSON value, else text. What looks like a number is one in `updated_at` alone: a year of birth or a telephone's digits are text
/// (OpenID Connect Core §5.1), and would not be told otherwise.
fn claim_value(name: &str, text: &str) -> Value {
    match serde_json::from_str(text) {
        Ok(value @ Value::Number(_)) if name == "updated_at" => value,
        Ok(Value::Number(_)) | Err(_) => text.into(),
        Ok(value @ (Value::Null | Value::Bool(_) | Value::String(_) | Value::Array(_) | Value::Object(_))) => value,
    }
}

/// The first line of stdin.
fn password() -> Result<Secret, CliError> {
    let stdin = std::io::stdin();
    if stdin.is_terminal() {
        words("type the password and press Enter; it is shown as you type");
    }
    let mut line = String::new();
    stdin.lock().read_line(&mut line).map_err(|error| CliError::usage(format!("no password could be read: {error}")))?;
    let typed = line.trim_end_matches(['\r', '\n']).to_owned();
    match typed.is_empty() {
        true => Err(CliError::usage("there is no password on stdin")),
        false => Ok(Secret::new(typed)),
    }
}

async fn list(reach: &Reach, output: &mut Output) -> Result<(), CliError> {
    let answer = reach.ask(Method::GET, &["users"], None).await?;
    let users = answer.get("users").and_then(Value::as_array).cloned().unwrap_or_default();
    if !output.is_table() {
        return output.values(&users);
    }
    let who = |user: &Value| {
        let claims = user.get("claims").cloned().unwrap_or_default();
        let name = cell(&claims, "name");
        let username = cell(&claims, "username");
        if name.is_empty() { username } else { format!("{username} ({name})") }
    };
    let identified = users.iter().any(|user| user.get("claims").is_some_and(Value::is_object));
    let row = |user: &Value| {
        let mut row = ["user", "role", "state"].map(|name| cell(user, name)).to_vec();
        row.extend(identified.then(|| who(user)));
        row
    };
    let rows: Vec<Vec<String>> = users.iter().map(row).collect();
    let headings: &[&str] = if identified { &["USER", "ROLE", "STATE", "WHO"] } else { &["USER", "ROLE", "STATE"] };
    table(output, headings, &rows)?;
    if !identified && !users.is_empty() {
        words("who they are: writ user list --identify --reason TEXT");
    }
    Ok(())
}

fn show(user: &Value, output: &mut Output) -> Result<(), CliError> {
    if !output.is_table() {
        return output.value(user);
    }
    let names = ["user", "role", "state", "password", "has_password"];
    pairs(output, &names.map(|name| (name, cell(user, name))))?;
    let claims = user.get("claims").and_then(Value::as_object).cloned().unwrap_or_default();
    let whole = Value::Object(claims.clone());
    let claims: Vec<(&str, String)> = claims.keys().map(|name| (name.as_str(), cell(&whole, name))).collect();
    pairs(output, &claims)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digits_are_text_where_the_standard_has_text() {
        for (name, text, value) in [
            ("birthdate", "1985", json!("1985")),
            ("phone_number", "441234567890", json!("441234567890")),
            ("updated_at", "1700000000", json!(1_700_000_000)),
            ("email_verified", "true", json!(true)),
            ("address", r#"{"country":"GB"}"#, json!({"country": "GB"})),
            ("name", "Ada Lovelace", json!("Ada Lovelace")),
            ("nickname", r#""007""#, json!("007")),
        ] {
            assert_eq!(claim_value(name, text), value, "{name}={text}");
        }
    }
}
