//! Looking back from the command line (AUDIT.md §8): what introspection would have answered, what the state was, and whether a replay
//! adds up, while the server runs and when it is stopped.

use crate::harness::{App, Browser, Server, jwt_part};
use serde_json::{Value, json};
use std::process::Output;

fn code(output: &Output) -> i32 {
    output.status.code().unwrap()
}
fn json_of(output: &Output) -> Value {
    serde_json::from_slice(&output.stdout).unwrap_or_else(|_| panic!("no JSON: {output:?}"))
}
fn said(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

/// The number of the last event of this type.
fn last(server: &Server, kind: &str) -> u64 {
    let told: Value = serde_json::from_str(&server.writ(&["log", "--type", kind, "-n", "1", "-o", "ndjson"], "")).unwrap();
    told["seq"].as_u64().unwrap()
}

#[tokio::test]
async fn introspection_at_a_point_prints_the_body_that_was_given_then() {
    let server = Server::alone().await;
    let app: App = server.site("default").confidential().await;
    let tokens = app.tokens(&mut Browser::new()).await;
    let given = app.introspect(&tokens.access).await.assert_ok();
    assert_eq!(app.revoke(&tokens.access).await.status, 200);
    let jti = jwt_part(&tokens.access, 1)["jti"].as_str().unwrap().to_owned();
    let revoked = last(&server, "token.revoked");
    let granted = last(&server, "token.granted");
    for is_running in [true, false] {
        if !is_running {
            server.stop();
        }
        let before = ["introspect", &jti, "--at", &format!("before:{revoked}"), "--identify", "--reason", "test"];
        let before = server.writ_output(&before, "");
        let mut body = json_of(&before);
        let at = body.as_object_mut().unwrap().remove("_at").unwrap();
        let because = body.as_object_mut().unwrap().remove("_because").unwrap();
        assert_eq!((code(&before), &body, at), (0, &given, json!(revoked - 1)), "running: {is_running}");
        assert_eq!(because[0], granted);
        assert!(said(&before).starts_with(&format!("at #{} 20", revoked - 1)), "{}", said(&before));
        let after = server.writ_output(&["introspect", &jti, "--at", &format!("#{revoked}")], "");
        assert_eq!((code(&after), &json_of(&after)["active"], &json_of(&after)["_because"][0]), (1, &json!(false), &json!(revoked)));
        let by_itself = server.writ_output(&["introspect", "-", "--at", &granted.to_string()], &tokens.refresh);
        assert_eq!((code(&by_itself), &json_of(&by_itself)["active"]), (0, &json!(true)), "{}", said(&by_itself));
    }
    let unknown = server.writ_output(&["introspect", "tok_AAAAAAAAAAAAAAAAAAAAAA"], "");
    assert!(code(&unknown) == 6 && said(&unknown).contains("writ introspect -"), "{}", said(&unknown));
    for wrong in [["introspect", "ses_x", "--at", "1"], ["introspect", &jti, "--at", "tomorrow"], ["state", "weather", "--at", "1"]] {
        assert_eq!(code(&server.writ_output(&wrong, "")), 2, "{wrong:?}");
    }
    assert_eq!(code(&server.writ_output(&["introspect", &tokens.access], "")), 2, "a token itself is not typed");
}

#[tokio::test]
async fn a_replay_adds_up_until_the_side_table_says_otherwise() {
    let server = Server::alone().await;
    let client = server.site("default").confidential().await.client_id;
    let registered = last(&server, "client.registered");
    let path = format!("clients/{client}/metadata/client_name");
    let name = |at: &str| server.writ_output(&["state", &path, "--at", at, "-o", "json"], "");
    assert_eq!(json_of(&name(&registered.to_string())), json!("Growth Chart"));
    assert_eq!(code(&name(&format!("before:{registered}"))), 6, "it was not there yet");
    let digest =
        |server: &Server| json_of(&server.writ_output(&["state", "--digest", "--at", &registered.to_string()], ""))["digest"].clone();
    let running = digest(&server);
    let replay = |server: &Server| server.writ_output(&["replay", "--verify-digest", "--stats"], "");
    let verified = replay(&server);
    assert_eq!((code(&verified), &json_of(&verified)["live_is_equal"]), (0, &json!(true)), "{}", said(&verified));
    server.stop();
    assert_eq!(digest(&server), running);
    let verified = json_of(&replay(&server));
    assert_eq!((&verified["differs"], &verified["entities"]["clients"]), (&Value::Null, &json!(1)));
    assert!(verified["compared"].as_u64().unwrap() > 0, "each command recorded a digest at its end: {verified}");
    let table = server.directory().join("digests/default.ndjson");
    let line = json!({ "seq": registered, "t": "2026-01-01T00:00:00.000Z", "digest": running, "fold": verified["fold"] });
    let text = std::fs::read_to_string(&table).unwrap();
    std::fs::write(&table, text + &line.to_string() + "\nnot a line").unwrap();
    let differs = replay(&server);
    assert_eq!((code(&differs), &json_of(&differs)["differs"]["first_bad"]), (8, &json!(registered)));
    assert!(said(&differs).contains(&format!("not after #{registered}")), "{}", said(&differs));
    assert!(said(&differs).contains("cannot be read and is passed over"), "{}", said(&differs));
}
