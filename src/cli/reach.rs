//! Reaching the admin API: the server's socket if one has the data directory, otherwise the files themselves.

use super::Global;
use super::exit::CliError;
use super::output::words;
use super::table::target;
use crate::http::admin::{AdminAnswer, AdminClient, own_uid};
use crate::ledger::{Ledger, OpenSettings, StartError};
use crate::log::EngineKind;
use crate::log::directory::DirectoryError;
use crate::outbound::Outbound;
use bytes::Bytes;
use http::{Method, StatusCode};
use serde_json::Value;
use std::path::{Path, PathBuf};

/// A way to the admin API, for one site.
pub(super) struct Reach {
    client: AdminClient,
    /// Open only if no server has the data directory.
    ledger: Option<Ledger>,
    pub(super) site: String,
    identify: Option<String>,
}

/// Where the data directory is, if nothing says otherwise.
const DATA: &str = "writ-data";

/// The data directory.
pub(super) fn data(global: &Global) -> PathBuf {
    global.data.clone().unwrap_or_else(|| DATA.into())
}

/// The socket of the server that has this data directory.
pub(super) fn socket(data: &Path) -> PathBuf {
    data.join("admin.sock")
}

/// Opens a data directory in this process. When its log stops, the process ends with 3.
pub(super) fn open_ledger(data: &Path, master_key_file: Option<PathBuf>, outbound: Outbound) -> Result<Ledger, StartError> {
    Ledger::open(OpenSettings {
        directory: data.to_owned(),
        engine: EngineKind::default(),
        master_key_file,
        clock: None,
        outbound,
        on_fatal: Box::new(|fatal| {
            words(&format!("writ: the log has stopped: {fatal}"));
            std::process::exit(3);
        }),
    })
}

impl Reach {
    pub(super) async fn open(global: &Global, may_create: bool) -> Result<Self, CliError> {
        let data = data(global);
        let identify = global.identify.then(|| global.reason.clone().unwrap_or_default());
        if !may_create && !data.is_dir() {
            let next = "name it by --data, or make one: writ site add default --public-url https://…";
            return Err(CliError::unreachable(format!("there is no data directory {}: {next}", data.display())));
        }
        let site = global.site.clone();
        if let Ok(client) = AdminClient::over_socket(&socket(&data)).await {
            return Ok(Self { client, ledger: None, site, identify });
        }
        let (path, key) = (data.clone(), global.master_key_file.clone());
        let opened = tokio::task::spawn_blocking(move || open_ledger(&path, key, Outbound::default())).await;
        let ledger = match opened.map_err(|error| CliError::integrity(format!("the data directory could not be opened: {error}")))? {
            Ok(ledger) => ledger,
            // Somebody has the directory: a server that has just begun to listen, or another command.
            Err(StartError::Directory(error @ DirectoryError::InUse { .. })) => {
                let client = AdminClient::over_socket(&socket(&data)).await;
                let client = client.map_err(|_| CliError::unreachable(error.to_string()))?;
                return Ok(Self { client, ledger: None, site, identify });
            }
            Err(error) => return Err(error.into()),
        };
        let uid = own_uid().map_err(|error| CliError::usage(format!("the system does not say who you are: {error}")))?;
        Ok(Self { client: AdminClient::in_process(ledger.clone(), uid), ledger: Some(ledger), site, identify })
    }

    /// Whether a server answers.
    pub(super) fn is_served(&self) -> bool {
        self.client.is_served()
    }

    /// Asks, with a JSON body if there is one; anything but success is an error.
    pub(super) async fn ask(&self, method: Method, segments: &[&str], body: Option<&Value>) -> Result<Value, CliError> {
        let body = body.map(|body| Bytes::from(body.to_string())).unwrap_or_default();
        let answer = self.send(method, segments, &[], "application/json", body).await?;
        parsed(&answer.whole().await?)
    }

    /// Asks for something that a query describes.
    pub(super) async fn find(&self, segments: &[&str], query: &[(&str, &str)]) -> Result<Value, CliError> {
        parsed(&self.stream(segments, query).await?.whole().await?)
    }

    /// Asks with a text as body.
    pub(super) async fn ask_about(&self, segments: &[&str], query: &[(&str, &str)], text: &str) -> Result<Value, CliError> {
        let body = Bytes::copy_from_slice(text.as_bytes());
        let answer = self.send(Method::POST, segments, query, "text/plain", body).await?;
        parsed(&answer.whole().await?)
    }

    /// Asks for a text.
    pub(super) async fn text(&self, method: Method, segments: &[&str], query: &[(&str, &str)]) -> Result<String, CliError> {
        let answer = self.send(method, segments, query, "application/json", Bytes::new()).await?.whole().await?;
        String::from_utf8(answer.to_vec()).map_err(|_| CliError::unreachable("the server's answer is not text"))
    }

    /// Asks for something that is read while it comes.
    pub(super) async fn stream(&self, segments: &[&str], query: &[(&str, &str)]) -> Result<AdminAnswer, CliError> {
        self.send(Method::GET, segments, query, "application/json", Bytes::new()).await
    }

    /// Asks, with a JSON body, for something that is read while it comes.
    pub(super) async fn ask_for_stream(&self, segments: &[&str], body: &Value) -> Result<AdminAnswer, CliError> {
        self.send(Method::POST, segments, &[], "application/json", Bytes::from(body.to_string())).await
    }

    async fn send(
        &self,
        method: Method,
        segments: &[&str],
        query: &[(&str, &str)],
        content_type: &'static str,
        body: Bytes,
    ) -> Result<AdminAnswer, CliError> {
        let mut query = query.to_vec();
        query.push(("site", &self.site));
        if let Some(reason) = &self.identify {
            query.extend([("identify", "true"), ("reason", reason)]);
        }
        let answer = self.client.ask(method, &target(segments, &query), content_type, body).await?;
        match answer.status {
            status if status.is_success() => Ok(answer),
            status => Err(problem(status, &answer.whole().await?)),
        }
    }

    /// Makes everything durable and lets the data directory go.
    pub(super) async fn close(self) {
        if let Some(ledger) = self.ledger {
            drop(tokio::task::spawn_blocking(move || ledger.shut_down()).await);
        }
    }
}

fn parsed(body: &[u8]) -> Result<Value, CliError> {
    serde_json::from_slice(body).map_err(|_| CliError::unreachable("the server's answer is not JSON"))
}

fn problem(status: StatusCode, body: &[u8]) -> CliError {
    let body: Value = serde_json::from_slice(body).unwrap_or_default();
    let text = |name: &str| body.get(name).and_then(Value::as_str).unwrap_or_default();
    match text("detail") {
        // The front door answers so, before the admin API sees anything.
        "" if matches!(status, StatusCode::BAD_REQUEST | StatusCode::URI_TOO_LONG | StatusCode::PAYLOAD_TOO_LARGE) => {
            CliError::usage(format!("the server answered {status}: {}", text("error_description")))
        }
        "" => CliError::problem("", format!("the server answered {status}")),
        detail => CliError::problem(text("code"), detail.to_owned()),
    }
}
