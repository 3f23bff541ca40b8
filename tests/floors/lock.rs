//! What `Cargo.lock` may hold. `deny.toml` says the same to those who have cargo-deny; this runs everywhere.

use std::path::Path;

/// Name and version of every package.
fn packages() -> Vec<(String, String)> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("Cargo.lock");
    let lock: toml::Table = std::fs::read_to_string(path).unwrap().parse().unwrap();
    let text = |package: &toml::Value, name: &str| package[name].as_str().unwrap().to_owned();
    lock["package"].as_array().unwrap().iter().map(|package| (text(package, "name"), text(package, "version"))).collect()
}

fn versions(of: &str) -> Vec<String> {
    packages().into_iter().filter(|(name, _)| name == of).map(|(_, version)| version).collect()
}

#[test]
fn there_is_one_sled_and_it_is_the_measured_one() {
    assert_eq!(versions("sled"), ["0.34.7"]);
}

#[test]
fn there_is_no_rsa_crate_and_no_openssl() {
    // RUSTSEC-2023-0071 has no fix; RSA is done by aws-lc.
    for banned in ["rsa", "openssl", "openssl-sys", "native-tls"] {
        assert_eq!(versions(banned), [""; 0], "{banned}");
    }
}

#[test]
fn jsonwebtoken_is_not_one_that_takes_a_text_for_a_time() {
    // CVE-2026-25537 (THREATS.md A42).
    let numbers = |version: &String| version.split('.').map(|part| part.parse().unwrap_or(0)).collect::<Vec<u64>>();
    let found = versions("jsonwebtoken");
    assert!(!found.is_empty() && found.iter().all(|version| numbers(version) >= vec![10, 3, 0]), "{found:?}");
}
