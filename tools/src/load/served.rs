//! A `writ serve` of its own, on a fresh data directory, with a site for each algorithm and a person at each.

use super::LoadError;
use super::process::Process;
use super::seat::Seat;
use crate::flows::client::Person;
use crate::flows::target::Target;
use std::fs::{self, File};
use std::io::Write;
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;
use tempfile::TempDir;
use tokio::time::{Instant, sleep};
use writ::ledger::draw_secret;
use writ::terms::SigningAlgorithm;

/// A running server; it is killed when this is dropped, and its data directory removed.
pub struct Served {
    /// Its sites, by what signs their access tokens.
    pub sites: Vec<(SigningAlgorithm, Vec<Seat>)>,
    child: Child,
    /// Behind the process, so that it goes after it.
    _folder: TempDir,
}

const USERNAME: &str = "ada";
const START_PATIENCE: Duration = Duration::from_secs(60);

impl Served {
    /// Makes the sites with this binary's own command line and starts it. An algorithm that the binary does not know to set is left
    /// out: it is older than the setting.
    pub async fn start(binary: &Path, below: &Path, algs: &[SigningAlgorithm], seats: u16) -> Result<Self, LoadError> {
        let folder = tempfile::Builder::new().prefix("writ-load-").tempdir_in(below)?;
        let (data, address) = (folder.path().join("data"), free_address()?);
        let origin = format!("http://{address}");
        let password = draw_secret::<32>();
        let person = Person { username: USERNAME.to_owned(), password: password.expose().to_owned() };
        let cli = Cli { binary: binary.to_owned(), data: data.clone() };
        let mut made = Vec::new();
        for alg in algs {
            let site = site_name(*alg);
            cli.run(&["site", "add", site, "--public-url", &origin], "")?;
            let user = ["--site", site, "user", "add", "--username", USERNAME, "--claim", "name=Ada Park", "--password-stdin"];
            cli.run(&user, &person.password)?;
            let setting = format!("access_token.alg={alg}");
            if *alg == SigningAlgorithm::Rs256 || cli.run(&["site", "set", site, &setting], "").is_ok() {
                made.push(*alg);
            }
        }
        let mut served = Self { sites: Vec::new(), child: cli.serve(address, folder.path())?, _folder: folder };
        served.wait_until_it_listens(address).await?;
        let admin = Target::admin(&data.join("admin.sock"));
        for alg in made {
            let site = site_name(alg);
            let target = Target::parse(&format!("{origin}/oauth2/{site}"))?;
            let mut taken = Vec::new();
            for _ in 0..seats {
                taken.push(Seat::at_site(&target, &admin, site, person.clone(), alg).await?);
            }
            served.sites.push((alg, taken));
        }
        Ok(served)
    }

    /// The server's process.
    pub fn process(&self) -> Process {
        Process(self.child.id())
    }

    async fn wait_until_it_listens(&mut self, address: SocketAddr) -> Result<(), LoadError> {
        let begun = Instant::now();
        while begun.elapsed() < START_PATIENCE {
            if let Some(status) = self.child.try_wait()? {
                return Err(LoadError::Writ { what: "serve".to_owned(), why: status.to_string() });
            }
            if TcpStream::connect(address).is_ok() {
                return Ok(());
            }
            sleep(Duration::from_millis(20)).await;
        }
        Err(LoadError::Writ { what: "serve".to_owned(), why: "it does not listen".to_owned() })
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        // An error means that it has ended by itself.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn site_name(alg: SigningAlgorithm) -> &'static str {
    match alg {
        SigningAlgorithm::Rs256 => "rs256",
        SigningAlgorithm::Ps256 => "ps256",
        SigningAlgorithm::Es256 => "es256",
        SigningAlgorithm::EdDsa => "eddsa",
    }
}

/// A port that nobody has at the moment.
fn free_address() -> Result<SocketAddr, LoadError> {
    Ok(TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()?)
}

/// The command line of a binary, on a data directory.
struct Cli {
    binary: PathBuf,
    data: PathBuf,
}

impl Cli {
    fn command(&self) -> Command {
        let mut command = Command::new(&self.binary);
        for (name, _) in std::env::vars_os().filter(|(name, _)| name.to_string_lossy().starts_with("WRIT_")) {
            command.env_remove(name);
        }
        command.arg("--data").arg(&self.data);
        command
    }
    fn run(&self, arguments: &[&str], input: &str) -> Result<(), LoadError> {
        let mut command = self.command();
        let mut child = command.args(arguments).stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::piped()).spawn()?;
        if let Some(mut stdin) = child.stdin.take() {
            // One that does not read its input says why by its status.
            let _ = stdin.write_all(input.as_bytes());
        }
        let output = child.wait_with_output()?;
        match output.status.success() {
            true => Ok(()),
            false => Err(LoadError::Writ {
                what: arguments.iter().take(2).copied().collect::<Vec<_>>().join(" "),
                why: String::from_utf8_lossy(&output.stderr).trim().to_owned(),
            }),
        }
    }
    fn serve(&self, address: SocketAddr, folder: &Path) -> Result<Child, LoadError> {
        let traces = File::create(folder.join("traces"))?;
        fs::create_dir_all(&self.data)?;
        let mut command = self.command();
        command.args(["serve", "--listen", &address.to_string()]);
        Ok(command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(traces).spawn()?)
    }
}
