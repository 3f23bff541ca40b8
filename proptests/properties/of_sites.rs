//! Two sites of one server.

use crate::asked::told;
use crate::story::steps;
use crate::world::{App, Browser, World, records};
use crate::{async_test, laws};
use http::Method;
use proptest::prelude::*;
use serde_json::json;
use writ::command::{ChangeClient, ClientChange};
use writ::log::EngineKind;
use writ::terms::Actor;

const OTHER: &str = "other";

proptest! {
    #![proptest_config(laws(8))]

    #[test]
    fn law_25_nothing_of_one_site_is_known_at_another(story in steps(20..50)) {
        async_test(async {
            let mut story = told(EngineKind::File, &story).await;
            let world = &story.world;
            let foreign: Vec<_> = story.apps.iter().filter(|app| app.site != OTHER).cloned().collect();
            let own = App::registered(world, OTHER, crate::world::AppKind::Basic, App::SCOPE).await;
            // The story may have left the site with manual approval.
            let client = own.id.parse().unwrap();
            world.administer(OTHER, ChangeClient { client, change: ClientChange::Approve, by: Actor::Os(0), presented_token: None }).await;
            let before = world.site(OTHER).read(|state| (state.grants.clone(), state.clients.clone(), state.sessions.clone()));
            for app in &foreign {
                let reply = app.post_at(world, OTHER, "introspect", &[("token", "t")]).await;
                assert!(reply.status == 401 || reply.json()["status"] == "invalid", "{} is known at {OTHER}: {}", app.id, reply.text());
                let there = App { path: app.path.replace("/default/", "/other/"), ..app.clone() };
                let token = app.registration_tokens.last().unwrap();
                assert_eq!(there.manage(world, Method::GET, token, json!({})).await.status, 401);
            }
            for (owner, code) in story.codes.iter().filter(|(owner, _)| story.apps[*owner].site != OTHER) {
                assert_eq!(own.redeem(world, code).await.member("error").as_deref(), Some("invalid_grant"), "code of {owner}");
            }
            for (_, tokens) in story.tokens.iter().filter(|(owner, _)| story.apps[*owner].site != OTHER) {
                is_unknown(world, &own, tokens).await;
            }
            let browser = &mut story.browsers[0];
            for (_, tokens) in story.tokens.iter().filter(|(owner, _)| story.apps[*owner].site != OTHER) {
                if let Some(id) = &tokens.id {
                    let reply = Browser::default().sign_out(world, OTHER, Some(id), true).await;
                    assert_eq!(reply.status, 400, "an ID token of another site signs out: {}", reply.text());
                    browser.sign_out(world, OTHER, Some(id), true).await;
                }
            }
            let after = world.site(OTHER).read(|state| (state.grants.clone(), state.clients.clone(), state.sessions.clone()));
            assert!(before == after, "what the other site's things did here changed something");
            assert!(records(world, &world.site(OTHER)).iter().all(|record| record.site.as_str() == OTHER));
        });
    }
}

async fn is_unknown(world: &World, own: &App, tokens: &crate::world::Tokens) {
    for text in [Some(&tokens.access), tokens.refresh.as_ref(), tokens.id.as_ref()].into_iter().flatten() {
        let reply = own.introspect(world, text).await;
        assert_eq!(reply.json(), json!({ "active": false }), "a token of another site is known");
        assert_eq!(own.revoke(world, text).await.status, 200);
        assert_eq!(own.refresh(world, text).await.member("error").as_deref(), Some("invalid_grant"));
        assert_eq!(App::userinfo(world, OTHER, text).await.status, 401);
    }
}
