//! The load against a real server in this process.

use super::{FlowError, Flows, Target, load};
use std::sync::Arc;
use writ::event::Profile;
use writ::http::context::Context;
use writ::http::peer::TrustedProxies;
use writ::http::{AllowedHosts, Door, DoorSettings, Listen, Server, ServerSettings, routes};
use writ::ledger::{Ledger, OpenSettings};
use writ::log::EngineKind;
use writ::terms::{Actor, Role, Secret};
use writ::vault::PasswordText;

/// The password of `ada`.
pub(crate) const PASSWORD: &str = "correct horse battery staple";

/// A server with a site and a person; it lives as long as what is returned.
pub(crate) async fn served() -> (tempfile::TempDir, Ledger, Server, String) {
    let directory = tempfile::tempdir().unwrap();
    let settings = OpenSettings {
        directory: directory.path().join("data"),
        engine: EngineKind::Sled,
        master_key_file: None,
        clock: None,
        outbound: Default::default(),
        on_fatal: Box::new(|fatal| panic!("{fatal}")),
    };
    let ledger = Ledger::open(settings).unwrap();
    let hosts = AllowedHosts::default();
    let ids = ledger.clone();
    let door = DoorSettings::new(hosts.clone(), TrustedProxies::default(), Arc::new(move || ids.request_id()));
    let door = Door::new(door, routes::public(Context { ledger: ledger.clone() }));
    let listen = Listen::Tcp { address: "127.0.0.1:0".parse().unwrap(), tls: None };
    let server = Server::bind(listen, ServerSettings::default(), door).await.unwrap();
    let issuer = format!("http://{}/oauth2/default", server.address().unwrap());
    hosts.allow_url(&issuer);
    let by = Actor::Server;
    let name = "default".parse().unwrap();
    let site = ledger.create_site(&name, issuer.clone(), Profile::Standard, "Flows".into(), by.clone()).await.unwrap();
    let password = PasswordText::parse_new(&Secret::new(PASSWORD.to_owned())).unwrap();
    let request = ledger.own_request();
    ledger.create_user(&site, "ada", Some(password), Role::Users, serde_json::Map::new(), by, request).await.unwrap();
    (directory, ledger, server, issuer)
}

fn flows(issuer: &str, password: &str) -> Flows {
    let (username, password) = ("ada".to_owned(), password.to_owned());
    Flows { issuer: issuer.to_owned(), username, password, clients: 3, seconds: 1, refreshes: 2 }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_step_of_the_flow_is_done_and_nothing_fails() {
    let (_directory, ledger, server, issuer) = served().await;
    let figures = load(&flows(&issuer, PASSWORD)).await.unwrap();
    let text = figures.to_string();
    assert!(figures.is_flawless(), "{text}");
    for step in ["authorize", "redeem", "refresh", "introspect", "all"] {
        assert!(text.lines().any(|line| line.starts_with(step)), "{text}");
    }
    assert!(text.lines().last().unwrap().contains("0 failures in"), "{text}");
    drop(server);
    ledger.shut_down();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_password_ends_the_load_with_its_answer() {
    let (_directory, ledger, server, issuer) = served().await;
    let error = load(&flows(&issuer, "wrong horse battery staple")).await.unwrap_err();
    assert!(matches!(&error, FlowError::Answer { at, .. } if at.ends_with("/provider/login")), "{error}");
    drop(server);
    ledger.shut_down();
}

#[test]
fn only_this_machine_is_loaded() {
    for issuer in ["http://127.0.0.1:9080/oauth2/default", "http://localhost/oauth2/a", "http://[::1]:1/oauth2/a"] {
        assert!(Target::parse(issuer).is_ok(), "{issuer}");
    }
    let others =
        ["https://127.0.0.1/oauth2/a", "http://10.0.0.1/oauth2/a", "http://auth.example.org/", "http://127.0.0.1.example.org/", "x"];
    for issuer in others {
        assert!(matches!(Target::parse(issuer), Err(FlowError::NotLoopback(_))), "{issuer}");
    }
    let local = Target::parse("http://127.0.0.1:9080/oauth2/default/").unwrap();
    assert_eq!((local.path("/token").as_str(), local.authority.as_str()), ("/oauth2/default/token", "127.0.0.1:9080"));
}

#[tokio::test]
async fn nobody_listening_is_said_in_one_sentence() {
    let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let error = load(&flows(&format!("http://{free}/oauth2/default"), PASSWORD)).await.unwrap_err();
    assert!(error.to_string().contains("cannot be reached"), "{error}");
}
