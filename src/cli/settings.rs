//! The process settings of `writ serve`: flags over `WRIT_*` over `writ.toml`. They hold only what a decision does not need;
//! everything else is `writ site set`, and thereby an event (DESIGN.md §8).

use super::exit::CliError;
use super::serve::ServeArgs;
use super::{Global, reach};
use crate::http::TlsFiles;
use crate::outbound::OutboundSettings;
use crate::terms::Cidr;
use serde::Deserialize;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use url::Url;

/// What the server runs with.
#[derive(Debug)]
pub(super) struct Settings {
    pub(super) data: PathBuf,
    pub(super) master_key_file: Option<PathBuf>,
    /// Without a slash at its end.
    pub(super) public_url: Option<String>,
    pub(super) listen: SocketAddr,
    pub(super) tls: Option<TlsFiles>,
    pub(super) trusted_proxies: Vec<Cidr>,
    pub(super) outbound: OutboundSettings,
    pub(super) log: String,
}

/// The file: the flags by their names. An unknown one is refused.
#[derive(Deserialize, Default, Debug)]
#[serde(deny_unknown_fields, rename_all = "snake_case")]
struct File {
    data: Option<PathBuf>,
    master_key_file: Option<PathBuf>,
    public_url: Option<String>,
    listen: Option<String>,
    tls_cert: Option<PathBuf>,
    tls_key: Option<PathBuf>,
    #[serde(default)]
    trusted_proxies: Vec<String>,
    #[serde(default)]
    outbound: OutboundFile,
    log: Option<String>,
}

/// The file's table `outbound`.
#[derive(Deserialize, Default, Debug)]
#[serde(deny_unknown_fields, rename_all = "snake_case")]
struct OutboundFile {
    #[serde(default)]
    allow: Vec<String>,
    ca_file: Option<PathBuf>,
}

const LISTEN: &str = "127.0.0.1:9080";
const LOG: &str = "info,sled=warn,h2=warn,hyper=warn";

impl Settings {
    /// A data directory and a loopback address; everything else as it is by default.
    pub(super) fn plain(data: PathBuf, listen: SocketAddr) -> Self {
        let (trusted_proxies, outbound) = (Vec::new(), OutboundSettings::default());
        Self { data, master_key_file: None, public_url: None, listen, tls: None, trusted_proxies, outbound, log: LOG.to_owned() }
    }
    pub(super) fn read(global: &Global, args: ServeArgs) -> Result<Self, CliError> {
        let file = args.config.as_deref().map(File::read).transpose()?.unwrap_or_default();
        let listen = args.listen.or(file.listen).unwrap_or_else(|| LISTEN.to_owned());
        let listen: SocketAddr =
            listen.parse().map_err(|_| CliError::usage(format!("'{listen}' is not an address and port, as {LISTEN}")))?;
        let proxies = if args.trusted_proxies.is_empty() { file.trusted_proxies } else { args.trusted_proxies };
        let range = |text: &String| text.parse().map_err(|_| CliError::usage(format!("'{text}' is not an address range, as 10.0.0.0/8")));
        let trusted_proxies: Vec<Cidr> = proxies.iter().map(range).collect::<Result<_, _>>()?;
        let allow = if args.outbound_allow.is_empty() { file.outbound.allow } else { args.outbound_allow };
        let allow = allow.iter().map(range).collect::<Result<_, _>>()?;
        let outbound = OutboundSettings { allow, ca_file: args.outbound_ca_file.or(file.outbound.ca_file) };
        let tls = match (args.tls_cert.or(file.tls_cert), args.tls_key.or(file.tls_key)) {
            (Some(certificates), Some(key)) => Some(TlsFiles { certificates, key }),
            (None, None) => None,
            (Some(_), None) | (None, Some(_)) => return Err(CliError::usage("--tls-cert and --tls-key go together")),
        };
        if tls.is_none() && !listen.ip().is_loopback() && trusted_proxies.is_empty() {
            let next = "give --tls-cert and --tls-key, or name the proxy in front by --trusted-proxy, or listen on 127.0.0.1";
            return Err(CliError::usage(format!("without TLS nobody is answered on {listen}: {next}")));
        }
        let public_url = args.public_url.or(file.public_url).map(|url| public_url(&url)).transpose()?;
        Ok(Self {
            data: global.data.clone().or(file.data).unwrap_or_else(|| reach::data(global)),
            master_key_file: global.master_key_file.clone().or(file.master_key_file),
            public_url,
            listen,
            tls,
            trusted_proxies,
            outbound,
            log: args.log.or(file.log).unwrap_or_else(|| LOG.to_owned()),
        })
    }
}

impl File {
    fn read(path: &Path) -> Result<Self, CliError> {
        let text = std::fs::read_to_string(path).map_err(|error| CliError::usage(format!("{} cannot be read: {error}", path.display())))?;
        toml::from_str(&text).map_err(|error| CliError::usage(format!("{}: {}", path.display(), error.message())))
    }
}

fn public_url(text: &str) -> Result<String, CliError> {
    match Url::parse(text) {
        Ok(url) if url.has_host() && url.path() == "/" && url.query().is_none() => Ok(url.as_str().trim_end_matches('/').to_owned()),
        Ok(_) | Err(_) => Err(CliError::usage(format!("'{text}' is not a URL of scheme and host, as https://auth.example.org"))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_unknown_setting_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("writ.toml");
        std::fs::write(&path, "listen = \"127.0.0.1:1\"\ntrusted_proxies = [\"10.0.0.0/8\"]\n").unwrap();
        assert_eq!(File::read(&path).unwrap().listen.as_deref(), Some("127.0.0.1:1"));
        std::fs::write(&path, "lisen = \"127.0.0.1:1\"\n").unwrap();
        assert!(File::read(&path).unwrap_err().to_string().contains("lisen"));
        std::fs::write(&path, "[outbound]\nallow = [\"10.0.0.0/8\"]\nca_file = \"ca.pem\"\n").unwrap();
        assert_eq!(File::read(&path).unwrap().outbound.allow, ["10.0.0.0/8"]);
        std::fs::write(&path, "[outbound]\nalow = []\n").unwrap();
        assert!(File::read(&path).unwrap_err().to_string().contains("alow"));
    }
}
