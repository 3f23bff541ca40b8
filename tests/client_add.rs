//! `writ client add --jwks`: an administrator hands in a client's public keys (RFC 7591 §2 `jwks`), under registration's rules.

use crate::harness::{App, ClientKey, Server, Signer, Site};
use serde_json::{Value, json};
use std::process::Output;

const ADD: [&str; 8] = ["client", "add", "--grant-type", "client_credentials", "--scope", "system/Patient.rs", "-o", "json"];

fn add(site: &Site, further: &[&str], input: &str) -> Output {
    let method = ["--auth-method", "private_key_jwt"];
    site.server.writ_output(&[&ADD[..], &method[..], further].concat(), input)
}

fn said(output: &Output) -> String {
    String::from_utf8(output.stderr.clone()).unwrap()
}

#[tokio::test]
async fn a_client_added_with_its_keys_in_a_file_or_on_stdin_signs_in_with_them() {
    let site = Server::alone().await.site("default");
    let key = ClientKey::new("ES384", "first");
    let set = json!({ "keys": [key.jwk()] }).to_string();
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), &set).unwrap();
    for (path, input) in [(file.path().to_str().unwrap(), ""), ("-", set.as_str())] {
        let output = add(&site, &["--jwks", path], input);
        assert!(output.status.success(), "{}", said(&output));
        let registration: Value = serde_json::from_slice(&output.stdout).unwrap();
        assert_eq!((&registration["jwks"]["keys"][0], registration.get("client_secret")), (&key.jwk(), None));
        let signer = Signer { app: App::registered(&site, registration), key: key.clone() };
        let form = [("grant_type", "client_credentials"), ("scope", "system/Patient.rs")];
        let answer = signer.post("/token", &form, &signer.assertion()).await;
        assert_eq!((answer.status, answer.assert_ok()["scope"].as_str()), (200, Some("system/Patient.rs")));
        let stranger = Signer { key: ClientKey::new("ES384", "first"), ..signer };
        stranger.post("/token", &form, &stranger.assertion()).await.assert_refused(400, "invalid_client");
    }
}

#[tokio::test]
async fn keys_that_registration_would_refuse_are_refused_and_nothing_is_added() {
    let site = Server::alone().await.site("default");
    let mut private = ClientKey::new("ES256", "first").jwk();
    private["d"] = json!("c2VjcmV0");
    let set = |keys: Value| json!({ "keys": keys }).to_string();
    let empty = set(json!([]));
    let padded = |length: usize| format!("{empty}{}", " ".repeat(length - empty.len()));
    let rows = [
        (set(json!([private])), "public keys only"),
        (set(json!([])), "not a set of one to 20 keys"),
        (set(json!([{ "kty": "oct", "k": "c2VjcmV0" }])), "public keys only"),
        (private.to_string(), "stdin holds no key set"),
        ("-----BEGIN PUBLIC KEY-----".to_owned(), "stdin holds no key set"),
        ("{\"keys\": [], \"keys\": []}".to_owned(), "stdin holds no key set"),
        (padded(65_536), "not a set of one to 20 keys"),
        (padded(65_537), "stdin is longer than 65536 bytes"),
        (String::new(), "stdin holds no key set"),
    ];
    for (input, why) in rows {
        let output = add(&site, &["--jwks", "-"], &input);
        assert!(output.status.code() == Some(2) && said(&output).contains(why), "{input:.80}: {} {}", output.status, said(&output));
    }
    let missing = add(&site, &["--jwks", "/nowhere/keys.json"], "");
    assert!(missing.status.code() == Some(2) && said(&missing).contains("/nowhere/keys.json cannot be read"), "{}", said(&missing));
    let both = add(&site, &["--jwks", "-", "--jwks-uri", "https://client.example.org/keys"], "");
    assert!(both.status.code() == Some(2) && said(&both).contains("cannot be used with"), "{}", said(&both));
    assert_eq!(site.server.writ(&["client", "list", "-o", "ndjson"], ""), "");
}
