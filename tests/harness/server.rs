//! The built binary, running on loopback with a data directory of its own.

use super::Site;
use std::io::{BufRead, BufReader, Write};
use std::net::TcpListener;
use std::process::{Child, Command, ExitStatus, Output, Stdio};
use std::sync::atomic::{AtomicU16, Ordering};
use std::sync::{Arc, Mutex, mpsc};
use std::time::Duration;
use tokio::sync::OnceCell;

const BINARY: &str = env!("CARGO_BIN_EXE_writ");
const START_PATIENCE: Duration = Duration::from_secs(60);
/// Who everybody is at every site of the harness.
const PEOPLE: [&str; 2] = [super::USERNAME, "bruno"];

/// A running server; it is killed when the last test that holds it ends.
pub struct Server {
    data: tempfile::TempDir,
    /// Whose certificates its outgoing fetches trust.
    authorities: tempfile::NamedTempFile,
    pub port: u16,
    child: Mutex<Option<Child>>,
    warden: Mutex<Option<Child>>,
}

impl Server {
    /// The server that all tests share which need nothing of their own: sites `default` and `other` (profile `standard`), `seed`
    /// (`openemr`) and `reference` (`iehr`).
    pub async fn shared() -> Arc<Self> {
        static SHARED: OnceCell<Arc<Server>> = OnceCell::const_new();
        let sites = &[("default", "standard"), ("other", "standard"), ("seed", "openemr"), ("reference", "iehr")];
        SHARED.get_or_init(async || Self::with(sites).await.to_the_end()).await.clone()
    }
    /// A server of one's own with these sites, each with a profile and with people.
    pub async fn with(sites: &'static [(&'static str, &'static str)]) -> Arc<Self> {
        Arc::new(tokio::task::spawn_blocking(|| Self::with_sites(sites)).await.unwrap())
    }
    /// A server of one's own with site `default` in profile `standard`.
    pub async fn alone() -> Arc<Self> {
        Self::with(&[("default", "standard")]).await
    }
    /// Leaves it running until this process ends, however that ends. A test may let go of it and ask for it again: it is the same one.
    pub fn to_the_end(self: Arc<Self>) -> Arc<Self> {
        let pid = self.child.lock().unwrap().as_ref().unwrap().id().to_string();
        // Its standard input is a pipe from this process, so it reads to the end when nobody is left to write.
        let mut warden = Command::new("sh");
        warden.args(["-c", r#"trap '' INT TERM; cat; kill -9 "$0"; rm -rf "$@""#, &pid]).arg(self.data.path()).arg(self.authorities.path());
        let warden = warden.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        *self.warden.lock().unwrap() = Some(warden);
        self
    }
    fn with_sites(sites: &[(&str, &str)]) -> Self {
        let mut authorities = tempfile::NamedTempFile::new().unwrap();
        authorities.write_all(super::key_server::certificate().as_bytes()).unwrap();
        let server =
            Self { data: tempfile::tempdir().unwrap(), authorities, port: free_port(), child: Mutex::new(None), warden: Mutex::new(None) };
        for (site, profile) in sites {
            server.writ(&["site", "add", site, "--public-url", &server.origin(), "--profile", profile], "");
            for person in PEOPLE {
                let email = format!("email={person}@example.org");
                let add = ["--site", site, "user", "add", "--username", person, "--claim", "name=Amelia Park", "--claim", &email];
                server.writ(&[&add[..], &["--password-stdin"]].concat(), super::PASSWORD);
            }
        }
        server.start();
        server
    }
    pub fn origin(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }
    /// `host:port`
    pub fn address(&self) -> String {
        format!("127.0.0.1:{}", self.port)
    }
    /// Where the log, the vault and the keys are.
    pub fn directory(&self) -> &std::path::Path {
        self.data.path()
    }
    pub fn site(self: &Arc<Self>, name: &str) -> Site {
        Site { server: self.clone(), name: name.to_owned() }
    }
    /// Runs the command line on this server's data and demands success.
    #[track_caller]
    pub fn writ(&self, arguments: &[&str], input: &str) -> String {
        let output = self.writ_output(arguments, input);
        let told = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "writ {arguments:?}: {} {told}", output.status);
        String::from_utf8(output.stdout).unwrap()
    }
    /// Runs the command line on this server's data.
    pub fn writ_output(&self, arguments: &[&str], input: &str) -> Output {
        let mut command = Command::new(BINARY);
        command.env_remove("WRIT_DATA").arg("--data").arg(self.data.path()).args(arguments);
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        child.stdin.take().unwrap().write_all(input.as_bytes()).unwrap();
        child.wait_with_output().unwrap()
    }
    /// Runs the command line on this server's data while nobody reads what it prints; gives the exit code.
    pub fn writ_unread(&self, arguments: &[&str]) -> Option<i32> {
        let (reader, writer) = std::io::pipe().unwrap();
        drop(reader);
        let mut command = Command::new(BINARY);
        command.env_remove("WRIT_DATA").arg("--data").arg(self.data.path()).args(arguments);
        command.stdin(Stdio::null()).stdout(writer).stderr(Stdio::null()).status().unwrap().code()
    }
    /// Ends it as a power cut ends a process and starts it again on the same data.
    pub fn kill_and_restart(&self) {
        self.stop();
        self.start();
    }
    /// Tells it to end, and waits until it has.
    pub fn end_in_order(&self) -> ExitStatus {
        let mut child = self.child.lock().unwrap().take().unwrap();
        let told = Command::new("sh").args(["-c", &format!("kill -TERM {}", child.id())]).status().unwrap();
        assert!(told.success());
        child.wait().unwrap()
    }
    /// Ends it without warning.
    pub fn stop(&self) {
        if let Some(mut child) = self.child.lock().unwrap().take() {
            child.kill().unwrap();
            child.wait().unwrap();
        }
    }
    /// Waits until it has ended by itself.
    pub fn until_ended(&self) -> ExitStatus {
        let mut child = self.child.lock().unwrap().take().unwrap();
        let begun = std::time::Instant::now();
        while child.try_wait().unwrap().is_none() && begun.elapsed() < START_PATIENCE {
            std::thread::sleep(Duration::from_millis(20));
        }
        // One that has not ended by itself ends with a signal, which is no exit code.
        let _ = child.kill();
        child.wait().unwrap()
    }
    /// Starts it and waits until it says where it listens.
    pub fn start(&self) {
        self.start_by(Command::new(BINARY));
    }
    /// Starts it where no file can grow beyond so many KiB: as on a full disk, a write that would is told so.
    pub fn start_with_files_up_to(&self, kib: u64) {
        let mut confined = Command::new("sh");
        // POSIX counts in blocks of 512 bytes. Without the trap the process would be ended by the signal instead.
        confined.args(["-c", &format!(r#"trap '' XFSZ; ulimit -f {}; exec "$0" "$@""#, kib * 2), BINARY]);
        self.start_by(confined);
    }
    fn start_by(&self, mut command: Command) {
        command.env_remove("WRIT_DATA").arg("--data").arg(self.data.path());
        command.args(["serve", "--public-url", &self.origin(), "--listen", &self.address()]);
        command.args(["--outbound-allow", "127.0.0.1/32", "--outbound-ca-file"]).arg(self.authorities.path());
        let mut child = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
        let told = BufReader::new(child.stderr.take().unwrap());
        let (ready, when_ready) = mpsc::channel();
        // Reads on for ever: a server whose stderr is full would stand still.
        std::thread::spawn(move || {
            let mut before = vec![];
            for line in told.lines().map_while(Result::ok) {
                if line.contains("listening on http://") {
                    let _ = ready.send(Ok(()));
                }
                if before.len() < 100 {
                    before.push(line);
                }
            }
            let _ = ready.send(Err(before.join("\n")));
        });
        let started = when_ready.recv_timeout(START_PATIENCE);
        *self.child.lock().unwrap() = Some(child);
        match started {
            Ok(Ok(())) => {}
            Ok(Err(told)) => panic!("the server ended at its start: {told}"),
            Err(_) => panic!("the server did not start within {START_PATIENCE:?}"),
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.stop();
    }
}

/// A port below those that the system gives to outgoing connections, so that none of ours takes it before the server does.
fn free_port() -> u16 {
    static NEXT: AtomicU16 = AtomicU16::new(0);
    let offset = u16::try_from(std::process::id() % 9_000).unwrap();
    loop {
        let port = 20_000 + (offset + NEXT.fetch_add(1, Ordering::Relaxed)) % 12_000;
        if TcpListener::bind(("127.0.0.1", port)).is_ok() {
            return port;
        }
    }
}
