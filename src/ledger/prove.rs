//! Proofs that anyone can check who has a site's checkpoint key: one event is in the log, one log continues another, the tiles of
//! which both can be made.

use super::{Failure, Ledger, SignedHead, Site};
use crate::log::tree::LaneLeaves;
use crate::log::{InclusionProof, Tile, Tree};
use crate::terms::{Digest, Seq};
use std::sync::Arc;

/// That the tree of a checkpoint continues the one of an older size.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ConsistencyProof {
    /// How many events the older tree had.
    pub old_size: u64,
    /// RFC 6962 §2.1.2.
    pub hashes: Vec<Digest>,
    /// The newer checkpoint, verbatim.
    pub checkpoint: String,
}

impl Ledger {
    /// The tree over the site's durable events. Its methods read the log: not for threads that serve requests.
    pub fn tree<'a>(&'a self, site: &'a Site) -> Tree<LaneLeaves<'a>> {
        self.shared.committer.tree(&site.lane)
    }

    /// The proof that this event is in the log, to the checkpoint over `size` events, or else to the newest one; a new one is signed
    /// if that does not cover the event. None if the event or the size is beyond the durable events.
    ///
    /// # Errors
    /// As for [`Self::checkpoint`]; damage, if the log is not the one that was signed.
    pub async fn prove(&self, site: &Arc<Site>, seq: Seq, size: Option<u64>) -> Result<Option<InclusionProof>, Failure> {
        let Some(signed) = self.covering(site, seq.0.saturating_add(1), size).await? else { return Ok(None) };
        let prove = move |ledger: &Self, site: &Site| {
            let hashes = ledger.tree(site).inclusion_proof(seq.0, &signed.head)?;
            Ok(Some(InclusionProof { index: seq.0, hashes, checkpoint: signed.note.clone() }))
        };
        self.blocking(site, prove).await
    }

    /// The proof that the log of `size` events, or else of the newest checkpoint, continues the one of `old_size`. None if either is
    /// beyond the durable events, or the older one is the larger.
    ///
    /// # Errors
    /// As for [`Self::prove`].
    pub async fn prove_continuation(
        &self,
        site: &Arc<Site>,
        old_size: u64,
        size: Option<u64>,
    ) -> Result<Option<ConsistencyProof>, Failure> {
        let Some(signed) = self.covering(site, old_size, size).await? else { return Ok(None) };
        let prove = move |ledger: &Self, site: &Site| {
            let mut tree = ledger.tree(site);
            let old = tree.head_at(old_size)?;
            let hashes = tree.consistency_proof(&old, &signed.head)?;
            Ok(Some(ConsistencyProof { old_size, hashes, checkpoint: signed.note.clone() }))
        };
        self.blocking(site, prove).await
    }

    /// The hashes of a tile, as far as the newest checkpoint covers it; none beyond, and none before the first checkpoint.
    ///
    /// # Errors
    /// A leaf that cannot be read.
    pub async fn tile(&self, site: &Arc<Site>, tile: Tile) -> Result<Option<Vec<u8>>, Failure> {
        let size = site.checkpoint().map_or(0, |newest| newest.head.size);
        if !tile.is_within(size) {
            return Ok(None);
        }
        self.blocking(site, move |ledger, site| Ok(ledger.tree(site).tile(&tile, size)?)).await
    }

    /// The checkpoint over `size` events, or else the newest one, or a new one; none if there are not so many events, or it covers
    /// fewer than `least`.
    async fn covering(&self, site: &Arc<Site>, least: u64, size: Option<u64>) -> Result<Option<Arc<SignedHead>>, Failure> {
        let signed = match (size, site.checkpoint()) {
            (Some(size), _) => self.checkpoint_of(site, size).await?,
            (None, Some(newest)) if newest.head.size >= least => Some(newest),
            (None, _) if site.durable().events < least => None,
            (None, _) => Some(self.checkpoint(site).await?),
        };
        Ok(signed.filter(|signed| signed.head.size >= least))
    }
}
