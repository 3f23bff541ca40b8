//! The laws (THREATS.md C.1), the races and the crashes: random stories against a whole server in process.
//!
//! A failing story prints its steps and is kept in `proptests/regressions.txt`. `PROPTEST_CASES=10000` makes a night of it.

#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::print_stderr,
    clippy::string_slice,
    clippy::unwrap_used,
    clippy::wildcard_enum_match_arm,
    reason = "a test that cannot go on says so by panicking, in its helpers too"
)]
#![allow(clippy::match_wildcard_for_single_variants, reason = "a law is about a few events among all")]
#![allow(clippy::disallowed_methods, reason = "a test draws its own verifiers")]

mod asked;
mod found;
mod frozen;
mod kill;
mod properties;
mod races;
mod story;
mod unserved;
mod world;

use proptest::test_runner::{Config, FileFailurePersistence};

/// So many cases, unless `PROPTEST_CASES` says otherwise.
fn laws(cases: u32) -> Config {
    let asked_for = std::env::var("PROPTEST_CASES").ok().and_then(|text| text.parse().ok());
    Config {
        cases: asked_for.unwrap_or(cases),
        failure_persistence: Some(Box::new(FileFailurePersistence::Direct("proptests/regressions.txt"))),
        max_shrink_iters: 300,
        ..Config::default()
    }
}

/// Runs a test on a runtime of its own. What the server says before it aborts is shown.
fn async_test<T>(test: impl Future<Output = T>) -> T {
    drop(tracing_subscriber::fmt().with_max_level(tracing::Level::ERROR).with_writer(std::io::stderr).try_init());
    tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap().block_on(test)
}
