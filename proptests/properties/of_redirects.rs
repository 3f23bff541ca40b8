//! Where answers may go.

use crate::asked::told;
use crate::story::steps;
use crate::world::{App, AppKind, Authorized, Browser, HOST, Wish, World};
use crate::{async_test, laws};
use proptest::prelude::*;
use writ::log::EngineKind;
use writ::terms::{RedirectUri, RedirectUriRules};

const RULES: RedirectUriRules = RedirectUriRules { private_use_schemes: true, undotted_schemes: true, plain_http: true };

/// Texts near to being each other.
fn uri() -> impl Strategy<Value = String> {
    let scheme = prop::sample::select(vec!["https", "http", "HTTPS", "com.example.app"]);
    let host = prop::sample::select(vec!["app.test", "APP.test", "app.test.", "127.0.0.1", "[::1]", "localhost", "app.test@evil.test", ""]);
    let port = prop::sample::select(vec!["", ":", ":80", ":443", ":8080", ":08080", ":65536"]);
    let path =
        prop::sample::select(vec!["", "/", "/cb", "/cb/", "/CB", "/%63b", "/a/../cb", "/cb?x=1", "/cb?x=1&y", "/cb#f", "/cb%20", "/cb "]);
    (scheme, host, port, path).prop_map(|(scheme, host, port, path)| format!("{scheme}://{host}{port}{path}"))
}

/// The text without its port, if its host is a loopback address.
fn without_loopback_port(text: &str) -> Option<String> {
    let rest = text.strip_prefix("http://")?;
    let host = ["127.0.0.1", "[::1]"].into_iter().find(|host| rest.starts_with(host))?;
    let rest = &rest[host.len()..];
    let digits = rest.strip_prefix(':').map(|port| port.len() - port.trim_start_matches(|c: char| c.is_ascii_digit()).len());
    let path = digits.map_or(rest, |digits| &rest[1 + digits..]);
    let port: Option<&str> = digits.map(|digits| &rest[1..1 + digits]);
    port.is_none_or(|port| port.parse::<u16>().is_ok()).then(|| format!("http://{host}{path}"))
}

proptest! {
    #![proptest_config(laws(4096))]

    #[test]
    fn law_22_a_redirect_uri_matches_itself_and_nothing_else_but_another_loopback_port(registered in uri(), sent in uri(), native in any::<bool>()) {
        let Ok(own) = RedirectUri::register(&registered, RULES) else { return Ok(()) };
        prop_assert!(own.matches(&registered, native));
        let other_port = native && without_loopback_port(&registered).is_some() && without_loopback_port(&registered) == without_loopback_port(&sent);
        prop_assert!(!own.matches(&sent, native) || sent == registered || other_port, "{} matches {}", sent, registered);
    }
}

proptest! {
    #![proptest_config(laws(8))]

    #[test]
    fn law_23_nobody_is_ever_sent_to_an_address_that_is_not_registered(story in steps(20..60)) {
        async_test(async {
            let story = told(EngineKind::File, &story).await;
            let ours = [App::REDIRECT_URI, App::OTHER_REDIRECT_URI, App::LOGOUT_URI];
            for (path, reply) in story.world.answers() {
                let Some(to) = reply.location().filter(|to| to.host_str() != Some(HOST)) else { continue };
                let bare = to.as_str().split(['?', '#']).next().unwrap();
                assert!(ours.contains(&bare), "{path} sends to {to}");
            }
        });
    }
}

proptest! {
    #![proptest_config(laws(16))]

    #[test]
    fn law_23_an_authorization_request_for_another_address_leads_nowhere(redirect_uri in uri()) {
        async_test(async {
            let world = World::with_sites(EngineKind::File, &["default"]).await;
            let app = App::registered(&world, "default", AppKind::Basic, App::SCOPE).await;
            let wish = Wish { redirect_uri: Some(redirect_uri.clone()), ..Wish::default() };
            let ended = Browser::default().authorize(&world, &app, &world.people[0], &wish).await;
            let Authorized::Page(page) = ended else { panic!("{redirect_uri} was redirected to: {ended:?}") };
            assert_eq!((page.status, page.location()), (400, None));
        });
    }
}
