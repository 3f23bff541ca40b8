//! A bundle, checked while it is read: in constant memory but for 1/8 byte an event, the hashes of its blocks.

use super::Finding;
use super::events::Events;
use crate::audit::bundle::{Counts, EVENTS, FILES, Halt, Hashing, Manifest, open};
use crate::log::{Checkpoint, Head, RangeProof, VerifierKey, VerifyFailure};
use crate::terms::Digest;
use std::io::{self, BufReader, Read};

/// Whose signature counts.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Trust {
    /// These keys', which the reader has from somewhere else.
    Keys(Vec<VerifierKey>),
    /// The key in the bundle itself: what a forger would have put there too.
    OnFirstUse,
}

/// What was found to hold.
#[derive(Clone, PartialEq, Debug)]
pub struct Verified {
    /// The checkpoint that everything was proven against.
    pub checkpoint: Checkpoint,
    /// What the bundle says of itself.
    pub manifest: Manifest,
    /// What is in it.
    pub counts: Counts,
    /// The times of the first and the last event that are shown.
    pub times: Option<(String, String)>,
    /// The key that had signed.
    pub key: VerifierKey,
    /// What became of each earlier checkpoint.
    pub since: Vec<Since>,
    /// SHA-256 of all its bytes: what the log's `audit.exported` names.
    pub digest: Digest,
}

/// What became of an earlier checkpoint.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Since {
    /// The log continues it.
    Continued {
        /// Its size.
        size: u64,
    },
    /// The bundle has not the events that would tell.
    NotCovered {
        /// Its size.
        size: u64,
    },
}

impl Since {
    /// The earlier checkpoint's size.
    pub fn size(self) -> u64 {
        match self {
            Self::Continued { size } | Self::NotCovered { size } => size,
        }
    }
}

/// Checks a bundle in either form, to its last byte. `earlier` are signed checkpoints that the log has to continue. Gives the first
/// thing that does not hold, or an error if it cannot be read.
pub fn bundle(input: impl Read, trust: &Trust, earlier: &[String]) -> io::Result<Result<Verified, Finding>> {
    match check(input, trust, earlier) {
        Ok(verified) => Ok(Ok(verified)),
        Err(Stop::Found(finding)) => Ok(Err(finding)),
        Err(Stop::Unreadable(error)) => Err(error),
    }
}

enum Stop {
    Found(Finding),
    Unreadable(io::Error),
}
impl<F: Into<Finding>> From<F> for Stop {
    fn from(finding: F) -> Self {
        Self::Found(finding.into())
    }
}

fn check(input: impl Read, trust: &Trust, earlier: &[String]) -> Result<Verified, Stop> {
    let (files, mut lines) = open(BufReader::with_capacity(1 << 16, Hashing::new(input))).map_err(halted)?;
    let Opening { manifest, checkpoint, proof, key, earlier } = check_files(&files, trust, earlier)?;
    let mut events = Events::new(&proof, &manifest.site, earlier.iter().map(|old| old.size).collect())?;
    while let Some(line) = lines.next_line().map_err(Stop::Unreadable)? {
        events.take(&line)?;
    }
    let passed = events.end()?;
    let digest = lines.finish(events.counts.events).map_err(halted)?;
    check_digest(&manifest, EVENTS, &digest)?;
    let counts = checked_counts(&manifest.counts, &events.counts)?;
    let times = events.first_t.clone().zip(events.last_t().map(str::to_owned));
    let since = earlier.iter().map(|old| continued(old, &proof, &passed)).collect::<Result<_, _>>()?;
    drop(events);
    let digest = lines.into_input().into_inner().digest();
    Ok(Verified { checkpoint, manifest, counts, times, key, since, digest })
}

/// What the files before the events say, checked.
struct Opening {
    manifest: Manifest,
    checkpoint: Checkpoint,
    proof: RangeProof,
    key: VerifierKey,
    earlier: Vec<Head>,
}

fn check_files(files: &[Vec<u8>; 5], trust: &Trust, earlier: &[String]) -> Result<Opening, Finding> {
    let [manifest, _, vkey, note, proof] = files;
    let [manifest_name, _, vkey_name, note_name, proof_name] = FILES;
    let manifest = Manifest::decode(manifest).ok_or_else(|| Finding::in_file(VerifyFailure::File, manifest_name))?;
    let keys = match trust {
        Trust::Keys(keys) => keys.clone(),
        Trust::OnFirstUse => vec![key_in(vkey).ok_or_else(|| Finding::in_file(VerifyFailure::Key, vkey_name))?],
    };
    let note = std::str::from_utf8(note).map_err(|_| Finding::in_file(VerifyFailure::Signature, note_name))?;
    let checkpoint = Checkpoint::verify(note, &keys).map_err(|failure| Finding::in_file(failure, note_name))?;
    let key = keys.iter().find(|key| key.name() == checkpoint.origin).ok_or(VerifyFailure::Key)?.clone();
    let earlier = earlier.iter().map(|note| Checkpoint::verify(note, std::slice::from_ref(&key)).map(|read| read.head));
    let earlier = earlier.collect::<Result<Vec<_>, _>>().map_err(|failure| Finding::in_file(failure, "the earlier checkpoint"))?;
    for (name, bytes) in FILES.iter().zip(files).skip(1) {
        check_digest(&manifest, name, &Digest::of(bytes))?;
    }
    if !checkpoint.origin.ends_with(&format!("/writ/{}", manifest.site)) {
        return Err(Finding::in_file(VerifyFailure::File, manifest_name));
    }
    let proof = std::str::from_utf8(proof).map_err(|_| VerifyFailure::Proof).and_then(str::parse::<RangeProof>);
    let proof = proof.map_err(|failure| Finding::in_file(failure, proof_name))?;
    if (proof.from, proof.to, proof.size) != (manifest.from, manifest.to, manifest.checkpoint_size) {
        return Err(Finding::in_file(VerifyFailure::Count, manifest_name));
    }
    match proof.root().is_ok_and(|root| root == checkpoint.head.root) && proof.size == checkpoint.head.size {
        true => Ok(Opening { manifest, checkpoint, proof, key, earlier }),
        false => Err(Finding::in_file(VerifyFailure::Proof, proof_name)),
    }
}

/// The key and a line end, and nothing else.
fn key_in(file: &[u8]) -> Option<VerifierKey> {
    let text = std::str::from_utf8(file).ok()?;
    let key: VerifierKey = text.parse().ok()?;
    (format!("{key}\n") == text).then_some(key)
}

fn check_digest(manifest: &Manifest, file: &str, digest: &Digest) -> Result<(), Finding> {
    match manifest.names(file, digest) {
        true => Ok(()),
        false => Err(Finding::in_file(VerifyFailure::File, file)),
    }
}

/// The counts as they are told, for a leaf does not say which of its fields nobody can open any more; all else has been counted.
fn checked_counts(told: &Counts, found: &Counts) -> Result<Counts, VerifyFailure> {
    let same = (told.events, told.shown, told.withheld) == (found.events, found.shown, found.withheld)
        && told.fields_shown == found.fields_shown
        && told.fields() == found.fields();
    if same { Ok(*told) } else { Err(VerifyFailure::Count) }
}

/// Whether the log continues an earlier tree head.
fn continued(old: &Head, proof: &RangeProof, passed: &[Head]) -> Result<Since, VerifyFailure> {
    let known = passed.iter().copied().find(|head| head.size == old.size).or_else(|| proof.head_at(old.size));
    match known {
        None => Ok(Since::NotCovered { size: old.size }),
        Some(head) if head == *old => Ok(Since::Continued { size: old.size }),
        Some(_) => Err(VerifyFailure::Consistency),
    }
}

fn halted(halt: Halt) -> Stop {
    match halt {
        Halt::Failed(failure) => Finding::from(failure).into(),
        Halt::Unreadable(error) => Stop::Unreadable(error),
    }
}
