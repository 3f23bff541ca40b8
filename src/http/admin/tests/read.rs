//! What may be read of the log, by whom, and that reading is recorded.

use super::*;

#[tokio::test]
async fn filters_find_what_they_name() {
    let world = world().await;
    assert_eq!(types(&log(&world, "type=refresh.*").await), ["refresh.rotated", "refresh.reuse_detected"]);
    assert_eq!(types(&log(&world, "type=login.*&type=consent.*").await), ["login.succeeded", "consent.granted"]);
    assert_eq!(types(&log(&world, "sev=high").await), ["refresh.reuse_detected", "grant.revoked"]);
    assert_eq!(types(&log(&world, "outcome=failure").await), ["refresh.reuse_detected"]);
    assert_eq!(types(&log(&world, &format!("token={}", world.tokens[1])).await), ["refresh.rotated"]);
    let of_alice = log(&world, "user=alice").await;
    assert_eq!((of_alice[0]["type"].as_str(), of_alice.len()), (Some("user.created"), 9));
    assert_eq!(types(&log(&world, "user=alice&n=2").await), ["refresh.reuse_detected", "grant.revoked"]);
    assert_eq!(types(&log(&world, "user=alice&n=2&reverse=true").await), ["grant.revoked", "refresh.reuse_detected"]);
    assert_eq!(types(&log(&world, "from=%230&to=2").await), ["site.created", "key.generated", "key.generated"]);
    assert_eq!(types(&log(&world, "from=2026-03-14T08:11:20.000Z&to=2026-03-14T08:11:21.000Z").await), ["refresh.rotated"]);
    assert_eq!(types(&log(&world, "client=x").await), Vec::<&str>::new());
    let of_client = log(&world, &format!("client={}&type=client.*", world.client)).await;
    assert_eq!(types(&of_client), ["client.registered"]);
}

#[tokio::test]
async fn every_read_is_recorded_with_what_it_found_and_never_what_it_sought() {
    let world = world().await;
    assert_eq!(log(&world, "type=refresh.*&user=alice").await.len(), 2);
    let reads = log(&world, "type=audit.read").await;
    let last = reads.last().unwrap();
    assert_eq!((&last["query"], &last["rows"], &last["actor"]), (&json!("log"), &json!(2), &json!("os:1000")));
    assert!(!last.to_string().contains("alice"));
    get(&world, &format!("/explain/token/{}", world.tokens[0])).await;
    get(&world, "/events/3").await;
    let reads = log(&world, "type=audit.read").await;
    let queries: Vec<&str> = reads.iter().rev().take(3).map(|read| read["query"].as_str().unwrap()).collect();
    assert_eq!(queries, ["show", "explain token", "log"]);
}

#[tokio::test]
async fn who_people_are_is_shown_only_for_a_reason_and_that_is_recorded() {
    let world = world().await;
    let (_, users) = get(&world, "/users").await;
    assert!(!users.to_string().contains("alice") && !users.to_string().contains("Alice"), "{users}");
    for no_reason in ["", "&reason=", "&reason=%20%20", "&reason=+%09"] {
        let (status, told) = get(&world, &format!("/users?identify=true{no_reason}")).await;
        assert!(status == 400 && told["detail"].as_str().unwrap().contains("say why"), "{no_reason}: {told}");
    }
    let (_, users) = get(&world, "/users?identify=true&reason=audit").await;
    assert_eq!(users["users"][0]["claims"]["username"], "alice");
    let hidden = &log(&world, "type=refresh.reuse_detected&facts=true").await[0];
    assert_eq!(hidden["withheld"], json!(["net.ip"]));
    assert!(!hidden.to_string().contains("203.0.113.9"));
    let shown = &log(&world, "type=refresh.reuse_detected&facts=true&identify=true&reason=audit").await[0];
    assert_eq!(shown["disclosed"], json!({ "net.ip": "203.0.113.9" }));
    assert!(shown["facts"].as_str().unwrap().ends_with("from 203.0.113.9") && shown.get("withheld").is_none());
    let read = log(&world, "type=audit.read").await.pop().unwrap();
    assert_eq!((&read["query"], &read["identified"]), (&json!("log"), &json!(true)));
    let read = &log(&world, "type=audit.read&identify=true&reason=again").await;
    assert!(read.iter().any(|read| read["disclosed"]["reason"] == "audit"), "why people were shown is sealed beside it: {read:?}");
}

#[tokio::test]
async fn an_erased_person_stays_in_the_story_without_a_name() {
    let world = world().await;
    let (status, erased) = ask(&offline(&world.ledger), Method::POST, "/users/alice/erase", None).await;
    assert_eq!((status, &erased["state"]), (200, &json!("erased")));
    let created = &log(&world, "type=user.created&identify=true&reason=audit").await[0];
    assert_eq!(created["erased"].as_array().unwrap().len(), 2, "{created}");
    assert!(!created.to_string().contains("Alice"));
}
