//! Why something is as it is, told of a token, a client, an event and an id that nobody knows.

use super::*;

#[tokio::test]
async fn a_dead_token_says_who_killed_it_and_when() {
    let world = world().await;
    let (status, story) = get(&world, &format!("/explain/token/{}", world.tokens[1])).await;
    assert_eq!(status, 200, "{story}");
    let expected = [
        "login.succeeded",
        "session.started",
        "consent.granted",
        "code.issued",
        "code.redeemed",
        "token.granted",
        "refresh.rotated",
        "refresh.reuse_detected",
        "grant.revoked",
    ];
    let events = story["events"].as_array().unwrap();
    assert_eq!(types(events), expected);
    let depths: Vec<u64> = events.iter().map(|event| event["depth"].as_u64().unwrap()).collect();
    assert_eq!(depths, [0, 1, 2, 3, 4, 5, 6, 7, 8]);
    assert_eq!(events[6]["delta_ms"], 600_000);
    let end = events[8]["seq"].as_u64().unwrap();
    assert_eq!((&story["state"]["word"], &story["state"]["by"]), (&json!("REVOKED"), &json!(end)));
    assert_eq!(story["state"]["after_last_use_ms"], 1_533_000);
    assert_eq!(story["because"]["chain"], json!([end, end - 1]));
    let sentence = story["because"]["sentence"].as_str().unwrap();
    assert!(
        sentence.contains(&format!("#{end} grant.revoked ← #{} refresh.reuse_detected: generation 0 came back", end - 1)),
        "{sentence}"
    );
    assert_eq!(story["subject"]["client_name"], "Growth Chart");
}

#[tokio::test]
async fn a_token_that_state_has_forgotten_is_still_explained() {
    let world = world().await;
    world.clock.advance_seconds(400 * 86_400);
    // A record makes the fold forget.
    assert_eq!(get(&world, "/users").await.0, 200);
    let site = world.ledger.site(&SiteName::default_site()).unwrap();
    assert!(site.read(|state| state.grants.token(&world.tokens[1].parse().unwrap()).is_none()));
    let words = |story: Value| (story["state"]["word"].clone(), story["state"]["by"].clone());
    let (status, second) = get(&world, &format!("/explain/token/{}", world.tokens[1])).await;
    let end = second["events"].as_array().unwrap().last().unwrap()["seq"].clone();
    assert_eq!((status, words(second)), (200, (json!("REVOKED"), end)));
}

/// That something is dead for ever by the last event of this type: as long as state knows it, and once state has forgotten it.
async fn is_dead_for_ever_by(world: &World, things: &[(&str, String)], end: &str) {
    let by = log(world, &format!("type={end}")).await.pop().unwrap()["seq"].clone();
    for days in [0, 400] {
        world.clock.advance_seconds(days * 86_400);
        // A record makes the fold forget.
        assert_eq!(get(world, "/users").await.0, 200);
        for (kind, id) in things {
            let (_, story) = get(world, &format!("/explain/{kind}/{id}")).await;
            let state = &story["state"];
            assert_eq!((&state["word"], &state["by"], &state["until"]), (&json!("REVOKED"), &by, &Value::Null), "{kind} {days}: {story}");
            let sentence = story["because"]["sentence"].as_str().unwrap();
            assert!(sentence.starts_with(&format!("#{by} {end}: ")), "{sentence}");
            assert!(types(story["events"].as_array().unwrap()).contains(&end), "{kind} {days}: {story}");
        }
    }
}

#[tokio::test]
async fn a_token_whose_key_was_taken_back_is_dead_by_that() {
    let world = living_world().await;
    let (api, token) = (offline(&world.ledger), &world.tokens[1]);
    let at = format!("/explain/token/{token}");
    assert_eq!(get(&world, &at).await.1["state"]["word"], "ACTIVE");
    let first = get(&world, "/keys").await.1["keys"][0]["kid"].as_str().unwrap().to_owned();
    assert_eq!(ask(&api, Method::POST, "/keys", Some(json!({ "alg": "RS256", "now": true }))).await.0, 201);
    assert_eq!(ask(&api, Method::DELETE, &format!("/keys/{first}"), Some(json!({ "force": true }))).await.0, 200);
    let retired = log(&world, "type=key.retired").await[0]["seq"].clone();
    let (_, told) = get(&world, &format!("/tokens/{token}/introspection?at=now")).await;
    assert_eq!((&told["body"], &told["because"][0]), (&json!({ "active": false }), &retired), "{told}");
    is_dead_for_ever_by(&world, &[("token", token.clone())], "key.retired").await;
}

#[tokio::test]
async fn what_a_deleted_client_had_is_dead_by_that() {
    let world = living_world().await;
    let (_, story) = get(&world, &format!("/explain/token/{}", world.tokens[1])).await;
    let grant = story["subject"]["grant"].as_str().unwrap().to_owned();
    assert_eq!(ask(&offline(&world.ledger), Method::DELETE, &format!("/clients/{}", world.client), None).await.0, 200);
    is_dead_for_ever_by(&world, &[("token", world.tokens[1].clone()), ("grant", grant)], "client.deleted").await;
}

#[tokio::test]
async fn a_grant_is_over_only_with_its_refresh_token() {
    let world = living_world().await;
    let (_, story) = get(&world, &format!("/explain/token/{}", world.tokens[1])).await;
    let grant = story["subject"]["grant"].as_str().unwrap().to_owned();
    world.clock.advance_seconds(86_400);
    assert_eq!(get(&world, &format!("/explain/token/{}", world.tokens[1])).await.1["state"]["word"], "EXPIRED");
    assert_eq!(ask(&offline(&world.ledger), Method::DELETE, &format!("/clients/{}", world.client), None).await.0, 200);
    is_dead_for_ever_by(&world, &[("grant", grant)], "client.deleted").await;
}

#[tokio::test]
async fn a_session_gives_nothing_while_its_user_is_kept_out() {
    let world = world().await;
    let session = log(&world, "type=session.started").await[0]["session"].as_str().unwrap().to_owned();
    let steps = [("disable", "DISABLED", "user.disabled"), ("enable", "ACTIVE", ""), ("erase", "ERASED", "user.erased")];
    for (act, word, event) in steps {
        assert_eq!(ask(&offline(&world.ledger), Method::POST, &format!("/users/alice/{act}"), None).await.0, 200, "{act}");
        let (_, story) = get(&world, &format!("/explain/session/{session}")).await;
        assert_eq!(story["state"]["word"], word, "{act}: {story}");
        let sentence = story["because"]["sentence"].as_str().unwrap_or_default();
        assert!(sentence.contains(event) && sentence.is_empty() == event.is_empty(), "{act}: {sentence}");
    }
}

#[tokio::test]
async fn the_token_itself_is_explained_by_what_it_is() {
    let world = world().await;
    let client = offline(&world.ledger);
    let present = |token: &Secret| {
        let body = Bytes::copy_from_slice(token.expose().as_bytes());
        let client = &client;
        async move {
            let answer = client.ask(Method::POST, "/admin/v1/explain/token", "text/plain", body).await.unwrap();
            let status = answer.status;
            (status, serde_json::from_slice::<Value>(&answer.whole().await.unwrap()).unwrap())
        }
    };
    let (status, story) = present(&world.access_token).await;
    assert_eq!((status, &story["id"]), (StatusCode::OK, &json!(world.tokens[1])));
    let (status, story) = present(&world.refresh_token).await;
    assert_eq!((status, &story["kind"]), (StatusCode::OK, &json!("grant")));
    assert_eq!(story["presented"], json!({ "as": "refresh token", "generation": 0, "current": 1 }));
    let (status, _) = present(&Secret::new("nonsense".into())).await;
    assert_eq!(status, StatusCode::BAD_REQUEST);
    let forged = format!("{}A", world.access_token.expose());
    assert_eq!(present(&Secret::new(forged)).await.0, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn every_kind_has_a_story() {
    let world = world().await;
    let (_, story) = get(&world, &format!("/explain/token/{}", world.tokens[0])).await;
    let of = |name: &str| story["subject"][name].as_str().unwrap().to_owned();
    let code = log(&world, "type=code.issued").await[0]["code"].as_str().unwrap().to_owned();
    let consent = log(&world, "type=consent.granted").await[0]["consent"].as_str().unwrap().to_owned();
    let reuse = log(&world, "type=refresh.reuse_detected").await[0]["corr"].as_str().unwrap().to_owned();
    let cases = [
        ("grant", of("grant"), "REVOKED"),
        ("session", of("session"), "ACTIVE"),
        ("client", of("client"), "ENABLED"),
        ("user", of("user"), "ENABLED"),
        ("user", "alice".to_owned(), "ENABLED"),
        ("code", code, "REDEEMED"),
        ("consent", consent, "GRANTED"),
        ("request", reuse, "REFUSED"),
    ];
    for (kind, id, word) in cases {
        let (status, story) = get(&world, &format!("/explain/{kind}/{id}")).await;
        assert_eq!((status, &story["state"]["word"]), (200, &json!(word)), "{kind} {story}");
        assert!(!story["events"].as_array().unwrap().is_empty(), "{kind}");
    }
}

#[tokio::test]
async fn an_unknown_id_is_told_with_the_next_step() {
    let world = world().await;
    let (status, problem) = get(&world, "/explain/token/tok_AAAAAAAAAAAAAAAAAAAAAA").await;
    assert_eq!((status, &problem["code"]), (404, &json!("unknown")));
    assert!(problem["detail"].as_str().unwrap().ends_with("If you have the token itself: writ explain token -"), "{problem}");
    assert!(problem["corr"].as_str().unwrap().starts_with("req_"));
    let (status, problem) = get(&world, &format!("/explain/grant/{}", world.tokens[0])).await;
    assert_eq!((status, &problem["code"]), (400, &json!("malformed")));
    for target in ["/explain/planet/x", "/events/x", "/events?colour=red", "/events?from=later"] {
        assert_eq!(get(&world, target).await.0, 400, "{target}");
    }
    for target in ["/events/99999", "/nothing", "/events?site=other", "/events?user=bob", "/clients/x", "/users/bob", "/sites/x"] {
        assert_eq!(get(&world, target).await.0, 404, "{target}");
    }
}

#[tokio::test]
async fn an_event_is_shown_between_its_causes_and_its_effects() {
    let world = world().await;
    let issued = log(&world, "type=code.issued").await[0]["seq"].as_u64().unwrap();
    let (status, shown) = get(&world, &format!("/events/{issued}")).await;
    assert_eq!((status, &shown["event"]["type"]), (200, &json!("code.issued")));
    assert_eq!(types(shown["causes"].as_array().unwrap()), ["login.succeeded", "session.started", "consent.granted"]);
    let effects = ["code.redeemed", "token.granted", "refresh.rotated", "refresh.reuse_detected", "grant.revoked"];
    assert_eq!(types(shown["effects"].as_array().unwrap()), effects);
    assert!(shown["event"].get("_sd").is_none());
}
