//! Checkpoints, tiles and proofs of a running server, checked by programs that are not ours (C2SP tlog-checkpoint, tlog-tiles,
//! tlog-proof; AUDIT.md §6.2).

use crate::harness::{Answer, Request, Server};
use base64::{Engine, engine::general_purpose::STANDARD};
use bytes::Bytes;
use http::Method;
use serde_json::Value;
use std::collections::HashMap;
use std::fs;
use std::sync::Arc;
use tlog_tiles::tlog::{self, Hash};
use tlog_tiles::{Tile, TileHashReader, TileReader};
use writ::http::admin::AdminClient;

/// Size and root of a checkpoint that verifies with this key.
fn checked(note: &str, vkey: &str) -> (u64, Hash) {
    let verifier = signed_note::StandardVerifier::new(vkey).unwrap();
    let origin = vkey.split('+').next().unwrap();
    let note = signed_note::Note::from_bytes(note.as_bytes()).unwrap();
    let (valid, _) = note.verify(&signed_note::VerifierList::new(vec![Box::new(verifier)])).unwrap();
    assert_eq!(valid.len(), 1);
    let read = tlog_tiles::Checkpoint::from_bytes(note.text()).unwrap();
    assert_eq!(read.origin(), origin);
    (read.size(), *read.hash())
}

fn vkey(server: &Server, site: &str) -> String {
    server.writ(&["--site", site, "audit", "checkpoint", "--vkey"], "").trim().to_owned()
}

/// The administrator's socket, for what would take too many processes.
struct Socket(AdminClient);

impl Socket {
    async fn of(server: &Server) -> Self {
        Self(AdminClient::over_socket(&server.directory().join("admin.sock")).await.unwrap())
    }
    async fn text(&self, method: Method, target: &str) -> String {
        let answer = self.0.ask(method, &format!("/admin/v1{target}"), "application/json", Bytes::new()).await.unwrap();
        let (status, body) = (answer.status, answer.whole().await.unwrap());
        assert_eq!(status, 200, "{target}: {body:?}");
        String::from_utf8(body.to_vec()).unwrap()
    }
    /// Every reading is an event.
    async fn grow(&self, events: usize) {
        for _ in 0..events {
            self.text(Method::GET, "/events?n=1").await;
        }
    }
    async fn checkpoint(&self) -> String {
        self.text(Method::POST, "/checkpoint").await
    }
}

async fn get(server: &Server, path: &str) -> Answer {
    Request::get(&format!("{}{path}", server.origin())).send().await
}

/// The tiles that a client has fetched.
struct Fetched(HashMap<String, Vec<u8>>);

impl Fetched {
    /// All that a tree of this size has.
    async fn all(server: &Server, size: u64) -> Self {
        let mut tiles = HashMap::new();
        for tile in Tile::new_tiles(8, 0, size) {
            let path = tile.path().replacen("tile/8/", "tile/", 1);
            let answer = get(server, &format!("/writ/default/{path}")).await;
            assert_eq!((answer.status, answer.header("content-type")), (200, Some("application/octet-stream")), "{path}");
            tiles.insert(tile.path(), answer.body);
        }
        Self(tiles)
    }
}

impl TileReader for Fetched {
    fn height(&self) -> u8 {
        8
    }
    fn read_tiles(&self, tiles: &[Tile]) -> Result<Vec<Vec<u8>>, tlog::Error> {
        Ok(tiles.iter().map(|tile| self.0[&tile.path()].clone()).collect())
    }
    fn save_tiles(&self, _: &[Tile], _: &[Vec<u8>]) {}
}

/// The hashes between the first lines and the blank one.
fn hashes(proof: &str, first_lines: usize) -> (Vec<Hash>, &str) {
    let (proof, checkpoint) = proof.split_once("\n\n").unwrap();
    let hash = |line: &str| Hash(STANDARD.decode(line).unwrap().try_into().unwrap());
    (proof.lines().skip(first_lines).map(hash).collect(), checkpoint)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whoever_has_the_key_makes_from_our_tiles_the_proofs_that_we_give() {
    let server = Server::alone().await;
    let (socket, key) = (Socket::of(&server).await, vkey(&server, "default"));
    socket.grow(530).await;
    let note = socket.checkpoint().await;
    assert_eq!(get(&server, "/writ/default/checkpoint").await.text(), note);
    let (size, root) = checked(&note, &key);
    assert!(size > 530);
    let fetched = Fetched::all(&server, size).await;
    let reader = TileHashReader::new(size, root, &fetched);
    for seq in [0, 1, 255, 256, 300, 511, 512, size - 1] {
        let whole: Value =
            serde_json::from_str(&socket.text(Method::GET, &format!("/events/{seq}/proof?leaf=true&checkpoint={size}")).await).unwrap();
        let leaf = tlog::record_hash(whole["leaf"].as_str().unwrap().as_bytes());
        let (proof, checkpoint) = hashes(whole["proof"].as_str().unwrap(), 2);
        assert_eq!(checkpoint, note);
        tlog::check_record(&proof, size, root, seq, leaf).unwrap();
        assert_eq!(tlog::prove_record(size, seq, &reader).unwrap(), proof, "#{seq}");
    }
    for old in [1, 255, 256, 257, 512, size] {
        let given = socket.text(Method::GET, &format!("/consistency?old={old}&checkpoint={size}")).await;
        let (proof, _) = hashes(&given, 1);
        assert_eq!(tlog::prove_tree(size, old, &reader).unwrap(), proof, "{old}");
        tlog::check_tree(&proof, size, root, old, tlog::tree_hash(old, &reader).unwrap()).unwrap();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn hashes_are_public_and_everything_else_is_not_there() {
    let server = Server::alone().await;
    Socket::of(&server).await.grow(260).await;
    let size = checked(&Socket::of(&server).await.checkpoint().await, &vkey(&server, "default")).0;
    let checkpoint = get(&server, "/writ/default/checkpoint").await;
    assert_eq!((checkpoint.status, checkpoint.header("content-type")), (200, Some("text/plain; charset=utf-8")));
    assert_eq!(checkpoint.header("access-control-allow-origin"), Some("*"));
    assert_eq!(checkpoint.header("cache-control"), Some("no-cache"));
    let full = get(&server, "/writ/default/tile/0/000").await;
    assert_eq!((full.status, full.body.len()), (200, 8192));
    assert_eq!(full.header("cache-control"), Some("public, max-age=31536000, immutable"));
    let partial = get(&server, &format!("/writ/default/tile/0/001.p/{}", size - 256)).await;
    assert_eq!((partial.status, partial.body.len() as u64), (200, (size - 256) * 32));
    assert_eq!(partial.header("cache-control"), Some("public, max-age=600, immutable"));
    for path in [
        "/writ/_server/checkpoint",
        "/writ/_server/tile/0/000.p/1",
        "/writ/nowhere/checkpoint",
        "/writ/default",
        "/writ/default/",
        "/writ/default/checkpoint/",
        "/writ/default/tile",
        "/writ/default/tile/0/000/",
        "/writ/default/tile/0/0",
        "/writ/default/tile/0/001",
        "/writ/default/tile/1/000",
        "/writ/default/tile/0/x000/000",
        "/writ/default/tile/0/000.p/256",
        "/writ/default/tile/8/000.p/1",
        "/writ/default/tile/data/000",
        "/writ/default/tile/entries/000",
        "/writ/default/%63heckpoint",
        "/writ/default/events",
    ] {
        assert_eq!(get(&server, path).await.status, 404, "{path}");
    }
    let beyond = format!("/writ/default/tile/0/001.p/{}", size - 255);
    assert_eq!(get(&server, &beyond).await.status, 404);
    let url = format!("{}/writ/default/checkpoint", server.origin());
    assert_eq!(Request::new(Method::HEAD, &url).send().await.status, 200);
    assert_eq!(Request::new(Method::POST, &url).send().await.status, 405);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn after_each_kill_the_log_continues_what_was_signed_before() {
    let server = Server::alone().await;
    let key = vkey(&server, "default");
    let mut seen = vec![checked(&get(&server, "/writ/default/checkpoint").await.text(), &key)];
    for round in 0..6 {
        let socket = Socket::of(&server).await;
        socket.grow(20 + round * 7).await;
        seen.push(checked(&socket.checkpoint().await, &key));
        socket.grow(round).await;
        let unsigned = tokio::spawn(async move { socket.checkpoint().await });
        let before = server.clone();
        tokio::task::spawn_blocking(move || before.kill_and_restart()).await.unwrap();
        // Signed just before the end, or never: what was shown must hold either way.
        drop(unsigned.await);
        seen.push(checked(&get(&server, "/writ/default/checkpoint").await.text(), &key));
        let socket = Socket::of(&server).await;
        let (size, root) = checked(&socket.checkpoint().await, &key);
        for (old, old_root) in &seen {
            let given = socket.text(Method::GET, &format!("/consistency?old={old}&checkpoint={size}")).await;
            tlog::check_tree(&hashes(&given, 1).0, size, root, *old, *old_root).unwrap();
        }
        assert!(seen.windows(2).all(|pair| pair[0].0 <= pair[1].0), "a checkpoint went back");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_ends_in_order_leaves_checkpoints_of_all_its_events() {
    let server = Server::with(&[("default", "standard"), ("other", "standard")]).await;
    let keys: Vec<(&str, String)> = ["default", "other", "_server"].into_iter().map(|site| (site, vkey(&server, site))).collect();
    Socket::of(&server).await.grow(3).await;
    let ended = server.clone();
    assert!(tokio::task::spawn_blocking(move || ended.end_in_order()).await.unwrap().success());
    for (site, key) in keys {
        let kept = fs::read_to_string(server.directory().join("checkpoints").join(site)).unwrap();
        let shown: Value = serde_json::from_str(&server.writ(&["site", "show", site, "-o", "json"], "")).unwrap();
        assert_eq!(checked(&kept, &key).0, shown["events"].as_u64().unwrap(), "{site}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_checkpoint_that_does_not_fit_the_log_is_refused_with_exit_3() {
    let server = Server::alone().await;
    let ended = server.clone();
    assert!(tokio::task::spawn_blocking(move || ended.end_in_order()).await.unwrap().success());
    let file = server.directory().join("checkpoints/default");
    let sound = fs::read_to_string(&file).unwrap();
    let size = sound.lines().nth(1).unwrap();
    let edited = sound.replacen(&format!("\n{size}\n"), &format!("\n{size}0\n"), 1);
    for (text, code) in [(edited.as_str(), "E_SIGNATURE"), ("", "E_SIGNATURE")] {
        fs::write(&file, text).unwrap();
        for command in [&["site", "list"][..], &["serve", "--listen", "127.0.0.1:0"]] {
            let output = server.writ_output(command, "");
            let told = String::from_utf8_lossy(&output.stderr).into_owned();
            assert_eq!((output.status.code(), told.contains(code)), (Some(3), true), "{command:?}: {told}");
        }
    }
    fs::write(&file, sound).unwrap();
    server.writ(&["site", "list"], "");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_command_line_proves_an_event_with_and_without_a_server() {
    let server = Server::alone().await;
    let key = vkey(&server, "default");
    let served = prove_by_command(&server, &key);
    let ended = server.clone();
    assert!(tokio::task::spawn_blocking(move || ended.end_in_order()).await.unwrap().success());
    let stopped = prove_by_command(&server, &key);
    assert_eq!(served, stopped);
}

/// The proof of event 3 by the checkpoint over 4 events.
fn prove_by_command(server: &Arc<Server>, key: &str) -> String {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("three.tlog-proof");
    let prove = |arguments: &[&str]| server.writ_output(&[&["audit", "prove"], arguments].concat(), "");
    let proof = String::from_utf8(prove(&["3", "--checkpoint", "4"]).stdout).unwrap();
    assert_eq!(prove(&["#3", "--checkpoint", "4", "--to-file", file.to_str().unwrap()]).status.code(), Some(0));
    assert_eq!(fs::read_to_string(&file).unwrap(), proof);
    let beside: Value = serde_json::from_slice(&fs::read(folder.path().join("three.json")).unwrap()).unwrap();
    let leaf = tlog::record_hash(beside["leaf"].as_str().unwrap().as_bytes());
    let (path, checkpoint) = hashes(&proof, 2);
    let (size, root) = checked(checkpoint, key);
    tlog::check_record(&path, size, root, 3, leaf).unwrap();
    assert_eq!((proof.lines().next(), size), (Some("c2sp.org/tlog-proof@v1"), 4));
    for (arguments, code) in [
        (&["99999"][..], 6),
        (&["3", "--checkpoint", "99999"], 6),
        (&["3", "--checkpoint", "3"], 1),
        (&["three"], 2),
        (&["3", "--disclose", "net.ip"], 2),
        (&["3", "--to-file", "/nowhere/three.tlog-proof"], 9),
    ] {
        assert_eq!(prove(arguments).status.code(), Some(code), "{arguments:?}");
    }
    let disclose = ["3", "--to-file", file.to_str().unwrap(), "--disclose", "nothing", "--identify", "--reason", "test"];
    assert_eq!(prove(&disclose).status.code(), Some(2));
    proof
}
