//! The events of a bundle, one after the other, each block of them against its hash.

use super::Finding;
use super::leaf::{Leaf, check_disclosures};
use crate::audit::bundle::{Counts, EventLine, Line};
use crate::log::{Edge, Head, RangeProof, VerifyFailure, leaf_hash};
use crate::terms::Digest;
use std::borrow::Cow;
use std::ops::Range;

/// Takes in line after line.
pub(super) struct Events<'a> {
    proof: &'a RangeProof,
    site: &'a str,
    /// The number of the next event.
    next: u64,
    last_t: Option<String>,
    pub(super) first_t: Option<String>,
    pub(super) counts: Counts,
    blocks: Box<dyn Iterator<Item = (Range<u64>, Digest)> + 'a>,
    block: (Range<u64>, Digest),
    /// Over the leaves of the block so far.
    within: Edge,
    /// Over everything so far, if an earlier tree head is asked after.
    whole: Option<Whole>,
}

/// The tree as it grows, and the earlier heads that it has to pass through.
struct Whole {
    edge: Edge,
    sizes: Vec<u64>,
    passed: Vec<Head>,
}

impl<'a> Events<'a> {
    /// For a proof that leads to the signed root; `sizes` are those of earlier tree heads.
    pub(super) fn new(proof: &'a RangeProof, site: &'a str, sizes: Vec<u64>) -> Result<Self, VerifyFailure> {
        let mut blocks: Box<dyn Iterator<Item = _>> = Box::new(proof.blocks());
        let block = blocks.next().ok_or(VerifyFailure::Proof)?;
        let whole = match sizes.is_empty() {
            true => None,
            false => Some(Whole { edge: proof.before()?, sizes, passed: Vec::new() }),
        };
        let within = Edge::new();
        Ok(Self { proof, site, next: proof.from, last_t: None, first_t: None, counts: Counts::default(), blocks, block, within, whole })
    }

    /// Takes in a line.
    pub(super) fn take(&mut self, line: &Line) -> Result<(), Finding> {
        if !line.is_whole {
            return Err(Finding::at(VerifyFailure::Truncated, self.next));
        }
        if self.next >= self.proof.to {
            return Err(Finding::at(VerifyFailure::Count, self.next));
        }
        let line = line.bytes.as_deref().and_then(EventLine::decode).ok_or_else(|| self.here(VerifyFailure::File))?;
        if line.seq() != self.next {
            return Err(self.here(VerifyFailure::Gap));
        }
        let hash = match &line {
            EventLine::Withheld { hash, .. } => {
                self.counts.withheld = self.counts.withheld.saturating_add(1);
                *hash
            }
            EventLine::Shown { hash, leaf, disclosures, .. } => {
                self.shown(hash, leaf, disclosures)?;
                *hash
            }
        };
        self.counts.events = self.counts.events.saturating_add(1);
        self.grow(hash)
    }

    /// After the last line: the events end where they have to. Gives the earlier heads that were passed through.
    pub(super) fn end(&mut self) -> Result<Vec<Head>, Finding> {
        if self.next < self.proof.to {
            return Err(Finding::at(VerifyFailure::Truncated, self.next));
        }
        Ok(self.whole.take().map(|whole| whole.passed).unwrap_or_default())
    }

    /// The time of the last event that is shown.
    pub(super) fn last_t(&self) -> Option<&str> {
        self.last_t.as_deref()
    }

    fn shown(&mut self, hash: &Digest, bytes: &str, disclosures: &[Cow<'_, str>]) -> Result<(), Finding> {
        if leaf_hash(bytes.as_bytes()) != *hash {
            return Err(Finding {
                t: Leaf::read(bytes).ok().and_then(|leaf| leaf.t().map(str::to_owned)),
                ..self.here(VerifyFailure::Leaf)
            });
        }
        let leaf = Leaf::read(bytes).map_err(|failure| self.here(failure))?;
        let t = leaf.t().ok_or_else(|| self.here(VerifyFailure::Leaf))?;
        let here = |failure| Finding { t: Some(t.to_owned()), ..self.here(failure) };
        if leaf.seq() != Some(self.next) {
            return Err(here(VerifyFailure::Gap));
        }
        if leaf.site() != Some(self.site) {
            return Err(here(VerifyFailure::Leaf));
        }
        if self.last_t.as_deref().is_some_and(|last| t < last) {
            return Err(here(VerifyFailure::Order));
        }
        let digests = leaf.digests().map_err(here)?;
        check_disclosures(&digests, disclosures).map_err(here)?;
        let count = |n: usize| u64::try_from(n).unwrap_or(u64::MAX);
        self.counts.shown = self.counts.shown.saturating_add(1);
        self.counts.fields_shown = self.counts.fields_shown.saturating_add(count(disclosures.len()));
        self.counts.fields_withheld = self.counts.fields_withheld.saturating_add(count(digests.len().saturating_sub(disclosures.len())));
        self.first_t.get_or_insert_with(|| t.to_owned());
        self.last_t = Some(t.to_owned());
        Ok(())
    }

    fn grow(&mut self, hash: Digest) -> Result<(), Finding> {
        self.next = self.next.saturating_add(1);
        self.within.append(hash);
        if let Some(whole) = &mut self.whole {
            whole.edge.append(hash);
            if whole.sizes.contains(&whole.edge.size()) {
                whole.passed.push(whole.edge.head());
            }
        }
        if self.next < self.block.0.end {
            return Ok(());
        }
        if self.within.root() != self.block.1 {
            return Err(Finding { within: Some(self.block.0.clone()), ..Finding::at(VerifyFailure::Leaf, self.block.0.start) });
        }
        if let Some(block) = self.blocks.next() {
            self.block = block;
            self.within = Edge::new();
        }
        Ok(())
    }

    /// A failure of the event that is due. It is in the block that is being read.
    fn here(&self, failure: VerifyFailure) -> Finding {
        Finding { within: Some(self.block.0.clone()), ..Finding::at(failure, self.next) }
    }
}
