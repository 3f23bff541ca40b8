//! `writ demo`: a throw-away server that tells the whole story once, and then stays up to be played with.

mod browser;
mod story;

use super::Global;
use super::audit;
use super::exit::CliError;
use super::explain::{self, ExplainArgs};
use super::output::{Format, Output, trace_words, words};
use super::reach::{Reach, open_ledger};
use super::serve::{End, Running, shut_down};
use super::settings::Settings;
use crate::command::ConfigureSite;
use crate::event::{Edition, Profile};
use crate::ledger::{Ledger, SiteError};
use crate::outbound::Outbound;
use crate::terms::{Actor, Role, Secret, SiteName};
use crate::vault::PasswordText;
use clap::Args;
use serde_json::{Map, Value};
use std::net::{SocketAddr, TcpListener};
use std::path::PathBuf;

/// Why the demo's log is handed out.
const PURPOSE: &str = "a demonstration";

#[derive(Args, Debug)]
pub(super) struct DemoArgs {
    /// Address and port, on loopback; port 0 takes a free one
    #[arg(long, default_value = "127.0.0.1:9080", value_name = "ADDR")]
    listen: SocketAddr,
    /// End after the story: with 0 if it went as it should, with 1 if not
    #[arg(long)]
    exit: bool,
}

pub(super) async fn run(global: &Global, args: DemoArgs) -> Result<(), CliError> {
    trace_words("writ=warn,error");
    if !args.listen.ip().is_loopback() {
        return Err(CliError::usage("the demo has a password that everyone knows: it listens on loopback only"));
    }
    let address = free(args.listen)?;
    let directory = ThrowAway::make()?;
    let settings = Settings::plain(directory.0.join("data"), address);
    let (data, key) = (settings.data.clone(), None);
    let opened = tokio::task::spawn_blocking(move || open_ledger(&data, key, Outbound::default())).await;
    let ledger = opened.map_err(|error| CliError::integrity(error.to_string()))??;
    let told = tell_and_stay(global, &ledger, &settings, args.exit).await;
    shut_down(&ledger).await;
    told
}

async fn tell_and_stay(global: &Global, ledger: &Ledger, settings: &Settings, exit: bool) -> Result<(), CliError> {
    furnish(ledger, settings.listen).await.map_err(|error| CliError::differs(error.to_string()))?;
    let mut end = End::listen()?;
    let running = Running::start(ledger, settings).await?;
    let told = tell(global, settings).await;
    if !exit && told.is_ok() {
        words(&format!(
            "\nThe server stays up at http://{}/oauth2/default (user {}, password \"{}\").",
            settings.listen,
            story::USERNAME,
            story::PASSWORD
        ));
        words(&format!("Its log: writ log --data {}    Ctrl-C ends it and throws everything away.", settings.data.display()));
        end.comes(ledger).await;
    }
    running.stop(ledger).await?;
    told
}

/// What the two sources show and `iehr`, which means all that `openemr` does, does not switch on (DESIGN.md §6): the response types with a
/// code and a token, passwords at the token endpoint and at its old address, apps at addresses as `myapp://callback`.
fn switched_on() -> Map<String, Value> {
    ["authorize.hybrid", "compat.password_path", "redirect.allow_custom_scheme"]
        .map(|flag| (flag.to_owned(), Value::from(true)))
        .into_iter()
        .chain([("password_grant".to_owned(), "both".into())])
        .collect()
}

/// A site with everything that is built switched on, and somebody who can sign in.
async fn furnish(ledger: &Ledger, address: SocketAddr) -> Result<(), SiteError> {
    let issuer = format!("http://{address}/oauth2/default");
    let by = Actor::Server;
    let site = ledger.create_site(&SiteName::default_site(), issuer, Profile::Iehr, "Demo Clinic".to_owned(), by.clone()).await?;
    let change = ConfigureSite { change: switched_on(), edition: Edition::CURRENT, by: by.clone() };
    ledger.carry_out(&site, change, ledger.own_request()).await?;
    let claims: Map<String, Value> = [
        ("name", "Jane Doe"),
        ("given_name", "Jane"),
        ("family_name", "Doe"),
        ("preferred_username", "jane"),
        ("email", "jane.doe@example.org"),
    ]
    .into_iter()
    .map(|(name, value)| (name.to_owned(), Value::from(value)))
    .collect();
    let password = PasswordText::parse_new(&Secret::new(story::PASSWORD.to_owned())).ok();
    ledger.create_user(&site, story::USERNAME, password, Role::Users, claims, by, ledger.own_request()).await?;
    Ok(())
}

/// The story, and what the log says about its last token.
async fn tell(global: &Global, settings: &Settings) -> Result<(), CliError> {
    let mut output = Output::new(Some(global.output.unwrap_or(Format::Table)));
    let told = story::tell(&mut output, settings.listen).await?;
    let global = Global { data: Some(settings.data.clone()), ..global.clone() };
    let reach = Reach::open(&global, false).await?;
    let shown = last_steps(told, settings, &reach, output).await;
    reach.close().await;
    shown
}

/// What the log knows, and that others can check it.
async fn last_steps(told: story::Told, settings: &Settings, reach: &Reach, mut output: Output) -> Result<(), CliError> {
    let data = settings.data.display();
    output.line("")?;
    output.line("# 11. Why is the token dead? The log knows")?;
    output.line(&format!("writ explain token {} --data {data}", told.token))?;
    let drawn = explain::drawn(&ExplainArgs::token(told.token), reach).await?;
    drawn.iter().try_for_each(|(tone, line)| output.toned(*tone, &format!("#   {line}")))?;
    output.line("")?;
    output.line("# 12. Hand the log to somebody who does not trust you: the bundle proves itself")?;
    output.line(&format!("writ audit export --purpose '{PURPOSE}' --data {data} | writ audit verify - --output table"))?;
    audit::show(reach, &mut output.with_margin("#   "), PURPOSE).await
}

/// The address with a port that is free now.
fn free(address: SocketAddr) -> Result<SocketAddr, CliError> {
    let taken = |error: std::io::Error| CliError::unreachable(format!("cannot listen on {address}: {error}"));
    TcpListener::bind(address).and_then(|listener| listener.local_addr()).map_err(taken)
}

/// A directory that is removed at the end.
struct ThrowAway(PathBuf);

impl ThrowAway {
    fn make() -> Result<Self, CliError> {
        let name = crate::ledger::draw_id::<crate::terms::RequestId>().to_string().replace("req_", "writ-demo-");
        let path = std::env::temp_dir().join(name);
        let made = std::os::unix::fs::DirBuilderExt::mode(&mut std::fs::DirBuilder::new(), 0o700).create(&path);
        made.map_err(|error| CliError::unreachable(format!("cannot make {}: {error}", path.display())))?;
        Ok(Self(path))
    }
}

impl Drop for ThrowAway {
    fn drop(&mut self) {
        if let Err(error) = std::fs::remove_dir_all(&self.0) {
            words(&format!("writ: {} was left behind: {error}", self.0.display()));
        }
    }
}
