//! What the log says of the past, against what the past was (THREATS.md C.1, laws 3 to 5 and 18): every state of a story and many answers
//! are kept while it is played, and asked for again at its end. `PROPTEST_CASES=30` makes a thousand
//! points of it; with `--nocapture` it says how many.

use crate::laws;
use crate::story::{Step, Story, steps};
use crate::world::{Admin, App, AppKind, Reply, World, records};
use crate::{asked, async_test};
use proptest::prelude::*;
use serde_json::Value;
use std::sync::atomic::{AtomicUsize, Ordering};
use writ::ledger::LiveDigest;
use writ::log::EngineKind;
use writ::projection::State;
use writ::query::{Status, TokenFacts, TokenName, introspect};
use writ::replay::{Asked, Watch, state_at, verify};
use writ::terms::{Digest, Timestamp};

static STATES: AtomicUsize = AtomicUsize::new(0);
static ANSWERS: AtomicUsize = AtomicUsize::new(0);
static ACTIVE: AtomicUsize = AtomicUsize::new(0);
static FORGOTTEN: AtomicUsize = AtomicUsize::new(0);

proptest! {
    #![proptest_config(laws(2))]

    #[test]
    fn law_4_the_state_of_any_point_is_read_from_the_log_as_it_was(story in steps(15..35)) {
        async_test(async {
            let mut states = Vec::new();
            let story = played(&story, async |story| states.push((story.world.ledger.now(), lived(&story.world)))).await;
            for (t, sites) in &states {
                for (site, live) in sites {
                    let read = state_at(&story.world.ledger, &story.world.site(site), live.head.0, *t, &Watch::default()).unwrap();
                    assert_eq!((&read, read.digest()), (live, live.digest()), "site {site} at {t}");
                    let told = Admin::of(&story.world).get(&format!("state?digest=true&site={site}&at={t}")).await;
                    let told = (told["digest"].as_str().unwrap().to_owned(), told["at"]["seq"].as_u64());
                    assert_eq!(told, (live.digest().to_string(), live.head.0.checked_sub(1)), "site {site} at {t}");
                    STATES.fetch_add(1, Ordering::Relaxed);
                }
            }
        });
        eprintln!("points compared so far: {}", STATES.load(Ordering::Relaxed));
    }

    #[test]
    fn law_18_introspection_at_any_point_gives_the_answer_that_was_given_then(story in steps(15..35), restarts in any::<bool>()) {
        async_test(async {
            let mut answers = Vec::new();
            let story = played(&story, async |story| answers.extend(Answer::given(story).await)).await;
            let world = if restarts { story.world.reopened() } else { story.world };
            // Where the wall clock was set back, the server begins a little before it ended.
            world.advance(120);
            for answer in &answers {
                answer.is_given_again(&world).await;
            }
        });
        eprintln!("answers compared so far: {}, active {}", ANSWERS.load(Ordering::Relaxed), ACTIVE.load(Ordering::Relaxed));
    }

    #[test]
    fn that_state_has_forgotten_a_token_changes_no_answer_about_it(story in steps(15..35)) {
        async_test(async {
            played(&story, async |story| {
                for site in story.world.ledger.sites() {
                    let remembers = site.read(Clone::clone);
                    for seconds in [0, 600, 7_200, 100_000, 400 * 86_400] {
                        let now = story.world.ledger.now().plus_seconds(seconds);
                        let mut forgets = remembers.clone();
                        forgets.forget(now);
                        for name in names(&remembers) {
                            let before = about(&introspect(&remembers, &name, now));
                            let after = about(&story.world.ledger.introspect_then(&site, &forgets, &name, now).unwrap());
                            assert_eq!(after, before, "{name} at {now}");
                            let is_gone = introspect(&forgets, &name, now).facts.is_none();
                            FORGOTTEN.fetch_add(usize::from(is_gone), Ordering::Relaxed);
                        }
                    }
                }
            })
            .await;
        });
        eprintln!("tokens forgotten so far: {}", FORGOTTEN.load(Ordering::Relaxed));
    }

    #[test]
    fn law_5_a_replay_adds_up_to_the_live_state_and_twice_to_the_same(story in steps(15..35), restarts in any::<bool>()) {
        async_test(async {
            let story = asked::told(EngineKind::File, &story).await;
            let world = if restarts { story.world.reopened() } else { story.world };
            for site in world.all_sites() {
                let live = world.ledger.live_digest(&site);
                let twice = [(); 2].map(|()| verify(&world.ledger, &site, &Asked::default(), live, &Watch::default()).unwrap());
                assert_eq!(twice[0], twice[1]);
                assert_eq!((twice[0].live_is_equal, twice[0].differs), (Some(true), None), "{:#?}", twice[0]);
                // The server was shut down in order at least once: after its template was made.
                assert!(twice[0].compared >= 1, "{:#?}", twice[0]);
                let other = LiveDigest { digest: Digest::of(b"another state"), ..live };
                assert_eq!(verify(&world.ledger, &site, &Asked::default(), other, &Watch::default()).unwrap().live_is_equal, Some(false));
            }
        });
    }

    #[test]
    fn after_every_event_the_digest_is_the_sum_of_all_entities(story in steps(15..35)) {
        async_test(async {
            let story = asked::told(EngineKind::File, &story).await;
            for site in story.world.all_sites() {
                let mut state = State::default();
                for record in records(&story.world, &site) {
                    state.fold(&record).unwrap();
                    assert_eq!(state.digest(), state.recounted_digest(), "after {record:#?}");
                }
            }
        });
    }
}

/// Plays a story, looking at it after every step; each look has an instant of its own.
async fn played(steps: &[Step], mut look: impl AsyncFnMut(&Story)) -> Story {
    let mut story = asked::told(EngineKind::File, &[]).await;
    for step in steps {
        story.play(std::slice::from_ref(step)).await;
        look(&story).await;
        story.world.advance(1);
    }
    story
}

/// Every site's state now.
fn lived(world: &World) -> Vec<(String, State)> {
    let now = world.ledger.now();
    let live = |site: std::sync::Arc<writ::ledger::Site>| {
        let mut state = site.read(Clone::clone);
        state.forget(now);
        (site.name().to_string(), state)
    };
    world.all_sites().into_iter().map(live).collect()
}

/// Every token that the state knows: access tokens, and each generation of the refresh tokens.
fn names(state: &State) -> Vec<TokenName> {
    let access = state.grants.tokens().map(|(id, _)| TokenName::Access(*id));
    let refresh = state.grants.iter().flat_map(|grant| {
        let current = grant.tokens.as_ref().and_then(|tokens| tokens.generation);
        (0..=current.unwrap_or_default())
            .filter(move |_| current.is_some())
            .map(|generation| TokenName::Refresh { grant: grant.id, generation: Some(generation) })
    });
    access.chain(refresh).collect()
}

/// What an answer tells; which event an ending is put down to may differ where there are several.
fn about(found: &writ::query::Introspection) -> (Status, Option<TokenFacts>) {
    let facts = found.facts.clone().map(|facts| TokenFacts { audience: None, ..facts });
    (found.status, facts)
}

/// An answer of the endpoint, and what was asked.
struct Answer {
    t: Timestamp,
    site: String,
    app: App,
    name: TokenName,
    reply: Reply,
}

impl Answer {
    /// Asks about some of the story's tokens, as their own app and now and then as another.
    async fn given(story: &Story) -> Vec<Self> {
        let mut answers = Vec::new();
        let turn = story.replies.len();
        let newest = story.tokens.iter().rev().take(2);
        let oldest = story.tokens.iter().skip(turn.checked_rem(story.tokens.len()).unwrap_or_default()).take(1);
        for (owner, tokens) in newest.chain(oldest) {
            let app = if turn % 5 == 4 { &story.apps[turn % story.apps.len()] } else { &story.apps[*owner] };
            for text in std::iter::once(&tokens.access).chain(&tokens.refresh) {
                let site = story.world.site(&app.site);
                let Some(name) = name_of(&story.world, &story.apps[*owner].site, text).filter(|_| app.site == story.apps[*owner].site)
                else {
                    continue;
                };
                // Nobody knows any more how a deleted client sent its credentials.
                if site.read(|state| state.clients.by_id(&app.id.parse().unwrap()).is_none()) {
                    continue;
                }
                let (t, reply) = (story.world.ledger.now(), app.introspect(&story.world, text).await);
                answers.push(Self { t, site: app.site.clone(), app: app.clone(), name, reply });
            }
        }
        answers
    }

    async fn is_given_again(&self, world: &World) {
        let id = self.name.to_string().replace('#', "%23");
        let query = format!("site={}&at={}&as_client={}&identify=true&reason=law", self.site, self.t, self.app.id);
        let told = Admin::of(world).get(&format!("tokens/{id}/introspection?{query}")).await;
        let mut given = self.reply.json();
        if told.get("erased").is_some() {
            given.as_object_mut().unwrap().remove("username");
        }
        let (status, body) = (told["status"].as_u64(), &told["body"]);
        assert_eq!(
            (status, body),
            (Some(u64::from(self.reply.status)), &given),
            "{} at {} as {:?}: {told:#}",
            self.name,
            self.t,
            self.app.kind
        );
        ANSWERS.fetch_add(1, Ordering::Relaxed);
        ACTIVE.fetch_add(usize::from(given["active"] == Value::Bool(true)), Ordering::Relaxed);
    }
}

/// What names a token in the log, also one whose key is retired.
fn name_of(world: &World, site: &str, text: &str) -> Option<TokenName> {
    match text.split('.').nth(1) {
        None => world.ledger.present(&world.site(site), text).name(),
        Some(payload) => crate::world::claims(payload)["jti"].as_str()?.parse().ok().map(TokenName::Access),
    }
}

#[test]
fn the_dialects_of_a_story_are_both_compared() {
    async_test(async {
        for kind in [AppKind::Basic, AppKind::Post] {
            let world = World::with_sites(EngineKind::File, &["default"]).await;
            let app = App::registered(&world, "default", kind, App::SCOPE).await;
            let wish = crate::world::Wish::default();
            let code = crate::world::Browser::default().authorize(&world, &app, &world.people[0].clone(), &wish).await.code();
            let tokens = crate::world::Tokens::of(&app.redeem(&world, &code).await).unwrap();
            world.advance(1);
            app.revoke(&world, &tokens.access).await;
            let (t, reply) = (world.ledger.now(), app.introspect(&world, &tokens.access).await);
            assert_eq!(reply.json().get("status").is_some(), kind == AppKind::Post);
            let name = name_of(&world, "default", &tokens.access).unwrap();
            world.advance(400 * 86_400);
            world.configure("default", &[("title", "Another name".into())]).await;
            Answer { t, site: "default".to_owned(), app, name, reply }.is_given_again(&world).await;
        }
    });
}
