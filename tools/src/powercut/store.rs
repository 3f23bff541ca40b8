//! One store after another: made, used, and cut off from its power, until all cuts are done.

use super::disk::{Cut, Disk};
use super::mounted::Mounted;
use super::{Figures, Powercut};
use crate::crowd::Crowd;
use crate::record;
use crate::victim::{Binary, Home, VictimError, io};
use fastrand::Rng;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;
use tokio::time::Instant;

/// So many cuts in the life of one store, if it survives them.
const CUTS_OF_STORE: u32 = 8;
/// The file that is deaf when our sync is switched off: sled's.
const LOG_FILE: &str = "db";

/// The run as it goes.
struct Run<'a> {
    powercut: &'a Powercut,
    binary: Binary,
    rng: Rng,
    figures: Figures,
    /// Where the disk is mounted, and where what is left of it goes.
    directory: tempfile::TempDir,
    /// How long making a store takes here.
    making: Duration,
}

/// How a store goes on after a cut.
enum Next {
    Goes,
    Ends,
}

/// All cuts.
pub fn run(powercut: &Powercut) -> Result<Figures, VictimError> {
    let directory = tempfile::tempdir().map_err(io("making a directory"))?;
    let rng = Rng::with_seed(powercut.seed.unwrap_or_else(|| fastrand::u64(..)));
    let figures = Figures { seed: rng.get_seed(), is_deaf: powercut.without_fdatasync, ..Figures::default() };
    let binary = Binary::find(powercut.writ.as_deref())?;
    let mut run = Run { powercut, binary, rng, figures, directory, making: Duration::from_millis(300) };
    fs::create_dir(run.mountpoint()).map_err(io("making a directory"))?;
    if let Err(error) = Mounted::mount(Disk::new(None), &run.mountpoint()) {
        run.figures.skipped = Some(error.to_string());
        return Ok(run.figures);
    }
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().map_err(io("starting the runtime"))?;
    while run.goes_on() {
        runtime.block_on(run.one_store())?;
    }
    Ok(run.figures)
}

impl Run<'_> {
    fn mountpoint(&self) -> PathBuf {
        self.directory.path().join("mounted")
    }
    /// What the power left: a plain directory that holds `data`.
    fn left(&self) -> PathBuf {
        self.directory.path().join("left")
    }
    /// Failures beyond these tell nothing new.
    fn goes_on(&self) -> bool {
        let figures = &self.figures;
        let failures = figures.lost.len() + figures.unopenable.len() + figures.unexplained.len();
        figures.cuts + figures.torn < self.powercut.cuts + self.powercut.torn && (self.powercut.without_fdatasync || failures < 20)
    }
    /// Torn and plain ones in turn, until both are done.
    fn is_next_torn(&self) -> bool {
        let (cuts, torn) = (self.powercut.cuts - self.figures.cuts, self.powercut.torn - self.figures.torn);
        torn > 0 && (cuts == 0 || torn >= cuts)
    }

    async fn one_store(&mut self) -> Result<(), VictimError> {
        let home = Home::new(&self.binary, &self.left().join("data"))?;
        self.sweep()?;
        fs::create_dir(self.left()).map_err(io("making a directory"))?;
        if self.rng.bool() {
            return self.cut_while_made(&home);
        }
        let begun = Instant::now();
        home.settle()?;
        self.making = begun.elapsed() / 3;
        let mut crowd = Crowd::new(&home.target()?, self.powercut.clients, &mut self.rng);
        for _ in 0..CUTS_OF_STORE {
            if !self.goes_on() || matches!(self.cut_while_used(&home, &mut crowd).await?, Next::Ends) {
                break;
            }
        }
        self.figures.acknowledged += crowd.history().lock().acknowledged().len();
        Ok(())
    }

    /// The power goes in the first moments of a store. If its making was told as done, the site must be there.
    fn cut_while_made(&mut self, home: &Home) -> Result<(), VictimError> {
        let mounted = self.mount(Disk::new(self.deaf()))?;
        let making = home.moved(&mounted.path().join("data"));
        let mut child = making.begin(&["site", "add", "default", "--public-url", "http://127.0.0.1:9"])?;
        let most = u64::try_from(self.making.as_millis()).unwrap_or(1000).max(20) * 3 / 2;
        std::thread::sleep(Duration::from_millis(self.rng.u64(0..=most)));
        let was_done = child.try_wait().map_err(io("waiting for writ"))?.is_some_and(|status| status.success());
        // Fails if it has ended.
        let _ = child.kill();
        child.wait().map_err(io("waiting for writ"))?;
        self.figures.early += 1;
        let what = self.cut(mounted)?;
        let asked = home.try_writ(&["site", "show", "default"], "")?;
        let said = String::from_utf8_lossy(&asked.stderr).into_owned();
        let is_refusal = asked.status.code().is_none_or(|code| code == 3 || code == 101);
        match () {
            () if was_done && !asked.status.success() => self.figures.lost.push(format!("{what}: the site is gone: {said}")),
            () if is_refusal => self.figures.unopenable.push(format!("{what}: {said}")),
            () => {}
        }
        // Whoever was told nothing tries again, and it must work, or say that the site is there.
        let again = home.try_writ(&["site", "add", "default", "--public-url", "http://127.0.0.1:9"], "")?;
        let said = String::from_utf8_lossy(&again.stderr).into_owned();
        if !again.status.success() && !asked.status.success() {
            self.figures.unopenable.push(format!("{what}: it cannot be made again: {said}"));
        }
        Ok(())
    }

    /// The power goes while the server starts or serves.
    async fn cut_while_used(&mut self, home: &Home, crowd: &mut Crowd) -> Result<Next, VictimError> {
        let disk = Disk::holding(&self.left(), self.deaf()).map_err(io("reading a directory"))?;
        let mounted = self.mount(disk)?;
        let mut victim = home.moved(&mounted.path().join("data")).serve()?;
        if self.rng.u8(..5) == 0 {
            self.figures.early += 1;
            tokio::time::sleep(Duration::from_millis(self.rng.u64(0..=150))).await;
            victim.kill()?;
        } else {
            victim.ready()?;
            let life = Duration::from_millis(self.rng.u64(1..=500));
            let killing = async {
                tokio::time::sleep(life).await;
                tokio::task::block_in_place(|| victim.kill())
            };
            let (_, killed) = tokio::join!(crowd.live(), killing);
            killed?;
        }
        let what = self.cut(mounted)?;
        self.check(home, crowd, &what).await
    }

    /// What is left opens, holds what was promised, and answers accordingly.
    async fn check(&mut self, home: &Home, crowd: &mut Crowd, what: &str) -> Result<Next, VictimError> {
        let mut victim = home.serve()?;
        if let Err(error) = victim.ready() {
            self.figures.unopenable.push(format!("{what}: {error}"));
            return Ok(Next::Ends);
        }
        crowd.look().await;
        // A clean end and none are both followed by the next cut.
        if self.rng.bool() {
            victim.end()?;
        } else {
            victim.kill()?;
        }
        let history = crowd.history();
        let history = history.lock();
        let before = (self.figures.lost.len(), self.figures.unexplained.len());
        let tell = |complaints: Vec<String>| complaints.into_iter().map(|complaint| format!("{what}: {complaint}")).collect::<Vec<_>>();
        match record::recorded(home.data()) {
            Ok(recorded) => {
                self.figures.lost.extend(tell(recorded.lost(history.acknowledged())));
                self.figures.unexplained.extend(tell(recorded.doubles()));
            }
            Err(error) => self.figures.unopenable.push(format!("{what}: {error}")),
        }
        self.figures.unexplained.extend(tell(history.unexplained()));
        match before == (self.figures.lost.len(), self.figures.unexplained.len()) {
            true => Ok(Next::Goes),
            false => Ok(Next::Ends),
        }
    }

    fn deaf(&self) -> Option<&'static str> {
        self.powercut.without_fdatasync.then_some(LOG_FILE)
    }
    fn mount(&self, disk: Disk) -> Result<Mounted, VictimError> {
        Mounted::mount(disk, &self.mountpoint()).map_err(io("mounting the file system"))
    }
    /// Takes the file system away, leaves what survived, and says which cut it was.
    fn cut(&mut self, mounted: Mounted) -> Result<String, VictimError> {
        self.sweep()?;
        fs::create_dir(self.left()).map_err(io("making a directory"))?;
        let is_torn = self.is_next_torn();
        let left = self.left();
        let mut cut = if is_torn { Cut::Torn(&mut self.rng) } else { Cut::Dropped };
        mounted.cut(&mut cut, &left).map_err(io("taking the file system away"))?;
        *(if is_torn { &mut self.figures.torn } else { &mut self.figures.cuts }) += 1;
        Ok(format!("{} {}", if is_torn { "torn" } else { "cut" }, if is_torn { self.figures.torn } else { self.figures.cuts }))
    }
    fn sweep(&self) -> Result<(), VictimError> {
        remove(&self.left()).map_err(io("removing a directory"))
    }
}

fn remove(path: &Path) -> std::io::Result<()> {
    match fs::remove_dir_all(path) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(()),
        outcome => outcome,
    }
}
