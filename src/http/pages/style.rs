//! The style sheet, one for all pages, inside the page; the content security policy knows it by its hash.

use crate::terms::Digest;
use base64::{Engine, engine::general_purpose::STANDARD};
use std::sync::LazyLock;

/// The text between `<style>` and `</style>`.
pub const CSS: &str = include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/templates/writ.css"));

/// The source expression that allows exactly [`CSS`] (CSP Level 3 §2.3.1).
pub static CSS_SOURCE: LazyLock<String> = LazyLock::new(|| hash_source(CSS));

/// The source expression of an inline element with this content.
pub fn hash_source(content: &str) -> String {
    format!("'sha256-{}'", STANDARD.encode(Digest::of(content.as_bytes()).bytes()))
}
