//! Violations planted in small texts: a check that finds nothing in them would find nothing anywhere.

use super::rules::{idle_owners, nameless, spoken, trespass, upward};
use super::source::Source;
use super::{FLOORS, OWNERS, PANICS, SPEAKING};

fn complaints(path: &str, text: &str) -> Vec<String> {
    upward(FLOORS, &[Source::new(path, text)])
}

#[test]
fn an_upward_import_is_found_however_it_is_written() {
    let ways = [
        "use crate::http::Params;",
        "use crate::{terms::Seq, http::Params};",
        "use crate::{\n    terms::{Seq, SiteName},\n    http::{self, params::{Params, ParamsError}},\n};",
        "use super::super::http::Params;",
        "use super::{Merkle, super::http::Params};",
        "pub(crate) use crate::http::Params as P;",
        "fn f() { let p = crate::http::params::of(); }",
        "fn f(p: &super::super::http::Params) {}",
        "macro_rules! m { () => { $crate::http::Params } }",
        "mod inner { use super::super::super::http::Params; }",
        "#[cfg(not(test))] use crate::http::Params;",
    ];
    for way in ways {
        let found = complaints("src/log/leaf.rs", way);
        assert!(!found.is_empty(), "{way}");
        assert!(found.iter().all(|one| one.ends_with("floor 2 (log) names floor 7 (http)")), "{way}: {found:?}");
    }
}

#[test]
fn the_line_of_a_complaint_is_the_line_of_the_path() {
    let found =
        complaints("src/event/code.rs", "//! Words.\n\nuse crate::terms::Seq;\nuse crate::{\n    terms::CodeId,\n    log::Leaf,\n};\n");
    assert_eq!(found, ["src/event/code.rs:6: crate::log::Leaf: floor 1 (event) names floor 2 (log)"]);
}

#[test]
fn neighbours_of_one_floor_do_not_know_each_other() {
    assert_eq!(complaints("src/log/mod.rs", "use crate::vault::Vault;").len(), 1);
    assert_eq!(complaints("src/query/mod.rs", "use crate::command::Refused;").len(), 1);
}

#[test]
fn a_module_that_is_on_no_floor_is_found() {
    assert_eq!(complaints("src/cellar/mod.rs", "use crate::terms::Seq;").len(), 1);
    assert_eq!(complaints("src/http/mod.rs", "use crate::cellar::Wine;").len(), 1);
    assert_eq!(complaints("src/http/mod.rs", "use crate::*;").len(), 1);
}

#[test]
fn what_is_below_one_s_own_tests_and_mere_words_are_no_complaint() {
    let text = r#"
        use crate::terms::{Seq, SiteName};
        use super::Leaf;
        mod inner { use super::super::Leaf; use crate::terms::Seq; }
        /// Like crate::http::Params.
        fn f() { let s = "crate::http::Params"; }
        #[cfg(test)]
        #[expect(unused)]
        mod tests { use crate::http::Params; fn g() { let x = [1; 2]; } }
        #[cfg(test)]
        use crate::cli::Args;
        fn h(x: pub_crate::Http) {}
    "#;
    assert_eq!(complaints("src/log/leaf.rs", text), [""; 0]);
}

#[test]
fn a_file_for_tests_only_is_known_by_its_declaration() {
    assert_eq!(Source::new("src/log/mod.rs", "#[cfg(test)]\nmod contract;\nmod frame;").tests_only[0], "src/log/contract.rs");
    assert_eq!(Source::new("src/http/server.rs", "#[cfg(test)]\nmod tests;").tests_only[0], "src/http/server/tests.rs");
}

#[test]
fn an_owned_crate_is_found_outside_of_its_owner() {
    let ways = [
        ("src/log/store.rs", "use sled::Db;"),
        ("src/log/store.rs", "use ::sled::Db;"),
        ("src/log/store.rs", "fn f() -> sled::Result<()> {}"),
        ("src/http/token.rs", "use jsonwebtoken::{self};"),
        ("src/ledger/mod.rs", "use {std::sync::Arc, warp::Filter};"),
        ("src/cli/serve.rs", "use hyper::Request;"),
        ("src/cli/serve.rs", "use sled;"),
        ("src/command/sign_in.rs", "fn f() { let t = std::time::SystemTime::now(); }"),
        ("src/command/sign_in.rs", "fn f() { let t = SystemTime::now(); }"),
        ("src/log/seal.rs", "fn f() { aws_lc_rs::rand::fill(&mut [0; 4]); }"),
        ("src/ledger/clock.rs", "fn f() { chrono::Utc::now(); }"),
    ];
    for (path, text) in ways {
        assert_eq!(trespass(OWNERS, &[Source::new(path, text)]).len(), 1, "{path}: {text}");
    }
    let owned = [Source::new("src/log/sled.rs", "use sled::Db;"), Source::new("src/log/store.rs", "use super::sled::Engine;")];
    assert_eq!(trespass(OWNERS, &owned), [""; 0]);
}

#[test]
fn an_owner_that_owns_nothing_is_found() {
    let sources = [Source::new("src/log/sled.rs", "use sled::Db;")];
    assert_eq!(idle_owners(&[("sled", &["src/log/sled.rs", "src/cli/"])], &sources), ["src/cli/ does not name sled"]);
}

#[test]
fn panics_and_prints_are_found_outside_of_tests() {
    let text = "fn f() { a\n.unwrap(); b.expect(\"c\"); todo!(); }\n#[cfg(test)]\nmod tests { fn g() { a.unwrap(); panic!(); } }";
    let source = [Source::new("src/query/jwks.rs", text)];
    assert_eq!(
        spoken(PANICS, &[], &source),
        ["src/query/jwks.rs:2: .unwrap(", "src/query/jwks.rs:2: .expect(", "src/query/jwks.rs:2: todo!"]
    );
    let source = [Source::new("src/query/jwks.rs", "fn f() { println!(\"x\"); std::io::stdout().flush(); }")];
    assert_eq!(spoken(SPEAKING, &["src/cli/"], &source).len(), 2);
    assert_eq!(spoken(SPEAKING, &["src/query/"], &source), [""; 0]);
}

#[test]
fn a_nameless_file_is_found() {
    let paths = ["src/log/utils.rs", "src/common/mod.rs", "src/log/leaf.rs"].map(str::to_owned);
    assert_eq!(nameless(&["utils", "common"], &paths).len(), 2);
}
