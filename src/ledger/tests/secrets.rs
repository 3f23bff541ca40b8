//! What the vault keeps and what is gone from it for ever.

use super::*;

#[tokio::test(flavor = "multi_thread")]
async fn a_refused_registration_leaves_nothing_in_the_vault() {
    let world = world(Profile::Standard, "openid").await;
    let before = world.subjects();
    let file = world.folder.path().join("data/vault.sqlite");
    let length = || std::fs::metadata(&file).unwrap().len();
    let bytes = length();
    for _ in 0..100 {
        let command = registration("not-offered", Actor::Anonymous, &["a@example.org"]);
        world.ledger.register_client(&world.site, command, world.facts("192.0.2.1")).await.unwrap_err();
    }
    assert_eq!((world.subjects(), length()), (before, bytes));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refused_person_leaves_nothing_in_the_vault() {
    let world = world(Profile::Standard, "openid").await;
    let credentials = |world: &World| world.ledger.shared.vault.credentials(world.site.name()).unwrap();
    let before = (world.subjects(), credentials(&world));
    let password = || PasswordText::parse(&Secret::new("correct horse".to_owned()));
    let (by, request) = (Actor::Os(0), world.ledger.own_request());
    let again = world.ledger.create_user(&world.site, "jane", password().ok(), Role::Users, Default::default(), by, request).await;
    assert!(matches!(again, Err(SiteError::Refused(_))));
    let nobody = world.ledger.set_password(&world.site, draw_id(), password().unwrap(), Actor::Os(0), world.ledger.own_request()).await;
    assert!(matches!(nobody, Err(SiteError::Refused(_))));
    assert_eq!((world.subjects(), credentials(&world)), before);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_contacts_of_a_deleted_client_cannot_be_opened_any_more() {
    let world = world(Profile::Standard, "openid").await;
    let command = registration("openid", Actor::Anonymous, &["a@example.org"]);
    let client = command.client.clone();
    world.ledger.register_client(&world.site, command, world.facts("192.0.2.1")).await.unwrap();
    let contacts_at = world.site.read(|state| state.clients.by_id(&client).unwrap().contacts_at);
    assert!(world.ledger.disclosed(&world.site, contacts_at).unwrap().contains_key("contacts"));
    let command = ChangeClient { client: client.clone(), change: ClientChange::Delete, by: Actor::Os(0), presented_token: None };
    world.ledger.change_client(&world.site, command, world.ledger.own_request()).await.unwrap();
    assert!(!world.subjects().contains(&Subject::Client(client)));
    assert!(!world.ledger.disclosed(&world.site, contacts_at).unwrap().contains_key("contacts"));
}

#[tokio::test(flavor = "multi_thread")]
async fn keys_of_subjects_that_are_not_in_the_log_are_swept_at_the_start() {
    let world = world(Profile::Standard, "openid").await;
    let command = registration("openid", Actor::Os(0), &["a@example.org"]);
    let kept = Subject::Client(command.client.clone());
    world.ledger.register_client(&world.site, command, world.ledger.own_request()).await.unwrap();
    let before = world.subjects();
    assert!(before.contains(&kept));
    world.ledger.ensure_client_subject(&world.site, &ClientId::from_bytes(draw_bytes())).await.unwrap();
    world.ledger.shared.vault.ensure_subject(world.site.name(), &Subject::User(draw_id())).unwrap();
    assert_eq!(world.subjects().len(), before.len() + 2);
    assert_eq!(world.reopened().subjects(), before);
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_swept_from_a_vault_that_lacks_something() {
    let world = world(Profile::Standard, "openid").await;
    let command = registration("openid", Actor::Os(0), &["a@example.org"]);
    let lost = Subject::Client(command.client.clone());
    world.ledger.register_client(&world.site, command, world.ledger.own_request()).await.unwrap();
    world.ledger.shared.vault.destroy_subject(world.site.name(), &lost).unwrap();
    world.ledger.shared.vault.ensure_subject(world.site.name(), &Subject::User(draw_id())).unwrap();
    let before = world.subjects();
    assert_eq!(world.reopened().subjects(), before, "what looks superfluous may be what a repair looks for");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_months_keys_are_made_once_and_ahead_of_time() {
    let world = world(Profile::Standard, "openid").await;
    let months = |world: &World| {
        let all = world.ledger.shared.vault.subjects(world.site.name()).unwrap();
        all.into_iter().filter(|subject| matches!(subject, Subject::Month(_))).count()
    };
    assert_eq!(months(&world), 1);
    assert!(world.site.has_months_until(at(DAY)) && !world.site.has_months_until(at(DAY + 1)));
    for day in 1..=40 {
        world.clock.advance_seconds(DAY);
        world.anything().await;
        let month = Subject::Month(world.ledger.now().month());
        assert!(world.ledger.shared.vault.subject_key(world.site.name(), &month).unwrap().is_some(), "day {day}");
    }
    assert_eq!(months(&world), 3, "September, October, and November a day ahead");
}

#[tokio::test(flavor = "multi_thread")]
async fn why_something_leaves_the_log_is_sealed_in_the_record_of_it() {
    let world = world(Profile::Standard, "openid").await;
    let exported = Noted::AuditExported {
        format: "ndjson".to_owned(),
        from: Seq(0),
        to: Seq(4),
        events: 4,
        disclosed: 1,
        withheld: 2,
        bundle_digest: Digest::of(b"bundle"),
        checkpoint_size: 5,
        filter: Digest::of(b"filter"),
        identified: true,
        purpose: Some("a complaint of Jane Doe".to_owned()),
        basis: Some("45 CFR 164.528".to_owned()),
        reason: None,
    };
    world.ledger.note_by(&world.site, exported, Actor::Os(7), world.ledger.own_request()).await.unwrap();
    let stored = world.ledger.stored(&world.site, Seq(world.site.durable().events - 1)).unwrap();
    assert!(!String::from_utf8_lossy(&stored.leaf).contains("Jane"));
    let opened = world.ledger.open_fields(&world.site, &stored).unwrap();
    assert_eq!(json!(opened), json!({ "purpose": "a complaint of Jane Doe", "basis": "45 CFR 164.528" }));
    let Event::Audit(AuditEvent::Exported { to, withheld, identified, .. }) = world.events(&world.site).pop().unwrap() else { panic!() };
    assert_eq!((to, withheld, identified), (Seq(4), 2, true));
}
