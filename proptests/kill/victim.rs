//! The server that is killed, and its 50 users.

use super::history::Fact;
use super::{SCOPE, SITE};
use crate::async_test;
use crate::world::{App, AppKind, Browser, Person, Tokens, Wish, World};
use std::io::Write;
use std::path::PathBuf;
use std::sync::Arc;
use writ::log::EngineKind;

/// Where the server keeps its data.
pub const DIRECTORY: &str = "WRIT_VICTIM_DIRECTORY";
/// Which engine keeps its log.
pub const ENGINE: &str = "WRIT_VICTIM_ENGINE";
const APPS: usize = 10;
/// Not each of the 50 has an app of its own: strangers may register 600 in a minute, and a restart gives them no more (THREATS.md A58).
const USERS_OF_AN_APP: usize = 5;

#[test]
#[ignore = "started by the test that kills it; never ends by itself"]
fn serves_until_it_is_killed() {
    let directory = PathBuf::from(std::env::var(DIRECTORY).expect("to be started by the test that kills it"));
    let engine = if std::env::var(ENGINE).unwrap() == "sled" { EngineKind::Sled } else { EngineKind::File };
    let (browser, person): (Browser, Person) = serde_json::from_slice(&std::fs::read(directory.join("browser")).unwrap()).unwrap();
    async_test(async {
        let world = Arc::new(World::at(&directory.join("data"), engine, None));
        let apps = (0..APPS).map(|_| tokio::spawn(registered(world.clone()))).collect::<Vec<_>>();
        let mut users = tokio::task::JoinSet::new();
        for app in apps {
            let app = app.await.unwrap();
            for _ in 0..USERS_OF_AN_APP {
                users.spawn(live(world.clone(), app.clone(), browser.clone(), person.clone()));
            }
        }
        users.join_all().await;
    });
}

async fn registered(world: Arc<World>) -> App {
    let app = App::registered(&world, SITE, AppKind::Basic, SCOPE).await;
    tell(&Fact::Registered { app: app.clone() });
    app
}

/// Uses an app for ever, now and then a new one, telling what is about to be asked and what was answered.
async fn live(world: Arc<World>, mut app: App, mut browser: Browser, person: Person) {
    for n in 0.. {
        if n % 8 == 7 {
            app = registered(world.clone()).await;
        }
        let code = browser.authorize(&world, &app, &person, &Wish { scope: SCOPE.to_owned(), ..Wish::default() }).await.code();
        tell(&Fact::Redeeming { code: code.clone(), app: app.clone() });
        let Some(mut tokens) = Tokens::of(&app.redeem(&world, &code).await) else { panic!("a good code was refused") };
        tell(&Fact::Redeemed { code: code.code.clone(), tokens: tokens.clone() });
        for _ in 0..n % 3 {
            let old = tokens.refresh.clone().unwrap();
            tell(&Fact::Refreshing { code: code.code.clone() });
            tokens = Tokens::of(&app.refresh(&world, &old).await).expect("a good refresh token was refused");
            tell(&Fact::Refreshed { code: code.code.clone(), tokens: tokens.clone() });
        }
        if n % 2 == 0 {
            tell(&Fact::Revoking { code: code.code.clone() });
            assert!(app.revoke(&world, tokens.refresh.as_ref().unwrap()).await.is_ok());
            tell(&Fact::Revoked { code: code.code.clone() });
        }
    }
}

/// One line in one write, so that it is told whole or not at all.
fn tell(fact: &Fact) {
    let line = format!("\n{}\n", serde_json::to_string(fact).unwrap());
    std::io::stdout().lock().write_all(line.as_bytes()).unwrap();
    std::io::stdout().lock().flush().unwrap();
}
