//! `writ audit export` and `writ audit verify` (AUDIT.md §6.3, §6.4, §8.3): what leaves the server can be checked by anyone, and says
//! no more than it should.

use crate::harness::{Browser, Server, USERNAME};
use serde_json::Value;
use std::path::{Path, PathBuf};
use std::process::Output;
use std::sync::Arc;

/// What only sealed fields say of the people of the harness.
const NAMES: [&str; 3] = ["Amelia Park", "@example.org", "127.0.0.1\\"];

/// A server where somebody has signed in and a token was refreshed.
async fn lived_in() -> (Arc<Server>, tempfile::TempDir) {
    let server = Server::alone().await;
    let app = server.site("default").confidential().await;
    let tokens = app.tokens(&mut Browser::new()).await;
    app.refresh(&tokens.refresh).await.assert_ok();
    (server, tempfile::tempdir().unwrap())
}

fn export(server: &Server, file: &Path, more: &[&str]) {
    let base = ["audit", "export", "--purpose", "a test", "--to-file", file.to_str().unwrap()];
    server.writ(&[&base[..], more].concat(), "");
}

/// Verifies; gives the exit code and what was told.
fn verify(server: &Server, what: &str, more: &[&str]) -> (i32, Value) {
    let output = server.writ_output(&[&["audit", "verify", what, "--json"], more].concat(), "");
    let told = String::from_utf8(output.stdout).unwrap();
    let last = told.lines().last().map(|line| serde_json::from_str(line).unwrap());
    (output.status.code().unwrap(), last.unwrap_or_default())
}

fn verify_file(server: &Server, file: &Path, more: &[&str]) -> (i32, Value) {
    verify(server, file.to_str().unwrap(), more)
}

fn key(server: &Server) -> String {
    server.writ(&["audit", "checkpoint", "--vkey"], "").trim_end().to_owned()
}

fn last_event(server: &Server, kind: &str) -> Value {
    serde_json::from_str(server.writ(&["log", "-n", "1", "--type", kind], "").trim()).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bundle_in_either_form_is_verified_without_the_server_that_made_it() {
    let (server, folder) = lived_in().await;
    let (tar, single, key) = (folder.path().join("all.tar"), folder.path().join("all.ndjson"), key(&server));
    export(&server, &tar, &[]);
    export(&server, &single, &["--single"]);
    server.stop();
    for file in [&tar, &single] {
        let (code, told) = verify_file(&server, file, &["--key", &key]);
        assert_eq!((code, told["verdict"].as_str(), told["key_from"].as_str()), (0, Some("VERIFIED"), Some("given")), "{told}");
        assert_eq!((told["from"].clone(), told["to"].clone()), (0.into(), told["checkpoint_size"].clone()));
        assert_eq!((told["counts"]["fields_shown"].clone(), told["counts"]["withheld"].clone()), (0.into(), 0.into()));
        assert!(told["counts"]["fields_withheld"].as_u64().unwrap() > 3);
        let (code, told) = verify_file(&server, file, &[]);
        assert_eq!((code, told["key_from"].as_str()), (0, Some("bundle")));
        let bytes = std::fs::read_to_string(file).unwrap();
        assert!(NAMES.iter().all(|name| !bytes.contains(name)), "what is withheld is in no byte of a bundle");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_changed_ends_with_3_and_is_named_with_its_event() {
    let (server, folder) = lived_in().await;
    let file = folder.path().join("b.tar");
    export(&server, &file, &[]);
    let genuine = std::fs::read(&file).unwrap();
    let text = String::from_utf8(genuine.clone()).unwrap();
    let find = |needle: &str| text.find(needle).unwrap_or_else(|| panic!("{needle}"));
    let with = |at: usize, byte: u8| {
        let mut bytes = genuine.clone();
        bytes[at] = byte;
        bytes
    };
    let in_leaf = find("token.granted");
    let seq: u64 = text[..in_leaf].rfind("{\"seq\":").map(|at| text[at + 7..].split(',').next().unwrap().parse().unwrap()).unwrap();
    let cases = [
        (with(in_leaf, b'T'), "E_LEAF", Some(seq)),
        (with(find("{\"seq\":3,") + 7, b'4'), "E_GAP", Some(3)),
        (with(find("block ") + 7, b'!'), "E_FILE", None),
        (with(find("\n\n\u{2014}") - 5, b'!'), "E_SIGNATURE", None),
        (genuine[..genuine.len() - 1].to_vec(), "E_TRUNCATED", None),
    ];
    for (bytes, failure, at) in cases {
        let changed = folder.path().join("changed.tar");
        std::fs::write(&changed, bytes).unwrap();
        let (code, told) = verify_file(&server, &changed, &[]);
        assert_eq!((code, told["code"].as_str(), told["seq"].as_u64()), (3, Some(failure), at), "{told}");
    }
    let other = "127.0.0.1:1/writ/default+90ee12e1+AQY9xHZGLYIAMjFtwlL4iL7vVUe6cDfXx8wdRE7wXX9Q";
    assert_eq!(verify_file(&server, &file, &["--key", other]).0, 2, "a key whose parts do not belong together");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_export_is_recorded_with_its_digest_before_it_leaves() {
    let (server, folder) = lived_in().await;
    let file = folder.path().join("b.tar");
    export(&server, &file, &["--basis", "45 CFR 164.528", "--from", "1", "--to", "3"]);
    let recorded = last_event(&server, "audit.exported");
    let (code, told) = verify_file(&server, &file, &[]);
    assert_eq!(code, 0);
    let bytes = std::fs::read(&file).unwrap();
    assert_eq!(recorded["bundle_digest"], writ::terms::Digest::of(&bytes).to_string());
    assert_eq!((&recorded["from"], &recorded["to"], &recorded["events"]), (&1.into(), &4.into(), &3.into()));
    assert_eq!(recorded["checkpoint_size"], told["checkpoint_size"]);
    assert_eq!(recorded["withheld"], serde_json::json!(["purpose", "basis"]), "what somebody wrote is sealed");
    assert!(recorded["seq"].as_u64().unwrap() >= told["checkpoint_size"].as_u64().unwrap());
}

#[tokio::test(flavor = "multi_thread")]
async fn of_other_people_only_hashes_leave_and_fields_only_for_a_reason() {
    let (server, folder) = lived_in().await;
    let (about, person) = (folder.path().join("about.tar"), format!("user:{USERNAME}"));
    export(&server, &about, &["--subject", &person, "--identify", "--reason", "she asked for it"]);
    let (code, told) = verify_file(&server, &about, &[]);
    assert_eq!(code, 0);
    assert!(told["counts"]["withheld"].as_u64().unwrap() > 0 && told["counts"]["fields_shown"].as_u64().unwrap() > 0);
    let bytes = std::fs::read_to_string(&about).unwrap();
    let user = last_event(&server, "login.succeeded")["user"].as_str().unwrap().to_owned();
    let shown = bytes.lines().filter(|line| line.starts_with("{\"seq\"") && line.contains("\"leaf\""));
    assert!(shown.clone().count() > 2 && shown.clone().all(|line| line.contains(&user)));
    assert_eq!(last_event(&server, "audit.exported")["identified"], true);

    server.writ(&["user", "erase", USERNAME, "--yes"], "");
    let erased = folder.path().join("erased.tar");
    export(&server, &erased, &["--identify", "--reason", "to see that it is gone"]);
    let (code, told) = verify_file(&server, &erased, &[]);
    assert!(code == 0 && told["counts"]["fields_erased"].as_u64().unwrap() > 0, "{told}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_later_bundle_continues_an_earlier_checkpoint_or_says_that_it_cannot_tell() {
    let (server, folder) = lived_in().await;
    let at = |name: &str| -> PathBuf { folder.path().join(name) };
    std::fs::write(at("old.txt"), server.writ(&["audit", "checkpoint"], "")).unwrap();
    // Each reading is an event: the log goes on.
    (0..5).for_each(|_| drop(last_event(&server, "site.created")));
    export(&server, &at("all.tar"), &[]);
    let size: u64 = std::fs::read_to_string(at("old.txt")).unwrap().lines().nth(1).unwrap().parse().unwrap();
    // The hashes before a multiple of four tell nothing of the three sizes below it.
    export(&server, &at("tail.tar"), &["--from", &((size / 4 + 1) * 4).to_string()]);
    let since = ["--since".to_owned(), at("old.txt").to_str().unwrap().to_owned()];
    let since: Vec<&str> = since.iter().map(String::as_str).collect();
    let (code, told) = verify_file(&server, &at("all.tar"), &since);
    assert_eq!((code, &told["since"][0]["is_continued"]), (0, &true.into()));
    let (code, told) = verify_file(&server, &at("tail.tar"), &since);
    assert_eq!((code, told["verdict"].as_str()), (4, Some("INCOMPLETE")), "{told}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_running_log_is_verified_live_and_a_directory_when_it_stands_still() {
    let (server, folder) = lived_in().await;
    let (code, told) = verify(&server, "live", &["--key", &key(&server)]);
    assert_eq!((code, told["verdict"].as_str(), &told["from"]), (0, Some("VERIFIED"), &0.into()), "{told}");
    assert_eq!(last_event(&server, "audit.read")["query"], "verify");
    let directory = server.directory().to_str().unwrap().to_owned();
    assert_eq!(verify(&server, &directory, &[]).0, 7, "a server has it");
    server.stop();
    let (code, told) = verify(&server, &directory, &[]);
    assert_eq!((code, told["verdict"].as_str()), (0, Some("VERIFIED")), "{told}");

    let copy = folder.path().join("copy");
    copy_tree(server.directory(), &copy);
    for secret in ["master.key", "vault.db"] {
        let _ = std::fs::remove_file(copy.join(secret));
    }
    assert_eq!(verify_file(&server, &copy, &[]).0, 0, "no secret is needed");
    let kept = copy.join("checkpoints").join("default");
    let note = std::fs::read_to_string(&kept).unwrap();
    std::fs::write(&kept, note.replacen('\n', "x\n", 1)).unwrap();
    let (code, told) = verify_file(&server, &copy, &[]);
    assert_eq!((code, told["code"].as_str(), told["site"].as_str()), (3, Some("E_SIGNATURE"), Some("default")), "{told}");
}

#[tokio::test(flavor = "multi_thread")]
async fn where_there_is_no_log_nothing_is_verified() {
    let (server, folder) = lived_in().await;
    server.stop();
    let (copy, empty) = (folder.path().join("copy"), folder.path().join("empty"));
    copy_tree(server.directory(), &copy);
    std::fs::create_dir(&empty).unwrap();
    assert_eq!(verify_file(&server, &copy, &[]).0, 0);
    for gone in ["sled", "checkpoints"] {
        std::fs::remove_dir_all(copy.join(gone)).unwrap();
    }
    assert_eq!(verify_file(&server, &copy, &[]).1["code"], "E_TRUNCATED", "the mark tells of a log");
    std::fs::remove_file(copy.join("mark")).unwrap();
    for directory in [&copy, &empty, &folder.path().to_owned()] {
        let output = server.writ_output(&["audit", "verify", directory.to_str().unwrap(), "-o", "table"], "");
        let said = String::from_utf8(output.stderr).unwrap();
        assert_eq!((output.status.code(), output.stdout.is_empty()), (Some(4), true), "{said}");
        assert!(said.starts_with(&format!("writ: there is no log in {}", directory.display())), "{said}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_of_no_log_is_not_taken_for_the_one_that_a_directory_has() {
    let (server, _folder) = lived_in().await;
    let other = Server::alone().await;
    let (key, elsewhere) = (key(&server), key(&other));
    let directory = server.directory().to_str().unwrap().to_owned();
    let (code, told) = verify(&server, "live", &["--key", &elsewhere]);
    assert_eq!((code, told["code"].as_str()), (3, Some("E_KEY")), "{told}");
    server.stop();
    let (code, told) = verify(&server, &directory, &["--key", &elsewhere]);
    assert_eq!((code, told["code"].as_str()), (3, Some("E_KEY")), "{told}");
    assert_eq!(verify(&server, &directory, &["--key", &key]).0, 0);
}

fn copy_tree(from: &Path, to: &Path) {
    std::fs::create_dir(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap() {
        let (path, name) = entry.map(|entry| (entry.path(), entry.file_name())).unwrap();
        let kind = std::fs::symlink_metadata(&path).unwrap().file_type();
        if kind.is_dir() {
            copy_tree(&path, &to.join(name));
        } else if kind.is_file() {
            std::fs::copy(&path, to.join(name)).unwrap();
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn who_stops_reading_is_no_failure_unless_all_of_it_was_needed() {
    let (server, _folder) = lived_in().await;
    let app = server.site("default").confidential().await;
    let uri = "https://app.example.org/cb";
    let cases: [(&[&str], i32); 6] = [
        (&["log"], 0),
        (&["client", "list"], 0),
        (&["audit", "export", "--purpose", "x", "--single"], 9),
        (&["client", "add", "--name", "Unheard", "--redirect-uri", uri], 9),
        (&["client", "invite"], 9),
        (&["client", "rotate-secret", &app.client_id], 9),
    ];
    for (arguments, code) in cases {
        for format in ["ndjson", "table"] {
            assert_eq!(server.writ_unread(&[arguments, &["-o", format]].concat()), Some(code), "{arguments:?} {format}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_is_exported_also_when_it_is_gone() {
    let (server, folder) = lived_in().await;
    let client = server.site("default").confidential().await.client_id;
    let about = format!("client:{client}");
    let shown = |name: &str| {
        let file = folder.path().join(name);
        export(&server, &file, &["--subject", &about]);
        verify_file(&server, &file, &[]).1["counts"]["shown"].as_u64().unwrap()
    };
    let before = shown("before.tar");
    server.writ(&["client", "delete", &client], "");
    assert_eq!(shown("after.tar"), before + 1, "its end is about it too");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_exported_is_refused_and_leaves_no_file() {
    let (server, folder) = lived_in().await;
    let file = folder.path().join("none.tar");
    let attempt = |more: &[&str]| -> Output {
        server.writ_output(&[&["audit", "export", "--purpose", "x", "--to-file", file.to_str().unwrap()], more].concat(), "")
    };
    let cases: [(&[&str], i32); 7] = [
        (&["--format", "fhir"], 2),
        (&["--subject", "patient:p-1"], 2),
        (&["--subject", "user:nobody"], 6),
        (&["--subject", "client:nope"], 6),
        (&["--from", "1000000"], 6),
        (&["--from", "yesterday"], 2),
        (&["--site", "other"], 6),
    ];
    for (more, code) in cases {
        let output = attempt(more);
        assert_eq!(output.status.code(), Some(code), "{more:?}: {}", String::from_utf8_lossy(&output.stderr));
        assert!(!file.exists());
    }
    std::fs::write(&file, "mine").unwrap();
    assert_eq!(attempt(&[]).status.code(), Some(2), "a file that is there is not overwritten");
    assert_eq!(std::fs::read_to_string(&file).unwrap(), "mine");
}
