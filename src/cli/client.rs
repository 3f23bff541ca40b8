//! `writ client`: the apps.

use super::exit::CliError;
use super::key_set::key_set;
use super::output::{Output, Tone, words};
use super::reach::Reach;
use super::site::pair;
use super::table::{cell, cut, pairs, table};
use clap::{Args, Subcommand};
use http::Method;
use serde_json::{Value, json};
use std::path::PathBuf;

#[derive(Subcommand, Debug)]
pub(super) enum ClientCommand {
    /// Register a client; it needs no approval
    Add(Box<AddArgs>),
    /// Hand out an initial access token, with which apps may register themselves
    Invite(InviteArgs),
    /// The initial access tokens handed out
    Invitations,
    /// Take an initial access token back; what registered with it stays
    RevokeInvitation {
        /// Its id
        invitation: String,
    },
    /// The clients
    List,
    /// One client with its metadata
    Show(Named),
    /// Let a client do more, or less: grant_types=…, legacy_secretless=password,refresh, introspect_any=on
    Set(SetArgs),
    /// Let a waiting client in
    Approve(Named),
    /// Keep a client out; its tokens are dead while this lasts
    Disable(Named),
    /// Let a disabled client in again
    Enable(Named),
    /// Give a client a new secret; the old one stops working at once
    RotateSecret(Named),
    /// Take a client out for ever
    Delete(Named),
}

#[derive(Args, Debug)]
pub(super) struct Named {
    /// The client's id
    #[arg(allow_hyphen_values = true)]
    client: String,
}

#[derive(Args, Debug)]
pub(super) struct SetArgs {
    /// The client's id
    #[arg(allow_hyphen_values = true)]
    client: String,
    /// What changes; several values are separated by commas
    #[arg(required = true, value_name = "KEY=VALUE")]
    settings: Vec<String>,
}

#[derive(Args, Debug)]
pub(super) struct InviteArgs {
    /// How many apps may register with it
    #[arg(long, default_value_t = 1, value_name = "N")]
    uses: u32,
    /// For how many hours it is good
    #[arg(long, default_value_t = 168, value_name = "N")]
    hours: u32,
}

#[derive(Args, Debug)]
pub(super) struct AddArgs {
    /// The name that people see
    #[arg(long)]
    name: Option<String>,
    /// Where people are sent back to; none for a client without people
    #[arg(long = "redirect-uri", value_name = "URI")]
    redirect_uris: Vec<String>,
    /// Where people may be sent after signing out
    #[arg(long = "post-logout-redirect-uri", value_name = "URI")]
    post_logout_redirect_uris: Vec<String>,
    /// Where it is told that a session is over
    #[arg(long, value_name = "URL")]
    backchannel_logout_uri: Option<String>,
    /// The page of its own that browsers load when a session is over
    #[arg(long, value_name = "URL")]
    frontchannel_logout_uri: Option<String>,
    /// It is always told which session is over
    #[arg(long)]
    logout_session_required: bool,
    /// What it may ask for, separated by spaces
    #[arg(long, default_value = "openid profile email offline_access", value_name = "SCOPES")]
    scope: String,
    /// It keeps no secret: an app on people's devices, or in their browsers
    #[arg(long)]
    public: bool,
    /// web or native [default: native for a public client, web else]
    #[arg(long, value_name = "TYPE")]
    application_type: Option<String>,
    /// client_secret_basic, client_secret_post or private_key_jwt
    #[arg(long, conflicts_with = "public", value_name = "METHOD")]
    auth_method: Option<String>,
    /// How it gets tokens: authorization_code, client_credentials, password [default: authorization_code]
    #[arg(long = "grant-type", value_name = "GRANT")]
    grant_types: Vec<String>,
    /// Where its public keys are, for private_key_jwt
    #[arg(long, value_name = "URI")]
    jwks_uri: Option<String>,
    /// A file with its public keys, a JWK set; - is stdin
    #[arg(long, conflicts_with = "jwks_uri", value_name = "FILE")]
    jwks: Option<PathBuf>,
    /// Whom to write to
    #[arg(long = "contact", value_name = "ADDRESS")]
    contacts: Vec<String>,
}

pub(super) async fn run(command: ClientCommand, reach: &Reach, output: &mut Output) -> Result<(), CliError> {
    let post = |named: Named, act: &'static str| async move { reach.ask(Method::POST, &["clients", &named.client, act], None).await };
    if shows_secret(&command) {
        output.must_arrive();
    }
    let client = match command {
        ClientCommand::Add(args) => reach.ask(Method::POST, &["clients"], Some(&metadata(*args)?)).await?,
        ClientCommand::Invite(args) => return invite(args, reach, output).await,
        ClientCommand::Invitations => return invitations(reach, output).await,
        ClientCommand::RevokeInvitation { invitation } => {
            let revoked = reach.ask(Method::DELETE, &["invitations", &invitation], None).await?;
            return match output.is_table() {
                true => output.line(&format!("{} {}", cell(&revoked, "invitation"), cell(&revoked, "state"))),
                false => output.value(&revoked),
            };
        }
        ClientCommand::List => return list(reach, output).await,
        ClientCommand::Show(named) => reach.ask(Method::GET, &["clients", &named.client], None).await?,
        ClientCommand::Set(args) => {
            let pairs = args.settings.iter().map(|setting| pair(setting, "writ client show"));
            let body = Value::Object(pairs.collect::<Result<_, _>>()?);
            reach.ask(Method::PATCH, &["clients", &args.client], Some(&body)).await?
        }
        ClientCommand::Approve(named) => post(named, "approve").await?,
        ClientCommand::Disable(named) => post(named, "disable").await?,
        ClientCommand::Enable(named) => post(named, "enable").await?,
        ClientCommand::RotateSecret(named) => post(named, "rotate-secret").await?,
        ClientCommand::Delete(named) => reach.ask(Method::DELETE, &["clients", &named.client], None).await?,
    };
    show(&client, output)
}

/// Whether a secret is shown that nobody can show again.
fn shows_secret(command: &ClientCommand) -> bool {
    matches!(command, ClientCommand::Add(_) | ClientCommand::Invite(_) | ClientCommand::RotateSecret(_))
}

async fn invite(args: InviteArgs, reach: &Reach, output: &mut Output) -> Result<(), CliError> {
    let wanted = json!({ "uses": args.uses, "lifetime_seconds": u64::from(args.hours).saturating_mul(3600) });
    let invitation = reach.ask(Method::POST, &["invitations"], Some(&wanted)).await?;
    if !output.is_table() {
        return output.value(&invitation);
    }
    const NAMES: [&str; 5] = ["invitation", "initial_access_token", "uses_left", "expires_at", "registration_endpoint"];
    pairs(output, &NAMES.map(|name| (name, cell(&invitation, name))))?;
    words("the token is shown this once; only its digest is kept. Send it as Authorization: Bearer to the registration endpoint");
    Ok(())
}

async fn invitations(reach: &Reach, output: &mut Output) -> Result<(), CliError> {
    let answer = reach.ask(Method::GET, &["invitations"], None).await?;
    let invitations = answer.get("invitations").and_then(Value::as_array).cloned().unwrap_or_default();
    if !output.is_table() {
        return output.values(&invitations);
    }
    const NAMES: [&str; 5] = ["invitation", "state", "uses_left", "issued_at", "expires_at"];
    let rows: Vec<Vec<String>> = invitations.iter().map(|one| NAMES.map(|name| cell(one, name)).to_vec()).collect();
    table(output, &["INVITATION", "STATE", "LEFT", "SINCE", "UNTIL"], &rows)
}

fn metadata(args: AddArgs) -> Result<Value, CliError> {
    let application_type = args.application_type.unwrap_or_else(|| if args.public { "native" } else { "web" }.to_owned());
    let method = if args.public { "none".to_owned() } else { args.auth_method.unwrap_or_else(|| "client_secret_basic".to_owned()) };
    let grant_types = Some(args.grant_types).filter(|types| !types.is_empty());
    let jwks = args.jwks.as_deref().map(key_set).transpose()?;
    Ok(json!({
        "client_name": args.name,
        "grant_types": grant_types,
        "jwks": jwks,
        "jwks_uri": args.jwks_uri,
        "redirect_uris": args.redirect_uris,
        "post_logout_redirect_uris": args.post_logout_redirect_uris,
        "backchannel_logout_uri": args.backchannel_logout_uri,
        "backchannel_logout_session_required": args.logout_session_required,
        "frontchannel_logout_uri": args.frontchannel_logout_uri,
        "frontchannel_logout_session_required": args.logout_session_required,
        "scope": args.scope,
        "application_type": application_type,
        "token_endpoint_auth_method": method,
        "contacts": args.contacts,
    }))
}

async fn list(reach: &Reach, output: &mut Output) -> Result<(), CliError> {
    let answer = reach.ask(Method::GET, &["clients"], None).await?;
    let clients = answer.get("clients").and_then(Value::as_array).cloned().unwrap_or_default();
    if !output.is_table() {
        return output.values(&clients);
    }
    let row = |client: &Value| {
        vec![
            cell(client, "client_id"),
            cut(&cell(client, "client_name"), 28),
            cell(client, "client_status"),
            cut(&cell(client, "redirect_uris"), 30),
        ]
    };
    let rows: Vec<Vec<String>> = clients.iter().map(row).collect();
    table(output, &["CLIENT", "NAME", "STATE", "SENDS PEOPLE TO"], &rows)
}

fn show(client: &Value, output: &mut Output) -> Result<(), CliError> {
    if !output.is_table() {
        return output.value(client);
    }
    const NAMES: [&str; 14] = [
        "client_id",
        "client_secret",
        "client_name",
        "client_status",
        "application_type",
        "token_endpoint_auth_method",
        "redirect_uris",
        "post_logout_redirect_uris",
        "backchannel_logout_uri",
        "frontchannel_logout_uri",
        "grant_types",
        "scope",
        "registration_client_uri",
        "registration_access_token",
    ];
    pairs(output, &NAMES.map(|name| (name, cell(client, name))))?;
    let secretless = cell(client, "legacy_secretless");
    if !secretless.is_empty() {
        output.toned(Tone::Alarm, &format!("legacy_secretless  {secretless}: whoever knows its client_id may use these in its name"))?;
    }
    if client.get("introspect_any") == Some(&Value::Bool(true)) {
        output.line("introspect_any              on: it may ask about the tokens of every client here")?;
    }
    if client.get("client_secret").is_some() {
        words("the secret is shown this once; only its digest is kept");
    }
    Ok(())
}
