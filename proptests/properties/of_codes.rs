//! What a code is bound to.

use crate::world::{App, AppKind, Browser, CodeInHand, Reply, Tokens, Wish, World};
use crate::{async_test, laws};
use proptest::prelude::*;
use writ::log::EngineKind;

/// What about a redemption is not as it should be.
#[derive(Clone, Copy, PartialEq, Debug)]
enum Wrong {
    Client,
    Secret,
    Verifier,
    NoVerifier,
    RedirectUri,
    NoRedirectUri,
    Site,
    Late,
}

const ALL: [Wrong; 8] =
    [Wrong::Client, Wrong::Secret, Wrong::Verifier, Wrong::NoVerifier, Wrong::RedirectUri, Wrong::NoRedirectUri, Wrong::Site, Wrong::Late];

struct Bound {
    world: World,
    app: App,
    other: App,
    code: CodeInHand,
}

impl Bound {
    async fn new(kind: AppKind, wish: &Wish) -> Self {
        let world = World::with_sites(EngineKind::File, &["default", "other"]).await;
        let app = App::registered(&world, "default", kind, App::SCOPE).await;
        let other = App::registered(&world, "default", kind, App::SCOPE).await;
        let code = Browser::default().authorize(&world, &app, &world.people[0], wish).await.code();
        Self { world, app, other, code }
    }
    async fn redeem(&self, wrong: &[Wrong]) -> Reply {
        let has = |one| wrong.contains(&one);
        let mut app = if has(Wrong::Client) { self.other.clone() } else { self.app.clone() };
        if has(Wrong::Secret) {
            app.secret = Some("not it".to_owned());
        }
        let other_verifier = "v".repeat(64);
        let verifier = if has(Wrong::Verifier) { Some(&other_verifier) } else { self.code.verifier.as_ref() };
        let redirect_uri = if has(Wrong::RedirectUri) { App::OTHER_REDIRECT_URI } else { App::REDIRECT_URI };
        let mut pairs = vec![("grant_type", "authorization_code"), ("code", self.code.code.as_str())];
        pairs.extend(verifier.filter(|_| !has(Wrong::NoVerifier)).map(|verifier| ("code_verifier", verifier.as_str())));
        pairs.extend((!has(Wrong::NoRedirectUri)).then_some(("redirect_uri", redirect_uri)));
        if has(Wrong::Late) {
            self.world.advance(301);
        }
        app.post_at(&self.world, if has(Wrong::Site) { "other" } else { "default" }, "token", &pairs).await
    }
}

proptest! {
    #![proptest_config(laws(24))]

    #[test]
    fn law_11_a_code_works_only_if_everything_it_is_bound_to_is_right(wrong in prop::sample::subsequence(&ALL[..], 1..4)) {
        async_test(async {
            let bound = Bound::new(AppKind::Post, &Wish::default()).await;
            let reply = bound.redeem(&wrong).await;
            prop_assert!((400..=401).contains(&reply.status), "{wrong:?}: {}", reply.text());
            prop_assert!(Tokens::of(&reply).is_none());
            // And whoever tried has not spoilt it for its owner.
            let again = bound.redeem(&[]).await;
            prop_assert_eq!(again.is_ok(), !wrong.contains(&Wrong::Late), "{:?}: {}", wrong, again.text());
            Ok(())
        })?;
    }

    #[test]
    fn law_24_a_verifier_is_accepted_if_and_only_if_it_answers_a_challenge(
        challenged in any::<bool>(),
        sent in prop::sample::select(vec!["right", "other", "none", "the challenge itself", "short"]),
    ) {
        async_test(async {
            let bound = Bound::new(AppKind::Basic, &Wish { pkce: challenged, ..Wish::default() }).await;
            let right = bound.code.verifier.clone().unwrap_or_else(|| "r".repeat(43));
            let verifier = match sent {
                "right" => Some(right),
                "other" => Some("o".repeat(43)),
                "the challenge itself" => Some(challenge_of(&right)),
                "short" => Some("s".repeat(42)),
                _ => None,
            };
            let code = CodeInHand { verifier, ..bound.code.clone() };
            let reply = bound.app.redeem(&bound.world, &code).await;
            let good = if challenged { sent == "right" } else { sent == "none" };
            prop_assert_eq!(reply.is_ok(), good, "challenge: {}, verifier: {}: {}", challenged, sent, reply.text());
            Ok(())
        })?;
    }
}

fn challenge_of(verifier: &str) -> String {
    writ::terms::CodeVerifier::parse(verifier).unwrap().challenge().to_string()
}

#[test]
fn five_wrong_verifiers_end_the_grant_and_four_do_not() {
    async_test(async {
        for (wrong, works) in [(4, true), (5, false)] {
            let bound = Bound::new(AppKind::Basic, &Wish::default()).await;
            for _ in 0..wrong {
                assert_eq!(bound.redeem(&[Wrong::Verifier]).await.status, 400);
            }
            assert_eq!(bound.redeem(&[]).await.is_ok(), works, "after {wrong} wrong verifiers");
        }
    });
}
