//! What our trees prove is what another program accepts; and what it proves from our tiles is the same.

use super::checkpoint::CheckpointKey;
use super::proof::InclusionProof;
use super::rehearsal::{enqueue, record, start};
use super::tile::{TILE_WIDTH, TileRoots};
use super::*;
use crate::terms::{Digest, SiteName};
use proptest::prelude::*;
use std::cell::{Cell, RefCell};
use std::ops::Range;
use tlog_tiles::tlog::{self, Hash};
use tlog_tiles::{TileHashReader, TileReader};

/// Leaves in memory, with a count of those that were read.
struct Listed {
    hashes: Vec<Digest>,
    roots: TileRoots,
    read: Cell<u64>,
}

impl Listed {
    fn new(size: u64) -> Self {
        let (mut edge, mut roots) = (Edge::new(), TileRoots::default());
        let hashes: Vec<Digest> = (0..size).map(|n| leaf_hash(&n.to_be_bytes())).collect();
        hashes.iter().for_each(|hash| edge.append_and_tell(*hash, |height, root| roots.add(height, root)));
        Self { hashes, roots, read: Cell::new(0) }
    }
}

impl Leaves for &Listed {
    fn size(&self) -> u64 {
        self.hashes.len() as u64
    }
    fn tile_roots(&self, level: u8, tiles: &Range<u64>) -> Option<Vec<Digest>> {
        self.roots.of(level, tiles)
    }
    fn leaf_hashes(&self, leaves: Range<u64>) -> Result<Vec<Digest>, LogError> {
        self.read.set(self.read.get() + leaves.end - leaves.start);
        Ok(self.hashes[leaves.start as usize..leaves.end as usize].to_vec())
    }
    fn other_than_signed(&self, size: u64) -> Damage {
        Damage::Tree { position: Position(0), site: SiteName::default_site(), size }
    }
}

fn theirs(digest: &Digest) -> Hash {
    Hash(*digest.bytes())
}
fn all_theirs(proof: &[Digest]) -> Vec<Hash> {
    proof.iter().map(theirs).collect()
}

/// Reads our tiles as a client does that has only a checkpoint of this size.
struct OurTiles<'a, L> {
    tree: RefCell<&'a mut Tree<L>>,
    size: u64,
}

impl<L: Leaves> TileReader for OurTiles<'_, L> {
    fn height(&self) -> u8 {
        8
    }
    fn read_tiles(&self, tiles: &[tlog_tiles::Tile]) -> Result<Vec<Vec<u8>>, tlog::Error> {
        let read = |tile: &tlog_tiles::Tile| {
            let ours: Tile = tile.path().strip_prefix("tile/8/").unwrap().parse().unwrap();
            self.tree.borrow_mut().tile(&ours, self.size).unwrap().unwrap()
        };
        Ok(tiles.iter().map(read).collect())
    }
    fn save_tiles(&self, _: &[tlog_tiles::Tile], _: &[Vec<u8>]) {}
}

/// Every proof of this kind between these two sizes is ours and theirs alike.
fn agrees<L: Leaves>(tree: &mut Tree<L>, leaf: Digest, index: u64, old_size: u64, size: u64) {
    let head = tree.head_at(size).unwrap();
    let old = tree.head_at(old_size).unwrap();
    let proof = tree.inclusion_proof(index, &head).unwrap();
    tlog::check_record(&all_theirs(&proof), size, theirs(&head.root), index, theirs(&leaf)).unwrap();
    let continued = tree.consistency_proof(&old, &head).unwrap();
    tlog::check_tree(&all_theirs(&continued), size, theirs(&head.root), old_size, theirs(&old.root)).unwrap();
    let tiles = OurTiles { tree: RefCell::new(tree), size };
    let reader = TileHashReader::new(size, theirs(&head.root), &tiles);
    assert_eq!(tlog::prove_record(size, index, &reader).unwrap(), all_theirs(&proof), "{index} of {size}");
    assert_eq!(tlog::prove_tree(size, old_size, &reader).unwrap(), all_theirs(&continued), "{old_size} of {size}");
}

#[test]
fn another_program_accepts_roots_proofs_and_tiles_of_every_size_up_to_600() {
    let leaves = Listed::new(600);
    let mut tree = Tree::over(&leaves);
    for size in 1..=600 {
        assert_eq!(tree.head_at(size).unwrap().root, merkle::root(&leaves.hashes[..size as usize]), "size {size}");
        for index in [0, size / 2, size.saturating_sub(2), size - 1] {
            agrees(&mut tree, leaves.hashes[index as usize], index, index + 1, size);
        }
    }
    assert_eq!(leaves.read.get(), 600, "each leaf was read once");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn another_program_accepts_what_larger_trees_prove(size in 1u64..140_000, index in any::<u64>(), old in any::<u64>(), of in any::<u64>()) {
        thread_local!(static LEAVES: Listed = Listed::new(140_000));
        LEAVES.with(|leaves| {
            let (index, old) = (index % size, 1 + old % size);
            let before = leaves.read.get();
            agrees(&mut Tree::over(leaves), leaves.hashes[index as usize], index, old, size);
            let head = Tree::over(leaves).head_at(size).unwrap();
            let read = leaves.read.get();
            prop_assert!(read - before <= 4 * TILE_WIDTH, "{} leaves", read - before);
            Tree::over(leaves).inclusion_proof(of % size, &head).unwrap();
            prop_assert!(leaves.read.get() - read <= 2 * TILE_WIDTH);
            Ok(())
        })?;
    }
}

#[test]
fn what_never_was_has_no_proof() {
    let leaves = Listed::new(300);
    let mut tree = Tree::over(&leaves);
    let head = tree.head_at(300).unwrap();
    assert_eq!(tree.head_at(0).unwrap(), Head { size: 0, root: merkle::root(&[]) });
    assert_eq!(tree.head_at(301), Err(LogError::NoSuchRecord));
    assert_eq!(tree.inclusion_proof(300, &head), Err(LogError::NoSuchRecord));
    assert_eq!(tree.inclusion_proof(7, &Head { size: 301, ..head }), Err(LogError::NoSuchRecord));
    assert_eq!(tree.consistency_proof(&head, &Head { size: 299, ..head }), Err(LogError::NoSuchRecord));
    let tile = |path: &str| path.parse::<Tile>().unwrap();
    assert_eq!(tree.tile(&tile("0/001.p/45"), 300), Ok(None));
    assert_eq!(tree.tile(&tile("0/001.p/44"), 299), Ok(None));
    assert_eq!(tree.tile(&tile("1/000"), 300), Ok(None));
    assert_eq!(tree.tile(&tile("0/001.p/44"), 300).unwrap().unwrap().len(), 44 * 32);
}

#[test]
fn a_tree_that_is_not_the_signed_one_proves_nothing() {
    let mut leaves = Listed::new(300);
    let heads = [9, 300].map(|size| Tree::over(&leaves).head_at(size).unwrap());
    leaves.hashes[7] = Digest::of(b"other");
    let damaged = |size| Err(LogError::Damaged(Damage::Tree { position: Position(0), site: SiteName::default_site(), size }));
    assert_eq!(Tree::over(&leaves).inclusion_proof(7, &heads[0]), damaged(9));
    assert_eq!(Tree::over(&leaves).inclusion_proof(8, &heads[1]), damaged(300));
    assert_eq!(Tree::over(&leaves).consistency_proof(&heads[0], &heads[1]), damaged(9));
}

#[test]
fn a_log_proves_each_of_its_durable_records_to_a_signed_checkpoint() {
    let (committer, _) = start(LogStore::in_memory(MemoryLog::new()));
    let (lane, other) = (committer.lane(&SiteName::default_site()), committer.lane(&SiteName::server()));
    for n in 0..520 {
        enqueue(&committer, &lane, vec![record(n)]);
        enqueue(&committer, &other, vec![record(n)]);
    }
    committer.shut_down().unwrap();
    let key = CheckpointKey::new("example.org/writ/default", &[1; 32]).unwrap();
    let mut tree = committer.tree(&lane);
    for size in [1, 255, 256, 257, 511, 512, 513, 520] {
        let head = tree.head_at(size).unwrap();
        let checkpoint = key.sign(head);
        for index in [0, size / 3, size - 1] {
            let leaf = committer.record(&lane, crate::terms::Seq(index)).unwrap().leaf;
            let proof = InclusionProof { index, hashes: tree.inclusion_proof(index, &head).unwrap(), checkpoint: checkpoint.clone() };
            let read: InclusionProof = proof.to_string().parse().unwrap();
            assert_eq!(read.verify(leaf_hash(&leaf), &[key.verifier()]).map(|checkpoint| checkpoint.head), Ok(head));
            agrees(&mut tree, leaf_hash(&leaf), index, index + 1, size);
        }
    }
    assert_eq!(tree.head_at(520).unwrap(), lane.edge().head());
}
