//! The real `writ serve` that a tool starts and kills, and the data directory that it serves.

use crate::crowd::Credentials;
use crate::flows::target::Target;
use rustix::process::{Pid, Signal, kill_process};
use std::io::{BufRead, BufReader, Write};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Output, Stdio};
use std::sync::mpsc::{self, Receiver};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

/// Why there is no victim.
#[derive(Debug, thiserror::Error)]
pub enum VictimError {
    /// No program.
    #[error(
        "there is no {0}: build it with `cargo build --bin writ` as this tool was built (`--release` for `cargo tool`), or give --writ"
    )]
    NoBinary(PathBuf),
    /// Nothing can be started or written.
    #[error("{doing} failed: {error}")]
    Io {
        /// What.
        doing: &'static str,
        /// What the system said.
        error: std::io::Error,
    },
    /// A command of `writ` failed.
    #[error("writ {arguments} ended with {status}: {said}")]
    Command {
        /// Its first arguments.
        arguments: String,
        /// How it ended.
        status: ExitStatus,
        /// What it said.
        said: String,
    },
    /// It does not begin to listen.
    #[error("writ serve did not begin to listen: {0}")]
    NotListening(String),
    /// The address of the site cannot be used.
    #[error("{0}")]
    Target(#[from] crate::flows::FlowError),
}

/// Says what failed.
pub fn io(doing: &'static str) -> impl Fn(std::io::Error) -> VictimError {
    move |error| VictimError::Io { doing, error }
}

/// The program.
#[derive(Clone, Debug)]
pub struct Binary(PathBuf);

impl Binary {
    /// The one that is given, or the one beside this tool's own.
    pub fn find(given: Option<&Path>) -> Result<Self, VictimError> {
        let path = match given {
            Some(path) => path.to_owned(),
            None => std::env::current_exe().map_err(io("finding this program"))?.with_file_name("writ"),
        };
        if path.is_file() { Ok(Self(path)) } else { Err(VictimError::NoBinary(path)) }
    }
}

/// A data directory and the address it is served at.
#[derive(Clone, Debug)]
pub struct Home {
    binary: Binary,
    data: PathBuf,
    port: u16,
}

const START_PATIENCE: Duration = Duration::from_secs(60);

impl Home {
    /// A directory, and a port that is free now.
    pub fn new(binary: &Binary, data: &Path) -> Result<Self, VictimError> {
        Ok(Self { binary: binary.clone(), data: data.to_owned(), port: free_port()? })
    }
    /// The same site served from another directory.
    pub fn moved(&self, data: &Path) -> Self {
        Self { data: data.to_owned(), ..self.clone() }
    }
    /// Where the data are.
    pub fn data(&self) -> &Path {
        &self.data
    }
    /// The site.
    pub fn target(&self) -> Result<Target, VictimError> {
        Ok(Target::parse(&format!("{}/oauth2/default", self.origin()))?)
    }
    fn origin(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// Makes the site and its person. Refresh tokens have no second chance, so that every answer has one explanation.
    pub fn settle(&self) -> Result<(), VictimError> {
        self.writ(&["site", "add", "default", "--public-url", &self.origin()], "")?;
        self.writ(&["site", "set", "default", "refresh_retry_seconds=0"], "")?;
        self.writ(&["user", "add", "--username", Credentials::USERNAME, "--password-stdin"], Credentials::PASSWORD)
    }
    /// Runs a command on the directory that has to succeed.
    pub fn writ(&self, arguments: &[&str], input: &str) -> Result<(), VictimError> {
        let output = self.try_writ(arguments, input)?;
        match output.status.success() {
            true => Ok(()),
            false => Err(VictimError::Command {
                arguments: arguments.iter().take(2).copied().collect::<Vec<_>>().join(" "),
                status: output.status,
                said: String::from_utf8_lossy(&output.stderr).into_owned(),
            }),
        }
    }
    /// Runs a command on the directory.
    pub fn try_writ(&self, arguments: &[&str], input: &str) -> Result<Output, VictimError> {
        let mut child = self.spawn(&[], arguments, Stdio::piped())?;
        if let Some(mut stdin) = child.stdin.take() {
            // Who ends without reading has said why.
            let _ = stdin.write_all(input.as_bytes());
        }
        child.wait_with_output().map_err(io("waiting for writ"))
    }
    /// Begins a command that may be killed.
    pub fn begin(&self, arguments: &[&str]) -> Result<Child, VictimError> {
        self.spawn(&[], arguments, Stdio::null())
    }
    /// Begins to serve.
    pub fn serve(&self) -> Result<Victim, VictimError> {
        self.serve_under(&[])
    }
    /// Begins to serve, under another program.
    pub fn serve_under(&self, wrapper: &[String]) -> Result<Victim, VictimError> {
        let listen = format!("127.0.0.1:{}", self.port);
        Victim::watch(self.spawn(wrapper, &["serve", "--listen", &listen], Stdio::null())?)
    }

    /// Opens the directory as to serve it, says what would be served, and ends.
    pub fn check(&self) -> Result<Victim, VictimError> {
        Victim::watch(self.spawn(&[], &["serve", "--check"], Stdio::null())?)
    }

    fn spawn(&self, wrapper: &[String], arguments: &[&str], stdin: Stdio) -> Result<Child, VictimError> {
        let mut command = match wrapper.split_first() {
            Some((program, own)) => {
                let mut command = Command::new(program);
                command.args(own).arg(&self.binary.0);
                command
            }
            None => Command::new(&self.binary.0),
        };
        command.env_remove("WRIT_DATA").env_remove("WRIT_LISTEN").env("WRIT_LOG", "warn,writ=info");
        command.arg("--data").arg(&self.data).args(arguments);
        command.stdin(stdin).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().map_err(io("starting writ"))
    }
}

/// A server at work.
pub struct Victim {
    child: Child,
    said: Arc<Mutex<Vec<String>>>,
    listening: Receiver<()>,
    reader: Option<JoinHandle<()>>,
}

/// So many lines of a server are kept.
const LINES_MAX: usize = 200;

impl Victim {
    fn watch(mut child: Child) -> Result<Self, VictimError> {
        let said: Arc<Mutex<Vec<String>>> = Arc::default();
        let (listens, listening) = mpsc::channel();
        let reader = child.stderr.take().map(|told| {
            let kept = said.clone();
            // Reads on for ever: a server whose stderr is full would stand still.
            std::thread::spawn(move || {
                for line in BufReader::new(told).lines().map_while(Result::ok) {
                    if line.contains("listening on http") {
                        let _ = listens.send(());
                    }
                    let mut kept = kept.lock().unwrap_or_else(PoisonError::into_inner);
                    if kept.len() < LINES_MAX {
                        kept.push(line);
                    }
                }
            })
        });
        Ok(Self { child, said, listening, reader })
    }
    /// Waits until it listens; one that does not is killed.
    pub fn ready(&mut self) -> Result<(), VictimError> {
        match self.listening.recv_timeout(START_PATIENCE) {
            Ok(()) => Ok(()),
            Err(mpsc::RecvTimeoutError::Disconnected) => {
                self.kill()?;
                Err(VictimError::NotListening(self.said()))
            }
            Err(mpsc::RecvTimeoutError::Timeout) => {
                self.kill()?;
                Err(VictimError::NotListening(format!("nothing for {} s; {}", START_PATIENCE.as_secs(), self.said())))
            }
        }
    }
    /// Kills it with −9 and waits until it is dead.
    pub fn kill(&mut self) -> Result<(), VictimError> {
        self.child.kill().map_err(io("killing writ"))?;
        self.child.wait().map(drop).map_err(io("waiting for writ"))
    }
    /// Asks it to end, and waits until it has.
    pub fn end(&mut self) -> Result<ExitStatus, VictimError> {
        if let Some(pid) = i32::try_from(self.child.id()).ok().and_then(Pid::from_raw) {
            kill_process(pid, Signal::TERM).map_err(|error| io("ending writ")(error.into()))?;
        }
        self.exited(START_PATIENCE)?.ok_or_else(|| VictimError::NotListening("it does not end".to_owned()))
    }
    /// Whether it listens within this time.
    pub fn listens(&self, patience: Duration) -> bool {
        self.listening.recv_timeout(patience).is_ok()
    }
    /// How it ended, if it does within this time; if not, it is killed.
    pub fn exited(&mut self, patience: Duration) -> Result<Option<ExitStatus>, VictimError> {
        match self.try_exited(patience)? {
            Some(status) => Ok(Some(status)),
            None => self.kill().map(|()| None),
        }
    }
    /// How it ended, if it does within this time.
    pub fn try_exited(&mut self, patience: Duration) -> Result<Option<ExitStatus>, VictimError> {
        const STEP: Duration = Duration::from_millis(5);
        let mut waited = Duration::ZERO;
        while waited < patience {
            if let Some(status) = self.child.try_wait().map_err(io("waiting for writ"))? {
                return Ok(Some(status));
            }
            std::thread::sleep(STEP);
            waited += STEP;
        }
        Ok(None)
    }
    /// Everything it said, once it has ended.
    pub fn said_to_the_end(&mut self) -> String {
        if let Some(reader) = self.reader.take() {
            // It reads until the pipe is closed; that it panicked is not possible.
            let _ = reader.join();
        }
        self.said()
    }
    /// What it said on stderr.
    pub fn said(&self) -> String {
        self.said.lock().unwrap_or_else(PoisonError::into_inner).join("\n")
    }
}

impl Drop for Victim {
    fn drop(&mut self) {
        // Already dead in most cases.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A port below those that the system gives to outgoing connections, so that none of ours takes it before the server does.
fn free_port() -> Result<u16, VictimError> {
    let from = fastrand::u16(10_000..32_000);
    let free = (0..1000).map(|n| from.saturating_add(n)).find(|port| TcpListener::bind(("127.0.0.1", *port)).is_ok());
    free.ok_or_else(|| VictimError::Io { doing: "finding a free port", error: std::io::ErrorKind::AddrInUse.into() })
}
