//! `writ site`: making and configuring sites.

use super::exit::CliError;
use super::output::{Output, Tone, words};
use super::reach::Reach;
use super::table::{cell, cut, pairs, table};
use clap::{Args, Subcommand};
use http::Method;
use serde_json::{Map, Value, json};

#[derive(Subcommand, Debug)]
pub(super) enum SiteCommand {
    /// Make a site; its issuer is {public url}/oauth2/{name} for ever
    Add(AddArgs),
    /// Change settings: writ site set default access_seconds=600
    Set {
        /// The site's name
        name: String,
        /// Settings and their values
        #[arg(required = true, value_name = "KEY=VALUE")]
        settings: Vec<String>,
    },
    /// The sites
    List,
    /// One site with its settings
    Show {
        /// The site's name [default: --site]
        name: Option<String>,
    },
}

#[derive(Args, Debug)]
pub(super) struct AddArgs {
    /// Its name: 1 to 64 of A-Z a-z 0-9 . -
    name: String,
    /// Where people and apps reach the server, as https://auth.example.org
    #[arg(long, env = "WRIT_PUBLIC_URL", value_name = "URL")]
    public_url: String,
    /// standard, openemr or iehr
    #[arg(long, default_value = "standard")]
    profile: String,
    /// The name that people see
    #[arg(long)]
    title: Option<String>,
}

pub(super) async fn run(command: SiteCommand, reach: &Reach, output: &mut Output) -> Result<(), CliError> {
    match command {
        SiteCommand::Add(args) => add(args, reach, output).await,
        SiteCommand::Set { name, settings } => {
            let change = settings.iter().map(|setting| pair(setting, "writ site show")).collect::<Result<Map<_, _>, _>>()?;
            let site = reach.ask(Method::PATCH, &["sites", &name], Some(&Value::Object(change))).await?;
            show(&site, output)
        }
        SiteCommand::List => list(reach, output).await,
        SiteCommand::Show { name } => {
            let site = reach.ask(Method::GET, &["sites", name.as_deref().unwrap_or(&reach.site)], None).await?;
            show(&site, output)
        }
    }
}

async fn add(args: AddArgs, reach: &Reach, output: &mut Output) -> Result<(), CliError> {
    let mut body = json!({ "name": args.name, "public_url": args.public_url, "profile": args.profile });
    if let (Some(members), Some(title)) = (body.as_object_mut(), args.title) {
        members.insert("title".into(), title.into());
    }
    let site = reach.ask(Method::POST, &["sites"], Some(&body)).await?;
    if !output.is_table() {
        return output.value(&site);
    }
    output.line(&format!("site {} made: {}", cell(&site, "site"), cell(&site, "issuer")))?;
    let option = if args.name == "default" { String::new() } else { format!(" --site {}", args.name) };
    words(&format!(
        "next       writ user add --username NAME --password-stdin{option} · writ client add --redirect-uri URL{option} · writ serve"
    ));
    Ok(())
}

/// `key=value`; the server reads the value as what the setting is. `shown_by` is the command that shows which keys there are.
pub(super) fn pair(setting: &str, shown_by: &str) -> Result<(String, Value), CliError> {
    let halves = setting.split_once('=').filter(|(name, _)| !name.is_empty());
    let halves = halves.ok_or_else(|| CliError::usage(format!("'{setting}' is not KEY=VALUE; which keys there are: {shown_by}")))?;
    Ok((halves.0.to_owned(), Value::from(halves.1)))
}

async fn list(reach: &Reach, output: &mut Output) -> Result<(), CliError> {
    let answer = reach.ask(Method::GET, &["sites"], None).await?;
    let sites = answer.get("sites").and_then(Value::as_array).cloned().unwrap_or_default();
    if !output.is_table() {
        return output.values(&sites);
    }
    let columns = ["site", "issuer", "profile", "users", "clients", "events"];
    let rows: Vec<Vec<String>> = sites.iter().map(|site| columns.map(|name| cell(site, name)).to_vec()).collect();
    table(output, &["SITE", "ISSUER", "PROFILE", "USERS", "CLIENTS", "EVENTS"], &rows)
}

fn show(site: &Value, output: &mut Output) -> Result<(), CliError> {
    if !output.is_table() {
        return output.value(site);
    }
    let names = ["site", "issuer", "title", "users", "clients", "events", "checkpoint_key"];
    pairs(output, &names.map(|name| (name, cell(site, name))))?;
    output.line("")?;
    let settings = site.get("settings").and_then(Value::as_object).cloned().unwrap_or_default();
    let whole = Value::Object(settings.clone());
    let shown = |name: &String| Some(cut(&cell(&whole, name), 76)).filter(|text| !text.is_empty()).unwrap_or_else(|| "–".to_owned());
    let rows: Vec<(&str, String)> = settings.keys().map(|name| (name.as_str(), shown(name))).collect();
    pairs(output, &rows)?;
    show_costs(site, &whole, output)
}

/// What the settings cost in safety: one sentence each.
fn show_costs(site: &Value, settings: &Value, output: &mut Output) -> Result<(), CliError> {
    let costs = site.get("costs").and_then(Value::as_object).cloned().unwrap_or_default();
    output.line("")?;
    if costs.is_empty() {
        return output.line("No setting is less safe than in the profile standard.");
    }
    output.toned(Tone::Bold, "What is less safe than in the profile standard:")?;
    let told = costs.iter().map(|(name, cost)| (format!("{name}={}", cell(settings, name)), cost.as_str().unwrap_or_default()));
    let told: Vec<(String, &str)> = told.collect();
    let rows: Vec<(&str, String)> = told.iter().map(|(setting, cost)| (setting.as_str(), (*cost).to_owned())).collect();
    pairs(output, &rows)
}
