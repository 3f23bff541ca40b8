//! The shape of the house, read from its own source (DESIGN.md §2, STYLE.md §2): who may name whom, who owns which crate, what may
//! not stand in `src`, what may not be renamed, and which crates are never to come in.

mod lock;
mod names;
mod planted;
mod rules;
mod source;
mod tokens;

use rules::{idle_owners, nameless, spoken, trespass, upward};
use source::{Source, collect, sources};
use std::path::Path;
use writ::event::Refusal;

/// Every module of the crate's root and its floor. A module names itself and what is on lower floors, nothing else. Audit and replay
/// read what the ledger opens, so they stand on it (docs/decisions/0007); the way out is an engine like log and vault (0013).
const FLOORS: &[(&str, u8)] = &[
    ("terms", 0),
    ("event", 1),
    ("log", 2),
    ("vault", 2),
    ("outbound", 2),
    ("projection", 3),
    ("jose", 3),
    ("command", 4),
    ("query", 4),
    ("ledger", 5),
    ("audit", 6),
    ("replay", 6),
    ("http", 7),
    ("cli", 8),
];

/// What only some files may name: crates that shape the design, and the ways to clock and entropy.
const OWNERS: &[(&str, &[&str])] = &[
    ("sled", &["src/log/sled.rs"]),
    ("rusqlite", &["src/vault/"]),
    ("argon2", &["src/vault/password_pool.rs"]),
    ("ed25519_dalek", &["src/log/checkpoint.rs"]),
    ("jsonwebtoken", &["src/jose/"]),
    ("warp", &["src/http/"]),
    ("hyper", &["src/http/", "src/outbound/"]),
    ("hyper_util", &["src/http/", "src/outbound/"]),
    ("tokio_rustls", &["src/http/", "src/outbound/"]),
    ("rustls_native_certs", &["src/outbound/roots.rs"]),
    ("askama", &["src/http/pages/"]),
    ("SystemTime::now", &["src/ledger/clock.rs"]),
    ("std::time::Instant", &["src/ledger/clock.rs"]),
    // Those in http are tokio's, for the patience with a connection; no decision sees them.
    ("Instant::now", &["src/ledger/clock.rs", "src/http/"]),
    ("rand::fill", &["src/ledger/entropy.rs", "src/vault/entropy.rs"]),
    // Asked for by the signing functions: PSS and ECDSA salt each signature, and nothing that is recorded depends on it.
    ("rand::SystemRandom", &["src/jose/signing_key.rs"]),
    ("Utc::now", &[]),
    ("Local::now", &[]),
];

/// Decisions, state and their neighbours are pure: they have no way to a file, a socket, a thread or a clock.
const PURE: &[&str] = &["terms", "event", "projection", "jose", "command", "query"];
const IMPURE: &[(&str, &[&str])] = &[
    ("std::fs", &[]),
    ("std::process", &[]),
    ("std::thread", &[]),
    ("std::env", &[]),
    ("std::net::TcpStream", &[]),
    ("std::net::TcpListener", &[]),
    ("std::net::UdpSocket", &[]),
    ("std::time::SystemTime", &[]),
    ("std::time::Instant", &[]),
    ("tokio", &[]),
];

/// Panics by another name.
const PANICS: &[&[&str]] = &[
    &[".", "unwrap", "("],
    &[".", "unwrap_err", "("],
    &[".", "expect", "("],
    &[".", "expect_err", "("],
    &["panic", "!"],
    &["todo", "!"],
    &["unimplemented", "!"],
    &["unreachable", "!"],
];

/// Ways to stdout and stderr.
const SPEAKING: &[&[&str]] = &[&["println", "!"], &["print", "!"], &["eprintln", "!"], &["eprint", "!"], &["dbg", "!"], &["stdout", "("]];

#[test]
fn nothing_names_a_floor_that_is_not_below_it() {
    assert_none(upward(FLOORS, &sources("src")));
}

#[test]
fn crates_that_shape_the_design_clock_and_entropy_have_owners() {
    let sources = sources("src");
    assert_none(trespass(OWNERS, &sources));
}

#[test]
fn every_owner_owns_something() {
    assert_none(idle_owners(OWNERS, &sources("src")));
}

#[test]
fn what_decides_and_folds_has_no_way_to_the_world() {
    let pure = |source: &Source| source.module().first().is_some_and(|module| PURE.contains(&module.as_str()));
    let pure: Vec<Source> = sources("src").into_iter().filter(pure).collect();
    assert!(pure.len() > 50);
    assert_none(trespass(IMPURE, &pure));
}

#[test]
fn only_the_command_line_speaks_to_a_terminal() {
    assert_none(spoken(SPEAKING, &["src/cli/", "src/main.rs"], &sources("src")));
}

#[test]
fn nothing_in_src_panics_on_purpose() {
    assert_none(spoken(PANICS, &[], &sources("src")));
}

#[test]
fn a_file_is_called_after_the_one_thing_inside() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut paths = vec![];
    for folder in ["src", "tests", "proptests", "tools"] {
        collect(&root.join(folder), &mut paths);
    }
    let paths: Vec<String> = paths.iter().map(|path| path.strip_prefix(root).unwrap().to_str().unwrap().to_owned()).collect();
    assert_none(nameless(&["utils", "util", "helpers", "helper", "common", "misc", "types"], &paths));
}

#[test]
fn no_event_or_refusal_is_renamed_or_comes_unlisted() {
    let mut refusals: Vec<&str> = Refusal::ALL.iter().map(|refusal| refusal.as_str()).collect();
    refusals.sort_unstable();
    let events = names::event_names(&sources("src/event"));
    assert!(events.iter().all(|name| name.contains('.')), "an event has no wire name of its own: {events:?}");
    let found = format!("[events]\n{}\n\n[refusals]\n{}\n", events.join("\n"), refusals.join("\n"));
    let listed = std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("snapshots/event_names.txt")).unwrap();
    let lines = |of: &str, without: &str| -> Vec<String> {
        of.lines().filter(|line| !without.lines().any(|other| other == *line)).map(str::to_owned).collect()
    };
    let (new, gone) = (lines(&found, &listed), lines(&listed, &found));
    assert!(found == listed, "snapshots/event_names.txt: new {new:?}, gone {gone:?}; a released name is never changed or removed");
}

#[test]
fn every_test_that_the_documents_name_exists() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut paths = vec![];
    for folder in ["src", "tests", "proptests", "tools"] {
        collect(&root.join(folder), &mut paths);
    }
    let texts: Vec<String> = paths.iter().map(|path| std::fs::read_to_string(path).unwrap()).collect();
    for (document, least) in [("docs/attacks.md", 50), ("docs/faults.md", 30), ("docs/conformance.md", 60), ("docs/specification.md", 90)] {
        let text = std::fs::read_to_string(root.join(document)).unwrap();
        let named: Vec<&str> = text.lines().flat_map(names::tests_in_row).collect();
        assert!(named.len() > least, "{document} names {} tests", named.len());
        let exists = |name: &str| match name.strip_prefix("cargo tool ") {
            Some(tool) => root.join(format!("tools/src/{tool}.rs")).exists(),
            None => texts.iter().any(|text| text.contains(&format!("fn {name}("))),
        };
        let missing = named.iter().filter(|name| !exists(name));
        assert_none(missing.map(|name| format!("{document}: there is no test or tool {name}")).collect());
    }
}

#[test]
fn every_row_of_the_specification_and_every_module_of_the_suites_has_its_test() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let read = |document: &str| std::fs::read_to_string(root.join(document)).unwrap();
    let (specification, modules) = (read("docs/specification.md"), read("docs/conformance.md"));
    let named = [("", 14), ("k-", 55), ("g-", 11), ("h-", 18)];
    let ids = named.iter().flat_map(|(kind, last)| (1..=*last).map(move |n| format!("| {kind}{n} |")));
    let wrong: Vec<String> = ids.filter(|id| specification.lines().filter(|line| line.starts_with(id)).count() != 1).collect();
    assert_none(wrong.iter().map(|id| format!("docs/specification.md: {id} has not one row")).collect());
    let is_row = |line: &&str| line.starts_with('|') && !line.starts_with("|---") && !line.ends_with("| test |");
    let rows: Vec<&str> = specification.lines().chain(modules.lines()).filter(is_row).collect();
    assert!(rows.len() > 160, "{} rows", rows.len());
    let idle = rows.iter().filter(|line| names::tests_in_row(line).is_empty() && !line.contains("decided in"));
    assert_none(idle.map(|line| format!("no test shows what is claimed: {line}")).collect());
}

#[test]
fn every_fault_has_its_row() {
    let faults = std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/faults.md")).unwrap();
    let rows = |id: &str| faults.lines().filter(|line| line.starts_with(&format!("| {id} |"))).count();
    let wrong = (1..=36).map(|n| format!("F-{n:02}")).filter(|id| rows(id) != 1);
    assert_none(wrong.map(|id| format!("docs/faults.md: {id} has {} rows", rows(&id))).collect());
    for line in faults.lines().filter(|line| line.starts_with("| F-")) {
        assert!(line.contains("later") || !names::tests_in_row(line).is_empty(), "nothing shows what is claimed: {line}");
    }
}

#[track_caller]
fn assert_none(complaints: Vec<String>) {
    assert!(complaints.is_empty(), "\n{}\n", complaints.join("\n"));
}
