//! kill −9 in the middle of 50 flows (THREATS.md A26): after a restart every acknowledged answer still holds.
//!
//! The server that dies is this very test program, started once more; what it answered comes out of a pipe, which survives it.

mod history;
mod victim;

use crate::asked::holds;
use crate::async_test;
use crate::world::{App, AppKind, Browser, Wish, World};
use history::{Fact, History};
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Command, Stdio};
use writ::event::Profile;
use writ::log::EngineKind;

const SITE: &str = "default";
const SCOPE: &str = "openid patient/Observation.read offline_access";

#[test]
fn whatever_sled_acknowledged_before_a_kill_holds_after_it() {
    kill_again_and_again(EngineKind::Sled, 20);
}

#[test]
fn whatever_the_file_engine_acknowledged_before_a_kill_holds_after_it() {
    kill_again_and_again(EngineKind::File, 10);
}

fn kill_again_and_again(engine: EngineKind, times: usize) {
    let directory = tempfile::tempdir().unwrap();
    let data = directory.path().join("data");
    async_test(prepare(&data, &directory.path().join("browser"), engine));
    let mut facts = 0;
    for round in 0..times {
        let history = one_life(directory.path(), engine, 40 + round * 37 % 400);
        facts += history.len();
        async_test(async {
            let world = World::at(&data, engine, None);
            history.check(&world).await;
            if round + 1 == times {
                holds(&world);
            }
            world.ledger.shut_down();
        });
    }
    assert!(facts > times * 40, "only {facts} facts: nothing was going on when the server died");
}

/// A site without second chances, and a browser that is signed in.
async fn prepare(data: &Path, browser_file: &Path, engine: EngineKind) {
    let mut world = World::at(data, engine, None);
    world.add_site(SITE, Profile::Standard).await;
    world.configure(SITE, &[("refresh_retry_seconds", 0.into())]).await;
    let person = world.add_person(SITE, "alice").await;
    let app = App::registered(&world, SITE, AppKind::Basic, SCOPE).await;
    let mut browser = Browser::default();
    browser.authorize(&world, &app, &person, &Wish { scope: SCOPE.to_owned(), ..Wish::default() }).await.code();
    std::fs::write(browser_file, serde_json::to_vec(&(browser, person)).unwrap()).unwrap();
    world.ledger.shut_down();
}

/// Starts a server, kills it after so many facts, and gives all that it had acknowledged.
fn one_life(directory: &Path, engine: EngineKind, facts: usize) -> History {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.args(["--exact", "kill::victim::serves_until_it_is_killed", "--ignored", "--nocapture"]);
    let engine = if engine == EngineKind::Sled { "sled" } else { "file" };
    let mut child = command.env(victim::DIRECTORY, directory).env(victim::ENGINE, engine).stdout(Stdio::piped()).spawn().unwrap();
    let mut out = BufReader::new(child.stdout.take().unwrap());
    let mut history = History::default();
    let mut line = String::new();
    while out.read_line(&mut line).unwrap() > 0 {
        // A line without its end was not acknowledged.
        if let Some(fact) = line.strip_suffix('\n').and_then(|line| serde_json::from_str::<Fact>(line).ok()) {
            history.add(fact);
        }
        line.clear();
        if history.len() == facts {
            child.kill().unwrap();
        }
    }
    child.wait().unwrap();
    assert!(history.len() >= facts, "the server died by itself after {} facts", history.len());
    history
}
