//! Steps of the clock, and what is forgotten when.

use super::*;

#[tokio::test(flavor = "multi_thread")]
async fn a_step_of_the_clock_is_recorded_whoever_reads_it_first() {
    let world = world(Profile::Standard, "openid").await;
    let server = world.ledger.site(&SiteName::server()).unwrap();
    let turns = || {
        let events = world.events(&server).into_iter();
        let turn = |event| {
            if let Event::Server(ServerEvent::ClockStepped { wall, kept }) = event {
                return Some(("stepped", wall, Some(kept)));
            }
            let Event::Server(ServerEvent::ClockAccepted { wall }) = event else { return None };
            Some(("accepted", wall, None))
        };
        events.filter_map(turn).collect::<Vec<_>>()
    };
    world.clock.set(at(DAY));
    assert_eq!(world.ledger.now(), at(0));
    assert_eq!(world.ledger.now(), at(0));
    world.ledger.tell_tallies(false).await.unwrap();
    assert_eq!(turns(), [("stepped", at(DAY), Some(at(0)))]);

    let refused = world.carry_out(registration("openid", Actor::Os(0), &[])).await;
    assert!(matches!(refused, Err(SiteError::Failure(Failure::ClockUntrusted))));

    world.clock.set(at(0));
    assert_eq!(world.ledger.now(), at(0));
    world.carry_out(registration("openid", Actor::Os(0), &[])).await.unwrap();
    world.ledger.tell_tallies(false).await.unwrap();
    let told = async || {
        while turns().len() < 2 {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(std::time::Duration::from_secs(20), told()).await.unwrap();
    assert_eq!(turns()[1..], [("accepted", at(0), None)]);
}

#[tokio::test(flavor = "multi_thread")]
async fn after_a_step_back_was_accepted_time_goes_on_and_things_end() {
    let world = world(Profile::Standard, "openid").await;
    let tokens = world.tokens(world.sign_in(None, "jane").await, "openid").await;
    let access = world.ledger.mint(&world.site, &tokens).unwrap().access_token;
    world.clock.set(Timestamp::from_unix_seconds(START - DAY));
    let wall = world.ledger.accept_clock(Actor::Os(7), world.ledger.own_request()).await.unwrap();
    assert_eq!(wall, Timestamp::from_unix_seconds(START - DAY));
    let server = world.ledger.site(&SiteName::server()).unwrap();
    let last = world.ledger.record(&server, Seq(server.durable().events - 1)).unwrap();
    assert_eq!((last.event, last.actor), (Event::Server(ServerEvent::ClockAccepted { wall }), Actor::Os(7)));

    assert_eq!(world.status(&access).await, Status::Active);
    world.clock.advance_seconds(4100);
    world.anything().await;
    assert_eq!(world.site.read(|state| state.last_t), at(3690), "a tenth slower than it passes");
    assert_eq!(world.status(&access).await, Status::Expired);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_clock_that_is_corrected_backwards_brings_nothing_back_that_was_forgotten() {
    let world = world(Profile::Standard, "openid").await;
    let tokens = world.tokens(world.sign_in(None, "jane").await, "openid").await;
    world.clock.advance_seconds(3605);
    // Decided about the state at that time, but nothing is recorded.
    let nothing = UserChange::Unlock;
    world.carry_out(ChangeUser { user: world.user, change: nothing, by: Actor::Os(0) }).await.unwrap_err();
    assert!(world.site.read(|state| state.grants.token(&tokens.token).is_none()), "the live state has forgotten the token");
    world.clock.set(at(3590));
    let token = PresentedToken::Access(tokens.token);
    world.carry_out(RevokeToken { token, client_auth: world.proof() }).await.unwrap();
    world.anything().await;
    let (mut live, mut replayed) = (world.site.read(Clone::clone), world.replayed());
    for state in [&mut live, &mut replayed] {
        state.forget(world.ledger.now());
    }
    assert_eq!(replayed, live);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_thing_that_is_prolonged_waits_for_its_end_once_and_is_forgotten_then() {
    let world = world(Profile::Openemr, "openid").await;
    let session = world.sign_in(None, "jane").await;
    let mut tokens = world.tokens(session, "openid").await;
    let waiting = || world.site.read(State::waiting);
    let before = waiting();
    for _ in 0..50 {
        world.clock.advance_seconds(10);
        tokens = world.refreshed(&tokens).await;
    }
    assert_eq!(waiting(), before + 50, "each access token has an end of its own; the grant still has one");
    world.clock.advance_seconds(3605);
    world.anything().await;
    assert_eq!(waiting(), 2, "grant and session");
    let of_session = world.tokens(session, "openid").await.grant;
    assert_eq!(waiting(), 4, "another grant and its token");
    world.clock.set(tokens.refresh_expires_at.unwrap().plus_seconds(3600 * 2));
    world.ledger.accept_clock(Actor::Os(0), world.ledger.own_request()).await.unwrap();
    world.anything().await;
    assert!(world.site.read(|state| state.grants.by_id(&tokens.grant).is_none() && state.grants.by_id(&of_session).is_none()));
    assert!(world.site.read(|state| state.sessions.by_id(&session).is_none()));
    assert_eq!(waiting(), 0);
}
