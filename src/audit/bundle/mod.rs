//! Bundles: a part of a site's log as files that anyone can check without a server, a network or Writ (docs/format.md).
//!
//! | file | what is in it |
//! |---|---|
//! | `manifest.json` | what was asked and why, counts, SHA-256 of every other file |
//! | `README.txt` | how to check, with Writ and without |
//! | `vkey.txt` | the key of the site's log |
//! | `checkpoint.txt` | the signed tree head that everything is proven against |
//! | `range.proof` | what ties the events to that tree head |
//! | `events.ndjson` | the events |
//!
//! They stand in this order, in a tar archive or, as one file of lines, each file as lines of its own before the events.

mod container;
mod events_file;
mod files;
mod hashing;
mod line;
mod manifest;
mod read;
mod tar_header;

pub use container::{Form, Parts, write};
pub use events_file::EventsFile;
pub use files::{About, files};
pub use hashing::Hashing;
pub use line::EventLine;
pub use manifest::{Counts, Manifest};
pub use read::{Halt, Line, Lines, open};

/// The files before the events, in order.
pub const FILES: [&str; 5] = ["manifest.json", "README.txt", "vkey.txt", "checkpoint.txt", "range.proof"];
/// The last file.
pub const EVENTS: &str = "events.ndjson";
/// The longest line, without its end.
pub const LINE_BYTES_MAX: usize = 524_288;
/// What `manifest.json` says it is.
pub const FORMAT: &str = "writ-bundle@v1";

/// Bytes as lower-case hexadecimal digits, as `sha256sum` writes them.
pub fn hex(digest: &crate::terms::Digest) -> String {
    digest.bytes().iter().map(|byte| format!("{byte:02x}")).collect()
}
