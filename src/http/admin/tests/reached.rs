//! Who is answered, and that a running and a stopped server say the same.

use super::*;

#[tokio::test]
async fn a_running_and_a_stopped_server_give_the_same_answers() {
    let world = world().await;
    let (_server, served, _stopping) = serve(&world).await;
    let unserved = offline(&world.ledger);
    for target in
        ["/events?type=token.*&type=refresh.*&facts=true", "/events/3", "/sites/default", "/clients", "/keys", "/users", "/nothing/else"]
    {
        let mut answers = Vec::new();
        for client in [&served, &unserved] {
            let (status, text) = text(client, Method::GET, target, None).await;
            let values: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).unwrap()).map(without_the_moment).collect();
            answers.push((status, values));
        }
        assert_eq!(answers[0], answers[1], "{target}");
    }
    let target = format!("/explain/token/{}", world.tokens[1]);
    let one = without_the_moment(ask(&served, Method::GET, &target, None).await.1);
    let other = without_the_moment(ask(&unserved, Method::GET, &target, None).await.1);
    assert_eq!(one, other);
}

#[tokio::test]
async fn a_name_may_hold_what_a_path_may_not() {
    let world = world().await;
    let (_server, served, _stopping) = serve(&world).await;
    let unserved = offline(&world.ledger);
    for (name, segment) in [("CLINIC/amelia", "CLINIC%2Famelia"), ("..", ".."), (".", "%2E"), ("a\\b", "a%5Cb")] {
        let (status, made) = ask(&served, Method::POST, "/users", Some(json!({ "username": name }))).await;
        assert_eq!(status, 201, "{made}");
        for (client, act, state) in [(&served, "disable", "disabled"), (&unserved, "enable", "enabled")] {
            let (status, changed) = ask(client, Method::POST, &format!("/users/{segment}/{act}"), None).await;
            assert_eq!((status, &changed["user"], &changed["state"]), (200, &made["user"], &json!(state)), "{name}");
        }
        let password = json!({ "password": "correct horse" });
        assert_eq!(ask(&served, Method::PUT, &format!("/users/{segment}/password"), Some(password)).await.0, 200, "{name}");
        assert_eq!(ask(&served, Method::GET, &format!("/users/{segment}"), None).await.1["has_password"], true, "{name}");
    }
    for target in ["/clients/a%2Fb", "/clients/..", "/users/a%0Ab", "/sites/%2E%2E", "/events/a%2Fb", "/explain/token/a%2Fb"] {
        let (one, other) = (ask(&served, Method::GET, target, None).await, ask(&unserved, Method::GET, target, None).await);
        assert_eq!((one.0, &one.1["detail"]), (other.0, &other.1["detail"]), "{target}");
        assert!(one.1["detail"].is_string(), "{target}: {}", one.1);
    }
    assert_eq!(ask(&served, Method::DELETE, "/keys/%2E%2E", None).await.0, 404);
    assert_eq!(ask(&served, Method::DELETE, "/users/alice/consents/a%2Fb", None).await.0, 404);
}

/// The same without what differs from one reading to the next: each reading is itself an event, and each problem has its request.
fn without_the_moment(mut value: Value) -> Value {
    if let Some(members) = value.as_object_mut() {
        members.remove("at");
        if members.contains_key("detail") {
            members.remove("corr");
        }
        if members.contains_key("issuer") {
            members.remove("events");
        }
    }
    value
}

#[tokio::test]
async fn whoever_follows_sees_what_comes_and_is_let_go_at_the_end() {
    let world = world().await;
    let (_server, served, stopping) = serve(&world).await;
    let target = "/admin/v1/events?type=user.*&n=1&follow=true";
    let mut answer = served.ask(Method::GET, target, "application/json", Bytes::new()).await.unwrap();
    let first = answer.piece().await.unwrap().unwrap();
    assert!(std::str::from_utf8(&first).unwrap().contains("user.created"));
    let (status, _) = ask(&offline(&world.ledger), Method::POST, "/users/alice/disable", None).await;
    assert_eq!(status, 200);
    let second = answer.piece().await.unwrap().unwrap();
    assert!(std::str::from_utf8(&second).unwrap().contains("user.disabled"));
    stopping.send_replace(true);
    assert!(answer.piece().await.unwrap().is_none());
}

#[tokio::test]
async fn nobody_is_answered_from_the_network() {
    let world = world().await;
    let stopping = watch::Sender::new(false).subscribe();
    let admin = Admin { ledger: world.ledger.clone(), hosts: None, public_url: None, stopping };
    let ids = world.ledger.clone();
    let settings = DoorSettings::new(AllowedHosts::from_iter(["op.test"]), TrustedProxies::default(), Arc::new(move || ids.request_id()));
    let door = Door::new(settings, routes(admin));
    let from = crate::http::peer::Connection::Tcp { remote: "127.0.0.1".parse().unwrap(), tls: true, loopback_listener: true };
    let request = http::Request::get("/admin/v1/sites").header("host", "op.test").body(http_body_util::Full::<Bytes>::default()).unwrap();
    assert_eq!(door.answer(from, request).await.unwrap().status(), StatusCode::FORBIDDEN);
}
