//! A site's tree over its durable events: the root of any size, and the proofs between sizes, from what is kept in memory and the
//! leaves of at most two tiles a proof.

use super::merkle::{self, Head};
use super::tile::{TILE_HEIGHT, TILE_WIDTH};
use super::{Committer, Damage, Lane, LogError, Position, Tile, leaf_hash};
use crate::terms::{Digest, Seq, SiteName};
use std::collections::BTreeMap;
use std::ops::Range;

/// Where a tree's hashes come from.
pub trait Leaves {
    /// How many leaves there are.
    fn size(&self) -> u64;
    /// The roots of these full tiles of a level; none if one of them is not full.
    fn tile_roots(&self, level: u8, tiles: &Range<u64>) -> Option<Vec<Digest>>;
    /// The hashes of these leaves, read anew.
    fn leaf_hashes(&self, leaves: Range<u64>) -> Result<Vec<Digest>, LogError>;
    /// What is to be said if the tree over the first `size` leaves is not the one that was signed.
    fn other_than_signed(&self, size: u64) -> Damage;
}

/// The durable leaves of a lane.
pub struct LaneLeaves<'a> {
    committer: &'a Committer,
    lane: &'a Lane,
    size: u64,
}

impl Committer {
    /// The tree over the events of a lane that are durable now.
    pub fn tree<'a>(&'a self, lane: &'a Lane) -> Tree<LaneLeaves<'a>> {
        Tree::over(LaneLeaves { committer: self, lane, size: lane.durable().events })
    }
}

impl Leaves for LaneLeaves<'_> {
    fn size(&self) -> u64 {
        self.size
    }
    fn tile_roots(&self, level: u8, tiles: &Range<u64>) -> Option<Vec<Digest>> {
        self.lane.tile_roots(level, tiles)
    }
    fn leaf_hashes(&self, leaves: Range<u64>) -> Result<Vec<Digest>, LogError> {
        leaves.map(|seq| Ok(leaf_hash(&self.committer.record(self.lane, Seq(seq))?.leaf))).collect()
    }
    fn other_than_signed(&self, size: u64) -> Damage {
        let last = size.checked_sub(1).and_then(|last| self.lane.position(Seq(last)));
        Damage::Tree { position: last.unwrap_or(Position(0)), site: SiteName::clone(self.lane.site()), size }
    }
}

/// A tree of leaves that does not grow while it is looked at.
pub struct Tree<L> {
    leaves: L,
    /// The leaf hashes of the tiles that were read, by the tile's index. A proof needs two.
    read: BTreeMap<u64, Vec<Digest>>,
}

impl<L: Leaves> Tree<L> {
    /// The tree of these leaves.
    pub fn over(leaves: L) -> Self {
        Self { leaves, read: BTreeMap::new() }
    }
    /// How many leaves it has.
    pub fn size(&self) -> u64 {
        self.leaves.size()
    }
    /// The tree as it was when it had so many leaves.
    ///
    /// # Errors
    /// [`LogError::NoSuchRecord`] if it never had as many; a leaf that cannot be read.
    pub fn head_at(&mut self, size: u64) -> Result<Head, LogError> {
        Ok(Head { size, root: self.root_of(&(0..size))? })
    }
    /// The proof, from the leaf upwards, that the leaf at `index` is in the tree with this signed head. It is verified before it is
    /// given.
    ///
    /// # Errors
    /// [`LogError::NoSuchRecord`] if either has never been; [`Damage::Tree`] if what is read does not add up to the head.
    pub fn inclusion_proof(&mut self, index: u64, head: &Head) -> Result<Vec<Digest>, LogError> {
        let path = merkle::inclusion_path(index, head.size).ok_or(LogError::NoSuchRecord)?;
        let proof = self.roots(&path)?;
        let leaf = self.root_of(&(index..index.saturating_add(1)))?;
        let shown = merkle::verify_inclusion(leaf, index, head.size, &proof, &head.root);
        shown.map(|()| proof).map_err(|_| self.leaves.other_than_signed(head.size).into())
    }
    /// The proof that the tree with the signed head `new` continues the one with the head `old`. It is verified before it is given.
    ///
    /// # Errors
    /// [`LogError::NoSuchRecord`] if either has never been or `old` is the larger; [`Damage::Tree`] if `new` does not continue `old`.
    pub fn consistency_proof(&mut self, old: &Head, new: &Head) -> Result<Vec<Digest>, LogError> {
        let path = merkle::consistency_path(old.size, new.size).ok_or(LogError::NoSuchRecord)?;
        let proof = self.roots(&path)?;
        let shown = merkle::verify_consistency(old, new, &proof);
        shown.map(|()| proof).map_err(|_| self.leaves.other_than_signed(old.size).into())
    }
    /// The hashes of a tile, 32 bytes each; none if the tree of `size` leaves has not all of them.
    ///
    /// # Errors
    /// A leaf that cannot be read; [`LogError::NoSuchRecord`] if the tree never had `size` leaves.
    pub fn tile(&mut self, tile: &Tile, size: u64) -> Result<Option<Vec<u8>>, LogError> {
        if !tile.is_within(size) {
            return Ok(None);
        }
        let hashes = self.row(tile.level(), &tile.hashes())?;
        Ok(Some(hashes.iter().flat_map(|hash| *hash.bytes()).collect()))
    }
    /// The root over a range of a proof's path, or over the first so many leaves.
    ///
    /// # Errors
    /// As for [`Self::head_at`].
    pub fn root_of(&mut self, range: &Range<u64>) -> Result<Digest, LogError> {
        if range.end > self.size() {
            return Err(LogError::NoSuchRecord);
        }
        let from_the_right = merkle::subtrees(range).map(|(height, index)| self.subtree(height, index));
        let roots = from_the_right.collect::<Result<Vec<Digest>, LogError>>()?;
        Ok(merkle::join(roots.into_iter()).unwrap_or_else(|| merkle::root(&[])))
    }

    fn roots(&mut self, path: &[Range<u64>]) -> Result<Vec<Digest>, LogError> {
        path.iter().map(|range| self.root_of(range)).collect()
    }

    /// The root of a full subtree: over a part of the hashes of one tile.
    fn subtree(&mut self, height: u32, index: u64) -> Result<Digest, LogError> {
        let (level, above) = (height / TILE_HEIGHT, height % TILE_HEIGHT);
        let level = u8::try_from(level).map_err(|_| LogError::NoSuchRecord)?;
        let first = index << above;
        Ok(merkle::root(&self.row(level, &(first..first + (1 << above)))?))
    }

    /// Hashes of a level, all of one tile.
    fn row(&mut self, level: u8, hashes: &Range<u64>) -> Result<Vec<Digest>, LogError> {
        if let Some(below) = level.checked_sub(1) {
            return self.leaves.tile_roots(below, hashes).ok_or(LogError::NoSuchRecord);
        }
        let tile = hashes.start / TILE_WIDTH;
        let first = tile * TILE_WIDTH;
        if !self.read.contains_key(&tile) {
            let leaves = first..first.saturating_add(TILE_WIDTH).min(self.size());
            self.read.insert(tile, self.leaves.leaf_hashes(leaves)?);
        }
        let within = |at: u64| usize::try_from(at.saturating_sub(first)).ok();
        let part = |read: &Vec<Digest>| read.get(within(hashes.start)?..within(hashes.end)?).map(<[Digest]>::to_vec);
        self.read.get(&tile).and_then(part).ok_or(LogError::NoSuchRecord)
    }
}
