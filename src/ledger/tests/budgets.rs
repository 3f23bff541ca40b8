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

#[tokio::test(flavor = "multi_thread")]
async fn a_restart_gives_no_client_a_second_hour_of_changes() {
    let world = world(Profile::Standard, "openid").await;
    let change = [("dcr.rate".to_owned(), 1.into())].into_iter().collect();
    world.carry_out(ConfigureSite { change, edition: Edition::CURRENT, by: Actor::Os(0) }).await.unwrap();
    let metadata = |world: &World| world.site.read(|state| state.clients.by_id(&world.client).unwrap().metadata.clone());
    let mut presented_token = world.secret;
    let mut update = async |world: &World, version: u64| {
        let registration_token = draw_secret::<32>().digest();
        let command = UpdateClient {
            client: world.client.clone(),
            presented_token,
            metadata: ClientMetadata { software_version: Some((version / 2).to_string()), ..metadata(world) },
            registration_token,
            edition: Edition::CURRENT,
            sector_document: None,
            contacts: vec![],
        };
        let updated = world.ledger.update_client(&world.site, command, world.facts("192.0.2.1")).await;
        presented_token = if updated.is_ok() { registration_token } else { presented_token };
        updated.map_err(|error| error.to_string())
    };
    // Every second one changes nothing, but is a record all the same.
    for version in 0..10 {
        update(&world, version).await.unwrap();
        world.clock.advance_seconds(60);
    }
    update(&world, 10).await.unwrap_err();
    let world = world.reopened();
    assert_eq!(world.ledger.registration_pause(&world.site, Counted::Change, "192.0.2.1".parse().unwrap()), 3000);
    update(&world, 10).await.unwrap_err();
    world.clock.advance_seconds(3000);
    update(&world, 10).await.unwrap();
}
