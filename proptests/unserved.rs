//! Requests that cannot be served now.

use crate::world::{App, AppKind, Authorized, Browser, Wish, World, frozen};
use std::collections::BTreeMap;
use writ::event::Profile;
use writ::log::EngineKind;

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_served_is_told_to_the_app_because_the_person_can_do_nothing() {
    let mut world = World::new(EngineKind::File, Some(frozen()));
    world.add_site("default", Profile::Standard).await;
    world.configure("default", &[("authorize.implicit", true.into()), ("authorize.hybrid", true.into())]).await;
    let person = world.add_person("default", "alice").await;
    let (app, mut browser) = (App::at_front(&world, "default", AppKind::Basic, "openid").await, Browser::default());
    let wish = |response_type| Wish { scope: "openid".to_owned(), nonce: Some("n".to_owned()), response_type, ..Wish::default() };
    browser.authorize(&world, &app, &person, &wish("code")).await.code();
    let clock = world.clock.as_ref().unwrap();
    clock.set(clock.now().plus_seconds(3600));
    for (response_type, in_fragment) in [("code", false), ("id_token token", true)] {
        let Authorized::Error(url) = browser.authorize(&world, &app, &person, &wish(response_type)).await else {
            panic!("while nobody knows what time it is, nothing is issued")
        };
        let text = if in_fragment { url.fragment() } else { url.query() };
        let told: BTreeMap<_, _> = url::form_urlencoded::parse(text.unwrap_or_default().as_bytes()).collect();
        assert_eq!(told["error"], "temporarily_unavailable", "{url}");
        assert_eq!(told["state"], "s t+á");
    }
}
