//! Writing `events.ndjson`, and counting what is put into it.

use super::{Counts, EventLine, Hashing};
use crate::log::leaf_hash;
use crate::terms::Digest;
use std::borrow::Cow;
use std::io::{self, Write};

/// The file while it is written.
pub struct EventsFile<W> {
    out: Hashing<W>,
    counts: Counts,
}

impl<W: Write> EventsFile<W> {
    /// Nothing is in it yet.
    pub fn new(out: W) -> Self {
        Self { out: Hashing::new(out), counts: Counts::default() }
    }

    /// Adds an event: its leaf bytes, the disclosures of those of its `sealed` fields that are shown, and of how many nobody can open any
    /// more.
    pub fn show(&mut self, seq: u64, leaf: &str, disclosures: &[String], sealed: u64, erased: u64) -> io::Result<()> {
        let shown = u64::try_from(disclosures.len()).unwrap_or(u64::MAX);
        self.counts.shown = self.counts.shown.saturating_add(1);
        self.counts.fields_shown = self.counts.fields_shown.saturating_add(shown);
        self.counts.fields_erased = self.counts.fields_erased.saturating_add(erased);
        let withheld = sealed.saturating_sub(shown).saturating_sub(erased);
        self.counts.fields_withheld = self.counts.fields_withheld.saturating_add(withheld);
        let disclosures = disclosures.iter().map(|disclosure| Cow::Borrowed(disclosure.as_str())).collect();
        self.line(&EventLine::Shown { seq, hash: leaf_hash(leaf.as_bytes()), leaf: leaf.into(), disclosures })
    }

    /// Adds an event by its leaf hash alone.
    pub fn withhold(&mut self, seq: u64, hash: Digest) -> io::Result<()> {
        self.counts.withheld = self.counts.withheld.saturating_add(1);
        self.line(&EventLine::Withheld { seq, hash })
    }

    fn line(&mut self, line: &EventLine<'_>) -> io::Result<()> {
        self.counts.events = self.counts.events.saturating_add(1);
        self.out.write_all(&line.encode()?)?;
        self.out.write_all(b"\n")
    }

    /// What is in it so far.
    pub fn counts(&self) -> Counts {
        self.counts
    }
    /// The digest of its bytes so far.
    pub fn digest(&self) -> Digest {
        self.out.digest()
    }
    /// How many bytes it has so far.
    pub fn length(&self) -> u64 {
        self.out.length()
    }
    /// What was written to.
    pub fn into_inner(self) -> W {
        self.out.into_inner()
    }
}
