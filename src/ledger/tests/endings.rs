//! What is said of tokens, also after their end is forgotten, and of those that are not ours.

use super::*;

/// What may happen to a token of the session while it lives, and what is said of the access token and the refresh token for ever.
#[tokio::test(flavor = "multi_thread")]
async fn what_ended_a_token_is_known_after_state_has_forgotten_it() {
    use Status::{Expired, Revoked};
    let world = world(Profile::Openemr, "openid offline_access").await;
    let mut all = Vec::new();
    let session = world.sign_in(None, "jane").await;
    let fresh = async || world.tokens(world.sign_in(None, "jane").await, "openid offline_access").await;

    all.push(("nothing", fresh().await, (Expired, Expired)));

    let rotated = fresh().await;
    let successor = world.refreshed(&rotated).await;
    all.push(("rotation", rotated, (Expired, Revoked)));
    all.push(("being the successor", successor, (Expired, Expired)));

    let revoked = fresh().await;
    let token = PresentedToken::Access(revoked.token);
    world.carry_out(RevokeToken { token, client_auth: world.proof() }).await.unwrap();
    all.push(("revocation of the access token", revoked, (Revoked, Expired)));

    let revoked = fresh().await;
    let token = PresentedToken::Refresh(RefreshFact::Genuine { grant: revoked.grant, generation: 0 });
    world.carry_out(RevokeToken { token, client_auth: world.proof() }).await.unwrap();
    all.push(("revocation of the refresh token", revoked, (Revoked, Revoked)));

    let signed_out = world.tokens(session, "openid offline_access").await;
    world.carry_out(EndSession { session: Some(session), everywhere: None, by: EndedBy::Hint }).await.unwrap();
    all.push(("signing out", signed_out, (Revoked, Revoked)));

    let withdrawn = fresh().await;
    world.carry_out(WithdrawConsent { user: world.user, client: world.client.clone(), by: Actor::Os(0) }).await.unwrap();
    for (what, _, (access, refresh)) in &mut all {
        // The permission behind all of them was withdrawn.
        assert!(!what.is_empty());
        (*access, *refresh) = (Revoked, Revoked);
    }
    all.push(("withdrawal", withdrawn, (Revoked, Revoked)));
    let everywhere = fresh().await;
    let command = EndSession { session: None, everywhere: Some((world.user, world.client.clone())), by: EndedBy::Hint };
    world.carry_out(command).await.unwrap();
    all.push(("signing out everywhere", everywhere, (Revoked, Revoked)));
    all.push(("nothing, after a withdrawal", fresh().await, (Expired, Expired)));
    let rotated = fresh().await;
    let successor = world.refreshed(&rotated).await;
    all.push(("rotation, after a withdrawal", rotated, (Expired, Revoked)));
    all.push(("being the successor, after a withdrawal", successor, (Expired, Expired)));

    world.clock.advance_seconds(300 * DAY);
    for turn in ["before", "after"] {
        for (what, tokens, (access, refresh)) in &all {
            let said = world.statuses(tokens).await;
            assert_eq!(said, (*access, *refresh), "{what}, {turn} anything else happened");
        }
        world.anything().await;
        assert_eq!(world.site.read(|state| state.grants.iter().count()), 0, "state has forgotten them");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_rests_on_a_disabled_person_or_client_is_revoked_even_when_forgotten() {
    for of_client in [false, true] {
        let world = world(Profile::Openemr, "openid").await;
        let tokens = world.tokens(world.sign_in(None, "jane").await, "openid").await;
        match of_client {
            false => {
                let change = UserChange::Disable;
                world.carry_out(ChangeUser { user: world.user, change, by: Actor::Os(0) }).await.unwrap();
            }
            true => {
                let change = ClientChange::Delete;
                let command = ChangeClient { client: world.client.clone(), change, by: Actor::Os(0), presented_token: None };
                world.ledger.change_client(&world.site, command, world.ledger.own_request()).await.unwrap();
            }
        }
        for _ in 0..2 {
            assert_eq!(world.statuses(&tokens).await, (Status::Revoked, Status::Revoked));
            world.clock.advance_seconds(300 * DAY);
            world.anything().await;
        }
        let world = world.reopened();
        assert_eq!(world.statuses(&tokens).await, (Status::Revoked, Status::Revoked), "after a restart");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_session_that_was_left_to_somebody_else_and_then_signed_out_of_ended_its_tokens() {
    let world = world(Profile::Openemr, "openid").await;
    let password = PasswordText::parse(&Secret::new("correct horse".to_owned())).ok();
    let request = world.ledger.own_request();
    world.ledger.create_user(&world.site, "bob", password, Role::Users, Default::default(), Actor::Os(0), request).await.unwrap();
    let session = world.sign_in(None, "jane").await;
    let tokens = world.tokens(session, "openid").await;
    world.sign_in(Some(session), "bob").await;
    assert_eq!(world.statuses(&tokens).await, (Status::Active, Status::Active));
    let replaced = tokens;
    let session = world.sign_in(None, "jane").await;
    let tokens = world.tokens(session, "openid").await;
    world.carry_out(EndSession { session: Some(session), everywhere: None, by: EndedBy::Hint }).await.unwrap();
    world.clock.advance_seconds(300 * DAY);
    world.anything().await;
    assert_eq!(world.statuses(&replaced).await, (Status::Expired, Status::Expired));
    assert_eq!(world.statuses(&tokens).await, (Status::Revoked, Status::Revoked));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_comes_after_a_tokens_end_does_not_end_it() {
    let world = world(Profile::Openemr, "openid").await;
    let session = world.sign_in(None, "jane").await;
    let tokens = world.tokens(session, "openid").await;
    world.clock.advance_seconds(3601);
    world.carry_out(EndSession { session: Some(session), everywhere: None, by: EndedBy::Hint }).await.unwrap();
    assert_eq!(world.statuses(&tokens).await, (Status::Expired, Status::Revoked));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_forgery_names_the_key_that_signed_it_and_is_told_once() {
    let world = world(Profile::Standard, "openid").await;
    let key = world.site.read(|state| state.keys.youngest(SigningAlgorithm::EdDsa).unwrap().kid);
    let claims = world.never_granted(START + 3600);
    let forged = Secret::new(world.ledger.signing_key(&world.site, key).unwrap().sign(claims.typ(), &claims).unwrap());
    for _ in 0..5 {
        assert_eq!(world.status(&forged).await, Status::Unknown);
    }
    world.ledger.tell_tallies(true).await.unwrap();
    assert_eq!(world.status(&forged).await, Status::Unknown);
    let told = world.events(&world.site).into_iter().filter_map(|event| {
        let Event::Token(TokenEvent::ForgeryDetected { token, kid, times }) = event else { return None };
        Some((token, kid, times.map(|times| times.count)))
    });
    assert_eq!(told.collect::<Vec<_>>(), [(claims.jti, key, None), (claims.jti, key, Some(4))]);
}

/// A page may be answered for half an hour; an app that has one answer must not get another because its tokens were short-lived.
#[tokio::test(flavor = "multi_thread")]
async fn an_answer_is_known_for_as_long_as_its_page_can_be_answered() {
    // With no refresh token, whose life would be longer.
    let scope = "openid patient/Patient.rs";
    let world = world(Profile::Standard, scope).await;
    let change = [("access_seconds".to_owned(), 60.into())].into_iter().collect();
    world.carry_out(ConfigureSite { change, edition: Edition::CURRENT, by: Actor::Os(0) }).await.unwrap();
    let (session, page) = (world.sign_in(None, "jane").await, Some(draw_id()));
    let answered = async || world.code(session, scope, page, ConsentFact::Given).await.map_err(|error| error.to_string());
    let code = answered().await.unwrap();
    world.carry_out(RedeemCode { code: Some(code), redirect_uri: None, verifier: None, client_auth: world.proof() }).await.unwrap();
    let refused = answered().await.unwrap_err();
    for _ in 0..29 {
        world.clock.advance_seconds(60);
        world.anything().await;
        assert_eq!(answered().await, Err(refused.clone()));
    }
    world.clock.advance_seconds(ANSWERABLE_SECONDS);
    world.anything().await;
    assert_eq!(world.site.read(|state| state.grants.iter().count()), 0, "then it is forgotten");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refused_answer_is_told_of_the_endpoint_that_it_came_to() {
    let world = world(Profile::Standard, "openid").await;
    let session = world.sign_in(None, "jane").await;
    world.carry_out(EndSession { session: Some(session), everywhere: None, by: EndedBy::Hint }).await.unwrap();
    let cases = [
        (None, ConsentFact::Remembered, Endpoint::Authorize),
        (Some(draw_id()), ConsentFact::Remembered, Endpoint::Login),
        (Some(draw_id()), ConsentFact::Given, Endpoint::Consent),
    ];
    for (page, consent, at) in cases {
        world.code(session, "openid", page, consent).await.unwrap_err();
        let Some(Event::Request(RequestEvent::Refused { endpoint, .. })) = world.events(&world.site).pop() else {
            panic!("no refusal was recorded")
        };
        assert_eq!(endpoint, at);
    }
}
