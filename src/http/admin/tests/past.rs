//! Looking back through the admin API.

use super::*;
use crate::projection::FOLD_VERSION;

/// The event of this type, the last one.
async fn event(world: &World, kind: &str) -> (u64, String) {
    let event = log(world, &format!("type={kind}")).await.pop().unwrap();
    (event["seq"].as_u64().unwrap(), event["t"].as_str().unwrap().to_owned())
}

async fn introspected(world: &World, id: &str, query: &str) -> Value {
    let (status, told) = get(world, &format!("/tokens/{}/introspection?{query}", id.replace('#', "%23"))).await;
    assert_eq!(status, 200, "{told}");
    told
}

#[tokio::test]
async fn introspection_then_is_what_the_endpoint_would_have_answered_and_why() {
    let world = world().await;
    let (rotated, _) = event(&world, "refresh.rotated").await;
    let (revoked, _) = event(&world, "grant.revoked").await;
    let before = introspected(&world, &world.tokens[1], &format!("at=before:{revoked}")).await;
    let body = &before["body"];
    assert_eq!((&body["active"], &body["client_id"]), (&json!(true), &json!(world.client.as_str())));
    assert_eq!((&body["jti"], &body["token_type"]), (&json!(world.tokens[1]), &json!("Bearer")));
    let chain: Vec<u64> = (rotated - 6..=rotated).rev().collect();
    assert_eq!((&before["because"], &before["at"]["seq"]), (&json!(chain), &json!(revoked - 1)));
    let after = introspected(&world, &world.tokens[1], &format!("at={revoked}")).await;
    assert_eq!((&after["body"], &after["because"][0]), (&json!({ "active": false }), &json!(revoked)));
    let early = introspected(&world, &world.tokens[1], &format!("at=before:{rotated}")).await;
    assert_eq!((&early["body"], &early["because"]), (&json!({ "active": false }), &json!([])));
    // Another client sees nothing of it.
    let other = json!({ "client_name": "Other", "redirect_uris": ["https://other.test/cb"], "scope": "openid" });
    let other = ask(&offline(&world.ledger), Method::POST, "/clients", Some(other)).await.1["client_id"].as_str().unwrap().to_owned();
    let (status, absent) = get(&world, &format!("/tokens/{}/introspection?at={rotated}&as_client={other}", world.tokens[1])).await;
    assert_eq!((status, &absent["code"]), (404, &json!("unknown")), "it was not there then");
    let seen = introspected(&world, &world.tokens[0], &format!("at=now&as_client={other}")).await;
    assert_eq!((&seen["body"], &seen["as_client"]), (&json!({ "active": false }), &json!(other)));
}

#[tokio::test]
async fn a_refresh_token_is_named_by_its_grant_and_generation() {
    let world = world().await;
    let grant = log(&world, "type=grant.revoked").await[0]["grant"].as_str().unwrap().to_owned();
    let (granted, _) = event(&world, "token.granted").await;
    let (rotated, _) = event(&world, "refresh.rotated").await;
    let is_active = async |id: String, at: u64| introspected(&world, &id, &format!("at={at}")).await["body"]["active"].clone();
    assert_eq!(is_active(grant.clone(), granted).await, json!(true));
    assert_eq!(is_active(format!("{grant}#0"), granted).await, json!(true));
    assert_eq!(is_active(format!("{grant}#1"), granted).await, json!(false));
    assert_eq!(is_active(format!("{grant}#0"), rotated).await, json!(false));
    assert_eq!(is_active(format!("{grant}#1"), rotated).await, json!(true));
    let body = Bytes::copy_from_slice(world.refresh_token.expose().as_bytes());
    let target = format!("/admin/v1/tokens/introspection?at={granted}");
    let told = offline(&world.ledger).ask(Method::POST, &target, "text/plain", body).await.unwrap();
    let told: Value = serde_json::from_slice(&told.whole().await.unwrap()).unwrap();
    assert_eq!((&told["token"], &told["body"]["active"]), (&json!(format!("{grant}#0")), &json!(true)));
}

#[tokio::test]
async fn a_username_is_told_only_where_people_may_be_shown() {
    let world = world().await;
    let (rotated, _) = event(&world, "refresh.rotated").await;
    let hidden = introspected(&world, &world.tokens[1], &format!("at={rotated}")).await;
    assert_eq!((hidden["body"].get("username"), &hidden["withheld"]), (None, &json!(["username"])));
    let query = format!("at={rotated}&identify=true&reason=audit");
    let shown = introspected(&world, &world.tokens[1], &query).await;
    assert_eq!((&shown["body"]["username"], shown.get("withheld")), (&json!("alice"), None));
    assert_eq!(ask(&offline(&world.ledger), Method::POST, "/users/alice/erase", None).await.0, 200);
    let erased = introspected(&world, &world.tokens[1], &query).await;
    assert_eq!((erased["body"].get("username"), &erased["erased"]), (None, &json!(["username"])));
    assert_eq!(erased["body"]["active"], true, "the token was active then, whoever is erased now");
}

#[tokio::test]
async fn one_point_has_many_names() {
    let world = world().await;
    let site = world.ledger.site(&SiteName::default_site()).unwrap();
    let (revoked, t) = event(&world, "grant.revoked").await;
    let id = world.ledger.record(&site, crate::terms::Seq(revoked)).unwrap().id;
    let point = async |when: &str| {
        let (status, told) = get(&world, &format!("/state?at={}", when.replace('#', "%23").replace(' ', "%20"))).await;
        assert_eq!(status, 200, "{when}: {told}");
        (told["at"]["seq"].as_u64(), told["at"]["t"].as_str().unwrap().to_owned())
    };
    let names = [revoked.to_string(), format!("#{revoked}"), format!("event:{id}"), format!("checkpoint:{}", revoked + 1)];
    for name in names.into_iter().chain([format!("before:{}", revoked + 1)]) {
        assert_eq!(point(&name).await, (Some(revoked), t.clone()), "{name}");
    }
    assert_eq!(point("yesterday 23:59:59").await, (None, "2026-03-13T23:59:59.000Z".to_owned()));
    let (_, first) = point("0").await;
    assert_eq!(point(&first).await.1, first);
    assert_eq!(point(&format!("before:{first}")).await.0, None, "before the first event's instant there is nothing");
    world.clock.advance_seconds(3_600);
    assert_eq!(point("-30m").await.1, "2026-03-14T09:06:53.004Z");
    let cases = [("9999", 404), ("event:00000000-0000-7000-8000-000000000000", 404), ("boot", 404), ("checkpoint:9999", 404)];
    for (when, status) in cases.into_iter().chain([("2099-01-01T00:00:00Z", 400), ("sometime", 400)]) {
        assert_eq!(get(&world, &format!("/state?at={when}")).await.0, status, "{when}");
    }
    let server = world.ledger.site(&SiteName::server()).unwrap();
    let started = crate::command::Noted::ServerStarted { version: "1".to_owned(), pid: 1 };
    world.ledger.note_by(&server, started, Actor::Os(0), facts(&world.ledger)).await.unwrap();
    world.clock.advance_seconds(60);
    assert_eq!(point("boot").await.1, "2026-03-14T09:36:53.004Z");
}

#[tokio::test]
async fn a_state_of_then_is_shown_whole_by_kind_and_by_entity() {
    let world = world().await;
    let (granted, _) = event(&world, "token.granted").await;
    let (revoked, _) = event(&world, "grant.revoked").await;
    let state = async |path: &str, at: u64| {
        let mut encoded = String::new();
        crate::http::percent::encode_form(path, &mut encoded);
        let (status, told) = get(&world, &format!("/state?at={at}&path={encoded}")).await;
        (status, told["state"].clone())
    };
    assert_eq!(state("", granted).await.1["entities"]["tokens"], 1);
    assert_eq!(state("", revoked).await.1["entities"]["tokens"], 2);
    let (_, grants) = state("grants", revoked).await;
    let grant = grants[0]["id"].as_str().unwrap().to_owned();
    assert_eq!((grants.as_array().unwrap().len(), &grants[0]["state"]), (1, &json!("revoked")));
    assert_eq!(state(&format!("grants/{grant}/state"), granted).await, (200, json!("active")));
    assert_eq!(state(&format!("grants/{grant}/ended/by"), revoked).await, (200, json!(revoked)));
    assert_eq!(state(&format!("tokens?grant={grant}"), revoked).await.1.as_array().unwrap().len(), 2);
    assert_eq!(state(&format!("tokens?grant={grant}&issued_at=x"), revoked).await.1, json!([]));
    assert_eq!(state(&format!("clients/{}/metadata/client_name", world.client), granted).await.1, json!("Growth Chart"));
    let user = grants[0]["user"].as_str().unwrap();
    assert_eq!(state(&format!("consents/{user}/{}/scope", world.client), granted).await.1, json!("openid offline_access"));
    assert_eq!(state("site/settings/profile", granted).await.1, json!("standard"));
    for (path, status) in [("weather", 400), ("tokens?x", 400), ("tokens/tok_1", 404), ("site/settings/none", 404)] {
        assert_eq!(state(path, granted).await.0, status, "{path}");
    }
}

async fn replayed(client: &AdminClient, query: &str) -> Value {
    let (status, lines) = text(client, Method::GET, &format!("/replay{query}"), None).await;
    assert_eq!(status, 200);
    serde_json::from_str(lines.lines().last().unwrap()).unwrap()
}

#[tokio::test]
async fn a_replay_says_where_it_parts_from_what_was_recorded() {
    let world = world().await;
    let client = offline(&world.ledger);
    let site = world.ledger.site(&SiteName::default_site()).unwrap();
    let table = world.folder.path().join("digests/default.ndjson");
    std::fs::create_dir_all(table.parent().unwrap()).unwrap();
    let line =
        |seq: u64, fold: u32, t: &str, digest: &str| json!({ "seq": seq, "t": t, "digest": digest, "fold": fold }).to_string() + "\n";
    let mut right = Vec::new();
    for seq in [2, 5] {
        let (_, told) = get(&world, &format!("/state?at={seq}&digest=true")).await;
        right.push(line(seq, FOLD_VERSION, told["at"]["t"].as_str().unwrap(), told["digest"].as_str().unwrap()));
    }
    let other = Digest::of(b"something else").to_string();
    let t = world.ledger.record(&site, crate::terms::Seq(7)).unwrap().t.to_string();
    let wrong = [line(7, FOLD_VERSION, &t, &other), line(6, 0, &t, &other), line(999_999, FOLD_VERSION, &t, &other), "{}\n".to_owned()];

    std::fs::write(&table, right.concat()).unwrap();
    let good = replayed(&client, "").await["result"].clone();
    assert_eq!(
        (&good["equal"], &good["verified"]["compared"], &good["verified"]["live_is_equal"]),
        (&json!(true), &json!(2), &json!(true))
    );
    std::fs::write(&table, right.concat() + &wrong.concat()).unwrap();
    let bad = replayed(&client, "?stats=true").await["result"].clone();
    let verified = &bad["verified"];
    assert_eq!((&bad["equal"], &verified["differs"]), (&json!(false), &json!({ "last_good": 5, "first_bad": 7 })));
    let counts = ["compared", "skipped", "beyond", "unreadable"].map(|name| verified[name].as_u64().unwrap());
    assert_eq!(counts, [3, 1, 1, 1]);
    assert_eq!((&verified["types"]["code.issued"], &verified["entities"]["users"]), (&json!(1), &json!(1)));
    let early = replayed(&client, "?until=6").await["result"].clone();
    assert_eq!((&early["equal"], &early["verified"]["live_is_equal"]), (&json!(true), &Value::Null));
    assert_eq!(replayed(&client, "?until=99999").await["problem"]["code"], "unknown");
}

#[tokio::test]
async fn looking_back_is_recorded_and_alike_over_the_socket() {
    let world = world().await;
    let (_server, served, _stopping) = serve(&world).await;
    let unserved = offline(&world.ledger);
    for target in ["/state?at=5", "/state?at=5&digest=true", &format!("/tokens/{}/introspection?at=9", world.tokens[0]), "/replay?until=5"]
    {
        let one = text(&served, Method::GET, target, None).await;
        assert_eq!(one, text(&unserved, Method::GET, target, None).await, "{target}");
    }
    let reads = log(&world, "type=audit.read").await;
    let queries: Vec<&str> = reads.iter().rev().take(8).map(|read| read["query"].as_str().unwrap()).collect();
    assert_eq!(queries, ["replay", "replay", "introspect", "introspect", "state", "state", "state", "state"]);
}

#[tokio::test]
async fn a_replay_ends_with_the_server() {
    let world = world().await;
    let (_server, served, stopping) = serve(&world).await;
    stopping.send_replace(true);
    let (status, told) = ask(&served, Method::GET, "/state?at=now", None).await;
    // It may have been done before it was stopped.
    assert!(status == 200 || (status, &told["code"]) == (503, &json!("stopped")), "{status} {told}");
}
