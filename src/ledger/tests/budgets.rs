//! How much a stranger may ask for.

use super::*;

#[tokio::test(flavor = "multi_thread")]
async fn a_stranger_who_registers_too_often_is_told_to_wait_and_an_administrator_is_not() {
    let world = world(Profile::Standard, "openid").await;
    let register = async |by, ip| world.ledger.register_client(&world.site, registration("openid", by, &[]), world.facts(ip)).await;
    for _ in 0..10 {
        register(Actor::Anonymous, "192.0.2.1").await.unwrap();
    }
    let Err(SiteError::Refused(refused)) = register(Actor::Anonymous, "192.0.2.1").await else { panic!("it was registered") };
    assert_eq!((refused.refusal.as_str(), refused.refusal.reply().status), ("registration_too_frequent", 429));
    register(Actor::Os(0), "192.0.2.1").await.unwrap();
    register(Actor::Anonymous, "192.0.2.2").await.unwrap();
    assert_eq!(world.ledger.registration_pause(&world.site, Counted::Registration, "192.0.2.1".parse().unwrap()), 3600);
    world.clock.advance_seconds(3600);
    register(Actor::Anonymous, "192.0.2.1").await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_restart_gives_no_stranger_a_second_hour() {
    let world = world(Profile::Standard, "openid").await;
    let ip = || "192.0.2.1".parse().unwrap();
    for contacts in [&[][..], &["a@example.org"]].repeat(5) {
        let command = registration("openid", Actor::Anonymous, contacts);
        world.ledger.register_client(&world.site, command, world.facts("192.0.2.1")).await.unwrap();
        world.clock.advance_seconds(60);
    }
    world.ledger.register_client(&world.site, registration("openid", Actor::Os(0), &[]), world.facts("192.0.2.2")).await.unwrap();
    let before = world.ledger.registration_pause(&world.site, Counted::Registration, ip());
    let World { ledger, site, clock, folder, .. } = world;
    ledger.shut_down();
    drop((ledger, site));
    clock.advance_seconds(100);
    let ledger = open(folder.path(), &clock);
    let site = ledger.site(&SiteName::default_site()).unwrap();
    assert_eq!((before, ledger.registration_pause(&site, Counted::Registration, ip())), (3000, 2900));
    assert_eq!(
        ledger.registration_pause(&site, Counted::Registration, "192.0.2.2".parse().unwrap()),
        0,
        "an administrator's are no stranger's"
    );
    clock.advance_seconds(2900);
    assert_eq!(ledger.registration_pause(&site, Counted::Registration, ip()), 0);
}
