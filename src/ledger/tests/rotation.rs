//! The life of a signing key on a clock that is moved by hand: shown, signing, verifying, retired, destroyed.

use super::*;
use crate::event::{KeyEvent, Refusal};
use crate::projection::{LEEWAY_SECONDS, Standing};
use crate::terms::KeyId;
use SigningAlgorithm::Rs256;

const ROTATE: u64 = 10 * DAY;
const PUBLISH: u64 = 360;

async fn configured(profile: Profile) -> World {
    let world = world(profile, "openid").await;
    set(&world, "keys.rotate_seconds", ROTATE).await;
    world
}

async fn set(world: &World, name: &str, seconds: u64) {
    let change = [(name.to_owned(), seconds.into())].into_iter().collect();
    let edition = Edition::CURRENT;
    world.carry_out(ConfigureSite { change, edition, by: Actor::Os(0) }).await.unwrap();
}

impl World {
    fn signing(&self) -> KeyId {
        let now = self.ledger.now();
        self.site.read(|state| state.keys.signing(Rs256, now).unwrap().kid)
    }
    fn standing(&self, kid: KeyId) -> Standing {
        let now = self.ledger.now();
        self.site.read(|state| state.keys.standing(state.keys.by_id(&kid).unwrap(), now))
    }
    async fn tend(&self) {
        self.ledger.tend_keys(&self.site).await.unwrap();
    }
    fn is_in_the_vault(&self, kid: KeyId) -> bool {
        self.ledger.shared.vault.signing_keys(self.site.name()).unwrap().contains(&kid)
    }
    fn key_events(&self) -> usize {
        self.events(&self.site).iter().filter(|event| matches!(event, Event::Key(_))).count()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_scheduled_key_is_made_ahead_and_takes_over_when_the_one_before_has_signed_long_enough() {
    let world = configured(Profile::Standard).await;
    let first = world.signing();
    world.clock.advance_seconds(ROTATE - PUBLISH - 1);
    world.tend().await;
    assert_eq!(world.site.read(|state| state.keys.youngest(Rs256).unwrap().kid), first, "not yet");
    world.clock.advance_seconds(1);
    world.tend().await;
    let second = world.site.read(|state| state.keys.youngest(Rs256).unwrap().kid);
    assert_eq!((world.signing(), world.standing(second)), (first, Standing::Published { until: at(ROTATE) }));
    let events = world.key_events();
    world.tend().await;
    assert_eq!(world.key_events(), events, "one is enough");
    // Nobody looks while the server is down; what is due is computed from what was recorded.
    let world = world.reopened();
    world.clock.advance_seconds(PUBLISH);
    assert_eq!((world.signing(), world.standing(second)), (second, Standing::Signing { since: at(ROTATE) }));
    world.tend().await;
    assert_eq!(world.key_events(), events);
    assert_eq!(world.replayed().digest(), world.site.read(State::digest));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_old_key_leaves_when_the_last_token_that_it_signed_has_expired() {
    let world = configured(Profile::Openemr).await;
    let first = world.signing();
    world.clock.advance_seconds(ROTATE - PUBLISH);
    world.tend().await;
    world.clock.advance_seconds(PUBLISH - 1);
    let last = world.tokens(world.sign_in(None, "jane").await, "openid").await;
    assert_eq!(last.kid, first);
    let minted = world.ledger.mint(&world.site, &last).unwrap();
    let id_token = minted.id_token.unwrap();
    world.clock.advance_seconds(1);
    assert_ne!(world.signing(), first);
    world.clock.advance_seconds(3598 + LEEWAY_SECONDS);
    world.tend().await;
    assert!(matches!(world.standing(first), Standing::Verifying { .. }) && world.is_in_the_vault(first));
    assert_eq!(world.status(&minted.access_token).await, Status::Expired);
    world.clock.advance_seconds(1);
    world.tend().await;
    assert_eq!(world.standing(first), Standing::Retired { since: world.ledger.now() });
    assert!(!world.is_in_the_vault(first), "the private half is destroyed");
    assert!(world.ledger.mint(&world.site, &last).is_err(), "nothing is signed with it, not even from memory");
    let published = world.site.read(|state| crate::query::jwk_set(state, world.ledger.now()));
    assert!(published.keys().iter().all(|key| key.kid != first));
    // SPEC.md h, row 2: for as long as anybody remembers, an expired token is called expired, whatever became of its key.
    for _ in 0..2 {
        assert_eq!(world.status(&minted.access_token).await, Status::Expired);
        world.clock.advance_seconds(30 * DAY);
        world.anything().await;
    }
    assert_eq!(world.ledger.read_hint(&world.site, id_token.expose()).unwrap().sub, world.user.to_string(), "SPEC.md k-51");
    assert_eq!(world.replayed().digest(), world.site.read(State::digest));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_retired_key_signs_afterwards_is_no_signature_of_ours() {
    let world = configured(Profile::Openemr).await;
    let first = world.signing();
    let key = world.ledger.signing_key(&world.site, first).unwrap();
    let good = world.tokens(world.sign_in(None, "jane").await, "openid").await;
    let minted = world.ledger.mint(&world.site, &good).unwrap();
    world.ledger.generate_key(&world.site, Rs256, TakesOver::AtOnce, Actor::Os(0), world.ledger.own_request()).await.unwrap();
    let refused = world.ledger.retire_key(&world.site, first, false, Actor::Os(0), world.ledger.own_request()).await;
    assert!(matches!(refused, Err(SiteError::Refused(refused)) if refused.refusal == Refusal::KeyNeeded));
    world.ledger.retire_key(&world.site, first, true, Actor::Os(0), world.ledger.own_request()).await.unwrap();
    assert_eq!(world.ledger.present(&world.site, minted.access_token.expose()), Presented::BadSignature);
    for exp in [START + 1, START + 3600] {
        let claims = world.never_granted(exp);
        let forged = key.sign(claims.typ(), &claims).unwrap();
        assert_eq!(world.ledger.present(&world.site, &forged), Presented::BadSignature, "{exp}");
    }
    world.clock.advance_seconds(99 * DAY);
    assert_eq!(
        world.ledger.present(&world.site, minted.access_token.expose()),
        Presented::BadSignature,
        "it was good when its key was retired"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_private_key_that_a_crash_left_behind_is_swept_at_the_next_opening() {
    let world = configured(Profile::Standard).await;
    let first = world.signing();
    world.ledger.generate_key(&world.site, Rs256, TakesOver::AtOnce, Actor::Os(0), world.ledger.own_request()).await.unwrap();
    // The event is durable and the process ends before the vault has heard of it.
    world.carry_out(RetireKey { kid: first, force: true, by: Actor::Os(0) }).await.unwrap();
    let orphan = draw_id();
    world.ledger.shared.vault.create_signing_key(world.site.name(), orphan, SigningAlgorithm::EdDsa).unwrap();
    assert!(world.is_in_the_vault(first) && world.is_in_the_vault(orphan));
    let world = world.reopened();
    assert!(!world.is_in_the_vault(first) && !world.is_in_the_vault(orphan) && world.is_in_the_vault(world.signing()));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_schedule_that_asks_for_nothing_leaves_nothing_behind() {
    let world = configured(Profile::Standard).await;
    let keys = |world: &World| world.ledger.shared.vault.signing_keys(world.site.name()).unwrap().len();
    let (before, events) = (keys(&world), world.key_events());
    let by = Actor::Server;
    let refused = world.ledger.generate_key(&world.site, Rs256, TakesOver::OnSchedule, by, world.ledger.own_request()).await;
    assert!(matches!(refused, Err(SiteError::Refused(refused)) if refused.refusal == Refusal::NothingToChange));
    assert_eq!((keys(&world), world.key_events()), (before, events));
}

#[tokio::test(flavor = "multi_thread")]
async fn every_decision_about_keys_is_decided_again_alike() {
    let world = configured(Profile::Standard).await;
    let by = || Actor::Os(0);
    for takes_over in [TakesOver::WhenShown, TakesOver::AtOnce] {
        world.ledger.generate_key(&world.site, Rs256, takes_over, by(), world.ledger.own_request()).await.unwrap();
    }
    world.clock.advance_seconds(2 * ROTATE);
    world.tend().await;
    world.clock.advance_seconds(2 * ROTATE);
    world.tend().await;
    let mut state = State::default();
    let mut decided = 0;
    for seq in 0..world.site.durable().events {
        let record = world.ledger.record(&world.site, Seq(seq)).unwrap();
        if record.asked.is_some() && matches!(record.event, Event::Key(_)) {
            let again = redecide(&mut state, &record).unwrap().events;
            assert_eq!(again.first().map(|draft| &draft.event), Some(&record.event), "{seq}");
            decided += 1;
        }
        state.fold(&record).unwrap();
    }
    assert!(decided > 12, "{decided}");
    let retired = |event: &Event| matches!(event, Event::Key(KeyEvent::Retired { .. }));
    assert!(world.events(&world.site).iter().any(retired));
}
