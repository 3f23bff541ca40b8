//! The files before the events.

use super::{Counts, EVENTS, FILES, FORMAT, Manifest, hex};
use crate::log::{RangeProof, VerifierKey};
use crate::terms::{Digest, SiteName};
use serde_json::{Map, Value};

const README: &str = include_str!("README.txt");

/// What the files are made from.
pub struct About<'a> {
    /// Whose log.
    pub site: &'a SiteName,
    /// Its key.
    pub key: &'a VerifierKey,
    /// The signed note.
    pub checkpoint: &'a str,
    /// For the events that are exported, in the tree of the checkpoint.
    pub proof: &'a RangeProof,
    /// What is in `events.ndjson`.
    pub counts: Counts,
    /// The digest of `events.ndjson`.
    pub events: Digest,
    /// What was asked, by whom, why: stands in the manifest as told.
    pub told: Map<String, Value>,
}

/// The files of [`FILES`], in order. None if what is told is not fit for canonical JSON.
pub fn files(about: About<'_>) -> Option<[Vec<u8>; 5]> {
    let others = [
        README.to_owned().into_bytes(),
        format!("{}\n", about.key).into_bytes(),
        about.checkpoint.to_owned().into_bytes(),
        about.proof.to_string().into_bytes(),
    ];
    let digests = FILES.iter().skip(1).zip(&others).map(|(name, bytes)| ((*name).to_owned(), hex(&Digest::of(bytes))));
    let manifest = Manifest {
        format: FORMAT.to_owned(),
        site: about.site.to_string(),
        from: about.proof.from,
        to: about.proof.to,
        checkpoint_size: about.proof.size,
        counts: about.counts,
        files: digests.chain([(EVENTS.to_owned(), hex(&about.events))]).collect(),
        told: about.told,
    };
    let [readme, vkey, checkpoint, proof] = others;
    Some([manifest.encode()?, readme, vkey, checkpoint, proof])
}
