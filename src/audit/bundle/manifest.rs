//! `manifest.json`: what a bundle is.

use super::{EVENTS, FILES, FORMAT, hex};
use crate::log::jcs;
use crate::terms::Digest;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use std::collections::BTreeMap;

/// What a bundle says of itself. Its numbers and digests are checked; what was asked, by whom and why is not in the tree and stands here
/// as told.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct Manifest {
    /// `writ-bundle@v1`.
    pub format: String,
    /// The site's name.
    pub site: String,
    /// The first event.
    pub from: u64,
    /// The event after the last.
    pub to: u64,
    /// The size of the tree of the checkpoint.
    pub checkpoint_size: u64,
    /// What is in it.
    pub counts: Counts,
    /// SHA-256 of every other file, as hexadecimal digits.
    pub files: BTreeMap<String, String>,
    /// Everything else: `asked`, `exported_at`, `first_t`, `last_t`, `program`, `redaction`.
    #[serde(flatten)]
    pub told: Map<String, Value>,
}

/// How much of what is in a bundle.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct Counts {
    /// Events, shown or withheld.
    pub events: u64,
    /// Events that are shown.
    pub shown: u64,
    /// Events of which only the leaf hash is given.
    pub withheld: u64,
    /// Sealed fields of shown events that are disclosed.
    pub fields_shown: u64,
    /// Sealed fields of shown events that are not.
    pub fields_withheld: u64,
    /// Sealed fields of shown events that nobody can open any more.
    pub fields_erased: u64,
}

impl Counts {
    /// All sealed fields of the events that are shown.
    pub fn fields(&self) -> u64 {
        self.fields_shown.saturating_add(self.fields_withheld).saturating_add(self.fields_erased)
    }
}

impl Manifest {
    /// The file: canonical JSON (RFC 8785) and a line end. None if it holds what canonical JSON cannot.
    pub fn encode(&self) -> Option<Vec<u8>> {
        let mut bytes = jcs(&serde_json::to_value(self).ok()?).ok()?;
        bytes.push(b'\n');
        Some(bytes)
    }

    /// Reads the file; none if it is not written exactly so, is of another format or does not name the files that there are.
    pub fn decode(bytes: &[u8]) -> Option<Self> {
        let text = bytes.strip_suffix(b"\n")?;
        let value: Value = serde_json::from_slice(text).ok()?;
        let is_exact = jcs(&value).ok()? == text;
        let manifest: Self = serde_json::from_value(value).ok().filter(|_| is_exact)?;
        let others = FILES.iter().skip(1).chain([&EVENTS]);
        let names_all = others.clone().count() == manifest.files.len() && others.clone().all(|name| manifest.files.contains_key(*name));
        (manifest.format == FORMAT && names_all).then_some(manifest)
    }

    /// Whether a file has the digest that is named for it.
    pub fn names(&self, file: &str, digest: &Digest) -> bool {
        self.files.get(file).is_some_and(|named| *named == hex(digest))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    pub fn manifest() -> Manifest {
        let files = ["README.txt", "vkey.txt", "checkpoint.txt", "range.proof", "events.ndjson"];
        serde_json::from_value(json!({
            "format": "writ-bundle@v1", "site": "default", "from": 3, "to": 9, "checkpoint_size": 12,
            "counts": { "events": 6, "shown": 5, "withheld": 1, "fields_shown": 2, "fields_withheld": 3, "fields_erased": 1 },
            "files": files.map(|name| (name.to_owned(), hex(&Digest::of(name.as_bytes())))).into_iter().collect::<BTreeMap<_, _>>(),
            "asked": { "by": "os:0", "purpose": "audit" },
        }))
        .unwrap()
    }

    #[test]
    fn a_manifest_is_read_as_it_was_written_and_in_no_other_form() {
        let bytes = manifest().encode().unwrap();
        assert_eq!(Manifest::decode(&bytes), Some(manifest()));
        assert!(manifest().names("vkey.txt", &Digest::of(b"vkey.txt")) && !manifest().names("vkey.txt", &Digest::of(b"")));
        assert_eq!(manifest().counts.fields(), 6);
        let text = String::from_utf8(bytes).unwrap();
        let changed = [
            text.trim_end().to_owned(),
            text.replace(":3,", ": 3,"),
            text.replace("@v1", "@v2"),
            text.replace("vkey.txt", "wkey.txt"),
            text.replace("\"from\":3,", ""),
            text.replace("\"from\":3,", "\"from\":-3,"),
            text.replace("\"from\":3,", "\"from\":3,\"from\":3,"),
            text.replace("\"shown\":5", "\"shown\":\"5\""),
        ];
        for text in changed {
            assert_eq!(Manifest::decode(text.as_bytes()), None, "{text}");
        }
    }
}
