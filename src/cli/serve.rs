//! `writ serve`: the server, from its first event to its last.

use super::Global;
use super::exit::CliError;
use super::output::{trace_words, words};
use super::reach::{open_ledger, socket};
use super::settings::Settings;
use crate::command::Noted;
use crate::http::admin::{self, Admin, is_served_under, own_uid};
use crate::http::context::Context;
use crate::http::{AllowedHosts, Door, DoorSettings, Listen, Routes, Server, ServerSettings, routes, tls};
use crate::ledger::{Ledger, Site};
use crate::outbound::Outbound;
use crate::terms::{Actor, SiteName};
use clap::Args;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::watch;
use tokio::task::JoinHandle;

#[derive(Args, Debug)]
pub(super) struct ServeArgs {
    /// Where people and apps reach the server; sites with another issuer are refused
    #[arg(long, env = "WRIT_PUBLIC_URL", value_name = "URL")]
    pub(super) public_url: Option<String>,
    /// Address and port [default: 127.0.0.1:9080]
    #[arg(long, env = "WRIT_LISTEN", value_name = "ADDR")]
    pub(super) listen: Option<String>,
    /// The certificate chain (PEM); read again when it changes
    #[arg(long, env = "WRIT_TLS_CERT", value_name = "FILE")]
    pub(super) tls_cert: Option<PathBuf>,
    /// Its private key (PEM)
    #[arg(long, env = "WRIT_TLS_KEY", value_name = "FILE")]
    pub(super) tls_key: Option<PathBuf>,
    /// A proxy whose X-Forwarded headers are believed, as 10.0.0.0/8 (repeatable)
    #[arg(long = "trusted-proxy", env = "WRIT_TRUSTED_PROXIES", value_delimiter = ',', value_name = "CIDR")]
    pub(super) trusted_proxies: Vec<String>,
    /// A range that outgoing fetches may reach besides public addresses, as 10.0.0.0/8 (repeatable)
    #[arg(long, env = "WRIT_OUTBOUND_ALLOW", value_delimiter = ',', value_name = "CIDR")]
    pub(super) outbound_allow: Vec<String>,
    /// Certificates (PEM) that outgoing fetches trust besides the system's
    #[arg(long, env = "WRIT_OUTBOUND_CA_FILE", value_name = "FILE")]
    pub(super) outbound_ca_file: Option<PathBuf>,
    /// Settings as a TOML file; flags and environment go before it
    #[arg(long, env = "WRIT_CONFIG", value_name = "FILE")]
    pub(super) config: Option<PathBuf>,
    /// What is traced on stderr, as info or writ=debug
    #[arg(long, env = "WRIT_LOG", value_name = "FILTER")]
    pub(super) log: Option<String>,
    /// Say what would run, and do not
    #[arg(long)]
    pub(super) check: bool,
}

/// How often counts of refusals and reads are told.
const TELL_EVERY: Duration = Duration::from_secs(10);

pub(super) async fn run(global: &Global, args: ServeArgs) -> Result<(), CliError> {
    let check = args.check;
    let settings = Settings::read(global, args)?;
    trace_words(&settings.log);
    if let Some(files) = &settings.tls {
        tls::Tls::load(files.clone()).map_err(|error| CliError::usage(error.to_string()))?;
    }
    if !settings.data.is_dir() {
        return Err(no_site(&settings));
    }
    let outbound = Outbound::new(settings.outbound.clone()).map_err(|error| CliError::usage(error.to_string()))?;
    let (data, key) = (settings.data.clone(), settings.master_key_file.clone());
    let opened = tokio::task::spawn_blocking(move || open_ledger(&data, key, outbound)).await;
    let ledger = opened.map_err(|error| CliError::integrity(format!("the data directory could not be opened: {error}")))??;
    let sites = ledger.sites();
    let allowed = fit(&sites, &settings);
    if check || allowed.is_err() {
        if check {
            say(&sites, &settings);
        }
        shut_down(&ledger).await;
        return allowed;
    }
    let served = serve(&ledger, &settings).await;
    shut_down(&ledger).await;
    served
}

/// Whether these sites can be served with these settings.
fn fit(sites: &[Arc<Site>], settings: &Settings) -> Result<(), CliError> {
    if sites.is_empty() {
        return Err(no_site(settings));
    }
    let Some(public_url) = &settings.public_url else { return Ok(()) };
    match sites.iter().find(|site| !is_served_under(&site.issuer(), public_url)) {
        None => Ok(()),
        Some(other) => Err(CliError::usage(format!(
            "site {} is {} for ever and cannot be served under {public_url}: leave --public-url out or give its own",
            other.name(),
            other.issuer()
        ))),
    }
}

fn no_site(settings: &Settings) -> CliError {
    let url = settings.public_url.as_deref().unwrap_or("https://auth.example.org");
    let data = settings.data.display();
    CliError::usage(format!("there is no site in {data} yet; make one: writ site add default --public-url {url} --data {data}"))
}

fn say(sites: &[Arc<Site>], settings: &Settings) {
    let tls = settings.tls.as_ref().map_or_else(|| "none".to_owned(), |files| files.certificates.display().to_string());
    words(&format!("data       {}", settings.data.display()));
    words(&format!("listen     {}", settings.listen));
    words(&format!("tls        {tls}"));
    words(&format!("proxies    {}", settings.trusted_proxies.len()));
    let outbound = std::iter::once("public addresses".to_owned()).chain(settings.outbound.allow.iter().map(ToString::to_string));
    words(&format!("outbound   {}", outbound.collect::<Vec<_>>().join(", ")));
    words(&format!("socket     {}", socket(&settings.data).display()));
    words(&format!("traces     {}", settings.log));
    sites.iter().for_each(|site| words(&format!("site       {}  {}", site.name(), site.issuer())));
}

async fn serve(ledger: &Ledger, settings: &Settings) -> Result<(), CliError> {
    let mut end = End::listen()?;
    let running = Running::start(ledger, settings).await?;
    announce(ledger, &running.public, settings);
    let why = end.comes(ledger).await;
    tracing::info!(why, "stopping; what is under way may finish within 10 s");
    running.stop(ledger).await
}

/// The two listeners at work: the public one, and the administrators' socket.
pub(super) struct Running {
    public: Server,
    local: Server,
    stopping: watch::Sender<bool>,
    signing: JoinHandle<()>,
    /// Tells clients of sign-outs.
    telling: JoinHandle<()>,
    /// Makes and retires signing keys.
    keys: JoinHandle<()>,
    by: Actor,
}

impl Running {
    /// Listens, and records that the server is up.
    pub(super) async fn start(ledger: &Ledger, settings: &Settings) -> Result<Self, CliError> {
        for site in ledger.sites() {
            ledger.complete_keys(&site).await.map_err(|error| CliError::unreachable(error.to_string()))?;
        }
        let hosts = AllowedHosts::default();
        ledger.sites().iter().for_each(|site| hosts.allow_url(&site.issuer()));
        let stopping = watch::Sender::new(false);
        let (public_url, until) = (settings.public_url.clone(), stopping.subscribe());
        let admin = Admin { ledger: ledger.clone(), hosts: Some(hosts.clone()), public_url, stopping: until };
        let door = |routes: Routes| {
            let ids = ledger.clone();
            let proxies = settings.trusted_proxies.iter().copied().collect();
            Door::new(DoorSettings::new(hosts.clone(), proxies, Arc::new(move || ids.request_id())), routes)
        };
        let by = Actor::Os(own_uid().map_err(|error| CliError::usage(format!("the system does not say who you are: {error}")))?);
        let unbound = |error: crate::http::ServerError| CliError::unreachable(error.to_string());
        let socket = Listen::Unix { path: socket(&settings.data) };
        let local = Server::bind(socket, ServerSettings::default(), door(admin::routes(admin))).await.map_err(unbound)?;
        let listen = Listen::Tcp { address: settings.listen, tls: settings.tls.clone() };
        let public = routes::public(Context { ledger: ledger.clone() });
        let public = Server::bind(listen, ServerSettings::default(), door(public)).await.map_err(unbound)?;
        let started = Noted::ServerStarted { version: env!("CARGO_PKG_VERSION").to_owned(), pid: std::process::id() };
        note(ledger, started, by.clone()).await?;
        ledger.sign_due().await;
        let signing = tokio::spawn(ledger.clone().keep_checkpoints());
        let telling = tokio::spawn(ledger.clone().deliver_logouts());
        let keys = tokio::spawn(ledger.clone().keep_keys());
        Ok(Self { public, local, stopping, signing, telling, keys, by })
    }

    /// Lets what is under way finish, and records the end.
    pub(super) async fn stop(self, ledger: &Ledger) -> Result<(), CliError> {
        self.stopping.send_replace(true);
        // What is in the vault and not in the log, or the other way round, is swept at the next opening.
        self.keys.abort();
        tokio::join!(self.public.shut_down(), self.local.shut_down());
        // What is still to be signed is signed when the log is shut down.
        self.signing.abort();
        // Who has not been told is told by the next server.
        self.telling.abort();
        ledger.tell_tallies(true).await?;
        note(ledger, Noted::ServerStopped {}, self.by).await
    }
}

/// The signals that end the server.
pub(super) struct End {
    terminate: Signal,
    interrupt: Signal,
}

impl End {
    pub(super) fn listen() -> Result<Self, CliError> {
        let cannot = |error: std::io::Error| CliError::usage(format!("signals cannot be received: {error}"));
        let (terminate, interrupt) = (signal(SignalKind::terminate()), signal(SignalKind::interrupt()));
        Ok(Self { terminate: terminate.map_err(cannot)?, interrupt: interrupt.map_err(cannot)? })
    }
    /// Waits for one of them, and tells counts of refusals and reads meanwhile.
    pub(super) async fn comes(&mut self, ledger: &Ledger) -> &'static str {
        let mut tell = tokio::time::interval(TELL_EVERY);
        loop {
            tokio::select! {
                _ = self.terminate.recv() => return "SIGTERM",
                _ = self.interrupt.recv() => return "SIGINT",
                _ = tell.tick() => if let Err(failure) = ledger.tell_tallies(false).await {
                    tracing::warn!(%failure, "counts could not be recorded");
                },
            }
        }
    }
}

fn announce(ledger: &Ledger, public: &Server, settings: &Settings) {
    let address = public.address().unwrap_or(settings.listen);
    let scheme = if settings.tls.is_some() { "https" } else { "http" };
    tracing::info!("listening on {scheme}://{address}");
    for site in ledger.sites() {
        tracing::info!(site = %site.name(), "serving {}", site.issuer());
    }
}

async fn note(ledger: &Ledger, noted: Noted, by: Actor) -> Result<(), CliError> {
    let Some(server) = ledger.site(&SiteName::server()) else { return Ok(()) };
    Ok(ledger.note_by(&server, noted, by, ledger.own_request()).await?)
}

pub(super) async fn shut_down(ledger: &Ledger) {
    let ledger = ledger.clone();
    drop(tokio::task::spawn_blocking(move || ledger.shut_down()).await);
}
