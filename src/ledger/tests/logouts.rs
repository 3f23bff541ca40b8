//! Logout tokens come from the log.

use super::*;
use crate::command::{EndLogoutAttempt, LogoutToSend, SignLogout};
use crate::event::{Edition, LogoutEvent, LogoutFailure};
use crate::terms::LogoutId;

/// A person who signed out of an app that wants to hear of it, but cannot be reached.
async fn signed_out() -> (World, LogoutId) {
    let world = world(Profile::Standard, "openid offline_access").await;
    let mut metadata = world.site.read(|state| state.clients.by_id(&world.client).unwrap().metadata.clone());
    metadata.backchannel_logout_uri = Some("https://127.0.0.1/told".parse().unwrap());
    let (presented_token, registration_token) = (world.secret, draw_secret::<32>().digest());
    let client = world.client.clone();
    let (edition, sector_document, contacts) = (Edition::CURRENT, None, vec![]);
    let update = UpdateClient { client, presented_token, metadata, registration_token, edition, sector_document, contacts };
    world.carry_out(update).await.unwrap();
    let session = world.sign_in(None, "jane").await;
    world.tokens(session, "openid offline_access").await;
    let end = EndSession { session: Some(session), everywhere: None, by: EndedBy::Hint };
    let [logout] = world.carry_out(end).await.unwrap().logouts.try_into().unwrap();
    (world, logout)
}

async fn sign(world: &World, logout: LogoutId, at_once: bool) -> Option<LogoutToSend> {
    world.carry_out(SignLogout { logout, at_once }).await.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_logout_token_is_made_again_byte_for_byte_from_its_event() {
    let (world, logout) = signed_out().await;
    let LogoutToSend { signed, .. } = sign(&world, logout, true).await.unwrap();
    let sent = world.ledger.mint_logout_token(&world.site, &signed).unwrap();
    let head = world.site.read(|state| state.head);
    let Event::Logout(LogoutEvent::Signed(recorded)) = world.ledger.record(&world.site, Seq(head.0 - 1)).unwrap().event else { panic!() };
    assert_eq!(recorded, signed);
    let again = world.ledger.mint_logout_token(&world.site, &recorded).unwrap();
    assert_eq!(again.expose(), sent.expose());
}

#[tokio::test(flavor = "multi_thread")]
async fn an_attempt_is_begun_once_and_what_nobody_hears_of_is_begun_again() {
    let (world, logout) = signed_out().await;
    assert!(sign(&world, logout, false).await.is_none(), "whoever signed out has the first attempt to itself for two seconds");
    assert_eq!(sign(&world, logout, true).await.unwrap().signed.attempt, 1);
    assert!(sign(&world, logout, true).await.is_none());
    world.clock.advance_seconds(5);
    assert_eq!(sign(&world, logout, false).await.unwrap().signed.attempt, 2);
    // The first attempt's answer comes too late to say anything about the second.
    let late = EndLogoutAttempt { logout, attempt: 1, failure: None, status: Some(200) };
    world.carry_out(late).await.unwrap();
    assert!(world.site.read(|state| state.logouts.by_id(&logout).is_some()));
}

#[tokio::test(flavor = "multi_thread")]
async fn after_a_day_of_silence_nothing_more_is_tried() {
    let (world, logout) = signed_out().await;
    let began = world.ledger.now();
    for attempt in 1..=9 {
        assert_eq!(sign(&world, logout, attempt == 1).await.unwrap().signed.attempt, attempt);
        let failure = Some(LogoutFailure::Unreachable);
        world.carry_out(EndLogoutAttempt { logout, attempt, failure, status: None }).await.unwrap();
        let next_at = world.site.read(|state| state.logouts.by_id(&logout).map(|pending| pending.next_at));
        assert_eq!(next_at.is_none(), attempt == 9);
        world.clock.advance_seconds(next_at.map_or(0, |next_at| next_at.seconds_since(world.ledger.now())));
    }
    assert!(world.ledger.now().seconds_since(began) < DAY);
    assert!(sign(&world, logout, true).await.is_none());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_ends_in_every_attempt_gives_up_at_last_as_well() {
    let (world, logout) = signed_out().await;
    let mut attempts = 0;
    while sign(&world, logout, attempts == 0).await.is_some() {
        attempts += 1;
        world.clock.advance_seconds(DAY);
    }
    assert_eq!((attempts, world.site.read(|state| state.logouts.by_id(&logout).cloned())), (9, None));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_to_be_told_is_known_after_a_restart() {
    let (world, logout) = signed_out().await;
    sign(&world, logout, true).await.unwrap();
    let before = world.site.read(|state| state.logouts.clone());
    let World { ledger, site, clock, folder, .. } = world;
    ledger.shut_down();
    drop((ledger, site));
    let ledger = open(folder.path(), &clock);
    let site = ledger.site(&SiteName::default_site()).unwrap();
    assert_eq!(site.read(|state| state.logouts.clone()), before);
    clock.advance_seconds(5);
    ledger.deliver_due_logouts().await;
    let pending = site.read(|state| state.logouts.by_id(&logout).cloned()).unwrap();
    assert_eq!((pending.attempts, pending.under_way), (2, false), "the address is not public");
}
