//! The same thing asked for 64 times at once (THREATS.md A16, A25, A27, A28): one winner, and the log explains every answer.

use crate::async_test;
use crate::world::{App, AppKind, Browser, CodeInHand, Reply, Tokens, Wish, World, frozen, records};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use writ::event::Profile;
use writ::log::EngineKind;
use writ::terms::RequestId;

const SITE: &str = "default";
/// No ID token: what races is the log, not the signatures.
const SCOPE: &str = "patient/Observation.read offline_access";
const RUNNERS: usize = 64;
const ROUNDS: usize = 50;

/// Which clock tells the time.
#[derive(Clone, Copy, PartialEq)]
enum Time {
    Passing,
    Frozen,
}

struct Track {
    world: Arc<World>,
    app: Arc<App>,
    browser: Browser,
}

impl Track {
    async fn new(time: Time, refresh_retry_seconds: u64) -> Self {
        let clock = (time == Time::Frozen).then(frozen);
        let mut world = World::new(EngineKind::File, clock);
        world.add_site(SITE, Profile::Standard).await;
        world.add_person(SITE, "alice").await;
        world.configure(SITE, &[("refresh_retry_seconds", refresh_retry_seconds.into())]).await;
        let app = App::registered(&world, SITE, AppKind::Basic, SCOPE).await;
        Self { world: Arc::new(world), app: Arc::new(app), browser: Browser::default() }
    }
    async fn code(&mut self) -> CodeInHand {
        let wish = Wish { scope: SCOPE.to_owned(), ..Wish::default() };
        self.browser.authorize(&self.world, &self.app, &self.world.people[0], &wish).await.code()
    }
    async fn tokens(&mut self) -> Tokens {
        let code = self.code().await;
        Tokens::of(&self.app.redeem(&self.world, &code).await).unwrap()
    }
    /// Lets so many run at once; gives their answers.
    async fn race<F>(&self, runners: usize, run: impl Fn(Arc<World>, Arc<App>, usize) -> F) -> Vec<Reply>
    where
        F: Future<Output = Reply> + Send + 'static,
    {
        let running: Vec<_> = (0..runners).map(|n| tokio::spawn(run(self.world.clone(), self.app.clone(), n))).collect();
        let mut replies = Vec::new();
        for one in running {
            replies.push(one.await.unwrap());
        }
        replies
    }
    async fn refresh_at_once(&self, token: &str) -> Vec<Reply> {
        let token = token.to_owned();
        self.race(RUNNERS, |world, app, _| {
            let token = token.clone();
            async move { app.refresh(&world, &token).await }
        })
        .await
    }
    async fn is_dead(&self, tokens: &Tokens) -> bool {
        let refresh = self.app.is_active(&self.world, tokens.refresh.as_ref().unwrap()).await;
        !refresh && !self.app.is_active(&self.world, &tokens.access).await
    }
    /// What the log says happened in each of these requests.
    fn told(&self, replies: &[Reply]) -> Told {
        let asked_for: BTreeSet<RequestId> = replies.iter().map(Reply::corr).collect();
        let mut told = BTreeMap::<RequestId, Vec<String>>::new();
        for record in records(&self.world, &self.world.site(SITE)).iter().filter(|record| asked_for.contains(&record.corr)) {
            let kind = record.members().unwrap()["type"].as_str().unwrap().to_owned();
            told.entry(record.corr).or_default().push(kind);
        }
        Told(replies.iter().map(|reply| (reply.status, told.remove(&reply.corr()).unwrap_or_default())).collect())
    }
}

/// Each answer's status and what its request's events are.
struct Told(Vec<(u16, Vec<String>)>);

impl Told {
    /// How many answers with this status have exactly these events.
    fn count(&self, status: u16, events: &[&str]) -> usize {
        self.0.iter().filter(|(own, told)| *own == status && told.iter().map(String::as_str).eq(events.iter().copied())).count()
    }
}

fn winners(replies: &[Reply]) -> Vec<Tokens> {
    replies.iter().filter_map(Tokens::of).collect()
}

async fn redemptions(time: Time) {
    let mut track = Track::new(time, 0).await;
    let (mut replies, mut won) = (Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        let code = track.code().await;
        let round = track
            .race(RUNNERS, |world, app, _| {
                let code = code.clone();
                async move { app.redeem(&world, &code).await }
            })
            .await;
        let winners = winners(&round);
        assert_eq!(winners.len(), 1, "a code was redeemed {} times", winners.len());
        won.extend(winners);
        replies.extend(round);
    }
    for tokens in &won {
        assert!(track.is_dead(tokens).await, "the code came back and its tokens are still active");
    }
    let told = track.told(&replies);
    assert_eq!(told.count(200, &["code.redeemed", "token.granted"]), ROUNDS);
    assert_eq!(told.count(400, &["code.replayed", "grant.revoked"]), ROUNDS);
    assert_eq!(told.count(400, &["code.replayed"]), ROUNDS * (RUNNERS - 2));
}

async fn refreshes_without_a_second_chance(time: Time) {
    let mut track = Track::new(time, 0).await;
    let (mut replies, mut won) = (Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        let tokens = track.tokens().await;
        let round = track.refresh_at_once(tokens.refresh.as_ref().unwrap()).await;
        let winners = winners(&round);
        assert_eq!(winners.len(), 1, "a refresh token was rotated {} times", winners.len());
        won.extend(winners.into_iter().chain([tokens]));
        replies.extend(round);
    }
    for tokens in &won {
        assert!(track.is_dead(tokens).await, "a refresh token came back and its grant lives on");
    }
    let told = track.told(&replies);
    assert_eq!(told.count(200, &["refresh.rotated"]), ROUNDS);
    assert_eq!(told.count(400, &["refresh.reuse_detected", "grant.revoked"]), ROUNDS);
    assert_eq!(told.count(400, &["token.denied"]), ROUNDS * (RUNNERS - 2));
}

async fn refreshes_with_a_second_chance(time: Time) {
    let mut track = Track::new(time, 10).await;
    let mut replies = Vec::new();
    for _ in 0..ROUNDS {
        let tokens = track.tokens().await;
        let round = track.refresh_at_once(tokens.refresh.as_ref().unwrap()).await;
        let winners = winners(&round);
        assert!(winners.iter().all(|own| own == &winners[0]), "two different successors of one refresh token");
        // Only a machine that takes longer than the window may refuse.
        let all = winners.len() == RUNNERS;
        assert!(all || time == Time::Passing, "{} of {RUNNERS} got their tokens", winners.len());
        if all {
            assert!(track.app.is_active(&track.world, &winners[0].access).await);
        }
        replies.extend(round);
    }
    let told = track.told(&replies);
    let (rotated, retried) = (told.count(200, &["refresh.rotated"]), told.count(200, &["refresh.retried"]));
    assert_eq!(rotated, ROUNDS);
    assert_eq!(rotated + retried, replies.iter().filter(|reply| reply.is_ok()).count());
    assert!(told.0.iter().all(|(_, events)| !events.is_empty()), "an answer that the log does not explain");
}

#[test]
fn of_64_redemptions_of_a_code_one_wins_and_the_code_is_burnt() {
    async_test(redemptions(Time::Passing));
}

#[test]
fn of_64_redemptions_of_a_code_one_wins_while_time_stands_still() {
    async_test(redemptions(Time::Frozen));
}

#[test]
fn of_64_refreshes_one_wins_and_the_reuse_ends_the_grant() {
    async_test(refreshes_without_a_second_chance(Time::Passing));
}

#[test]
fn of_64_refreshes_one_wins_and_the_reuse_ends_the_grant_while_time_stands_still() {
    async_test(refreshes_without_a_second_chance(Time::Frozen));
}

#[test]
fn of_64_refreshes_within_the_retry_window_all_get_the_one_successor() {
    async_test(refreshes_with_a_second_chance(Time::Passing));
}

#[test]
fn of_64_refreshes_within_the_retry_window_all_get_the_one_successor_while_time_stands_still() {
    async_test(refreshes_with_a_second_chance(Time::Frozen));
}

#[test]
fn whatever_a_refresh_got_while_the_grant_was_revoked_is_dead() {
    async_test(async {
        let mut track = Track::new(Time::Passing, 10).await;
        for round in 0..ROUNDS {
            let tokens = track.tokens().await;
            let refresh = tokens.refresh.clone().unwrap();
            let revoking = round % 9;
            let replies = track.race(9, |world, app, n| {
                let refresh = refresh.clone();
                async move {
                    match n == revoking {
                        true => app.revoke(&world, &refresh).await,
                        false => app.refresh(&world, &refresh).await,
                    }
                }
            });
            for tokens in winners(&replies.await).into_iter().chain([tokens]) {
                assert!(track.is_dead(&tokens).await, "a token outlived the revocation of its grant");
            }
        }
    });
}
